/* verify_stream.h - one direction of a connection: which positions were sent, and the latest bytes.
 *
 * Positions are 64 bits wide and do not wrap; PM_VERIFY_BASE is that of the first byte, so that
 * what turns out to lie before it has a position too. Bytes are kept in a window that ends with
 * the highest ones; what falls out of it is forgotten and compares equal to anything.
 */
#ifndef PKTMOD_APP_VERIFY_STREAM_H
#define PKTMOD_APP_VERIFY_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PM_VERIFY_BASE   (UINT64_C(1) << 32)
#define PM_VERIFY_WINDOW ((size_t)1 << 20)
/* More runs between gaps than this, and the oldest gap is forgotten. */
#define PM_VERIFY_RUNS 1024

struct pm_verify_run {
    uint64_t begin, end;
};

struct pm_verify_stream {
    struct pm_verify_run *runs; /* sorted, apart from each other */
    size_t run_count, run_cap;
    uint8_t
        *bytes;   /* of positions low .. low + cap; the bits of those that are known behind them */
    uint64_t low; /* a multiple of 8 */
    uint64_t top; /* one behind the highest that is known */
    size_t cap;   /* likewise */
};

/* Where bytes sent again are others than at first. */
struct pm_verify_difference {
    uint64_t count, pos;
    uint8_t was, is;
};

void pm_verify_stream_free(struct pm_verify_stream *stream);
/* Frees the window; what was sent stays known. */
void pm_verify_stream_forget(struct pm_verify_stream *stream);
size_t pm_verify_stream_size(const struct pm_verify_stream *stream);

/* Bytes begin..end were sent, whatever they are. False: no memory. */
bool pm_verify_stream_sent(struct pm_verify_stream *stream, uint64_t begin, uint64_t end);
bool pm_verify_stream_is_sent(const struct pm_verify_stream *stream, uint64_t begin, uint64_t end);

/* What they are; the first copy stays. False: no memory. */
bool pm_verify_stream_put(struct pm_verify_stream *stream, uint64_t pos, const uint8_t *bytes,
                          size_t len, struct pm_verify_difference *difference);
/* The bytes at pos, if all len of them are known; else NULL. Stays until the next change. */
const uint8_t *pm_verify_stream_at(const struct pm_verify_stream *stream, uint64_t pos, size_t len);

#endif
