/* flows.c - connections by their ends and by their port; the contract is in flows.h. */
#include "tunnel-ext/flows.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_PORT 1024u
#define PORTS      (65536u - FIRST_PORT)
#define BUCKETS    16384u

struct pm_flows {
    uint64_t hash_key[2];
    uint32_t most, count, dialling;
    uint16_t first_alive;
    uint16_t queue[PORTS]; /* a ring: the ports that are free or closed */
    uint32_t head, queued;
    uint16_t buckets[BUCKETS]; /* first port of each */
    struct pm_tunnel_flow list[PORTS];
};

/* ------------------------------------------------------------------ by ends */

static uint64_t mix(uint64_t h, uint64_t value)
{
    h = (h ^ value) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ h >> 29;
}

static uint64_t mix_end(uint64_t h, const struct pm_end *end)
{
    uint64_t halves[2] = {0, 0};
    memcpy(halves, end->addr.bytes, pm_addr_len(&end->addr));
    return mix(mix(mix(h, halves[0]), halves[1]), end->port);
}

static uint16_t *bucket_of(struct pm_flows *flows, const struct pm_end *app,
                           const struct pm_end *dst)
{
    uint64_t h = mix(mix_end(mix_end(flows->hash_key[0], app), dst), flows->hash_key[1]);
    return &flows->buckets[h >> 32 & (BUCKETS - 1)];
}

static struct pm_tunnel_flow *at(struct pm_flows *flows, uint16_t n)
{
    return &flows->list[n - FIRST_PORT];
}

static void hash_in(struct pm_flows *flows, uint16_t n)
{
    struct pm_tunnel_flow *flow = at(flows, n);
    uint16_t *bucket = bucket_of(flows, &flow->app, &flow->dst);
    flow->next_in_bucket = *bucket;
    flow->is_hashed = true;
    *bucket = n;
}

static void hash_out(struct pm_flows *flows, uint16_t n)
{
    struct pm_tunnel_flow *flow = at(flows, n);
    uint16_t *link = bucket_of(flows, &flow->app, &flow->dst);
    if (!flow->is_hashed)
        return;
    while (*link != n)
        link = &at(flows, *link)->next_in_bucket;
    *link = flow->next_in_bucket;
    flow->is_hashed = false;
}

uint16_t pm_flows_find(struct pm_flows *flows, const struct pm_end *app, const struct pm_end *dst)
{
    uint16_t n = *bucket_of(flows, app, dst);
    for (; n != PM_FLOW_NONE; n = at(flows, n)->next_in_bucket)
        if (pm_end_is_same(&at(flows, n)->app, app) && pm_end_is_same(&at(flows, n)->dst, dst))
            return n;
    return PM_FLOW_NONE;
}

/* ------------------------------------------------------------------ life */

struct pm_flows *pm_flows_new(uint32_t most, const uint64_t hash_key[2])
{
    struct pm_flows *flows = calloc(1, sizeof *flows);
    if (flows == NULL)
        return NULL;
    flows->most = most;
    memcpy(flows->hash_key, hash_key, sizeof flows->hash_key);
    for (uint32_t i = 0; i < PORTS; i++)
        flows->queue[i] = (uint16_t)(FIRST_PORT + i);
    flows->queued = PORTS;
    return flows;
}

void pm_flows_free(struct pm_flows *flows)
{
    free(flows);
}

static bool is_in_quarantine(const struct pm_tunnel_flow *flow, uint64_t now_ns)
{
    return flow->state == PM_FLOW_CLOSED &&
           (now_ns < flow->since_ns || now_ns - flow->since_ns < PM_FLOW_QUARANTINE_NS);
}

static void link_alive(struct pm_flows *flows, uint16_t n)
{
    struct pm_tunnel_flow *flow = at(flows, n);
    flow->prev_alive = PM_FLOW_NONE;
    flow->next_alive = flows->first_alive;
    if (flow->next_alive != PM_FLOW_NONE)
        at(flows, flow->next_alive)->prev_alive = n;
    flows->first_alive = n;
}

/* Its own next_alive stays, for a walk that stands on it. */
static void unlink_alive(struct pm_flows *flows, uint16_t n)
{
    const struct pm_tunnel_flow *flow = at(flows, n);
    if (flow->next_alive != PM_FLOW_NONE)
        at(flows, flow->next_alive)->prev_alive = flow->prev_alive;
    if (flow->prev_alive != PM_FLOW_NONE)
        at(flows, flow->prev_alive)->next_alive = flow->next_alive;
    else
        flows->first_alive = flow->next_alive;
}

uint16_t pm_flows_open(struct pm_flows *flows, const struct pm_end *app, const struct pm_end *dst,
                       uint64_t now_ns)
{
    if (flows->count == flows->most || flows->queued == 0)
        return PM_FLOW_NONE;
    uint16_t n = flows->queue[flows->head];
    if (is_in_quarantine(at(flows, n), now_ns))
        return PM_FLOW_NONE;
    uint16_t same = pm_flows_find(flows, app, dst);
    assert(same == PM_FLOW_NONE || at(flows, same)->state == PM_FLOW_CLOSED);
    if (same != PM_FLOW_NONE)
        hash_out(flows, same);
    flows->head = (flows->head + 1) % PORTS;
    flows->queued--;
    hash_out(flows, n);
    *at(flows, n) = (struct pm_tunnel_flow){
        .app = *app, .dst = *dst, .state = PM_FLOW_DIALLING, .since_ns = now_ns};
    hash_in(flows, n);
    link_alive(flows, n);
    flows->count++;
    flows->dialling++;
    return n;
}

void pm_flows_set(struct pm_flows *flows, uint16_t n, enum pm_flow_state state, uint64_t now_ns)
{
    struct pm_tunnel_flow *flow = at(flows, n);
    flows->dialling -= flow->state == PM_FLOW_DIALLING;
    flows->dialling += state == PM_FLOW_DIALLING;
    flow->state = state;
    flow->since_ns = now_ns;
}

void pm_flows_close(struct pm_flows *flows, uint16_t n, uint64_t now_ns)
{
    assert(at(flows, n)->state != PM_FLOW_FREE && at(flows, n)->state != PM_FLOW_CLOSED);
    pm_flows_set(flows, n, PM_FLOW_CLOSED, now_ns);
    at(flows, n)->talk = NULL;
    unlink_alive(flows, n);
    flows->queue[(flows->head + flows->queued) % PORTS] = n;
    flows->queued++;
    flows->count--;
}

/* ------------------------------------------------------------------ readers */

struct pm_tunnel_flow *pm_flows_at(struct pm_flows *flows, uint16_t n)
{
    if (n < FIRST_PORT || at(flows, n)->state == PM_FLOW_FREE)
        return NULL;
    return at(flows, n);
}

uint16_t pm_flows_first(const struct pm_flows *flows)
{
    return flows->first_alive;
}

uint16_t pm_flows_next(const struct pm_flows *flows, uint16_t n)
{
    return flows->list[n - FIRST_PORT].next_alive;
}

uint32_t pm_flows_count(const struct pm_flows *flows)
{
    return flows->count;
}

uint32_t pm_flows_dialling(const struct pm_flows *flows)
{
    return flows->dialling;
}
