/* explanation.c - replays a capture up to one frame, and keeps all that is said of that frame. */
#include "app/explanation.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "app/command.h"
#include "app/verify_packet.h"

#define TLS_RECORD_LEN 5u
#define TLS_MOST       (16384u + 2048u) /* RFC 5246 section 6.2.3 */

/* ------------------------------------------------------------------ frames */

static bool is_tls_record(const uint8_t *bytes, size_t len)
{
    if (len < TLS_RECORD_LEN || bytes[0] < 20 || bytes[0] > 23 || bytes[1] != 3 || bytes[2] > 4)
        return false;
    unsigned told = (unsigned)bytes[3] << 8 | bytes[4];
    return told > 0 && told <= TLS_MOST;
}

static bool looks_encrypted(const struct pm_record *record)
{
    struct pm_verify_packet packet = {.bytes = NULL};
    pm_verify_packet_read(&packet, record);
    return packet.kind == PM_VERIFY_TCP &&
           is_tls_record(packet.bytes + packet.payload_off, packet.payload_there);
}

static struct pm_explained_frame *add_frame(struct pm_explanation *e)
{
    if (e->frame_count == e->frame_cap) {
        size_t cap = e->frame_cap == 0 ? 1024 : e->frame_cap * 2;
        struct pm_explained_frame *grown = realloc(e->frames, cap * sizeof *grown);
        if (grown == NULL) {
            e->no_memory = true;
            return NULL;
        }
        e->frames = grown;
        e->frame_cap = cap;
    }
    return &e->frames[e->frame_count++];
}

static struct pm_explained_frame *frame_at(struct pm_explanation *e, uint64_t frame)
{
    return frame == 0 || frame > e->frame_count ? NULL : &e->frames[frame - 1];
}

static void keep_frame(struct pm_explanation *e, const struct pm_record *record,
                       const struct pm_packet *packet)
{
    e->was_seen = true;
    e->bytes = malloc(record->caplen + 1);
    e->no_memory = e->no_memory || e->bytes == NULL;
    if (e->bytes != NULL)
        memcpy(e->bytes, record->data, record->caplen);
    e->len = record->caplen;
    e->time_ns = record->time_ns;
    e->packet = *packet;
    e->packet.data = e->bytes;
    e->packet.interface = NULL;
}

/* ------------------------------------------------------------------ observing */

static void on_judged(void *context, const struct pm_record *record, const struct pm_packet *packet,
                      const struct pm_decision *decision, uint64_t now_ns)
{
    struct pm_explanation *e = context;
    if (record->frame > e->frame)
        return;
    struct pm_explained_frame *frame = add_frame(e);
    if (frame == NULL)
        return;
    *frame = (struct pm_explained_frame){.flow_id = decision->flow_id,
                                         .rule = decision->rule,
                                         .edited_by = PM_NO_RULE,
                                         .verdict = (uint8_t)decision->verdict,
                                         .why = (uint8_t)decision->why,
                                         .rewritten_why = PM_WHY_NONE,
                                         .looks_encrypted = looks_encrypted(record)};
    if (record->frame != e->frame)
        return;
    keep_frame(e, record, packet);
    e->decision = *decision;
    e->arrived_ns = now_ns;
    e->replay->is_enough = decision->verdict == PM_DROP || decision->verdict == PM_REJECT;
}

static void on_released(void *context, const struct pm_record *record, const struct pm_due *due,
                        uint64_t now_ns)
{
    struct pm_explanation *e = context;
    if (record->frame != e->frame)
        return;
    e->was_released = true;
    e->due = *due;
    e->released_ns = now_ns;
    e->replay->is_enough = due->verdict == PM_DROP;
}

static void keep_left(struct pm_explanation *e, const struct pm_emitted *emitted, uint64_t now_ns)
{
    struct pm_explained_packet *grown = realloc(e->left, (e->left_count + 1) * sizeof *grown);
    if (grown != NULL)
        e->left = grown;
    uint8_t *bytes = grown == NULL ? NULL : malloc(emitted->len + 1);
    if (bytes == NULL) {
        e->no_memory = true;
        return;
    }
    memcpy(bytes, emitted->data, emitted->len);
    struct pm_explained_packet *left = &e->left[e->left_count++];
    *left = (struct pm_explained_packet){.bytes = bytes,
                                         .len = emitted->len,
                                         .time_ns = now_ns,
                                         .part = emitted->part,
                                         .header_rule = emitted->header_rule,
                                         .why = emitted->why,
                                         .is_late = emitted->is_late,
                                         .changed = emitted->changed,
                                         .edit_notes = emitted->note_count,
                                         .edit_count = emitted->edit_count};
    for (uint32_t i = 0; i < emitted->note_count; i++)
        left->edits[i] = (struct pm_explained_edit){.rule = emitted->notes[i].rule,
                                                    .op = emitted->notes[i].op,
                                                    .old_len = emitted->notes[i].old_len,
                                                    .new_len = emitted->notes[i].new_len,
                                                    .offset = emitted->notes[i].offset};
}

