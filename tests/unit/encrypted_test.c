/* encrypted_test.c - a rewriter whose rules edit text counts the flows that are encrypted: once
 * each, told by their first bytes, and changes nothing about them. */
#include "talk.h"

static const struct pm_rewriter_config plain_config = {.hash_key = {1, 2}, .mtu = 1500};

struct beginning {
    const char *bytes;
    size_t len;
    bool is_udp, is_encrypted;
};

#define TCP(text, encrypted)                                                                       \
    {                                                                                              \
        (text), sizeof(text) - 1, false, (encrypted)                                               \
    }
#define UDP(text, encrypted)                                                                       \
    {                                                                                              \
        (text), sizeof(text) - 1, true, (encrypted)                                                \
    }

static const struct beginning beginnings[] = {
    TCP("\26\3\1\2\0\1\0\1\xfc\3\3", true), /* a hello */
    TCP("\27\3\3\0\20aaaa", true),          /* seen from its middle on */
    TCP("SSH-2.0-OpenSSH_9.2\r\n", true),
    TCP("GET / HTTP/1.1\r\n", false),
    TCP("\26\3\5\0\1", false), /* no version of TLS */
    TCP("\26\3\1\0\0", false), /* an empty record */
    TCP("\26\3\1\xff\0", false),
    TCP("\26\3\1\0", false), /* shorter than a record's header */
    TCP("SSH", false),
    UDP("\xc0\0\0\0\1\10", true),
    UDP("\xd0\x6b\x33\x43\xcf\10", true),
    UDP("\xe0\0\0\0\1\10", false), /* not what a client says first */
    UDP("\26\3\1\2\0\1", false),
};

static struct talk_packet data_of(const struct beginning *b)
{
    return (struct talk_packet){.udp = b->is_udp,
                                .flags = TALK_ACK,
                                .seq = 1001,
                                .ack = 1,
                                .payload = (const uint8_t *)b->bytes,
                                .payload_len = b->len};
}

static uint64_t told(const struct talk *t)
{
    return pm_rewriter_stats(t->rewriter)->why[PM_WHY_ENCRYPTED];
}

static void the_first_bytes_of_a_flow_tell_and_it_passes_as_it_is(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof beginnings / sizeof beginnings[0]; i++) {
        struct talk t;
        struct pm_builder *b = pm_builder_new();
        struct talk_packet p = {.flags = TALK_SYN, .seq = 1000};
        talk_replace(b, "swap", PM_COND_TRUE, "secret", "word");
        talk_begin(&t, b, plain_config);
        if (!beginnings[i].is_udp)
            talk_send(&t, &p);
        p = data_of(&beginnings[i]);
        talk_send(&t, &p);
        assert_true(talk_is_unchanged(&t, &p));
        assert_int_equal(told(&t), beginnings[i].is_encrypted);
        p.seq += (uint32_t)p.payload_len;
        talk_send(&t, &p);
        assert_int_equal(told(&t), beginnings[i].is_encrypted); /* once for each flow */
        talk_end(&t);
    }
}

/* What comes later may look like anything. */
static void later_bytes_tell_nothing(void **state)
{
    (void)state;
    struct talk t;
    struct pm_builder *b = pm_builder_new();
    struct talk_packet p = {.flags = TALK_SYN, .seq = 1000};
    talk_replace(b, "swap", PM_COND_TRUE, "secret", "word");
    talk_begin(&t, b, plain_config);
    talk_send(&t, &p);
    p = data_of(&beginnings[3]);
    talk_send(&t, &p);
    p = data_of(&beginnings[0]);
    p.seq += (uint32_t)beginnings[3].len;
    talk_send(&t, &p);
    assert_int_equal(told(&t), 0);
    talk_end(&t);
}

static void flows_that_no_edit_selects_are_not_counted(void **state)
{
    (void)state;
    struct talk t;
    struct pm_builder *b = pm_builder_new();
    struct pm_value port = {.kind = PM_VALUE_RANGE, .range = {81, 81}};
    struct talk_packet p = data_of(&beginnings[0]);
    talk_replace(b, "swap", pm_cond_test(b, PM_FIELD_TCP_DSTPORT, &port, 1), "secret", "word");
    talk_begin(&t, b, plain_config);
    talk_send(&t, &p);
    assert_int_equal(told(&t), 0);
    p.server_port = 81;
    talk_send(&t, &p);
    assert_int_equal(told(&t), 1);
    talk_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_bytes_of_a_flow_tell_and_it_passes_as_it_is),
        cmocka_unit_test(later_bytes_tell_nothing),
        cmocka_unit_test(flows_that_no_edit_selects_are_not_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
