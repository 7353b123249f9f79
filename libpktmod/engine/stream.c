/* stream.c - the life and the memory of a rewritten TCP flow; the contract is in stream.h. */
#include "engine/stream.h"

#include <string.h>

#include "base/seq.h"
#include "engine/external.h"
#include "engine/parts.h"
#include "engine/rewriter.h"
#include "engine/wait.h"

#define KEEP_ACKED    (64u << 10) /* acknowledged bytes remembered for late retransmissions */
#define RECLAIM_FLOWS 64          /* flows asked for acknowledged bytes when memory is short */

struct pm_stream *pm_stream_at(const struct pm_rewriter *r, uint32_t stream)
{
    return pm_pool_at(&r->streams, stream - 1);
}

static void end_half(struct pm_rewriter *r, struct pm_half *half)
{
    pm_wait_free(r, half);
    if (!half->is_active)
        return;
    pm_external_forget(r, half);
    pm_log_drop(&half->log, &r->store);
    pm_pending_clear(&half->pending, &r->pieces);
}

void pm_stream_close(struct pm_rewriter *r, struct pm_rewriter_flow *flow)
{
    if (!flow->stream)
        return;
    struct pm_stream *stream = pm_stream_at(r, flow->stream);
    for (unsigned side = 0; side < 2; side++)
        end_half(r, &stream->half[side]);
    pm_parts_end(r, stream);
    pm_pool_put(&r->streams, flow->stream - 1);
    flow->stream = 0;
}

struct pm_stream *pm_stream_open(struct pm_rewriter *r, struct pm_rewriter_flow *flow)
{
    uint32_t index = pm_pool_take(&r->streams);
    if (index == PM_NIL)
        return NULL;
    flow->stream = index + 1;
    struct pm_stream *stream = pm_stream_at(r, flow->stream);
    memset(stream, 0, r->streams.object_size);
    return stream;
}

void pm_half_begin(struct pm_half *half, uint32_t first_seq)
{
    half->is_active = true;
    half->has_fin = half->fin_sent = half->is_finished = half->has_gap = false;
    pm_pending_begin(&half->pending);
    half->begin_o = half->acked_o = half->sent_o = PM_SEQ_BASE + first_seq;
    half->live = (struct pm_live){.sent_m = half->begin_o,
                                  .acked_m = half->begin_o,
                                  .told_o = half->begin_o,
                                  .told_edge_o = half->begin_o};
    half->before_len = 0;
    half->cut_until = 0;
    pm_dns_frames_begin(&half->frames, half->begin_o);
    half->external = (struct pm_external_half){.state = PM_EXTERNAL_OFF};
    pm_log_begin(&half->log, half->begin_o);
}

void pm_half_pass(struct pm_half *half, const uint8_t *bytes, size_t len)
{
    if (!bytes) { /* a byte that is no letter, so that what follows is not the beginning */
        half->before[0] = 0;
        half->before_len = 1;
        return;
    }
    size_t taken = len < PM_REGEX_BEFORE ? len : PM_REGEX_BEFORE;
    size_t kept =
        half->before_len < PM_REGEX_BEFORE - taken ? half->before_len : PM_REGEX_BEFORE - taken;
    memmove(half->before, half->before + half->before_len - kept, kept);
    memcpy(half->before + kept, bytes + len - taken, taken);
    half->before_len = (uint8_t)(kept + taken);
}

void pm_stream_restart(struct pm_rewriter *r, struct pm_stream *stream, const uint32_t isn[2])
{
    for (unsigned side = 0; side < 2; side++) {
        struct pm_half *half = &stream->half[side];
        half->has_pending_isn = false;
        half->isn = isn[side];
        end_half(r, half);
        half->live = (struct pm_live){.sent_m = 0};
        if (!half->is_active)
            continue;
        pm_half_begin(half, isn[side] + 1);
    }
    pm_parts_restart(r, stream);
    memset(stream->max_used, 0, 2 * r->policy->max_slots * sizeof stream->max_used[0]);
}

bool pm_stream_is_edited(const struct pm_stream *stream)
{
    return stream->half[0].log.is_edited || stream->half[1].log.is_edited;
}

bool pm_stream_is_stretched(const struct pm_stream *stream)
{
    return stream->half[0].log.is_stretched || stream->half[1].log.is_stretched;
}

/* ------------------------------------------------------------------ memory */

static void forget_acked(struct pm_rewriter *r, struct pm_half *half, size_t keep)
{
    if (half->is_active && pm_log_kept(&half->log) > keep)
        pm_log_forget(&half->log, &r->store, keep, half->acked_o);
}

void pm_stream_reclaim(struct pm_rewriter *r)
{
    uint32_t index = r->flows.oldest[PM_FLOW_SETTLED];
    for (unsigned i = 0; i < RECLAIM_FLOWS && index != PM_NIL; i++) {
        struct pm_flow *flow = pm_pool_at(&r->flows.pool, index);
        struct pm_rewriter_flow *own = pm_flow_own(flow);
        if (own->stream) {
            forget_acked(r, &pm_stream_at(r, own->stream)->half[0], 0);
            forget_acked(r, &pm_stream_at(r, own->stream)->half[1], 0);
        }
        index = flow->newer;
    }
}

bool pm_stream_has_room(const struct pm_rewriter *r, const struct pm_half *half, uint32_t runs,
                        size_t bytes)
{
    return pm_log_kept(&half->log) + bytes <= r->config.retain_dir_bytes &&
           pm_log_has_room(&half->log, &r->store, runs, bytes);
}

bool pm_stream_make_room(struct pm_rewriter *r, struct pm_half *half, uint32_t runs, size_t bytes)
{
    struct pm_log *log = &half->log;
    size_t limit = r->config.retain_dir_bytes;
    forget_acked(r, half, KEEP_ACKED);
    if (bytes > limit)
        return false;
    if (pm_log_kept(log) + bytes > limit) {
        forget_acked(r, half, limit - bytes);
        if (pm_log_kept(log) + bytes > limit) {
            pm_log_forget(log, &r->store, limit - bytes, half->sent_o);
            pm_count_why(r, PM_WHY_RETAIN_FULL);
        }
    }
    if (pm_log_has_room(log, &r->store, runs, bytes))
        return true;
    pm_stream_reclaim(r);
    if (pm_log_has_room(log, &r->store, runs, bytes))
        return true;
    pm_count_why(r, PM_WHY_RETAIN_FULL);
    pm_log_forget(log, &r->store, 0, half->sent_o);
    return pm_log_has_room(log, &r->store, runs, bytes);
}
