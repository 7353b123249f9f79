/* cond_test.c - conditions: single tests by table, trees against a recursive twin, and what is said
 * of a flow against all of its packets. */
#include "chance.h"

/* ------------------------------------------------------------------ single tests */

static pm_cond_id one(struct pm_conds *c, enum pm_field field, struct pm_value value)
{
    pm_cond_id id;
    assert_true(pm_conds_test(c, field, &value, 1, &id));
    return id;
}

static struct pm_value prefix(const char *hex, uint8_t bits)
{
    struct pm_value value = {.kind = PM_VALUE_PREFIX, .prefix = {.bits = bits}};
    value.prefix.addr.version = strlen(hex) == 8 ? 4 : 6;
    put_hex(value.prefix.addr.bytes, hex);
    return value;
}

static struct pm_value bytes(const char *text, uint32_t offset, uint32_t depth, bool nocase)
{
    return (struct pm_value){.kind = PM_VALUE_BYTES,
                             .bytes = {.bytes = (const uint8_t *)text,
                                       .len = (uint32_t)strlen(text),
                                       .offset = offset,
                                       .depth = depth,
                                       .nocase = nocase}};
}

static struct pm_value at_end(const char *text, uint32_t offset)
{
    struct pm_value value = bytes(text, offset, PM_NO_LIMIT, true);
    value.bytes.at_end = true;
    return value;
}

static struct pm_value mask(uint32_t bits, uint32_t value)
{
    return (struct pm_value){.kind = PM_VALUE_MASK, .mask = {bits, value}};
}

static const struct plain web = {.src = "0a000001",
                                 .dst = "c0a80081",
                                 .src_port = 40000,
                                 .dst_port = 80,
                                 .flags = 0x12,
                                 .payload = "GET /Secret HTTP/1.1",
                                 .ethernet = 1,
                                 .vlan_count = 2,
                                 .vlan = {7, 42}};

static void tests_hold_when_one_value_is_there(void **state)
{
    const struct {
        const char *what;
        enum pm_field field;
        struct pm_value value;
        bool holds;
    } table[] = {
        {"port", PM_FIELD_TCP_DSTPORT, range(80, 80), true},
        {"other port", PM_FIELD_TCP_DSTPORT, range(81, 65535), false},
        {"below", PM_FIELD_TCP_DSTPORT, range(0, 79), false},
        {"range", PM_FIELD_TCP_DSTPORT, range(1, 1024), true},
        {"either port", PM_FIELD_TCP_PORT, range(40000, 40000), true},
        {"absent field", PM_FIELD_UDP_PORT, range(0, 65535), false},
        {"inner tag", PM_FIELD_VLAN_ID, range(42, 42), true},
        {"no such tag", PM_FIELD_VLAN_ID, range(43, 43), false},
        {"flags masked", PM_FIELD_TCP_FLAGS, mask(0x13, 0x12), true},
        {"flags masked, other", PM_FIELD_TCP_FLAGS, mask(0x13, 0x02), false},
        {"address", PM_FIELD_IP_SRC, prefix("0a000001", 32), true},
        {"other address", PM_FIELD_IP_SRC, prefix("0a000002", 32), false},
        {"/31", PM_FIELD_IP_SRC, prefix("0a000000", 31), true},
        {"/25 above", PM_FIELD_IP_DST, prefix("c0a80080", 25), true},
        {"/25 below", PM_FIELD_IP_DST, prefix("c0a80000", 25), false},
        {"everything of IPv4", PM_FIELD_IP_DST, prefix("00000000", 0), true},
        {"nothing of IPv6", PM_FIELD_IP_DST, prefix("00000000000000000000000000000000", 0), false},
        {"either address", PM_FIELD_IP_ADDR, prefix("c0000000", 8), true},
        {"mac", PM_FIELD_ETH_SRC, {.kind = PM_VALUE_MAC, .mac = {2, 0, 0, 0, 0, 1}}, true},
        {"other mac", PM_FIELD_ETH_SRC, {.kind = PM_VALUE_MAC, .mac = {2, 0, 0, 0, 0, 2}}, false},
        {"text", PM_FIELD_PAYLOAD, bytes("Secret", 0, PM_NO_LIMIT, false), true},
        {"case", PM_FIELD_PAYLOAD, bytes("secret", 0, PM_NO_LIMIT, false), false},
        {"nocase", PM_FIELD_PAYLOAD, bytes("sECRET", 0, PM_NO_LIMIT, true), true},
        {"at offset", PM_FIELD_PAYLOAD, bytes("Secret", 5, 6, false), true},
        {"behind", PM_FIELD_PAYLOAD, bytes("Secret", 6, PM_NO_LIMIT, false), false},
        {"depth too small", PM_FIELD_PAYLOAD, bytes("Secret", 5, 5, false), false},
        {"depth counts from offset", PM_FIELD_PAYLOAD, bytes("Secret", 3, 8, false), true},
        {"depth 0", PM_FIELD_PAYLOAD, bytes("G", 0, 0, false), false},
        {"the whole payload", PM_FIELD_PAYLOAD, bytes("GET /Secret HTTP/1.1", 0, 20, false), true},
        {"offset at the end", PM_FIELD_PAYLOAD, bytes("1", 20, PM_NO_LIMIT, false), false},
        {"offset beyond the end", PM_FIELD_PAYLOAD, bytes("1", 99, PM_NO_LIMIT, false), false},
        {"at the end", PM_FIELD_PAYLOAD, at_end("http/1.1", 0), true},
        {"at the end from an offset", PM_FIELD_PAYLOAD, at_end("HTTP/1.1", 12), true},
        {"at the end, begins too early", PM_FIELD_PAYLOAD, at_end("HTTP/1.1", 13), false},
        {"not at the end", PM_FIELD_PAYLOAD, at_end("HTTP/1.", 0), false},
        {"longer than the field", PM_FIELD_PAYLOAD, at_end("xGET /Secret HTTP/1.1", 0), false},
        {"huge offset", PM_FIELD_PAYLOAD, bytes("1", UINT32_MAX, PM_NO_LIMIT, false), false},
    };
    struct pm_conds *c = pm_conds_new();
    struct made m;
    (void)state;
    assert_non_null(c);
    make(&m, &web);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        pm_cond_id id = one(c, table[i].field, table[i].value);
        if (pm_cond_holds(c, id, &m.subject) != table[i].holds)
            fail_msg("%s", table[i].what);
    }
    drop(&m);
    pm_conds_free(c);
}

