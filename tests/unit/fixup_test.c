/* fixup_test.c - lengths and checksums after edits, and header fields, against a full recount. */
#include "talk.h"

#include "edit/assign.h"
#include "edit/fixup.h"
#include "match/field.h"

static uint32_t random_state = 11;

static uint32_t draw(uint32_t bound)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (random_state >> 8) % bound;
}

static struct talk_packet random_packet(uint8_t *payload)
{
    for (size_t i = 0; i < 64; i++)
        payload[i] = (uint8_t)draw(256);
    struct talk_packet p = {.version = draw(2) ? 4 : 6,
                            .udp = (int)draw(2),
                            .flags = TALK_ACK,
                            .seq = draw(1u << 24) * 200,
                            .ack = draw(1u << 24),
                            .payload = payload,
                            .payload_len = draw(64)};
    p.ext = p.version == 6 ? (int)draw(3) * 8 : 0;
    p.bad_checksum = draw(3) == 0 ? (int)draw(60000) : 0;
    return p;
}

/* How far the L4 checksum is from right: 0, or the fold of what it is off by. */
static uint16_t error_of(const uint8_t *ip, const struct pm_headers *h)
{
    return talk_l4_sum(ip, h->l4_off, h->end, h->ip_proto);
}

static void any_write_into_a_header_keeps_the_checksum_as_right_or_wrong_as_it_was(void **state)
{
    (void)state;
    static uint8_t ip[200];
    uint8_t payload[64], bytes[8];
    for (int i = 0; i < 20000; i++) {
        struct talk_packet p = random_packet(payload);
        struct pm_headers h;
        size_t len = talk_build(&p, ip);
        pm_headers_parse(101, ip, len, len, &h);
        assert_int_equal(h.parse, PM_PARSE_L4);
        uint16_t before = error_of(ip, &h);
        uint32_t n = 1 + draw(8), header = p.udp ? 6 : 16; /* the checksum itself lies behind */
        uint32_t off = draw(header - (n < header ? n : header) + 1);
        n = n < header ? n : header;
        for (uint32_t k = 0; k < n; k++)
            bytes[k] = (uint8_t)draw(256);
        if (p.udp && talk_get(ip + h.l4_off + 6, 2) == 0)
            continue; /* none to keep */
        if (draw(2)) {
            pm_fixup_l4_bytes(&h, ip, off, bytes, n);
            assert_memory_equal(ip + h.l4_off + off, bytes, n);
        } else {
            uint32_t addrs = p.version == 4 ? 12 : 8, room = p.version == 4 ? 8 : 32;
            uint32_t at = addrs + draw((room - n) / 2 + 1) * 2;
            pm_fixup_l3_bytes(&h, ip, at, bytes, n, true);
            assert_memory_equal(ip + at, bytes, n);
            assert_true(p.version == 6 || talk_sum(ip, 20, 0) == 0xffff);
        }
        /* 0 and 0xffff are the same sum */
        assert_int_equal(error_of(ip, &h) % 0xffff, before % 0xffff);
    }
}

static void a_rebuilt_packet_is_what_its_sender_would_have_made(void **state)
{
    (void)state;
    static uint8_t ip[300], want[300];
    uint8_t payload[64];
    for (int i = 0; i < 5000; i++) {
        struct talk_packet p = random_packet(payload);
        struct pm_headers h;
        p.bad_checksum = 0;
        size_t len = talk_build(&p, ip);
        pm_headers_parse(101, ip, len, len, &h);
        p.payload_len = draw(64);
        size_t want_len = talk_build(&p, want);
        memcpy(ip + h.payload_off, payload, p.payload_len);
        assert_int_equal(pm_fixup_whole(&h, ip, (uint32_t)p.payload_len), want_len);
        assert_memory_equal(ip, want, want_len);
    }
}

