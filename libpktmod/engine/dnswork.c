/* dnswork.c - what rules make of one DNS message; the contract is in dnswork.h. */
#include "engine/dnswork.h"

#include <stdlib.h>
#include <string.h>

#include "proto/dnsedit.h"

size_t pm_dns_room_footprint(const struct pm_policy *policy)
{
    size_t per_op = sizeof(struct pm_dns_rename *) + 5 * sizeof(uint32_t);
    if (policy->dns_count == 0)
        return 0;
    return 3 * (size_t)PM_DNS_MESSAGE_MAX + PM_DNS_MADE_MAX + policy->dns_count * per_op;
}

bool pm_dns_room_init(struct pm_rewriter *r)
{
    struct pm_dns_room *room = &r->dns;
    size_t count = r->policy->dns_count;
    if (count == 0)
        return true;
    for (uint32_t i = 0; i < 3; i++)
        room->messages[i] = malloc(PM_DNS_MESSAGE_MAX);
    room->renames = calloc(count, sizeof *room->renames);
    room->rename_ops = calloc(count, sizeof *room->rename_ops);
    room->hits = calloc(count, sizeof *room->hits);
    room->ops = calloc(count, sizeof *room->ops);
    room->rules = calloc(count, sizeof *room->rules);
    room->selected = calloc(count, sizeof *room->selected);
    room->made = malloc(PM_DNS_MADE_MAX);
    if (!room->rules || !room->selected || !room->made)
        return false;
    for (uint32_t i = 0; i < r->rewrites->count; i++)
        if (r->policy->rules[r->rewrites->rules[i]].dns_count > 0)
            room->rules[room->rule_count++] = r->rewrites->rules[i];
    return room->messages[0] && room->messages[1] && room->messages[2] && room->renames &&
           room->rename_ops && room->hits && room->ops;
}

void pm_dns_room_release(struct pm_rewriter *r)
{
    struct pm_dns_room *room = &r->dns;
    for (uint32_t i = 0; i < 3; i++)
        free(room->messages[i]);
    free(room->renames);
    free(room->rename_ops);
    free(room->hits);
    free(room->ops);
    free(room->rules);
    free(room->selected);
    free(room->made);
}

/* ------------------------------------------------------------------ the selected ops */

/* A walk over the ops of one kind. */
struct ops {
    const struct pm_policy *policy;
    const struct pm_selection *s;
    enum pm_op_kind kind;
    uint32_t rule, op; /* places in both */
};

static uint32_t next_op(struct ops *walk)
{
    for (; walk->rule < walk->s->count; walk->rule++, walk->op = 0) {
        const struct pm_rule *rule = &walk->policy->rules[walk->s->rules[walk->rule]];
        while (rule->dns_count > 0 && walk->op < rule->op_count) {
            uint32_t op = rule->first_op + walk->op++;
            if (walk->policy->ops[op].kind == walk->kind)
                return op;
        }
    }
    return PM_NO_SLOT;
}

/* ------------------------------------------------------------------ edits */

static enum pm_why why_of(enum pm_dns_fate fate)
{
    switch (fate) {
    case PM_DNS_SAME:
    case PM_DNS_EDITED:
        break;
    case PM_DNS_MALFORMED:
        return PM_WHY_DNS_MALFORMED;
    case PM_DNS_SIGNED:
        return PM_WHY_DNS_SIGNED;
    case PM_DNS_UNFIT:
        return PM_WHY_DNS_UNFIT;
    }
    return PM_WHY_NONE;
}

/* The room that the message at hand does not lie in. */
static uint8_t *other_room(const struct pm_rewriter *r, const struct pm_dns *dns)
{
    return dns->bytes == r->dns.messages[1] ? r->dns.messages[2] : r->dns.messages[1];
}

/* What was written becomes the message at hand. */
static void move_on(struct pm_dns *dns, const uint8_t *made, size_t len)
{
    pm_dns_open(made, len, dns);
}

static enum pm_why rename_all(struct pm_rewriter *r, const struct pm_selection *s,
                              struct pm_dns *dns, struct pm_dns_work *work)
{
    struct pm_dns_room *room = &r->dns;
    struct ops walk = {.policy = r->policy, .s = s, .kind = PM_OP_DNS_NAME};
    uint32_t count = 0, op;
    size_t len;
    while ((op = next_op(&walk)) != PM_NO_SLOT) {
        room->renames[count] = r->policy->ops[op].dns_name;
        room->rename_ops[count++] = op;
    }
    if (count == 0)
        return PM_WHY_NONE;
    uint8_t *made = other_room(r, dns);
    enum pm_dns_fate fate =
        pm_dns_rename(dns, room->renames, count, room->hits, made, PM_DNS_MESSAGE_MAX, &len);
    if (fate != PM_DNS_EDITED)
        return why_of(fate);
    for (uint32_t i = 0; i < count; i++)
        if (room->hits[i] > 0)
            room->ops[work->op_count++] = room->rename_ops[i];
    move_on(dns, made, len);
    return PM_WHY_NONE;
}

