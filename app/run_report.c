/* run_report.c - a live run's numbers; the contract is in run_report.h. */
#include "app/run_report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NS_PER_S UINT64_C(1000000000)
#define ASKS_MAX 256u

static double seconds_since(const struct pm_run *run, uint64_t then_ns)
{
    return (double)(pm_clock_now_ns(&run->clock) - then_ns) / 1e9;
}

static struct pm_policy *policy_of(const struct pm_run *run)
{
    return pm_rules_policy(run->rules);
}

static struct pm_worker_stats stats_of(struct pm_worker *worker)
{
    struct pm_worker_stats stats;
    pm_worker_lock(worker);
    pm_worker_stats(worker, &stats);
    pm_worker_unlock(worker);
    return stats;
}

static void add(struct pm_worker_stats *sum, const struct pm_worker_stats *more)
{
    const uint64_t *from = (const uint64_t *)(const void *)more;
    uint64_t *to = (uint64_t *)(void *)sum;
    _Static_assert(sizeof *sum % sizeof(uint64_t) == 0, "all counters");
    uint64_t late_ns = sum->late_max_ns > more->late_max_ns ? sum->late_max_ns : more->late_max_ns;
    for (size_t i = 0; i < sizeof *sum / sizeof *to; i++)
        to[i] += from[i];
    sum->late_max_ns = late_ns;
}

static struct pm_worker_stats stats_of_all(struct pm_run *run)
{
    struct pm_worker_stats sum = {.held = 0};
    for (unsigned i = 0; i < run->worker_count; i++) {
        struct pm_worker_stats one = stats_of(run->workers[i]);
        add(&sum, &one);
    }
    pm_run_tunnel_add(run, &sum);
    return sum;
}

static struct pm_rule_stats rule_stats_of(struct pm_run *run, uint32_t rule)
{
    struct pm_rule_stats sum = {.packets = 0};
    for (unsigned i = 0; i < run->worker_count; i++) {
        pm_worker_lock(run->workers[i]);
        const struct pm_rule_stats *one =
            pm_filter_rule_stats(pm_worker_filter(run->workers[i]), rule);
        sum.packets += one->packets;
        sum.bytes += one->bytes;
        pm_worker_unlock(run->workers[i]);
    }
    if (run->tunnel.tunnel != NULL) {
        pm_tunnel_lock(run->tunnel.tunnel);
        struct pm_rule_stats one = pm_line_rule_stats(pm_tunnel_line(run->tunnel.tunnel), rule);
        sum.packets += one.packets;
        sum.bytes += one.bytes;
        pm_tunnel_unlock(run->tunnel.tunnel);
    }
    return sum;
}

/* ------------------------------------------------------------------ status */

static size_t tunnel_asks(struct pm_run *run, struct pm_worker_ask *out, size_t cap)
{
    struct pm_line_ask asks[ASKS_MAX];
    if (run->tunnel.tunnel == NULL)
        return 0;
    pm_tunnel_lock(run->tunnel.tunnel);
    size_t count = pm_line_asks(pm_tunnel_line(run->tunnel.tunnel), asks, cap);
    pm_tunnel_unlock(run->tunnel.tunnel);
    for (size_t i = 0; i < count; i++) {
        out[i] = (struct pm_worker_ask){.id = asks[i].id,
                                        .deadline_ns = asks[i].deadline_ns,
                                        .has_ends = asks[i].has_ends,
                                        .ends = asks[i].ends};
        memcpy(out[i].rule, asks[i].rule, sizeof out[i].rule);
    }
    return count;
}

static size_t asks_of(struct pm_run *run, struct pm_worker_ask asks[ASKS_MAX])
{
    size_t count = 0;
    for (unsigned i = 0; i < run->worker_count; i++) {
        pm_worker_lock(run->workers[i]);
        count += pm_worker_asks(run->workers[i], asks + count, ASKS_MAX - count);
        pm_worker_unlock(run->workers[i]);
    }
    return count + tunnel_asks(run, asks + count, ASKS_MAX - count);
}