static void on_emitted(void *context, const struct pm_emitted *emitted, uint64_t now_ns)
{
    struct pm_explanation *e = context;
    struct pm_explained_frame *frame = frame_at(e, emitted->cookie);
    if (frame != NULL && emitted->note_count > 0)
        frame->edited_by = emitted->notes[emitted->note_count - 1].rule;
    else if (frame != NULL && emitted->header_rule != PM_NO_RULE)
        frame->edited_by = emitted->header_rule;
    if (emitted->cookie == e->frame && e->was_seen)
        keep_left(e, emitted, now_ns);
}

/* Bytes that wait are decided with what follows. */
static bool is_settled(enum pm_why why)
{
    return why != PM_WHY_HELD && why != PM_WHY_OUT_OF_ORDER && why != PM_WHY_FRAGMENT_HELD;
}

static void on_rewritten(void *context, const struct pm_record *record, enum pm_why why,
                         uint64_t now_ns)
{
    struct pm_explanation *e = context;
    struct pm_explained_frame *frame = frame_at(e, record->frame);
    (void)now_ns;
    if (frame != NULL)
        frame->rewritten_why = (uint8_t)why;
    if (record->frame != e->frame)
        return;
    const struct pm_stats *stats = pm_rewriter_stats(e->replay->rewriter);
    for (unsigned i = 0; i < PM_WHY_COUNT && e->engines[PM_ASKED_REWRITER].was_asked; i++)
        e->whys[i] = stats->why[i] - e->whys[i];
    e->was_rewritten = true;
    e->rewritten_why = why;
    e->replay->is_enough = is_settled(why);
}

static void filter_moment(void *context, const struct pm_moment *moment)
{
    pm_explanation_take(context, PM_ASKED_FILTER, moment);
}

static void rewriter_moment(void *context, const struct pm_moment *moment)
{
    struct pm_explanation *e = context;
    pm_explanation_take(e, PM_ASKED_REWRITER, moment);
    memcpy(e->whys, pm_rewriter_stats(e->replay->rewriter)->why, sizeof e->whys);
}

static void late_moment(void *context, const struct pm_moment *moment)
{
    pm_explanation_take(context, PM_ASKED_LATE, moment);
}

/* ------------------------------------------------------------------ life */

bool pm_explanation_begin(struct pm_explanation *e, const struct pm_rules *rules, uint64_t frame)
{
    struct pm_policy *policy = pm_rules_policy(rules);
    size_t count = pm_policy_rule_count(policy), items = 0;
    for (size_t i = 0; i < pm_rules_source_count(rules); i++)
        items += pm_rules_source(rules, i)->item_count;
    *e = (struct pm_explanation){.rules = rules, .policy = policy, .frame = frame};
    e->by_rule = calloc(count + 1, sizeof *e->by_rule);
    e->sources = calloc(count + 1, sizeof *e->sources);
    e->conds = calloc(items + 1, sizeof *e->conds);
    if (e->by_rule == NULL || e->sources == NULL || e->conds == NULL)
        return false;
    for (size_t i = 0; i < pm_rules_source_count(rules); i++) {
        const struct pm_source_rule *source = pm_rules_source(rules, i);
        if (source->is_enabled)
            e->sources[source->rule] = source;
    }
    for (unsigned i = 0; i < PM_ASKED_ENGINES; i++) {
        e->engines[i].fields = calloc(PM_FIELD_COUNT, sizeof *e->engines[i].fields);
        if (e->engines[i].fields == NULL)
            return false;
    }
    return true;
}

bool pm_explanation_run(struct pm_explanation *e, const struct pm_replay_options *options,
                        struct pm_capture *capture)
{
    struct pm_replay replay = {.options = options, .policy = e->policy, .capture = capture};
    struct pm_progress progress;
    e->asked = (struct pm_replay_asked){.frame = e->frame,
                                        .filter = {filter_moment, e},
                                        .rewriter = {rewriter_moment, e},
                                        .late = {late_moment, e}};
    e->observer = (struct pm_observer){.judged = on_judged,
                                       .released = on_released,
                                       .emitted = on_emitted,
                                       .rewritten = on_rewritten,
                                       .context = e};
    e->replay = &replay;
    replay.asked = &e->asked;
    replay.answers = e->answers;
    e->answers = (struct pm_answers){0};
    pm_replay_observe(&replay, &e->observer);
    bool good = (options->answers == NULL ||
                 pm_answers_load(&replay.answers, options->answers, e->policy)) &&
                pm_replay_start(&replay);
    if (good) {
        pm_progress_start(&progress, options->quiet);
        pm_replay_run(&replay, &progress);
        pm_progress_end_ns(&progress);
        e->packets = replay.packets;
        if (replay.no_memory || e->no_memory) {
            pm_complain(PM_EXIT_INTERNAL, "explain: no memory");
            good = false;
        }
    }
    pm_replay_end(&replay);
    pm_explanation_conclude(e);
    e->replay = NULL;
    return good;
}

void pm_explanation_free(struct pm_explanation *e)
{
    for (unsigned i = 0; i < PM_ASKED_ENGINES; i++)
        free(e->engines[i].fields);
    for (size_t i = 0; i < e->left_count; i++)
        free(e->left[i].bytes);
    pm_answers_free(&e->answers);
    free(e->left);
    free(e->by_rule);
    free(e->sources);
    free(e->conds);
    free(e->bytes);
    free(e->frames);
}
