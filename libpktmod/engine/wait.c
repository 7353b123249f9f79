/* wait.c - sending without a packet; the contract is in wait.h. */
#include "engine/wait.h"

#include <string.h>

#include "base/bytes.h"
#include "edit/fixup.h"
#include "edit/sack.h"
#include "engine/external.h"
#include "engine/live.h"

static struct pm_wait *at(const struct pm_rewriter *r, uint32_t index)
{
    return pm_pool_at(&r->waits, index);
}

static void leave_list(struct pm_rewriter *r, struct pm_wait *wait)
{
    if (!wait->is_timed)
        return;
    if (wait->older != PM_NIL)
        at(r, wait->older)->newer = wait->newer;
    else
        r->oldest_wait = wait->newer;
    if (wait->newer != PM_NIL)
        at(r, wait->newer)->older = wait->older;
    else
        r->newest_wait = wait->older;
    wait->is_timed = 0;
}

/* In the order of deadlines: mostly the last. */
static void join_list(struct pm_rewriter *r, uint32_t index)
{
    struct pm_wait *wait = at(r, index);
    uint32_t older = r->newest_wait;
    while (older != PM_NIL && at(r, older)->deadline_ns > wait->deadline_ns)
        older = at(r, older)->older;
    wait->is_timed = 1;
    wait->older = older;
    wait->newer = older == PM_NIL ? r->oldest_wait : at(r, older)->newer;
    if (older == PM_NIL)
        r->oldest_wait = index;
    else
        at(r, older)->newer = index;
    if (wait->newer == PM_NIL)
        r->newest_wait = index;
    else
        at(r, wait->newer)->older = index;
}

bool pm_wait_keep(struct pm_rewriter *r, const struct pm_passage *p, struct pm_half *half)
{
    const struct pm_headers *h = &p->headers;
    if (h->payload_off > PM_WAIT_HEADERS)
        return false;
    if (!half->wait) {
        uint32_t index = pm_pool_take(&r->waits);
        if (index == PM_NIL)
            return false;
        at(r, index)->is_timed = 0;
        half->wait = index + 1;
    }
    struct pm_wait *wait = at(r, half->wait - 1);
    wait->flow = p->tracked.flow;
    wait->side = (uint8_t)p->tracked.side;
    wait->l4_off = (uint16_t)h->l4_off;
    wait->packet = *p->packet;
    wait->packet.interface = NULL;
    wait->packet.original = NULL;
    wait->packet.dir = p->tracked.dir;
    wait->packet.csum = PM_CSUM_ON_WIRE;
    memcpy(wait->headers, p->buffer, h->payload_off);
    wait->headers[h->l4_off + 13] &= (uint8_t) ~(PM_FIN | PM_SYN | PM_URG | PM_CWR);
    pm_put16(wait->headers + h->l4_off + 18, 0);
    if (pm_is_live(r))
        pm_sack_erase(wait->headers + h->l4_off);
    wait->packet.len = wait->packet.wire_len = pm_fixup_whole(h, wait->headers, 0);
    return true;
}

void pm_wait_end(struct pm_rewriter *r, struct pm_half *half)
{
    half->is_waiting = false;
    if (half->wait && r->config.mode == PM_MODE_LIVE)
        leave_list(r, at(r, half->wait - 1));
    else
        pm_wait_free(r, half);
}

void pm_wait_free(struct pm_rewriter *r, struct pm_half *half)
{
    half->is_waiting = false;
    if (!half->wait)
        return;
    leave_list(r, at(r, half->wait - 1));
    pm_pool_put(&r->waits, half->wait - 1);
    half->wait = 0;
}

/* Parts below begin_o are gone; what lies behind the last is new. */
static void time_parts(struct pm_tail *tail, uint64_t begin_o, uint64_t end_o, uint64_t now_ns)
{
    uint8_t gone = 0;
    while (gone < tail->count && tail->parts[gone].end_o <= begin_o)
        gone++;
    tail->count = (uint8_t)(tail->count - gone);
    memmove(tail->parts, tail->parts + gone, tail->count * sizeof tail->parts[0]);
    if (tail->count > 0 && tail->parts[tail->count - 1].end_o >= end_o)
        return;
    if (tail->count < PM_TAIL_PARTS)
        tail->parts[tail->count++].since_ns = now_ns;
    tail->parts[tail->count - 1].end_o = end_o;
}

