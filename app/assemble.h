/* assemble.h - one direction of a TCP stream as its receiver puts it together. */
#ifndef PKTMOD_APP_ASSEMBLE_H
#define PKTMOD_APP_ASSEMBLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PM_ASSEMBLE_MAX ((size_t)128 << 20)

struct pm_assembly {
    uint8_t *bytes;
    uint8_t *has; /* 1 for each byte that came */
    size_t cap;
    size_t len;   /* behind the last byte that came */
    bool differs; /* a byte came again as another one, first at: */
    size_t differs_at;
    bool is_beyond, no_memory; /* bytes that cannot be in this stream came */
};

/* Begins as {0}. */
void pm_assembly_free(struct pm_assembly *a);

/* Bytes at that offset, which may be negative: before the beginning of the stream. The first bytes
 * that come for a place stay. */
void pm_assembly_put(struct pm_assembly *a, int64_t off, const uint8_t *bytes, size_t len);
/* Bytes from the beginning without a hole: what the receiver's program reads. */
size_t pm_assembly_whole(const struct pm_assembly *a);

#endif
