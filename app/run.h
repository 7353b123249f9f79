/* run.h - a live run: what was asked for, and the parts that belong to it.
 *
 *     main thread      signals, control socket, events to their file, reload
 *     worker threads   one for each queue: packets (filter-ext/linux/worker.h)
 *     tunnel thread    packets of the tunnel (tunnel-ext/tunnel.h)
 */
#ifndef PKTMOD_APP_RUN_H
#define PKTMOD_APP_RUN_H

#include "app/command.h"
#include "app/run_events.h"
#include "app/run_lock.h"
#include "app/run_tunnel.h"
#include "filter-ext/linux/firewall.h"
#include "filter-ext/linux/worker.h"
#include "rules/rules.h"

#define PM_RUN_QUEUES 64u
#define PM_RUN_DIR    "/run/pktmod"

struct pm_run_options {
    const char *rules; /* NULL: only with uninstall */
    bool has_filter;
    struct pm_run_tunnel_options tunnel;
    uint16_t first, last; /* queues */
    unsigned hooks;       /* PM_HOOK_ bits */
    bool has_kind;        /* of the firewall; false: what is there */
    enum pm_firewall_kind kind;
    const char *interfaces[PM_FIREWALL_INTERFACES];
    unsigned interface_count;
    const char *inside; /* or NULL */
    bool install, uninstall, bypass, offload, quiet;
    uint32_t queue_len; /* 0: as many as may be delayed, and 4096 */
    const char *run_dir;
    const char *control; /* path of the socket; NULL: in run_dir; "none" */
    const char *control_group;
    const char *events; /* file; "-": standard output; "none": only for the control socket; NULL: no
                           events at all */
    uint16_t community_seed;
    uint64_t seed;
    bool only_told; /* --help or --version was asked for and is answered */
};

/* False: complained already. The words live as long as argv; the rest goes with the _free. */
bool pm_run_options_parse(struct pm_run_options *options, int argc, char *const argv[]);
void pm_run_options_free(struct pm_run_options *options);

struct pm_run {
    const struct pm_run_options *options;
    struct pm_clock clock;
    uint64_t began_ns, loaded_ns;
    struct pm_rules *rules; /* in force */
    uint64_t reloads, refused_reloads;
    struct pm_worker *workers[PM_RUN_QUEUES];
    unsigned worker_count;
    struct pm_run_events *events[PM_RUN_QUEUES]; /* as the workers; NULL: none */
    struct pm_run_tunnel tunnel;
    struct pm_event_log log;
    struct pm_firewall firewall;
    struct pm_firewall_passed passed; /* before the last reload */
    bool is_installed;
    struct pm_run_lock lock;
    bool must_stop;
};

/* Reads the rule file again, or another one, and puts it in force as a whole; flows keep their
 * state. False: nothing has changed, and *wrong, for the caller to free, says why (or is NULL for
 * want of memory). */
bool pm_run_reload(struct pm_run *run, const char *path, char **wrong);

/* Makes everything, runs until a signal or `ctl stop`, and puts everything back. Complained
 * already where the exit code is not good. */
enum pm_exit pm_run_live(const struct pm_run_options *options);
/* Takes out what an earlier run installed for the queue. */
enum pm_exit pm_run_uninstall(const struct pm_run_options *options);

/* ---- run_workers.c: the filter's part of a run; pm_run_live() calls them in this order. Each
 * false: complained already */

bool pm_run_make_workers(struct pm_run *run, struct pm_policy *policy);
bool pm_run_start_workers(struct pm_run *run);
bool pm_run_install(struct pm_run *run);
/* The other way round, as far as it came. */
bool pm_run_end_workers(struct pm_run *run);
/* Some worker's queue is broken. */
bool pm_run_has_failed(const struct pm_run *run);
/* Puts a policy in force in all workers. False: no memory, nothing changed. */
bool pm_run_swap(struct pm_run *run, struct pm_policy *policy);

#endif
