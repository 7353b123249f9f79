/* chance.h - for tests of match/: conditions and packets by chance, from few values, so that they
 * meet often. */
#ifndef PM_TEST_CHANCE_H
#define PM_TEST_CHANCE_H

#include "subject.h"

#include "match/cond.h"

static const char *const some_v4[] = {"0a000001", "0a000002", "0a010001", "0a018001",
                                      "c0000201", "c0000281", "00000000"};
static const char *const some_v6[] = {
    "20010db8000000000000000000000001", "20010db8000000000000000000000002",
    "20010db8000100000000000000000001", "20010db8000100020003000000000001",
    "20010db9000000000000000000000001", "00000000000000000000000000000000",
};
static const uint16_t some_ports[] = {0, 22, 53, 80, 443, 1000, 1010, 65535};
static const uint8_t some_protos[] = {6, 6, 6, 17, 17, 1, 58, 132};

#define SOME(array, chance) (array)[below((chance), sizeof(array) / sizeof(array)[0])]

static inline void packet_by_chance(uint64_t *chance, struct plain *p)
{
    static const char *const payloads[] = {NULL, "GET /secret HTTP/1.1", "abc", "Token"};
    *p = (struct plain){.version = below(chance, 2) ? 4 : 6,
                        .proto = SOME(some_protos, chance),
                        .src_port = SOME(some_ports, chance),
                        .dst_port = SOME(some_ports, chance),
                        .icmp_type = (uint8_t)below(chance, 4),
                        .ttl = (uint8_t)(60 + below(chance, 6)),
                        .flags = (uint16_t)below(chance, 32),
                        .mss = below(chance, 2) ? 1460 : 0,
                        .mf = !below(chance, 12),
                        .fragment = below(chance, 12) ? 0 : 64,
                        .payload = SOME(payloads, chance),
                        .ethernet = below(chance, 2) != 0,
                        .vlan_count = (uint8_t)below(chance, 3),
                        .vlan = {7, 42}};
    p->src = p->version == 4 ? SOME(some_v4, chance) : SOME(some_v6, chance);
    p->dst = p->version == 4 ? SOME(some_v4, chance) : SOME(some_v6, chance);
}

/* Parsed; sometimes cut short or of no known kind; dir and side by chance. */
static inline void make_by_chance(uint64_t *chance, struct made *m)
{
    struct plain p;
    packet_by_chance(chance, &p);
    make(m, &p);
    if (!below(chance, 10))
        m->packet.len = below(chance, (uint32_t)m->packet.len + 1);
    if (!below(chance, 30))
        m->data[m->packet.link == 1 ? 12 : 0] ^= 0x80;
    pm_headers_parse(m->packet.link, m->data, m->packet.len, m->packet.wire_len, &m->headers);
    m->subject.dir = (enum pm_dir)below(chance, 2);
    m->subject.to_server = below(chance, 2);
    m->subject.flow_is_new = below(chance, 2);
    m->subject.has_flow = m->headers.parse == PM_PARSE_L4 || m->headers.parse == PM_PARSE_L3;
}

/* ------------------------------------------------------------------ tests of fields */

static inline struct pm_value prefix_by_chance(uint64_t *chance)
{
    struct pm_value value = {.kind = PM_VALUE_PREFIX};
    bool v4 = below(chance, 2);
    value.prefix.addr.version = v4 ? 4 : 6;
    value.prefix.bits =
        (uint8_t)(below(chance, 2) ? (v4 ? 32 : 128) : below(chance, v4 ? 33 : 129));
    put_hex(value.prefix.addr.bytes, v4 ? SOME(some_v4, chance) : SOME(some_v6, chance));
    return value;
}

static inline struct pm_value range(uint32_t lo, uint32_t hi)
{
    return (struct pm_value){.kind = PM_VALUE_RANGE, .range = {lo, hi}};
}