static void whole_texts_are_equal_not_contained(void **state)
{
    struct pm_conds *c = pm_conds_new();
    struct pm_value value = bytes("eth0", 0, PM_NO_LIMIT, true);
    struct made m;
    (void)state;
    assert_non_null(c);
    value.bytes.whole = true;
    pm_cond_id id = one(c, PM_FIELD_INTERFACE, value);
    make(&m, &web);
    assert_false(pm_cond_holds(c, id, &m.subject));
    m.packet.interface = "ETH0";
    assert_true(pm_cond_holds(c, id, &m.subject));
    m.packet.interface = "eth01";
    assert_false(pm_cond_holds(c, id, &m.subject));
    drop(&m);
    pm_conds_free(c);
}

static void sets_are_asked_by_their_kind(void **state)
{
    struct pm_conds *c = pm_conds_new();
    const struct {
        enum pm_field field;
        enum pm_set_kind kind;
        struct pm_value value;
    } table[] = {
        {PM_FIELD_IP_DST, PM_SET_CIDR, prefix("c0a80000", 16)},
        {PM_FIELD_TCP_PORT, PM_SET_PORT, range(80, 90)},
        {PM_FIELD_INTERFACE, PM_SET_STRING, bytes("eth0", 0, PM_NO_LIMIT, false)},
        {PM_FIELD_PAYLOAD, PM_SET_BYTES, bytes("/Secret", 0, PM_NO_LIMIT, false)},
    };
    pm_cond_id ids[4];
    struct made hit, miss;
    (void)state;
    assert_non_null(c);
    for (uint32_t i = 0; i < 4; i++) {
        uint32_t set;
        assert_true(pm_conds_add_set(c, table[i].kind, &set));
        assert_true(pm_conds_set_put(c, set, &table[i].value));
        ids[i] = one(c, table[i].field, (struct pm_value){.kind = PM_VALUE_SET, .set = set});
    }
    assert_true(pm_conds_seal(c));
    make(&hit, &web);
    make(&miss, &(struct plain){.dst_port = 22, .payload = "GET /public"});
    hit.packet.interface = "eth0";
    miss.packet.interface = "eth1";
    for (uint32_t i = 0; i < 4; i++) {
        assert_true(pm_cond_holds(c, ids[i], &hit.subject));
        assert_false(pm_cond_holds(c, ids[i], &miss.subject));
    }
    drop(&hit);
    drop(&miss);
    pm_conds_free(c);
}

