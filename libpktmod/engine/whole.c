/* whole.c - fragments in the filter; the contract is in whole.h. */
#include "engine/whole.h"

#include <stdlib.h>

#include "engine/filter.h"
#include "wire/checksum.h"

#define NS_PER_S UINT64_C(1000000000)

/* Of datagrams that are only remembered, and of those that are copied: as long as receivers wait
 * for the rest of one (RFC 8200 section 4.5). */
static const struct pm_reassembly_limits remembered = {
    .datagrams = 1024, .source_datagrams = 64, .timeout_ns = 10 * NS_PER_S};
static const struct pm_reassembly_limits copied = {.datagrams = 4096,
                                                   .source_datagrams = 512,
                                                   .fragments = 64,
                                                   .bytes = 4u << 20,
                                                   .timeout_ns = 60 * NS_PER_S};

/* What a first fragment got. */
struct first {
    uint32_t rule;          /* PM_NO_RULE: the default */
    enum pm_dir dir;        /* as found from its flow */
    struct pm_key question; /* where the rule asks: what about */
    bool is_known;
};

static struct first *first_of(struct pm_datagram *d)
{
    return pm_datagram_own(d);
}

static bool keeps(const struct pm_wholes *wholes)
{
    return wholes->bytes;
}

/* ------------------------------------------------------------------ life */

static const struct pm_reassembly_limits *limits_for(bool tests_payload)
{
    return tests_payload ? &copied : &remembered;
}

size_t pm_wholes_footprint(bool tests_payload)
{
    size_t rooms = tests_payload ? 2 * (size_t)PM_REASSEMBLY_ROOM : 0;
    return pm_reassembly_footprint(limits_for(tests_payload), sizeof(struct first)) + rooms;
}

/* Fragments whose copies had to go: the datagram cannot be told whole any more. */
static void on_give_up(void *context, struct pm_datagram *datagram, enum pm_give_up why)
{
    struct pm_filter *f = context;
    if (why == PM_GIVE_UP_FULL && datagram->state == PM_DATAGRAM_WAITS)
        f->stats.why[PM_WHY_FRAGMENTS_FULL] += datagram->fragments;
}

bool pm_wholes_init(struct pm_filter *f, const uint64_t hash_key[2])
{
    struct pm_wholes *wholes = &f->wholes;
    bool tests_payload = f->verdicts->tests_payload;
    wholes->decides = f->verdicts->payload_decides;
    if (tests_payload) {
        wholes->bytes = malloc(PM_REASSEMBLY_ROOM);
        wholes->piece = malloc(PM_REASSEMBLY_ROOM);
        if (!wholes->bytes || !wholes->piece)
            return false;
    }
    if (!pm_reassembly_init(&wholes->table, limits_for(tests_payload), sizeof(struct first),
                            hash_key))
        return false;
    wholes->table.on_give_up = on_give_up;
    wholes->table.context = f;
    return true;
}

void pm_wholes_release(struct pm_wholes *wholes)
{
    pm_reassembly_release(&wholes->table);
    free(wholes->bytes);
    free(wholes->piece);
}

/* ------------------------------------------------------------------ the whole */

/* A trial of other bytes than the packet's: they have its flow, and no stream. */
static void try_bytes(struct pm_filter *f, struct pm_trial *w, const struct pm_packet *packet)
{
    w->packet = packet;
    w->number = f->stats.packets;
    w->doubt = w->told = PM_WHY_NONE;
    w->tracked = (struct pm_tracked){.dir = packet->dir};
    w->decision = (struct pm_decision){.rule = PM_NO_RULE, .dry_rule = PM_NO_RULE};
    pm_headers_parse(packet->link, packet->data, packet->len, packet->wire_len, &w->headers);
    if (w->headers.parse != PM_PARSE_NOT_IP && w->headers.parse != PM_PARSE_BAD_L3)
        pm_track(&f->flows, &w->headers, packet->dir, false, f->now_ns, &w->tracked);
    if (w->tracked.flow)
        w->number = pm_filter_own(w)->packets;
    w->subject = (struct pm_subject){.headers = &w->headers,
                                     .packet = packet,
                                     .dir = w->tracked.dir,
                                     .has_flow = w->tracked.flow,
                                     .to_server = w->tracked.to_server,
                                     .room = f->room};
    pm_hello_show(f, w);
}

