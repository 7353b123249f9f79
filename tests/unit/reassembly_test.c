/* reassembly_test.c - fragments until their datagram is whole, beside a twin that keeps bytes. */
#include "pieces.h"

#include "base/rng.h"
#include "flow/chain.h"
#include "flow/reassembly.h"

static const uint64_t key[2] = {3, 4};
static const struct pm_reassembly_limits roomy = {
    .datagrams = 64, .source_datagrams = 64, .fragments = 64, .bytes = 1 << 20, .timeout_ns = 1000};

static uint32_t given_up[2]; /* by enum pm_give_up */
static uint32_t last_id;     /* of the datagram given up last */

static void on_give_up(void *context, struct pm_datagram *d, enum pm_give_up why)
{
    (void)context;
    given_up[why]++;
    last_id = d->key.id;
}

static void begin(struct pm_reassembly *t, const struct pm_reassembly_limits *limits)
{
    assert_true(pm_reassembly_init(t, limits, 8, key));
    t->on_give_up = on_give_up;
    given_up[0] = given_up[1] = 0;
}

static struct pm_packet packet_of(const struct piece *p)
{
    return (struct pm_packet){
        .data = p->bytes, .len = p->len, .wire_len = p->len, .link = 101, .cookie = p->cookie};
}

/* Hands a piece over as an engine does. */
static enum pm_fragment_fate take(struct pm_reassembly *t, const struct piece *p, uint64_t now_ns,
                                  struct pm_datagram **d)
{
    struct pm_headers h;
    struct pm_fragment f;
    struct pm_packet packet = packet_of(p);
    pm_headers_parse(101, p->bytes, p->len, p->len, &h);
    assert_true(h.is_fragment);
    pm_fragment_read(&h, 101, &f);
    *d = pm_reassembly_find(t, &f.key, now_ns);
    if (!*d)
        *d = pm_reassembly_open(t, &f.key, now_ns);
    if ((*d)->state == PM_DATAGRAM_POISONED)
        return PM_FRAGMENT_CONTRADICTS;
    enum pm_fragment_fate fate = pm_reassembly_add(t, *d, &f, &h, &packet);
    if (fate == PM_FRAGMENT_CONTRADICTS)
        pm_reassembly_settle(t, *d, PM_DATAGRAM_POISONED);
    return fate;
}

/* A UDP packet of so many bytes of payload; source address and payload by number. */
static size_t make_ip(uint8_t *ip, int version, int ext, size_t payload, uint8_t source)
{
    uint8_t bytes[3000];
    for (size_t i = 0; i < payload; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 256 + source);
    struct talk_packet p = {
        .version = version, .ext = ext, .udp = 1, .payload = bytes, .payload_len = payload};
    size_t len = talk_build(&p, ip);
    ip[version == 4 ? 15 : 15] = source; /* IPv4: last byte of the source; IPv6: of its /64 */
    return len;
}

/* ------------------------------------------------------------------ one datagram */

