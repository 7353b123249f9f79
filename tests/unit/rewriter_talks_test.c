/* rewriter_talks_test.c - random conversations, with loss, reordering and segments cut anew,
 * against an oracle that writes down what became of each byte. */
#include "story.h"

#define STREAM_MAX 6000

/* One direction as it must become. o_len bytes of it are decided. */
struct twin {
    uint32_t isn;
    size_t sent, got, o_len, m_len, acked; /* sent: drawn so far; got: without a gap */
    uint8_t o[STREAM_MAX], m[4 * STREAM_MAX], has[STREAM_MAX];
    uint32_t low[STREAM_MAX + 1], high[STREAM_MAX + 1];
    uint8_t seen[4 * STREAM_MAX]; /* M bytes that left */
    bool is_stretched;
};

static const struct {
    const char *find, *with;
} twin_rules[] = {{"abc", "LONGER"}, {"b", ""}, {"ccadb", "12"}, {"ca", "x"}, {"dddd", "dddd"}};

static uint32_t random_state;

static uint32_t draw(uint32_t bound)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (random_state >> 8) % bound;
}

static void twin_put(struct twin *w, const uint8_t *bytes, size_t len, size_t old_len)
{
    for (size_t i = 0; i < old_len; i++) {
        w->low[w->o_len + i] = (uint32_t)w->m_len;
        w->high[w->o_len + i] = (uint32_t)(i == 0 ? w->m_len : w->m_len + len);
    }
    memcpy(w->m + w->m_len, bytes, len);
    w->m_len += len;
    w->o_len += old_len;
    w->low[w->o_len] = w->high[w->o_len] = (uint32_t)w->m_len;
    w->is_stretched = w->is_stretched || len != old_len;
}

/* Decides the slow way: at each position the first rule that fits decides, or that may still fit
 * stops. */
static void twin_decide(struct twin *w)
{
    while (w->got < w->sent && w->has[w->got])
        w->got++;
    while (w->o_len < w->got) {
        size_t i = 0, rules = sizeof twin_rules / sizeof twin_rules[0], left = w->got - w->o_len;
        for (; i < rules; i++) {
            size_t n = strlen(twin_rules[i].find);
            if (memcmp(w->o + w->o_len, twin_rules[i].find, n < left ? n : left) != 0)
                continue;
            if (n > left)
                return;
            break;
        }
        if (i < rules)
            twin_put(w, (const uint8_t *)twin_rules[i].with, strlen(twin_rules[i].with),
                     strlen(twin_rules[i].find));
        else
            twin_put(w, w->o + w->o_len, 1, 1);
    }
}

/* What the receiver's acknowledgement becomes: it never covers what waits. */
static size_t twin_ack(const struct twin *w)
{
    return w->acked <= w->o_len ? w->low[w->acked] : w->m_len;
}

static void check_outputs(struct talk *t, struct twin *w, const struct twin *peer,
                          const struct talk_packet *p, size_t m, size_t end, size_t mtu)
{
    assert_true(t->out_count > 0);
    size_t in_len = (p->version == 4 ? 40 : 60 + (size_t)p->ext) + p->payload_len;
    for (size_t i = 0; i < t->out_count; i++) {
        const struct talk_out *o = &t->out[i];
        assert_true(o->checksums_right);
        assert_int_equal(o->p.seq, w->isn + 1 + (uint32_t)m);
        assert_int_equal(o->p.ack, peer->isn + 1 + (uint32_t)twin_ack(peer));
        assert_int_equal(o->p.ext, p->ext);
        assert_memory_equal(o->p.payload, w->m + m, o->p.payload_len);
        assert_true(o->len <= (in_len > mtu ? in_len : mtu));
        memset(w->seen + m, 1, o->p.payload_len);
        m += o->p.payload_len;
    }
    assert_int_equal(m, end);
}