static void put_ends(struct pm_json *json, const struct pm_endpoints *ends)
{
    char text[PM_ADDR_TEXT];
    pm_addr_text(&ends->src, text);
    pm_json_text(json, "src_ip", text);
    if (ends->has_ports)
        pm_json_uint(json, "src_port", ends->src_port);
    pm_addr_text(&ends->dst, text);
    pm_json_text(json, "dest_ip", text);
    if (ends->has_ports)
        pm_json_uint(json, "dest_port", ends->dst_port);
    pm_json_uint(json, "ip_proto", ends->ip_proto);
}

static uint64_t left_ns(const struct pm_run *run, uint64_t deadline_ns)
{
    uint64_t now_ns = pm_clock_now_ns(&run->clock);
    return deadline_ns > now_ns ? deadline_ns - now_ns : 0;
}

void pm_run_put_status(struct pm_json *json, struct pm_run *run)
{
    struct pm_worker_ask asks[ASKS_MAX];
    size_t count = asks_of(run, asks);
    struct pm_worker_stats stats = stats_of_all(run);
    pm_json_uint(json, "pid", (uint64_t)getpid());
    pm_json_ms(json, "up_ms", pm_clock_now_ns(&run->clock) - run->began_ns);
    pm_json_text(json, "rules_file", run->options->rules);
    pm_json_text(json, "rules_name", pm_rules_name(run->rules));
    pm_json_uint(json, "rules", pm_policy_rule_count(policy_of(run)));
    pm_json_ms(json, "rules_age_ms", pm_clock_now_ns(&run->clock) - run->loaded_ns);
    pm_json_uint(json, "reloads", run->reloads);
    pm_json_uint(json, "refused_reloads", run->refused_reloads);
    pm_json_bool(json, "installed", run->is_installed);
    pm_json_uint(json, "flows", stats.filter.flows_now);
    pm_json_uint(json, "held", stats.held);
    pm_json_open(json, "asks", '[');
    for (size_t i = 0; i < count; i++) {
        pm_json_open(json, NULL, '{');
        pm_json_uint(json, "id", asks[i].id);
        pm_json_text(json, "rule", asks[i].rule);
        if (asks[i].has_ends)
            put_ends(json, &asks[i].ends);
        pm_json_ms(json, "left_ms", left_ns(run, asks[i].deadline_ns));
        pm_json_close(json, '}');
    }
    pm_json_close(json, ']');
}

static const char *proto_name(const struct pm_endpoints *ends, char text[8])
{
    switch (ends->ip_proto) {
    case 1:
        return "icmp";
    case 6:
        return "tcp";
    case 17:
        return "udp";
    case 58:
        return "icmpv6";
    default:
        snprintf(text, 8, "%u", ends->ip_proto);
        return text;
    }
}

static void print_end(FILE *out, const struct pm_addr *addr, bool has_port, uint16_t port)
{
    char text[PM_ADDR_TEXT];
    pm_addr_text(addr, text);
    if (!has_port)
        fputs(text, out);
    else
        fprintf(out, addr->version == 6 ? "[%s]:%u" : "%s:%u", text, port);
}

static void print_ends(FILE *out, const struct pm_endpoints *ends)
{
    char number[8];
    fprintf(out, "%s ", proto_name(ends, number));
    print_end(out, &ends->src, ends->has_ports, ends->src_port);
    fputs(" > ", out);
    print_end(out, &ends->dst, ends->has_ports, ends->dst_port);
}

