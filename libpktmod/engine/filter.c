/* filter.c - the read-only packet filter: its life and the line each packet takes. */
#include "engine/filter.h"

#include <assert.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "wire/checksum.h"

#define NS_PER_S UINT64_C(1000000000)
#define TCP_SEQ  4

/* ------------------------------------------------------------------ life */

/* Of either stage. */
static bool may_copy(const struct pm_policy *policy)
{
    return policy->verdicts.tests_payload || policy->late_verdicts.tests_payload;
}

size_t pm_filter_footprint(const struct pm_policy *policy)
{
    const struct pm_settings *s = &policy->settings;
    return sizeof(struct pm_filter) +
           pm_flow_table_footprint(s->flows, sizeof(struct pm_filter_flow)) +
           pm_delay_footprint(s->delayed_packets) + pm_wholes_footprint(may_copy(policy)) +
           pm_cond_room_footprint(policy->conds) + pm_views_footprint(policy) +
           pm_hellos_footprint(policy) + pm_meters_footprint(policy) +
           pm_questions_footprint(policy) + (policy->rule_count + 1) * sizeof(struct pm_rule_stats);
}

static bool allocate(struct pm_filter *f, const struct pm_filter_config *config)
{
    const struct pm_settings *s = &f->policy->settings;
    struct pm_meters_config meters = {.seed = config->seed,
                                      .wall_ns = config->wall_ns,
                                      .hash_key = {config->hash_key[0], config->hash_key[1]},
                                      .forgotten = &f->stats.why[PM_WHY_METERS_FULL]};
    f->rules = calloc(f->policy->rule_count + 1, sizeof *f->rules);
    f->room = pm_cond_room_new(f->policy->conds);
    return f->rules && f->room &&
           pm_flow_table_init(&f->flows, s->flows, sizeof(struct pm_filter_flow), config->hash_key,
                              s->flow_idle_s * NS_PER_S) &&
           pm_delay_init(&f->delay, s->delayed_packets, s->delayed_bytes) &&
           pm_wholes_init(f, config->hash_key) && pm_meters_init(&f->meters, f->policy, &meters) &&
           pm_questions_init(&f->questions, f->policy) &&
           pm_views_init(&f->views, f->policy, f->verdicts->tests_streams) &&
           pm_hellos_init(&f->hellos, f->policy, f->verdicts->tests_hellos);
}

static void on_forget(void *context, struct pm_flow *flow)
{
    pm_view_forget(context, flow);
    pm_hello_forget(context, flow);
}

struct pm_filter *pm_filter_new(struct pm_policy *policy, const struct pm_filter_config *config,
                                struct pm_error *error)
{
    struct pm_filter *f = calloc(1, sizeof *f);
    if (f) {
        f->policy = pm_policy_ref(policy);
        f->stage = config->stage;
        f->verdicts = pm_policy_verdicts(policy, config->stage);
        f->seed = config->seed;
        f->has_replies = policy->settings.reject_rate > 0 &&
                         pm_bucket_rate_make(policy->settings.reject_rate, NS_PER_S,
                                             policy->settings.reject_rate, &f->reject_rate);
    }
    if (!f || !allocate(f, config)) {
        pm_filter_free(f);
        *error = (struct pm_error){PM_NO_MEMORY, "out of memory for the filter"};
        return NULL;
    }
    f->flows.on_forget = on_forget;
    f->flows.context = f;
    return f;
}

void pm_filter_free(struct pm_filter *filter)
{
    if (!filter)
        return;
    pm_meters_release(&filter->meters);
    pm_questions_release(&filter->questions);
    pm_delay_release(&filter->delay);
    pm_wholes_release(&filter->wholes);
    pm_flow_table_release(&filter->flows);
    pm_views_release(&filter->views);
    pm_hellos_release(&filter->hellos);
    pm_cond_room_free(filter->room);
    free(filter->rules);
    pm_policy_unref(filter->policy);
    free(filter);
}

/* ------------------------------------------------------------------ the line */

