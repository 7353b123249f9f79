/* run_workers.c - the queues of a live run, and the firewall rules that feed them. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "app/run.h"

static void print_line(void *context, const char *line)
{
    fprintf(context, "  %s\n", line);
}

static bool make_worker(struct pm_run *run, struct pm_worker_config *config,
                        struct pm_policy *policy)
{
    char error[256];
    const char *notice;
    struct pm_worker *worker = pm_worker_new(config, policy, error, sizeof error, &notice);
    if (worker == NULL) {
        pm_complain(PM_EXIT_BAD_INPUT, "run: %s", error);
        return false;
    }
    if (*notice != 0 && run->worker_count == 0)
        pm_complain(PM_EXIT_GOOD, "run: %s", notice);
    run->workers[run->worker_count] = worker;
    if (run->options->events != NULL) {
        run->events[run->worker_count] =
            pm_run_events_new(&run->log, policy, run->options->community_seed);
        if (run->events[run->worker_count] == NULL)
            pm_complain(PM_EXIT_INTERNAL, "run: no memory for events");
        else
            pm_run_events_hear_worker(run->events[run->worker_count], worker);
    }
    run->worker_count++;
    return run->options->events == NULL || run->events[run->worker_count - 1] != NULL;
}

/* What of the rules a filter alone cannot do. */
static void tell_limits(const struct pm_policy *policy)
{
    if (pm_policy_rewrites(policy))
        pm_complain(PM_EXIT_GOOD,
                    "run: the filter changes no packet; the rules that rewrite do nothing here");
    if (pm_policy_has_stage(policy, PM_STAGE_AFTER_REWRITE))
        pm_complain(PM_EXIT_GOOD, "run: nothing is rewritten, so rules of stage after-rewrite "
                                  "judge nothing here");
}

bool pm_run_make_workers(struct pm_run *run, struct pm_policy *policy)
{
    const struct pm_run_options *options = run->options;
    if (!options->has_filter)
        return true;
    struct pm_worker_config config = {
        .queue_len = options->queue_len,
        .count = options->last - options->first + 1u + options->tunnel.is_wanted,
        .offload = options->offload,
        .inside = options->inside,
        .clock = run->clock,
        .seed = options->seed,
    };
    if (getrandom(config.hash_key, sizeof config.hash_key, 0) != sizeof config.hash_key) {
        pm_complain(PM_EXIT_INTERNAL, "run: the kernel gives no random numbers");
        return false;
    }
    if (!options->tunnel.is_wanted)
        tell_limits(policy);
    for (config.index = 0; config.index <= (uint32_t)(options->last - options->first);
         config.index++) {
        config.queue = (uint16_t)(options->first + config.index);
        if (!make_worker(run, &config, policy))
            return false;
    }
    return true;
}

bool pm_run_start_workers(struct pm_run *run)
{
    for (unsigned i = 0; i < run->worker_count; i++)
        if (!pm_worker_start(run->workers[i])) {
            pm_complain(PM_EXIT_INTERNAL, "run: cannot make a thread");
            return false;
        }
    return true;
}

/* ------------------------------------------------------------------ the firewall */

static void describe_firewall(struct pm_run *run)
{
    const struct pm_run_options *options = run->options;
    run->firewall =
        (struct pm_firewall){.kind = options->has_kind ? options->kind : pm_firewall_choose(),
                             .first = options->first,
                             .last = options->last,
                             .hooks = options->hooks,
                             .interface_count = options->interface_count,
                             .bypass = options->bypass};
    if (run->tunnel.tunnel != NULL)
        run->firewall.tunnel = pm_tunnel_device(run->tunnel.tunnel);
    memcpy(run->firewall.interfaces, options->interfaces, sizeof options->interfaces);
}

static bool begin_generation(struct pm_run *run)
{
    if (!run->options->offload)
        return true;
    run->firewall.generation = pm_run_next_generation(run->options->run_dir, PM_SETTLED_GENERATION);
    return run->firewall.generation > 0;
}

