/* apply.c - what the deciding rule does; the contract is in filter.h. */
#include "base/bytes.h"
#include "base/rng.h"
#include "engine/filter.h"

#define TCP_SEQ 4

void pm_put_verdict(struct pm_trial *t, bool drop, enum pm_why why)
{
    t->decision.verdict = drop ? PM_DROP : PM_ALLOW;
    t->decision.why = why;
}

struct pm_waiter pm_waiter_of(const struct pm_trial *t, enum pm_why why)
{
    size_t len = t->packet->len;
    return (struct pm_waiter){.due = {.cookie = t->packet->cookie,
                                      .verdict = PM_ALLOW,
                                      .why = why,
                                      .rule = t->decision.rule},
                              .len = len > UINT32_MAX ? UINT32_MAX : (uint32_t)len,
                              .wire_len = t->packet->wire_len};
}

static void delay_until(struct pm_filter *f, struct pm_trial *t, uint64_t release_ns,
                        enum pm_why why, bool drop_when_full)
{
    struct pm_waiter waiter = pm_waiter_of(t, why);
    switch (pm_delay_add(&f->delay, release_ns, &waiter, drop_when_full)) {
    case PM_DELAY_TAKEN:
        break;
    case PM_DELAY_TAKEN_ONE_LEFT_EARLY:
        f->stats.why[PM_WHY_DELAY_FULL]++;
        break;
    case PM_DELAY_REFUSED:
        pm_put_verdict(t, drop_when_full, PM_WHY_DELAY_FULL);
        return;
    }
    t->decision.verdict = PM_DELAY;
    t->decision.why = why;
    t->decision.release_ns = release_ns;
}

/* delay_ns +- jitter_ns, never below 0. */
static uint64_t draw_delay(struct pm_filter *f, struct pm_trial *t, const struct pm_rule *rule,
                           const struct pm_pause *pause)
{
    if (pause->jitter_ns == 0)
        return pause->delay_ns;
    uint64_t flow_hash = t->tracked.flow ? t->tracked.flow->hash : 0;
    uint64_t count = t->tracked.flow ? pm_filter_own(t)->draws++ : f->stats.packets;
    uint64_t draw = pm_draw(f->seed, pm_rule_key_of_draws(f->policy, rule), flow_hash, count);
    uint64_t span = pm_draw_below(draw, 2 * pause->jitter_ns + 1);
    uint64_t sum = pause->delay_ns + span;
    return sum > pause->jitter_ns ? sum - pause->jitter_ns : 0;
}

static void delay(struct pm_filter *f, struct pm_trial *t, const struct pm_rule *rule)
{
    const struct pm_pause *pause = &f->policy->pauses[rule->pause];
    uint64_t release_ns = f->now_ns + draw_delay(f, t, rule, pause);
    if (pause->keep_order && t->tracked.flow) {
        uint64_t *hold = &pm_filter_own(t)->hold_until_ns[t->tracked.side];
        if (release_ns < *hold)
            release_ns = *hold;
        *hold = release_ns;
    }
    delay_until(f, t, release_ns, PM_WHY_RULE, pause->drop_when_full);
}

/* ------------------------------------------------------------------ reject */

static struct pm_reply_room *next_reply(struct pm_filter *f, struct pm_trial *t)
{
    if (!f->has_replies || !pm_bucket_take(&f->reject_bucket, &f->reject_rate, f->now_ns)) {
        t->decision.why = PM_WHY_REJECT_LIMITED;
        return NULL;
    }
    return &f->replies[t->decision.reply_count++];
}

/* Where the receiver expects the sender to go on: behind what was let through, which is not the
 * segment itself where that is a repeated one. */
static uint32_t next_seq(const struct pm_trial *t)
{
    unsigned side = t->tracked.side;
    if (t->tracked.flow && (pm_filter_own(t)->has_sent & (1u << side)))
        return pm_filter_own(t)->sent_end[side];
    return pm_get32(pm_l4(&t->headers) + TCP_SEQ);
}

/* The packet as its sender knows it. */
struct sent {
    const struct pm_packet *packet; /* NULL: gone */
    struct pm_headers headers;
};

static void read_sent(const struct pm_filter *f, const struct pm_trial *t, struct sent *sent)
{
    const struct pm_packet *original = t->packet->original;
    sent->packet = t->packet;
    sent->headers = t->headers;
    if (f->stage == PM_STAGE_ORIGINAL)
        return;
    sent->packet = original && original->link == t->packet->link ? original : NULL;
    if (sent->packet)
        pm_headers_parse(original->link, original->data, original->len, original->wire_len,
                         &sent->headers);
}

