/* engine_fuzz.c - any sequence of packets through both engines: nothing crashes, memory stays in
 * its bounds, what leaves changed has right lengths and checksums, and so has what tells of
 * rejects.
 *
 *     input  [0] view, checksum mode, live; bit 7: [1] nat, options, impairments, DNS   then steps:
 *     0x00..0x7f  a TCP segment of one flow:
 *                 [step: bit 0 direction, bits 1-2 time, bits 3-5 SYN, FIN, RST,
 *                 bit 6 no window]
 *                 [seq offset, 2 bytes, signed][length][payload ...]
 *     0x80..0xbf  any packet: [step: bits 0-3 link type][length][bytes ...]
 *     0xc0..0xff  a fragment of a datagram or segment of that flow's ends:
 *                 [step: bit 0 direction, bit 1 IPv6, bit 2 TCP, bit 3 id, bit 4 the last one,
 *                 bit 5 time][offset in 8 bytes][length][bytes ...]
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <pktmod/pktmod.h>

#include "base/bytes.h"
#include "edit/fixup.h"
#include "wire/checksum.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define EXPECT(promise)                                                                            \
    do {                                                                                           \
        if (!(promise))                                                                            \
            abort();                                                                               \
    } while (0)

static const uint16_t linktypes[16] = {1,  101, 0,   108, 113, 276, 228, 229,
                                       12, 14,  147, 1,   1,   1,   101, 101};

struct run {
    struct pm_filter *filter;
    struct pm_rewriter *rewriter;
    const uint8_t *data;
    size_t left;
    bool sums_count; /* checksums are neither void nor ignored */
    uint64_t now_ns;
    uint32_t next_seq[2];
    uint16_t port; /* of the TCP flow's server */
};

static void on_emit(void *context, const struct pm_emitted *e)
{
    const struct run *run = context;
    struct pm_headers h;
    EXPECT(e->len <= e->wire_len && e->len <= 70000);
    EXPECT(e->note_count <= e->edit_count && e->note_count <= PM_EDIT_NOTES);
    pm_headers_parse(e->link, e->data, e->len, e->wire_len, &h);
    if (e->edit_count == 0 || !run->sums_count)
        return;
    EXPECT(h.end == e->len);
    if (h.is_fragment) { /* cut; its datagram has the checksum */
        EXPECT(pm_check_ip(&h) == PM_SUM_RIGHT);
        return;
    }
    EXPECT(h.parse == PM_PARSE_L4);
    enum pm_sum_state sum = pm_check_l4(&h);
    EXPECT(sum == PM_SUM_RIGHT || sum == PM_SUM_NONE);
}

static void add_replace(struct pm_builder *b, const char *id, const char *find, const char *with,
                        bool is_regex)
{
    struct pm_op_spec op = {.kind = PM_OP_REPLACE,
                            .replace = {.is_regex = is_regex,
                                        .max_match = is_regex ? 20 : 0,
                                        .find = (const uint8_t *)find,
                                        .find_len = (uint32_t)strlen(find),
                                        .with = (const uint8_t *)with,
                                        .with_len = (uint32_t)strlen(with),
                                        .within_depth = PM_NO_LIMIT}};
    pm_builder_add_rule(b, &(struct pm_rule_spec){
                               .id = id, .action = PM_ACTION_REWRITE, .ops = &op, .op_count = 1});
}

static void add_stream(struct pm_builder *b, const char *id, enum pm_action action,
                       struct pm_value value)
{
    pm_builder_add_rule(
        b, &(struct pm_rule_spec){
               .id = id, .match = pm_cond_test(b, PM_FIELD_STREAM, &value, 1), .action = action});
}