void pm_run_print_status(FILE *out, struct pm_run *run)
{
    struct pm_worker_ask asks[ASKS_MAX];
    size_t count = asks_of(run, asks);
    struct pm_worker_stats stats = stats_of_all(run);
    const char *name = pm_rules_name(run->rules);
    fprintf(out, "up       %.0f s, process %ld", seconds_since(run, run->began_ns), (long)getpid());
    if (run->worker_count > 0)
        fprintf(out, ", %u queue%s from %u", run->worker_count, run->worker_count == 1 ? "" : "s",
                run->options->first);
    fputc('\n', out);
    fprintf(out, "rules    %s%s%s%s, %zu rules, loaded %.0f s ago\n", run->options->rules,
            name == NULL ? "" : " (", name == NULL ? "" : name, name == NULL ? "" : ")",
            pm_policy_rule_count(policy_of(run)), seconds_since(run, run->loaded_ns));
    fprintf(out, "reloads  %" PRIu64 ", and %" PRIu64 " refused\n", run->reloads,
            run->refused_reloads);
    if (run->worker_count > 0)
        fprintf(out, "firewall %s\n",
                run->is_installed ? "rules installed by this run" : "rules are somebody else's");
    pm_run_tunnel_print(out, run);
    fprintf(out, "flows    %" PRIu64 ", packets held %" PRIu64 ", open questions %zu\n",
            stats.filter.flows_now, stats.held, count);
    for (size_t i = 0; i < count; i++) {
        fprintf(out, "  ask %" PRIu64 "  ", asks[i].id);
        if (asks[i].has_ends)
            print_ends(out, &asks[i].ends);
        fprintf(out, "  rule %s, %.1f s left\n", asks[i].rule,
                (double)left_ns(run, asks[i].deadline_ns) / 1e9);
    }
}

/* ------------------------------------------------------------------ stats */

#define COUNTERS 28
#define ALL      (COUNTERS + PM_RUN_TUNNEL_COUNTERS)

/* Answers how many there are. */
static size_t gather(struct pm_run *run, struct pm_run_counter out[ALL])
{
    struct pm_worker_stats s = stats_of_all(run);
    struct pm_nfqueue_kernel kernel = {.waiting = 0}, one;
    for (unsigned i = 0; i < run->worker_count; i++)
        if (pm_nfqueue_kernel(pm_worker_queue(run->workers[i]), &one)) {
            kernel.waiting += one.waiting;
            kernel.dropped_full += one.dropped_full;
            kernel.dropped_unread += one.dropped_unread;
        }
    struct pm_firewall_passed passed = {.packets = 0};
    if (run->is_installed && run->firewall.generation > 0)
        passed = pm_firewall_passed(&run->firewall);
    const struct pm_run_counter counters[COUNTERS] = {
        {"packets", "packets judged", s.filter.packets, false},
        {"bytes", "bytes judged", s.filter.bytes, false},
        {"allowed", "packets allowed", s.filter.allowed, false},
        {"dropped", "packets dropped", s.filter.dropped, false},
        {"rejected", "packets rejected", s.filter.rejected, false},
        {"delayed", "packets delayed", s.filter.delayed, false},
        {"asked", "packets that waited for an answer", s.filter.asked, false},
        {"asked_dropped", "packets dropped by an answer or for want of one", s.filter.asked_dropped,
         false},
        {"held_dropped", "packets dropped after waiting for a TLS hello", s.filter.held_dropped,
         false},
        {"replies_sent", "packets that told of a reject", s.replies_sent, false},
        {"replies_failed", "packets that could not be sent to tell of a reject", s.replies_failed,
         false},
        {"settled", "packets that told the kernel to pass their flow", s.settled, false},
        {"offloaded", "packets of settled flows that passed unasked, in no number above",
         run->passed.packets + passed.packets, false},
        {"offloaded_bytes", "bytes of them", run->passed.bytes + passed.bytes, false},
        {"flows_seen", "flows seen", s.filter.flows, false},
        {"flows", "flows tracked now", s.filter.flows_now, true},
        {"held", "packets that wait now", s.held, true},
        {"asks", "open questions", s.asks, true},
        {"older_policies", "replaced rule sets that still hold packets", s.policies, true},
        {"late_max_ns", "latest a delayed verdict was given after its time", s.late_max_ns, true},
        {"queue_waiting", "packets in the kernel's queues now", kernel.waiting, true},
        {"queue_full", "packets that found the kernel's queue full", kernel.dropped_full, false},
        {"queue_unread", "packets that did not fit into our socket", kernel.dropped_unread, false},
        {"overruns", "times our socket was full", s.queue.overruns, false},
        {"verdict_errors", "verdicts for packets that were gone", s.queue.verdict_errors, false},
        {"verdict_messages", "messages with verdicts", s.queue.messages, false},
        {"events_lost", "events for which there was no room", run->log.lost, false},
        {"reloads", "rule sets put in force since the start", run->reloads, false},
    };
    memcpy(out, counters, sizeof counters);
    return COUNTERS + pm_run_tunnel_gather(run, out + COUNTERS);
}

