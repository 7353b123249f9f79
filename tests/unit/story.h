/* story.h - for tests of TCP rewriting: one connection, told segment by segment. */
#ifndef PM_TESTS_STORY_H
#define PM_TESTS_STORY_H

#include "talk.h"

static const struct pm_rewriter_config plain_config = {.hash_key = {1, 2}, .mtu = 1500};

#define ISN_C 1000u
#define ISN_S 5000u

/* A rewriter that replaces find by with towards the server, behind a handshake. */
static inline void begin_with(struct talk *t, const char *find, const char *with,
                              struct pm_rewriter_config config)
{
    struct pm_builder *b = pm_builder_new();
    talk_replace(b, "swap", talk_flow(b, 0), find, with);
    talk_begin(t, b, config);
    talk_send(t, &(struct talk_packet){.flags = TALK_SYN, .seq = ISN_C});
    talk_send(t,
              &(struct talk_packet){
                  .from_server = 1, .flags = TALK_SYN | TALK_ACK, .seq = ISN_S, .ack = ISN_C + 1});
}

/* Client data at offset off of its stream. */
static inline struct talk_packet data(uint32_t off, const char *text)
{
    return (struct talk_packet){.flags = TALK_ACK | TALK_PSH,
                                .seq = ISN_C + 1 + off,
                                .ack = ISN_S + 1,
                                .payload = (const uint8_t *)text,
                                .payload_len = strlen(text)};
}

static inline struct talk_packet ack_of(uint32_t off)
{
    return (struct talk_packet){
        .from_server = 1, .flags = TALK_ACK, .seq = ISN_S + 1, .ack = ISN_C + 1 + off};
}

static inline void expect(const struct talk *t, size_t i, uint32_t off, const char *text)
{
    assert_true(i < t->out_count);
    assert_int_equal(t->out[i].p.seq, ISN_C + 1 + off);
    assert_int_equal(t->out[i].p.payload_len, strlen(text));
    assert_memory_equal(t->out[i].p.payload, text, strlen(text));
    assert_true(t->out[i].checksums_right);
}

static inline uint32_t seq_out(struct talk *t, struct talk_packet p)
{
    assert_int_equal(talk_send(t, &p), 1);
    return t->out[0].p.seq;
}

static inline uint32_t ack_out(struct talk *t, struct talk_packet p)
{
    assert_int_equal(talk_send(t, &p), 1);
    assert_true(t->out[0].checksums_right);
    return t->out[0].p.ack;
}

#endif