static void try_first(struct pm_filter *f, struct pm_trial *w, const struct pm_datagram *d,
                      struct pm_packet *packet)
{
    const struct pm_kept_fragment *kept = pm_kept_at(&f->wholes.table, d->lowest);
    pm_reassembly_frame(&f->wholes.table, kept, f->wholes.piece);
    *packet = kept->packet;
    packet->data = f->wholes.piece;
    try_bytes(f, w, packet);
}

/* The datagram is complete, and `rule` is what its first fragment got. */
static uint32_t judge_whole(struct pm_filter *f, struct pm_trial *t, struct pm_datagram *d,
                            const struct pm_packet *packet)
{
    struct pm_trial whole, alone;
    struct pm_packet piece;
    const struct first *first = first_of(d);
    try_bytes(f, &whole, packet);
    if (f->explainer)
        pm_explain_trial(f, &whole, PM_WHY_NONE, true);
    if (f->verdicts->has_watchers)
        try_first(f, &alone, d, &piece);
    uint32_t rule = pm_verdict_of_whole(f, &whole, f->verdicts->has_watchers ? &alone : NULL,
                                        first->is_known, first->rule);
    t->doubt = whole.doubt;
    t->told = whole.told;
    t->question = whole.question;
    if (t->decision.dry_rule == PM_NO_RULE)
        t->decision.dry_rule = whole.decision.dry_rule;
    return rule;
}

/* ------------------------------------------------------------------ its parts */

/* No receiver is to have this datagram, or any more of it. */
static uint32_t refuse(struct pm_trial *t, enum pm_why why)
{
    t->doubt = why;
    return PM_NO_RULE;
}

static uint32_t contradict(struct pm_filter *f, struct pm_trial *t, struct pm_datagram *d,
                           uint32_t rule)
{
    struct pm_reassembly *table = &f->wholes.table;
    pm_reassembly_settle(table, d, f->wholes.decides ? PM_DATAGRAM_POISONED : PM_DATAGRAM_PASSES);
    if (f->wholes.decides)
        return refuse(t, PM_WHY_FRAGMENT_OVERLAP);
    f->stats.why[PM_WHY_FRAGMENT_OVERLAP]++;
    return rule;
}

static uint32_t give_up(struct pm_filter *f, struct pm_trial *t, struct pm_datagram *d,
                        uint32_t rule)
{
    bool drops = f->wholes.decides && f->policy->settings.engine_error_drop;
    pm_reassembly_settle(&f->wholes.table, d, drops ? PM_DATAGRAM_POISONED : PM_DATAGRAM_PASSES);
    if (drops)
        return refuse(t, PM_WHY_FRAGMENTS_FULL);
    f->stats.why[PM_WHY_FRAGMENTS_FULL]++;
    return rule;
}

static uint32_t complete(struct pm_filter *f, struct pm_trial *t, struct pm_datagram *d,
                         uint32_t rule)
{
    struct pm_packet packet;
    if (pm_reassembly_whole(&f->wholes.table, d, f->wholes.bytes, &packet) == 0)
        return contradict(f, t, d, rule);
    rule = judge_whole(f, t, d, &packet);
    if (f->wholes.decides)
        pm_reassembly_settle(&f->wholes.table, d, PM_DATAGRAM_POISONED);
    else
        pm_reassembly_close(&f->wholes.table, d);
    return rule;
}

static bool lets_go(const struct pm_filter *f, const struct pm_trial *t, uint32_t rule)
{
    if (t->doubt != PM_WHY_NONE)
        return false;
    if (rule == PM_NO_RULE)
        return f->stage != PM_STAGE_ORIGINAL || !f->policy->settings.default_drop;
    enum pm_action action = f->policy->rules[rule].action;
    return action != PM_ACTION_DROP && action != PM_ACTION_REJECT;
}

