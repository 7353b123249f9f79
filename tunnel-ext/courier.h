/* courier.h - a bearer in a thread of its own, for a platform that calls from threads of its own.
 *
 *     platform's threads                     the courier's thread
 *     pm_courier_put() ──► inbox ──────────► bearer ──► write(), flush() of the device
 *          │ full: reads no more                │
 *          ◄────────── drained() ◄──────────────┘  the inbox is empty
 *
 * The inbox is bounded: who is told that there is no room reads no more until drained(), so that
 * packets wait in the kernel, and its queues slow programs down. */
#ifndef PKTMOD_TUNNEL_COURIER_H
#define PKTMOD_TUNNEL_COURIER_H

#include "rules/rules.h"
#include "tunnel-ext/bearer.h"

/* All of them are called in the courier's thread, and none before pm_courier_start(). */
struct pm_courier_events {
    void *context;
    /* Once: NULL, and it carries from now on; or why it does not, and then nothing follows. */
    void (*began)(void *context, const char *error);
    /* There is room again, after pm_courier_put() said that there is none. */
    void (*drained)(void *context);
    /* There is a way outside (again), or there is none. */
    void (*moved)(void *context, bool has_outside);
    /* It has ended by itself; the last call. */
    void (*failed)(void *context, const char *error);
};

struct pm_courier_config {
    struct pm_bearer_config bearer;
    struct pm_courier_events events;
    uint64_t open_ns; /* how long to wait for the device to have its address; 0: 5 s */
};

struct pm_courier_stats {
    struct pm_tunnel_stats tunnel;
    struct pm_stats rewriter;
    uint64_t edits;      /* of all rules */
    uint64_t policies;   /* put in force */
    uint64_t earlier;    /* policies whose connections still go on */
    uint64_t inbox_full; /* packets that came although there was no room, and were lost */
    unsigned inside;     /* the tunnel's device; 0: none yet */
    unsigned outside;    /* the device outside; 0: none */
    bool has_passed;     /* the self-test */
};

struct pm_courier;

/* No thread yet. NULL with `error` filled. */
struct pm_courier *pm_courier_new(const struct pm_courier_config *config, char *error,
                                  size_t error_cap);
/* Ends every connection. Nobody is called any more when it returns. It may be called in one of the
 * courier's events: then nobody is called after that one, and the rest goes when it has returned.
 * NULL is fine. */
void pm_courier_free(struct pm_courier *courier);

/* False: no thread could be made. */
bool pm_courier_start(struct pm_courier *courier);

/* Copies a packet from the device, in any thread. */
void pm_courier_put(struct pm_courier *courier, const void *bytes, size_t len);
/* What was put is to be worked on. False: read no more until drained(). */
bool pm_courier_send(struct pm_courier *courier);
/* The network has changed. */
void pm_courier_move(struct pm_courier *courier);

/* Other rules for connections that begin from now on. Takes them over: they are freed whatever the
 * answer is, because references of policies are counted by one thread at a time. Their policy is
 * there. False with `error` filled: those before stay. */
bool pm_courier_replace(struct pm_courier *courier, struct pm_rules *rules, char *error,
                        size_t error_cap);

void pm_courier_stats(struct pm_courier *courier, struct pm_courier_stats *out);

#endif
