/* hellowait.c - packets that wait for a hello to be complete; hello.h has the contract. */
#include <string.h>

#include "base/bytes.h"
#include "engine/filter.h"
#include "engine/helloread.h"

#define NS_PER_MS UINT64_C(1000000)
#define TCP_SEQ   4

/* ------------------------------------------------------------------ readings, oldest first */

static struct pm_hello_reading *at(const struct pm_hellos *hellos, uint64_t index)
{
    return pm_pool_at(&hellos->readings, (uint32_t)index);
}

struct pm_hello_reading *pm_hello_reading_of(const struct pm_filter *f, const struct pm_flow *flow)
{
    const struct pm_filter_flow *own = pm_flow_own_const(flow);
    return own->hello.reading ? at(&f->hellos, own->hello.reading - 1) : NULL;
}

static uint32_t index_of(const struct pm_hello_reading *r)
{
    const struct pm_filter_flow *own = pm_flow_own(r->flow);
    return own->hello.reading - 1;
}

/* One whose time is over, and that nobody waits for, makes room. */
static uint32_t take_index(struct pm_filter *f)
{
    struct pm_hellos *hellos = &f->hellos;
    uint32_t index = pm_pool_take(&hellos->readings);
    if (index != PM_NIL || hellos->oldest == PM_NIL)
        return index;
    struct pm_hello_reading *oldest = at(hellos, hellos->oldest);
    if (oldest->deadline_ns > f->now_ns || oldest->first != PM_NIL)
        return PM_NIL;
    pm_hello_lose(f, oldest->flow, PM_WHY_HELLOS_FULL);
    return pm_pool_take(&hellos->readings);
}

struct pm_hello_reading *pm_hello_reading_begin(struct pm_filter *f, struct pm_flow *flow)
{
    struct pm_hellos *hellos = &f->hellos;
    struct pm_filter_flow *own = pm_flow_own(flow);
    uint32_t index = take_index(f);
    if (index == PM_NIL)
        return NULL;
    struct pm_hello_reading *r = at(hellos, index);
    r->flow = flow;
    r->deadline_ns = pm_add_ns(f->now_ns, f->policy->settings.hello_ms * NS_PER_MS);
    r->is_overdue = false;
    r->first = r->last = PM_NIL;
    r->packets = 0;
    r->bytes = 0;
    r->gather = (struct pm_tls_gather){.len = 0};
    memset(&r->quic, 0, sizeof r->quic);
    r->newer = PM_NIL;
    r->older = hellos->newest;
    if (r->older == PM_NIL)
        hellos->oldest = index;
    else
        at(hellos, r->older)->newer = index;
    hellos->newest = index;
    own->hello.reading = index + 1;
    return r;
}

void pm_hello_reading_end(struct pm_filter *f, struct pm_flow *flow)
{
    struct pm_hellos *hellos = &f->hellos;
    struct pm_filter_flow *own = pm_flow_own(flow);
    struct pm_hello_reading *r = pm_hello_reading_of(f, flow);
    if (r->older == PM_NIL)
        hellos->oldest = r->newer;
    else
        at(hellos, r->older)->newer = r->newer;
    if (r->newer == PM_NIL)
        hellos->newest = r->older;
    else
        at(hellos, r->newer)->older = r->older;
    pm_pool_put(&hellos->readings, own->hello.reading - 1);
    own->hello.reading = 0;
}

/* ------------------------------------------------------------------ packets leave */

/* What becomes of those that wait. */
struct leaving {
    bool allow;
    enum pm_why why;
    uint32_t rule;
    uint64_t now_ns;
};

static void note_sent(const struct pm_hello_reading *r)
{
    struct pm_filter_flow *own = pm_flow_own(r->flow);
    unsigned side = r->flow->client;
    if ((own->has_sent & (1u << side)) && (int32_t)(r->sent_end - own->sent_end[side]) <= 0)
        return;
    own->sent_end[side] = r->sent_end;
    own->has_sent |= (uint8_t)(1u << side);
}

