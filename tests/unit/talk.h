/* talk.h - for tests: makes IP packets, hands them to a rewriter, and reads what comes out. Its
 * checksums and parsing are its own, slow and plain. */
#ifndef PM_TESTS_TALK_H
#define PM_TESTS_TALK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pktmod/pktmod.h>

#define TALK_PACKET 70000
#define TALK_OUT    64

enum { TALK_FIN = 1, TALK_SYN = 2, TALK_RST = 4, TALK_PSH = 8, TALK_ACK = 16, TALK_URG = 32 };

/* A TCP or UDP packet in plain terms. */
struct talk_packet {
    int version;     /* 4 or 6; 0 means 4 */
    int ext;         /* IPv6: bytes of a destination-options header in front, multiple of 8 */
    int from_server; /* else from the client */
    int udp;
    uint16_t client_port, server_port; /* 0: 40000 and 80 */
    uint8_t flags;
    uint32_t seq, ack;
    uint16_t window, urgent; /* window 0: 65535 */
    int is_closed;           /* a window of 0 */
    uint16_t ip_id;
    uint8_t ttl, tos;
    int df;
    const uint8_t *options;
    size_t options_len;
    const uint8_t *payload;
    size_t payload_len;
    int bad_checksum; /* added to the checksum field */
    int no_checksum;  /* UDP: 0 */
    uint64_t time_ns;
    enum pm_dir dir; /* OUT is 0: tests that care set it; see talk_dir_known */
    int dir_known;
};

/* One packet that came out, read back. */
struct talk_out {
    uint8_t bytes[TALK_PACKET];
    size_t len;
    struct talk_packet p; /* payload and options point into bytes */
    enum pm_why why;
    uint32_t part, edit_count;
    enum pm_dir dir;
    bool is_own, checksums_right;
};

struct talk {
    struct pm_event event; /* the last one told */
    size_t events;
    struct pm_policy *policy;
    struct pm_rewriter *rewriter;
    struct talk_out *out;
    size_t out_count;
    enum pm_why why; /* of the last packet in */
};

static inline uint32_t talk_get(const uint8_t *p, size_t n)
{
    uint32_t v = 0;
    while (n--)
        v = v << 8 | *p++;
    return v;
}

static inline void talk_put(uint8_t *p, uint32_t v, size_t n)
{
    while (n--) {
        p[n] = (uint8_t)v;
        v >>= 8;
    }
}

