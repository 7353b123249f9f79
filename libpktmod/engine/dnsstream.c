/* dnsstream.c - DNS over TCP in the frontier of a stream; the contract is in dnsstream.h. */
#include "engine/dnsstream.h"

#include <string.h>

#include "base/bytes.h"
#include "engine/dnswork.h"
#include "proto/dnsedit.h"

bool pm_dns_stream_is_on(const struct pm_passage *p)
{
    const struct pm_headers *h = &p->headers;
    return pm_rewriter_own(p)->sides[p->tracked.side].may_dns && h->ip_proto == PM_PROTO_TCP &&
           pm_dns_is_stream(h->src_port, h->dst_port);
}

/* ------------------------------------------------------------------ one message */

/* The rules that hold for the message, as those of a packet that carries it. */
static void select_rules(struct pm_rewriter *r, const struct pm_passage *p,
                         const struct pm_dns *dns, struct pm_selection *s)
{
    const struct pm_policy *policy = r->policy;
    struct pm_passage with = *p;
    with.subject.dns = dns;
    for (uint32_t i = 0; i < r->dns.rule_count; i++) {
        const struct pm_rule *rule = &policy->rules[r->dns.rules[i]];
        if (pm_cond_holds(policy->conds, rule->match, &with.subject) &&
            pm_select_admits(r, &with, rule))
            s->rules[s->count++] = r->dns.rules[i];
    }
}

/* Over TCP nobody but the server can answer: the sender would count the bytes. */
static void note_responder(struct pm_rewriter *r, const struct pm_selection *s,
                           const struct pm_dns *dns)
{
    if (!pm_dns_is_response(dns) && pm_dns_responder(r, s) != PM_NO_SLOT)
        pm_count_why(r, PM_WHY_DNS_UNFIT);
}

/* Puts the message behind those edited before, which the plan still needs. NULL: no room. */
static const uint8_t *keep(struct pm_rewriter *r, const struct pm_dns_work *work)
{
    size_t len = PM_FRAME_HEAD + work->len;
    uint8_t *at = r->dns.made + r->dns.made_len;
    if (len > PM_DNS_MADE_MAX - r->dns.made_len) {
        pm_count_why(r, PM_WHY_EDITS_FULL);
        return NULL;
    }
    pm_put16(at, (uint16_t)work->len);
    memcpy(at + PM_FRAME_HEAD, work->bytes, work->len);
    r->dns.made_len += len;
    return at;
}

/* False: nothing changes in it. */
static bool edit_message(struct pm_rewriter *r, const struct pm_passage *p, const uint8_t *bytes,
                         size_t len, struct pm_plan_edit *edit)
{
    struct pm_selection s = {.rules = r->dns.selected};
    struct pm_dns_work work = {.bytes = bytes, .len = len, .most = SIZE_MAX};
    struct pm_dns dns;
    if (!pm_dns_open(bytes, len, &dns)) {
        pm_count_why(r, PM_WHY_DNS_MALFORMED);
        return false;
    }
    select_rules(r, p, &dns, &s);
    if (s.count == 0)
        return false;
    note_responder(r, &s, &dns);
    enum pm_why why = pm_dns_work(r, &s, &work);
    if (why != PM_WHY_NONE)
        pm_count_why(r, why);
    if (why != PM_WHY_NONE || work.op_count == 0)
        return false;
    const uint8_t *with = keep(r, &work);
    if (!with)
        return false;
    *edit = (struct pm_plan_edit){.op = r->dns.ops[0],
                                  .old_len = (uint32_t)(PM_FRAME_HEAD + len),
                                  .new_len = (uint32_t)(PM_FRAME_HEAD + work.len),
                                  .with = with};
    pm_dns_count(r, p, &work);
    return true;
}

/* ------------------------------------------------------------------ one after the other */

/* Finds the first message from `at` on, where one begins, that is edited or not whole. One that may
 * not wait is never edited, however it came. */
static void find_from(struct pm_rewriter *r, const struct pm_passage *p,
                      const struct pm_search *search, struct pm_messages *m, size_t at)
{
    m->position = search->len;
    for (; at < search->len; at = m->end) {
        size_t left = search->len - at;
        bool has_head = left >= PM_FRAME_HEAD;
        size_t len = has_head ? pm_get16(search->bytes + at) : 0;
        m->end = at + PM_FRAME_HEAD + len;
        m->is_whole = m->end <= search->len;
        if (PM_FRAME_HEAD + len > r->policy->settings.hold_bytes) {
            pm_count_why(r, PM_WHY_MATCH_TOO_LONG);
            continue;
        }
        if (!m->is_whole && !search->may_hold)
            return;
        if (!m->is_whole || edit_message(r, p, search->bytes + at + PM_FRAME_HEAD, len, &m->edit)) {
            m->edit.position = (uint32_t)at;
            m->position = at;
            return;
        }
    }
}

/* Where the next message begins in the searched bytes; len: not in them, or nobody knows. */
static size_t first_begin(const struct pm_search *search)
{
    const struct pm_dns_frames *frames = search->frames;
    uint64_t begin_o = search->begin_o, next_o = frames->next_o;
    if (frames->is_lost || search->len == 0)
        return search->len;
    if (frames->has_high && begin_o == next_o + 1)
        next_o += PM_FRAME_HEAD + (uint64_t)(frames->high << 8 | search->bytes[0]);
    if (next_o < begin_o || next_o - begin_o > search->len)
        return search->len;
    return (size_t)(next_o - begin_o);
}

void pm_messages_begin(struct pm_rewriter *r, const struct pm_passage *p,
                       const struct pm_search *search, struct pm_messages *m)
{
    r->dns.made_len = 0;
    find_from(r, p, search, m, first_begin(search));
}

void pm_messages_skip(struct pm_rewriter *r, const struct pm_passage *p,
                      const struct pm_search *search, struct pm_messages *m, size_t end)
{
    size_t at = m->position;
    if (at >= end)
        return;
    while (at < end && at < search->len) {
        size_t left = search->len - at;
        at += left >= PM_FRAME_HEAD ? PM_FRAME_HEAD + pm_get16(search->bytes + at) : left;
    }
    find_from(r, p, search, m, at);
}
