/* decide_bench.c - what a decision of the filter costs, in memory, by number of rules: for packets
 * of known flows and for the first packet of a new one. Built on the public door alone.
 *
 *     decide_bench [RULES]     all sizes, or one of them (for callgrind)
 */
#include <pktmod/pktmod.h>
#include <stdio.h>
#include <string.h>
#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include "bench.h"

#define PACKET_LEN 40
#define FLOWS      16384 /* of the table; new ones push out the oldest */
#define STRANGERS  65536 /* packets, each of a flow of its own */
#define KNOWN      4096
#define ROUNDS     9

/* What a rule fixes, and with it the packets that it is for. */
struct wanted {
    uint32_t src, dst;
    uint8_t src_bits, dst_bits, proto;
    uint16_t dst_port; /* 0: any */
    bool by_set;       /* the port is one of a set's */
};

static struct wanted wanted_by_chance(uint64_t *chance)
{
    struct wanted w = {.src = any(chance) << 1, .dst = any(chance) << 1, .proto = 6};
    uint32_t kind = any(chance) % 10;
    w.dst_bits = kind < 4 ? 24 : kind < 6 ? 32 : kind < 8 ? (uint8_t)(17 + any(chance) % 7) : 0;
    w.src_bits = kind == 3 ? 24 : kind > 6 ? 16 : 0;
    w.by_set = kind == 2 || kind == 8;
    w.dst_port = w.by_set   ? (uint16_t)(1 + any(chance) % 100 * 20)
                 : kind % 2 ? (uint16_t)(1 + any(chance) % 2000)
                            : 0;
    w.proto = kind == 5 ? 17 : 6;
    return w;
}

/* ------------------------------------------------------------------ policy */

static pm_cond_id has_prefix(struct pm_builder *b, enum pm_field field, uint32_t addr, uint8_t bits)
{
    struct pm_value value = {.kind = PM_VALUE_PREFIX, .prefix = {.bits = bits}};
    value.prefix.addr.version = 4;
    for (int i = 0; i < 4; i++)
        value.prefix.addr.bytes[i] = (uint8_t)(addr >> (24 - 8 * i));
    return pm_cond_test(b, field, &value, 1);
}

static pm_cond_id has_number(struct pm_builder *b, enum pm_field field, uint32_t n)
{
    const struct pm_value value = {.kind = PM_VALUE_RANGE, .range = {n, n}};
    return pm_cond_test(b, field, &value, 1);
}

static void add_rule(struct pm_builder *b, uint32_t index, const struct wanted *w, uint32_t ports)
{
    const struct pm_value in_set = {.kind = PM_VALUE_SET, .set = ports};
    enum pm_field port = w->proto == 6 ? PM_FIELD_TCP_DSTPORT : PM_FIELD_UDP_DSTPORT;
    pm_cond_id kids[3];
    size_t count = 0;
    char id[16];
    if (w->src_bits)
        kids[count++] = has_prefix(b, PM_FIELD_IP_SRC, w->src, w->src_bits);
    if (w->dst_bits)
        kids[count++] = has_prefix(b, PM_FIELD_IP_DST, w->dst, w->dst_bits);
    if (w->by_set)
        kids[count++] = pm_cond_test(b, port, &in_set, 1);
    else if (w->dst_port)
        kids[count++] = has_number(b, port, w->dst_port);
    else
        kids[count++] = has_number(b, PM_FIELD_IP_PROTO, w->proto);
    snprintf(id, sizeof id, "r%u", index);
    pm_builder_add_rule(
        b, &(struct pm_rule_spec){.id = id,
                                  .match = pm_cond_all(b, kids, count),
                                  .action = index % 2 ? PM_ACTION_DROP : PM_ACTION_ALLOW});
}

static uint32_t add_ports(struct pm_builder *b)
{
    uint32_t set = pm_builder_add_set(b, PM_SET_PORT);
    for (uint32_t i = 0; i < 100; i++) {
        const struct pm_value port = {.kind = PM_VALUE_RANGE, .range = {1 + i * 20, 1 + i * 20}};
        pm_set_add(b, set, &port);
    }
    return set;
}

static struct pm_policy *make_policy(const struct wanted *wanted, uint32_t rules)
{
    struct pm_builder *b = must(pm_builder_new());
    struct pm_settings settings = PM_SETTINGS_DEFAULT;
    struct pm_error error;
    settings.flows = FLOWS;
    pm_builder_settings(b, &settings);
    uint32_t ports = add_ports(b);
    for (uint32_t i = 0; i < rules; i++)
        add_rule(b, i, &wanted[i], ports);
    return must(pm_builder_finish(b, &error));
}

/* ------------------------------------------------------------------ packets */

static void put16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static void write_packet(uint8_t *p, const struct wanted *w, uint64_t *chance)
{
    uint32_t src = w->src_bits ? w->src : any(chance), dst = w->dst_bits ? w->dst : any(chance);
    memset(p, 0, PACKET_LEN);
    p[0] = 0x45;
    put16(p + 2, PACKET_LEN);
    p[8] = 64;
    p[9] = w->proto;
    put16(p + 12, src >> 16);
    put16(p + 14, src);
    put16(p + 16, dst >> 16);
    put16(p + 18, dst);
    put16(p + 20, 1024 + any(chance) % 60000);
    put16(p + 22, w->dst_port ? w->dst_port : any(chance));
    if (w->proto == 17) {
        put16(p + 24, 20);
        return;
    }
    p[32] = 0x50;
    p[33] = 0x02; /* SYN */
}

