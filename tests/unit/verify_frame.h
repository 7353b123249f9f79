/* verify_frame.h - IPv4 packets made by hand, without a link header, for tests of verify. */
#ifndef PKTMOD_TEST_VERIFY_FRAME_H
#define PKTMOD_TEST_VERIFY_FRAME_H

#include <string.h>

#include "app/verify_packet.h"

#define RAW_IP 101

struct frame {
    uint8_t bytes[2048];
    uint32_t len;
    uint64_t number, time_ns;
};

static inline void put_be(uint8_t *at, uint32_t value, unsigned width)
{
    for (unsigned i = 0; i < width; i++)
        at[i] = (uint8_t)(value >> (8 * (width - 1 - i)));
}

/* As RFC 1071 has it, a byte at a time. */
static inline uint16_t plain_sum(const uint8_t *bytes, size_t len, uint32_t sum)
{
    for (size_t i = 0; i < len; i++)
        sum += i % 2 == 0 ? (uint32_t)bytes[i] << 8 : bytes[i];
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

/* Lengths and checksums of what stands there. */
static inline void frame_complete(struct frame *f)
{
    uint32_t l4_len = f->len - 20, field = f->bytes[9] == 17 ? 26 : 36;
    put_be(f->bytes + 2, f->len, 2);
    put_be(f->bytes + 10, 0, 2);
    put_be(f->bytes + 10, (uint16_t)~plain_sum(f->bytes, 20, 0), 2);
    if (f->bytes[9] == 17)
        put_be(f->bytes + 24, l4_len, 2);
    put_be(f->bytes + field, 0, 2);
    uint16_t pseudo = plain_sum(f->bytes + 12, 8, f->bytes[9] + l4_len);
    put_be(f->bytes + field, (uint16_t)~plain_sum(f->bytes + 20, l4_len, pseudo), 2);
}

/* From 192.0.2.1 to 192.0.2.2, or back. */
static inline void frame_ip(struct frame *f, bool is_back, uint8_t proto)
{
    static const uint8_t ip[20] = {0x45, 0, 0,   0, 0, 7, 0,   0, 64, 0,
                                   0,    0, 192, 0, 2, 1, 192, 0, 2,  2};
    memset(f, 0, sizeof *f);
    memcpy(f->bytes, ip, sizeof ip);
    f->bytes[9] = proto;
    f->bytes[15] = is_back ? 2 : 1;
    f->bytes[19] = is_back ? 1 : 2;
    put_be(f->bytes + 20, is_back ? 80 : 4000, 2);
    put_be(f->bytes + 22, is_back ? 4000 : 80, 2);
}

static inline void frame_tcp(struct frame *f, bool is_back, uint8_t flags, uint32_t seq,
                             uint32_t ack, const char *payload)
{
    frame_ip(f, is_back, 6);
    put_be(f->bytes + 24, seq, 4);
    put_be(f->bytes + 28, ack, 4);
    f->bytes[32] = 0x50;
    f->bytes[33] = flags;
    put_be(f->bytes + 34, 1000, 2);
    memcpy(f->bytes + 40, payload, strlen(payload));
    f->len = 40 + (uint32_t)strlen(payload);
    frame_complete(f);
}

static inline void frame_udp(struct frame *f, bool is_back, const char *payload)
{
    frame_ip(f, is_back, 17);
    memcpy(f->bytes + 28, payload, strlen(payload));
    f->len = 28 + (uint32_t)strlen(payload);
    frame_complete(f);
}

static inline struct pm_record frame_record(struct frame *f)
{
    return (struct pm_record){.data = f->bytes,
                              .caplen = f->len,
                              .origlen = f->len,
                              .frame = f->number,
                              .time_ns = f->time_ns,
                              .link = RAW_IP};
}

static inline void frame_read(struct frame *f, struct pm_verify_packet *packet)
{
    struct pm_record record = frame_record(f);
    pm_verify_packet_read(packet, &record);
}

#endif