static void put_reasons(struct pm_json *json, struct pm_run *run)
{
    struct pm_worker_stats s = stats_of_all(run);
    pm_json_open(json, "reasons", '{');
    for (unsigned why = 1; why < PM_WHY_COUNT; why++)
        if (s.filter.why[why] > 0)
            pm_json_uint(json, pm_why_name((enum pm_why)why), s.filter.why[why]);
    pm_json_close(json, '}');
}

void pm_run_put_stats(struct pm_json *json, struct pm_run *run)
{
    struct pm_run_counter counters[ALL];
    size_t count = gather(run, counters);
    for (size_t i = 0; i < count; i++)
        pm_json_uint(json, counters[i].name, counters[i].value);
    put_reasons(json, run);
    pm_json_open(json, "rules", '[');
    for (uint32_t i = 0; i < pm_policy_rule_count(policy_of(run)); i++) {
        struct pm_rule_stats rule = rule_stats_of(run, i);
        pm_json_open(json, NULL, '{');
        pm_json_text(json, "id", pm_policy_rule_id(policy_of(run), i));
        pm_json_uint(json, "packets", rule.packets);
        pm_json_uint(json, "bytes", rule.bytes);
        pm_json_close(json, '}');
    }
    pm_json_close(json, ']');
}

void pm_run_print_stats(FILE *out, struct pm_run *run)
{
    struct pm_run_counter counters[ALL];
    struct pm_worker_stats s = stats_of_all(run);
    size_t count = gather(run, counters);
    for (size_t i = 0; i < count; i++)
        fprintf(out, "%12" PRIu64 "  %s\n", counters[i].value, counters[i].text);
    fputs("\nreasons\n", out);
    for (unsigned why = 1; why < PM_WHY_COUNT; why++)
        if (s.filter.why[why] > 0)
            fprintf(out, "%12" PRIu64 "  %s: %s\n", s.filter.why[why],
                    pm_why_name((enum pm_why)why), pm_why_text((enum pm_why)why));
    fputs("\nrules, since they were loaded\n", out);
    for (uint32_t i = 0; i < pm_policy_rule_count(policy_of(run)); i++)
        fprintf(out, "%12" PRIu64 "  %s\n", rule_stats_of(run, i).packets,
                pm_policy_rule_id(policy_of(run), i));
}