static enum pm_why edit_all(struct pm_rewriter *r, const struct pm_selection *s, struct pm_dns *dns,
                            struct pm_dns_work *work)
{
    struct ops walk = {.policy = r->policy, .s = s, .kind = PM_OP_DNS};
    uint32_t op;
    size_t len;
    while ((op = next_op(&walk)) != PM_NO_SLOT) {
        uint8_t *made = other_room(r, dns);
        enum pm_dns_fate fate =
            pm_dns_edit(dns, r->policy->ops[op].dns, made, PM_DNS_MESSAGE_MAX, &len);
        if (why_of(fate) != PM_WHY_NONE)
            return why_of(fate);
        if (fate == PM_DNS_SAME)
            continue;
        r->dns.ops[work->op_count++] = op;
        move_on(dns, made, len);
    }
    return PM_WHY_NONE;
}

/* An answer only: a query that is too long is the caller's to refuse. */
static void cut(struct pm_rewriter *r, struct pm_dns *dns, const struct pm_dns_work *work)
{
    size_t len;
    if (dns->len <= work->most || !pm_dns_is_response(dns))
        return;
    uint8_t *made = other_room(r, dns);
    if (pm_dns_cut(dns, made, PM_DNS_MESSAGE_MAX, &len) != PM_DNS_EDITED)
        return;
    pm_count_why(r, PM_WHY_DNS_CUT);
    move_on(dns, made, len);
}

enum pm_why pm_dns_work(struct pm_rewriter *r, const struct pm_selection *s,
                        struct pm_dns_work *work)
{
    struct pm_dns dns;
    work->op_count = 0;
    enum pm_why why = why_of(pm_dns_examine(work->bytes, work->len, &dns));
    if (why == PM_WHY_NONE)
        why = rename_all(r, s, &dns, work);
    if (why == PM_WHY_NONE)
        why = edit_all(r, s, &dns, work);
    if (why != PM_WHY_NONE || work->op_count == 0)
        return why;
    cut(r, &dns, work);
    if (dns.len == work->len && memcmp(dns.bytes, work->bytes, dns.len) == 0)
        work->op_count = 0; /* one edit took back what another did */
    work->bytes = dns.bytes;
    work->len = dns.len;
    return PM_WHY_NONE;
}

/* ------------------------------------------------------------------ answers of ours */

uint32_t pm_dns_responder(const struct pm_rewriter *r, const struct pm_selection *s)
{
    struct ops walk = {.policy = r->policy, .s = s, .kind = PM_OP_DNS};
    uint32_t op;
    while ((op = next_op(&walk)) != PM_NO_SLOT)
        if (r->policy->ops[op].dns->responds)
            return op;
    return PM_NO_SLOT;
}

enum pm_why pm_dns_answer(struct pm_rewriter *r, uint32_t op, struct pm_dns_work *work)
{
    struct pm_dns query, answer;
    size_t len = 0;
    enum pm_dns_fate fate = pm_dns_examine(work->bytes, work->len, &query);
    if (fate == PM_DNS_SAME)
        fate = pm_dns_respond(&query, r->policy->ops[op].dns, r->dns.messages[1],
                              PM_DNS_MESSAGE_MAX, &len);
    if (fate != PM_DNS_EDITED)
        return why_of(fate);
    if (pm_dns_size_taken(&query) < work->most)
        work->most = pm_dns_size_taken(&query);
    pm_dns_open(r->dns.messages[1], len, &answer);
    cut(r, &answer, work);
    work->bytes = answer.bytes;
    work->len = answer.len;
    r->dns.ops[0] = op;
    work->op_count = 1;
    return PM_WHY_NONE;
}

/* ------------------------------------------------------------------ the plan */

struct pm_plan_edit pm_dns_plan(const struct pm_rewriter *r, const struct pm_dns_work *work,
                                const uint8_t *from, size_t from_len, uint32_t position)
{
    size_t least = from_len < work->len ? from_len : work->len, head = 0, tail = 0;
    while (head < least && from[head] == work->bytes[head])
        head++;
    while (tail < least - head && from[from_len - 1 - tail] == work->bytes[work->len - 1 - tail])
        tail++;
    return (struct pm_plan_edit){.position = position + (uint32_t)head,
                                 .op = r->dns.ops[0],
                                 .old_len = (uint32_t)(from_len - head - tail),
                                 .new_len = (uint32_t)(work->len - head - tail),
                                 .with = work->bytes + head,
                                 .was = from + head};
}

void pm_dns_count(struct pm_rewriter *r, const struct pm_passage *p, const struct pm_dns_work *work)
{
    for (uint32_t i = 1; i < work->op_count; i++) {
        uint32_t rule = r->policy->ops[r->dns.ops[i]].rule;
        r->rules[rule].edits++;
        pm_count_rule(r, p, rule);
    }
}