static void find_flow(struct pm_filter *f, struct pm_trial *t)
{
    enum pm_parse parse = t->headers.parse;
    t->tracked = (struct pm_tracked){.dir = t->packet->dir};
    t->number = f->stats.packets;
    if (parse == PM_PARSE_NOT_IP || parse == PM_PARSE_BAD_L3)
        return;
    pm_track(&f->flows, &t->headers, t->packet->dir, true, f->now_ns, &t->tracked);
    if (!t->tracked.flow)
        f->stats.why[PM_WHY_FLOWS_FULL]++;
    else if (t->tracked.is_new)
        f->stats.flows++;
    if (t->tracked.flow)
        t->number = pm_filter_own(t)->packets++;
    t->subject.has_flow = true;
    t->subject.to_server = t->tracked.to_server;
    t->subject.flow_is_new = t->tracked.is_new;
}

static bool is_bad(enum pm_sum_state sum)
{
    return sum == PM_SUM_WRONG || sum == PM_SUM_PARTIAL || sum == PM_SUM_ZERO;
}

static bool has_bad_checksum(const struct pm_trial *t)
{
    const struct pm_headers *h = &t->headers;
    if (h->parse == PM_PARSE_NOT_IP || h->parse == PM_PARSE_BAD_L3)
        return false;
    if (is_bad(pm_check_ip(h)))
        return true;
    return h->parse == PM_PARSE_L4 && t->packet->csum != PM_CSUM_PARTIAL && is_bad(pm_check_l4(h));
}

/* What a reset would have to go on behind. */
static void note_sent(struct pm_trial *t)
{
    const struct pm_headers *h = &t->headers;
    bool is_segment = h->parse == PM_PARSE_L4 && h->ip_proto == PM_PROTO_TCP;
    enum pm_verdict verdict = t->decision.verdict;
    bool may_go =
        verdict != PM_DROP && verdict != PM_REJECT && t->decision.why != PM_WHY_HELLO_HELD;
    if (!is_segment || !t->tracked.flow || !may_go)
        return;
    struct pm_filter_flow *flow = pm_filter_own(t);
    unsigned side = t->tracked.side;
    uint32_t end = pm_get32(pm_l4(h) + TCP_SEQ) + pm_segment_len(h);
    bool is_known = flow->has_sent & (1u << side);
    if (is_known && (int32_t)(end - flow->sent_end[side]) <= 0)
        return;
    flow->sent_end[side] = end;
    flow->has_sent |= (uint8_t)(1u << side);
}

/* Why it is dropped before any rule is asked; NONE: it is not. */
static enum pm_why refusal_of(struct pm_filter *f, struct pm_trial *t)
{
    bool is_original = f->stage == PM_STAGE_ORIGINAL;
    if (is_original && f->policy->settings.bad_checksum_drop && has_bad_checksum(t))
        return PM_WHY_BAD_CHECKSUM;
    enum pm_why unread = pm_view_take(f, t);
    pm_hello_take_datagram(f, t);
    pm_hello_show(f, t);
    if (pm_view_drops(f, t, unread))
        return unread;
    f->stats.why[unread] += unread != PM_WHY_NONE;
    t->told = unread != PM_WHY_NONE ? unread : t->told;
    return PM_WHY_NONE;
}

static void judge(struct pm_filter *f, struct pm_trial *t)
{
    enum pm_why refusal = refusal_of(f, t);
    if (f->explainer)
        pm_explain_trial(f, t, refusal, false);
    if (refusal != PM_WHY_NONE) {
        pm_put_verdict(t, true, refusal);
        return;
    }
    uint32_t rule = pm_verdict_rule(f, t);
    if (t->awaits_hello)
        pm_hello_wait(f, t);
    else if (rule != PM_NO_RULE)
        pm_apply_rule(f, t, rule);
    else
        pm_apply_default(f, t);
    pm_apply_order(f, t);
}

