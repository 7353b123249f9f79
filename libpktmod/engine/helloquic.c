/* helloquic.c - hellos in the first datagrams of QUIC flows; hello.h has the contract. */
#include <string.h>

#include "engine/filter.h"
#include "engine/helloread.h"

static struct pm_flow_hello *hello_of(const struct pm_trial *t)
{
    return &pm_filter_own(t)->hello;
}

static bool may_be_quic(const struct pm_filter *f, const struct pm_trial *t)
{
    const struct pm_headers *h = &t->headers;
    return f->hellos.is_used && h->parse == PM_PARSE_L4 && h->ip_proto == PM_PROTO_UDP &&
           t->tracked.flow && !pm_filter_own(t)->latched;
}

/* Until now nothing of the flow was QUIC. */
static void begin(struct pm_filter *f, struct pm_trial *t)
{
    struct pm_flow_hello *hello = hello_of(t);
    const struct pm_headers *h = &t->headers;
    const uint8_t *bytes = h->data + h->payload_off;
    bool is_part = h->is_truncated || h->is_fragment;
    if (is_part && pm_quic_may_be_initial(bytes, h->payload_len))
        pm_hello_lose(f, t->tracked.flow, h->is_truncated ? PM_WHY_TRUNCATED : PM_WHY_FRAGMENT);
    else if (!is_part && pm_quic_is_initial(bytes, h->payload_len))
        hello->progress = PM_HELLO_AWAITED;
}

static void keep_reading(struct pm_filter *f, struct pm_flow *flow)
{
    struct pm_hello_reading *r = pm_hello_reading_begin(f, flow);
    if (!r) {
        pm_hello_lose(f, flow, PM_WHY_HELLOS_FULL);
        return;
    }
    r->quic = *f->hellos.quic;
    memcpy(r->message, f->hellos.message, PM_TLS_MESSAGE_MAX);
}

static void take(struct pm_filter *f, struct pm_trial *t)
{
    const struct pm_headers *h = &t->headers;
    struct pm_hello_reading *r = pm_hello_reading_of(f, t->tracked.flow);
    struct pm_quic_gather *g = r ? &r->quic : f->hellos.quic;
    uint8_t *message = r ? r->message : f->hellos.message;
    if (!r)
        memset(g, 0, sizeof *g);
    enum pm_tls_answer answer =
        pm_quic_gather(g, message, &f->hellos.quic_room, h->data + h->payload_off, h->payload_len);
    if (answer == PM_TLS_MORE && !r)
        keep_reading(f, t->tracked.flow);
    pm_hello_conclude(f, t->tracked.flow, answer, message, g->len, true);
}

void pm_hello_take_datagram(struct pm_filter *f, struct pm_trial *t)
{
    if (!may_be_quic(f, t))
        return;
    struct pm_flow_hello *hello = hello_of(t);
    bool is_readable = f->hellos.quic_room.crypt;
    if (hello->progress == PM_HELLO_UNASKED) {
        hello->progress = PM_HELLO_ABSENT;
        hello->is_sure = !is_readable;
    }
    if (!is_readable || !t->tracked.to_server)
        return;
    if (hello->progress == PM_HELLO_ABSENT)
        begin(f, t);
    if (hello->progress == PM_HELLO_AWAITED)
        take(f, t);
}