/* Every settable number field: write, parse again, read back. */
static void every_number_field_takes_its_whole_range(void **state)
{
    (void)state;
    static uint8_t ip[200];
    uint8_t payload[64];
    unsigned written = 0;
    for (int i = 0; i < 20000; i++) {
        struct talk_packet p = random_packet(payload);
        struct pm_headers h;
        p.bad_checksum = 0;
        size_t len = talk_build(&p, ip);
        pm_headers_parse(101, ip, len, len, &h);
        enum pm_field field = (enum pm_field)draw(PM_FIELD_COUNT);
        const struct pm_field_info *info = pm_field_info(field);
        if (!info->settable || info->kind == PM_KIND_ADDR || info->kind == PM_KIND_MAC)
            continue;
        struct pm_assign a = {.field = field, .number = draw(info->max + 1)};
        static uint8_t before[200];
        memcpy(before, ip, len);
        if (!pm_assign_write(&a, &h, ip)) {
            assert_memory_equal(ip, before, len);
            continue;
        }
        written++;
        struct talk_out o = {.len = len};
        memcpy(o.bytes, ip, len);
        if (field != PM_FIELD_UDP_DSTPORT && field != PM_FIELD_UDP_SRCPORT) {
            talk_read(&o);
            assert_true(o.checksums_right || o.p.no_checksum);
        }
        if (field == PM_FIELD_IP_TTL)
            assert_int_equal(o.p.ttl, a.number);
        if (field == PM_FIELD_TCP_WINDOW)
            assert_int_equal(o.p.window, a.number);
        if (field == PM_FIELD_IP_DSCP && p.version == 4)
            assert_int_equal(o.p.tos >> 2, a.number);
        if (field == PM_FIELD_IP_ECN && p.version == 6)
            assert_int_equal(talk_get(ip, 2) >> 4 & 3, a.number);
        if (field == PM_FIELD_IP_DF)
            assert_int_equal(o.p.df, a.number);
        if (field == PM_FIELD_IP_ID)
            assert_int_equal(o.p.ip_id, a.number);
    }
    assert_true(written > 1000);
}

/* The reader of conditions finds what was written, whatever the field. */
static uint32_t read_back(const uint8_t *ip, size_t len, enum pm_field field)
{
    struct pm_headers h;
    struct pm_packet packet = {.data = ip, .len = len, .wire_len = len, .link = 101};
    struct pm_subject subject = {.headers = &h, .packet = &packet};
    struct pm_reading reading;
    pm_headers_parse(101, ip, len, len, &h);
    pm_field_read(&subject, field, &reading);
    assert_true(reading.count > 0);
    return reading.number[0];
}

static void what_is_set_is_what_conditions_read(void **state)
{
    (void)state;
    static uint8_t ip[200], before[200];
    uint8_t payload[64];
    unsigned written = 0;
    for (int i = 0; i < 20000; i++) {
        struct talk_packet p = random_packet(payload);
        struct pm_headers h;
        p.bad_checksum = 0;
        size_t len = talk_build(&p, ip);
        pm_headers_parse(101, ip, len, len, &h);
        memcpy(before, ip, len);
        enum pm_field field = (enum pm_field)draw(PM_FIELD_COUNT);
        const struct pm_field_info *info = pm_field_info(field);
        if (!info->settable || info->kind == PM_KIND_ADDR || info->kind == PM_KIND_MAC)
            continue;
        struct pm_assign a = {.field = field, .number = draw(info->max + 1)};
        if (!pm_assign_write(&a, &h, ip)) {
            assert_memory_equal(ip, before, len);
            continue;
        }
        written++;
        assert_int_equal(read_back(ip, len, field), a.number);
        a.number = read_back(before, len, field);
        assert_true(pm_assign_write(&a, &h, ip));
        bool had_no_sum = p.udp && (talk_get(before + h.l4_off + 6, 2) == 0 ||
                                    talk_get(before + h.l4_off + 6, 2) == 0xffff);
        if (!had_no_sum && talk_get(before + 10, 2) != 0)
            assert_memory_equal(ip, before, len);
    }
    assert_true(written > 2000);
}