/* Half of the packets are for one of the rules. */
static uint8_t *make_packets(const struct wanted *wanted, uint32_t rules, uint64_t *chance)
{
    uint8_t *packets = must(malloc((size_t)STRANGERS * PACKET_LEN));
    for (uint32_t i = 0; i < STRANGERS; i++) {
        struct wanted stranger = wanted_by_chance(chance);
        write_packet(packets + (size_t)i * PACKET_LEN,
                     i % 2 ? &stranger : &wanted[any(chance) % rules], chance);
    }
    return packets;
}

/* ------------------------------------------------------------------ measuring */

struct run {
    struct pm_filter *filter;
    const uint8_t *packets;
    uint64_t now_ns, ruled, news, count;
};

static void decide(struct run *run, uint32_t index)
{
    const struct pm_packet packet = {.data = run->packets + (size_t)index * PACKET_LEN,
                                     .len = PACKET_LEN,
                                     .wire_len = PACKET_LEN,
                                     .link = 101,
                                     .dir = PM_DIR_OUT};
    struct pm_decision decision = pm_filter_decide(run->filter, &packet, run->now_ns += 1000);
    run->ruled += decision.rule != PM_NO_RULE;
    run->news += decision.is_new_flow;
    run->count++;
}

static double ns_each(double begun_s, double count)
{
    return (now_s() - begun_s) * 1e9 / count;
}

static double new_flows_ns(struct run *run)
{
    double best = 1e9;
    for (int round = 0; round <= ROUNDS; round++) {
        double begun = now_s();
        for (uint32_t i = 0; i < STRANGERS; i++)
            decide(run, i);
        double each = ns_each(begun, STRANGERS);
        best = round && each < best ? each : best;
    }
    return best;
}

/* The packets come in an order of chance, each flow many times. */
static double known_flows_ns(struct run *run, uint64_t *chance)
{
    static uint32_t order[STRANGERS];
    double best = 1e9;
    for (uint32_t i = 0; i < KNOWN; i++)
        decide(run, i);
    for (uint32_t i = 0; i < STRANGERS; i++)
        order[i] = any(chance) % KNOWN;
    run->ruled = run->news = run->count = 0;
    for (int round = 0; round < ROUNDS; round++) {
        double begun = now_s();
        for (uint32_t i = 0; i < STRANGERS; i++)
            decide(run, order[i]);
        double each = ns_each(begun, STRANGERS);
        best = each < best ? each : best;
    }
    return best;
}

/* Bytes in use, as far as the C library tells; else 0. */
static double used_bytes(void)
{
#if defined(__GLIBC__)
    struct mallinfo2 info = mallinfo2();
    return (double)info.uordblks + (double)info.hblkhd;
#else
    return 0;
#endif
}

struct figures {
    double new_ns, known_ns, compile_ms;
};

static struct figures measure(uint32_t rules)
{
    static const struct pm_filter_config config = {.seed = 1, .hash_key = {2, 3}};
    uint64_t chance = 1;
    struct wanted *wanted = must(calloc(rules, sizeof *wanted));
    struct figures figures;
    struct pm_error error;
    for (uint32_t i = 0; i < rules; i++)
        wanted[i] = wanted_by_chance(&chance);
    double used_before = used_bytes(), begun = now_s();
    struct pm_policy *policy = make_policy(wanted, rules);
    figures.compile_ms = (now_s() - begun) * 1e3;
    double policy_mb = (used_bytes() - used_before) / 1e6;
    uint8_t *packets = make_packets(wanted, rules, &chance);
    struct run run = {.filter = must(pm_filter_new(policy, &config, &error)), .packets = packets};
    figures.new_ns = new_flows_ns(&run);
    printf("%7u rules: new flow %6.1f ns (%2.0f%% by a rule, %3.0f%% new)", rules, figures.new_ns,
           100.0 * (double)run.ruled / (double)run.count,
           100.0 * (double)run.news / (double)run.count);
    figures.known_ns = known_flows_ns(&run, &chance);
    printf(", known flow %5.1f ns (%2.0f%% by a rule, %.0f%% new), compiled in %.1f ms, %.2f MB\n",
           figures.known_ns, 100.0 * (double)run.ruled / (double)run.count,
           100.0 * (double)run.news / (double)run.count, figures.compile_ms, policy_mb);
    pm_filter_free(run.filter);
    pm_policy_unref(policy);
    free(packets);
    free(wanted);
    return figures;
}

int main(int argc, char **argv)
{
    static const uint32_t sizes[] = {10, 1000, 100000};
    struct figures few = {.new_ns = 0};
    if (argc > 1) {
        measure((uint32_t)strtoul(argv[1], NULL, 10));
        return 0;
    }
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct figures f = measure(sizes[i]);
        if (i == 0)
            few = f;
        else
            printf("%7u rules: beside 10: new flow %.2f x, known flow %.2f x\n", sizes[i],
                   f.new_ns / few.new_ns, f.known_ns / few.known_ns);
    }
    return 0;
}
