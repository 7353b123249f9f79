/* ends.h - for tests of nat: packets between any two ends, made anew with every checksum counted in
 * full, so that what a mapping wrote can be compared byte for byte. */
#ifndef PM_TESTS_ENDS_H
#define PM_TESTS_ENDS_H

#include <stdio.h>

#include "run.h"

/* An address in short: the last byte says who, the rest follows from the version. */
struct ends {
    int version; /* 4 or 6 */
    int proto;   /* 6, 17, 1 (58 in IPv6), or any other */
    int src, dst;
    uint16_t src_port, dst_port; /* an echo: its identifier, in both */
};

/* What the packet carries, beside its ends. */
struct cargo {
    uint8_t flags;     /* TCP */
    uint32_t seq, ack; /* an echo: seq is its sequence number */
    uint8_t type;      /* ICMP */
    const uint8_t *options;
    size_t options_len;
    const void *payload;
    size_t payload_len;
    int no_checksum;  /* UDP */
    int bad_checksum; /* added to it */
};

static inline void ends_addr(uint8_t *at, int version, int who)
{
    memset(at, 0, version == 6 ? 16 : 4);
    if (version == 6)
        talk_put(at, 0x20010db8, 4), at[15] = (uint8_t)who;
    else
        talk_put(at, 0xc0000200u + (uint32_t)who, 4);
}

static inline struct pm_addr ends_of(int version, int who)
{
    struct pm_addr addr = {.version = (uint8_t)version};
    ends_addr(addr.bytes, version, who);
    return addr;
}

static inline struct ends ends_back(struct ends e)
{
    return (struct ends){e.version, e.proto, e.dst, e.src, e.dst_port, e.src_port};
}

static inline size_t ends_l4(uint8_t *h, const struct ends *e, const struct cargo *c)
{
    size_t header = 0;
    if (e->proto == 6) {
        header = 20 + c->options_len;
        memset(h, 0, header);
        talk_put(h + 4, c->seq, 4);
        talk_put(h + 8, c->ack, 4);
        h[12] = (uint8_t)(header / 4 << 4);
        h[13] = c->flags;
        talk_put(h + 14, 60000, 2);
        if (c->options_len)
            memcpy(h + 20, c->options, c->options_len);
    } else if (e->proto == 17) {
        header = 8;
        memset(h, 0, header);
        talk_put(h + 4, (uint32_t)(8 + c->payload_len), 2);
    } else if (e->proto == 1) {
        header = 8;
        memset(h, 0, header);
        h[0] = c->type ? c->type : e->version == 6 ? 128 : 8;
        talk_put(h + 4, e->src_port, 2);
        talk_put(h + 6, c->seq, 2);
    }
    if (e->proto == 6 || e->proto == 17) {
        talk_put(h, e->src_port, 2);
        talk_put(h + 2, e->dst_port, 2);
    }
    if (c->payload_len)
        memcpy(h + header, c->payload, c->payload_len);
    return header + c->payload_len;
}

static inline void ends_sum(uint8_t *ip, size_t l4, size_t len, const struct ends *e,
                            const struct cargo *c)
{
    int proto = e->proto == 1 && e->version == 6 ? 58 : e->proto;
    size_t at = l4 + (proto == 6 ? 16 : proto == 17 ? 6 : 2);
    if (proto != 6 && proto != 17 && proto != 1 && proto != 58)
        return;
    uint16_t sum = proto == 1 ? (uint16_t)~talk_sum(ip + l4, len - l4, 0)
                              : talk_l4_sum(ip, l4, len, (uint8_t)proto);
    if (proto == 17 && sum == 0)
        sum = 0xffff;
    sum = (uint16_t)(sum + c->bad_checksum);
    talk_put(ip + at, proto == 17 && c->no_checksum ? 0 : sum, 2);
}

static inline size_t ends_build(const struct ends *e, const struct cargo *c, uint8_t *ip)
{
    size_t l4 = e->version == 4 ? 20 : 40;
    int proto = e->proto == 1 && e->version == 6 ? 58 : e->proto;
    memset(ip, 0, l4);
    size_t len = l4 + ends_l4(ip + l4, e, c);
    if (e->version == 4) {
        ip[0] = 0x45;
        talk_put(ip + 2, (uint32_t)len, 2);
        talk_put(ip + 4, 77, 2);
        ip[8] = 64;
        ip[9] = (uint8_t)proto;
        ends_addr(ip + 12, 4, e->src);
        ends_addr(ip + 16, 4, e->dst);
        talk_put(ip + 10, (uint16_t)~talk_sum(ip, 20, 0), 2);
    } else {
        ip[0] = 0x60;
        talk_put(ip + 4, (uint32_t)(len - 40), 2);
        ip[6] = (uint8_t)proto;
        ip[7] = 64;
        ends_addr(ip + 8, 6, e->src);
        ends_addr(ip + 24, 6, e->dst);
    }
    ends_sum(ip, l4, len, e, c);
    return len;
}

static inline struct piece ends_piece(struct ends e, struct cargo c)
{
    struct piece p = {.cookie = 1};
    p.len = ends_build(&e, &c, p.bytes);
    return p;
}

/* Sends it; answers how many packets left. */
static inline size_t ends_send(struct run *run, struct ends e, struct cargo c, uint64_t now_ns)
{
    struct piece p = ends_piece(e, c);
    return run_send_at(run, &p, now_ns);
}

static inline void ends_dump(const char *what, const struct piece *p)
{
    fprintf(stderr, "%s:", what);
    for (size_t i = 0; i < p->len && i < 120; i++)
        fprintf(stderr, "%s%02x", i % 4 ? "" : " ", p->bytes[i]);
    fprintf(stderr, "\n");
}

static inline void ends_expect_piece(const struct run *run, size_t i, const struct piece *want)
{
    assert_true(i < run->count);
    if (run->out[i].len != want->len || memcmp(run->out[i].bytes, want->bytes, want->len) != 0) {
        ends_dump("left    ", &run->out[i]);
        ends_dump("expected", want);
        fail_msg("packet %zu is not what was expected", i);
    }
}

static inline void ends_expect(const struct run *run, size_t i, struct ends e, struct cargo c)
{
    struct piece want = ends_piece(e, c);
    ends_expect_piece(run, i, &want);
}

/* The source port that a packet left with. */
static inline uint16_t ends_src_port(const struct run *run, size_t i)
{
    const uint8_t *ip = run->out[i].bytes;
    return (uint16_t)talk_get(ip + (ip[0] >> 4 == 4 ? 20 : 40), 2);
}

#endif