static void every_order_of_its_fragments_makes_the_same_packet(void **state)
{
    (void)state;
    static const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                     {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    for (int version = 4; version <= 6; version += 2)
        for (int ext = 0; ext <= (version == 6 ? 16 : 0); ext += 16)
            for (int i = 0; i < 6; i++) {
                static uint8_t ip[4000], out[PM_REASSEMBLY_ROOM];
                struct pm_reassembly t;
                struct pm_datagram *d;
                struct piece pieces[3];
                struct pm_packet first;
                size_t len = make_ip(ip, version, ext, 100, 1);
                if (version == 4)
                    talk_put(ip + 4, 77, 2), piece_sum(ip);
                assert_int_equal(piece_cut(pieces, ip, len, (size_t)ext, 77, 40), 3);
                begin(&t, &roomy);
                for (int n = 0; n < 3; n++) {
                    pieces[orders[i][n]].cookie = (uint64_t)orders[i][n];
                    assert_int_equal(take(&t, &pieces[orders[i][n]], 0, &d),
                                     n < 2 ? PM_FRAGMENT_WAITS : PM_FRAGMENT_COMPLETES);
                }
                assert_int_equal(pm_reassembly_whole(&t, d, out, &first), len);
                assert_memory_equal(out, ip, len);
                assert_int_equal(first.cookie, 0);
                assert_int_equal(d->largest, pieces[0].len);
                assert_int_equal(pm_kept_at(&t, d->last_arrived)->packet.cookie, orders[i][2]);
                pm_reassembly_close(&t, d);
                assert_int_equal(t.blocks.used + t.fragments.used + t.sources.used, 0);
                pm_reassembly_release(&t);
            }
}

static void a_frame_longer_than_a_block_is_kept_whole(void **state)
{
    (void)state;
    uint8_t bytes[3 * PM_CHAIN_BLOCK + 5], out[sizeof bytes];
    struct pm_pool blocks;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 31 + i / 256);
    for (size_t len = 0; len <= sizeof bytes; len += len < 3 ? 1 : 101) {
        assert_true(pm_pool_init(&blocks, sizeof(struct pm_chain_block), 4));
        uint32_t first = pm_chain_keep(&blocks, bytes, len);
        assert_int_equal(blocks.used, pm_chain_blocks(len));
        for (size_t off = 0; off <= len; off += 97) {
            pm_chain_read(&blocks, first, off, len - off, out);
            assert_memory_equal(out, bytes + off, len - off);
            assert_true(pm_chain_is_same(&blocks, first, off, bytes + off, len - off));
            if (off == len)
                continue;
            out[len - off - 1] ^= 1;
            assert_false(pm_chain_is_same(&blocks, first, off, out, len - off));
        }
        pm_chain_drop(&blocks, first);
        assert_int_equal(blocks.used, 0);
        pm_pool_release(&blocks);
    }
}

/* ------------------------------------------------------------------ contradictions */

struct part {
    size_t from, to;
    int last;   /* else MF is set */
    int differ; /* another byte at its beginning */
};

/* Bytes [from, to) of any datagram, as no sender makes them. */
static void make_part(struct piece *p, const struct part *part)
{
    static uint8_t ip[4000];
    size_t len = make_ip(ip, 4, 0, 2900, 1);
    piece_make(p, ip, len, 0, 5, part->from & ~(size_t)7, part->to);
    p->bytes[20] = (uint8_t)(p->bytes[20] ^ part->differ);
    p->bytes[6] = (uint8_t)((p->bytes[6] & ~0x20) | (part->last ? 0 : 0x20));
    piece_sum(p->bytes);
}

