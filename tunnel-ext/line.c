/* line.c - judged, rewritten, judged again; the contract is in line.h. */
#include "tunnel-ext/line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tunnel-ext/generation.h"
#include "tunnel-ext/packet.h"
#include "tunnel-ext/questions.h"
#include "tunnel-ext/waiting.h"

#define FOREVER_NS  (UINT64_MAX - 1)
#define IP_FRAGMENT 44 /* IPv6 */

struct pm_line {
    struct pm_line_config config;
    struct pm_line_listener listener;
    struct pm_generation_ends ends;
    struct pm_generation *generations[PM_LINE_GENERATIONS + 1]; /* the oldest first */
    unsigned count;
    struct pm_waiting waiting;
    struct pm_questions questions;
    struct pm_line_stats past; /* of generations that are gone */
    uint64_t numbers, now_ns, parted;
    bool is_replying; /* what is on its way tells of a reject */
    struct {
        struct pm_packet packet; /* data NULL: none */
        uint8_t bytes[PM_REPLY_MAX];
    } original; /* the packet at hand before it is rewritten, for the late filter */
};

static struct pm_generation *newest(const struct pm_line *line)
{
    return line->generations[line->count - 1];
}

static void see_time(struct pm_line *line, uint64_t now_ns)
{
    if (now_ns > line->now_ns)
        line->now_ns = now_ns;
}

/* ------------------------------------------------------------------ behind the rewriter */

/* Rules of stage after-rewrite let it pass. What tells of a reject has the numbers of who gets it:
 * it leaves as it is. */
static bool is_let_out(const struct pm_line *line, const struct pm_emitted *emitted)
{
    struct pm_filter *late = newest(line)->late;
    if (late == NULL || line->is_replying)
        return true;
    bool is_at_hand = !emitted->is_late && !emitted->is_own && line->original.packet.data != NULL;
    struct pm_packet packet = {.data = emitted->data,
                               .len = emitted->len,
                               .wire_len = emitted->len,
                               .link = emitted->link,
                               .dir = emitted->dir,
                               .csum = emitted->csum,
                               .gso_len = emitted->gso_len,
                               .original = is_at_hand ? &line->original.packet : NULL};
    struct pm_decision decision = pm_filter_decide(late, &packet, line->now_ns);
    for (uint32_t i = 0; i < decision.reply_count; i++) {
        struct pm_reply reply = pm_filter_reply(late, i);
        line->config.reply(line->config.context, reply.dir, reply.data, reply.len);
    }
    return decision.verdict == PM_ALLOW;
}

static void on_emit(void *context, const struct pm_emitted *emitted)
{
    const struct pm_line *line = context;
    if (is_let_out(line, emitted))
        line->config.leave(line->config.context, emitted);
}

static bool on_external(void *context, const struct pm_external_data *data)
{
    const struct pm_line *line = context;
    return line->config.external != NULL && line->config.external(line->config.context, data);
}

static void keep_original(struct pm_line *line, const struct pm_packet *packet)
{
    if (newest(line)->late == NULL)
        return;
    size_t len = packet->len < PM_REPLY_MAX ? packet->len : PM_REPLY_MAX;
    line->original.packet = *packet;
    line->original.packet.data = line->original.bytes;
    line->original.packet.len = len;
    memcpy(line->original.bytes, packet->data, len);
}

static bool is_part_of_tcp(const struct pm_packet *packet)
{
    struct pm_ippacket ip;
    if (!pm_ippacket_read(&ip, packet->data, packet->len) || !ip.is_fragment)
        return false;
    uint8_t proto = ip.proto == IP_FRAGMENT && ip.len > ip.l4_off ? ip.bytes[ip.l4_off] : ip.proto;
    return proto == PM_IP_TCP;
}

/* The latest that knows it: the ends of a connection that is over may be another one's. NULL: that
 * cannot be known. */
static struct pm_generation *owner_of(struct pm_line *line, const struct pm_packet *packet)
{
    if (line->count > 1 && is_part_of_tcp(packet))
        return NULL;
    for (unsigned i = line->count; line->count > 1 && i-- > 0;)
        if (pm_rewriter_knows(line->generations[i]->rewriter, packet, line->now_ns))
            return line->generations[i];
    return newest(line);
}

