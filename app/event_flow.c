/* event_flow.c - the table of flows; the contract is in event_flow.h. */
#include "app/event_flow.h"

#include <stdlib.h>
#include <string.h>

#define NIL UINT32_MAX

enum { TCP = 6 };
enum { FIN = 0x01, SYN = 0x02, RST = 0x04, ACK = 0x10 };
enum { HALF_OPEN, SETTLED, QUEUES };
enum { FIRST_UNPRIVILEGED_PORT = 1024 };

bool pm_event_flows_init(struct pm_event_flows *flows, uint32_t cap, uint64_t idle_ns,
                         pm_event_flow_ended *ended, void *context)
{
    uint32_t buckets = 16;
    while (buckets < cap && buckets < UINT32_C(1) << 31)
        buckets *= 2;
    *flows = (struct pm_event_flows){
        .slots = calloc(cap, sizeof *flows->slots),
        .buckets = malloc(buckets * sizeof *flows->buckets),
        .cap = cap,
        .mask = buckets - 1,
        .first_free = NIL,
        .oldest = {NIL, NIL},
        .newest = {NIL, NIL},
        .idle_ns = idle_ns,
        .ended = ended,
        .context = context,
    };
    if (flows->slots == NULL || flows->buckets == NULL)
        return false;
    memset(flows->buckets, 0xff, buckets * sizeof *flows->buckets); /* NIL */
    return true;
}

void pm_event_flows_free(struct pm_event_flows *flows)
{
    free(flows->slots);
    free(flows->buckets);
    *flows = (struct pm_event_flows){0};
}

/* ------------------------------------------------------------------ ends */

static uint64_t mix(uint64_t a, uint64_t b)
{
    uint64_t x = (a ^ b) * UINT64_C(0x9e3779b97f4a7c15);
    return x ^ x >> 32;
}

static uint64_t hash_end(const struct pm_addr *addr, uint16_t port)
{
    uint64_t high, low;
    memcpy(&high, addr->bytes, 8);
    memcpy(&low, addr->bytes + 8, 8);
    return mix(mix(high, low), port);
}

/* The same for both directions. */
static uint64_t hash_of(const struct pm_endpoints *ends)
{
    return mix(hash_end(&ends->src, ends->src_port) + hash_end(&ends->dst, ends->dst_port),
               ends->ip_proto);
}

