/* verify_flow.c - finds the flow of a packet, sees new connections between old ends, bounds memory.
 */
#include "app/verify_flow.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CAP ((size_t)256)
/* More in all windows together, and those not used lately are forgotten. */
#define WINDOWS_MAX ((uint64_t)512 << 20)

static bool is_ordered(const struct pm_verify_ends *ends)
{
    int order = memcmp(ends->addr[0], ends->addr[1], sizeof ends->addr[0]);
    return order < 0 || (order == 0 && ends->port[0] <= ends->port[1]);
}

static struct pm_verify_ends turned(const struct pm_verify_ends *ends)
{
    struct pm_verify_ends other = *ends;
    memcpy(other.addr[0], ends->addr[1], sizeof other.addr[0]);
    memcpy(other.addr[1], ends->addr[0], sizeof other.addr[1]);
    other.port[0] = ends->port[1];
    other.port[1] = ends->port[0];
    return other;
}

static bool are_same(const struct pm_verify_ends *a, const struct pm_verify_ends *b)
{
    return a->vlan == b->vlan && a->version == b->version && a->proto == b->proto &&
           memcmp(a->addr, b->addr, sizeof a->addr) == 0 &&
           memcmp(a->port, b->port, sizeof a->port) == 0;
}

static uint64_t id_of(const struct pm_verify_ends *ends, enum pm_verify_kind kind, uint32_t number)
{
    uint64_t id = pm_verify_hash(ends->vlan, ends->addr, sizeof ends->addr);
    id = pm_verify_hash(id, ends->port, sizeof ends->port);
    uint64_t rest = (uint64_t)ends->version << 8 | ends->proto | (uint64_t)kind << 16;
    return pm_verify_mix(pm_verify_mix(id, rest), number);
}

static struct pm_verify_flow **slot_of(const struct pm_verify_flows *flows, uint64_t id,
                                       const struct pm_verify_ends *ends, enum pm_verify_kind kind,
                                       uint32_t number)
{
    size_t at = (size_t)id & (flows->cap - 1);
    for (;; at = (at + 1) & (flows->cap - 1)) {
        const struct pm_verify_flow *flow = flows->slots[at];
        if (flow == NULL || (flow->id == id && flow->kind == kind && flow->number == number &&
                             are_same(&flow->ends, ends)))
            return &flows->slots[at];
    }
}

static bool grow(struct pm_verify_flows *flows)
{
    struct pm_verify_flows wider = *flows;
    wider.cap = flows->cap == 0 ? FIRST_CAP : flows->cap * 2;
    wider.slots = calloc(wider.cap, sizeof(struct pm_verify_flow *));
    if (wider.slots == NULL)
        return false;
    for (struct pm_verify_flow *flow = flows->newest; flow != NULL; flow = flow->older)
        *slot_of(&wider, flow->id, &flow->ends, flow->kind, flow->number) = flow;
    free(flows->slots);
    *flows = wider;
    return true;
}

/* Finds or makes it. NULL: no memory. */
static struct pm_verify_flow *flow_of(struct pm_verify_flows *flows,
                                      const struct pm_verify_ends *ends, enum pm_verify_kind kind,
                                      uint32_t number)
{
    if (flows->count >= flows->cap / 4 * 3 && !grow(flows))
        return NULL;
    uint64_t id = id_of(ends, kind, number);
    struct pm_verify_flow **slot = slot_of(flows, id, ends, kind, number);
    if (*slot != NULL)
        return *slot;
    struct pm_verify_flow *flow = calloc(1, sizeof *flow);
    if (flow == NULL)
        return NULL;
    flow->ends = *ends;
    flow->kind = kind;
    flow->number = number;
    flow->id = id;
    flow->older = flows->newest;
    flows->newest = *slot = flow;
    flows->count++;
    return flow;
}

static bool is_closed(const struct pm_verify_take *take)
{
    const struct pm_verify_half *a = &take->halves[0], *b = &take->halves[1];
    return a->has_rst || b->has_rst || (a->has_fin && b->has_fin);
}

/* Whether nothing but this sender's SYN was seen: then another SYN replaces it. */
static bool is_unanswered(const struct pm_verify_take *take, unsigned dir)
{
    return take->halves[dir].end == PM_VERIFY_BASE && !take->halves[dir ^ 1].has_base;
}

/* Whether a TCP packet opens another connection between the same ends. A SYN into a living one
 * may be forged: it does so only once it is answered. */
static bool opens_next(struct pm_verify_take *take, const struct pm_verify_packet *packet,
                       unsigned dir)
{
    const struct pm_verify_half *half = &take->halves[dir];
    bool is_syn = (packet->flags & (PM_VERIFY_SYN | PM_VERIFY_RST)) == PM_VERIFY_SYN;
    if (!is_syn || !half->has_base)
        return false;
    bool is_repeat = half->has_syn ? packet->seq == half->isn : packet->seq + 1 == half->base;
    bool is_answer = (packet->flags & PM_VERIFY_ACK) != 0;
    if (is_answer && take->has_pending[dir ^ 1] && packet->ack == take->pending_isn[dir ^ 1] + 1)
        return true;
    if (is_repeat)
        return false;
    if (is_closed(take) || is_unanswered(take, dir))
        return true;
    take->has_pending[dir] = !is_answer;
    take->pending_isn[dir] = packet->seq;
    return false;
}

