/* ruletest_seen.c - one run of a test of a rule file: what was decided and what left. */
#include "app/ruletest_seen.h"

#include <stdlib.h>
#include <string.h>

#include "app/input.h"
#include "app/verify_packet.h"

#define MTU 1500u

/* Engines are made anew for every way that a stream travels, and most of the time is their memory.
 * What is small enough cannot fill these stores. */
#define SMALL_STREAM_LEN  65536u
#define SMALL_STORE_BYTES (4u << 20)

struct watch {
    const struct pm_ruletest *test;
    struct pm_ruletest_seen *seen;
    uint32_t isn[2];
};

/* ------------------------------------------------------------------ watching */

static void judged(void *context, const struct pm_record *record, const struct pm_packet *packet,
                   const struct pm_decision *decision, uint64_t now_ns)
{
    struct watch *watch = context;
    (void)packet;
    (void)now_ns;
    if (record->frame > watch->seen->packet_count)
        return;
    struct pm_ruletest_seen_packet *seen = &watch->seen->packets[record->frame - 1];
    seen->decision = *decision;
    seen->was_judged = true;
}

/* As verify reads it, which shares no code with the engines. */
static struct pm_verify_packet read_emitted(const struct pm_emitted *emitted)
{
    struct pm_verify_packet packet = {.bytes = NULL};
    /* a record's bytes may be written to, but are not when they are only read */
    union {
        const uint8_t *lent;
        uint8_t *data;
    } bytes = {.lent = emitted->data};
    struct pm_record record = {.data = bytes.data,
                               .caplen = (uint32_t)emitted->len,
                               .origlen = (uint32_t)emitted->wire_len,
                               .frame = emitted->cookie,
                               .link = emitted->link};
    pm_verify_packet_read(&packet, &record);
    return packet;
}

/* Whether it meets what is expected; the first that does not is told. */
static void see_leaving(struct watch *watch, const struct pm_emitted *emitted, uint64_t now_ns)
{
    struct pm_ruletest_seen_packet *seen = &watch->seen->packets[emitted->cookie - 1];
    struct pm_packet packet = {.data = emitted->data,
                               .len = emitted->len,
                               .wire_len = emitted->wire_len,
                               .link = emitted->link,
                               .dir = emitted->dir};
    if (seen->leaving == NULL || seen->unmet != NULL)
        return;
    struct pm_decision d = pm_filter_decide(seen->leaving, &packet, now_ns);
    if (d.verdict == PM_DROP && d.rule != PM_NO_RULE)
        seen->unmet = pm_policy_rule_id(watch->test->expected[emitted->cookie - 1].leaving, d.rule);
}

static void see_payload(struct watch *watch, const struct pm_emitted *emitted,
                        const struct pm_verify_packet *p)
{
    struct pm_ruletest_seen_packet *seen = &watch->seen->packets[emitted->cookie - 1];
    const uint8_t *from = p->bytes + p->payload_off;
    size_t len = p->payload_there;
    seen->left = true;
    if (p->kind != PM_VERIFY_TCP && p->kind != PM_VERIFY_UDP) {
        len = p->kind == PM_VERIFY_ICMP && p->l4_len > 8 ? p->l4_len - 8 : 0;
        from = p->bytes + p->l4_off + 8;
    }
    if (len == 0)
        return;
    uint8_t *grown = realloc(seen->payload, seen->len + len);
    if (grown == NULL) {
        watch->seen->no_memory = true;
        return;
    }
    memcpy(grown + seen->len, from, len);
    seen->payload = grown;
    seen->len += len;
}

static void see_segment(struct watch *watch, const struct pm_emitted *emitted,
                        const struct pm_verify_packet *p)
{
    enum pm_dir to_server = watch->test->stream.is_in ? PM_DIR_IN : PM_DIR_OUT;
    unsigned way = emitted->dir == to_server ? 0 : 1;
    uint32_t syn = p->flags & PM_VERIFY_SYN ? 1 : 0;
    if (p->kind != PM_VERIFY_TCP || (p->flags & PM_VERIFY_RST) != 0)
        return;
    pm_assembly_put(&watch->seen->ways[way], (int32_t)(p->seq + syn - watch->isn[way] - 1),
                    p->bytes + p->payload_off, p->payload_there);
}

