/* http_edits_fuzz.c - what two ends say to each other, as HTTP/1 or not, under edits of messages:
 * what leaves is the same however it is cut. The first two bytes choose rules and cuts; then each
 * line of up to 64 kB is said by one end: a byte whose lowest bit is the end, two bytes of length,
 * the text. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pktmod/pktmod.h>

#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "http_edits_fuzz: %s\n", #condition);                                  \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

#define MOST 65536u

struct run {
    struct pm_policy *policy;
    struct pm_rewriter *rewriter;
    uint32_t seq[2];
    uint8_t *left[2]; /* the streams that left */
    size_t left_len[2], cap;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t get(const uint8_t *at, size_t len)
{
    uint32_t value = 0;
    for (size_t i = 0; i < len; i++)
        value = value << 8 | at[i];
    return value;
}

static void put(uint8_t *at, uint32_t value, size_t len)
{
    while (len-- > 0) {
        at[len] = (uint8_t)value;
        value >>= 8;
    }
}

/* In order, so that bytes only ever go behind those that left. */
static void on_emit(void *context, const struct pm_emitted *emitted)
{
    struct run *run = context;
    unsigned side = get(emitted->data + 20, 2) == 80;
    size_t len = emitted->len - 40;
    EXPECT(emitted->len >= 40);
    if (len == 0)
        return;
    EXPECT(get(emitted->data + 24, 4) == 1000 + run->left_len[side]);
    if (run->left_len[side] + len > run->cap) {
        run->cap = 2 * (run->cap + len);
        for (unsigned i = 0; i < 2; i++) {
            run->left[i] = realloc(run->left[i], run->cap);
            EXPECT(run->left[i]);
        }
    }
    memcpy(run->left[side] + run->left_len[side], emitted->data + 40, len);
    run->left_len[side] += len;
}

static struct pm_op_spec body_find(const char *find, const char *with, enum pm_where where)
{
    return (struct pm_op_spec){.kind = PM_OP_REPLACE,
                               .replace = {.find = (const uint8_t *)find,
                                           .find_len = (uint32_t)strlen(find),
                                           .with = (const uint8_t *)with,
                                           .with_len = (uint32_t)strlen(with),
                                           .where = where,
                                           .within_depth = PM_NO_LIMIT}};
}

static void add_rules(struct pm_builder *b, uint8_t choice)
{
    static const struct pm_http_header headers[] = {{PM_HTTP_SET, "Server", "x"},
                                                    {PM_HTTP_ADD, "Via", "1.1 y"},
                                                    {PM_HTTP_REMOVE, "Accept-Encoding", NULL}};
    struct pm_value host = {
        .kind = PM_VALUE_BYTES,
        .bytes = {.bytes = (const uint8_t *)"a", .len = 1, .depth = PM_NO_LIMIT, .whole = true}};
    struct pm_op_spec lines = {.kind = PM_OP_HTTP, .http = {.headers = headers, .header_count = 3}};
    struct pm_op_spec body = {
        .kind = PM_OP_HTTP,
        .http = {.status = 418, .has_body = true, .body = (const uint8_t *)"short", .body_len = 5}};
    struct pm_op_spec finds[] = {body_find("ab", "xyz", PM_IN_HTTP_BODY),
                                 body_find("cd", "", PM_IN_HTTP_BODY),
                                 body_find("b: c", "b: longer", PM_IN_HTTP_HEADER),
                                 body_find("GET /", "GET /x/", PM_IN_STREAM)};
    pm_cond_id match = choice & 1 ? pm_cond_test(b, PM_FIELD_HTTP_HOST, &host, 1) : PM_COND_TRUE;
    struct pm_rule_spec rule = {.id = "finds", .match = match, .action = PM_ACTION_REWRITE};
    if (choice & 2) {
        rule.id = "lines";
        rule.ops = &lines;
        rule.op_count = 1;
        pm_builder_add_rule(b, &rule);
    }
    if (choice & 4) {
        rule.id = "body";
        rule.ops = &body;
        rule.op_count = 1;
        pm_builder_add_rule(b, &rule);
    }
    rule.id = "finds";
    rule.ops = finds;
    rule.op_count = choice & 8 ? 4 : 2;
    pm_builder_add_rule(b, &rule);
}