static void fragments_that_contradict_each_other_end_their_datagram(void **state)
{
    (void)state;
    static const struct {
        const char *story;
        struct part parts[3];
        enum pm_fragment_fate fate; /* of the last of them */
    } table[] = {
        {"an exact copy waits", {{0, 16, 0, 0}, {0, 16, 0, 0}}, PM_FRAGMENT_WAITS},
        {"a copy with other bytes", {{0, 16, 0, 0}, {0, 16, 0, 1}}, PM_FRAGMENT_CONTRADICTS},
        {"overlap at the end", {{0, 16, 0, 0}, {8, 24, 0, 0}}, PM_FRAGMENT_CONTRADICTS},
        {"overlap at the beginning", {{8, 24, 0, 0}, {0, 16, 0, 0}}, PM_FRAGMENT_CONTRADICTS},
        {"one inside", {{0, 48, 0, 0}, {16, 24, 0, 0}}, PM_FRAGMENT_CONTRADICTS},
        {"one around", {{16, 24, 0, 0}, {0, 48, 0, 0}}, PM_FRAGMENT_CONTRADICTS},
        {"one that fills the gap and more",
         {{0, 8, 0, 0}, {16, 24, 0, 0}, {8, 24, 0, 0}},
         PM_FRAGMENT_CONTRADICTS},
        {"one that fills the gap",
         {{0, 8, 0, 0}, {16, 24, 0, 0}, {8, 16, 0, 0}},
         PM_FRAGMENT_WAITS},
        {"no multiple of 8, not the last", {{0, 13, 0, 0}}, PM_FRAGMENT_CONTRADICTS},
        {"empty", {{16, 16, 0, 0}}, PM_FRAGMENT_CONTRADICTS},
        {"an empty last one", {{0, 16, 0, 0}, {16, 16, 1, 0}}, PM_FRAGMENT_CONTRADICTS},
        {"behind the last one", {{8, 16, 1, 0}, {16, 24, 0, 0}}, PM_FRAGMENT_CONTRADICTS},
        {"a last one before another", {{16, 24, 0, 0}, {8, 16, 1, 0}}, PM_FRAGMENT_CONTRADICTS},
        {"two ends", {{16, 24, 1, 0}, {24, 32, 1, 0}}, PM_FRAGMENT_CONTRADICTS},
        {"a copy that is no end", {{16, 24, 1, 0}, {16, 24, 0, 0}}, PM_FRAGMENT_CONTRADICTS},
        {"a copy that is an end", {{16, 24, 0, 0}, {16, 24, 1, 0}}, PM_FRAGMENT_CONTRADICTS},
        {"a copy of the end", {{16, 24, 1, 0}, {16, 24, 1, 0}}, PM_FRAGMENT_WAITS},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct pm_reassembly t;
        struct pm_datagram *d = NULL;
        enum pm_fragment_fate fate = PM_FRAGMENT_WAITS;
        begin(&t, &roomy);
        for (size_t n = 0; n < 3 && (n == 0 || table[i].parts[n].to > 0); n++) {
            struct piece p;
            assert_int_equal(fate, PM_FRAGMENT_WAITS);
            make_part(&p, &table[i].parts[n]);
            fate = take(&t, &p, 0, &d);
        }
        if (fate != table[i].fate)
            fail_msg("%s: %d", table[i].story, (int)fate);
        if (fate == PM_FRAGMENT_CONTRADICTS) { /* and nothing of it is kept from now on */
            struct piece p;
            assert_int_equal(t.blocks.used + t.fragments.used, 0);
            make_part(&p, &(struct part){.from = 64, .to = 72});
            assert_int_equal(take(&t, &p, 999, &d), PM_FRAGMENT_CONTRADICTS);
            assert_int_equal(take(&t, &p, 1000, &d),
                             PM_FRAGMENT_WAITS); /* until its time is over */
        }
        pm_reassembly_release(&t);
    }
}

static void a_datagram_longer_than_ip_can_say_is_none(void **state)
{
    (void)state;
    struct pm_reassembly t;
    struct pm_datagram *d;
    struct piece p;
    static const uint32_t offsets[2][2] = {{65512, PM_FRAGMENT_CONTRADICTS},
                                           {65504, PM_FRAGMENT_WAITS}};
    for (int i = 0; i < 2; i++) {
        begin(&t, &roomy);
        make_part(&p, &(struct part){.from = 8, .to = 16, .last = 1});
        talk_put(p.bytes + 6, offsets[i][0] / 8, 2); /* 20 + offset + 8 bytes */
        piece_sum(p.bytes);
        assert_int_equal(take(&t, &p, 0, &d), offsets[i][1]);
        pm_reassembly_release(&t);
    }
}

/* ------------------------------------------------------------------ bounds */

static void each_source_has_its_share(void **state)
{
    (void)state;
    struct pm_reassembly_limits limits = roomy;
    struct pm_reassembly t;
    struct pm_datagram *d;
    struct piece p[3];
    static uint8_t ip[4000];
    limits.source_datagrams = 3;
    for (int version = 4; version <= 6; version += 2) {
        begin(&t, &limits);
        size_t len = make_ip(ip, version, 0, 100, 1);
        for (uint32_t id = 1; id <= 5; id++) {
            if (version == 6)
                ip[23] = (uint8_t)id; /* other addresses of the same network */
            piece_cut(p, ip, len, 0, id, 64);
            assert_int_equal(take(&t, &p[0], id, &d), PM_FRAGMENT_WAITS);
        }
        assert_int_equal(given_up[PM_GIVE_UP_FULL], 2);
        assert_int_equal(last_id, 2);
        assert_int_equal(t.datagrams.used, 3);
        len = make_ip(ip, version, 0, 100, 2);
        piece_cut(p, ip, len, 0, 1, 64);
        take(&t, &p[0], 6, &d);
        assert_int_equal(given_up[PM_GIVE_UP_FULL], 2); /* another source has room of its own */
        assert_int_equal(t.sources.used, 2);
        pm_reassembly_release(&t);
    }
}

