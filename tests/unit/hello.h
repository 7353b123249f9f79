/* hello.h - for tests: writes TLS ClientHellos, as messages and as records. */
#ifndef PM_TESTS_HELLO_H
#define PM_TESTS_HELLO_H

#include <stdint.h>
#include <string.h>

#include "base/bytes.h"

#define HELLO_ROOM 20000u

struct hello_bytes {
    uint8_t bytes[HELLO_ROOM];
    size_t len;
};

static inline void put_bytes(struct hello_bytes *h, const void *bytes, size_t len)
{
    memcpy(h->bytes + h->len, bytes, len);
    h->len += len;
}

static inline void put_number(struct hello_bytes *h, size_t width, uint32_t number)
{
    uint8_t bytes[4];
    pm_put32(bytes, number);
    put_bytes(h, bytes + 4 - width, width);
}

/* Room for a length; filled in when what it counts is there. */
static inline size_t begin_count(struct hello_bytes *h, size_t width)
{
    put_number(h, width, 0);
    return h->len;
}

static inline void end_count(struct hello_bytes *h, size_t width, size_t begin)
{
    uint8_t bytes[4];
    pm_put32(bytes, (uint32_t)(h->len - begin));
    memcpy(h->bytes + begin - width, bytes + 4 - width, width);
}

/* An extension whose body is a list of 16-bit numbers behind a length. */
static inline void put_list(struct hello_bytes *h, uint16_t type, size_t width,
                            const uint16_t *numbers, size_t count)
{
    put_number(h, 2, type);
    put_number(h, 2, (uint32_t)(width + 2 * count));
    put_number(h, width, (uint32_t)(2 * count));
    for (size_t i = 0; i < count; i++)
        put_number(h, 2, numbers[i]);
}

static inline void put_empty(struct hello_bytes *h, uint16_t type)
{
    put_number(h, 2, type);
    put_number(h, 2, 0);
}

static inline void put_name(struct hello_bytes *h, const char *name)
{
    size_t len = strlen(name);
    put_number(h, 2, 0);
    put_number(h, 2, (uint32_t)(len + 5));
    put_number(h, 2, (uint32_t)(len + 3));
    put_number(h, 1, 0);
    put_number(h, 2, (uint32_t)len);
    put_bytes(h, name, len);
}

static inline void put_alpn(struct hello_bytes *h, const char *const *names, size_t count)
{
    put_number(h, 2, 16);
    size_t body = begin_count(h, 2), list = begin_count(h, 2);
    for (size_t i = 0; i < count; i++) {
        put_number(h, 1, (uint32_t)strlen(names[i]));
        put_bytes(h, names[i], strlen(names[i]));
    }
    end_count(h, 2, list);
    end_count(h, 2, body);
}

/* What a browser says: its JA4 is the one that stands in the fingerprint's own description. */
static inline void put_browser(struct hello_bytes *h, const char *name, size_t padding)
{
    static const uint16_t ciphers[] = {0x2a2a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f,
                                       0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014,
                                       0x009c, 0x009d, 0x002f, 0x0035};
    static const uint16_t groups[] = {0x3a3a, 29, 23, 24}, versions[] = {0x4a4a, 0x0304, 0x0303};
    static const uint16_t signatures[] = {0x0403, 0x0804, 0x0401, 0x0503,
                                          0x0805, 0x0501, 0x0806, 0x0601};
    static const char *const alpn[] = {"h2", "http/1.1"};
    put_number(h, 1, 1);
    size_t message = begin_count(h, 3);
    put_number(h, 2, 0x0303);
    for (uint32_t i = 0; i < 8; i++)
        put_number(h, 4, i * 0x01010101u);
    put_number(h, 1, 0);
    put_number(h, 2, sizeof ciphers);
    for (size_t i = 0; i < sizeof ciphers / 2; i++)
        put_number(h, 2, ciphers[i]);
    put_number(h, 2, 0x0100);
    size_t extensions = begin_count(h, 2);
    put_empty(h, 0x5a5a);
    put_name(h, name);
    put_empty(h, 0x0017);
    put_empty(h, 0xff01);
    put_list(h, 10, 2, groups, 4);
    put_number(h, 2, 11);
    put_number(h, 2, 2);
    put_number(h, 2, 0x0100);
    put_empty(h, 0x0023);
    put_alpn(h, alpn, 2);
    put_empty(h, 5);
    put_list(h, 13, 2, signatures, 8);
    put_empty(h, 0x0012);
    put_empty(h, 0x0033);
    put_empty(h, 0x002d);
    put_list(h, 43, 1, versions, 3);
    put_empty(h, 0x001b);
    put_empty(h, 0x4469);
    put_number(h, 2, 21);
    size_t body = begin_count(h, 2);
    memset(h->bytes + h->len, 0, padding);
    h->len += padding;
    end_count(h, 2, body);
    end_count(h, 2, extensions);
    end_count(h, 3, message);
}

/* The message in records of at most `most` bytes. */
static inline void put_records(struct hello_bytes *h, const struct hello_bytes *message,
                               size_t most)
{
    for (size_t off = 0, part; off < message->len; off += part) {
        part = message->len - off < most ? message->len - off : most;
        put_number(h, 1, 22);
        put_number(h, 2, 0x0301);
        put_number(h, 2, (uint32_t)part);
        put_bytes(h, message->bytes + off, part);
    }
}

static inline struct hello_bytes browser_records(const char *name, size_t padding)
{
    struct hello_bytes message = {.len = 0}, records = {.len = 0};
    put_browser(&message, name, padding);
    put_records(&records, &message, 16384);
    return records;
}

#endif
