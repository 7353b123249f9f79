/* hello.c - reading and keeping the hellos that flows begin with; the contract is in hello.h. Those
 * of QUIC are in helloquic.c, packets that wait for one in hellowait.c. */
#include "engine/hello.h"

#include <stdlib.h>
#include <string.h>

#include "engine/filter.h"
#include "engine/helloread.h"

/* What a complete hello says. */
struct kept {
    struct pm_tls_hello tls;
    struct pm_flow *flow;
    uint32_t older, newer;
};

/* ------------------------------------------------------------------ life */

/* Incomplete ones are few at a time: most hellos come in one packet, or two. */
static uint32_t readings_of(const struct pm_policy *policy)
{
    return policy->settings.hellos / 16 + 1;
}

size_t pm_hellos_footprint(const struct pm_policy *policy)
{
    if (!policy->has_hello)
        return 0;
    return pm_pool_footprint(sizeof(struct pm_hello_reading), readings_of(policy)) +
           readings_of(policy) * sizeof(struct pm_timer) +
           pm_pool_footprint(sizeof(struct kept), policy->settings.hellos) + PM_TLS_MESSAGE_MAX +
           (pm_quiccrypt_is_there() ? sizeof(struct pm_quic_gather) + PM_QUIC_PACKETS : 0);
}

/* Without the library datagrams begin with no hello. */
static bool init_quic(struct pm_hellos *hellos)
{
    if (!pm_quiccrypt_is_there())
        return true;
    hellos->quic_room.crypt = pm_quiccrypt_new();
    hellos->quic_room.text = malloc(PM_QUIC_PACKETS);
    hellos->quic = malloc(sizeof *hellos->quic);
    return hellos->quic_room.crypt && hellos->quic_room.text && hellos->quic;
}

bool pm_hellos_init(struct pm_hellos *hellos, const struct pm_policy *policy, bool is_used)
{
    *hellos = (struct pm_hellos){.is_used = is_used,
                                 .oldest = PM_NIL,
                                 .newest = PM_NIL,
                                 .kept_oldest = PM_NIL,
                                 .kept_newest = PM_NIL};
    if (!is_used)
        return true;
    hellos->message = malloc(PM_TLS_MESSAGE_MAX);
    return hellos->message && init_quic(hellos) &&
           pm_pool_init(&hellos->readings, sizeof(struct pm_hello_reading), readings_of(policy)) &&
           pm_timerq_init(&hellos->deadlines, readings_of(policy)) &&
           pm_pool_init(&hellos->kept, sizeof(struct kept), policy->settings.hellos);
}

void pm_hellos_release(struct pm_hellos *hellos)
{
    if (!hellos->is_used)
        return;
    pm_pool_release(&hellos->kept);
    pm_timerq_release(&hellos->deadlines);
    pm_pool_release(&hellos->readings);
    pm_quiccrypt_free(hellos->quic_room.crypt);
    free(hellos->quic_room.text);
    free(hellos->quic);
    free(hellos->message);
}

static struct pm_flow_hello *hello_of(struct pm_flow *flow)
{
    struct pm_filter_flow *own = pm_flow_own(flow);
    return &own->hello;
}

/* ------------------------------------------------------------------ kept ones */

static struct kept *kept_at(const struct pm_hellos *hellos, uint32_t index)
{
    return pm_pool_at(&hellos->kept, index);
}

static void drop_kept(struct pm_hellos *hellos, struct pm_flow_hello *hello)
{
    if (!hello->kept)
        return;
    struct kept *k = kept_at(hellos, hello->kept - 1);
    if (k->older == PM_NIL)
        hellos->kept_oldest = k->newer;
    else
        kept_at(hellos, k->older)->newer = k->newer;
    if (k->newer == PM_NIL)
        hellos->kept_newest = k->older;
    else
        kept_at(hellos, k->newer)->older = k->older;
    pm_pool_put(&hellos->kept, hello->kept - 1);
    hello->kept = 0;
}

/* The verdicts that were worked out without it do not hold any more. */
static void forget_verdicts(struct pm_flow *flow)
{
    struct pm_filter_flow *own = pm_flow_own(flow);
    own->cache[0].is_known = own->cache[1].is_known = 0;
}

