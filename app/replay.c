/* replay.c - takes every recorded packet through filter and rewriter, in virtual time.
 *
 *   record -> what is due by now leaves -> judged -> allow: rewritten -> written
 *                                                    drop
 *                                                    delay: kept -> due -> rewritten -> written
 */
#include "app/replay.h"

#include <assert.h>
#include <string.h>

#include "app/annotation.h"
#include "app/command.h"
#include "app/interrupt.h"

#define PROGRESS_EVERY      4096u
#define LARGEST_LINK_HEADER 64u

/* Any numbers, but the same in every run. */
static const uint64_t hash_key[2] = {UINT64_C(0x706b746d6f642d72), UINT64_C(0x65706c61792d6b65)};

/* ------------------------------------------------------------------ observers */

void pm_replay_observe(struct pm_replay *replay, const struct pm_observer *observer)
{
    assert(replay->observer_count < PM_OBSERVERS);
    replay->observers[replay->observer_count++] = observer;
}

static void tell_judged(const struct pm_replay *replay, const struct pm_record *record,
                        const struct pm_packet *packet, const struct pm_decision *decision)
{
    for (unsigned i = 0; i < replay->observer_count; i++) {
        const struct pm_observer *o = replay->observers[i];
        if (o->judged != NULL)
            o->judged(o->context, record, packet, decision, replay->clock_ns);
    }
}

static void tell_released(const struct pm_replay *replay, const struct pm_record *record,
                          const struct pm_due *due)
{
    for (unsigned i = 0; i < replay->observer_count; i++) {
        const struct pm_observer *o = replay->observers[i];
        if (o->released != NULL)
            o->released(o->context, record, due, replay->clock_ns);
    }
}

static void tell_emitted(const struct pm_replay *replay, const struct pm_emitted *emitted)
{
    for (unsigned i = 0; i < replay->observer_count; i++) {
        const struct pm_observer *o = replay->observers[i];
        if (o->emitted != NULL)
            o->emitted(o->context, emitted, replay->clock_ns);
    }
}

static void tell_judged_late(const struct pm_replay *replay, const struct pm_record *record,
                             const struct pm_emitted *emitted, const struct pm_decision *decision)
{
    for (unsigned i = 0; i < replay->observer_count; i++) {
        const struct pm_observer *o = replay->observers[i];
        if (o->judged_late != NULL)
            o->judged_late(o->context, record, emitted, decision, replay->clock_ns);
    }
}

static void tell_rehearsed(void *context, const struct pm_emitted *emitted)
{
    const struct pm_replay *replay = context;
    for (unsigned i = 0; i < replay->observer_count; i++) {
        const struct pm_observer *o = replay->observers[i];
        if (o->rehearsed != NULL)
            o->rehearsed(o->context, emitted, replay->clock_ns);
    }
}

static void tell_rewritten(const struct pm_replay *replay, const struct pm_record *record,
                           enum pm_why why)
{
    for (unsigned i = 0; i < replay->observer_count; i++) {
        const struct pm_observer *o = replay->observers[i];
        if (o->rewritten != NULL)
            o->rewritten(o->context, record, why, replay->clock_ns);
    }
}

static void tell_happened(void *context, const struct pm_event *event)
{
    const struct pm_replay *replay = context;
    for (unsigned i = 0; i < replay->observer_count; i++) {
        const struct pm_observer *o = replay->observers[i];
        if (o->happened != NULL)
            o->happened(o->context, event, replay->clock_ns);
    }
}

static void tell_block(const struct pm_replay *replay, const struct pm_record *record)
{
    for (unsigned i = 0; i < replay->observer_count; i++) {
        const struct pm_observer *o = replay->observers[i];
        if (o->block != NULL)
            o->block(o->context, record);
    }
}

/* ------------------------------------------------------------------ out */

static bool is_as_it_came(const struct pm_replay_current *current, const struct pm_emitted *emitted)
{
    return current->delayed == NULL && current->rejected_by == PM_NO_RULE && !emitted->changed;
}