/* Copies the part. One that goes no further, or that no receiver takes, is of no datagram. */
static uint32_t take_part(struct pm_filter *f, struct pm_trial *t, struct pm_datagram *d,
                          const struct pm_fragment *part, uint32_t rule)
{
    struct pm_reassembly *table = &f->wholes.table;
    if (!lets_go(f, t, rule) || pm_check_ip(&t->headers) == PM_SUM_WRONG)
        return rule;
    if (t->headers.is_truncated) {
        pm_reassembly_settle(table, d, PM_DATAGRAM_PASSES);
        return rule;
    }
    switch (pm_reassembly_add(table, d, part, &t->headers, t->packet)) {
    case PM_FRAGMENT_WAITS:
        break;
    case PM_FRAGMENT_COMPLETES:
        return complete(f, t, d, rule);
    case PM_FRAGMENT_CONTRADICTS:
        return contradict(f, t, d, rule);
    case PM_FRAGMENT_NO_ROOM:
        return give_up(f, t, d, rule);
    }
    return rule;
}

/* ------------------------------------------------------------------ one fragment */

/* Whether what is in its payload can still matter. */
static bool is_decided(struct pm_filter *f, struct pm_trial *t)
{
    return t->tracked.flow && (pm_filter_own(t)->latched || pm_verdict_is_settled(f, t));
}

static uint32_t follow(struct pm_trial *t, const struct first *first)
{
    t->decision.dir = first->dir;
    t->question = first->question;
    return first->rule;
}

static uint32_t judge_alone(struct pm_filter *f, struct pm_trial *t, bool is_named)
{
    uint32_t rule = pm_verdict_alone(f, t);
    if (!is_named)
        f->stats.why[PM_WHY_FRAGMENT]++;
    return rule;
}

static struct pm_datagram *open_datagram(struct pm_filter *f, const struct pm_fragment *part)
{
    struct pm_datagram *d = pm_reassembly_open(&f->wholes.table, &part->key, f->now_ns);
    first_of(d)->rule = PM_NO_RULE;
    if (!keeps(&f->wholes))
        d->state = PM_DATAGRAM_PASSES;
    return d;
}

uint32_t pm_whole_rule(struct pm_filter *f, struct pm_trial *t)
{
    const struct pm_headers *h = &t->headers;
    struct pm_reassembly *table = &f->wholes.table;
    bool is_named = h->parse == PM_PARSE_L4; /* it is the first, and has ports */
    struct pm_fragment part;
    pm_fragment_read(h, t->packet->link, &part);
    pm_reassembly_due(table, f->now_ns);
    struct pm_datagram *d = pm_reassembly_find(table, &part.key, f->now_ns);
    if (d && d->state == PM_DATAGRAM_POISONED)
        return refuse(t, PM_WHY_FRAGMENT_OVERLAP);
    bool follows = !h->is_first_fragment && d && first_of(d)->is_known;
    uint32_t rule = follows ? follow(t, first_of(d)) : judge_alone(f, t, is_named);
    if (!d && !is_named && !keeps(&f->wholes))
        return rule;
    if (!d)
        d = open_datagram(f, &part);
    if (is_named) {
        *first_of(d) = (struct first){rule, t->decision.dir, t->question, true};
        if (d->state == PM_DATAGRAM_WAITS && is_decided(f, t))
            pm_reassembly_settle(table, d, PM_DATAGRAM_PASSES);
    }
    if (d->state == PM_DATAGRAM_WAITS)
        return take_part(f, t, d, &part, rule);
    if (pm_reassembly_count(d, &part))
        pm_reassembly_close(table, d);
    return rule;
}

void pm_whole_about(struct pm_filter *f, const struct pm_trial *t, struct pm_about_packet *out)
{
    const struct pm_headers *h = &t->headers;
    struct pm_fragment part;
    bool is_read = h->parse != PM_PARSE_NOT_IP && h->parse != PM_PARSE_BAD_L3;
    if (!is_read || !h->is_fragment || h->has_no_length)
        return;
    pm_fragment_read(h, t->packet->link, &part);
    struct pm_datagram *d = pm_reassembly_find(&f->wholes.table, &part.key, f->now_ns);
    if (!d)
        return;
    if (d->state == PM_DATAGRAM_POISONED && out->refused == PM_WHY_NONE)
        out->refused = PM_WHY_FRAGMENT_OVERLAP;
    out->follows = !h->is_first_fragment && first_of(d)->is_known;
    out->followed = out->follows ? first_of(d)->rule : PM_NO_RULE;
}
