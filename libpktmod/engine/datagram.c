/* datagram.c - packets that are no TCP segments: payload edits for UDP, header edits for all. */
#include <string.h>

#include "base/bytes.h"
#include "engine/rewriter.h"

#define IP4_FLAGS 6
#define IP4_DF    0x4000u

static bool is_udp(const struct pm_headers *h)
{
    return h->parse == PM_PARSE_L4 && h->ip_proto == PM_PROTO_UDP;
}

/* Why the payload cannot be edited; NONE: it can. */
static enum pm_why obstacle(struct pm_rewriter *r, struct pm_passage *p)
{
    const struct pm_headers *h = &p->headers;
    if (h->is_fragment)
        return PM_WHY_FRAGMENT;
    if (h->is_truncated)
        return PM_WHY_TRUNCATED;
    if (!is_udp(h) || h->is_unmodifiable || h->payload_off > PM_LINK_ROOM)
        return PM_WHY_UNSUPPORTED;
    if (pm_packet_sum(r, p) == PM_SUM_WRONG)
        return PM_WHY_BAD_CHECKSUM;
    return PM_WHY_NONE;
}

static uint64_t edited_len(const struct pm_rewriter *r, const struct pm_passage *p)
{
    int64_t len = p->headers.payload_len;
    for (uint32_t i = 0; i < p->plan_count; i++)
        len += (int64_t)r->plan[i].new_len - (int64_t)r->plan[i].old_len;
    return (uint64_t)len;
}

/* Where the packet outgrows the MTU, its sender may have allowed that it is cut on the way. */
static bool has_room(const struct pm_rewriter *r, struct pm_passage *p, uint64_t len)
{
    const struct pm_headers *h = &p->headers;
    if (len <= pm_payload_room(r, p))
        return true;
    bool may_cut = !p->assembly && h->ip_version == 4 &&
                   !(pm_get16(p->buffer + h->l3_off + IP4_FLAGS) & IP4_DF);
    if (!may_cut || len > PM_IP_MAX - (h->payload_off - h->l3_off))
        return false;
    p->cut_size = r->config.mtu;
    return true;
}

static void build(struct pm_rewriter *r, const struct pm_passage *p)
{
    const uint8_t *from = p->buffer + p->headers.payload_off;
    uint8_t *to = r->frame + p->headers.payload_off;
    uint32_t done = 0;
    memcpy(r->frame, p->buffer, p->headers.payload_off);
    for (uint32_t i = 0; i < p->plan_count; i++) {
        const struct pm_plan_edit *edit = &r->plan[i];
        uint32_t plain = edit->position - done;
        memcpy(to, from + done, plain);
        to += plain;
        if (edit->new_len > 0)
            memcpy(to, edit->with, edit->new_len);
        to += edit->new_len;
        done = edit->position + edit->old_len;
    }
    memcpy(to, from + done, p->headers.payload_len - done);
}

/* The edit is not made: the packet passes as it is, or not at all, as the policy says. */
static enum pm_why refuse(struct pm_rewriter *r, struct pm_passage *p, enum pm_why why)
{
    p->plan_count = 0;
    if (!r->policy->settings.rewrite_refused_drop)
        return pm_emit_buffer(r, p, why);
    pm_count_why(r, why);
    return PM_WHY_REFUSED;
}

enum pm_why pm_rewrite_datagram(struct pm_rewriter *r, struct pm_passage *p)
{
    const struct pm_headers *h = &p->headers;
    if (!p->selection.has_datagram || h->payload_len == 0)
        return pm_emit_buffer(r, p, PM_WHY_NONE);
    enum pm_why why = obstacle(r, p);
    if (why == PM_WHY_BAD_CHECKSUM || (why != PM_WHY_NONE && !is_udp(h)))
        return pm_emit_buffer(r, p, why);
    if (why != PM_WHY_NONE)
        return refuse(r, p, why);

    struct pm_search search = {
        .bytes = p->buffer + h->payload_off, .len = h->payload_len, .payload_end = h->payload_len};
    p->plan_bytes = search.bytes;
    p->plan_count = pm_search_run(r, p, &search);
    if (p->plan_count == 0)
        return pm_emit_buffer(r, p, PM_WHY_NONE);
    uint64_t len = edited_len(r, p);
    if (!has_room(r, p, len))
        return refuse(r, p, PM_WHY_TOO_BIG);
    pm_count_edits(r, p, 0);
    if (!p->is_shown_rewritten)
        return pm_emit_buffer(r, p, PM_WHY_NONE);
    build(r, p);
    pm_emit_frame(r, p, (uint32_t)len, 0);
    return PM_WHY_EDITED;
}