static void reset(struct pm_filter *f, struct pm_trial *t, const struct sent *sent)
{
    const struct pm_headers *h = &t->headers;
    uint16_t link = t->packet->link;
    struct pm_reply_room *reply = sent->packet ? next_reply(f, t) : NULL;
    if (reply)
        pm_reject_reset(&sent->headers, link, true, 0, reply);
    if (!(h->tcp_flags & PM_ACK))
        return;
    reply = next_reply(f, t);
    if (reply)
        pm_reject_reset(h, link, false, next_seq(t), reply);
}

static void prohibit(struct pm_filter *f, struct pm_trial *t, const struct sent *sent)
{
    struct pm_reply_room *reply = next_reply(f, t);
    if (reply)
        pm_reject_prohibited(&sent->headers, t->packet->link, reply);
}

/* Somebody can be told, and may be. */
static bool can_tell(const struct pm_trial *t, const struct sent *sent, bool wants_reset)
{
    const struct pm_headers *h = &t->headers;
    bool is_segment = h->parse == PM_PARSE_L4 && h->ip_proto == PM_PROTO_TCP && !h->is_unmodifiable;
    bool has_receiver = wants_reset && is_segment && (h->tcp_flags & PM_ACK);
    if (!pm_reject_may_tell(h, t->packet) || (wants_reset && !is_segment))
        return false;
    return sent->packet ? pm_reject_may_tell(&sent->headers, sent->packet) : has_receiver;
}

static void reject(struct pm_filter *f, struct pm_trial *t, const struct pm_rule *rule)
{
    struct sent sent;
    bool wants_reset = rule->reject == PM_REJECT_TCP_RESET ||
                       (rule->reject == PM_REJECT_AUTO && t->headers.ip_proto == PM_PROTO_TCP);
    read_sent(f, t, &sent);
    t->decision.verdict = PM_REJECT;
    t->decision.why = PM_WHY_RULE;
    f->reply_dir = t->decision.dir;
    f->reply_link = t->packet->link;
    if (!can_tell(t, &sent, wants_reset))
        t->decision.why = PM_WHY_REJECT_SILENT;
    else if (wants_reset)
        reset(f, t, &sent);
    else
        prohibit(f, t, &sent);
}

/* ------------------------------------------------------------------ rule or default */

void pm_apply_rule(struct pm_filter *f, struct pm_trial *t, uint32_t index)
{
    const struct pm_rule *rule = &f->policy->rules[index];
    t->decision.rule = index;
    t->decision.is_final = rule->final;
    pm_verdict_count(f, index, t);
    switch ((enum pm_action)rule->action) {
    case PM_ACTION_ALLOW:
    case PM_ACTION_LOG:
    case PM_ACTION_REWRITE:
        pm_put_verdict(t, false, PM_WHY_RULE);
        break;
    case PM_ACTION_DROP:
        pm_put_verdict(t, true, PM_WHY_RULE);
        break;
    case PM_ACTION_DELAY:
        delay(f, t, rule);
        break;
    case PM_ACTION_REJECT:
        reject(f, t, rule);
        break;
    case PM_ACTION_ASK:
        pm_ask(f, t, rule);
        break;
    }
}

/* Nothing matched: the default, or what the policy says where the packet could not be read or
 * tracked; then the stricter of both. */
void pm_apply_default(const struct pm_filter *f, struct pm_trial *t)
{
    const struct pm_settings *s = &f->policy->settings;
    enum pm_parse parse = t->headers.parse;
    bool is_original = f->stage == PM_STAGE_ORIGINAL;
    bool default_drop = is_original && s->default_drop;
    if (t->doubt != PM_WHY_NONE)
        pm_put_verdict(t, true, t->doubt);
    else if (parse == PM_PARSE_BAD_L3 || parse == PM_PARSE_BAD_L4)
        pm_put_verdict(t, default_drop || s->engine_error_drop,
                       t->headers.is_truncated ? PM_WHY_TRUNCATED : PM_WHY_MALFORMED);
    else if (parse != PM_PARSE_NOT_IP && !t->tracked.flow)
        pm_put_verdict(t, default_drop || s->engine_error_drop, PM_WHY_FLOWS_FULL);
    else
        pm_put_verdict(t, default_drop, is_original ? PM_WHY_DEFAULT : PM_WHY_NONE);
}

void pm_apply_order(struct pm_filter *f, struct pm_trial *t)
{
    bool follows_held = pm_hello_settle(f, t);
    if (!t->tracked.flow || t->decision.verdict != PM_ALLOW)
        return;
    if (pm_ask_follow(f, t))
        return;
    uint64_t hold_ns = pm_filter_own(t)->hold_until_ns[t->tracked.side];
    if (follows_held && hold_ns < f->now_ns)
        hold_ns = f->now_ns;
    if (hold_ns > f->now_ns || follows_held)
        delay_until(f, t, hold_ns, PM_WHY_KEPT_ORDER, false);
}