static void leave_one(struct pm_filter *f, uint32_t index, struct pm_waiter *w,
                      const struct leaving *how)
{
    w->due.verdict = how->allow ? PM_ALLOW : PM_DROP;
    w->due.why = how->why;
    w->due.rule = how->rule;
    f->stats.why[how->why]++;
    if (!how->allow) {
        f->stats.held_dropped++;
        f->stats.held_dropped_bytes += w->wire_len;
    } else if (how->rule != PM_NO_RULE) {
        f->rules[how->rule].packets++;
        f->rules[how->rule].bytes += w->wire_len;
    }
    pm_delay_unpark(&f->delay, index,
                    w->not_before_ns > how->now_ns ? w->not_before_ns : how->now_ns);
}

static void leave(struct pm_filter *f, struct pm_hello_reading *r, const struct leaving *how)
{
    uint32_t index = r->first;
    pm_timerq_remove(&f->hellos.deadlines, index_of(r));
    if (how->allow && r->flow->key.ip_proto == PM_PROTO_TCP)
        note_sent(r);
    while (index != PM_NIL) {
        uint32_t *next, here = index;
        struct pm_waiter *w = pm_delay_parked(&f->delay, index, &next);
        index = *next;
        leave_one(f, here, w, how);
    }
    r->first = r->last = PM_NIL;
    r->packets = 0;
    r->bytes = 0;
}

static void give_up(struct pm_filter *f, struct pm_hello_reading *r, enum pm_why why,
                    uint64_t now_ns)
{
    struct leaving how = {.allow = !f->policy->settings.engine_error_drop,
                          .why = why,
                          .rule = PM_NO_RULE,
                          .now_ns = now_ns};
    r->is_overdue = true;
    if (r->first != PM_NIL)
        leave(f, r, &how);
}

void pm_hello_reading_give_up(struct pm_filter *f, struct pm_flow *flow)
{
    give_up(f, pm_hello_reading_of(f, flow), PM_WHY_HELLO_LATE, f->now_ns);
    pm_hello_reading_end(f, flow);
}

void pm_hello_expire(struct pm_filter *f, uint64_t now_ns)
{
    const struct pm_timer *timer;
    while ((timer = pm_timerq_peek(&f->hellos.deadlines)) && timer->when_ns <= now_ns) {
        struct pm_flow *flow = at(&f->hellos, timer->value)->flow;
        give_up(f, at(&f->hellos, timer->value), PM_WHY_HELLO_LATE, timer->when_ns);
        if (!pm_hello_is_awaited(flow))
            pm_hello_reading_end(f, flow);
    }
}

uint64_t pm_hello_next_ns(const struct pm_filter *f)
{
    const struct pm_timer *timer = pm_timerq_peek(&f->hellos.deadlines);
    return timer ? timer->when_ns : UINT64_MAX;
}

/* ------------------------------------------------------------------ packets wait */

/* Data of the side that says hello; handshakes and answers go on. */
static bool brings_hello(const struct pm_trial *t)
{
    return t->tracked.flow && t->tracked.to_server && t->headers.payload_len > 0;
}

static void put_error(const struct pm_filter *f, struct pm_trial *t, enum pm_why why)
{
    pm_put_verdict(t, f->policy->settings.engine_error_drop, why);
}

/* One flow takes no more than half of what all packets that wait have. */
static bool has_room(const struct pm_filter *f, const struct pm_hello_reading *r,
                     const struct pm_trial *t)
{
    const struct pm_settings *s = &f->policy->settings;
    return r->packets < (s->delayed_packets + 1) / 2 &&
           t->packet->len <= s->delayed_bytes - s->delayed_bytes / 2 &&
           r->bytes <= s->delayed_bytes - s->delayed_bytes / 2 - t->packet->len;
}

static void note_end(struct pm_hello_reading *r, const struct pm_headers *h)
{
    if (h->ip_proto != PM_PROTO_TCP)
        return;
    uint32_t end = pm_get32(pm_l4(h) + TCP_SEQ) + pm_segment_len(h);
    if (r->packets == 0 || (int32_t)(end - r->sent_end) > 0)
        r->sent_end = end;
}