static void emitted(void *context, const struct pm_emitted *what, uint64_t now_ns)
{
    struct watch *watch = context;
    struct pm_verify_packet packet = read_emitted(what);
    if (watch->test->kind == PM_RULETEST_STREAM)
        see_segment(watch, what, &packet);
    if (watch->test->kind == PM_RULETEST_STREAM || what->cookie < 1 ||
        what->cookie > watch->seen->packet_count)
        return;
    see_payload(watch, what, &packet);
    see_leaving(watch, what, now_ns);
}

/* ------------------------------------------------------------------ running */

/* Verdict rules: packets. Rewrite rules: replacements, or packets where they only change headers.
 */
static uint64_t hits_of(const struct pm_replay *replay, uint32_t rule)
{
    const struct pm_rule_stats *rewriter =
        replay->rewriter == NULL ? NULL : pm_rewriter_rule_stats(replay->rewriter, rule);
    uint64_t hits = pm_filter_rule_stats(replay->filter, rule)->packets;
    if (rewriter != NULL)
        hits += rewriter->edits > 0 ? rewriter->edits : rewriter->packets;
    return hits;
}

static uint32_t rule_named(const struct pm_policy *policy, const char *id)
{
    for (uint32_t i = 0; i < pm_policy_rule_count(policy); i++)
        if (strcmp(pm_policy_rule_id(policy, i), id) == 0)
            return i;
    return PM_NO_RULE;
}

static struct pm_answer_entry entry_of(const struct pm_ruletest_answer *answer)
{
    static const enum pm_answer_for fors[] = {[PM_RULETEST_FOR_FLOW] = PM_FOR_FLOW,
                                              [PM_RULETEST_FOR_RULE] = PM_FOR_RULE,
                                              [PM_RULETEST_FOR_TIME] = PM_FOR_TIME};
    return (struct pm_answer_entry){.rule = PM_NO_RULE,
                                    .after_ns = answer->after_ns,
                                    .duration_ns = answer->duration_ns,
                                    .uses_left = answer->times,
                                    .answer_for = fors[answer->answer_for],
                                    .allow = answer->is_allow};
}

bool pm_ruletest_give_answers(const struct pm_ruletest *test, const struct pm_policy *policy,
                              struct pm_answers *answers)
{
    if (test->answer_count == 0)
        return true;
    answers->entries = calloc(test->answer_count, sizeof *answers->entries);
    if (answers->entries == NULL)
        return false;
    for (size_t i = 0; i < test->answer_count; i++) {
        const char *id = test->answers[i].rule;
        struct pm_answer_entry entry = entry_of(&test->answers[i]);
        if (id != NULL)
            entry.rule = rule_named(policy, id);
        if (id == NULL || entry.rule != PM_NO_RULE) /* a disabled rule asks nothing */
            answers->entries[answers->count++] = entry;
    }
    return true;
}

struct pm_replay_options pm_ruletest_options(const struct pm_ruletest *test)
{
    const struct pm_ruletest_stream *stream = &test->stream;
    struct pm_replay_options options = {
        .command = "test", .mtu = MTU, .seed = test->seed, .quiet = true};
    if (test->kind == PM_RULETEST_STREAM &&
        stream->bytes[0].len + stream->bytes[1].len <= SMALL_STREAM_LEN)
        options.store_bytes = SMALL_STORE_BYTES;
    return options;
}