void pm_run_print_prometheus(FILE *out, struct pm_run *run)
{
    struct pm_run_counter counters[ALL];
    struct pm_worker_stats s = stats_of_all(run);
    size_t count = gather(run, counters);
    for (size_t i = 0; i < count; i++) {
        const char *end = counters[i].is_gauge ? "" : "_total";
        fprintf(out, "# HELP pktmod_%s%s %s\n# TYPE pktmod_%s%s %s\npktmod_%s%s %" PRIu64 "\n",
                counters[i].name, end, counters[i].text, counters[i].name, end,
                counters[i].is_gauge ? "gauge" : "counter", counters[i].name, end,
                counters[i].value);
    }
    fputs("# HELP pktmod_reason_packets_total packets by reason\n"
          "# TYPE pktmod_reason_packets_total counter\n",
          out);
    for (unsigned why = 1; why < PM_WHY_COUNT; why++)
        if (s.filter.why[why] > 0)
            fprintf(out, "pktmod_reason_packets_total{reason=\"%s\"} %" PRIu64 "\n",
                    pm_why_name((enum pm_why)why), s.filter.why[why]);
    fputs("# HELP pktmod_rule_packets_total packets by rule, since it was loaded\n"
          "# TYPE pktmod_rule_packets_total counter\n",
          out);
    for (uint32_t i = 0; i < pm_policy_rule_count(policy_of(run)); i++)
        fprintf(out, "pktmod_rule_packets_total{rule=\"%s\"} %" PRIu64 "\n",
                pm_policy_rule_id(policy_of(run), i), rule_stats_of(run, i).packets);
}

/* ------------------------------------------------------------------ flows */

/* For the caller to free; NULL: no memory. */
static struct pm_flow_info *flows_of(struct pm_run *run, uint32_t limit, size_t *count)
{
    struct pm_flow_info *flows = malloc(limit * sizeof *flows);
    *count = 0;
    for (unsigned i = 0; i < run->worker_count && flows != NULL; i++) {
        pm_worker_lock(run->workers[i]);
        *count +=
            pm_filter_flows(pm_worker_filter(run->workers[i]), flows + *count, limit - *count);
        pm_worker_unlock(run->workers[i]);
    }
    if (run->tunnel.tunnel != NULL && flows != NULL) {
        pm_tunnel_lock(run->tunnel.tunnel);
        const struct pm_line *line = pm_tunnel_line(run->tunnel.tunnel);
        *count += pm_filter_flows(pm_line_filter(line), flows + *count, limit - *count);
        pm_tunnel_unlock(run->tunnel.tunnel);
    }
    return flows;
}

static const char *dir_name(enum pm_dir dir)
{
    return dir == PM_DIR_OUT ? "out" : dir == PM_DIR_IN ? "in" : "unknown";
}

bool pm_run_put_flows(struct pm_json *json, struct pm_run *run, uint32_t limit)
{
    size_t count;
    struct pm_flow_info *flows = flows_of(run, limit, &count);
    pm_json_open(json, "flows", '[');
    for (size_t i = 0; i < count; i++) {
        pm_json_open(json, NULL, '{');
        pm_json_uint(json, "flow_id", flows[i].id);
        put_ends(json, &flows[i].ends);
        pm_json_text(json, "dir", dir_name(flows[i].dir));
        pm_json_uint(json, "packets", flows[i].packets);
        pm_json_ms(json, "idle_ms", flows[i].idle_ns);
        pm_json_bool(json, "settled", flows[i].is_settled);
        pm_json_bool(json, "closed", flows[i].is_closed);
        pm_json_close(json, '}');
    }
    pm_json_close(json, ']');
    bool has_memory = flows != NULL;
    free(flows);
    return has_memory;
}

bool pm_run_print_flows(FILE *out, struct pm_run *run, uint32_t limit)
{
    size_t count;
    struct pm_flow_info *flows = flows_of(run, limit, &count);
    for (size_t i = 0; i < count; i++) {
        fprintf(out, "%8" PRIu64 "  %-3s ", flows[i].id, dir_name(flows[i].dir));
        print_ends(out, &flows[i].ends);
        fprintf(out, "  %" PRIu64 " packets, idle %.1f s%s%s\n", flows[i].packets,
                (double)flows[i].idle_ns / 1e9, flows[i].is_settled ? ", settled" : "",
                flows[i].is_closed ? ", closed" : "");
    }
    bool has_memory = flows != NULL;
    free(flows);
    return has_memory;
}
