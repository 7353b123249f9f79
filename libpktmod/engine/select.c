/* select.c - which rewrite rules hold for a packet. */
#include <string.h>

#include "engine/rewriter.h"
#include "proto/dns.h"

/* ------------------------------------------------------------------ modifiers */

enum answer { ANSWER_ASKED = 1, ANSWER_MATCHED = 2 };

/* Where the flow keeps what the rule answered: two bits of a byte. */
static uint8_t *answer_at(const struct pm_passage *p, const struct pm_rule *rule, unsigned *shift)
{
    uint8_t *answers = (uint8_t *)(pm_rewriter_own(p) + 1);
    *shift = rule->answer % 4 * 2;
    return &answers[rule->answer / 4];
}

/* Its answer is for the flow: a repeated segment gets what the first one got. */
static bool is_asked_once(const struct pm_passage *p, const struct pm_rule *rule)
{
    return rule->answer != PM_NO_SLOT && (p->headers.ip_proto == PM_PROTO_TCP || rule->has_nat);
}

bool pm_select_recall(const struct pm_passage *p, const struct pm_rule *rule,
                      struct pm_about_modifiers *out)
{
    unsigned shift;
    if (!is_asked_once(p, rule))
        return false;
    uint8_t answer = (uint8_t)(*answer_at(p, rule, &shift) >> shift);
    if (!(answer & ANSWER_ASKED))
        return false;
    out->is_kept = true;
    out->refused_by = answer & ANSWER_MATCHED ? PM_MODIFIER_NONE : PM_MODIFIER_BEFORE;
    return true;
}

static bool ask(struct pm_rewriter *r, const struct pm_passage *p, const struct pm_rule *rule)
{
    struct pm_occasion occasion = {
        .subject = &p->subject, .flow = p->tracked.flow, .number = p->number, .now_ns = r->now_ns};
    return pm_meters_admit(&r->meters, rule, &occasion);
}

static bool ask_for_flow(struct pm_rewriter *r, const struct pm_passage *p,
                         const struct pm_rule *rule)
{
    unsigned shift;
    uint8_t *answer = answer_at(p, rule, &shift);
    if (!(*answer >> shift & ANSWER_ASKED)) {
        bool matched = ask(r, p, rule);
        *answer |= (uint8_t)((ANSWER_ASKED | (matched ? ANSWER_MATCHED : 0)) << shift);
    }
    return *answer >> shift & ANSWER_MATCHED;
}

/* What no packet brought is not counted: bytes that waited leave without edits of single packets
 * that have modifiers. */
bool pm_select_admits(struct pm_rewriter *r, const struct pm_passage *p, const struct pm_rule *rule)
{
    if (rule->modifier == PM_NO_SLOT)
        return true;
    if (is_asked_once(p, rule))
        return ask_for_flow(r, p, rule);
    return !p->is_late && ask(r, p, rule);
}

/* ------------------------------------------------------------------ rules of a side */

static void note_rule(const struct pm_policy *policy, struct pm_side *side, uint32_t index,
                      enum pm_truth truth)
{
    const struct pm_rule *rule = &policy->rules[index];
    side->may_replace |= pm_rule_edits_text(rule);
    side->may_frame |= rule->has_http;
    side->may_assign |= rule->has_assign;
    side->may_dns |= rule->dns_count > 0;
    side->may_more |= rule->has_nat | rule->has_options | rule->has_impair;
    bool must_be_asked = truth != PM_TRUE || rule->modifier != PM_NO_SLOT;
    if (must_be_asked || side->count == PM_SIDE_RULES)
        side->is_static = 0;
    else
        side->rules[side->count++] = index;
}

/* The packet that answers this one, as far as its flow goes: nothing but its addresses and ports is
 * turned round. */
struct mirror {
    uint8_t bytes[PM_LINK_ROOM + 40];
    struct pm_headers headers;
    struct pm_subject subject;
};

static void swap(uint8_t *a, uint8_t *b, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        uint8_t byte = a[i];
        a[i] = b[i];
        b[i] = byte;
    }
}

static bool make_mirror(const struct pm_subject *s, struct mirror *out)
{
    const struct pm_headers *h = s->headers;
    if (h->parse != PM_PARSE_L4 || h->ip_proto != PM_PROTO_TCP ||
        h->payload_off > sizeof out->bytes)
        return false;
    memcpy(out->bytes, h->data, h->payload_off);
    out->headers = *h;
    out->headers.data = out->bytes;
    out->headers.src_port = h->dst_port;
    out->headers.dst_port = h->src_port;
    uint8_t *l3 = out->bytes + h->l3_off, *l4 = out->bytes + h->l4_off;
    if (h->ip_version == 4)
        swap(l3 + 12, l3 + 16, 4);
    else
        swap(l3 + 8, l3 + 24, 16);
    swap(l4, l4 + 2, 2);
    out->subject = *s;
    out->subject.headers = &out->headers;
    out->subject.to_server = !s->to_server;
    out->subject.dir = s->dir == PM_DIR_UNKNOWN ? s->dir
                       : s->dir == PM_DIR_IN    ? PM_DIR_OUT
                                                : PM_DIR_IN;
    return true;
}

/* Whether rules read messages of the other side: then this one is read too. */
static bool is_framed_for_other(struct pm_rewriter *r, const struct pm_passage *p)
{
    const struct pm_policy *policy = r->policy;
    struct mirror mirror;
    struct pm_rule_walk walk;
    uint32_t position;
    if (policy->http_rules == 0 || !make_mirror(&p->subject, &mirror))
        return false;
    pm_rule_walk_begin(&walk, r->rewrites, &mirror.subject, 0);
    while ((position = pm_rule_walk_next(&walk)) != PM_NO_RULE) {
        const struct pm_rule *rule = &policy->rules[r->rewrites->rules[position]];
        if (rule->has_http &&
            pm_cond_for_flow(policy->conds, rule->match, &mirror.subject) != PM_FALSE)
            return true;
    }
    return false;
}