static bool run_capture(struct watch *watch, struct pm_capture *capture, struct pm_policy *policy,
                        FILE *text)
{
    struct pm_replay_options options = pm_ruletest_options(watch->test);
    struct pm_observer observer = {.judged = judged, .emitted = emitted, .context = watch};
    struct pm_replay replay = {.options = &options, .policy = policy, .capture = capture};
    struct pm_progress progress;
    bool good;
    pm_replay_observe(&replay, &observer);
    good =
        pm_ruletest_give_answers(watch->test, policy, &replay.answers) && pm_replay_start(&replay);
    if (good) {
        pm_progress_start(&progress, true);
        pm_replay_run(&replay, &progress);
        for (uint32_t i = 0; i < pm_policy_rule_count(policy); i++)
            watch->seen->hits[i] = hits_of(&replay, i);
    }
    if (pm_capture_error(capture) != NULL) {
        fprintf(text, "%s\n", pm_capture_error(capture));
        good = false;
    }
    if (good && replay.no_memory) {
        fputs("no memory\n", text);
        good = false;
    }
    pm_replay_end(&replay);
    return good;
}

struct pm_capture *pm_ruletest_capture(const struct pm_ruletest *test,
                                       const struct pm_ruletest_plan *plan, uint32_t isn[2],
                                       FILE *text)
{
    struct pm_packetlist list = {.items = NULL};
    struct pm_capture *capture = NULL;
    uint32_t own[2];
    size_t len = 0;
    if (test->kind == PM_RULETEST_CAPTURE)
        return pm_input_open(test->capture, text);
    uint8_t *bytes = NULL;
    if (pm_ruletest_packets(test, plan, &list, isn == NULL ? own : isn))
        bytes = pm_packetlist_file(&list, true, &len);
    if (bytes != NULL)
        capture = pm_capture_open_bytes(test->name, bytes, len);
    if (list.is_full && text != NULL)
        fputs("it makes more than a million packets, or 256 MiB, or 16 interfaces\n", text);
    free(bytes);
    pm_packetlist_free(&list);
    return capture;
}

static bool ready_to_judge(const struct pm_ruletest *test, struct pm_ruletest_seen *seen)
{
    for (size_t i = 0; i < test->packet_count && test->expected != NULL; i++) {
        if (test->expected[i].leaving == NULL)
            continue;
        struct pm_error error = {.status = PM_OK};
        seen->packets[i].leaving =
            pm_filter_new(test->expected[i].leaving, &(struct pm_filter_config){.seed = 0}, &error);
        if (seen->packets[i].leaving == NULL)
            return false;
    }
    return true;
}

bool pm_ruletest_run(const struct pm_ruletest *test, const struct pm_ruletest_plan *plan,
                     struct pm_policy *policy, struct pm_ruletest_seen *seen, FILE *text)
{
    struct watch watch = {.test = test, .seen = seen};
    *seen = (struct pm_ruletest_seen){
        .packet_count = test->packet_count,
        .packets = calloc(test->packet_count + 1, sizeof *seen->packets),
        .hits = calloc(pm_policy_rule_count(policy) + 1, sizeof *seen->hits),
    };
    struct pm_capture *capture = NULL;
    if (seen->packets != NULL && seen->hits != NULL && ready_to_judge(test, seen))
        capture = pm_ruletest_capture(test, plan, watch.isn, text);
    if (capture == NULL) {
        fputs("its packets could not be made\n", text);
        return false;
    }
    bool good = run_capture(&watch, capture, policy, text);
    pm_capture_close(capture);
    if (seen->no_memory || seen->ways[0].no_memory || seen->ways[1].no_memory) {
        fputs("no memory\n", text);
        good = false;
    }
    return good;
}

void pm_ruletest_seen_free(struct pm_ruletest_seen *seen)
{
    for (size_t i = 0; i < seen->packet_count && seen->packets != NULL; i++) {
        free(seen->packets[i].payload);
        pm_filter_free(seen->packets[i].leaving);
    }
    free(seen->packets);
    free(seen->hits);
    pm_assembly_free(&seen->ways[0]);
    pm_assembly_free(&seen->ways[1]);
    *seen = (struct pm_ruletest_seen){.packets = NULL};
}