/* What tells of a reject is sent by pktmod: it is on the side that it leaves to. */
static bool is_shown(const struct pm_replay *replay, const struct pm_emitted *emitted)
{
    bool is_reply = replay->current.rejected_by != PM_NO_RULE && !emitted->is_late;
    switch (replay->options->view) {
    case PM_VIEW_REWRITTEN:
        break;
    case PM_VIEW_WIRE:
        return !is_reply || emitted->dir == PM_DIR_OUT;
    case PM_VIEW_HOST:
        return !is_reply || emitted->dir == PM_DIR_IN;
    }
    return true;
}

static bool is_asked(const struct pm_replay *replay, uint64_t frame)
{
    return replay->asked != NULL && replay->asked->frame == frame;
}

static void emit_unchanged(struct pm_replay *replay, const struct pm_packet *packet);

/* What tells of a reject after rewriting has the numbers of who gets it: it leaves as it is. */
static void tell_of_reject(struct pm_replay *replay, const struct pm_record *record, bool is_late,
                           const struct pm_decision *decision)
{
    struct pm_replay_current current = replay->current;
    replay->current = (struct pm_replay_current){.record = record,
                                                 .delayed = is_late ? NULL : current.delayed,
                                                 .leaves_ns = replay->clock_ns,
                                                 .rejected_by = decision->rule,
                                                 .is_late = is_late};
    for (uint32_t i = 0; i < decision->reply_count; i++) {
        struct pm_reply reply = pm_filter_reply(replay->late_filter, i);
        struct pm_packet packet = {.data = reply.data,
                                   .len = reply.len,
                                   .wire_len = reply.len,
                                   .link = reply.link,
                                   .dir = reply.dir,
                                   .ifindex = record->interface_id,
                                   .cookie = record->frame};
        emit_unchanged(replay, &packet);
    }
    replay->current = current;
}

/* Rules of stage after-rewrite let it pass. */
static bool is_let_out(struct pm_replay *replay, const struct pm_emitted *emitted)
{
    bool is_reply = replay->current.rejected_by != PM_NO_RULE && !emitted->is_late;
    bool has_original =
        !emitted->is_late && !emitted->is_own && replay->original.packet.data != NULL;
    if (replay->late_filter == NULL || is_reply)
        return true;
    struct pm_packet packet = {.data = emitted->data,
                               .len = emitted->len,
                               .wire_len = emitted->wire_len,
                               .link = emitted->link,
                               .dir = emitted->dir,
                               .csum = PM_CSUM_ON_WIRE,
                               .ifindex = emitted->ifindex,
                               .interface =
                                   emitted->is_late ? NULL : replay->current.record->interface,
                               .cookie = emitted->cookie,
                               .gso_len = emitted->gso_len,
                               .original = has_original ? &replay->original.packet : NULL};
    const struct pm_explainer *explainer =
        is_asked(replay, packet.cookie) ? &replay->asked->late : NULL;
    struct pm_decision decision =
        pm_filter_explain(replay->late_filter, &packet, replay->clock_ns, explainer);
    struct pm_record late;
    const struct pm_record *record = replay->current.record;
    if (emitted->is_late) {
        pm_capture_late(replay->capture, emitted->ifindex, emitted->cookie, &late);
        record = &late;
    }
    tell_judged_late(replay, record, emitted, &decision);
    if (decision.verdict == PM_REJECT)
        tell_of_reject(replay, record, emitted->is_late, &decision);
    return decision.verdict == PM_ALLOW;
}