/* New bytes at the end, or a little behind it, or some that were sent before, lost or not. */
static void random_segment(struct talk *t, struct twin *w, const struct twin *peer, int version,
                           int from_server, size_t mtu)
{
    size_t a = w->sent, b = a + draw(30);
    if (draw(3) == 0)
        a = w->acked + draw((uint32_t)(w->sent - w->acked) + 1), b = a + draw(60);
    else if (draw(4) == 0)
        a = w->got, b = a + 1 + draw(30); /* fills the gap */
    b = b < STREAM_MAX ? b : STREAM_MAX;
    for (size_t i = w->sent; i < b; i++)
        w->o[i] = (uint8_t)('a' + draw(4));
    w->sent = b > w->sent ? b : w->sent;
    if (draw(6) == 0)
        return; /* lost before it came here */
    struct talk_packet p = {.version = version,
                            .ext = version == 6 ? (int)(draw(2) * 8) : 0,
                            .from_server = from_server,
                            .flags = TALK_ACK,
                            .seq = w->isn + 1 + (uint32_t)a,
                            .ack = peer->isn + 1 + (uint32_t)peer->acked,
                            .payload = w->o + a,
                            .payload_len = b - a};
    size_t o_len = w->o_len, m_len = w->m_len;
    memset(w->has + a, 1, b - a);
    twin_decide(w);
    talk_send(t, &p);
    if (b == a)
        return; /* pure ACKs have stories of their own */
    size_t low = a < o_len ? w->low[a] : m_len;
    size_t high = w->o_len > o_len ? w->m_len : b <= o_len ? w->high[b] : w->m_len;
    check_outputs(t, w, peer, &p, low, high, mtu);
}

/* What is missing comes at last, in one go. */
static void random_end(struct talk *t, struct twin *w, const struct twin *peer, int version,
                       int from_server, size_t mtu)
{
    struct talk_packet p = {.version = version,
                            .from_server = from_server,
                            .flags = TALK_ACK | TALK_FIN,
                            .seq = w->isn + 1 + (uint32_t)w->got,
                            .ack = peer->isn + 1 + (uint32_t)peer->acked,
                            .payload = w->o + w->got,
                            .payload_len = w->sent - w->got};
    size_t low = w->got < w->o_len ? w->low[w->got] : w->m_len;
    memset(w->has, 1, w->sent);
    memset(w->o + w->sent, 0, STREAM_MAX - w->sent); /* no rule begins with it */
    size_t end = w->sent++;
    w->has[end] = 1;
    twin_decide(w);
    assert_int_equal(w->o_len, end + 1);
    w->m_len--;
    talk_send(t, &p);
    check_outputs(t, w, peer, &p, low, w->m_len, mtu);
    assert_true(t->out[t->out_count - 1].p.flags & TALK_FIN);
}

static void conversation(uint32_t seed)
{
    struct talk t;
    struct pm_builder *b = pm_builder_new();
    struct twin *w = calloc(2, sizeof *w);
    struct pm_rewriter_config config = plain_config;
    int version = seed % 2 ? 4 : 6;
    random_state = seed;
    config.mtu = 80 + draw(60);
    for (size_t i = 0; i < sizeof twin_rules / sizeof twin_rules[0]; i++) {
        char id[2] = {(char)('0' + i), 0};
        talk_replace(b, id, PM_COND_TRUE, twin_rules[i].find, twin_rules[i].with);
    }
    talk_begin(&t, b, config);
    w[0].isn = 0xffffffffu - draw(2000); /* wraps on the way */
    w[1].isn = draw(0xffffff) * 256;
    talk_send(&t, &(struct talk_packet){.version = version, .flags = TALK_SYN, .seq = w[0].isn});
    talk_send(&t, &(struct talk_packet){.version = version,
                                        .from_server = 1,
                                        .flags = TALK_SYN | TALK_ACK,
                                        .seq = w[1].isn,
                                        .ack = w[0].isn + 1});
    while (w[0].sent < STREAM_MAX - 200 && w[1].sent < STREAM_MAX - 200) {
        unsigned side = draw(2);
        random_segment(&t, &w[side], &w[1 - side], version, (int)side, config.mtu);
        if (draw(4) == 0) /* acknowledges what came without a gap, also what waits */
            w[side].acked += draw((uint32_t)(w[side].got - w[side].acked) + 1);
    }
    for (unsigned side = 0; side < 2; side++) {
        random_end(&t, &w[side], &w[1 - side], version, (int)side, config.mtu);
        for (size_t i = 0; i < w[side].m_len; i++)
            assert_true(w[side].seen[i]);
    }
    free(w);
    talk_end(&t);
}

static void random_conversations_agree_with_the_image_of_every_byte(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 60; seed++)
        conversation(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_conversations_agree_with_the_image_of_every_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