bool pm_run_install(struct pm_run *run)
{
    char error[512];
    if (!run->options->has_filter)
        return true;
    describe_firewall(run);
    if (!run->options->install) {
        if (!run->options->quiet) {
            fputs("rules that send packets here (--install puts them in and takes them out):\n",
                  stderr);
            pm_firewall_print(&run->firewall, print_line, stderr);
        }
        return true;
    }
    if (!begin_generation(run)) {
        pm_complain(PM_EXIT_BAD_INPUT, "run: flows cannot be offloaded before the next boot: all "
                                       "generations of marks are used; leave --offload away");
        return false;
    }
    run->is_installed = pm_firewall_install(&run->firewall, error, sizeof error);
    if (!run->is_installed)
        pm_complain(PM_EXIT_BAD_INPUT, "run: %s", error);
    return run->is_installed;
}

/* What was settled under the policy before is asked about again. Where no mark is left, or the
 * rules cannot be changed, nothing may pass unasked any more. */
static void renew_generation(struct pm_run *run)
{
    char error[512] = "all generations of marks are used";
    if (!run->is_installed || run->firewall.generation == 0)
        return;
    struct pm_firewall_passed passed = pm_firewall_passed(&run->firewall);
    run->passed.packets += passed.packets;
    run->passed.bytes += passed.bytes;
    if (begin_generation(run) && pm_firewall_renew(&run->firewall, error, sizeof error))
        return;
    pm_complain(PM_EXIT_BAD_INPUT, "run: %s; the run ends, for settled flows would pass unasked",
                error);
    run->must_stop = true;
}

/* ------------------------------------------------------------------ another policy */

static bool has_room_for(struct pm_run *run, const struct pm_policy *policy)
{
    bool has_room = true;
    for (unsigned i = 0; i < run->worker_count && has_room; i++) {
        pm_worker_lock(run->workers[i]);
        has_room = pm_worker_reserve(run->workers[i], policy);
        pm_worker_unlock(run->workers[i]);
    }
    return has_room;
}

/* The worker's events name rules by their place in the policy: they change with it, or end. */
static void swap_one(struct pm_run *run, unsigned i, struct pm_policy *policy,
                     struct pm_filter *filter)
{
    struct pm_worker *worker = run->workers[i];
    pm_worker_lock(worker);
    pm_worker_swap(worker, policy, filter);
    if (run->events[i] != NULL && !pm_run_events_renew(run->events[i], policy)) {
        pm_complain(PM_EXIT_INTERNAL, "run: no memory for events; there are no more of them");
        pm_worker_listen(worker, &(struct pm_worker_listener){.context = NULL});
    }
    pm_worker_unlock(worker);
}

bool pm_run_swap(struct pm_run *run, struct pm_policy *policy)
{
    struct pm_filter *filters[PM_RUN_QUEUES];
    struct pm_error error;
    unsigned made = 0;
    bool has_room = has_room_for(run, policy);
    while (has_room && made < run->worker_count) {
        filters[made] = pm_worker_make_filter(run->workers[made], policy, &error);
        has_room = filters[made] != NULL;
        made += has_room;
    }
    for (unsigned i = 0; i < made; i++) {
        if (has_room)
            swap_one(run, i, policy, filters[i]);
        else
            pm_filter_free(filters[i]);
    }
    if (has_room)
        renew_generation(run);
    return has_room;
}

/* ------------------------------------------------------------------ the end */

bool pm_run_has_failed(const struct pm_run *run)
{
    bool has_failed = false;
    for (unsigned i = 0; i < run->worker_count; i++) {
        pm_worker_lock(run->workers[i]);
        has_failed |= pm_worker_has_failed(run->workers[i]);
        pm_worker_unlock(run->workers[i]);
    }
    return has_failed;
}

bool pm_run_end_workers(struct pm_run *run)
{
    char error[512];
    bool is_clean = true;
    if (run->is_installed) {
        is_clean = pm_firewall_remove(run->firewall.first, error, sizeof error);
        if (!is_clean)
            pm_complain(PM_EXIT_INTERNAL, "run: firewall rules are left: %s", error);
    }
    run->is_installed = false;
    for (unsigned i = 0; i < run->worker_count; i++)
        pm_worker_stop(run->workers[i]);
    for (unsigned i = 0; i < run->worker_count; i++) {
        pm_run_events_free(run->events[i], pm_clock_now_ns(&run->clock));
        pm_worker_free(run->workers[i]);
    }
    run->worker_count = 0;
    return is_clean;
}
