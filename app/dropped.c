/* dropped.c - listens to a replay for packets that go no further; the contract is in dropped.h. */
#include "app/dropped.h"

#include <errno.h>

#include "app/annotation.h"

static void put(struct pm_dropped *dropped, const struct pm_record *record,
                const struct pm_fate *fate)
{
    char comment[PM_ANNOTATION_LEN];
    if (record->kind == PM_RECORD_PCAP) {
        pm_writer_put_raw(&dropped->writer, record);
        return;
    }
    pm_annotate_drop(comment, dropped->replay->policy, fate);
    struct pm_outgoing outgoing = {.data = record->data,
                                   .caplen = record->caplen,
                                   .origlen = record->origlen,
                                   .comment = comment,
                                   .dir = dropped->dir};
    pm_writer_put(&dropped->writer, record, &outgoing);
}

/* For the case that the rewriter drops it. */
static void keep(struct pm_dropped *dropped, const struct pm_record *record)
{
    if (dropped->replay->rewriter == NULL)
        return;
    dropped->rewriter_dropped = pm_rewriter_stats(dropped->replay->rewriter)->dropped;
    if (!pm_record_copy_take(&dropped->copy, record))
        dropped->writer.sink.error = ENOMEM;
}

static void on_judged(void *context, const struct pm_record *record, const struct pm_packet *packet,
                      const struct pm_decision *decision, uint64_t now_ns)
{
    struct pm_dropped *dropped = context;
    (void)now_ns;
    dropped->dir = packet->dir;
    if (decision->verdict == PM_DROP || decision->verdict == PM_REJECT)
        put(dropped, record,
            &(struct pm_fate){
                .verdict = decision->verdict, .why = decision->why, .rule = decision->rule});
    else
        keep(dropped, record);
}

static void on_released(void *context, const struct pm_record *record, const struct pm_due *due,
                        uint64_t now_ns)
{
    struct pm_dropped *dropped = context;
    (void)now_ns;
    dropped->dir = record->dir;
    if (due->verdict == PM_ALLOW)
        keep(dropped, record);
    else
        put(dropped, record,
            &(struct pm_fate){.verdict = PM_DROP, .why = due->why, .rule = due->rule});
}

/* It stands in the file as it was to leave. */
static void on_judged_late(void *context, const struct pm_record *record,
                           const struct pm_emitted *emitted, const struct pm_decision *decision,
                           uint64_t now_ns)
{
    struct pm_dropped *dropped = context;
    char comment[PM_ANNOTATION_LEN];
    if (decision->verdict == PM_ALLOW)
        return;
    pm_annotate_drop(comment, dropped->replay->policy,
                     &(struct pm_fate){.verdict = decision->verdict,
                                       .why = decision->why,
                                       .rule = decision->rule,
                                       .is_after_rewrite = true});
    struct pm_outgoing outgoing = {
        .data = emitted->data,
        .caplen = (uint32_t)emitted->len,
        .origlen = (uint32_t)emitted->wire_len,
        .time_ns = now_ns,
        .retimed = emitted->is_late || dropped->replay->current.delayed != NULL,
        .comment = record->kind == PM_RECORD_PCAP ? NULL : comment,
        .dir = emitted->dir,
        .is_extra = emitted->part > 0,
    };
    pm_writer_put(&dropped->writer, record, &outgoing);
}

static void on_rewritten(void *context, const struct pm_record *record, enum pm_why why,
                         uint64_t now_ns)
{
    struct pm_dropped *dropped = context;
    (void)now_ns;
    uint64_t count = pm_rewriter_stats(dropped->replay->rewriter)->dropped;
    if (count != dropped->rewriter_dropped && dropped->copy.record.frame == record->frame)
        put(dropped, &dropped->copy.record,
            &(struct pm_fate){
                .verdict = PM_DROP, .why = why, .rule = PM_NO_RULE, .is_by_rewriter = true});
}

static void on_block(void *context, const struct pm_record *record)
{
    struct pm_dropped *dropped = context;
    pm_writer_put_block(&dropped->writer, record);
}

bool pm_dropped_open(struct pm_dropped *dropped, struct pm_replay *replay, const char *path,
                     const char *const *inputs, size_t input_count)
{
    *dropped = (struct pm_dropped){
        .observer =
            {
                .judged = on_judged,
                .released = on_released,
                .judged_late = on_judged_late,
                .rewritten = on_rewritten,
                .block = on_block,
                .context = dropped,
            },
        .replay = replay,
    };
    uint32_t largest =
        pm_policy_has_stage(replay->policy, PM_STAGE_AFTER_REWRITE) ? pm_replay_largest(replay) : 0;
    if (!pm_writer_open(&dropped->writer, path, replay->capture, largest, inputs, input_count))
        return false;
    pm_replay_observe(replay, &dropped->observer);
    return true;
}

int pm_dropped_close(struct pm_dropped *dropped)
{
    pm_record_copy_free(&dropped->copy);
    return pm_writer_close(&dropped->writer);
}