static void write_touched(struct pm_replay *replay, const struct pm_emitted *emitted)
{
    const struct pm_replay_current *current = &replay->current;
    const struct pm_record *record = current->record;
    char comment[PM_ANNOTATION_LEN];
    bool is_cut_short = record->caplen > record->origlen && emitted->len == record->caplen;
    struct pm_outgoing outgoing = {
        .data = emitted->data,
        .caplen = (uint32_t)emitted->len,
        .origlen = is_cut_short ? record->origlen : (uint32_t)emitted->wire_len,
        .time_ns = current->leaves_ns,
        .retimed = current->delayed != NULL || current->is_late,
        .dir = emitted->dir,
        .is_extra = emitted->part > 0,
    };
    if (record->kind != PM_RECORD_PCAP) {
        struct pm_wait wait;
        if (current->delayed != NULL) {
            wait.ns = current->leaves_ns - current->delayed->arrived_ns;
            wait.rule = current->delayed->rule;
        }
        if (current->rejected_by != PM_NO_RULE)
            pm_annotate_reply(comment, replay->policy, current->rejected_by);
        else
            pm_annotate(comment, replay->policy, emitted, current->delayed == NULL ? NULL : &wait);
        outgoing.comment = comment;
    }
    pm_writer_put(replay->writer, record, &outgoing);
}

/* Bytes that waited leave now, on behalf of the frame that brought them. */
static void write_late(struct pm_replay *replay, const struct pm_emitted *emitted)
{
    struct pm_record record;
    char comment[PM_ANNOTATION_LEN];
    pm_capture_late(replay->capture, emitted->ifindex, emitted->cookie, &record);
    struct pm_outgoing outgoing = {
        .data = emitted->data,
        .caplen = (uint32_t)emitted->len,
        .origlen = (uint32_t)emitted->wire_len,
        .time_ns = replay->clock_ns,
        .retimed = true,
        .dir = emitted->dir,
    };
    if (record.kind != PM_RECORD_PCAP) {
        pm_annotate(comment, replay->policy, emitted, NULL);
        outgoing.comment = comment;
    }
    pm_writer_put(replay->writer, &record, &outgoing);
}

static void on_emit(void *context, const struct pm_emitted *emitted)
{
    struct pm_replay *replay = context;
    bool is_whole = !emitted->is_late && is_as_it_came(&replay->current, emitted);
    if (!is_shown(replay, emitted) || !is_let_out(replay, emitted))
        return;
    replay->out_packets++;
    replay->out_bytes += emitted->wire_len;
    replay->annotated += is_whole ? 0 : 1;
    tell_emitted(replay, emitted);
    if (replay->writer == NULL)
        return;
    if (emitted->is_late)
        write_late(replay, emitted);
    else if (is_whole)
        pm_writer_put_raw(replay->writer, replay->current.record);
    else
        write_touched(replay, emitted);
}

/* Without a rewriter a packet leaves as the filter saw it. */
static void emit_unchanged(struct pm_replay *replay, const struct pm_packet *packet)
{
    struct pm_emitted emitted = {
        .data = packet->data,
        .len = packet->len,
        .wire_len = packet->wire_len,
        .cookie = packet->cookie,
        .dir = packet->dir,
        .ifindex = packet->ifindex,
        .link = packet->link,
        .header_rule = PM_NO_RULE,
    };
    on_emit(replay, &emitted);
}

static bool on_external(void *context, const struct pm_external_data *data)
{
    struct pm_replay *replay = context;
    return replay->clients != NULL && pm_clients_take(replay->clients, data);
}

/* Whatever clients make of what they were handed leaves now. */
static void hear_clients(struct pm_replay *replay)
{
    if (replay->clients != NULL)
        pm_clients_settle(replay->clients, (int)replay->options->external_wait_ms,
                          replay->clock_ns);
}

/* For who judges what becomes of it. */
static void keep_original(struct pm_replay *replay, const struct pm_packet *packet)
{
    if (replay->late_filter == NULL)
        return;
    size_t len = packet->len < PM_REPLY_MAX ? packet->len : PM_REPLY_MAX;
    replay->original.packet = *packet;
    replay->original.packet.data = replay->original.bytes;
    replay->original.packet.len = len;
    memcpy(replay->original.bytes, packet->data, len);
}