static void a_full_table_gives_up_the_oldest_of_the_biggest_source(void **state)
{
    (void)state;
    struct pm_reassembly_limits limits = roomy;
    struct pm_reassembly t;
    struct pm_datagram *d;
    struct piece p[3];
    static uint8_t ip[4000];
    limits.datagrams = 6;
    begin(&t, &limits);
    for (uint8_t source = 1; source <= 4; source++) {
        size_t len = make_ip(ip, 4, 0, 100, source);
        uint32_t count = source == 3 ? 3 : 1; /* 1 is the oldest, 3 the biggest */
        for (uint32_t i = 0; i < count; i++) {
            piece_cut(p, ip, len, 0, 10u * source + i, 64);
            take(&t, &p[0], source, &d);
        }
    }
    assert_int_equal(given_up[PM_GIVE_UP_FULL], 0);
    piece_cut(p, ip, make_ip(ip, 4, 0, 100, 9), 0, 90, 64);
    take(&t, &p[0], 9, &d);
    assert_int_equal(given_up[PM_GIVE_UP_FULL], 1);
    assert_int_equal(last_id, 30);
    assert_int_equal(t.datagrams.used, 6);
    pm_reassembly_release(&t);
}

static void full_blocks_give_up_others_and_at_last_the_one_at_hand(void **state)
{
    (void)state;
    struct pm_reassembly_limits limits = roomy;
    struct pm_reassembly t;
    struct pm_datagram *d;
    struct piece p[8];
    static uint8_t ip[4000];
    limits.bytes = 4 * sizeof(struct pm_chain_block);
    begin(&t, &limits);
    piece_cut(p, ip, make_ip(ip, 4, 0, 100, 1), 0, 1, 64);
    take(&t, &p[0], 0, &d);
    piece_cut(p, ip, make_ip(ip, 4, 0, 800, 2), 0, 2, 104);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(take(&t, &p[i], 1, &d), i < 3 ? PM_FRAGMENT_WAITS : PM_FRAGMENT_NO_ROOM);
    assert_int_equal(given_up[PM_GIVE_UP_FULL], 0); /* 2 is the biggest itself */
    pm_reassembly_settle(&t, d, PM_DATAGRAM_PASSES);
    assert_int_equal(t.blocks.used, 1);
    piece_cut(p, ip, make_ip(ip, 4, 0, 800, 3), 0, 3, 600);
    take(&t, &p[0], 2, &d); /* two blocks */
    piece_cut(p, ip, make_ip(ip, 4, 0, 800, 4), 0, 4, 600);
    assert_int_equal(take(&t, &p[0], 3, &d), PM_FRAGMENT_WAITS);
    assert_int_equal(given_up[PM_GIVE_UP_FULL], 1);
    assert_int_equal(last_id, 3);
    pm_reassembly_release(&t);
}

static void a_datagram_has_so_many_fragments_and_no_more(void **state)
{
    (void)state;
    struct pm_reassembly_limits limits = roomy;
    struct pm_reassembly t;
    struct pm_datagram *d;
    struct piece p[20];
    static uint8_t ip[4000];
    limits.fragments = 4;
    begin(&t, &limits);
    size_t count = piece_cut(p, ip, make_ip(ip, 4, 0, 100, 1), 0, 1, 16);
    assert_true(count > 5);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(take(&t, &p[i == 3 ? 0 : i], 0, &d), /* a copy counts too */
                         i < 4 ? PM_FRAGMENT_WAITS : PM_FRAGMENT_NO_ROOM);
    pm_reassembly_release(&t);
}