/* Rejects closed windows, asks about UDP, and lets every modifier count. */
static void add_verdicts(struct pm_builder *b)
{
    struct pm_value closed = {.kind = PM_VALUE_RANGE, .range = {0, 0}};
    struct pm_value udp = {.kind = PM_VALUE_RANGE, .range = {PM_PROTO_UDP, PM_PROTO_UDP}};
    struct pm_rule_spec log = {.id = "log", .action = PM_ACTION_LOG};
    log.modifiers.when.is_set = true;
    log.modifiers.when.zone = PM_UTC;
    log.modifiers.when.days = 8;
    log.modifiers.sample.probability = PM_ALWAYS / 2;
    log.modifiers.count.max_per_flow = 3;
    log.modifiers.limit.tokens = 2;
    log.modifiers.limit.per_ns = 3;
    log.modifiers.limit.per = PM_PER_FIELDS;
    log.modifiers.limit.fields[0] = PM_FIELD_IP_ADDR;
    log.modifiers.limit.fields[1] = PM_FIELD_PAYLOAD;
    log.modifiers.limit.field_count = 2;
    pm_builder_add_rule(b, &log);
    pm_builder_add_rule(
        b, &(struct pm_rule_spec){.id = "reject",
                                  .match = pm_cond_test(b, PM_FIELD_TCP_WINDOW, &closed, 1),
                                  .action = PM_ACTION_REJECT});
    struct pm_rule_spec ask = {
        .id = "ask", .match = pm_cond_test(b, PM_FIELD_IP_PROTO, &udp, 1), .action = PM_ACTION_ASK};
    ask.ask.timeout_ns = 3;
    ask.ask.hold_packets = 2;
    ask.ask.coalesce[0] = PM_FIELD_IP_SRC;
    ask.ask.coalesce_count = 1;
    pm_builder_add_rule(b, &ask);
    pm_builder_add_rule(b, &(struct pm_rule_spec){.id = "prohibit",
                                                  .match = pm_cond_present(b, PM_FIELD_ICMP_TYPE),
                                                  .action = PM_ACTION_REJECT});
}

/* What tells of a reject is whole and sound; every second question is answered. */
static void take_decision(struct run *run, const struct pm_decision *decision, uint16_t link)
{
    EXPECT(decision->reply_count <= 2);
    for (uint32_t i = 0; i < decision->reply_count; i++) {
        struct pm_reply reply = pm_filter_reply(run->filter, i);
        struct pm_headers h;
        pm_headers_parse(link, reply.data, reply.len, reply.len, &h);
        EXPECT(reply.len <= PM_REPLY_MAX && h.parse == PM_PARSE_L4 && h.end == reply.len);
        EXPECT(pm_check_ip(&h) == PM_SUM_RIGHT && pm_check_l4(&h) == PM_SUM_RIGHT);
    }
    if (decision->is_new_ask && decision->ask_id % 2)
        EXPECT(pm_filter_answer(run->filter, decision->ask_id, decision->ask_id % 4 == 1,
                                (enum pm_answer_for)(decision->ask_id % 3), 2, run->now_ns));
}

/* What more than texts and fields is edited: ends, options, and what leaves. */
static void add_more(struct pm_builder *b, uint8_t more)
{
    struct pm_addr other = {.bytes = {192, 0, 2, 77}, .version = 4};
    struct pm_op_spec ops[] = {
        {.kind = PM_OP_NAT, .set = {.field = PM_FIELD_IP_SRC, .addr = other}},
        {.kind = PM_OP_TCP_OPTIONS, .tcp_options = {.mss_max = 500, .remove = more & 63u}},
        {.kind = PM_OP_CORRUPT, .impair = {.amount = 3, .fix = more & 1}},
        {.kind = PM_OP_DUPLICATE, .impair = {.amount = 2}},
        {.kind = PM_OP_TRUNCATE, .impair = {.amount = 5, .fix = more & 2}},
        {.kind = PM_OP_SEGMENT, .impair = {.amount = 9}},
        {.kind = PM_OP_FRAGMENT, .impair = {.amount = 68, .is_reversed = more & 4}},
    };
    struct pm_value server = {.kind = PM_VALUE_RANGE, .range = {80, 80}};
    for (size_t i = 2; i < sizeof ops / sizeof ops[0]; i++)
        ops[i].impair.probability = more & 8 ? PM_ALWAYS : PM_ALWAYS / 3;
    pm_cond_id from_server = pm_cond_test(b, PM_FIELD_L4_SRCPORT, &server, 1);
    pm_builder_add_rule(b, &(struct pm_rule_spec){.id = "more",
                                                  .match = pm_cond_not(b, from_server),
                                                  .action = PM_ACTION_REWRITE,
                                                  .ops = more & 16 ? ops : ops + 1,
                                                  .op_count = more & 32   ? 6
                                                              : more & 16 ? 2
                                                                          : 1});
}