static void send(struct pm_replay *replay, const struct pm_record *record,
                 const struct pm_delayed_packet *delayed, struct pm_packet *packet)
{
    replay->current = (struct pm_replay_current){
        .record = record,
        .delayed = delayed,
        .leaves_ns = replay->clock_ns,
        .rejected_by = PM_NO_RULE,
    };
    packet->cookie = record->frame;
    keep_original(replay, packet);
    if (replay->rewriter == NULL)
        emit_unchanged(replay, packet);
    else
        tell_rewritten(
            replay, record,
            pm_rewrite_explain(replay->rewriter, packet, record->data, replay->clock_ns,
                               is_asked(replay, record->frame) ? &replay->asked->rewriter : NULL));
    hear_clients(replay);
}

/* ------------------------------------------------------------------ in */

static struct pm_packet packet_of(const struct pm_record *record)
{
    return (struct pm_packet){
        .data = record->data,
        .len = record->caplen,
        .wire_len = record->origlen > record->caplen ? record->origlen : record->caplen,
        .link = record->link,
        .dir = PM_DIR_UNKNOWN,
        .csum = PM_CSUM_ON_WIRE,
        .ifindex = record->interface_id,
        .interface = record->interface,
    };
}

/* Towards its sender a reply leaves as it is; towards the receiver it takes the sender's way. */
static void send_reply(struct pm_replay *replay, const struct pm_record *record,
                       const struct pm_reply *reply)
{
    uint8_t bytes[PM_REPLY_MAX];
    struct pm_packet packet = packet_of(record);
    memcpy(bytes, reply->data, reply->len);
    packet.data = bytes;
    packet.len = packet.wire_len = reply->len;
    packet.dir = reply->dir;
    packet.cookie = record->frame;
    packet.final = PM_FINAL_NO;
    if (replay->rewriter == NULL || reply->to_sender)
        emit_unchanged(replay, &packet);
    else
        pm_rewrite(replay->rewriter, &packet, bytes, replay->clock_ns);
}

static void send_replies(struct pm_replay *replay, const struct pm_record *record,
                         const struct pm_decision *decision)
{
    for (uint32_t i = 0; i < decision->reply_count; i++) {
        struct pm_reply reply = pm_filter_reply(replay->filter, i);
        replay->current = (struct pm_replay_current){
            .record = record, .leaves_ns = replay->clock_ns, .rejected_by = decision->rule};
        send_reply(replay, record, &reply);
    }
}

static void release_delayed(struct pm_replay *replay, uint64_t due_ns)
{
    struct pm_due due;
    if (!pm_filter_due(replay->filter, due_ns, &due))
        return;
    const struct pm_delayed_packet *delayed = pm_delayed_at(&replay->delayed, due.cookie);
    struct pm_packet packet = packet_of(&delayed->record);
    packet.dir = delayed->dir;
    packet.final = delayed->is_final ? PM_FINAL_YES : PM_FINAL_NO;
    tell_released(replay, &delayed->record, &due);
    if (due.verdict == PM_ALLOW)
        send(replay, &delayed->record, delayed, &packet);
    pm_delayed_drop(&replay->delayed, due.cookie);
}

static uint64_t rewriter_next_ns(const struct pm_replay *replay)
{
    return replay->rewriter == NULL ? UINT64_MAX : pm_rewriter_next_ns(replay->rewriter);
}

static uint64_t next_ns(const struct pm_replay *replay)
{
    uint64_t delayed_ns = pm_filter_next_ns(replay->filter);
    uint64_t held_ns = rewriter_next_ns(replay);
    uint64_t answer_ns = pm_answers_next_ns(&replay->answers);
    uint64_t soonest_ns = delayed_ns < held_ns ? delayed_ns : held_ns;
    return answer_ns < soonest_ns ? answer_ns : soonest_ns;
}

static void let_go(struct pm_replay *replay, uint64_t due_ns)
{
    pm_rewriter_due(replay->rewriter, due_ns);
    hear_clients(replay);
}