static void count(struct pm_filter *f, const struct pm_trial *t)
{
    struct pm_stats *s = &f->stats;
    uint64_t bytes = t->packet->wire_len;
    s->packets++;
    s->bytes += bytes;
    if (t->decision.why != PM_WHY_FLOWS_FULL) /* counted where the table was full */
        s->why[t->decision.why]++;
    switch (t->decision.verdict) {
    case PM_ALLOW:
        s->allowed++;
        s->allowed_bytes += bytes;
        break;
    case PM_DROP:
        s->dropped++;
        s->dropped_bytes += bytes;
        break;
    case PM_REJECT:
        s->rejected++;
        s->rejected_bytes += bytes;
        s->replies += t->decision.reply_count;
        break;
    case PM_DELAY:
        s->delayed++;
        s->delayed_bytes += bytes;
        break;
    case PM_ASK:
        s->asked++;
        s->asked_bytes += bytes;
        break;
    }
    s->flows_now = f->flows.pool.used;
    s->flows_max = f->flows.flows_max;
}

struct pm_decision pm_filter_decide(struct pm_filter *filter, const struct pm_packet *packet,
                                    uint64_t now_ns)
{
    struct pm_trial t;
    if (now_ns > filter->now_ns)
        filter->now_ns = now_ns;
    t.packet = packet;
    t.doubt = t.told = PM_WHY_NONE;
    t.awaits_hello = t.follows_held = false;
    t.decision =
        (struct pm_decision){.rule = PM_NO_RULE, .dry_rule = PM_NO_RULE, .dir = packet->dir};
    t.subject = (struct pm_subject){
        .headers = &t.headers, .packet = packet, .dir = packet->dir, .room = filter->room};

    pm_headers_parse(packet->link, packet->data, packet->len, packet->wire_len, &t.headers);
    pm_ask_expire(filter, filter->now_ns);
    pm_hello_expire(filter, filter->now_ns);
    find_flow(filter, &t);
    t.subject.dir = t.decision.dir = t.tracked.dir;
    t.decision.flow_id = t.tracked.flow ? t.tracked.flow->id : 0;
    t.decision.is_new_flow = t.tracked.flow && t.tracked.is_new;
    judge(filter, &t);
    if (filter->policy->has_reject)
        note_sent(&t);
    count(filter, &t);
    t.decision.is_settled = t.decision.verdict == PM_ALLOW && t.tracked.flow &&
                            pm_flow_is_settled(filter, t.tracked.flow);
    return t.decision;
}

struct pm_reply pm_filter_reply(const struct pm_filter *filter, uint32_t i)
{
    const struct pm_reply_room *reply = &filter->replies[i];
    enum pm_dir dir = filter->reply_dir;
    if (reply->to_sender && dir != PM_DIR_UNKNOWN)
        dir = dir == PM_DIR_OUT ? PM_DIR_IN : PM_DIR_OUT;
    return (struct pm_reply){.data = reply->bytes,
                             .len = reply->len,
                             .link = filter->reply_link,
                             .dir = dir,
                             .to_sender = reply->to_sender};
}

bool pm_filter_due(struct pm_filter *filter, uint64_t now_ns, struct pm_due *due)
{
    if (now_ns > filter->now_ns)
        filter->now_ns = now_ns;
    pm_ask_expire(filter, filter->now_ns);
    pm_hello_expire(filter, filter->now_ns);
    return pm_delay_take(&filter->delay, filter->now_ns, due);
}

uint64_t pm_filter_next_ns(const struct pm_filter *filter)
{
    uint64_t next_ns = pm_delay_next_ns(&filter->delay), hello_ns = pm_hello_next_ns(filter);
    const struct pm_question *q = pm_question_next(&filter->questions);
    next_ns = hello_ns < next_ns ? hello_ns : next_ns;
    return q && q->deadline_ns < next_ns ? q->deadline_ns : next_ns;
}

const struct pm_stats *pm_filter_stats(const struct pm_filter *filter)
{
    return &filter->stats;
}

const struct pm_rule_stats *pm_filter_rule_stats(const struct pm_filter *filter, uint32_t rule)
{
    assert(rule < filter->policy->rule_count);
    return &filter->rules[rule];
}
