/* external.c - streams that a client decides about; the contract is in external.h. */
#include "engine/external.h"

#include <string.h>

#define MOST_ADDED (64u << 10) /* bytes that an answer may put in beyond those it takes */

static const struct pm_external *op_of(const struct pm_rewriter *r, const struct pm_half *half)
{
    return &r->policy->ops[half->external.op].external;
}

/* ------------------------------------------------------------------ handing out */

static void begin(const struct pm_passage *p, struct pm_half *half)
{
    const struct pm_rewriter_flow *flow = pm_rewriter_own(p);
    uint64_t place = (uint64_t)(flow->stream - 1) * 2 + p->tracked.side;
    half->external = (struct pm_external_half){
        .state = PM_EXTERNAL_ON,
        .op = p->selection.external - 1,
        .handle = place << 32 | (uint32_t)p->tracked.flow->id,
        .flow_id = p->tracked.flow->id,
        .offered_o = half->log.o_end,
    };
}

bool pm_external_is_on(const struct pm_passage *p, struct pm_half *half)
{
    if (half->external.state == PM_EXTERNAL_OFF && p->selection.external)
        begin(p, half);
    return half->external.state == PM_EXTERNAL_ON;
}

static bool hand_out(struct pm_rewriter *r, const struct pm_passage *p, struct pm_half *half,
                     const uint8_t *bytes, size_t len, bool is_end)
{
    struct pm_external_data data = {
        .stream = half->external.handle,
        .rule = r->policy->ops[half->external.op].rule,
        .socket = op_of(r, half)->socket,
        .flow_id = half->external.flow_id,
        .dir = p->tracked.dir,
        .to_server = p->tracked.to_server,
        .offset = half->external.offered_o - half->begin_o,
        .bytes = bytes,
        .len = len,
        .is_end = is_end,
    };
    pm_packet_endpoints(p->packet, &data.ends);
    half->external.is_end_told |= is_end;
    return r->config.external && r->config.external(r->config.context, &data);
}

bool pm_external_offer(struct pm_rewriter *r, const struct pm_passage *p, struct pm_half *half,
                       const struct pm_front *front)
{
    struct pm_external_half *own = &half->external;
    size_t known = (size_t)(own->offered_o - half->log.o_end);
    size_t rest = front->len > known ? front->len - known : 0, most = pm_credit_of(r, half);
    size_t len = rest < most ? rest : most;
    bool is_all = len == rest;
    bool is_end = is_all && pm_ends_with_fin(half, half->log.o_end + front->len);
    if (!is_all && !own->is_full)
        pm_count_why(r, PM_WHY_EXTERNAL_FULL);
    own->is_full = !is_all;
    pm_credit_take(r, half, (uint32_t)len);
    pm_credit_want(r, half, !is_all);
    if (len == 0 && (!is_end || own->is_end_told))
        return true;
    if (!hand_out(r, p, half, front->bytes + known, len, is_end)) {
        pm_credit_give_back(r, half, (uint32_t)len);
        return false;
    }
    own->offered_o += len;
    return true;
}

/* ------------------------------------------------------------------ the end */

static void tell_gone(const struct pm_rewriter *r, const struct pm_half *half)
{
    struct pm_external_data data = {.stream = half->external.handle,
                                    .rule = r->policy->ops[half->external.op].rule,
                                    .socket = op_of(r, half)->socket,
                                    .flow_id = half->external.flow_id,
                                    .is_gone = true};
    if (r->config.external)
        r->config.external(r->config.context, &data);
}

void pm_external_give_up(struct pm_rewriter *r, struct pm_half *half)
{
    bool drop = op_of(r, half)->on_timeout == PM_TIMEOUT_DROP;
    pm_credit_give_back(r, half, half->external.waiting);
    pm_credit_leave(r, half);
    half->external.state = drop ? PM_EXTERNAL_ENDED : PM_EXTERNAL_PASSED;
    pm_count_why(r, PM_WHY_EXTERNAL_LATE);
    tell_gone(r, half);
}

void pm_external_fail(struct pm_rewriter *r, struct pm_half *half)
{
    pm_external_give_up(r, half);
    if (!half->is_waiting)
        return;
    struct pm_late late;
    uint64_t m_low = half->log.m_end;
    half->sent_o = half->log.o_end;
    pm_late_begin(r, half, &late);
    struct pm_front front = pm_front_of(r, half, true);
    pm_advance(r, &late.passage, half, &front);
    pm_late_send(r, &late, half, m_low);
}

void pm_external_finish(struct pm_rewriter *r, const struct pm_passage *p, struct pm_half *half)
{
    if (half->external.state == PM_EXTERNAL_ON && !half->external.is_end_told)
        hand_out(r, p, half, NULL, 0, true);
}

void pm_external_forget(struct pm_rewriter *r, struct pm_half *half)
{
    struct pm_external_half *own = &half->external;
    if (own->state == PM_EXTERNAL_OFF)
        return;
    pm_credit_give_back(r, half, own->waiting);
    pm_credit_leave(r, half);
    if (own->state == PM_EXTERNAL_ON)
        tell_gone(r, half);
    own->state = PM_EXTERNAL_OFF;
}

uint64_t pm_external_patience_ns(const struct pm_rewriter *r, const struct pm_half *half)
{
    return half->external.state == PM_EXTERNAL_ON ? op_of(r, half)->timeout_ns
                                                  : r->config.hold_ms * UINT64_C(1000000);
}