static void answer(struct pm_replay *replay)
{
    struct pm_answer a = pm_answers_take(&replay->answers);
    pm_filter_answer(replay->filter, a.ask_id, a.allow, a.answer_for, a.duration_ns,
                     replay->clock_ns);
}

/* Lets go whatever is due by now_ns, each at its own time; of two at the same time, answers come
 * first, then bytes that were held, then packets that were delayed. A packet that the filter lets
 * go early, to make room, leaves at once. */
static void release_due(struct pm_replay *replay, uint64_t now_ns)
{
    uint64_t due_ns;
    while ((due_ns = next_ns(replay)) <= now_ns && due_ns != UINT64_MAX) {
        if (due_ns > replay->clock_ns)
            replay->clock_ns = due_ns;
        if (pm_answers_next_ns(&replay->answers) <= due_ns)
            answer(replay);
        else if (rewriter_next_ns(replay) <= due_ns)
            let_go(replay, due_ns);
        else
            release_delayed(replay, due_ns);
    }
}

static void see_time(struct pm_replay *replay, const struct pm_record *record)
{
    if (replay->packets == 0 || record->time_ns < replay->first_ns)
        replay->first_ns = record->time_ns;
    if (replay->packets == 0 || record->time_ns > replay->last_ns)
        replay->last_ns = record->time_ns;
    if (record->time_ns <= replay->clock_ns)
        return;
    if (next_ns(replay) <= record->time_ns)
        release_due(replay, record->time_ns);
    replay->clock_ns = record->time_ns;
}

static void take_packet(struct pm_replay *replay, const struct pm_record *record)
{
    see_time(replay, record);
    struct pm_packet packet = packet_of(record);
    packet.cookie = pm_delayed_next_cookie(&replay->delayed);
    packet.dir = pm_direction_of(&replay->options->local, record, &packet);
    replay->packets++;
    replay->bytes += packet.wire_len;

    struct pm_decision decision =
        pm_filter_explain(replay->filter, &packet, replay->clock_ns,
                          is_asked(replay, record->frame) ? &replay->asked->filter : NULL);
    bool is_refused = decision.verdict == PM_DROP || decision.verdict == PM_REJECT;
    if (decision.flow_id != 0 && (is_refused || replay->notlive.flow_count > 0))
        pm_notlive_see(&replay->notlive, &packet, &decision, record->frame);
    packet.dir = decision.dir;
    packet.final = decision.is_final ? PM_FINAL_YES : PM_FINAL_NO;
    tell_judged(replay, record, &packet, &decision);
    switch (decision.verdict) {
    case PM_ALLOW:
        send(replay, record, NULL, &packet);
        break;
    case PM_DROP:
        break;
    case PM_REJECT:
        send_replies(replay, record, &decision);
        break;
    case PM_DELAY:
    case PM_ASK:
        if (decision.is_new_ask &&
            !pm_answers_expect(&replay->answers, decision.rule, decision.ask_id, replay->clock_ns))
            replay->no_memory = true;
        if (!pm_delayed_keep(&replay->delayed, record, &decision, replay->clock_ns))
            replay->no_memory = true;
        else if (pm_filter_next_ns(replay->filter) <= replay->clock_ns)
            release_due(replay, replay->clock_ns);
        break;
    }
}

/* Everything delayed leaves at its time, then everything held. A new section has interfaces of its
 * own, so what belongs to the old one leaves before it begins. */
static void release_all(struct pm_replay *replay)
{
    uint64_t due_ns;
    while ((due_ns = pm_filter_next_ns(replay->filter)) != UINT64_MAX)
        release_due(replay, due_ns > replay->clock_ns ? due_ns : replay->clock_ns);
    if (replay->rewriter != NULL)
        pm_rewriter_flush(replay->rewriter, replay->clock_ns);
}