static struct kept *keep(struct pm_filter *f, struct pm_flow *flow)
{
    struct pm_hellos *hellos = &f->hellos;
    uint32_t index = pm_pool_take(&hellos->kept);
    if (index == PM_NIL) {
        pm_hello_lose(f, kept_at(hellos, hellos->kept_oldest)->flow, PM_WHY_HELLOS_FULL);
        f->stats.why[PM_WHY_HELLOS_FULL]++;
        index = pm_pool_take(&hellos->kept);
    }
    struct kept *k = kept_at(hellos, index);
    k->flow = flow;
    k->newer = PM_NIL;
    k->older = hellos->kept_newest;
    if (k->older == PM_NIL)
        hellos->kept_oldest = index;
    else
        kept_at(hellos, k->older)->newer = index;
    hellos->kept_newest = index;
    hello_of(flow)->kept = index + 1;
    return k;
}

/* ------------------------------------------------------------------ progress */

static void resolve(struct pm_filter *f, struct pm_flow *flow, enum pm_hello_progress progress,
                    enum pm_why doubt)
{
    struct pm_flow_hello *hello = hello_of(flow);
    hello->progress = (uint8_t)progress;
    hello->doubt = (uint8_t)doubt;
    hello->is_sure = false;
    forget_verdicts(flow);
    if (hello->reading && pm_hello_reading_of(f, flow)->first == PM_NIL)
        pm_hello_reading_end(f, flow);
}

void pm_hello_want(struct pm_flow *flow)
{
    struct pm_flow_hello *hello = hello_of(flow);
    if (hello->progress == PM_HELLO_UNASKED)
        hello->progress = PM_HELLO_AWAITED;
}

bool pm_hello_is_awaited(const struct pm_flow *flow)
{
    const struct pm_filter_flow *own = pm_flow_own_const(flow);
    return own->hello.progress == PM_HELLO_AWAITED;
}

void pm_hello_confirm(struct pm_flow *flow)
{
    struct pm_flow_hello *hello = hello_of(flow);
    if (hello->is_sure || hello->progress == PM_HELLO_UNASKED ||
        hello->progress == PM_HELLO_AWAITED)
        return;
    hello->is_sure = true;
    forget_verdicts(flow);
}

void pm_hello_end(struct pm_filter *f, struct pm_flow *flow)
{
    if (pm_hello_is_awaited(flow))
        resolve(f, flow, PM_HELLO_ABSENT, PM_WHY_NONE);
}

void pm_hello_lose(struct pm_filter *f, struct pm_flow *flow, enum pm_why why)
{
    drop_kept(&f->hellos, hello_of(flow));
    resolve(f, flow, PM_HELLO_LOST, why);
}

void pm_hello_restart(struct pm_filter *f, struct pm_flow *flow)
{
    struct pm_flow_hello *hello = hello_of(flow);
    if (!f->hellos.is_used || hello->progress == PM_HELLO_UNASKED)
        return;
    drop_kept(&f->hellos, hello);
    resolve(f, flow, PM_HELLO_AWAITED, PM_WHY_NONE);
    if (hello->reading)
        pm_hello_reading_of(f, flow)->gather = (struct pm_tls_gather){.len = 0};
}

static void know(struct pm_filter *f, struct pm_flow *flow, const uint8_t *message, size_t len,
                 bool is_quic)
{
    struct kept *k = keep(f, flow);
    if (!pm_tls_hello_read(message, len, is_quic, &k->tls)) {
        pm_hello_lose(f, flow, PM_WHY_HELLO_UNREAD);
        return;
    }
    resolve(f, flow, PM_HELLO_KNOWN, PM_WHY_NONE);
    hello_of(flow)->is_sure = is_quic; /* others cannot put bytes in place of sealed ones */
}

void pm_hello_conclude(struct pm_filter *f, struct pm_flow *flow, enum pm_tls_answer answer,
                       const uint8_t *message, size_t len, bool is_quic)
{
    switch (answer) {
    case PM_TLS_MORE:
        break;
    case PM_TLS_WHOLE:
        know(f, flow, message, len, is_quic);
        break;
    case PM_TLS_NONE:
        resolve(f, flow, PM_HELLO_ABSENT, PM_WHY_NONE);
        break;
    case PM_TLS_TOO_LONG:
    case PM_TLS_BAD:
        pm_hello_lose(f, flow, PM_WHY_HELLO_UNREAD);
        break;
    }
}

