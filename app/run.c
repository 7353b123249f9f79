/* run.c - a live run from its beginning to its end; the contract is in run.h. */
#include "app/run.h"

#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "app/control.h"
#include "filter-ext/linux/notify.h"
#include "filter-ext/linux/privileges.h"

#define TICK_NS UINT64_C(1000000000)

/* What the main thread waits for beside the control socket. */
struct loop {
    struct pm_run *run;
    struct pm_control *control; /* NULL: none */
    int signal_fd;
    struct pm_buffer lines; /* of events */
    uint64_t tick_ns, ticked_ns;
};

/* ------------------------------------------------------------------ reload */

static char *words_of(const struct pm_rules *rules)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    if (out == NULL)
        return strdup("no memory\n");
    pm_rules_print_text(rules, out, false);
    fclose(out);
    return text;
}

/* All that can fail comes first. */
static bool swap_all(struct pm_run *run, struct pm_policy *policy, char **wrong)
{
    struct pm_generation *next;
    if (!pm_run_tunnel_prepare(run, policy, &next, wrong))
        return false;
    if (!pm_run_swap(run, policy)) {
        pm_generation_free(next);
        *wrong = strdup("no memory\n");
        return false;
    }
    pm_run_tunnel_swap(run, policy, next);
    return true;
}

bool pm_run_reload(struct pm_run *run, const char *path, char **wrong)
{
    struct pm_rules *rules = pm_rules_load(path);
    struct pm_policy *policy = rules == NULL ? NULL : pm_rules_policy(rules);
    bool is_swapped = false;
    *wrong = NULL;
    if (rules != NULL && policy == NULL)
        *wrong = words_of(rules);
    else if (rules == NULL)
        *wrong = strdup("no memory\n");
    else
        is_swapped = swap_all(run, policy, wrong);
    run->reloads += is_swapped;
    run->refused_reloads += !is_swapped;
    pm_rules_free(is_swapped ? run->rules : rules);
    if (is_swapped) {
        run->rules = rules;
        run->loaded_ns = pm_clock_now_ns(&run->clock);
    }
    return is_swapped;
}

/* ------------------------------------------------------------------ the loop */

static void hear_signal(struct loop *loop)
{
    struct signalfd_siginfo signal;
    while (read(loop->signal_fd, &signal, sizeof signal) == sizeof signal) {
        if (signal.ssi_signo == SIGHUP)
            pm_event_log_rotate(&loop->run->log);
        else
            loop->run->must_stop = true;
    }
}

static void bring_events(struct loop *loop)
{
    pm_event_log_take(&loop->run->log, &loop->lines);
    size_t len = pm_buffer_len(&loop->lines);
    if (loop->control != NULL && len > 0)
        pm_control_tell(loop->control, pm_buffer_at(&loop->lines), len);
    pm_buffer_clear(&loop->lines);
}

/* Now and then: flows that end by being idle, queues that broke, and systemd. Each worker's lock is
 * taken, so a worker that hangs stops the watchdog's messages. */
static void tick(struct loop *loop)
{
    struct pm_run *run = loop->run;
    uint64_t now_ns = pm_clock_now_ns(&run->clock);
    if (now_ns - loop->ticked_ns < loop->tick_ns)
        return;
    loop->ticked_ns = now_ns;
    for (unsigned i = 0; i < run->worker_count; i++) {
        pm_worker_lock(run->workers[i]); /* and the time after it: no packet was judged later */
        if (run->events[i] != NULL)
            pm_run_events_pass(run->events[i], pm_clock_now_ns(&run->clock));
        pm_worker_unlock(run->workers[i]);
    }
    pm_run_tunnel_tick(run);
    pm_notify("WATCHDOG=1");
}

