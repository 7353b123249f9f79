/* diff_packets.c - one capture through two policies, and the frames that fare differently. */
#include "app/diff_packets.h"

#include <stdlib.h>
#include <string.h>

#include "app/diff_flows.h"
#include "app/input.h"
#include "app/report.h"

#define GROUPS_MOST 4096u

/* ------------------------------------------------------------------ one run */

/* Not for keeping secrets: so that what differs is seen. */
static uint64_t stir(uint64_t digest, uint64_t word)
{
    digest = (digest ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return digest ^ digest >> 29;
}

static uint64_t digest_of(uint64_t digest, const uint8_t *bytes, size_t len)
{
    for (; len >= 8; bytes += 8, len -= 8) {
        uint64_t word;
        memcpy(&word, bytes, sizeof word);
        digest = stir(digest, word);
    }
    for (; len > 0; bytes++, len--)
        digest = stir(digest, *bytes);
    return digest;
}

static void on_judged(void *context, const struct pm_record *record, const struct pm_packet *packet,
                      const struct pm_decision *decision, uint64_t now_ns)
{
    struct pm_slot *slot = pm_slots_add(context, record->frame);
    (void)packet;
    (void)now_ns;
    slot->flow = decision->flow_id;
    slot->cause = (struct pm_slot_cause){
        .rule = decision->rule,
        .edit_rule = PM_NO_RULE,
        .why = (uint16_t)decision->why,
        .verdict = (uint8_t)decision->verdict,
        .ended = (uint8_t)decision->verdict,
    };
}

static void change_released(struct pm_slot *slot, const void *context)
{
    const struct pm_due *due = context;
    slot->cause.ended = (uint8_t)due->verdict;
}

static void on_released(void *context, const struct pm_record *record, const struct pm_due *due,
                        uint64_t now_ns)
{
    (void)now_ns;
    pm_slots_change(context, record->frame, change_released, due);
}

struct leaving {
    const struct pm_emitted *emitted;
    uint64_t now_ns;
};

static void change_emitted(struct pm_slot *slot, const void *context)
{
    const struct leaving *leaving = context;
    const struct pm_emitted *e = leaving->emitted;
    struct pm_slot_cause *cause = &slot->cause;
    uint64_t form = (uint64_t)e->dir << 56 ^ (uint64_t)e->link << 40 ^ (uint64_t)e->len;
    slot->bytes = digest_of(stir(stir(slot->bytes, form), e->wire_len), e->data, e->len);
    slot->times = stir(slot->times, leaving->now_ns);
    if (cause->left < UINT16_MAX)
        cause->left++;
    if (cause->edit_rule == PM_NO_RULE)
        cause->edit_rule = e->note_count > 0 ? e->notes[0].rule : e->header_rule;
    if (cause->edit_why == PM_WHY_NONE)
        cause->edit_why = (uint16_t)e->why;
}

static void on_emitted(void *context, const struct pm_emitted *emitted, uint64_t now_ns)
{
    const struct leaving leaving = {emitted, now_ns};
    pm_slots_change(context, emitted->cookie, change_emitted, &leaving);
}

static enum pm_exit run_engines(struct pm_replay *replay)
{
    struct pm_progress progress;
    const char *answers = replay->options->answers;
    if (answers != NULL && !pm_answers_load(&replay->answers, answers, replay->policy))
        return PM_EXIT_BAD_INPUT;
    if (!pm_replay_start(replay))
        return PM_EXIT_INTERNAL;
    pm_progress_start(&progress, replay->options->quiet);
    pm_replay_run(replay, &progress);
    pm_progress_end_ns(&progress);
    if (replay->no_memory)
        return pm_complain(PM_EXIT_INTERNAL, "diff: no memory for another delayed packet");
    if (replay->stopped_by != 0)
        return pm_complain((enum pm_exit)(PM_EXIT_SIGNAL + replay->stopped_by),
                           "diff: interrupted");
    return PM_EXIT_GOOD;
}

/* What becomes of every frame under the policy. */
static enum pm_exit run(struct pm_packets_diff *diff, const struct pm_replay_options *options,
                        struct pm_policy *policy, struct pm_slots *slots)
{
    const struct pm_observer observer = {
        .judged = on_judged, .released = on_released, .emitted = on_emitted, .context = slots};
    struct pm_replay replay = {
        .options = options, .policy = policy, .capture = pm_input_open(options->in, stderr)};
    if (replay.capture == NULL)
        return pm_complain(PM_EXIT_INTERNAL, "diff: no memory");
    const char *damage = pm_capture_error(replay.capture);
    enum pm_exit code = PM_EXIT_BAD_INPUT;
    if (damage != NULL) {
        pm_complain(code, "%s", damage);
    } else {
        pm_replay_observe(&replay, &observer);
        code = run_engines(&replay);
        diff->packets = replay.packets;
        damage = pm_capture_error(replay.capture);
        if (damage != NULL)
            snprintf(diff->damage, sizeof diff->damage, "%s", damage);
        pm_replay_end(&replay);
    }
    pm_capture_close(replay.capture);
    return code;
}

/* ------------------------------------------------------------------ grouping */

static bool name_is_same(const struct pm_packets_diff *diff, uint32_t old, uint32_t new)
{
    if (old == PM_NO_RULE || new == PM_NO_RULE)
        return old == new;
    return strcmp(pm_policy_rule_id(diff->old_policy, old),
                  pm_policy_rule_id(diff->new_policy, new)) == 0;
}

/* False: it fares the same. */
static bool fate_of(const struct pm_slot *old, const struct pm_slot *new, enum pm_fate *fate)
{
    const struct pm_slot_cause *a = &old->cause, *b = &new->cause;
    *fate = a->verdict != b->verdict || a->ended != b->ended ? PM_FATE_VERDICT
            : a->left != b->left                             ? PM_FATE_PRESENCE
            : old->bytes != new->bytes                       ? PM_FATE_BYTES
                                                             : PM_FATE_TIME;
    return *fate != PM_FATE_TIME || old->times != new->times;
}

static bool cause_is_same(const struct pm_slot_cause *a, const struct pm_slot_cause *b)
{
    return a->rule == b->rule && a->edit_rule == b->edit_rule && a->why == b->why &&
           a->edit_why == b->edit_why && a->verdict == b->verdict && a->ended == b->ended &&
           a->left == b->left;
}

static struct pm_diff_group *group_of(struct pm_packets_diff *diff, enum pm_fate fate,
                                      const struct pm_slot_cause *old,
                                      const struct pm_slot_cause *new)
{
    for (size_t i = 0; i < diff->group_count; i++) {
        struct pm_diff_group *group = diff->groups[i];
        if (group->fate == fate && cause_is_same(&group->old, old) &&
            cause_is_same(&group->new, new))
            return group;
    }
    if (diff->group_count == GROUPS_MOST)
        return NULL;
    if (diff->group_count == diff->group_cap) {
        size_t cap = diff->group_cap == 0 ? 16 : diff->group_cap * 2;
        struct pm_diff_group **grown = realloc(diff->groups, cap * sizeof *grown);
        if (grown == NULL)
            return NULL;
        diff->groups = grown;
        diff->group_cap = cap;
    }
    struct pm_diff_group *group = calloc(1, sizeof *group);
    if (group == NULL)
        return NULL;
    group->fate = fate;
    group->old = *old;
    group->new = *new;
    diff->groups[diff->group_count++] = group;
    return group;
}

/* Of packets that leave, how many do is told by PRESENCE alone; so it splits no other group. */
static struct pm_slot_cause plain(const struct pm_slot_cause *cause, enum pm_fate fate)
{
    struct pm_slot_cause made = *cause;
    if (fate != PM_FATE_PRESENCE)
        made.left = made.left > 0;
    return made;
}

static void add_changed(struct pm_packets_diff *diff, struct pm_diff_flows *flows, uint64_t frame,
                        const struct pm_slot *old, const struct pm_slot *new, enum pm_fate fate)
{
    const struct pm_slot_cause was = plain(&old->cause, fate), is = plain(&new->cause, fate);
    struct pm_diff_group *group = group_of(diff, fate, &was, &is);
    diff->changed++;
    if (group == NULL) {
        diff->ungrouped++;
        return;
    }
    if (group->count < PM_DIFF_FRAMES)
        group->frames[group->count] = frame;
    group->count++;
    if (old->flow != 0 && pm_diff_flows_is_new(flows, group, old->flow))
        group->flows++;
}

static void compare(struct pm_packets_diff *diff, struct pm_slots *old, struct pm_slots *new)
{
    struct pm_diff_flows flows = {.slots = NULL};
    struct pm_slot a, b;
    enum pm_fate fate;
    for (uint64_t frame = 1; pm_slots_read(old, frame, &a) && pm_slots_read(new, frame, &b);
         frame++) {
        if (fate_of(&a, &b, &fate))
            add_changed(diff, &flows, frame, &a, &b, fate);
        else if (!name_is_same(diff, a.cause.rule, b.cause.rule))
            diff->renamed++;
    }
    diff->are_flows_capped = flows.is_full;
    pm_diff_flows_free(&flows);
}

static int by_count(const void *a, const void *b)
{
    const struct pm_diff_group *left = *(struct pm_diff_group *const *)a,
                               *right = *(struct pm_diff_group *const *)b;
    if (left->count != right->count)
        return left->count < right->count ? 1 : -1;
    return left->frames[0] < right->frames[0] ? -1 : 1;
}

/* ------------------------------------------------------------------ who they are */

static size_t put_end(char *text, size_t cap, const struct pm_addr *addr, bool has_port,
                      uint16_t port)
{
    char name[PM_ADDR_TEXT];
    pm_addr_text(addr, name);
    int len = has_port ? snprintf(text, cap, addr->version == 6 ? "[%s]:%u" : "%s:%u", name, port)
                       : snprintf(text, cap, "%s", name);
    return len < 0 ? 0 : (size_t)len;
}

static void name_packet(const struct pm_record *record, char text[PM_DIFF_WHO])
{
    const struct pm_packet packet = {.data = record->data,
                                     .len = record->caplen,
                                     .wire_len = record->origlen > record->caplen ? record->origlen
                                                                                  : record->caplen,
                                     .link = record->link};
    struct pm_endpoints ends;
    if (!pm_packet_endpoints(&packet, &ends)) {
        snprintf(text, PM_DIFF_WHO, "not IP");
        return;
    }
    const char *proto = ends.ip_proto == 6    ? "TCP"
                        : ends.ip_proto == 17 ? "UDP"
                        : ends.ip_proto == 1  ? "ICMP"
                        : ends.ip_proto == 58 ? "ICMPv6"
                                              : "IP";
    size_t len = put_end(text, PM_DIFF_WHO, &ends.src, ends.has_ports, ends.src_port);
    len += (size_t)snprintf(text + len, PM_DIFF_WHO - len, " > ");
    len += put_end(text + len, PM_DIFF_WHO - len, &ends.dst, ends.has_ports, ends.dst_port);
    snprintf(text + len, PM_DIFF_WHO - len, " %s", proto);
}

static size_t kept(const struct pm_diff_group *group, size_t most)
{
    return group->count < most ? (size_t)group->count : most;
}

static void take_record(struct pm_packets_diff *diff, const struct pm_record *record, size_t most)
{
    for (size_t i = 0; i < diff->group_count; i++) {
        struct pm_diff_group *group = diff->groups[i];
        if (group->who_count < kept(group, most) && group->who != NULL &&
            group->frames[group->who_count] == record->frame)
            name_packet(record, group->who[group->who_count++]);
    }
}

static uint64_t last_named(const struct pm_packets_diff *diff, size_t most)
{
    uint64_t last = 0;
    for (size_t i = 0; i < diff->group_count; i++) {
        const struct pm_diff_group *group = diff->groups[i];
        uint64_t frame = group->frames[kept(group, most) - 1];
        last = frame > last ? frame : last;
    }
    return last;
}

/* Reads the capture once more, as far as it has frames that are shown. */
static void name_frames(struct pm_packets_diff *diff, size_t most)
{
    struct pm_record record;
    enum pm_step step;
    uint64_t last = last_named(diff, most), frame = 0;
    struct pm_capture *capture = last == 0 ? NULL : pm_input_open(diff->capture, stderr);
    for (size_t i = 0; i < diff->group_count; i++)
        diff->groups[i]->who = calloc(most, sizeof *diff->groups[i]->who);
    while (
        capture != NULL && frame < last &&
        ((step = pm_capture_next(capture, &record)) == PM_STEP_PACKET || step == PM_STEP_BLOCK)) {
        if (step != PM_STEP_PACKET)
            continue;
        frame = record.frame;
        take_record(diff, &record, most);
    }
    pm_capture_close(capture);
}

/* ------------------------------------------------------------------ all */

static enum pm_exit run_both(struct pm_packets_diff *diff, const struct pm_replay_options *options,
                             struct pm_slots *old, struct pm_slots *new)
{
    enum pm_exit code = run(diff, options, diff->old_policy, old);
    if (code == PM_EXIT_GOOD)
        code = run(diff, options, diff->new_policy, new);
    if (code == PM_EXIT_GOOD)
        compare(diff, old, new);
    int error = old->error != 0 ? old->error : new->error;
    if (code == PM_EXIT_GOOD && error != 0)
        code =
            pm_complain(PM_EXIT_BAD_INPUT, "diff: a temporary file (TMPDIR): %s", strerror(error));
    return code;
}

bool pm_packets_diff_find(struct pm_packets_diff *diff, const struct pm_replay_options *options,
                          struct pm_policy *old_policy, struct pm_policy *new_policy,
                          size_t who_most, enum pm_exit *code)
{
    struct pm_slots old, new = {.fd = -1};
    *diff = (struct pm_packets_diff){
        .capture = options->in, .old_policy = old_policy, .new_policy = new_policy};
    if (!pm_slots_open(&old) || !pm_slots_open(&new))
        *code = pm_complain(PM_EXIT_BAD_INPUT, "diff: a temporary file (TMPDIR): %s",
                            strerror(old.error != 0 ? old.error : new.error));
    else
        *code = run_both(diff, options, &old, &new);
    pm_slots_close(&old);
    pm_slots_close(&new);
    if (*code != PM_EXIT_GOOD)
        return false;
    if (diff->group_count > 1)
        qsort(diff->groups, diff->group_count, sizeof(struct pm_diff_group *), by_count);
    name_frames(diff, who_most);
    return true;
}

void pm_packets_diff_free(struct pm_packets_diff *diff)
{
    for (size_t i = 0; i < diff->group_count; i++) {
        free(diff->groups[i]->who);
        free(diff->groups[i]);
    }
    free(diff->groups);
    *diff = (struct pm_packets_diff){.capture = NULL};
}