static void bpf_runs_the_program_of_the_packets_link(void **state)
{
    /* length of the packet; the version nibble of a raw packet; nothing for other links */
    static const struct pm_bpf_insn has_bytes[] = {{0x80, 0, 0, 0}, {0x16, 0, 0, 0}};
    static const struct pm_bpf_insn is_v4[] = {
        {0x30, 0, 0, 0}, {0x54, 0, 0, 0xf0}, {0x15, 0, 1, 0x40}, {6, 0, 0, 1}, {6, 0, 0, 0}};
    struct pm_conds *c = pm_conds_new();
    uint32_t unused = 0, bpf = 0;
    struct made m;
    (void)state;
    assert_non_null(c);
    assert_true(pm_conds_add_bpf(c, &unused) && pm_conds_add_bpf(c, &bpf));
    assert_true(pm_conds_bpf_put(c, bpf, 1, has_bytes, 2));
    assert_true(pm_conds_bpf_put(c, bpf, 101, is_v4, 5));
    assert_true(pm_conds_bpf_put(c, unused, 113, has_bytes, 2));
    pm_cond_id id = one(c, PM_FIELD_BPF, (struct pm_value){.kind = PM_VALUE_BPF, .bpf = bpf});
    make(&m, &(struct plain){.version = 6});
    assert_false(pm_cond_holds(c, id, &m.subject));
    m.packet.link = 1;
    assert_true(pm_cond_holds(c, id, &m.subject));
    m.packet.link = 113;
    assert_false(pm_cond_holds(c, id, &m.subject));
    drop(&m);
    make(&m, &(struct plain){.version = 4});
    assert_true(pm_cond_holds(c, id, &m.subject));
    m.packet.link = 12;
    assert_true(pm_cond_holds(c, id, &m.subject));
    assert_int_equal(pm_cond_for_flow(c, id, &m.subject), PM_DEPENDS);
    drop(&m);
    pm_conds_free(c);
}

/* ------------------------------------------------------------------ trees */

/* The twin: a tree of our own beside the one that is tested. Leaves are tests of tcp.seq bits, so
 * that a packet's sequence number says which of them hold. */
struct tree {
    enum { LEAF, ALL, ANY, NOT } kind;
    uint32_t leaf;
    size_t count;
    struct tree *kids[4];
    pm_cond_id id;
};

static bool tree_holds(const struct tree *tree, uint32_t seq)
{
    switch (tree->kind) {
    case LEAF:
        return seq >> tree->leaf & 1;
    case NOT:
        return !tree_holds(tree->kids[0], seq);
    case ALL:
        for (size_t i = 0; i < tree->count; i++)
            if (!tree_holds(tree->kids[i], seq))
                return false;
        return true;
    case ANY:
        for (size_t i = 0; i < tree->count; i++)
            if (tree_holds(tree->kids[i], seq))
                return true;
        return false;
    }
    return false;
}

static struct tree *grow(struct pm_conds *c, uint64_t *chance, int depth)
{
    struct tree *tree = calloc(1, sizeof *tree);
    pm_cond_id kids[4];
    assert_non_null(tree);
    tree->kind = depth ? below(chance, 4) : LEAF;
    tree->leaf = below(chance, 32);
    tree->count = tree->kind == NOT ? 1 : tree->kind == LEAF ? 0 : below(chance, 5);
    for (size_t i = 0; i < tree->count; i++) {
        tree->kids[i] = grow(c, chance, depth - 1);
        kids[i] = tree->kids[i]->id;
    }
    switch (tree->kind) {
    case LEAF:
        tree->id = one(c, PM_FIELD_TCP_SEQ, mask(1u << tree->leaf, 1u << tree->leaf));
        break;
    case NOT:
        assert_true(pm_conds_not(c, kids[0], &tree->id));
        break;
    case ALL:
        assert_true(pm_conds_all(c, kids, tree->count, &tree->id));
        break;
    case ANY:
        assert_true(pm_conds_any(c, kids, tree->count, &tree->id));
        break;
    }
    return tree;
}

static void fell(struct tree *tree)
{
    for (size_t i = 0; i < tree->count; i++)
        fell(tree->kids[i]);
    free(tree);
}