static void echo_numbers_are_set_and_checksums_follow(void **state)
{
    (void)state;
    uint8_t ip[32] = {0x45, 0, 0, 32, 0, 0, 0, 0, 64, 1, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2, 8, 0};
    talk_put(ip + 10, (uint16_t)~talk_sum(ip, 20, 0), 2);
    memcpy(ip + 28, "ping", 4);
    talk_put(ip + 22, (uint16_t)~talk_sum(ip + 20, 12, 0), 2);
    struct pm_headers h;
    pm_headers_parse(101, ip, sizeof ip, sizeof ip, &h);
    assert_true(pm_assign_write(&(struct pm_assign){.field = PM_FIELD_ICMP_IDENT, .number = 0xbeef},
                                &h, ip));
    assert_true(pm_assign_write(
        &(struct pm_assign){.field = PM_FIELD_ICMP_SEQ, .is_add = true, .number = 7}, &h, ip));
    assert_int_equal(read_back(ip, sizeof ip, PM_FIELD_ICMP_IDENT), 0xbeef);
    assert_int_equal(read_back(ip, sizeof ip, PM_FIELD_ICMP_SEQ), 7);
    assert_int_equal(talk_sum(ip + 20, 12, 0), 0xffff);
    assert_true(
        pm_assign_write(&(struct pm_assign){.field = PM_FIELD_ICMP_TYPE, .number = 3}, &h, ip));
    pm_headers_parse(101, ip, sizeof ip, sizeof ip, &h);
    assert_false(
        pm_assign_write(&(struct pm_assign){.field = PM_FIELD_ICMP_IDENT, .number = 1}, &h, ip));
}

static void macs_and_vlans_are_set_where_there_are_any(void **state)
{
    (void)state;
    uint8_t frame[58] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0x81, 0, 0xa0, 5, 8, 0};
    uint8_t payload[64], ip[200];
    struct talk_packet p = random_packet(payload);
    p.version = 4;
    p.payload_len = 0;
    p.udp = 1;
    memcpy(frame + 18, ip, talk_build(&p, ip));
    memcpy(frame + 18, ip, 28);
    struct pm_headers h;
    pm_headers_parse(1, frame, 46, 46, &h);
    assert_int_equal(h.link.vlan_count, 1);
    assert_true(pm_assign_write(
        &(struct pm_assign){.field = PM_FIELD_ETH_SRC, .mac = {9, 9, 9, 9, 9, 9}}, &h, frame));
    assert_true(
        pm_assign_write(&(struct pm_assign){.field = PM_FIELD_VLAN_ID, .number = 77}, &h, frame));
    assert_int_equal(frame[6], 9);
    assert_int_equal(frame[0], 1);
    assert_int_equal(talk_get(frame + 14, 2), 0xa000 + 77); /* priority stays */
    assert_true(pm_assign_write(&(struct pm_assign){.field = PM_FIELD_VLAN_PRIORITY, .number = 6},
                                &h, frame));
    assert_true(
        pm_assign_write(&(struct pm_assign){.field = PM_FIELD_VLAN_DEI, .number = 1}, &h, frame));
    assert_int_equal(talk_get(frame + 14, 2), 0xd000 + 77);
    pm_headers_parse(101, ip, 28, 28, &h);
    assert_false(pm_assign_write(&(struct pm_assign){.field = PM_FIELD_ETH_SRC}, &h, ip));
    assert_false(pm_assign_write(&(struct pm_assign){.field = PM_FIELD_VLAN_ID}, &h, ip));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_write_into_a_header_keeps_the_checksum_as_right_or_wrong_as_it_was),
        cmocka_unit_test(a_rebuilt_packet_is_what_its_sender_would_have_made),
        cmocka_unit_test(every_number_field_takes_its_whole_range),
        cmocka_unit_test(what_is_set_is_what_conditions_read),
        cmocka_unit_test(echo_numbers_are_set_and_checksums_follow),
        cmocka_unit_test(macs_and_vlans_are_set_where_there_are_any),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
