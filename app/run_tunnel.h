/* run_tunnel.h - the tunnel of a live run: what the command line says of it, its part of the run,
 * and what it tells of itself. */
#ifndef PKTMOD_APP_RUN_TUNNEL_H
#define PKTMOD_APP_RUN_TUNNEL_H

#include "app/command.h"
#include "app/direction.h"
#include "tunnel-ext/run_plan.h"
#include "tunnel-ext/tunnel.h"

struct pm_run;
struct pm_run_events;
struct pm_worker_stats;

struct pm_run_tunnel_options {
    bool is_wanted, only_plan;
    bool plain;   /* no offloads */
    bool has_any; /* an option that is for tunnels alone */
    const char *device;
    enum pm_tunnel_mode mode;
    struct pm_local to; /* instead of what the rules say */
    uint32_t mtu;       /* 0: the mode's */
    uint64_t memory;    /* bytes; 0: the default */
};

extern const char pm_run_tunnel_help[];

/* One of tunnel, mode, to, plan, mtu, plain, memory. False: complained already. */
bool pm_run_tunnel_take(struct pm_run_tunnel_options *options, const char *name, const char *value);
void pm_run_tunnel_options_free(struct pm_run_tunnel_options *options);

/* --plan: shows what would enter. */
enum pm_exit pm_run_tunnel_show(const struct pm_run_tunnel_options *options,
                                const struct pm_policy *policy, const char *path);

/* The tunnel's part of a run; all of it is empty where there is none. */
struct pm_run_tunnel {
    struct pm_tunnel *tunnel;
    struct pm_run_plan plan; /* what enters */
    struct pm_run_events *events;
};

/* pm_run_live() calls them in this order. False: complained already. */
bool pm_run_tunnel_make(struct pm_run *run, struct pm_policy *policy);
bool pm_run_tunnel_start(struct pm_run *run);
bool pm_run_tunnel_has_failed(const struct pm_run *run);
/* About once a second. */
void pm_run_tunnel_tick(struct pm_run *run);
/* Prints its counters, one JSON object, where it carried. */
void pm_run_tunnel_end(struct pm_run *run);

/* Engines for another policy, with its destinations routed. False: nothing has changed, and
 * *wrong, for the caller to free, says why. NULL in *next where there is no tunnel. */
bool pm_run_tunnel_prepare(struct pm_run *run, struct pm_policy *policy,
                           struct pm_generation **next, char **wrong);
/* Puts them in force; NULL is fine. */
void pm_run_tunnel_swap(struct pm_run *run, struct pm_policy *policy, struct pm_generation *next);

/* ---- run_tunnel_report.c */

struct pm_run_counter {
    const char *name, *text;
    uint64_t value;
    bool is_gauge;
};

#define PM_RUN_TUNNEL_COUNTERS 16

/* Adds what the tunnel's filter counted. */
void pm_run_tunnel_add(const struct pm_run *run, struct pm_worker_stats *sum);
/* Answers how many there are: all or none. */
size_t pm_run_tunnel_gather(const struct pm_run *run,
                            struct pm_run_counter out[PM_RUN_TUNNEL_COUNTERS]);
/* A line for a person. */
void pm_run_tunnel_print(FILE *out, const struct pm_run *run);
/* At the end: one JSON object. */
void pm_run_tunnel_print_end(const struct pm_run *run);

#endif