static void trees_hold_as_recursion_says(void **state)
{
    uint64_t chance = 21;
    (void)state;
    for (int round = 0; round < 300; round++) {
        struct pm_conds *c = pm_conds_new();
        assert_non_null(c);
        struct tree *tree = grow(c, &chance, 7);
        for (int i = 0; i < 30; i++) {
            uint32_t seq = any(&chance) << 1 | (any(&chance) & 1);
            struct made m;
            make(&m, &(struct plain){.seq = seq});
            assert_int_equal(pm_cond_holds(c, tree->id, &m.subject), tree_holds(tree, seq));
            drop(&m);
        }
        fell(tree);
        pm_conds_free(c);
    }
}

static void empty_groups_are_true_and_false(void **state)
{
    struct pm_conds *c = pm_conds_new();
    pm_cond_id all, any_of, both[2], id;
    struct made m;
    (void)state;
    assert_non_null(c);
    make(&m, &web);
    assert_true(pm_conds_all(c, NULL, 0, &all));
    assert_int_equal(all, PM_COND_TRUE);
    assert_true(pm_conds_any(c, NULL, 0, &any_of));
    assert_true(pm_cond_holds(c, PM_COND_TRUE, &m.subject));
    assert_false(pm_cond_holds(c, any_of, &m.subject));
    assert_int_equal(pm_cond_for_flow(c, PM_COND_TRUE, &m.subject), PM_TRUE);
    assert_int_equal(pm_cond_for_flow(c, any_of, &m.subject), PM_FALSE);
    both[0] = PM_COND_TRUE;
    both[1] = any_of;
    assert_true(pm_conds_all(c, both, 2, &id));
    assert_false(pm_cond_holds(c, id, &m.subject));
    assert_true(pm_conds_any(c, both, 2, &id));
    assert_true(pm_cond_holds(c, id, &m.subject));
    assert_true(pm_conds_test(c, PM_FIELD_TCP_PORT, NULL, 0, &id));
    assert_false(pm_cond_holds(c, id, &m.subject));
    drop(&m);
    pm_conds_free(c);
}

/* Alternating all and any with a leaf at each level, as deep as allowed and one deeper. */
static void nesting_ends_at_its_bound(void **state)
{
    struct pm_conds *c = pm_conds_new();
    struct made m;
    (void)state;
    assert_non_null(c);
    make(&m, &web);
    pm_cond_id pair[2] = {PM_COND_TRUE, PM_COND_TRUE}, not_web, id = PM_COND_TRUE;
    assert_true(pm_conds_not(c, one(c, PM_FIELD_TCP_DSTPORT, range(80, 80)), &not_web));
    for (int depth = 3; depth <= PM_COND_DEPTH; depth++) {
        pair[0] = depth % 2 ? not_web : PM_COND_TRUE;
        pair[1] = id;
        assert_true(depth % 2 ? pm_conds_any(c, pair, 2, &id) : pm_conds_all(c, pair, 2, &id));
    }
    assert_true(pm_cond_holds(c, id, &m.subject));
    pair[1] = id;
    assert_false(pm_conds_all(c, pair, 2, &id));
    assert_int_equal(id, PM_COND_TRUE);
    assert_true(pm_conds_not(c, not_web, &id));
    assert_true(pm_cond_holds(c, id, &m.subject));
    drop(&m);
    pm_conds_free(c);
}

/* ------------------------------------------------------------------ flows */

/* Another packet of the same flow and side: what is not flow-constant is dealt anew. */
static void vary(uint64_t *chance, struct made *m)
{
    uint8_t *l3 = m->data + m->headers.l3_off, *l4 = m->data + m->headers.l4_off;
    l3[m->headers.ip_version == 4 ? 8 : 7] = (uint8_t)(60 + below(chance, 6));
    if (m->headers.ip_version == 4)
        pm_put16(l3 + 4, (uint16_t)below(chance, 8));
    if (m->headers.parse == PM_PARSE_L4 && m->headers.ip_proto == PM_PROTO_TCP) {
        l4[13] = (uint8_t)below(chance, 32);
        pm_put32(l4 + 4, any(chance));
    } else if (m->headers.parse == PM_PARSE_L4 && m->headers.ip_proto != PM_PROTO_UDP) {
        l4[0] = (uint8_t)below(chance, 8);
    }
    for (uint32_t i = 0; i < m->headers.payload_len && m->headers.parse == PM_PARSE_L4; i++)
        m->data[m->headers.payload_off + i] ^= (uint8_t)(below(chance, 2) * 0x20);
    m->subject.flow_is_new = below(chance, 2);
    pm_headers_parse(m->packet.link, m->data, m->packet.len, m->packet.wire_len, &m->headers);
}