void pm_line_rewrite(struct pm_line *line, const struct pm_packet *packet, uint8_t *buffer,
                     uint64_t now_ns)
{
    see_time(line, now_ns);
    const struct pm_generation *owner = owner_of(line, packet);
    if (owner == NULL) {
        line->parted++;
        return;
    }
    keep_original(line, packet);
    pm_rewrite(owner->rewriter, packet, buffer, line->now_ns);
}

/* ------------------------------------------------------------------ before it */

/* Towards its sender a reply leaves as it is; towards the receiver it takes the sender's way. */
static void send_reply(struct pm_line *line, const struct pm_packet *rejected, uint32_t i)
{
    uint8_t bytes[PM_REPLY_MAX];
    struct pm_reply reply = pm_filter_reply(newest(line)->filter, i);
    struct pm_packet packet = {.data = bytes,
                               .len = reply.len,
                               .wire_len = reply.len,
                               .link = reply.link,
                               .dir = reply.dir,
                               .csum = PM_CSUM_ON_WIRE,
                               .final = PM_FINAL_NO,
                               .cookie = rejected->cookie};
    memcpy(bytes, reply.data, reply.len);
    line->is_replying = true;
    if (reply.to_sender)
        line->config.reply(line->config.context, reply.dir, bytes, reply.len);
    else
        pm_line_rewrite(line, &packet, bytes, line->now_ns);
    line->is_replying = false;
}

static void pass(struct pm_line *line, const struct pm_packet *packet, uint8_t *buffer,
                 bool is_final)
{
    struct pm_packet passed = *packet;
    passed.final = is_final ? PM_FINAL_YES : PM_FINAL_NO;
    line->config.pass(line->config.context, &passed, buffer);
}

/* Its place is free before it passes: another one may want it. */
static void release(struct pm_line *line, const struct pm_generation *g, struct pm_due due)
{
    struct pm_waiting_packet kept = pm_waiting_take(&line->waiting, due.cookie);
    due.ask_id = pm_questions_public(&line->questions, g->filter, due.ask_id);
    if (line->listener.released != NULL)
        line->listener.released(line->listener.context, &kept.packet, kept.number, &due, g->policy,
                                line->now_ns);
    if (due.verdict == PM_ALLOW)
        pass(line, &kept.packet, kept.bytes, kept.packet.final == PM_FINAL_YES);
    free(kept.bytes);
}

static void release_due(struct pm_line *line, const struct pm_generation *g, uint64_t until_ns)
{
    struct pm_due due;
    while (pm_filter_due(g->filter, until_ns, &due))
        release(line, g, due);
}

static void hold(struct pm_line *line, const struct pm_packet *packet,
                 const struct pm_decision *decision)
{
    struct pm_packet kept = *packet;
    kept.final = decision->is_final ? PM_FINAL_YES : PM_FINAL_NO;
    pm_waiting_keep(&line->waiting, &kept, line->numbers);
    release_due(line, newest(line), line->now_ns);
}

void pm_line_judge(struct pm_line *line, const struct pm_packet *packet, uint8_t *buffer,
                   uint64_t now_ns)
{
    const struct pm_generation *g = newest(line);
    struct pm_packet judged = *packet;
    see_time(line, now_ns);
    if (line->config.only_rewrites) {
        line->config.pass(line->config.context, packet, buffer);
        return;
    }
    judged.cookie = pm_waiting_next_cookie(&line->waiting);
    struct pm_decision decision = pm_filter_decide(g->filter, &judged, line->now_ns);
    line->numbers++;
    pm_questions_note(&line->questions, g, &judged, &decision);
    judged.dir = decision.dir;
    if (line->listener.judged != NULL)
        line->listener.judged(line->listener.context, &judged, line->numbers, &decision, g->filter,
                              line->now_ns);
    switch (decision.verdict) {
    case PM_ALLOW:
        pass(line, packet, buffer, decision.is_final);
        break;
    case PM_DROP:
        break;
    case PM_REJECT:
        for (uint32_t i = 0; i < decision.reply_count; i++)
            send_reply(line, packet, i);
        break;
    case PM_DELAY:
    case PM_ASK:
        hold(line, packet, &decision);
        break;
    }
}

