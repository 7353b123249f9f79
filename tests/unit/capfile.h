/* capfile.h - builds capture files in memory, in either byte order, for tests of the reader. */
#ifndef PKTMOD_TEST_CAPFILE_H
#define PKTMOD_TEST_CAPFILE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct capfile {
    uint8_t bytes[8192];
    size_t len;
    bool big;
    size_t ends[64]; /* where records or blocks end, for who cuts the file */
    size_t end_count;
    size_t block; /* where the open block begins */
};

static inline void cf_put(struct capfile *f, uint64_t value, unsigned width)
{
    for (unsigned i = 0; i < width; i++) {
        unsigned shift = 8 * (f->big ? width - 1 - i : i);
        f->bytes[f->len++] = (uint8_t)(value >> shift);
    }
}

static inline void cf_bytes(struct capfile *f, const void *bytes, size_t len)
{
    if (len > 0)
        memcpy(f->bytes + f->len, bytes, len);
    f->len += len;
}

static inline void cf_end(struct capfile *f)
{
    f->ends[f->end_count++] = f->len;
}

/* ------------------------------------------------------------------ pcap */

static inline void cf_pcap(struct capfile *f, bool big, uint32_t magic, uint32_t snaplen,
                           uint32_t link)
{
    memset(f, 0, sizeof *f);
    f->big = big;
    cf_put(f, magic, 4);
    cf_put(f, 2, 2);
    cf_put(f, 4, 2);
    cf_put(f, 0, 8);
    cf_put(f, snaplen, 4);
    cf_put(f, link, 4);
    cf_end(f);
}

static inline void cf_record(struct capfile *f, uint32_t seconds, uint32_t fraction,
                             const void *data, uint32_t caplen, uint32_t origlen)
{
    bool is_patched = f->bytes[f->big ? 3 : 0] == 0x34;
    cf_put(f, seconds, 4);
    cf_put(f, fraction, 4);
    cf_put(f, caplen, 4);
    cf_put(f, origlen, 4);
    if (is_patched)
        cf_put(f, 0x0102030405060708u, 8);
    cf_bytes(f, data, caplen);
    cf_end(f);
}

/* ------------------------------------------------------------------ pcapng */

static inline void cf_open(struct capfile *f, uint32_t type)
{
    f->block = f->len;
    cf_put(f, type, 4);
    cf_put(f, 0, 4);
}

static inline void cf_pad(struct capfile *f)
{
    while ((f->len - f->block) % 4 != 0)
        f->bytes[f->len++] = 0;
}

static inline void cf_close(struct capfile *f)
{
    size_t end = f->len + 4;
    uint32_t len = (uint32_t)(end - f->block);
    f->len = f->block + 4;
    cf_put(f, len, 4);
    f->len = end - 4;
    cf_put(f, len, 4);
    cf_end(f);
}

static inline void cf_option(struct capfile *f, uint16_t code, const void *value, uint16_t len)
{
    cf_put(f, code, 2);
    cf_put(f, len, 2);
    cf_bytes(f, value, len);
    cf_pad(f);
}

static inline void cf_option_number(struct capfile *f, uint16_t code, uint64_t value,
                                    uint16_t width)
{
    cf_put(f, code, 2);
    cf_put(f, width, 2);
    cf_put(f, value, width);
    cf_pad(f);
}

static inline void cf_section(struct capfile *f)
{
    cf_open(f, 0x0a0d0d0a);
    cf_put(f, 0x1a2b3c4d, 4);
    cf_put(f, 1, 2);
    cf_put(f, 0, 2);
    cf_put(f, UINT64_MAX, 8);
    cf_option(f, 4, "capfile", 7);
    cf_put(f, 0, 4);
    cf_close(f);
}

static inline void cf_pcapng(struct capfile *f, bool big)
{
    memset(f, 0, sizeof *f);
    f->big = big;
    cf_section(f);
}

static inline void cf_interface(struct capfile *f, uint16_t link, uint32_t snaplen,
                                const char *name, unsigned tsresol)
{
    cf_open(f, 1);
    cf_put(f, link, 2);
    cf_put(f, 0, 2);
    cf_put(f, snaplen, 4);
    if (name != NULL)
        cf_option(f, 2, name, (uint16_t)strlen(name));
    cf_option_number(f, 9, tsresol, 1);
    cf_put(f, 0, 4);
    cf_close(f);
}

/* An enhanced packet without its options and its end: add options, then cf_close(). */
static inline void cf_enhanced(struct capfile *f, uint32_t interface, uint64_t ticks,
                               const void *data, uint32_t caplen, uint32_t origlen)
{
    cf_open(f, 6);
    cf_put(f, interface, 4);
    cf_put(f, ticks >> 32, 4);
    cf_put(f, ticks & 0xffffffffu, 4);
    cf_put(f, caplen, 4);
    cf_put(f, origlen, 4);
    cf_bytes(f, data, caplen);
    cf_pad(f);
}

static inline void cf_simple(struct capfile *f, const void *data, uint32_t caplen, uint32_t origlen)
{
    cf_open(f, 3);
    cf_put(f, origlen, 4);
    cf_bytes(f, data, caplen);
    cf_pad(f);
    cf_close(f);
}

static inline void cf_old(struct capfile *f, uint16_t interface, uint64_t ticks, const void *data,
                          uint32_t caplen, uint32_t origlen)
{
    cf_open(f, 2);
    cf_put(f, interface, 2);
    cf_put(f, 7, 2);
    cf_put(f, ticks >> 32, 4);
    cf_put(f, ticks & 0xffffffffu, 4);
    cf_put(f, caplen, 4);
    cf_put(f, origlen, 4);
    cf_bytes(f, data, caplen);
    cf_pad(f);
}

static inline void cf_other(struct capfile *f, uint32_t type, const void *body, size_t len)
{
    cf_open(f, type);
    cf_bytes(f, body, len);
    cf_pad(f);
    cf_close(f);
}

#endif