static void what_is_said_of_a_flow_holds_for_its_packets(void **state)
{
    uint64_t chance = 31, said[3] = {0};
    (void)state;
    for (int round = 0; round < 600; round++) {
        struct pm_conds *c = pm_conds_new();
        assert_non_null(c);
        pm_cond_id id = cond_by_chance(c, &chance, 2);
        for (int flow = 0; flow < 20; flow++) {
            struct made m;
            make_by_chance(&chance, &m);
            enum pm_truth truth = pm_cond_for_flow(c, id, &m.subject);
            said[truth]++;
            for (int i = 0; i < 10 && m.subject.has_flow; i++) {
                if (truth != PM_DEPENDS)
                    assert_int_equal(pm_cond_holds(c, id, &m.subject), truth == PM_TRUE);
                vary(&chance, &m);
            }
            drop(&m);
        }
        pm_conds_free(c);
    }
    assert_true(said[PM_TRUE] > 500 && said[PM_FALSE] > 500 && said[PM_DEPENDS] > 500);
}

static void constant_fields_never_depend(void **state)
{
    uint64_t chance = 41;
    struct pm_conds *c = pm_conds_new();
    struct made m;
    (void)state;
    assert_non_null(c);
    make(&m, &web);
    m.subject.dir = PM_DIR_OUT;
    for (int field = 0; field < PM_FIELD_COUNT; field++) {
        const struct pm_field_info *info = pm_field_info((enum pm_field)field);
        if (!info->flow_constant)
            continue;
        pm_cond_id id = test_of(c, &chance, (enum pm_field)field);
        assert_int_equal(pm_cond_for_flow(c, id, &m.subject),
                         pm_cond_holds(c, id, &m.subject) ? PM_TRUE : PM_FALSE);
    }
    drop(&m);
    pm_conds_free(c);
}

static void fields_of_other_protocols_are_false_for_the_flow(void **state)
{
    struct pm_conds *c = pm_conds_new();
    struct made udp;
    pm_cond_id id;
    (void)state;
    assert_non_null(c);
    make(&udp, &(struct plain){.proto = 17, .dst_port = 53});
    pm_cond_id syn = one(c, PM_FIELD_TCP_FLAGS_SYN, range(1, 1));
    pm_cond_id length = one(c, PM_FIELD_UDP_LENGTH, range(8, 8));
    assert_int_equal(pm_cond_for_flow(c, syn, &udp.subject), PM_FALSE);
    assert_true(pm_conds_not(c, syn, &id));
    assert_int_equal(pm_cond_for_flow(c, id, &udp.subject), PM_TRUE);
    assert_int_equal(pm_cond_for_flow(c, length, &udp.subject), PM_DEPENDS);
    assert_true(pm_conds_not(c, length, &id));
    assert_int_equal(pm_cond_for_flow(c, id, &udp.subject), PM_DEPENDS);
    pm_cond_id pair[2] = {length, syn};
    assert_true(pm_conds_all(c, pair, 2, &id));
    assert_int_equal(pm_cond_for_flow(c, id, &udp.subject), PM_FALSE);
    assert_true(pm_conds_any(c, pair, 2, &id));
    assert_int_equal(pm_cond_for_flow(c, id, &udp.subject), PM_DEPENDS);
    pair[1] = one(c, PM_FIELD_UDP_DSTPORT, range(53, 53));
    assert_true(pm_conds_any(c, pair, 2, &id));
    assert_int_equal(pm_cond_for_flow(c, id, &udp.subject), PM_TRUE);
    assert_true(pm_conds_all(c, pair, 2, &id));
    assert_int_equal(pm_cond_for_flow(c, id, &udp.subject), PM_DEPENDS);
    udp.subject.has_flow = false;
    assert_int_equal(pm_cond_for_flow(c, pair[1], &udp.subject), PM_DEPENDS);
    drop(&udp);
    pm_conds_free(c);
}

/* The ports of a flow cannot be told from one of its later fragments. */
static void a_later_fragment_does_not_speak_of_ports(void **state)
{
    struct pm_conds *c = pm_conds_new();
    struct made m;
    (void)state;
    assert_non_null(c);
    make(&m, &(struct plain){.fragment = 64, .payload = "0123456789"});
    pm_cond_id port = one(c, PM_FIELD_TCP_DSTPORT, range(80, 80));
    assert_int_equal(pm_cond_for_flow(c, port, &m.subject), PM_DEPENDS);
    pm_cond_id udp = one(c, PM_FIELD_UDP_DSTPORT, range(80, 80));
    assert_int_equal(pm_cond_for_flow(c, udp, &m.subject), PM_FALSE);
    drop(&m);
    pm_conds_free(c);
}