/* DNS messages, in datagrams and streams. */
static void add_dns(struct pm_builder *b, uint8_t more)
{
    static const uint16_t types[] = {65, 5}, options[] = {8};
    struct pm_dns_answer answer = {.addr = {.bytes = {192, 0, 2, 7}, .version = 4}};
    struct pm_op_spec ops[] = {
        {.kind = PM_OP_DNS_NAME,
         .dns_name = {.find = (const uint8_t *)"com",
                      .find_len = 3,
                      .with = (const uint8_t *)"a.b",
                      .with_len = 3}},
        {.kind = PM_OP_DNS,
         .dns = {.respond = more & 1,
                 .has_answers = true,
                 .answers = &answer,
                 .answer_count = 1,
                 .ttl = {.is_set = true, .is_most = true, .value = 60}}},
        {.kind = PM_OP_DNS,
         .dns = {.remove_types = types,
                 .type_count = 2,
                 .remove_options = options,
                 .option_count = 1,
                 .has_rcode = true,
                 .rcode = 3}},
    };
    pm_builder_add_rule(b, &(struct pm_rule_spec){.id = "dns",
                                                  .match = PM_COND_TRUE,
                                                  .action = PM_ACTION_REWRITE,
                                                  .ops = ops,
                                                  .op_count = more & 2 ? 3 : 2});
}

static struct pm_policy *make_policy(uint8_t mode, uint8_t more)
{
    struct pm_error error;
    struct pm_builder *b = pm_builder_new();
    struct pm_settings settings = PM_SETTINGS_DEFAULT;
    EXPECT(b);
    settings.flows = 4;
    settings.delayed_packets = 3;
    settings.asks = settings.answers = 2;
    settings.meters = 3;
    settings.reject_rate = 1000000000;
    settings.hold_ms = 0;
    settings.midstream = (enum pm_midstream)(mode >> 4 & 1);
    settings.rewrite_refused_drop = mode >> 5 & 1;
    settings.engine_error_drop = mode >> 6 & 1;
    settings.streams = 3;
    settings.stream_bytes = 8000;
    settings.stream_dir_bytes = 600;
    settings.stream_match = 20;
    pm_builder_settings(b, &settings);
    struct pm_value low = {.kind = PM_VALUE_RANGE, .range = {0, 9}};
    struct pm_rule_spec delay = {.id = "delay",
                                 .match = pm_cond_test(b, PM_FIELD_IP_TTL, &low, 1),
                                 .action = PM_ACTION_DELAY};
    delay.delay.delay_ns = 5;
    delay.delay.jitter_ns = 5;
    delay.delay.keep_order = true;
    pm_builder_add_rule(b, &delay);
    add_stream(b, "view", PM_ACTION_LOG,
               (struct pm_value){.kind = PM_VALUE_BYTES,
                                 .bytes = {.bytes = (const uint8_t *)"abc",
                                           .len = 3,
                                           .offset = 2,
                                           .depth = 40,
                                           .nocase = true}});
    add_stream(b, "view-regex", PM_ACTION_DROP,
               (struct pm_value){
                   .kind = PM_VALUE_REGEX,
                   .regex = {.pattern = (const uint8_t *)"(?<!x)m(?:n+)+o\\b|^pq", .len = 21}});
    add_verdicts(b);
    add_replace(b, "grow", "a", "0123456789abcdefghij", false);
    add_replace(b, "shrink", "bcd", "x", false);
    add_replace(b, "delete", "e", "", false);
    add_replace(b, "groups", "(?<![ab])f(.*?)(g|hh)(?=i)|\\bk\\w+$", "<$2$1$0>", true);
    add_replace(b, "hopeless", "(?:j+)+l", "", true);
    struct pm_op_spec ttl = {.kind = PM_OP_SET, .set = {.field = PM_FIELD_IP_TTL, .number = 33}};
    struct pm_value fin = {.kind = PM_VALUE_RANGE, .range = {1, 1}};
    pm_builder_add_rule(
        b, &(struct pm_rule_spec){.id = "ttl",
                                  .match = pm_cond_test(b, PM_FIELD_TCP_FLAGS_FIN, &fin, 1),
                                  .action = PM_ACTION_REWRITE,
                                  .ops = &ttl,
                                  .op_count = 1});
    if (more)
        add_more(b, more);
    if (more & 64)
        add_dns(b, more);
    struct pm_policy *policy = pm_builder_finish(b, &error);
    EXPECT(policy);
    return policy;
}