/* ------------------------------------------------------------------ time */

uint64_t pm_line_next_ns(const struct pm_line *line)
{
    uint64_t soonest_ns = UINT64_MAX;
    for (unsigned i = 0; i < line->count; i++) {
        uint64_t at_ns = pm_generation_next_ns(line->generations[i]);
        soonest_ns = at_ns < soonest_ns ? at_ns : soonest_ns;
    }
    return soonest_ns;
}

/* Of two at the same time, bytes that were held leave before packets that were delayed. */
void pm_line_due(struct pm_line *line, uint64_t now_ns)
{
    see_time(line, now_ns);
    for (unsigned i = 0; i < line->count; i++) {
        const struct pm_generation *g = line->generations[i];
        if (pm_rewriter_next_ns(g->rewriter) <= line->now_ns)
            pm_rewriter_due(g->rewriter, line->now_ns);
        release_due(line, g, line->now_ns);
    }
    pm_questions_close_due(&line->questions, line->now_ns);
}

void pm_line_flush(struct pm_line *line, uint64_t now_ns)
{
    see_time(line, now_ns);
    for (unsigned i = 0; i < line->count; i++) {
        release_due(line, line->generations[i], FOREVER_NS);
        pm_rewriter_flush(line->generations[i]->rewriter, line->now_ns);
    }
}

/* ------------------------------------------------------------------ generations */

static void bury(struct pm_line *line, unsigned i)
{
    struct pm_generation *g = line->generations[i];
    pm_questions_forget(&line->questions, g->filter);
    pm_stats_add(&line->past.filter, pm_filter_stats(g->filter));
    pm_stats_add(&line->past.rewriter, pm_rewriter_stats(g->rewriter));
    line->past.edits += pm_generation_edits(g);
    pm_generation_free(g);
    line->count--;
    memmove(&line->generations[i], &line->generations[i + 1],
            (line->count - i) * sizeof line->generations[0]);
}

static bool is_needed(const struct pm_line *line, const struct pm_generation *g)
{
    return pm_generation_next_ns(g) != UINT64_MAX ||
           pm_rewriter_is_needed(g->rewriter, line->now_ns);
}

void pm_line_tick(struct pm_line *line, uint64_t now_ns)
{
    see_time(line, now_ns);
    for (unsigned i = line->count - 1; i-- > 0;)
        if (!is_needed(line, line->generations[i]))
            bury(line, i);
}

bool pm_line_has_room(struct pm_line *line, const struct pm_policy *policy, uint64_t now_ns,
                      char *error, size_t error_cap)
{
    const struct pm_settings *s = pm_policy_settings(policy);
    pm_line_tick(line, now_ns);
    if (line->count > PM_LINE_GENERATIONS) {
        snprintf(error, error_cap,
                 "connections of %u earlier rule files still go on; more are not kept",
                 PM_LINE_GENERATIONS);
        return false;
    }
    if (pm_waiting_reserve(&line->waiting, s->delayed_packets + 1) &&
        pm_questions_reserve(&line->questions, s->asks))
        return true;
    snprintf(error, error_cap, "no memory");
    return false;
}

struct pm_generation *pm_line_prepare(const struct pm_line *line, struct pm_policy *policy,
                                      char *error, size_t error_cap)
{
    return pm_generation_new(policy, &line->config, &line->ends, error, error_cap);
}

void pm_line_replace(struct pm_line *line, struct pm_generation *next, uint64_t now_ns)
{
    const struct pm_generation *before = newest(line);
    pm_filter_adopt(next->filter, before->filter);
    if (next->late != NULL && before->late != NULL)
        pm_filter_adopt(next->late, before->late);
    line->generations[line->count++] = next;
    pm_line_tick(line, now_ns);
}

/* ------------------------------------------------------------------ life */