/* ------------------------------------------------------------------ what must hold */

struct visits {
    uint32_t fields[16], count;
};

static void note(void *context, enum pm_field field, const struct pm_value *values, size_t count,
                 const struct pm_conds *c)
{
    struct visits *visits = context;
    (void)c;
    assert_true(count == 0 || values != NULL);
    visits->fields[visits->count++] = field;
}

static void only_tests_that_must_hold_are_required(void **state)
{
    struct pm_conds *c = pm_conds_new();
    struct visits visits = {.count = 0};
    pm_cond_id kids[4], inner[2], id;
    (void)state;
    assert_non_null(c);
    inner[0] = one(c, PM_FIELD_IP_TTL, range(1, 2));
    inner[1] = one(c, PM_FIELD_IP_ID, range(1, 2));
    kids[0] = one(c, PM_FIELD_TCP_DSTPORT, range(80, 80));
    assert_true(pm_conds_any(c, inner, 2, &kids[1]));
    assert_true(pm_conds_all(c, inner, 2, &kids[2]));
    assert_true(pm_conds_not(c, one(c, PM_FIELD_IP_SRC, prefix("0a000000", 8)), &kids[3]));
    assert_true(pm_conds_all(c, kids, 4, &id));
    pm_cond_required(c, id, note, &visits);
    assert_int_equal(visits.count, 3);
    assert_int_equal(visits.fields[0], PM_FIELD_TCP_DSTPORT);
    assert_int_equal(visits.fields[1], PM_FIELD_IP_TTL);
    assert_int_equal(visits.fields[2], PM_FIELD_IP_ID);
    visits.count = 0;
    pm_cond_required(c, inner[0], note, &visits);
    assert_int_equal(visits.count, 1);
    pm_cond_required(c, kids[1], note, &visits);
    pm_cond_required(c, kids[3], note, &visits);
    pm_cond_required(c, PM_COND_TRUE, note, &visits);
    assert_int_equal(visits.count, 1);
    pm_conds_free(c);
}

/* Arrays and blocks move and multiply; the values given first must stay. */
static void many_conditions_keep_their_values(void **state)
{
    enum { MANY = 20000 };
    static pm_cond_id ports[MANY], texts[MANY];
    struct pm_conds *c = pm_conds_new();
    struct made m;
    (void)state;
    assert_non_null(c);
    make(&m, &(struct plain){.dst_port = 1234, .payload = "number 01234 it is"});
    for (uint32_t i = 0; i < MANY; i++) {
        char text[] = "number 00000";
        for (uint32_t n = i, j = 0; j < 5; j++, n /= 10)
            text[11 - j] = (char)('0' + n % 10);
        ports[i] = one(c, PM_FIELD_TCP_DSTPORT, range(i, i));
        texts[i] = one(c, PM_FIELD_PAYLOAD, bytes(text, 0, PM_NO_LIMIT, false));
    }
    assert_true(pm_conds_footprint(c) > MANY * sizeof(struct pm_value));
    assert_true(pm_conds_seal(c));
    for (uint32_t i = 0; i < MANY; i++) {
        assert_int_equal(pm_cond_holds(c, ports[i], &m.subject), i == 1234);
        assert_int_equal(pm_cond_holds(c, texts[i], &m.subject), i == 1234);
    }
    drop(&m);
    pm_conds_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tests_hold_when_one_value_is_there),
        cmocka_unit_test(whole_texts_are_equal_not_contained),
        cmocka_unit_test(sets_are_asked_by_their_kind),
        cmocka_unit_test(bpf_runs_the_program_of_the_packets_link),
        cmocka_unit_test(trees_hold_as_recursion_says),
        cmocka_unit_test(empty_groups_are_true_and_false),
        cmocka_unit_test(nesting_ends_at_its_bound),
        cmocka_unit_test(what_is_said_of_a_flow_holds_for_its_packets),
        cmocka_unit_test(constant_fields_never_depend),
        cmocka_unit_test(fields_of_other_protocols_are_false_for_the_flow),
        cmocka_unit_test(a_later_fragment_does_not_speak_of_ports),
        cmocka_unit_test(only_tests_that_must_hold_are_required),
        cmocka_unit_test(many_conditions_keep_their_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