static inline struct pm_value number_by_chance(uint64_t *chance, enum pm_field field)
{
    uint32_t max = pm_field_info(field)->max, n = below(chance, 8);
    if (field == PM_FIELD_IP_VERSION)
        return range(4 + 2 * (n & 1), n == 7 ? 15 : 4 + 2 * (n & 1));
    if (field == PM_FIELD_IP_PROTO)
        n = SOME(some_protos, chance);
    else if (max == 0xffff)
        n = SOME(some_ports, chance);
    if (!below(chance, 4))
        return (struct pm_value){.kind = PM_VALUE_MASK, .mask = {7, n & 7}};
    uint32_t width = below(chance, 3) ? 0 : below(chance, 3) ? below(chance, 12) : max;
    return range(n, n + width < n ? UINT32_MAX : n + width);
}

static inline struct pm_value bytes_by_chance(uint64_t *chance)
{
    static const char *const words[] = {"GET", "token", "b", "secret", "Token", "x"};
    const char *word = SOME(words, chance);
    return (struct pm_value){.kind = PM_VALUE_BYTES,
                             .bytes = {.bytes = (const uint8_t *)word,
                                       .len = (uint32_t)strlen(word),
                                       .offset = below(chance, 3) ? 0 : below(chance, 6),
                                       .depth = below(chance, 3) ? PM_NO_LIMIT : below(chance, 12),
                                       .nocase = below(chance, 2)}};
}

static const enum pm_field some_fields[] = {
    PM_FIELD_DIR,         PM_FIELD_FLOW,       PM_FIELD_FLOW_NEW,    PM_FIELD_FRAME_LEN,
    PM_FIELD_VLAN_ID,     PM_FIELD_IP_VERSION, PM_FIELD_IP_SRC,      PM_FIELD_IP_SRC,
    PM_FIELD_IP_DST,      PM_FIELD_IP_DST,     PM_FIELD_IP_ADDR,     PM_FIELD_IP_PROTO,
    PM_FIELD_IP_TTL,      PM_FIELD_IP_ID,      PM_FIELD_TCP_SRCPORT, PM_FIELD_TCP_DSTPORT,
    PM_FIELD_TCP_DSTPORT, PM_FIELD_TCP_PORT,   PM_FIELD_TCP_FLAGS,   PM_FIELD_TCP_FLAGS_SYN,
    PM_FIELD_TCP_MSS,     PM_FIELD_TCP_LEN,    PM_FIELD_UDP_SRCPORT, PM_FIELD_UDP_DSTPORT,
    PM_FIELD_UDP_PORT,    PM_FIELD_UDP_LENGTH, PM_FIELD_L4_SRCPORT,  PM_FIELD_L4_DSTPORT,
    PM_FIELD_L4_PORT,     PM_FIELD_ICMP_TYPE,  PM_FIELD_PAYLOAD,
};

static inline pm_cond_id test_of(struct pm_conds *c, uint64_t *chance, enum pm_field field)
{
    struct pm_value values[24];
    size_t count = below(chance, 3) ? 1 : below(chance, 6) ? below(chance, 4) : below(chance, 25);
    pm_cond_id id;
    for (size_t i = 0; i < count; i++)
        values[i] = pm_field_info(field)->kind == PM_KIND_ADDR    ? prefix_by_chance(chance)
                    : pm_field_info(field)->kind == PM_KIND_BYTES ? bytes_by_chance(chance)
                                                                  : number_by_chance(chance, field);
    assert_true(pm_conds_test(c, field, values, count, &id));
    return id;
}

/* A condition as rules have it: an `all` of tests, with other things in it now and then. */
static inline pm_cond_id cond_by_chance(struct pm_conds *c, uint64_t *chance, int depth)
{
    pm_cond_id kids[5], id;
    size_t count = below(chance, 12) ? 1 + below(chance, 4) : 0;
    for (size_t i = 0; i < count; i++) {
        kids[i] = depth > 0 && !below(chance, 4) ? cond_by_chance(c, chance, depth - 1)
                                                 : test_of(c, chance, SOME(some_fields, chance));
        if (!below(chance, 16))
            assert_true(pm_conds_present(c, SOME(some_fields, chance), &kids[i]));
        if (!below(chance, 8))
            assert_true(pm_conds_not(c, kids[i], &kids[i]));
    }
    if (below(chance, 4))
        assert_true(pm_conds_all(c, kids, count, &id));
    else
        assert_true(pm_conds_any(c, kids, count, &id));
    return id;
}

#endif
