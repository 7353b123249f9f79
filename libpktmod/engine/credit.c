/* credit.c - how many bytes clients may have, and who gets the next ones; the contract is in
 * external.h.
 *
 * When the credit of all is used up, directions wait for it in line:
 *
 *     oldest_starved -> direction -> direction -> 0     newest_starved is the last
 *
 * What comes back goes to the first in line, whichever packet or answer brought it back. */
#include "engine/external.h"

#define SERVED_AT_ONCE 16u /* directions; what they get brings the next answers */

/* A direction is named by its place among the streams, plus 1. */
static struct pm_half *at(const struct pm_rewriter *r, uint32_t name)
{
    return &pm_stream_at(r, (name - 1) / 2 + 1)->half[(name - 1) % 2];
}

static uint32_t name_of(const struct pm_half *half)
{
    return (uint32_t)(half->external.handle >> 32) + 1;
}

size_t pm_credit_of(const struct pm_rewriter *r, const struct pm_half *half)
{
    bool is_turn = !r->oldest_starved || r->oldest_starved == name_of(half);
    uint32_t all = is_turn ? r->config.external_bytes - r->external_waiting : 0;
    uint32_t own = r->config.external_dir_bytes - half->external.waiting;
    return all < own ? all : own;
}

void pm_credit_take(struct pm_rewriter *r, struct pm_half *half, uint32_t len)
{
    half->external.waiting += len;
    r->external_waiting += len;
}

void pm_credit_give_back(struct pm_rewriter *r, struct pm_half *half, uint32_t len)
{
    half->external.waiting -= len;
    r->external_waiting -= len;
}

static void join_line(struct pm_rewriter *r, struct pm_half *half)
{
    struct pm_external_half *own = &half->external;
    own->is_starved = true;
    own->newer = 0;
    own->older = r->newest_starved;
    *(own->older ? &at(r, own->older)->external.newer : &r->oldest_starved) = name_of(half);
    r->newest_starved = name_of(half);
}

void pm_credit_leave(struct pm_rewriter *r, struct pm_half *half)
{
    struct pm_external_half *own = &half->external;
    if (!own->is_starved)
        return;
    own->is_starved = false;
    *(own->older ? &at(r, own->older)->external.newer : &r->oldest_starved) = own->newer;
    *(own->newer ? &at(r, own->newer)->external.older : &r->newest_starved) = own->older;
}

void pm_credit_want(struct pm_rewriter *r, struct pm_half *half, bool wants_more)
{
    bool is_starved = wants_more && half->external.waiting < r->config.external_dir_bytes;
    if (!is_starved)
        pm_credit_leave(r, half);
    else if (!half->external.is_starved)
        join_line(r, half);
}

static void serve(struct pm_rewriter *r, struct pm_half *half)
{
    struct pm_late late;
    if (!half->is_waiting) {
        pm_credit_leave(r, half);
        return;
    }
    pm_late_begin(r, half, &late);
    struct pm_front front = pm_front_of(r, half, true);
    if (!pm_external_offer(r, &late.passage, half, &front))
        pm_external_fail(r, half);
}

void pm_credit_serve(struct pm_rewriter *r)
{
    uint32_t served = 0;
    while (r->oldest_starved && served < SERVED_AT_ONCE &&
           r->external_waiting < r->config.external_bytes) {
        uint32_t before = r->external_waiting;
        serve(r, at(r, r->oldest_starved));
        served += r->external_waiting > before;
    }
}