static enum pm_exit turn(struct loop *loop)
{
    struct pollfd fds[PM_CONTROL_POLLS + 2];
    fds[0] = (struct pollfd){.fd = loop->signal_fd, .events = POLLIN};
    fds[1] = (struct pollfd){.fd = loop->run->log.news_fd, .events = POLLIN};
    size_t count = 2;
    if (loop->control != NULL)
        count += pm_control_poll(loop->control, fds + 2);
    if (poll(fds, count, (int)(loop->tick_ns / 1000000)) < 0 && errno != EINTR)
        return pm_complain(PM_EXIT_INTERNAL, "run: poll: %s", strerror(errno));
    hear_signal(loop);
    if (loop->control != NULL)
        pm_control_work(loop->control, loop->run);
    bring_events(loop);
    tick(loop);
    if (pm_run_has_failed(loop->run))
        return pm_complain(PM_EXIT_INTERNAL, "run: the kernel's queue does not answer any more");
    if (pm_run_tunnel_has_failed(loop->run))
        return pm_complain(PM_EXIT_BAD_INPUT,
                           "run: device %s is gone: somebody removed it, or took it down",
                           pm_tunnel_device(loop->run->tunnel.tunnel));
    return PM_EXIT_GOOD;
}

static enum pm_exit go_round(struct loop *loop)
{
    enum pm_exit code = PM_EXIT_GOOD;
    while (code == PM_EXIT_GOOD && !loop->run->must_stop)
        code = turn(loop);
    return code;
}

/* ------------------------------------------------------------------ beginning and end */

static bool catch_signals(struct loop *loop)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL); /* threads made later inherit it */
    loop->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (loop->signal_fd < 0)
        pm_complain(PM_EXIT_INTERNAL, "run: signalfd: %s", strerror(errno));
    return loop->signal_fd >= 0;
}

static bool open_control(struct loop *loop)
{
    const struct pm_run_options *options = loop->run->options;
    char path[512], error[256];
    if (options->control != NULL && strcmp(options->control, "none") == 0)
        return true;
    snprintf(path, sizeof path, "%s/control.sock", options->run_dir);
    loop->control = pm_control_open(options->control == NULL ? path : options->control,
                                    options->control_group, error, sizeof error);
    if (loop->control == NULL)
        pm_complain(PM_EXIT_BAD_INPUT, "run: control socket: %s", error);
    return loop->control != NULL;
}

static bool drop_privileges(void)
{
    char error[256];
    bool is_done = pm_privileges_drop(error, sizeof error);
    if (!is_done)
        pm_complain(PM_EXIT_BAD_INPUT, "run: %s", error);
    return is_done;
}

static bool clean_up_after(uint16_t queue)
{
    char error[512];
    bool is_clean = pm_firewall_remove(queue, error, sizeof error);
    if (is_clean)
        pm_complain(PM_EXIT_GOOD,
                    "run: an earlier run on queue %u had died; what it left was "
                    "taken away",
                    queue);
    else
        pm_complain(PM_EXIT_GOOD,
                    "run: an earlier run on queue %u had died; what it left is still there: %s",
                    queue, error);
    return is_clean;
}

/* One that ends in + may come later. */
static bool is_there(const char *interface)
{
    if (interface[strlen(interface) - 1] == '+' || if_nametoindex(interface) != 0)
        return true;
    pm_complain(PM_EXIT_BAD_INPUT,
                "run: there is no interface \"%s\" here; name one that is there, or, with a + at "
                "the end, those that may come",
                interface);
    return false;
}

static bool interfaces_are_there(const struct pm_run_options *options)
{
    bool are_there = options->inside == NULL || is_there(options->inside);
    for (unsigned i = 0; i < options->interface_count && are_there; i++)
        are_there = is_there(options->interfaces[i]);
    return are_there;
}

static bool may_run(const struct pm_run_options *options)
{
    if (!pm_privileges_suffice()) {
        pm_complain(PM_EXIT_BAD_INPUT,
                    "run: not permitted; run as root, or with CAP_NET_ADMIN and CAP_NET_RAW");
        return false;
    }
    if (!interfaces_are_there(options))
        return false;
    pm_run_lock_sweep(options->run_dir, clean_up_after);
    return true;
}

/* One run serves a queue; of tunnels there is one in a network namespace, which its routes tell. */
static bool take_place(struct pm_run *run)
{
    const struct pm_run_options *options = run->options;
    if (options->has_filter)
        return pm_run_lock_take(&run->lock, options->run_dir, options->first);
    return pm_run_lock_folder(options->run_dir);
}

