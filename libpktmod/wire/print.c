/* print.c - addresses as text, the same on every platform. */
#include "wire/print.h"

#include <assert.h>

#include "base/bytes.h"

#define GROUPS 8

/* A run of zero groups; :: stands for the longest one, the first among equals. */
struct zeros {
    unsigned at, count;
};

static char *put_decimal(char *out, unsigned v)
{
    if (v >= 100)
        *out++ = (char)('0' + v / 100);
    if (v >= 10)
        *out++ = (char)('0' + v / 10 % 10);
    *out++ = (char)('0' + v % 10);
    return out;
}

static char *put_hex(char *out, unsigned v)
{
    for (unsigned shift = 12; shift > 0; shift -= 4) {
        if (v >> shift != 0)
            *out++ = "0123456789abcdef"[v >> shift & 15];
    }
    *out++ = "0123456789abcdef"[v & 15];
    return out;
}

static char *put_v4(char *out, const uint8_t *addr)
{
    for (unsigned i = 0; i < 4; i++) {
        if (i > 0)
            *out++ = '.';
        out = put_decimal(out, addr[i]);
    }
    return out;
}

/* RFC 5952 section 4.2: a single zero group is not shortened. */
static struct zeros longest_zeros(const uint8_t *addr)
{
    struct zeros best = {GROUPS, 0}, run = {0, 0};
    for (unsigned i = 0; i < GROUPS; i++) {
        if (pm_get16(addr + 2 * i) != 0) {
            run.count = 0;
            continue;
        }
        if (run.count++ == 0)
            run.at = i;
        if (run.count >= 2 && run.count > best.count)
            best = run;
    }
    return best;
}

/* ::a.b.c.d and ::ffff:a.b.c.d */
static unsigned groups_before_v4(const uint8_t *addr, struct zeros zeros)
{
    if (zeros.at == 0 && zeros.count == 6)
        return 6;
    if (zeros.at == 0 && zeros.count == 5 && pm_get16(addr + 10) == 0xffff)
        return 6;
    return GROUPS;
}

static char *put_v6(char *out, const uint8_t *addr)
{
    struct zeros zeros = longest_zeros(addr);
    unsigned groups = groups_before_v4(addr, zeros);
    unsigned i = 0;
    while (i < groups) {
        if (i == zeros.at) {
            *out++ = ':';
            i += zeros.count;
            if (i == GROUPS)
                *out++ = ':';
            continue;
        }
        if (i > 0)
            *out++ = ':';
        out = put_hex(out, pm_get16(addr + 2 * i));
        i++;
    }
    if (groups < GROUPS) {
        *out++ = ':';
        out = put_v4(out, addr + 12);
    }
    return out;
}

void pm_print_addr(uint8_t version, const uint8_t *addr, char out[46])
{
    assert(version == 4 || version == 6);
    char *end = version == 4 ? put_v4(out, addr) : put_v6(out, addr);
    *end = '\0';
}