static void a_datagram_waits_for_its_time_and_no_longer(void **state)
{
    (void)state;
    struct pm_reassembly t;
    struct pm_datagram *d;
    struct piece p[3];
    static uint8_t ip[4000];
    begin(&t, &roomy);
    assert_true(pm_reassembly_next_ns(&t) == UINT64_MAX);
    piece_cut(p, ip, make_ip(ip, 4, 0, 100, 1), 0, 1, 40);
    take(&t, &p[0], 50, &d);
    take(&t, &p[1], 900, &d); /* does not prolong it */
    assert_int_equal(pm_reassembly_next_ns(&t), 1050);
    pm_reassembly_due(&t, 1049);
    assert_int_equal(given_up[PM_GIVE_UP_TIMEOUT], 0);
    pm_reassembly_due(&t, 1050);
    assert_int_equal(given_up[PM_GIVE_UP_TIMEOUT], 1);
    take(&t, &p[0], 2000, &d);
    assert_int_equal(take(&t, &p[2], 3000, &d), PM_FRAGMENT_WAITS); /* found late: a new one */
    assert_int_equal(given_up[PM_GIVE_UP_TIMEOUT], 2);
    pm_reassembly_due(&t, UINT64_MAX);
    assert_true(pm_reassembly_next_ns(&t) == UINT64_MAX);
    pm_reassembly_release(&t);
}

static size_t taken_by(const struct pm_pool *pool)
{
    return pool->object_size * pool->cap;
}

static void memory_is_what_the_footprint_says(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 200; i++) {
        struct pm_reassembly_limits limits = roomy;
        struct pm_reassembly t;
        limits.datagrams = i * i;
        limits.bytes = i * 3001;
        assert_true(pm_reassembly_init(&t, &limits, i, key));
        size_t buckets = 2 * ((size_t)t.bucket_mask + 1) * sizeof t.buckets[0];
        assert_int_equal(pm_reassembly_footprint(&limits, i),
                         buckets + taken_by(&t.datagrams) + taken_by(&t.sources) +
                             taken_by(&t.fragments) + taken_by(&t.blocks));
        assert_true(taken_by(&t.blocks) <= limits.bytes);
        pm_reassembly_release(&t);
    }
}

/* ------------------------------------------------------------------ the twin */

#define TWIN_IDS 3
#define TWIN_LEN 400

struct twin {
    int bytes[TWIN_LEN]; /* -1: not there */
    int begin[64], end[64], count;
    int total; /* -1: not known */
    int is_poisoned;
    int is_open;
};

static enum pm_fragment_fate twin_take(struct twin *w, int from, int to, int last,
                                       const uint8_t *bytes)
{
    int is_copy = 0, overlaps = 0, beyond = 0, have = 0;
    if (!w->is_open) {
        memset(w, 0, sizeof *w);
        memset(w->bytes, 0xff, sizeof w->bytes);
        w->total = -1;
        w->is_open = 1;
    }
    if (w->is_poisoned)
        return PM_FRAGMENT_CONTRADICTS;
    for (int i = 0; i < w->count; i++)
        is_copy |= w->begin[i] == from && w->end[i] == to;
    for (int i = from; i < to; i++) {
        overlaps |= w->bytes[i] >= 0;
        is_copy &= w->bytes[i] == bytes[i - from];
    }
    for (int i = 0; i < TWIN_LEN; i++)
        beyond |= w->bytes[i] >= 0 && i >= to;
    int ends_badly = last ? (w->total >= 0 ? w->total != to : beyond || (is_copy && overlaps))
                          : (w->total >= 0 && (to > w->total || (is_copy && to == w->total)));
    if (from == to || (!last && (to - from) % 8) || (overlaps && !is_copy) || ends_badly) {
        w->is_poisoned = 1;
        return PM_FRAGMENT_CONTRADICTS;
    }
    for (int i = from; i < to; i++)
        w->bytes[i] = bytes[i - from];
    w->begin[w->count] = from;
    w->end[w->count++] = to;
    if (last)
        w->total = to;
    for (int i = 0; i < w->total; i++)
        have += w->bytes[i] >= 0;
    return !is_copy && have == w->total ? PM_FRAGMENT_COMPLETES : PM_FRAGMENT_WAITS;
}

static void expect_whole(const struct twin *w, const uint8_t *out, size_t len, size_t head)
{
    assert_int_equal(len, head + (size_t)w->total);
    for (int i = 0; i < w->total; i++)
        assert_int_equal(out[head + (size_t)i], w->bytes[i]);
}