static enum pm_exit begin_and_go(struct loop *loop)
{
    struct pm_run *run = loop->run;
    if (!take_place(run) || !pm_event_log_open(&run->log, run->options->events))
        return PM_EXIT_BAD_INPUT;
    if (!open_control(loop) || !pm_run_make_workers(run, pm_rules_policy(run->rules)) ||
        !pm_run_tunnel_make(run, pm_rules_policy(run->rules)))
        return PM_EXIT_BAD_INPUT;
    if (!catch_signals(loop) || !drop_privileges() || !pm_run_start_workers(run) ||
        !pm_run_install(run) || !pm_run_tunnel_start(run))
        return PM_EXIT_BAD_INPUT;
    if (!run->options->quiet && run->options->has_filter)
        fprintf(stderr, "pktmod: filtering %s%u with %zu rules of %s\n",
                run->worker_count == 1 ? "queue " : "queues from ", run->options->first,
                pm_policy_rule_count(pm_rules_policy(run->rules)), run->options->rules);
    pm_notify("READY=1");
    return go_round(loop);
}

static enum pm_exit end(struct loop *loop, enum pm_exit code)
{
    struct pm_run *run = loop->run;
    pm_notify("STOPPING=1");
    pm_run_tunnel_end(run);
    if (!pm_run_end_workers(run) && code == PM_EXIT_GOOD)
        code = PM_EXIT_INTERNAL;
    if (run->log.news_fd >= 0)
        bring_events(loop);
    pm_control_close(loop->control);
    pm_event_log_close(&run->log);
    if (loop->signal_fd >= 0)
        close(loop->signal_fd);
    pm_buffer_free(&loop->lines);
    pm_run_lock_release(&run->lock);
    return code;
}

static enum pm_exit run_rules(struct pm_run *run)
{
    uint64_t watchdog_ns = pm_notify_watchdog_ns();
    struct loop loop = {.run = run, .signal_fd = -1, .lines = {.most = PM_EVENT_LOG_BYTES}};
    loop.tick_ns = watchdog_ns > 0 && watchdog_ns < TICK_NS ? watchdog_ns : TICK_NS;
    run->clock = pm_clock_start();
    run->began_ns = run->loaded_ns = pm_clock_now_ns(&run->clock);
    run->log.fd = run->log.news_fd = run->lock.fd = -1;
    return end(&loop, begin_and_go(&loop));
}

/* What the rules are good for here. */
static enum pm_exit run_policy(struct pm_run *run)
{
    const struct pm_run_options *options = run->options;
    const struct pm_policy *policy = pm_rules_policy(run->rules);
    if (policy == NULL)
        return PM_EXIT_BAD_INPUT;
    if (options->tunnel.only_plan)
        return pm_run_tunnel_show(&options->tunnel, policy, options->rules);
    return may_run(options) ? run_rules(run) : PM_EXIT_BAD_INPUT;
}

enum pm_exit pm_run_live(const struct pm_run_options *options)
{
    struct pm_run *run = calloc(1, sizeof *run);
    if (run == NULL)
        return pm_complain(PM_EXIT_INTERNAL, "run: no memory");
    enum pm_exit code = PM_EXIT_INTERNAL;
    run->options = options;
    run->rules = pm_rules_load(options->rules);
    if (run->rules == NULL)
        pm_complain(PM_EXIT_INTERNAL, "%s: no memory", options->rules);
    else
        pm_rules_print_text(run->rules, stderr, pm_colour_wanted(stderr));
    if (run->rules != NULL)
        code = run_policy(run);
    pm_rules_free(run->rules);
    free(run);
    return code;
}

enum pm_exit pm_run_uninstall(const struct pm_run_options *options)
{
    char error[512];
    if (pm_firewall_remove(options->first, error, sizeof error))
        return PM_EXIT_GOOD;
    return pm_complain(PM_EXIT_BAD_INPUT, "run: %s", error);
}
