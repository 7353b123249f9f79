/* subject.h - for tests of match/: one packet in plain terms, made, parsed and ready to be asked.
 */
#ifndef PM_TEST_SUBJECT_H
#define PM_TEST_SUBJECT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "match/packet.h"

/* ------------------------------------------------------------------ chance */

static inline uint32_t any(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

static inline uint32_t below(uint64_t *state, uint32_t bound)
{
    return any(state) % bound;
}

/* ------------------------------------------------------------------ packets */

struct plain {
    uint8_t version;       /* 0: 4 */
    uint8_t proto;         /* 0: TCP */
    const char *src, *dst; /* hex; NULL: c0000201 and c6336402, 2001:db8::1 and ::2 */
    uint16_t src_port, dst_port;
    uint8_t icmp_type, icmp_code;
    uint8_t ttl, tos;
    uint16_t id;
    uint8_t df, mf;
    uint16_t fragment; /* offset in bytes; what follows the IP header is payload only */
    uint32_t seq, ack;
    uint16_t flags, window, mss;
    const char *payload;
    size_t payload_len; /* 0: of the text */
    uint8_t ethernet;   /* else RAW */
    uint8_t vlan_count;
    uint16_t vlan[4];
};

struct made {
    uint8_t *data; /* a block of exactly the packet's size */
    struct pm_packet packet;
    struct pm_headers headers;
    struct pm_subject subject;
};

static inline uint8_t *put_hex(uint8_t *at, const char *hex)
{
    for (; hex[0] && hex[1]; hex += 2) {
        const char digits[3] = {hex[0], hex[1], 0};
        *at++ = (uint8_t)strtoul(digits, NULL, 16);
    }
    return at;
}

static inline uint8_t *put_link(uint8_t *at, const struct plain *p)
{
    if (!p->ethernet)
        return at;
    at = put_hex(at, "020000000002020000000001");
    for (int i = 0; i < p->vlan_count; i++, at += 4) {
        pm_put16(at, 0x8100);
        pm_put16(at + 2, (uint16_t)(0x6000 | p->vlan[i]));
    }
    pm_put16(at, p->version == 6 ? 0x86dd : 0x0800);
    return at + 2;
}

static inline uint8_t *put_l4(uint8_t *at, const struct plain *p, size_t payload_len)
{
    memset(at, 0, 24);
    switch (p->fragment ? 255 : p->proto) {
    case 6:
        pm_put16(at, p->src_port);
        pm_put16(at + 2, p->dst_port);
        pm_put32(at + 4, p->seq);
        pm_put32(at + 8, p->ack);
        pm_put16(at + 12, (uint16_t)((p->mss ? 6 : 5) << 12 | p->flags));
        pm_put16(at + 14, p->window);
        pm_put32(at + 20, 0x02040000u | p->mss);
        return at + (p->mss ? 24 : 20);
    case 17:
        pm_put16(at, p->src_port);
        pm_put16(at + 2, p->dst_port);
        pm_put16(at + 4, (uint16_t)(8 + payload_len));
        return at + 8;
    case 1:
    case 58:
        at[0] = p->icmp_type;
        at[1] = p->icmp_code;
        return at + 8;
    }
    return at;
}

static inline uint8_t *put_ip(uint8_t *at, const struct plain *p)
{
    if (p->version == 6) {
        pm_put32(at, 0x60000000u | (uint32_t)p->tos << 20);
        at[6] = p->fragment || p->mf ? 44 : p->proto;
        at[7] = p->ttl;
        put_hex(at + 8, p->src ? p->src : "20010db8000000000000000000000001");
        put_hex(at + 24, p->dst ? p->dst : "20010db8000000000000000000000002");
        if (at[6] != 44)
            return at + 40;
        at[40] = p->proto;
        at[41] = 0;
        pm_put16(at + 42, (uint16_t)(p->fragment | p->mf));
        pm_put32(at + 44, p->id);
        return at + 48;
    }
    memset(at, 0, 20);
    at[0] = 0x45;
    at[1] = p->tos;
    pm_put16(at + 4, p->id);
    pm_put16(at + 6, (uint16_t)(p->df << 14 | p->mf << 13 | p->fragment / 8));
    at[8] = p->ttl;
    at[9] = p->proto;
    put_hex(at + 12, p->src ? p->src : "c0000201");
    put_hex(at + 16, p->dst ? p->dst : "c6336402");
    return at + 20;
}

/* has_flow, to_server: as a first packet from the client, dir unknown. */
static inline void make(struct made *m, const struct plain *spec)
{
    static uint8_t frame[70000];
    struct plain p = *spec;
    p.version = p.version ? p.version : 4;
    p.proto = p.proto ? p.proto : 6;
    size_t payload_len = p.payload_len || !p.payload ? p.payload_len : strlen(p.payload);
    uint8_t *l3 = put_link(frame, &p), *end = put_l4(put_ip(l3, &p), &p, payload_len);
    if (payload_len)
        memcpy(end, p.payload, payload_len);
    end += payload_len;
    if (p.version == 6)
        pm_put16(l3 + 4, (uint16_t)(end - l3 - 40));
    else
        pm_put16(l3 + 2, (uint16_t)(end - l3));
    size_t len = (size_t)(end - frame);
    m->data = malloc(len);
    assert_non_null(m->data);
    memcpy(m->data, frame, len);
    m->packet = (struct pm_packet){.data = m->data,
                                   .len = len,
                                   .wire_len = len,
                                   .link = p.ethernet ? 1 : 101,
                                   .dir = PM_DIR_UNKNOWN};
    pm_headers_parse(m->packet.link, m->data, len, len, &m->headers);
    m->subject = (struct pm_subject){.headers = &m->headers,
                                     .packet = &m->packet,
                                     .dir = PM_DIR_UNKNOWN,
                                     .has_flow = true,
                                     .to_server = true,
                                     .flow_is_new = true};
}

static inline void drop(struct made *m)
{
    free(m->data);
}

#endif