static void random_fragments_have_the_fate_that_a_twin_says(void **state)
{
    (void)state;
    static uint8_t out[PM_REASSEMBLY_ROOM], ip[4000];
    uint64_t draws = 0;
    unsigned fates[4] = {0}, grid = 0;
    for (int round = 0; round < 3000; round++) {
        struct pm_reassembly t;
        struct twin twins[TWIN_IDS] = {{{0}, {0}, {0}, 0, 0, 0, 0}};
        int version = round % 2 ? 4 : 6;
        size_t len = make_ip(ip, version, 0, TWIN_LEN, 1), head = piece_head(ip, 0);
        begin(&t, &roomy);
        grid = 1u + (unsigned)pm_draw_below(pm_draw(1, 1, 1, draws++), 4); /* cuts at 8, 16, .. */
        for (int step = 0; step < 40; step++) {
            uint32_t id = (uint32_t)pm_draw_below(pm_draw(1, 1, 1, draws++), TWIN_IDS);
            int from = (int)pm_draw_below(pm_draw(1, 1, 1, draws++), 12 / grid) * 8 * (int)grid;
            int parts = 1 + (pm_draw_below(pm_draw(1, 1, 1, draws++), 9) == 0);
            int to = from + parts * 8 * (int)grid;
            int last = from > 0 && to >= 64 && pm_draw_below(pm_draw(1, 1, 1, draws++), 3) == 0;
            if (last || pm_draw_below(pm_draw(1, 1, 1, draws++), 60) == 0)
                to -= (int)pm_draw_below(pm_draw(1, 1, 1, draws++), 3);
            struct piece p;
            struct pm_datagram *d;
            struct pm_packet first;
            piece_make(&p, ip, len, 0, id, (size_t)from, (size_t)to);
            size_t data_off = head + (version == 6 ? 8 : 0), at = version == 6 ? head + 3 : 6;
            uint8_t mf = version == 6 ? 1 : 0x20;
            p.bytes[at] = (uint8_t)((p.bytes[at] & ~mf) | (last ? 0 : mf));
            if (pm_draw_below(pm_draw(1, 1, 1, draws++), 40) == 0 && to > from)
                p.bytes[data_off] ^= 1;
            enum pm_fragment_fate want = twin_take(&twins[id], from, to, last, p.bytes + data_off);
            enum pm_fragment_fate fate = take(&t, &p, 0, &d);
            assert_int_equal(fate, want);
            fates[fate]++;
            if (fate != PM_FRAGMENT_COMPLETES)
                continue;
            size_t whole = pm_reassembly_whole(&t, d, out, &first);
            expect_whole(&twins[id], out, whole, head);
            pm_reassembly_close(&t, d);
            twins[id].is_open = 0;
        }
        pm_reassembly_due(&t, UINT64_MAX);
        assert_int_equal(t.blocks.used + t.fragments.used + t.sources.used + t.datagrams.used, 0);
        pm_reassembly_release(&t);
    }
    assert_true(fates[PM_FRAGMENT_WAITS] > 10000 && fates[PM_FRAGMENT_COMPLETES] > 500);
    assert_true(fates[PM_FRAGMENT_CONTRADICTS] > 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_order_of_its_fragments_makes_the_same_packet),
        cmocka_unit_test(a_frame_longer_than_a_block_is_kept_whole),
        cmocka_unit_test(fragments_that_contradict_each_other_end_their_datagram),
        cmocka_unit_test(a_datagram_longer_than_ip_can_say_is_none),
        cmocka_unit_test(each_source_has_its_share),
        cmocka_unit_test(a_full_table_gives_up_the_oldest_of_the_biggest_source),
        cmocka_unit_test(full_blocks_give_up_others_and_at_last_the_one_at_hand),
        cmocka_unit_test(a_datagram_has_so_many_fragments_and_no_more),
        cmocka_unit_test(a_datagram_waits_for_its_time_and_no_longer),
        cmocka_unit_test(memory_is_what_the_footprint_says),
        cmocka_unit_test(random_fragments_have_the_fate_that_a_twin_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