static void begin(struct run *run, uint8_t choice)
{
    struct pm_error error;
    struct pm_builder *b = pm_builder_new();
    struct pm_settings settings = PM_SETTINGS_DEFAULT;
    settings.flows = 4;
    settings.hold_bytes = choice & 16 ? 4096 : 200;
    pm_builder_settings(b, &settings);
    add_rules(b, choice);
    *run = (struct run){.policy = pm_builder_finish(b, &error), .seq = {1000, 1000}};
    EXPECT(run->policy);
    struct pm_rewriter_config config = {.checksums = PM_CHECKSUMS_IGNORE,
                                        .mtu = 65535,
                                        .streams = 2,
                                        .retain_bytes = 1u << 20,
                                        .retain_dir_bytes = 1u << 19,
                                        .edits = 65536,
                                        .pending_bytes = 1u << 19,
                                        .pending_dir_bytes = 1u << 18,
                                        .waits = 4,
                                        .emit = on_emit,
                                        .context = run};
    run->rewriter = pm_rewriter_new(run->policy, &config, &error);
    EXPECT(run->rewriter);
}

static void send_segment(struct run *run, unsigned side, uint8_t flags, const uint8_t *bytes,
                         size_t len)
{
    uint8_t *packet = calloc(1, 40 + len);
    EXPECT(packet);
    packet[0] = 0x45;
    put(packet + 2, (uint32_t)(40 + len), 2);
    packet[8] = 64;
    packet[9] = 6;
    put(packet + 12, side ? 0xc6336409 : 0xc0000201, 4);
    put(packet + 16, side ? 0xc0000201 : 0xc6336409, 4);
    put(packet + 20, side ? 80 : 40000, 2);
    put(packet + 22, side ? 40000 : 80, 2);
    put(packet + 24, flags & 2 ? 999 : run->seq[side], 4);
    put(packet + 28, flags & 16 ? 1000 : 0, 4);
    packet[32] = 0x50;
    packet[33] = flags;
    put(packet + 34, 65535, 2);
    if (len > 0)
        memcpy(packet + 40, bytes, len);
    struct pm_packet p = {.data = packet,
                          .len = 40 + len,
                          .wire_len = 40 + len,
                          .link = 101,
                          .dir = side ? PM_DIR_IN : PM_DIR_OUT,
                          .csum = PM_CSUM_PARTIAL};
    pm_rewrite(run->rewriter, &p, packet, 0);
    run->seq[side] += (uint32_t)len;
    free(packet);
}

/* All that both ends say; cut: 0: not, else what decides where. */
static void talk(struct run *run, const uint8_t *data, size_t size, uint8_t cut)
{
    uint32_t dice = cut;
    send_segment(run, 0, 2, NULL, 0);
    send_segment(run, 1, 18, NULL, 0);
    while (size >= 3) {
        unsigned side = data[0] & 1;
        size_t len = get(data + 1, 2);
        len = len < size - 3 ? len : size - 3;
        for (size_t at = 0, step; at < len; at += step) {
            dice = dice * 1103515245u + 12345u;
            step = cut ? 1 + (dice >> 16) % (cut & 1 ? 3 : 40) : len;
            step = step < len - at ? step : len - at;
            send_segment(run, side, 24, data + 3 + at, step);
        }
        data += 3 + len;
        size -= 3 + len;
    }
    pm_rewriter_flush(run->rewriter, 0);
}

static void end(struct run *run)
{
    pm_rewriter_free(run->rewriter);
    pm_policy_unref(run->policy);
    free(run->left[0]);
    free(run->left[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct run whole, cut;
    if (size < 2 || size > MOST)
        return 0;
    begin(&whole, data[0]);
    talk(&whole, data + 2, size - 2, 0);
    begin(&cut, data[0]);
    talk(&cut, data + 2, size - 2, data[1] ? data[1] : 1);
    for (unsigned side = 0; side < 2; side++) {
        EXPECT(whole.left_len[side] == cut.left_len[side]);
        if (whole.left_len[side] > 0)
            EXPECT(memcmp(whole.left[side], cut.left[side], whole.left_len[side]) == 0);
    }
    end(&whole);
    end(&cut);
    return 0;
}