static void hand_over(struct run *run, const uint8_t *bytes, size_t len, uint16_t link)
{
    uint8_t *exact = malloc(len ? len : 1);
    struct pm_due due;
    EXPECT(exact);
    if (len)
        memcpy(exact, bytes, len);
    struct pm_packet packet = {
        .data = exact, .len = len, .wire_len = len, .link = link, .dir = PM_DIR_UNKNOWN};
    while (pm_filter_due(run->filter, run->now_ns, &due))
        EXPECT(due.cookie == 0);
    struct pm_decision decision = pm_filter_decide(run->filter, &packet, run->now_ns);
    take_decision(run, &decision, link);
    packet.dir = decision.dir;
    pm_rewriter_due(run->rewriter, run->now_ns);
    pm_rewrite(run->rewriter, &packet, exact, run->now_ns);
    free(exact);
}

static uint8_t take(struct run *run)
{
    if (run->left == 0)
        return 0;
    run->left--;
    return *run->data++;
}

static size_t take_bytes(struct run *run, uint8_t *out)
{
    size_t len = take(run);
    if (len > run->left)
        len = run->left;
    memcpy(out, run->data, len);
    run->data += len;
    run->left -= len;
    return len;
}

static void segment(struct run *run, uint8_t step)
{
    uint8_t ip[40 + 256] = {0x45, 0, 0,   0, 0, 0, 0x40, 0, 64, PM_PROTO_TCP,
                            0,    0, 192, 0, 2, 1, 192,  0, 2,  2};
    unsigned side = step & 1;
    int16_t offset = (int16_t)(take(run) << 8);
    offset = (int16_t)(offset | take(run));
    size_t len = take_bytes(run, ip + 40);
    uint8_t flags = PM_ACK;
    flags |= step & 8 ? PM_SYN : 0;
    flags |= step & 16 ? PM_FIN : 0;
    flags |= step & 32 ? PM_RST : 0;
    if ((flags & PM_SYN) && side == 0)
        flags &= (uint8_t)~PM_ACK;
    if (side)
        ip[15] = 2, ip[19] = 1;
    pm_put16(ip + 20, side ? run->port : 40000);
    pm_put16(ip + 22, side ? 40000 : run->port);
    uint32_t shift = (uint32_t)(int32_t)offset; /* its own variable: gcc warns with UBSan */
    pm_put32(ip + 24, run->next_seq[side] + shift);
    pm_put32(ip + 28, run->next_seq[1 - side]);
    ip[32] = 0x50;
    ip[33] = flags;
    pm_put16(ip + 34, step & 64 ? 0 : 0xffff);
    pm_put16(ip + 2, (uint16_t)(40 + len));
    struct pm_headers h;
    pm_headers_parse(101, ip, 40 + len, 40 + len, &h);
    pm_fixup_whole(&h, ip, (uint32_t)len);
    if (offset == 0)
        run->next_seq[side] += (uint32_t)len + (flags & (PM_SYN | PM_FIN) ? 1 : 0);
    run->now_ns += step >> 1 & 3;
    hand_over(run, ip, 40 + len, 101);
}