static inline uint32_t talk_sum(const uint8_t *p, size_t len, uint32_t sum)
{
    for (size_t i = 0; i < len; i++) {
        sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return sum;
}

static inline uint16_t talk_l4_sum(const uint8_t *ip, size_t l4, size_t len, uint8_t proto)
{
    uint8_t tail[4];
    uint32_t sum = 0;
    talk_put(tail, (uint32_t)(len - l4), 4);
    sum = ip[0] >> 4 == 4 ? talk_sum(ip + 12, 8, 0) : talk_sum(ip + 8, 32, 0);
    sum = talk_sum(tail, 4, sum);
    sum = talk_sum((uint8_t[]){0, proto}, 2, sum);
    return (uint16_t)~talk_sum(ip + l4, len - l4, sum);
}

static inline void talk_addr(uint8_t *at, int version, int is_server)
{
    static const uint8_t v4[2][4] = {{192, 0, 2, 1}, {198, 51, 100, 9}};
    memset(at, 0, version == 6 ? 16 : 4);
    if (version == 6)
        talk_put(at, 0x20010db8, 4), at[15] = is_server ? 9 : 1;
    else
        memcpy(at, v4[is_server], 4);
}

/* Writes the IP packet; answers its length. */
static inline size_t talk_build(const struct talk_packet *p, uint8_t *ip)
{
    int version = p->version ? p->version : 4;
    uint8_t proto = p->udp ? 17 : 6;
    size_t ext = version == 6 ? (size_t)p->ext : 0;
    size_t l4 = version == 4 ? 20 : 40 + ext;
    size_t header = p->udp ? 8 : 20 + p->options_len;
    size_t len = l4 + header + p->payload_len;
    uint16_t ports[2] = {p->client_port ? p->client_port : 40000,
                         p->server_port ? p->server_port : 80};
    memset(ip, 0, l4 + header);
    if (version == 4) {
        ip[0] = 0x45;
        ip[1] = p->tos;
        talk_put(ip + 2, (uint32_t)len, 2);
        talk_put(ip + 4, p->ip_id, 2);
        talk_put(ip + 6, p->df ? 0x4000 : 0, 2);
        ip[8] = p->ttl ? p->ttl : 64;
        ip[9] = proto;
        talk_addr(ip + 12, 4, p->from_server);
        talk_addr(ip + 16, 4, !p->from_server);
        talk_put(ip + 10, (uint16_t)~talk_sum(ip, 20, 0), 2);
    } else {
        ip[0] = 0x60;
        talk_put(ip + 4, (uint32_t)(len - 40), 2);
        ip[6] = ext ? 60 : proto;
        ip[7] = p->ttl ? p->ttl : 64;
        talk_addr(ip + 8, 6, p->from_server);
        talk_addr(ip + 24, 6, !p->from_server);
        if (ext) {
            ip[40] = proto;
            ip[41] = (uint8_t)(ext / 8 - 1);
            ip[42] = 1; /* PadN */
            ip[43] = (uint8_t)(ext - 4);
        }
    }
    uint8_t *h = ip + l4;
    talk_put(h, ports[p->from_server ? 1 : 0], 2);
    talk_put(h + 2, ports[p->from_server ? 0 : 1], 2);
    if (p->udp) {
        talk_put(h + 4, (uint32_t)(8 + p->payload_len), 2);
    } else {
        talk_put(h + 4, p->seq, 4);
        talk_put(h + 8, p->ack, 4);
        h[12] = (uint8_t)(header / 4 << 4);
        h[13] = p->flags;
        talk_put(h + 14, p->is_closed ? 0 : p->window ? p->window : 65535, 2);
        talk_put(h + 18, p->urgent, 2);
        if (p->options_len)
            memcpy(h + 20, p->options, p->options_len);
    }
    if (p->payload_len)
        memcpy(h + header, p->payload, p->payload_len);
    uint16_t sum = talk_l4_sum(ip, l4, len, proto);
    if (p->udp && sum == 0)
        sum = 0xffff;
    sum = (uint16_t)(sum + p->bad_checksum);
    talk_put(h + (p->udp ? 6 : 16), p->udp && p->no_checksum ? 0 : sum, 2);
    return len;
}

/* Reads a packet that talk_build could have made. */
static inline void talk_read(struct talk_out *o)
{
    const uint8_t *ip = o->bytes;
    struct talk_packet *p = &o->p;
    memset(p, 0, sizeof *p);
    p->version = ip[0] >> 4;
    size_t l4 = 20, len = talk_get(ip + 2, 2);
    uint8_t proto = ip[9];
    o->checksums_right = true;
    if (p->version == 6) {
        l4 = 40;
        len = 40 + talk_get(ip + 4, 2);
        proto = ip[6];
        p->ttl = ip[7];
        if (proto == 60) {
            p->ext = (ip[41] + 1) * 8;
            proto = ip[40];
            l4 += (size_t)p->ext;
        }
    } else {
        p->tos = ip[1];
        p->ip_id = (uint16_t)talk_get(ip + 4, 2);
        p->df = ip[6] >> 6 & 1;
        p->ttl = ip[8];
        o->checksums_right = talk_sum(ip, 20, 0) == 0xffff;
    }
    assert_int_equal(len, o->len);
    const uint8_t *h = ip + l4;
    p->udp = proto == 17;
    p->from_server = talk_get(h, 2) < 1024;
    p->client_port = (uint16_t)talk_get(h + (p->from_server ? 2 : 0), 2);
    p->server_port = (uint16_t)talk_get(h + (p->from_server ? 0 : 2), 2);
    size_t header = p->udp ? 8 : (size_t)(h[12] >> 4) * 4;
    if (p->udp) {
        assert_int_equal(talk_get(h + 4, 2), len - l4);
        p->no_checksum = talk_get(h + 6, 2) == 0;
    } else {
        p->seq = talk_get(h + 4, 4);
        p->ack = talk_get(h + 8, 4);
        p->flags = h[13];
        p->window = (uint16_t)talk_get(h + 14, 2);
        p->urgent = (uint16_t)talk_get(h + 18, 2);
        p->options = h + 20;
        p->options_len = header - 20;
    }
    p->payload = h + header;
    p->payload_len = len - l4 - header;
    if (!p->no_checksum && talk_l4_sum(ip, l4, len, proto) != 0)
        o->checksums_right = false;
}

static inline void talk_emit(void *context, const struct pm_emitted *emitted)
{
    struct talk *t = context;
    assert_true(t->out_count < TALK_OUT && emitted->len <= TALK_PACKET);
    struct talk_out *o = &t->out[t->out_count++];
    memcpy(o->bytes, emitted->data, emitted->len);
    o->len = emitted->len;
    o->why = emitted->why;
    o->part = emitted->part;
    o->edit_count = emitted->edit_count;
    o->dir = emitted->dir;
    o->is_own = emitted->is_own;
    talk_read(o);
}

static inline void talk_event(void *context, const struct pm_event *event)
{
    struct talk *t = context;
    t->event = *event;
    t->events++;
}

static inline void talk_begin(struct talk *t, struct pm_builder *b,
                              struct pm_rewriter_config config)
{
    struct pm_error error;
    memset(t, 0, sizeof *t);
    t->policy = pm_builder_finish(b, &error);
    assert_non_null(t->policy);
    config.emit = talk_emit;
    config.event = talk_event;
    config.context = t;
    t->rewriter = pm_rewriter_new(t->policy, &config, &error);
    assert_non_null(t->rewriter);
    t->out = malloc(TALK_OUT * sizeof *t->out);
    assert_non_null(t->out);
}

static inline void talk_end(struct talk *t)
{
    pm_rewriter_free(t->rewriter);
    pm_policy_unref(t->policy);
    free(t->out);
}

/* Hands the packet over in a block of exactly its size. t->out has what came of it. */
static inline size_t talk_send(struct talk *t, const struct talk_packet *p)
{
    static uint8_t ip[TALK_PACKET];
    size_t len = talk_build(p, ip);
    uint8_t *exact = malloc(len);
    assert_non_null(exact);
    memcpy(exact, ip, len);
    struct pm_packet packet = {.data = exact,
                               .len = len,
                               .wire_len = len,
                               .link = 101,
                               .dir = p->dir_known ? p->dir : PM_DIR_UNKNOWN};
    t->out_count = 0;
    t->why = pm_rewrite(t->rewriter, &packet, exact, p->time_ns);
    free(exact);
    return t->out_count;
}

/* True: exactly what went in came out. */
static inline bool talk_is_unchanged(const struct talk *t, const struct talk_packet *p)
{
    static uint8_t ip[TALK_PACKET];
    size_t len = talk_build(p, ip);
    return t->out_count == 1 && t->out[0].len == len && memcmp(t->out[0].bytes, ip, len) == 0;
}

static inline void talk_replace(struct pm_builder *b, const char *id, pm_cond_id match,
                                const char *find, const char *with)
{
    struct pm_op_spec op = {.kind = PM_OP_REPLACE,
                            .replace = {.find = (const uint8_t *)find,
                                        .find_len = (uint32_t)strlen(find),
                                        .with = (const uint8_t *)with,
                                        .with_len = (uint32_t)strlen(with),
                                        .within_depth = PM_NO_LIMIT}};
    pm_builder_add_rule(
        b, &(struct pm_rule_spec){
               .id = id, .match = match, .action = PM_ACTION_REWRITE, .ops = &op, .op_count = 1});
}

/* flow: to_server or to_client. */
static inline pm_cond_id talk_flow(struct pm_builder *b, int to_client)
{
    struct pm_value v = {.kind = PM_VALUE_RANGE,
                         .range = {(uint32_t)to_client, (uint32_t)to_client}};
    return pm_cond_test(b, PM_FIELD_FLOW, &v, 1);
}

#endif
