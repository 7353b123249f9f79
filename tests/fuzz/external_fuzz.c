/* external_fuzz.c - whatever a client of an external edit says: it is read, and its answers are
 * given to a rewriter that waits for some. A stream number of 0 stands for the right one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pktmod/pktmod.h>

#include "tunnel-ext/message.h"

#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "external_fuzz: %s\n", #condition);                                    \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

#define DATA_LEN 64u

struct run {
    struct pm_policy *policy;
    struct pm_rewriter *rewriter;
    uint64_t stream, handed_out, taken;
    uint64_t left; /* bytes of payload that left */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool on_external(void *context, const struct pm_external_data *data)
{
    struct run *run = context;
    if (data->is_gone)
        return true;
    EXPECT(data->offset == run->handed_out);
    run->stream = data->stream;
    run->handed_out += data->len;
    return true;
}

static void on_emit(void *context, const struct pm_emitted *emitted)
{
    struct run *run = context;
    EXPECT(emitted->len >= 40);
    run->left += emitted->len - 40;
}

static void begin(struct run *run, bool is_live)
{
    struct pm_error error;
    struct pm_builder *b = pm_builder_new();
    struct pm_settings settings = PM_SETTINGS_DEFAULT;
    settings.flows = 4;
    pm_builder_settings(b, &settings);
    struct pm_op_spec op = {.kind = PM_OP_EXTERNAL,
                            .external = {.socket = "/x", .timeout_ms = 100}};
    pm_builder_add_rule(b, &(struct pm_rule_spec){
                               .id = "x", .action = PM_ACTION_REWRITE, .ops = &op, .op_count = 1});
    *run = (struct run){.policy = pm_builder_finish(b, &error)};
    EXPECT(run->policy);
    struct pm_rewriter_config config = {.mode = is_live ? PM_MODE_LIVE : PM_MODE_REPLAY,
                                        .checksums = PM_CHECKSUMS_IGNORE,
                                        .mtu = 1500,
                                        .streams = 2,
                                        .retain_bytes = 1u << 18,
                                        .retain_dir_bytes = 1u << 17,
                                        .edits = 256,
                                        .pending_bytes = 1u << 14,
                                        .pending_dir_bytes = 1u << 12,
                                        .waits = 4,
                                        .external_dir_bytes = 48,
                                        .emit = on_emit,
                                        .external = on_external,
                                        .context = run};
    run->rewriter = pm_rewriter_new(run->policy, &config, &error);
    EXPECT(run->rewriter);
}

static void put(uint8_t *at, uint32_t value, size_t len)
{
    while (len-- > 0) {
        at[len] = (uint8_t)value;
        value >>= 8;
    }
}

/* A segment of the client towards port 80. */
static void send_segment(struct run *run, uint8_t flags, uint32_t seq, size_t payload_len)
{
    uint8_t packet[40 + DATA_LEN] = {0x45};
    put(packet + 2, (uint32_t)(40 + payload_len), 2);
    packet[8] = 64;
    packet[9] = 6;
    put(packet + 12, 0xc0000201, 4);
    put(packet + 16, 0xc6336409, 4);
    put(packet + 20, 40000, 2);
    put(packet + 22, 80, 2);
    put(packet + 24, seq, 4);
    packet[32] = 0x50;
    packet[33] = flags;
    put(packet + 34, 65535, 2);
    for (size_t i = 0; i < payload_len; i++)
        packet[40 + i] = (uint8_t)('a' + i % 26);
    struct pm_packet p = {.data = packet,
                          .len = 40 + payload_len,
                          .wire_len = 40 + payload_len,
                          .link = 101,
                          .dir = PM_DIR_OUT,
                          .csum = PM_CSUM_PARTIAL};
    pm_rewrite(run->rewriter, &p, packet, 0);
}

static void take_answer(struct run *run, const struct pm_message *m)
{
    uint64_t stream = m->stream == 0 ? run->stream : m->stream;
    EXPECT(m->len <= PM_MESSAGE_BYTES);
    enum pm_external_verdict verdict = pm_rewriter_external_answer(
        run->rewriter, stream, m->offset, (size_t)m->take, m->bytes, m->len, 0);
    if (verdict != PM_EXTERNAL_TAKEN || (m->take == 0 && m->len == 0))
        return;
    EXPECT(m->offset == run->taken && m->take <= run->handed_out - run->taken);
    run->taken += m->take;
    EXPECT(run->handed_out - run->taken <= 48 && run->handed_out <= DATA_LEN);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct run run;
    struct pm_buffer in = {.most = PM_MESSAGE_BYTES + PM_MESSAGE_LINE};
    if (size < 1 || !pm_buffer_put(&in, data + 1, size - 1)) {
        pm_buffer_free(&in);
        return 0;
    }
    begin(&run, data[0] & 1);
    send_segment(&run, 2, 999, 0);
    send_segment(&run, 0x18, 1000, DATA_LEN);
    for (;;) {
        struct pm_message m = pm_message_read(&in);
        if (m.kind == PM_MESSAGE_PARTIAL || m.kind == PM_MESSAGE_WRONG)
            break;
        EXPECT(m.size > 0 && m.size <= pm_buffer_len(&in));
        if (m.kind == PM_MESSAGE_ANSWER)
            take_answer(&run, &m);
        pm_buffer_drop(&in, m.size);
    }
    if (data[0] & 2)
        pm_rewriter_external_lost(run.rewriter, "/x", 1);
    pm_rewriter_due(run.rewriter, UINT64_C(1000000000));
    pm_rewriter_flush(run.rewriter, UINT64_C(1000000000));
    pm_rewriter_free(run.rewriter);
    pm_policy_unref(run.policy);
    pm_buffer_free(&in);
    return 0;
}