static void fragment(struct run *run, uint8_t step)
{
    uint8_t ip[48 + 256] = {0x45, 0, 0, 0, 0, 7, 0, 0, 64, 0, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2};
    uint8_t proto = step & 4 ? PM_PROTO_TCP : PM_PROTO_UDP, id = step >> 3 & 1;
    uint16_t more = step & 16 ? 0 : 1, offset = take(run);
    size_t head = step & 2 ? 48 : 20, len = take_bytes(run, ip + head);
    if (step & 2) {
        memset(ip, 0, head);
        ip[0] = 0x60, ip[6] = 44, ip[7] = 64, ip[8] = ip[24] = 0x20;
        ip[23] = step & 1 ? 2 : 1, ip[39] = step & 1 ? 1 : 2;
        pm_put16(ip + 4, (uint16_t)(8 + len));
        ip[40] = proto, ip[47] = id;
        pm_put16(ip + 42, (uint16_t)(offset * 8 | more));
    } else {
        ip[5] = id, ip[9] = proto;
        if (step & 1)
            ip[15] = 2, ip[19] = 1;
        pm_put16(ip + 2, (uint16_t)(20 + len));
        pm_put16(ip + 6, (uint16_t)(more << 13 | offset));
        pm_write_ip_checksum(ip);
    }
    run->now_ns += step & 32 ? UINT64_C(700000) : 0;
    hand_over(run, ip, head + len, 101);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct run run = {.data = data, .left = size, .next_seq = {0xffffff80u, 1000}};
    struct pm_error error;
    uint8_t mode = take(&run);
    uint8_t more = mode & 128 ? take(&run) : 0;
    run.port = more & 64 ? 53 : 80;
    struct pm_policy *policy = make_policy(mode, more);
    struct pm_rewriter_config config = {.view = (enum pm_view)((mode & 3) % 3),
                                        .checksums =
                                            mode & 8 ? PM_CHECKSUMS_IGNORE : PM_CHECKSUMS_VERIFY,
                                        .mtu = mode & 4 ? 60 : 1500,
                                        .streams = 2,
                                        .retain_bytes = 8000,
                                        .retain_dir_bytes = 4000,
                                        .edits = 60,
                                        .pending_bytes = 6000,
                                        .pending_dir_bytes = 2000,
                                        .waits = 2,
                                        .datagrams = 3,
                                        .source_datagrams = 2,
                                        .datagram_fragments = 4,
                                        .fragment_bytes = 2600,
                                        .fragment_ms = 1,
                                        .mode = mode & 64 ? PM_MODE_LIVE : PM_MODE_REPLAY,
                                        .emit = on_emit,
                                        .context = &run};
    run.sums_count = !(mode & 8) && !(more & 32); /* corrupt and truncate mean to break them */
    run.filter = pm_filter_new(policy, &(struct pm_filter_config){.seed = 1}, &error);
    run.rewriter = pm_rewriter_new(policy, &config, &error);
    EXPECT(run.filter && run.rewriter);
    while (run.left > 0) {
        uint8_t step = take(&run);
        uint8_t bytes[256];
        if (step < 0x80) {
            segment(&run, step);
        } else if (step >= 0xc0) {
            fragment(&run, step);
        } else {
            size_t len = take_bytes(&run, bytes);
            hand_over(&run, bytes, len, linktypes[step & 15]);
        }
    }
    pm_rewriter_flush(run.rewriter, run.now_ns);
    EXPECT(pm_rewriter_next_ns(run.rewriter) == UINT64_MAX);
    pm_filter_free(run.filter);
    pm_rewriter_free(run.rewriter);
    pm_policy_unref(policy);
    return 0;
}
