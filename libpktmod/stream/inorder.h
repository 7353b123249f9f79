/* inorder.h - one direction of a TCP flow as bytes in order, for who only looks on.
 *
 *        begin             acked               next
 *     -----|-----------------|-------------------|------- gap -------|early|---
 *                   | tail: a match may begin there                  kept until the gap is filled
 *                            | kept until acknowledged, so that a copy that differs is found out
 *
 * Positions are 64 bits, their low 32 bits the sequence number. The first copy of a byte wins. What
 * the receiver acknowledged it has; a gap before an acknowledgement never fills any more and is
 * given up.
 *
 * Who sends the bytes may lie in every way: segments that never arrive, copies that differ, a SYN
 * that is not the one answered. So only the receiver is believed: its first acknowledgement says
 * where the stream begins. What has no place in the stream is refused, not guessed. */
#ifndef PM_STREAM_INORDER_H
#define PM_STREAM_INORDER_H

#include "stream/pending.h"

/* What all views of an engine share. */
struct pm_inorder_store {
    struct pm_pool pieces;
    uint32_t dir_bytes; /* most that one direction keeps */
    uint32_t tail;      /* bytes in front of next that are always kept; less than dir_bytes */
};

struct pm_inorder {
    struct pm_pending pending;
    uint64_t begin, acked, next;
    uint64_t kept;        /* what lies between acked and here was forgotten early */
    uint64_t joined;      /* from here to next there is no gap */
    uint64_t end;         /* behind the highest byte that was seen, or the FIN */
    uint64_t fin;         /* where the FIN stands; 0: none was seen */
    uint8_t is_confirmed; /* the receiver has acknowledged something */
    uint8_t is_midstream; /* begin is where looking began, not where the stream did */
};

enum pm_inorder_answer {
    PM_INORDER_TAKEN,
    PM_INORDER_DIFFERS,   /* contradicts bytes that are there */
    PM_INORDER_UNPLACED,  /* lies before the beginning or, while that is not sure, behind a gap */
    PM_INORDER_FORGOTTEN, /* repeats bytes that are no longer kept, so nobody can compare */
    PM_INORDER_FULL,      /* no room to keep it */
};

bool pm_inorder_store_init(struct pm_inorder_store *store, size_t bytes, uint32_t dir_bytes,
                           uint32_t tail);
void pm_inorder_store_release(struct pm_inorder_store *store);

/* seq: of the stream's first byte, or (is_midstream) of the first that is looked at. */
void pm_inorder_begin(struct pm_inorder *v, uint32_t seq, bool is_midstream);
void pm_inorder_clear(struct pm_inorder *v, struct pm_inorder_store *store);

/* A segment's payload. TAKEN: all of it. FULL: perhaps a part. Else nothing of it was taken; but
 * is_lenient takes what is new of a FORGOTTEN one. */
enum pm_inorder_answer pm_inorder_put(struct pm_inorder *v, struct pm_inorder_store *store,
                                      uint32_t seq, const uint8_t *bytes, size_t len,
                                      bool is_lenient);
/* Nobody looks any more: as if [seq, seq+len) and all before had come and been read. Nothing is
 * kept. */
void pm_inorder_skip(struct pm_inorder *v, struct pm_inorder_store *store, uint32_t seq,
                     size_t len);
void pm_inorder_fin(struct pm_inorder *v, uint32_t seq);

/* Bytes in order:
 *
 *     out   [ tail .............. | fresh ........ ]
 *           ^ offset in the stream
 */
struct pm_inorder_run {
    uint64_t offset;
    size_t len, fresh;
    bool is_beginning; /* out[0] is the stream's first byte */
};

/* The bytes that were not handed over yet, with the tail before them as far as there is one without
 * a gap. cap > tail. False: there are none. */
bool pm_inorder_read(struct pm_inorder *v, const struct pm_inorder_store *store, uint8_t *out,
                     size_t cap, struct pm_inorder_run *run);
/* The tail again, when nothing follows any more. */
bool pm_inorder_read_end(const struct pm_inorder *v, const struct pm_inorder_store *store,
                         uint8_t *out, size_t cap, struct pm_inorder_run *run);

/* An acknowledgement of the receiver, after everything was read. Answers how many bytes it gives up
 * as a gap: then read, and ask again, until the answer is 0. */
uint64_t pm_inorder_ack(struct pm_inorder *v, struct pm_inorder_store *store, uint32_t seq);

/* Forgets what is acknowledged and not in the tail. */
void pm_inorder_trim(struct pm_inorder *v, struct pm_inorder_store *store);
/* Forgets all but the tail and what came early. True: some of it was not acknowledged. */
bool pm_inorder_squeeze(struct pm_inorder *v, struct pm_inorder_store *store);

/* The receiver has everything and the FIN: nothing can follow. */
static inline bool pm_inorder_is_over(const struct pm_inorder *v)
{
    return v->fin && v->acked > v->fin;
}

#endif