/* It may be whole at once, and then needs no room of its own. */
static void keep_reading(struct pm_filter *f, struct pm_flow *flow, const struct pm_tls_gather *g)
{
    struct pm_hello_reading *r = pm_hello_reading_begin(f, flow);
    if (!r) {
        pm_hello_lose(f, flow, PM_WHY_HELLOS_FULL);
        return;
    }
    r->gather = *g;
    memcpy(r->message, f->hellos.message, g->len);
}

static bool has_begun(const struct pm_tls_gather *g)
{
    return g->len > 0 || g->record_left > 0 || g->header_len > 0;
}

void pm_hello_take(struct pm_filter *f, struct pm_flow *flow, uint64_t offset, const uint8_t *bytes,
                   size_t len)
{
    if (!pm_hello_is_awaited(flow) || len == 0)
        return;
    struct pm_hello_reading *r = pm_hello_reading_of(f, flow);
    struct pm_tls_gather fresh = {.len = 0}, *g = r ? &r->gather : &fresh;
    uint8_t *message = r ? r->message : f->hellos.message;
    if (offset > 0 && !has_begun(g)) { /* it was not wanted when it began */
        pm_hello_lose(f, flow, PM_WHY_MIDSTREAM);
        return;
    }
    enum pm_tls_answer answer = pm_tls_gather(g, message, bytes, len);
    if (answer == PM_TLS_MORE && !r)
        keep_reading(f, flow, g);
    pm_hello_conclude(f, flow, answer, message, g->len, false);
}

/* ------------------------------------------------------------------ the flow's end, and its heir
 */

void pm_hello_forget(struct pm_filter *f, struct pm_flow *flow)
{
    if (!f->hellos.is_used)
        return;
    drop_kept(&f->hellos, hello_of(flow));
    if (hello_of(flow)->reading)
        pm_hello_reading_give_up(f, flow);
}

/* What came of an incomplete one was seen by the filter before, not by this one. */
void pm_hello_adopt(struct pm_filter *f, struct pm_flow *flow, const struct pm_filter *before,
                    const struct pm_flow *was)
{
    if (!f->hellos.is_used || !before->hellos.is_used)
        return;
    const struct pm_filter_flow *own = pm_flow_own_const(was);
    const struct pm_flow_hello *old = &own->hello;
    struct pm_flow_hello *hello = hello_of(flow);
    hello->progress = old->progress;
    hello->doubt = old->doubt;
    hello->is_sure = old->is_sure;
    if (old->kept)
        keep(f, flow)->tls = kept_at(&before->hellos, old->kept - 1)->tls;
    if (old->reading) {
        hello->progress = PM_HELLO_LOST;
        hello->doubt = PM_WHY_MIDSTREAM;
    } else if (old->progress == PM_HELLO_AWAITED) {
        hello->progress = PM_HELLO_UNASKED;
    }
}

/* ------------------------------------------------------------------ the packet at hand */

static bool may_have_one(const struct pm_headers *h)
{
    return h->parse == PM_PARSE_L4 && (h->ip_proto == PM_PROTO_TCP || h->ip_proto == PM_PROTO_UDP);
}

void pm_hello_show(const struct pm_filter *f, struct pm_trial *t)
{
    if (!f->hellos.is_used || !may_have_one(&t->headers))
        return;
    t->hello = (struct pm_hello_state){.tls = NULL, .doubt = PM_WHY_FLOWS_FULL};
    t->subject.hello = &t->hello;
    if (!t->tracked.flow)
        return;
    const struct pm_flow_hello *hello = hello_of(t->tracked.flow);
    t->hello.doubt = PM_WHY_NONE;
    t->hello.is_sure = hello->is_sure;
    if (hello->progress == PM_HELLO_KNOWN)
        t->hello.tls = &kept_at(&f->hellos, hello->kept - 1)->tls;
    else if (hello->progress == PM_HELLO_LOST)
        t->hello.doubt = (enum pm_why)hello->doubt;
    else if (hello->progress == PM_HELLO_AWAITED)
        t->hello.doubt = PM_WHY_HELLO_AWAITED;
}
