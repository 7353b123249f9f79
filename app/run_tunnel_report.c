/* run_tunnel_report.c - the numbers of a run's tunnel; the contract is in run_tunnel.h. */
#include <inttypes.h>
#include <string.h>

#include "app/run.h"

static void look(const struct pm_run *run, struct pm_tunnel_stats *tunnel,
                 struct pm_line_stats *line)
{
    pm_tunnel_lock(run->tunnel.tunnel);
    *tunnel = pm_tunnel_stats(run->tunnel.tunnel);
    pm_line_stats(pm_tunnel_line(run->tunnel.tunnel), line);
    pm_tunnel_unlock(run->tunnel.tunnel);
}

void pm_run_tunnel_add(const struct pm_run *run, struct pm_worker_stats *sum)
{
    struct pm_tunnel_stats tunnel;
    struct pm_line_stats line;
    if (run->tunnel.tunnel == NULL)
        return;
    look(run, &tunnel, &line);
    pm_stats_add(&sum->filter, &line.filter);
    sum->held += line.waiting;
    sum->asks += line.asks;
    sum->policies += line.generations;
}

size_t pm_run_tunnel_gather(const struct pm_run *run,
                            struct pm_run_counter out[PM_RUN_TUNNEL_COUNTERS])
{
    struct pm_tunnel_stats t;
    struct pm_line_stats line;
    if (run->tunnel.tunnel == NULL)
        return 0;
    look(run, &t, &line);
    const struct pm_run_counter counters[PM_RUN_TUNNEL_COUNTERS] = {
        {"tunnel_in", "packets that entered the tunnel", t.in, false},
        {"tunnel_out", "packets that it wrote", t.out, false},
        {"tunnel_unwritten", "packets that its device did not take", t.unwritten, false},
        {"tunnel_connections", "connections that were continued", t.connections, false},
        {"tunnel_refused", "connections whose destination refused", t.refused, false},
        {"tunnel_unreachable", "connections whose destination is out of reach", t.unreachable,
         false},
        {"tunnel_unanswered", "connections whose destination was silent", t.unanswered, false},
        {"tunnel_datagrams", "datagrams sent on", t.datagrams, false},
        {"tunnel_echoes", "pings sent on", t.echoes, false},
        {"tunnel_strays", "packets of no connection, or of no protocol it carries", t.strays,
         false},
        {"tunnel_overflow", "for which there was no room", t.overflow, false},
        {"tunnel_parted", "fragments dropped for want of their rules", line.parted, false},
        {"tunnel_generations", "earlier rule sets whose connections go on", line.generations, true},
        {"tunnel_changed", "packets that were rewritten", line.rewriter.changed, false},
        {"tunnel_edits", "edits made", line.edits, false},
        {"tunnel_rewriter_dropped", "packets that the rewriter let nobody have",
         line.rewriter.dropped, false},
    };
    memcpy(out, counters, sizeof counters);
    return PM_RUN_TUNNEL_COUNTERS;
}

void pm_run_tunnel_print(FILE *out, const struct pm_run *run)
{
    struct pm_tunnel_stats tunnel;
    struct pm_line_stats line;
    if (run->tunnel.tunnel == NULL)
        return;
    look(run, &tunnel, &line);
    fprintf(out, "tunnel   %s, %s, %zu destination%s, %" PRIu64 " earlier rule set%s in use\n",
            pm_tunnel_device(run->tunnel.tunnel),
            run->options->tunnel.mode == PM_TUNNEL_FORWARD ? "forward" : "reflect",
            run->tunnel.plan.count, run->tunnel.plan.count == 1 ? "" : "s", line.generations,
            line.generations == 1 ? "" : "s");
}

static void print_count(const char *name, uint64_t count)
{
    printf("\"%s\": %" PRIu64 ", ", name, count);
}

void pm_run_tunnel_print_end(const struct pm_run *run)
{
    struct pm_tunnel_stats stats;
    struct pm_line_stats line;
    look(run, &stats, &line);
    printf("{");
    print_count("in", stats.in);
    print_count("out", stats.out);
    print_count("unwritten", stats.unwritten);
    print_count("connections", stats.connections);
    print_count("refused", stats.refused);
    print_count("unreachable", stats.unreachable);
    print_count("unanswered", stats.unanswered);
    print_count("datagrams", stats.datagrams);
    print_count("echoes", stats.echoes);
    print_count("strays", stats.strays);
    print_count("overflow", stats.overflow);
    print_count("parted", line.parted);
    print_count("allowed", line.filter.allowed);
    print_count("dropped", line.filter.dropped);
    print_count("rejected", line.filter.rejected);
    print_count("delayed", line.filter.delayed);
    print_count("changed", line.rewriter.changed);
    print_count("edits", line.edits);
    printf("\"why\": {");
    for (int why = 0, any = 0; why < PM_WHY_COUNT; why++)
        if (line.rewriter.why[why] != 0)
            printf("%s\"%s\": %" PRIu64, any++ != 0 ? ", " : "", pm_why_name((enum pm_why)why),
                   line.rewriter.why[why]);
    printf("}}\n");
    fflush(stdout);
}