/* ------------------------------------------------------------------ answers */

static struct pm_half *find(const struct pm_rewriter *r, uint64_t handle)
{
    uint64_t place = handle >> 32;
    if (place / 2 >= r->streams.fresh)
        return NULL;
    struct pm_stream *stream = pm_stream_at(r, (uint32_t)(place / 2) + 1);
    struct pm_half *half = &stream->half[place % 2];
    bool is_it = half->external.state == PM_EXTERNAL_ON && half->external.handle == handle;
    return is_it ? half : NULL;
}

/* Logs the answer: what it left alone at both ends is a copy. */
static void log_answer(struct pm_rewriter *r, struct pm_half *half, struct pm_passage *p,
                       const uint8_t *old, size_t take, const uint8_t *bytes, size_t len)
{
    struct pm_log *log = &half->log;
    size_t least = take < len ? take : len, head = 0, tail = 0;
    while (head < least && old[head] == bytes[head])
        head++;
    while (tail < least - head && old[take - 1 - tail] == bytes[len - 1 - tail])
        tail++;
    if (head == take && len > take) /* what is put in behind goes with the last byte */
        head--;
    size_t old_len = take - head - tail;
    p->plan_offset = log->o_end - half->begin_o;
    p->plan_bytes = old;
    pm_log_copy(log, &r->store, bytes, head);
    if (old_len == 0 && len > take) { /* nor does an insert stand alone before the tail */
        tail--;
        old_len++;
    }
    size_t new_len = len - head - tail;
    if (old_len > 0) {
        pm_log_edit(log, &r->store, (uint32_t)old_len, bytes + head, (uint32_t)new_len);
        r->plan[0] = (struct pm_plan_edit){.position = (uint32_t)head,
                                           .op = half->external.op,
                                           .old_len = (uint32_t)old_len,
                                           .new_len = (uint32_t)new_len,
                                           .with = bytes + head};
        p->plan_count = 1;
        pm_count_edits(r, p, 0);
    }
    pm_log_copy(log, &r->store, bytes + len - tail, tail);
    if (r->policy->regex_count > 0)
        pm_half_pass(half, old, take);
}

static enum pm_external_verdict take_answer(struct pm_rewriter *r, struct pm_half *half,
                                            size_t take, const uint8_t *bytes, size_t len)
{
    bool has_room =
        pm_is_live(r) ? pm_stream_has_room(r, half, 3, len) : pm_stream_make_room(r, half, 3, len);
    if (!has_room)
        return PM_EXTERNAL_LATER;
    struct pm_late late;
    uint64_t m_low = half->log.m_end;
    half->sent_o = half->log.o_end;
    pm_late_begin(r, half, &late);
    struct pm_front front = pm_front_of(r, half, true);
    if (take > front.len)
        return PM_EXTERNAL_WRONG;
    log_answer(r, half, &late.passage, front.bytes, take, bytes, len);
    pm_credit_give_back(r, half, (uint32_t)take);
    half->tail.count = 0; /* the client is at work: the rest waits from now on */
    pm_pending_drop(&half->pending, &r->pieces, half->log.o_end);
    front.bytes += take;
    front.len -= take;
    bool is_lost = front.len > 0 && !pm_external_offer(r, &late.passage, half, &front);
    pm_settle(r, &late.passage, half);
    pm_late_send(r, &late, half, m_low);
    if (is_lost)
        pm_external_fail(r, half);
    return PM_EXTERNAL_TAKEN;
}

enum pm_external_verdict pm_rewriter_external_answer(struct pm_rewriter *rewriter, uint64_t stream,
                                                     uint64_t offset, size_t take,
                                                     const uint8_t *bytes, size_t len,
                                                     uint64_t now_ns)
{
    struct pm_rewriter *r = rewriter;
    if (now_ns > r->now_ns)
        r->now_ns = now_ns;
    struct pm_half *half = find(r, stream);
    if (!half)
        return PM_EXTERNAL_GONE;
    if (take == 0 && len == 0)
        return PM_EXTERNAL_TAKEN; /* of the end of a stream */
    if (offset != half->log.o_end - half->begin_o || take == 0 || take > half->external.waiting ||
        len > take + MOST_ADDED || len > r->config.retain_dir_bytes)
        return PM_EXTERNAL_WRONG;
    enum pm_external_verdict verdict = take_answer(r, half, take, bytes, len);
    pm_credit_serve(r);
    return verdict;
}

void pm_rewriter_external_lost(struct pm_rewriter *rewriter, const char *socket, uint64_t now_ns)
{
    struct pm_rewriter *r = rewriter;
    if (now_ns > r->now_ns)
        r->now_ns = now_ns;
    for (unsigned q = 0; q < PM_FLOW_QUEUES; q++) {
        uint32_t index = r->flows.oldest[q];
        while (index != PM_NIL) {
            struct pm_flow *flow = pm_pool_at(&r->flows.pool, index);
            const struct pm_rewriter_flow *own = pm_flow_own(flow);
            for (unsigned side = 0; side < 2 && own->stream; side++) {
                struct pm_half *half = &pm_stream_at(r, own->stream)->half[side];
                if (half->external.state == PM_EXTERNAL_ON &&
                    strcmp(op_of(r, half)->socket, socket) == 0)
                    pm_external_fail(r, half);
            }
            index = flow->newer;
        }
    }
    pm_credit_serve(r);
}