static bool is_end(const struct pm_addr *a, uint16_t a_port, const struct pm_addr *b,
                   uint16_t b_port)
{
    return a->version == b->version && a_port == b_port &&
           memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

bool pm_event_flow_from_client(const struct pm_event_flow *flow, const struct pm_endpoints *ends)
{
    const struct pm_endpoints *own = &flow->ends;
    return is_end(&own->src, own->src_port, &ends->src, ends->src_port) &&
           is_end(&own->dst, own->dst_port, &ends->dst, ends->dst_port);
}

static bool is_between(const struct pm_event_flow *flow, const struct pm_endpoints *ends)
{
    const struct pm_endpoints *own = &flow->ends;
    if (own->ip_proto != ends->ip_proto || own->has_ports != ends->has_ports)
        return false;
    return pm_event_flow_from_client(flow, ends) ||
           (is_end(&own->src, own->src_port, &ends->dst, ends->dst_port) &&
            is_end(&own->dst, own->dst_port, &ends->src, ends->src_port));
}

struct pm_event_flow *pm_event_flows_find(struct pm_event_flows *flows,
                                          const struct pm_endpoints *ends, uint64_t id)
{
    uint64_t hash = hash_of(ends);
    struct pm_event_flow *newest = NULL;
    for (uint32_t i = flows->buckets[hash & flows->mask]; i != NIL; i = flows->slots[i].next) {
        struct pm_event_flow *flow = &flows->slots[i];
        if (flow->hash != hash || (id != 0 && flow->id != id) || !is_between(flow, ends))
            continue;
        if (newest == NULL || flow->id > newest->id)
            newest = flow;
    }
    return newest;
}

/* ------------------------------------------------------------------ queues and slots */

static uint32_t index_of(const struct pm_event_flows *flows, const struct pm_event_flow *flow)
{
    return (uint32_t)(flow - flows->slots);
}

static void enqueue(struct pm_event_flows *flows, struct pm_event_flow *flow, unsigned queue)
{
    uint32_t index = index_of(flows, flow);
    flow->queue = (uint8_t)queue;
    flow->newer = NIL;
    flow->older = flows->newest[queue];
    if (flow->older != NIL)
        flows->slots[flow->older].newer = index;
    else
        flows->oldest[queue] = index;
    flows->newest[queue] = index;
}

static void dequeue(struct pm_event_flows *flows, const struct pm_event_flow *flow)
{
    if (flow->older != NIL)
        flows->slots[flow->older].newer = flow->newer;
    else
        flows->oldest[flow->queue] = flow->newer;
    if (flow->newer != NIL)
        flows->slots[flow->newer].older = flow->older;
    else
        flows->newest[flow->queue] = flow->older;
}

static void end_flow(struct pm_event_flows *flows, struct pm_event_flow *flow, const char *reason,
                     uint64_t now_ns)
{
    uint32_t index = index_of(flows, flow);
    uint32_t *link = &flows->buckets[flow->hash & flows->mask];
    flows->ended(flows->context, flow, reason, now_ns);
    while (*link != index)
        link = &flows->slots[*link].next;
    *link = flow->next;
    dequeue(flows, flow);
    flow->id = 0;
    flow->next = flows->first_free;
    flows->first_free = index;
}

static struct pm_event_flow *take_slot(struct pm_event_flows *flows, uint64_t now_ns)
{
    if (flows->first_free == NIL && flows->used == flows->cap) {
        unsigned queue = flows->oldest[HALF_OPEN] != NIL ? HALF_OPEN : SETTLED;
        end_flow(flows, &flows->slots[flows->oldest[queue]], "forced", now_ns);
    }
    if (flows->first_free == NIL)
        return &flows->slots[flows->used++];
    struct pm_event_flow *flow = &flows->slots[flows->first_free];
    flows->first_free = flow->next;
    return flow;
}

/* ------------------------------------------------------------------ packets */

/* As the library finds the initiator (flow/track.h). */
static bool sender_began(const struct pm_endpoints *ends)
{
    if (ends->ip_proto == TCP && (ends->tcp_flags & SYN))
        return !(ends->tcp_flags & ACK);
    if (!ends->has_ports)
        return true;
    return !(ends->src_port < FIRST_UNPRIVILEGED_PORT && ends->dst_port >= FIRST_UNPRIVILEGED_PORT);
}

static struct pm_endpoints from_client(const struct pm_endpoints *ends)
{
    struct pm_endpoints turned = *ends;
    if (sender_began(ends))
        return turned;
    turned.src = ends->dst;
    turned.dst = ends->src;
    turned.src_port = ends->dst_port;
    turned.dst_port = ends->src_port;
    return turned;
}

static bool is_closed(const struct pm_event_flow *flow)
{
    const uint8_t *seen = flow->tcp_flags;
    return ((seen[0] | seen[1]) & RST) || (seen[0] & seen[1] & FIN);
}

static struct pm_event_flow *begin_flow(struct pm_event_flows *flows,
                                        const struct pm_endpoints *ends, uint64_t id,
                                        uint64_t now_ns)
{
    struct pm_event_flow *before = pm_event_flows_find(flows, ends, 0);
    if (before != NULL && is_closed(before) && (ends->tcp_flags & (SYN | ACK)) == SYN)
        end_flow(flows, before, "tcp_reuse", now_ns);
    struct pm_event_flow *flow = take_slot(flows, now_ns);
    bool is_tcp = ends->ip_proto == TCP && ends->has_ports;
    *flow = (struct pm_event_flow){
        .id = id,
        .ends = from_client(ends),
        .icmp_type = -1,
        .icmp_code = -1,
        .start_ns = now_ns,
        .is_midstream = is_tcp && !(ends->tcp_flags & SYN),
        .hash = hash_of(ends),
    };
    flow->next = flows->buckets[flow->hash & flows->mask];
    flows->buckets[flow->hash & flows->mask] = index_of(flows, flow);
    enqueue(flows, flow, HALF_OPEN);
    return flow;
}

static unsigned queue_for(const struct pm_event_flow *flow)
{
    bool is_half_open = flow->ends.ip_proto == TCP && flow->ends.has_ports && !flow->is_midstream &&
                        !(flow->tcp_flags[0] & flow->tcp_flags[1] & SYN);
    return is_half_open ? HALF_OPEN : SETTLED;
}

struct pm_event_flow *pm_event_flows_see(struct pm_event_flows *flows,
                                         const struct pm_endpoints *ends, uint32_t wire_len,
                                         const struct pm_decision *decision, uint64_t now_ns,
                                         bool *is_new)
{
    *is_new = false;
    if (decision->flow_id == 0)
        return NULL;
    struct pm_event_flow *flow = pm_event_flows_find(flows, ends, decision->flow_id);
    if (flow == NULL) {
        flow = begin_flow(flows, ends, decision->flow_id, now_ns);
        *is_new = true;
    }
    unsigned way = pm_event_flow_from_client(flow, ends) ? PM_TO_SERVER : PM_TO_CLIENT;
    flow->packets[way]++;
    flow->bytes[way] += wire_len;
    flow->tcp_flags[way] |= ends->tcp_flags;
    flow->last_ns = now_ns;
    dequeue(flows, flow);
    enqueue(flows, flow, queue_for(flow));
    return flow;
}

void pm_event_flows_pass(struct pm_event_flows *flows, uint64_t now_ns)
{
    for (;;) {
        struct pm_event_flow *first = NULL;
        for (unsigned queue = 0; queue < QUEUES; queue++) {
            uint32_t index = flows->oldest[queue];
            if (index != NIL && (first == NULL || flows->slots[index].last_ns < first->last_ns))
                first = &flows->slots[index];
        }
        if (first == NULL || now_ns - first->last_ns <= flows->idle_ns)
            return;
        end_flow(flows, first, "timeout", first->last_ns + flows->idle_ns);
    }
}

static int by_id(const void *a, const void *b)
{
    uint64_t left = (*(struct pm_event_flow *const *)a)->id;
    uint64_t right = (*(struct pm_event_flow *const *)b)->id;
    return left < right ? -1 : left > right ? 1 : 0;
}

void pm_event_flows_end(struct pm_event_flows *flows, uint64_t now_ns)
{
    struct pm_event_flow **left =
        malloc(((size_t)flows->used + 1) * sizeof(struct pm_event_flow *));
    uint32_t count = 0;
    for (uint32_t i = 0; left != NULL && i < flows->used; i++)
        if (flows->slots[i].id != 0)
            left[count++] = &flows->slots[i];
    if (left != NULL)
        qsort(left, count, sizeof left[0], by_id);
    for (uint32_t i = 0; i < count; i++)
        end_flow(flows, left[i], "shutdown", now_ns);
    free(left);
    for (unsigned queue = 0; queue < QUEUES; queue++) /* without memory for an order */
        while (flows->oldest[queue] != NIL)
            end_flow(flows, &flows->slots[flows->oldest[queue]], "shutdown", now_ns);
}