struct pm_line *pm_line_new(struct pm_policy *policy, const struct pm_line_config *config,
                            char *error, size_t error_cap)
{
    struct pm_line *line = calloc(1, sizeof *line);
    if (line == NULL) {
        snprintf(error, error_cap, "no memory");
        return NULL;
    }
    line->config = *config;
    line->ends = (struct pm_generation_ends){on_emit, on_external, line};
    line->questions.first = config->ask_id;
    line->questions.step = config->asks == 0 ? 1 : config->asks;
    line->generations[0] = pm_line_prepare(line, policy, error, error_cap);
    line->count = line->generations[0] != NULL;
    if (line->count > 0 &&
        pm_waiting_reserve(&line->waiting, pm_policy_settings(policy)->delayed_packets + 1) &&
        pm_questions_reserve(&line->questions, pm_policy_settings(policy)->asks))
        return line;
    if (line->count > 0)
        snprintf(error, error_cap, "no memory");
    pm_line_free(line);
    return NULL;
}

void pm_line_free(struct pm_line *line)
{
    if (line == NULL)
        return;
    for (unsigned i = 0; i < line->count; i++)
        pm_generation_free(line->generations[i]);
    pm_waiting_free(&line->waiting);
    pm_questions_free(&line->questions);
    free(line);
}

void pm_line_rest(struct pm_line *line)
{
    if (line->listener.rested != NULL)
        line->listener.rested(line->listener.context);
}

void pm_line_listen(struct pm_line *line, const struct pm_line_listener *listener)
{
    line->listener = *listener;
}

/* ------------------------------------------------------------------ looking */

size_t pm_line_asks(const struct pm_line *line, struct pm_line_ask *out, size_t cap)
{
    return pm_questions_open(&line->questions, out, cap);
}

bool pm_line_answer(struct pm_line *line, uint64_t id, bool allow, enum pm_answer_for answer_for,
                    uint64_t duration_ns, uint64_t now_ns)
{
    uint64_t filter_id;
    const struct pm_filter *filter = pm_questions_find(&line->questions, id, &filter_id);
    see_time(line, now_ns);
    for (unsigned i = 0; i < line->count && filter != NULL; i++) {
        if (line->generations[i]->filter != filter)
            continue;
        bool is_taken = pm_filter_answer(line->generations[i]->filter, filter_id, allow, answer_for,
                                         duration_ns, line->now_ns);
        if (is_taken)
            pm_questions_answered(&line->questions, id);
        return is_taken;
    }
    return false;
}

void pm_line_stats(const struct pm_line *line, struct pm_line_stats *out)
{
    *out = line->past;
    for (unsigned i = 0; i < line->count; i++) {
        const struct pm_generation *g = line->generations[i];
        pm_stats_add(&out->filter, pm_filter_stats(g->filter));
        pm_stats_add(&out->rewriter, pm_rewriter_stats(g->rewriter));
        out->edits += pm_generation_edits(g);
    }
    const struct pm_stats *now = pm_filter_stats(newest(line)->filter);
    out->filter.flows_now = now->flows_now;
    out->filter.flows_max = now->flows_max;
    out->waiting = line->waiting.used;
    out->asks = line->questions.used;
    out->generations = line->count - 1;
    out->parted = line->parted;
}

const struct pm_filter *pm_line_filter(const struct pm_line *line)
{
    return newest(line)->filter;
}

struct pm_rule_stats pm_line_rule_stats(const struct pm_line *line, uint32_t rule)
{
    const struct pm_generation *g = newest(line);
    struct pm_rule_stats stats = *pm_filter_rule_stats(g->filter, rule);
    const struct pm_rule_stats *rewritten = pm_rewriter_rule_stats(g->rewriter, rule);
    stats.packets += rewritten->packets;
    stats.bytes += rewritten->bytes;
    stats.edits += rewritten->edits;
    stats.grown_bytes += rewritten->grown_bytes;
    return stats;
}

struct pm_rewriter *pm_line_rewriter(const struct pm_line *line)
{
    return newest(line)->rewriter;
}