static bool park(struct pm_filter *f, struct pm_trial *t, struct pm_hello_reading *r)
{
    struct pm_waiter waiter = pm_waiter_of(t, PM_WHY_HELLO_HELD);
    uint32_t *next;
    waiter.not_before_ns = pm_filter_own(t)->hold_until_ns[t->tracked.side];
    uint32_t index = has_room(f, r, t) ? pm_delay_park(&f->delay, &waiter) : PM_NIL;
    if (index == PM_NIL)
        return false;
    if (r->first == PM_NIL) {
        r->first = index;
        pm_timerq_add(&f->hellos.deadlines, r->deadline_ns, index_of(r));
    } else {
        pm_delay_parked(&f->delay, r->last, &next);
        *next = index;
    }
    r->last = index;
    note_end(r, &t->headers);
    r->packets++;
    r->bytes += t->packet->len;
    return true;
}

static void hold(struct pm_filter *f, struct pm_trial *t)
{
    struct pm_hello_reading *r = pm_hello_reading_of(f, t->tracked.flow);
    r = r ? r : pm_hello_reading_begin(f, t->tracked.flow);
    if (!r) {
        put_error(f, t, PM_WHY_HELLOS_FULL);
    } else if (r->is_overdue || r->deadline_ns <= f->now_ns) {
        r->is_overdue = true;
        put_error(f, t, PM_WHY_HELLO_LATE);
    } else if (park(f, t, r)) {
        t->decision.verdict = PM_DELAY;
        t->decision.why = PM_WHY_HELLO_HELD;
        t->decision.release_ns = r->deadline_ns;
    } else {
        t->follows_held = r->first != PM_NIL;
        give_up(f, r, PM_WHY_HELLOS_FULL, f->now_ns);
        put_error(f, t, PM_WHY_HELLOS_FULL);
    }
}

void pm_hello_wait(struct pm_filter *f, struct pm_trial *t)
{
    if (!brings_hello(t)) {
        pm_put_verdict(t, false, PM_WHY_HELLO_AWAITED);
        return;
    }
    switch (f->policy->settings.on_incomplete) {
    case PM_INCOMPLETE_HOLD:
        hold(f, t);
        break;
    case PM_INCOMPLETE_ALLOW:
        pm_put_verdict(t, false, PM_WHY_HELLO_AWAITED);
        break;
    case PM_INCOMPLETE_DROP:
        pm_put_verdict(t, true, PM_WHY_HELLO_AWAITED);
        break;
    }
}

/* ------------------------------------------------------------------ the one that tells */

/* They wait for the answer to its question, before it. */
static void join_question(struct pm_filter *f, struct pm_trial *t, struct pm_hello_reading *r)
{
    struct pm_question *q = pm_filter_own(t)->question[t->tracked.side];
    uint32_t *next = NULL;
    pm_timerq_remove(&f->hellos.deadlines, index_of(r));
    for (uint32_t index = r->first; index != PM_NIL; index = *next) {
        struct pm_waiter *w = pm_delay_parked(&f->delay, index, &next);
        w->due.ask_id = q->id;
        w->due.rule = t->decision.rule;
        w->flow = t->tracked.flow;
        w->flow_id = t->tracked.flow->id;
    }
    *next = q->first;
    q->first = r->first;
    q->count += r->packets;
    r->first = r->last = PM_NIL;
}

bool pm_hello_settle(struct pm_filter *f, struct pm_trial *t)
{
    struct pm_flow *flow = t->tracked.flow;
    struct pm_hello_reading *r = flow ? pm_hello_reading_of(f, flow) : NULL;
    if (!r || pm_hello_is_awaited(flow) || !t->tracked.to_server)
        return t->follows_held;
    enum pm_verdict verdict = t->decision.verdict;
    bool drops = verdict == PM_DROP || verdict == PM_REJECT;
    bool waited = r->first != PM_NIL;
    if (waited && verdict == PM_ASK && t->decision.ask_id) {
        join_question(f, t, r);
    } else if (waited) {
        struct leaving how = {
            .allow = !drops, .why = t->decision.why, .rule = t->decision.rule, .now_ns = f->now_ns};
        leave(f, r, &how);
    }
    pm_hello_reading_end(f, flow);
    return waited;
}
