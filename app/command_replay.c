/* command_replay.c - pktmod replay from beginning to end: rules, capture, run, output, report. */
#include <inttypes.h>

#include "app/command.h"
#include "app/input.h"
#include "app/interrupt.h"
#include "app/outputs.h"
#include "app/report.h"
#include "rules/rules.h"

static void tell(const struct pm_replay *replay, const struct pm_rules *rules, uint64_t took_ns)
{
    const struct pm_replay_options *options = replay->options;
    FILE *out = pm_outputs_take_stdout(options) ? stderr : stdout;
    struct pm_report report = {replay, pm_rules_name(rules), pm_capture_error(replay->capture)};
    if (options->json)
        pm_report_json(&report, out);
    else
        pm_report_text(&report, out, pm_colour_wanted(out));
    fflush(stdout);
    if (took_ns > 0)
        fprintf(stderr, "pktmod: %" PRIu64 " packets in %.3f s, %.2f million a second\n",
                replay->packets, (double)took_ns / 1e9,
                (double)replay->packets * 1e3 / (double)took_ns);
}

static void warn_of_oddities(const struct pm_replay *replay)
{
    const struct pm_oddities *odd = pm_capture_oddities(replay->capture);
    if (odd->longer_than_original > 0 && !replay->options->quiet)
        pm_complain(PM_EXIT_GOOD,
                    "%s: %" PRIu64 " records claim more captured bytes than the packet had; they "
                    "are taken as they are",
                    replay->options->in, odd->longer_than_original);
}

/* Clients that rules hand streams to. One that does not come is only told of: its rules' on_timeout
 * says what happens without it. */
static bool meet_clients(struct pm_replay *replay)
{
    char error[256];
    const char *missing;
    bool is_asked = false;
    for (uint32_t i = 0; i < pm_policy_rule_count(replay->policy); i++)
        is_asked |= pm_policy_rule_socket(replay->policy, i) != NULL &&
                    !pm_policy_rule_is_dry_run(replay->policy, i);
    if (!is_asked)
        return true;
    replay->clients = pm_clients_new(replay->policy, error, sizeof error);
    if (replay->clients == NULL) {
        pm_complain(PM_EXIT_BAD_INPUT, "replay: %s", error);
        return false;
    }
    pm_clients_serve(replay->clients, replay->rewriter);
    if (!pm_clients_await(replay->clients, (int)replay->options->external_wait_ms, &missing))
        pm_complain(PM_EXIT_GOOD,
                    "replay: %s: no client came in %" PRIu32 " ms; on_timeout decides about its "
                    "streams",
                    missing, replay->options->external_wait_ms);
    return true;
}

static enum pm_exit run(struct pm_replay *replay, const struct pm_rules *rules)
{
    struct pm_outputs outputs;
    struct pm_progress progress;
    if (replay->options->answers != NULL &&
        !pm_answers_load(&replay->answers, replay->options->answers, replay->policy))
        return PM_EXIT_BAD_INPUT;
    if (!pm_outputs_open(&outputs, replay)) {
        pm_outputs_close(&outputs, replay);
        return PM_EXIT_BAD_INPUT;
    }
    if (!pm_replay_start(replay)) {
        pm_outputs_close(&outputs, replay);
        return PM_EXIT_INTERNAL;
    }
    if (!meet_clients(replay)) {
        pm_outputs_close(&outputs, replay);
        return PM_EXIT_BAD_INPUT;
    }
    pm_interrupt_catch();
    pm_progress_start(&progress, replay->options->quiet);
    pm_replay_run(replay, &progress);
    uint64_t took_ns = pm_progress_end_ns(&progress);

    enum pm_exit code = pm_outputs_close(&outputs, replay);
    const char *damage = pm_capture_error(replay->capture);
    if (replay->no_memory)
        return pm_complain(PM_EXIT_INTERNAL, "replay: no memory for another delayed packet");
    if (code == PM_EXIT_GOOD && !replay->options->quiet)
        tell(replay, rules, took_ns);
    warn_of_oddities(replay);
    if (damage != NULL)
        code = pm_complain(PM_EXIT_BAD_INPUT, "%s", damage);
    if (code == PM_EXIT_GOOD && replay->stopped_by != 0)
        code = pm_complain((enum pm_exit)(PM_EXIT_SIGNAL + replay->stopped_by),
                           "replay: stopped by %s after %" PRIu64 " packets; what comes after them "
                           "in the capture was not read",
                           pm_signal_name(replay->stopped_by), replay->packets);
    return code;
}

static enum pm_exit open_and_run(struct pm_replay *replay, const struct pm_rules *rules)
{
    replay->capture = pm_input_open(replay->options->in, stderr);
    if (replay->capture == NULL)
        return pm_complain(PM_EXIT_INTERNAL, "replay: no memory");
    const char *damage = pm_capture_error(replay->capture);
    enum pm_exit code =
        damage != NULL ? pm_complain(PM_EXIT_BAD_INPUT, "%s", damage) : run(replay, rules);
    pm_replay_end(replay);
    pm_capture_close(replay->capture);
    return code;
}

static enum pm_exit with_rules(const struct pm_replay_options *options)
{
    struct pm_rules *rules = pm_rules_load(options->rules);
    if (rules == NULL)
        return pm_complain(PM_EXIT_INTERNAL, "replay: no memory");
    struct pm_replay replay = {
        .options = options, .policy = pm_rules_policy(rules), .rules_name = pm_rules_name(rules)};
    enum pm_exit code = PM_EXIT_BAD_INPUT;
    if (!options->quiet || replay.policy == NULL)
        pm_rules_print_text(rules, stderr, pm_colour_wanted(stderr));
    if (replay.policy != NULL)
        code = open_and_run(&replay, rules);
    pm_rules_free(rules);
    return code;
}

enum pm_exit pm_command_replay(int argc, char *const argv[])
{
    struct pm_replay_options options;
    enum pm_exit code = PM_EXIT_BAD_INPUT;
    if (pm_replay_options_parse(&options, argc, argv))
        code = options.only_told ? PM_EXIT_GOOD : with_rules(&options);
    pm_replay_options_free(&options);
    return code;
}
