/* log.h - the edit log of one direction: what every original byte became, decided once.
 *
 * O is the stream as its sender made it, M the stream as its receiver gets it. Both are 64-bit
 * positions whose low 32 bits are the sequence numbers on the wire; at the start O = M. The log is
 * a list of runs; each begins where the one before ends:
 *
 *     O   100       110   116            130      140        o_end
 *     run | copy    | edit| copy         | gap    | copy     |
 *     M   100       110       130        144      154        m_end
 *
 * copy  the bytes are the original ones       edit  other bytes, of any length, stand there
 * gap   bytes that were not seen in time: their length is kept, they pass as they come
 *
 * The bytes of copies and edits are kept, so that a retransmission, however it is cut, gets what
 * was decided at first sight. Kept bytes have their own count k, in which gaps take no room. The
 * oldest are forgotten when room is needed: below the floor no bytes are known, but of some runs
 * still the numbers, and below those only the last shift.
 */
#ifndef PM_EDIT_LOG_H
#define PM_EDIT_LOG_H

#include "base/pool.h"

enum pm_run_kind { PM_RUN_COPY, PM_RUN_EDIT, PM_RUN_GAP };

/* Memory that all logs of an engine share. */
struct pm_log_store {
    struct pm_pool chunks; /* of runs */
    struct pm_pool blocks; /* of kept bytes */
};

struct pm_log {
    uint64_t o_end, m_end, k_end;       /* everything below is decided */
    uint64_t o_floor, m_floor, k_floor; /* everything below is forgotten */
    uint32_t oldest_chunk, newest_chunk;
    uint32_t oldest_block, newest_block;
    uint32_t skipped;                  /* runs of the oldest chunk that are gone */
    uint32_t floor_chunk, floor_index; /* the run that the floor lies in, or ends */
    uint32_t hollow;                   /* runs below it: their numbers are known, their bytes not */
    bool is_edited;                    /* an edit was made: bytes may differ */
    bool is_stretched;                 /* an edit changed the length: numbers may differ */
};

size_t pm_log_store_footprint(uint32_t runs, size_t kept_bytes);
bool pm_log_store_init(struct pm_log_store *s, uint32_t runs, size_t kept_bytes);
void pm_log_store_release(struct pm_log_store *s);

void pm_log_begin(struct pm_log *log, uint64_t start);
void pm_log_drop(struct pm_log *log, struct pm_log_store *s); /* gives all memory back */

/* Room for so many more runs and kept bytes? Copies and edits within it cannot fail. A gap never
 * fails: without room for its run, everything before its end is forgotten. */
bool pm_log_has_room(const struct pm_log *log, const struct pm_log_store *s, uint32_t runs,
                     size_t bytes);
void pm_log_copy(struct pm_log *log, struct pm_log_store *s, const uint8_t *bytes, size_t len);
void pm_log_edit(struct pm_log *log, struct pm_log_store *s, uint32_t old_len, const uint8_t *with,
                 uint32_t with_len);
void pm_log_gap(struct pm_log *log, struct pm_log_store *s, uint64_t len);
/* Bytes that stand before the next original byte: the edit that must follow at once takes them in,
 * so that they are acknowledged together. Behind the last byte none follows; there they go with the
 * FIN. */
void pm_log_insert(struct pm_log *log, struct pm_log_store *s, const uint8_t *with,
                   uint32_t with_len);

/* Forgets the oldest bytes until at most `bytes` are kept or the floor reaches O position limit;
 * with 0 also the runs that keep none.
 * An edit is forgotten whole or not at all. */
void pm_log_forget(struct pm_log *log, struct pm_log_store *s, size_t bytes, uint64_t limit);
static inline size_t pm_log_kept(const struct pm_log *log)
{
    return (size_t)(log->k_end - log->k_floor);
}

/* Images, total and monotone. Inside an edit: low its beginning, high its end. Below the oldest
 * run the last shift known there, beyond the end m_end; at it, low is before what was inserted
 * there. */
uint64_t pm_log_image_low(const struct pm_log *log, const struct pm_log_store *s, uint64_t o);
uint64_t pm_log_image_high(const struct pm_log *log, const struct pm_log_store *s, uint64_t o);

/* And back, total and monotone; never inside an edit. Max: the last position whose image is not
 * behind m, so that an edit is covered only when m reaches its end, and what was deleted at m is
 * (cumulative acknowledgements, right edges). Min: the first position whose image is not before m
 * (left edges). Below the oldest run the last shift known there, beyond the end o_end. */
uint64_t pm_log_pre_max(const struct pm_log *log, const struct pm_log_store *s, uint64_t m);
uint64_t pm_log_pre_min(const struct pm_log *log, const struct pm_log_store *s, uint64_t m);

/* Where the numbers begin that are known exactly, in M. */
uint64_t pm_log_known_m(const struct pm_log *log, const struct pm_log_store *s);

/* Bytes [m, m+len) of M, all at or above the floor and below m_end. Gap bytes are taken from
 * `segment`, which holds O from seg_o on for seg_len bytes; gap bytes that it does not hold end the
 * copy. Answers how many bytes were written. */
size_t pm_log_read(const struct pm_log *log, const struct pm_log_store *s, uint64_t m, size_t len,
                   const uint8_t *segment, uint64_t seg_o, size_t seg_len, uint8_t *out);

/* The end of the gap that holds m; m if none does. */
uint64_t pm_log_gap_end(const struct pm_log *log, const struct pm_log_store *s, uint64_t m);

/* How a repeated segment [o, o+len), at or above the floor and below o_end, compares with the log.
 */
enum pm_repeat {
    PM_REPEAT_SAME,    /* copies and gaps only, and the copied bytes are the same */
    PM_REPEAT_EDITED,  /* it holds edited bytes; the copied ones are the same */
    PM_REPEAT_DIFFERS, /* a copied byte differs */
};
enum pm_repeat pm_log_compare(const struct pm_log *log, const struct pm_log_store *s, uint64_t o,
                              const uint8_t *bytes, size_t len, bool *has_gap);

#endif
