/* notlive.c - follows connections whose SYN was dropped, in bounded memory. */
#include "app/notlive.h"

enum { TCP = 6, SYN = 0x02, ACK = 0x10 };

static bool opens_connection(const struct pm_packet *packet)
{
    struct pm_endpoints ends;
    return pm_packet_endpoints(packet, &ends) && ends.ip_proto == TCP &&
           (ends.tcp_flags & (SYN | ACK)) == SYN;
}

/* Live, nothing more would come: its SYN is refused, or both ends are told of a reset. */
static bool ends_connection(const struct pm_decision *decision, bool opens)
{
    if (decision->verdict == PM_REJECT)
        return opens || decision->reply_count == 2;
    return decision->verdict == PM_DROP && opens;
}

/* The slot of the flow, or the free one where it would be. Half the slots are always free. */
static uint32_t slot_of(const struct pm_notlive *notlive, uint64_t flow_id)
{
    uint32_t slot = (uint32_t)(flow_id * UINT64_C(0x9e3779b97f4a7c15) >> 32) % PM_NOTLIVE_SLOTS;
    while (notlive->flows[slot].flow_id != 0 && notlive->flows[slot].flow_id != flow_id)
        slot = (slot + 1) % PM_NOTLIVE_SLOTS;
    return slot;
}

static void add_frame(struct pm_notlive *notlive, uint64_t frame, uint32_t rule)
{
    notlive->frames++;
    for (uint32_t i = notlive->range_count; i-- > 0;) {
        struct pm_frame_range *range = &notlive->ranges[i];
        if (range->rule == rule && range->last + 1 == frame) {
            range->last = frame;
            return;
        }
    }
    if (notlive->range_count == PM_NOTLIVE_RANGES) {
        notlive->frames_untold++;
        return;
    }
    notlive->ranges[notlive->range_count++] = (struct pm_frame_range){frame, frame, rule};
}

static void begin_flow(struct pm_notlive *notlive, uint32_t slot, uint64_t flow_id, uint32_t rule)
{
    if (notlive->flows[slot].flow_id == 0) {
        if (notlive->flow_count == PM_NOTLIVE_FLOWS) {
            notlive->flows_untracked++;
            return;
        }
        notlive->flow_count++;
    }
    notlive->flows[slot].flow_id = flow_id;
    notlive->flows[slot].rule = rule;
    notlive->flows[slot].is_dropped = true;
}

void pm_notlive_see(struct pm_notlive *notlive, const struct pm_packet *packet,
                    const struct pm_decision *decision, uint64_t frame)
{
    uint32_t slot = slot_of(notlive, decision->flow_id);
    bool is_known = notlive->flows[slot].flow_id != 0;
    bool opens = opens_connection(packet);
    if (!opens && is_known && notlive->flows[slot].is_dropped)
        add_frame(notlive, frame, notlive->flows[slot].rule);
    else if (ends_connection(decision, opens))
        begin_flow(notlive, slot, decision->flow_id, decision->rule);
    else if (opens && is_known)
        notlive->flows[slot].is_dropped = false;
}