static void forget_old_windows(struct pm_verify_flows *flows, uint64_t step)
{
    for (uint64_t age = 1 << 16; flows->bytes > WINDOWS_MAX / 2 && age > 0; age /= 4) {
        flows->bytes = 0;
        for (struct pm_verify_flow *flow = flows->newest; flow != NULL; flow = flow->older)
            for (unsigned i = 0; i < 4; i++) {
                struct pm_verify_stream *stream = &flow->takes[i / 2].halves[i % 2].stream;
                if (step - flow->step > age)
                    pm_verify_stream_forget(stream);
                flows->bytes += pm_verify_stream_size(stream);
            }
    }
}

static bool is_sum_doubtful(enum pm_checksums checksums, const struct pm_verify_packet *packet)
{
    for (unsigned i = 0; i < packet->fault_count; i++) {
        enum pm_verify_finding finding = packet->faults[i].finding;
        if (finding == PM_VERIFY_BAD_CHECKSUM && checksums != PM_CHECKSUMS_IGNORE)
            return true;
        if (finding == PM_VERIFY_OFFLOADED_CHECKSUM && checksums == PM_CHECKSUMS_VERIFY)
            return true;
    }
    return false;
}

/* A packet that the rewriter, as a receiver, may not have taken. */
static bool is_doubtful(enum pm_checksums checksums, const struct pm_verify_packet *packet)
{
    enum { SYN = PM_VERIFY_SYN, ACK = PM_VERIFY_ACK, FIN = PM_VERIFY_FIN, RST = PM_VERIFY_RST };
    unsigned flags = packet->flags;
    bool is_strange =
        ((flags & SYN) != 0 && (flags & (FIN | RST)) != 0) || (flags & (SYN | ACK | RST)) == 0;
    bool is_part = packet->payload_there < packet->payload_len;
    return is_strange || is_part || is_sum_doubtful(checksums, packet);
}

/* A SYN into a living connection is not of its stream. */
static bool is_of_stream(const struct pm_verify_take *take, const struct pm_verify_packet *packet,
                         unsigned dir)
{
    bool is_syn = (packet->flags & PM_VERIFY_SYN) != 0;
    return !is_syn || !take->has_pending[dir] || packet->seq != take->pending_isn[dir];
}

static bool take_tcp(struct pm_verify_flows *flows, struct pm_verify_take *take,
                     const struct pm_verify_packet *packet, uint64_t step,
                     struct pm_verify_event *event)
{
    struct pm_verify_half *half = &take->halves[event->dir], *other = &take->halves[event->dir ^ 1];
    half->is_doubtful = half->is_doubtful || is_doubtful(flows->checksums, packet);
    if (!is_of_stream(take, packet, event->dir))
        return true;
    size_t before = pm_verify_stream_size(&half->stream);
    bool good = pm_verify_half_send(half, packet, step, &event->sent);
    flows->bytes += pm_verify_stream_size(&half->stream) - before;
    half->has_far = half->has_far || event->sent.is_far;
    event->has_ack = (packet->flags & PM_VERIFY_ACK) != 0 && !event->sent.is_far;
    if (event->has_ack)
        pm_verify_half_acknowledge(other, packet, step, &event->acknowledged);
    other->has_far = other->has_far || event->acknowledged.is_far;
    if (flows->bytes > WINDOWS_MAX)
        forget_old_windows(flows, step);
    return good;
}

static bool find_flow(struct pm_verify_flows *flows, enum pm_verify_capture capture,
                      const struct pm_verify_packet *packet, struct pm_verify_event *event)
{
    bool is_turned = !is_ordered(&packet->ends);
    struct pm_verify_ends ends = is_turned ? turned(&packet->ends) : packet->ends;
    event->dir = is_turned ? 1 : 0;
    struct pm_verify_flow *first = flow_of(flows, &ends, packet->kind, 0), *flow = first;
    if (first != NULL && first->takes[capture].latest > 0)
        flow = flow_of(flows, &ends, packet->kind, first->takes[capture].latest);
    if (flow != NULL && packet->kind == PM_VERIFY_TCP &&
        opens_next(&flow->takes[capture], packet, event->dir))
        flow = flow_of(flows, &ends, packet->kind, ++first->takes[capture].latest);
    event->flow = flow;
    return flow != NULL;
}

bool pm_verify_flows_take(struct pm_verify_flows *flows, enum pm_verify_capture capture,
                          const struct pm_verify_packet *packet, uint64_t step,
                          struct pm_verify_event *event)
{
    *event = (struct pm_verify_event){.acknowledged = {.outside = -1, .empty = -1}};
    if (!find_flow(flows, capture, packet, event))
        return false;
    struct pm_verify_take *take = &event->flow->takes[capture];
    struct pm_verify_half *half = &take->halves[event->dir];
    event->flow->step = step;
    take->packets++;
    take->chain = pm_verify_mix(take->chain, packet->whole);
    half->packets++;
    half->seen_step = step;
    if (packet->ip_len > half->largest && !packet->is_whole)
        half->largest = packet->ip_len;
    return packet->kind != PM_VERIFY_TCP || take_tcp(flows, take, packet, step, event);
}

void pm_verify_flows_free(struct pm_verify_flows *flows)
{
    for (struct pm_verify_flow *flow = flows->newest, *older; flow != NULL; flow = older) {
        older = flow->older;
        for (unsigned i = 0; i < 4; i++)
            pm_verify_half_free(&flow->takes[i / 2].halves[i % 2]);
        pm_verify_anchors_free(&flow->anchors[0]);
        pm_verify_anchors_free(&flow->anchors[1]);
        free(flow);
    }
    free(flows->slots);
    *flows = (struct pm_verify_flows){0};
}