/* Whether messages of the packet's stream may meet the rule, which has edits for them. */
static bool may_meet_messages(const struct pm_policy *policy, const struct pm_passage *p,
                              const struct pm_rule *rule)
{
    const struct pm_headers *h = &p->headers;
    struct pm_subject subject = p->subject;
    if (rule->dns_count == 0 || h->parse != PM_PARSE_L4 || h->ip_proto != PM_PROTO_TCP ||
        !pm_dns_is_stream(h->src_port, h->dst_port))
        return false;
    subject.carries_dns = true;
    return pm_cond_for_flow(policy->conds, rule->match, &subject) != PM_FALSE;
}

struct pm_side *pm_select_side(struct pm_rewriter *r, const struct pm_passage *p)
{
    const struct pm_policy *policy = r->policy;
    struct pm_side *side = &pm_rewriter_own(p)->sides[p->tracked.side];
    if (side->is_known)
        return side;
    *side = (struct pm_side){.is_known = 1, .is_static = 1};
    struct pm_rule_walk walk;
    uint32_t position;
    pm_rule_walk_begin(&walk, r->rewrites, &p->subject, 0);
    while ((position = pm_rule_walk_next(&walk)) != PM_NO_RULE) {
        uint32_t rule = r->rewrites->rules[position];
        enum pm_truth truth =
            pm_cond_for_flow(policy->conds, policy->rules[rule].match, &p->subject);
        if (truth != PM_FALSE)
            note_rule(policy, side, rule, truth);
        if (may_meet_messages(policy, p, &policy->rules[rule]))
            side->may_dns = side->may_replace = 1;
    }
    side->may_frame = side->may_frame || is_framed_for_other(r, p);
    side->may_replace |= side->may_frame;
    return side;
}

static void take_literals(const struct pm_policy *policy, const struct pm_rule *rule,
                          struct pm_selection *s)
{
    for (uint32_t i = 0; i < rule->literal_count; i++) {
        uint32_t op = policy->literal_op[rule->first_literal + i];
        s->has_datagram |= pm_where_is_payload(policy->ops[op].replace.where);
        if (s->literal_count == PM_SCAN_CURSORS) {
            s->is_many = true;
            continue;
        }
        s->literals[s->literal_count++] = rule->first_literal + i;
    }
}

static void take_regexes(const struct pm_policy *policy, const struct pm_rule *rule,
                         struct pm_selection *s)
{
    for (uint32_t i = 0; i < rule->regex_count; i++) {
        uint32_t op = policy->regex_op[rule->first_regex + i];
        s->has_datagram |= pm_where_is_payload(policy->ops[op].replace.where);
    }
}

static void take_splices(const struct pm_policy *policy, const struct pm_rule *rule,
                         struct pm_selection *s)
{
    for (uint32_t i = 0; rule->splice_count > 0 && i < rule->op_count; i++) {
        const struct pm_op *op = &policy->ops[rule->first_op + i];
        if (op->kind == PM_OP_INSERT || op->kind == PM_OP_DELETE)
            s->has_datagram |= pm_where_is_payload(op->splice.where);
    }
}

static void take_rule(struct pm_rewriter *r, struct pm_selection *s, uint32_t index)
{
    const struct pm_rule *rule = &r->policy->rules[index];
    s->rules[s->count++] = index;
    s->has_replace |= pm_rule_edits_text(rule);
    s->has_splice |= rule->splice_count > 0;
    if (rule->external && !s->external)
        s->external = rule->external;
    s->has_regex |= rule->regex_count > 0;
    s->has_dns |= rule->dns_count > 0;
    s->has_assign |= rule->has_assign;
    s->has_http |= rule->has_http;
    s->has_more |= rule->has_nat | rule->has_options | rule->has_impair;
    r->rule_mark[index] = s->epoch;
    take_literals(r->policy, rule, s);
    take_regexes(r->policy, rule, s);
    take_splices(r->policy, rule, s);
}

/* One that hangs on messages is asked again for each of them. */
static bool may_hold(struct pm_rewriter *r, const struct pm_passage *p, const struct pm_rule *rule)
{
    enum pm_truth truth = pm_cond_truth(r->policy->conds, rule->match, &p->subject);
    if (rule->tests_http)
        return truth != PM_FALSE;
    return truth == PM_TRUE && pm_select_admits(r, p, rule);
}

static void ask_rules(struct pm_rewriter *r, struct pm_passage *p)
{
    const struct pm_policy *policy = r->policy;
    struct pm_rule_walk walk;
    uint32_t position;
    pm_rule_walk_begin(&walk, r->rewrites, &p->subject, 0);
    while ((position = pm_rule_walk_next(&walk)) != PM_NO_RULE) {
        uint32_t rule = r->rewrites->rules[position];
        if (may_hold(r, p, &policy->rules[rule]))
            take_rule(r, &p->selection, rule);
    }
}

void pm_select(struct pm_rewriter *r, struct pm_passage *p)
{
    const struct pm_side *side = &pm_rewriter_own(p)->sides[p->tracked.side];
    p->selection.epoch = ++r->selections;
    if (!side->is_static) {
        ask_rules(r, p);
        return;
    }
    for (uint32_t i = 0; i < side->count; i++)
        take_rule(r, &p->selection, side->rules[i]);
}