static void take_block(struct pm_replay *replay, const struct pm_record *record)
{
    if (record->kind == PM_RECORD_SECTION)
        release_all(replay);
    tell_block(replay, record);
    if (replay->writer != NULL)
        pm_writer_put_block(replay->writer, record);
}

static bool must_stop(const struct pm_replay *replay)
{
    return replay->no_memory || replay->is_enough || pm_interrupted() != 0 ||
           (replay->writer != NULL && replay->writer->sink.error != 0);
}

void pm_replay_run(struct pm_replay *replay, struct pm_progress *progress)
{
    struct pm_record record;
    enum pm_step step;
    while (!must_stop(replay) &&
           ((step = pm_capture_next(replay->capture, &record)) == PM_STEP_PACKET ||
            step == PM_STEP_BLOCK)) {
        if (step == PM_STEP_BLOCK)
            take_block(replay, &record);
        else
            take_packet(replay, &record);
        if (replay->packets % PROGRESS_EVERY == 0)
            pm_progress_show(progress, replay->packets, pm_capture_offset(replay->capture),
                             pm_capture_size(replay->capture));
    }
    replay->stopped_by = pm_interrupted();
    release_all(replay);
}

/* ------------------------------------------------------------------ life */

uint32_t pm_replay_largest(const struct pm_replay *replay)
{
    uint32_t mtu = replay->options->mtu == 0 ? 65535 : replay->options->mtu;
    uint32_t largest = pm_policy_rewrites(replay->policy) ? mtu + LARGEST_LINK_HEADER : 0;
    for (uint32_t i = 0; i < pm_policy_rule_count(replay->policy); i++)
        if (pm_policy_rule_action(replay->policy, i) == PM_ACTION_REJECT && largest < PM_REPLY_MAX)
            largest = PM_REPLY_MAX;
    return largest;
}

bool pm_replay_start(struct pm_replay *replay)
{
    const struct pm_replay_options *options = replay->options;
    struct pm_error error = {.status = PM_NO_MEMORY, .text = "no memory"};
    struct pm_filter_config filter = {.seed = options->seed,
                                      .hash_key = {hash_key[0], hash_key[1]}};
    struct pm_filter_config late = filter;
    late.stage = PM_STAGE_AFTER_REWRITE;
    bool has_late = pm_policy_has_stage(replay->policy, PM_STAGE_AFTER_REWRITE);
    struct pm_rewriter_config rewriter = {
        .seed = options->seed,
        .hash_key = {hash_key[0], hash_key[1]},
        .view = options->view,
        .checksums = options->checksums,
        .mtu = options->mtu,
        .retain_bytes = options->store_bytes,
        .pending_bytes = options->store_bytes,
        .emit = on_emit,
        .event = replay->observer_count > 0 ? tell_happened : NULL,
        .rehearsed = replay->observer_count > 0 ? tell_rehearsed : NULL,
        .external = on_external,
        .context = replay,
    };
    bool good = pm_delayed_init(&replay->delayed);
    if (good)
        replay->filter = pm_filter_new(replay->policy, &filter, &error);
    if (replay->filter != NULL && has_late)
        replay->late_filter = pm_filter_new(replay->policy, &late, &error);
    if (replay->filter != NULL && pm_policy_rewrites(replay->policy))
        replay->rewriter = pm_rewriter_new(replay->policy, &rewriter, &error);
    good = replay->filter != NULL && (replay->late_filter != NULL || !has_late) &&
           (replay->rewriter != NULL || !pm_policy_rewrites(replay->policy));
    if (!good)
        pm_complain(PM_EXIT_INTERNAL, "replay: %s", error.text);
    return good;
}

void pm_replay_end(struct pm_replay *replay)
{
    pm_rewriter_free(replay->rewriter);
    pm_clients_free(replay->clients);
    pm_filter_free(replay->filter);
    pm_filter_free(replay->late_filter);
    pm_answers_free(&replay->answers);
    pm_delayed_free(&replay->delayed);
}