void pm_wait_time(struct pm_rewriter *r, struct pm_half *half, uint64_t begin_o, uint64_t end_o)
{
    struct pm_wait *wait = at(r, half->wait - 1);
    leave_list(r, wait);
    time_parts(&half->tail, begin_o, end_o, r->now_ns);
    wait->deadline_ns = half->tail.parts[0].since_ns + pm_external_patience_ns(r, half);
    join_list(r, half->wait - 1);
}

void pm_wait_untime(struct pm_rewriter *r, struct pm_half *half)
{
    half->tail.count = 0;
    leave_list(r, at(r, half->wait - 1));
}

/* What the end acknowledged meanwhile. */
static void refresh_ack(const struct pm_rewriter *r, const struct pm_wait *wait, uint8_t *headers)
{
    const struct pm_rewriter_flow *own = pm_flow_own(wait->flow);
    const struct pm_half *peer = &pm_stream_at(r, own->stream)->half[1 - wait->side];
    if (!peer->live.has_ack)
        return;
    uint8_t *tcp = headers + wait->l4_off;
    pm_put32(tcp + 8, (uint32_t)peer->live.told_o);
    pm_put16(tcp + 14, pm_live_told_window(own, peer, wait->side));
}

void pm_wait_passage(struct pm_rewriter *r, const struct pm_half *half,
                     uint8_t headers[PM_WAIT_HEADERS], struct pm_packet *packet,
                     struct pm_passage *p)
{
    const struct pm_wait *wait = at(r, half->wait - 1);
    memcpy(headers, wait->headers, wait->packet.len);
    *packet = wait->packet;
    packet->data = headers;
    if (pm_is_live(r))
        refresh_ack(r, wait, headers);
    pm_passage_begin(r, p, packet, headers);
    p->is_late = true;
    p->selection.rules = r->late_selected;
    p->tracked = (struct pm_tracked){.flow = wait->flow,
                                     .side = wait->side,
                                     .to_server = wait->side == wait->flow->client,
                                     .dir = packet->dir};
    pm_passage_track(r, p);
    pm_select(r, p);
}

uint64_t pm_wait_next_ns(const struct pm_rewriter *r)
{
    return r->oldest_wait == PM_NIL ? UINT64_MAX : at(r, r->oldest_wait)->deadline_ns;
}

static struct pm_half *half_of(const struct pm_rewriter *r, const struct pm_wait *wait)
{
    const struct pm_rewriter_flow *own = pm_flow_own(wait->flow);
    return &pm_stream_at(r, own->stream)->half[wait->side];
}

void pm_wait_due(struct pm_rewriter *r)
{
    while (pm_wait_next_ns(r) <= r->now_ns) {
        struct pm_half *half = half_of(r, at(r, r->oldest_wait));
        if (half->external.state == PM_EXTERNAL_ON) {
            pm_external_fail(r, half);
            continue;
        }
        pm_count_why(r, PM_WHY_HOLD_TIMEOUT);
        pm_segment_release(r, half, PM_RELEASE_TAIL_AS_IS);
    }
}

void pm_wait_flush(struct pm_rewriter *r)
{
    for (unsigned q = 0; q < PM_FLOW_QUEUES; q++) {
        uint32_t index = r->flows.oldest[q];
        while (index != PM_NIL) {
            struct pm_flow *flow = pm_pool_at(&r->flows.pool, index);
            const struct pm_rewriter_flow *own = pm_flow_own(flow);
            for (unsigned side = 0; side < 2 && own->stream; side++)
                pm_segment_release(r, &pm_stream_at(r, own->stream)->half[side], PM_RELEASE_ALL);
            index = flow->newer;
        }
    }
}
