/* rewriter_offload_test.c - segments for who cuts them and completes their checksums: what leaves,
 * cut and completed here, is what leaves without offload. */
#include "story.h"

#define GSO 1400u

static struct pm_rewriter_config config_of(bool offload)
{
    return (struct pm_rewriter_config){.hash_key = {1, 2},
                                       .mode = PM_MODE_LIVE,
                                       .checksums = PM_CHECKSUMS_VERIFY,
                                       .mtu = 1500,
                                       .offload = offload};
}

/* The stream as the server would get it, and how it came. */
struct heard {
    struct talk *talk;
    uint8_t bytes[1 << 18];
    size_t end, packets, supers, partials;
};

/* The checksum of who sends it is the pseudo-header's sum, and no more. */
static void expect_pseudo_sum(const uint8_t *ip, size_t len)
{
    size_t l4 = ip[0] >> 4 == 4 ? 20 : 40;
    uint8_t tail[4], proto[2] = {0, 6};
    talk_put(tail, (uint32_t)(len - l4), 4);
    uint32_t sum = ip[0] >> 4 == 4 ? talk_sum(ip + 12, 8, 0) : talk_sum(ip + 8, 32, 0);
    sum = talk_sum(proto, 2, talk_sum(tail, 4, sum));
    assert_int_equal(talk_get(ip + l4 + 16, 2), sum);
}

static void on_emit(void *context, const struct pm_emitted *emitted)
{
    struct heard *h = context;
    const uint8_t *ip = emitted->data;
    size_t l4 = ip[0] >> 4 == 4 ? 20 : 40, header = l4 + (size_t)(ip[l4 + 12] >> 4) * 4;
    size_t payload = emitted->len - header;
    size_t at = talk_get(ip + l4 + 4, 4) - (ISN_C + 1);
    h->packets++;
    h->supers += emitted->gso_len > 0 && payload > emitted->gso_len;
    h->partials += emitted->csum == PM_CSUM_PARTIAL;
    if (emitted->csum == PM_CSUM_PARTIAL)
        expect_pseudo_sum(ip, emitted->len);
    else
        assert_int_equal(talk_l4_sum(ip, l4, emitted->len, 6), 0);
    assert_true(payload <= 1460 || emitted->gso_len > 0);
    if (payload == 0 || emitted->dir != PM_DIR_OUT)
        return;
    assert_true(at + payload <= sizeof h->bytes);
    memcpy(h->bytes + at, ip + header, payload);
    h->end = at + payload > h->end ? at + payload : h->end;
}

static struct pm_policy *policy_of(bool has_set)
{
    struct pm_error error;
    struct pm_builder *b = pm_builder_new();
    struct pm_op_spec op = {.kind = PM_OP_SET, .set = {.field = PM_FIELD_IP_TTL, .number = 9}};
    talk_replace(b, "swap", talk_flow(b, 0), "needle", "a far longer thread");
    if (has_set)
        pm_builder_add_rule(b, &(struct pm_rule_spec){.id = "ttl",
                                                      .match = talk_flow(b, 0),
                                                      .action = PM_ACTION_REWRITE,
                                                      .ops = &op,
                                                      .op_count = 1});
    struct pm_policy *policy = pm_builder_finish(b, &error);
    if (policy == NULL)
        fail_msg("%s", error.text);
    return policy;
}

static void take(struct pm_rewriter *r, const struct talk_packet *p, bool is_super)
{
    static uint8_t bytes[TALK_PACKET];
    size_t len = talk_build(p, bytes), l4 = p->version == 6 ? 40 : 20;
    struct pm_packet packet = {.data = bytes,
                               .len = len,
                               .wire_len = len,
                               .link = 101,
                               .dir = p->from_server ? PM_DIR_IN : PM_DIR_OUT};
    if (is_super) {
        uint8_t tail[4], proto[2] = {0, 6};
        talk_put(tail, (uint32_t)(len - l4), 4);
        uint32_t sum = l4 == 20 ? talk_sum(bytes + 12, 8, 0) : talk_sum(bytes + 8, 32, 0);
        sum = talk_sum(proto, 2, talk_sum(tail, 4, sum));
        talk_put(bytes + l4 + 16, sum, 2);
        packet.csum = PM_CSUM_PARTIAL;
        packet.gso_len = GSO;
    }
    pm_rewrite(r, &packet, bytes, 1);
}

/* 40 000 bytes with finds here and there, in super-packets, to a server that takes all of it. */
static struct heard *tell(int version, bool offload, bool has_set)
{
    static uint8_t text[40000];
    static const uint8_t syn[] = {2, 4, 5, 180, 1, 3, 3, 7};
    struct pm_error error;
    struct heard *h = calloc(1, sizeof *h);
    struct pm_policy *policy = policy_of(has_set);
    struct pm_rewriter_config config = config_of(offload);
    assert_non_null(h);
    config.emit = on_emit;
    config.context = h;
    struct pm_rewriter *r = pm_rewriter_new(policy, &config, &error);
    assert_non_null(r);
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)(i % 1999 < 6 ? "needle"[i % 1999] : '.');
    take(r,
         &(struct talk_packet){.version = version,
                               .flags = TALK_SYN,
                               .seq = ISN_C,
                               .options = syn,
                               .options_len = sizeof syn},
         false);
    take(r,
         &(struct talk_packet){.version = version,
                               .from_server = 1,
                               .flags = TALK_SYN | TALK_ACK,
                               .seq = ISN_S,
                               .ack = ISN_C + 1,
                               .options = syn,
                               .options_len = sizeof syn},
         false);
    take(r,
         &(struct talk_packet){.version = version,
                               .from_server = 1,
                               .flags = TALK_ACK,
                               .seq = ISN_S + 1,
                               .ack = ISN_C + 1},
         false);
    for (size_t off = 0; off < sizeof text; off += 10000)
        take(r,
             &(struct talk_packet){.version = version,
                                   .flags = TALK_ACK | TALK_PSH,
                                   .seq = ISN_C + 1 + (uint32_t)off,
                                   .ack = ISN_S + 1,
                                   .payload = text + off,
                                   .payload_len = 10000},
             true);
    pm_rewriter_free(r);
    pm_policy_unref(policy);
    return h;
}

static void compare(bool has_set, bool is_offloaded)
{
    for (int version = 4; version <= 6; version += 2) {
        struct heard *with = tell(version, true, has_set), *without = tell(version, false, has_set);
        assert_true(without->end > 40000);
        assert_int_equal(with->end, without->end);
        assert_memory_equal(with->bytes, without->bytes, with->end);
        assert_int_equal(without->supers, 0);
        assert_int_equal(without->partials, 0);
        assert_int_equal(with->supers > 0, is_offloaded);
        assert_int_equal(with->packets < without->packets, is_offloaded);
        free(with);
        free(without);
    }
}

static void super_packets_carry_the_same_stream(void **state)
{
    (void)state;
    compare(false, true);
}

static void what_changes_headers_leaves_packet_by_packet(void **state)
{
    (void)state;
    compare(true, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(super_packets_carry_the_same_stream),
        cmocka_unit_test(what_changes_headers_leaves_packet_by_packet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
