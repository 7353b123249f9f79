/* inorder.c - a passive view of one direction of a TCP flow; the contract is in inorder.h. */
#include "stream/inorder.h"

#include "base/seq.h"

/* No window is larger (RFC 7323): an acknowledgement so far ahead is of another stream. */
#define FAR (UINT64_C(1) << 30)

bool pm_inorder_store_init(struct pm_inorder_store *store, size_t bytes, uint32_t dir_bytes,
                           uint32_t tail)
{
    store->dir_bytes = dir_bytes;
    store->tail = tail;
    return pm_pending_store_init(&store->pieces, bytes);
}

void pm_inorder_store_release(struct pm_inorder_store *store)
{
    pm_pool_release(&store->pieces);
}

void pm_inorder_begin(struct pm_inorder *v, uint32_t seq, bool is_midstream)
{
    uint64_t o = PM_SEQ_BASE + seq;
    *v = (struct pm_inorder){.begin = o,
                             .acked = o,
                             .next = o,
                             .kept = o,
                             .joined = o,
                             .end = o,
                             .is_midstream = is_midstream};
    pm_pending_begin(&v->pending);
}

void pm_inorder_clear(struct pm_inorder *v, struct pm_inorder_store *store)
{
    pm_pending_clear(&v->pending, &store->pieces);
}

/* ------------------------------------------------------------------ keeping */

/* Where the tail begins. */
static uint64_t tail_at(const struct pm_inorder *v, const struct pm_inorder_store *store)
{
    return v->next - v->joined > store->tail ? v->next - store->tail : v->joined;
}

void pm_inorder_trim(struct pm_inorder *v, struct pm_inorder_store *store)
{
    uint64_t tail = tail_at(v, store);
    pm_pending_drop(&v->pending, &store->pieces, tail < v->acked ? tail : v->acked);
}

bool pm_inorder_squeeze(struct pm_inorder *v, struct pm_inorder_store *store)
{
    uint64_t tail = tail_at(v, store), floor = v->kept > v->acked ? v->kept : v->acked;
    pm_pending_drop(&v->pending, &store->pieces, tail);
    if (tail <= floor)
        return false;
    v->kept = tail;
    return true;
}

static bool has_room(struct pm_inorder *v, struct pm_inorder_store *store, size_t len)
{
    if (len > store->dir_bytes)
        return false;
    if (v->pending.bytes <= store->dir_bytes - len)
        return true;
    pm_inorder_squeeze(v, store);
    return v->pending.bytes <= store->dir_bytes - len;
}

/* ------------------------------------------------------------------ taking */

/* Of a stream seen from its middle on nobody knows the beginning before the receiver says it. */
static bool move_begin(struct pm_inorder *v, const struct pm_inorder_store *store, uint64_t o)
{
    if (!v->is_midstream || v->is_confirmed || v->begin - o > store->dir_bytes)
        return false;
    v->begin = v->acked = v->kept = v->joined = v->next = o;
    return true;
}

static bool is_unplaced(struct pm_inorder *v, const struct pm_inorder_store *store, uint64_t o)
{
    if (v->is_confirmed)
        return o > v->next && o - v->next > FAR;
    if (o < v->begin)
        return !move_begin(v, store, o);
    return o > v->next && !v->is_midstream;
}

enum pm_inorder_answer pm_inorder_put(struct pm_inorder *v, struct pm_inorder_store *store,
                                      uint32_t seq, const uint8_t *bytes, size_t len,
                                      bool is_lenient)
{
    uint64_t o = pm_seq_unwrap(v->next, seq), end = o + len;
    if (is_unplaced(v, store, o))
        return PM_INORDER_UNPLACED;
    uint64_t from = o > v->acked ? o : v->acked;
    bool is_forgotten = from < v->kept && from < end;
    if (is_forgotten && !is_lenient)
        return PM_INORDER_FORGOTTEN;
    from = is_forgotten ? v->kept : from;
    if (from >= end)
        return is_forgotten ? PM_INORDER_FORGOTTEN : PM_INORDER_TAKEN;
    bytes += from - o;
    len = (size_t)(end - from);
    if (!pm_pending_agrees(&v->pending, &store->pieces, from, bytes, len))
        return PM_INORDER_DIFFERS;
    if (!has_room(v, store, len))
        return PM_INORDER_FULL;
    v->end = end > v->end ? end : v->end;
    if (!pm_pending_put(&v->pending, &store->pieces, from, bytes, len))
        return PM_INORDER_FULL;
    return is_forgotten ? PM_INORDER_FORGOTTEN : PM_INORDER_TAKEN;
}

void pm_inorder_skip(struct pm_inorder *v, struct pm_inorder_store *store, uint32_t seq, size_t len)
{
    uint64_t end = pm_seq_unwrap(v->next, seq) + len;
    pm_inorder_clear(v, store);
    if (end > v->next && end - v->next < FAR)
        v->next = v->joined = v->kept = end;
    v->end = v->next > v->end ? v->next : v->end;
}

void pm_inorder_fin(struct pm_inorder *v, uint32_t seq)
{
    uint64_t o = pm_seq_unwrap(v->next, seq);
    if (o < v->begin)
        return;
    v->fin = o;
    v->end = o + 1 > v->end ? o + 1 : v->end;
}

/* ------------------------------------------------------------------ reading */

static bool read_from_tail(const struct pm_inorder *v, const struct pm_inorder_store *store,
                           uint8_t *out, size_t cap, struct pm_inorder_run *run)
{
    uint64_t from = tail_at(v, store);
    run->len = pm_pending_run(&v->pending, &store->pieces, from, out, cap);
    run->offset = from - v->begin;
    run->is_beginning = run->offset == 0 && !v->is_midstream;
    run->fresh = run->len - (size_t)(v->next - from);
    return run->len > v->next - from;
}

bool pm_inorder_read(struct pm_inorder *v, const struct pm_inorder_store *store, uint8_t *out,
                     size_t cap, struct pm_inorder_run *run)
{
    if (!read_from_tail(v, store, out, cap, run))
        return false;
    v->next += run->fresh;
    return true;
}

bool pm_inorder_read_end(const struct pm_inorder *v, const struct pm_inorder_store *store,
                         uint8_t *out, size_t cap, struct pm_inorder_run *run)
{
    if (v->fin != v->next)
        return false;
    uint64_t tail = tail_at(v, store);
    (void)read_from_tail(v, store, out, cap, run);
    run->len = (size_t)(v->next - tail);
    run->fresh = 0;
    return true;
}

/* ------------------------------------------------------------------ acknowledgements */

/* The first one. False: it is of another beginning than the one that was seen, which is taken. */
static bool confirm(struct pm_inorder *v, struct pm_inorder_store *store, uint64_t o)
{
    v->is_confirmed = true;
    if (o >= v->begin && o <= v->end)
        return true;
    pm_inorder_clear(v, store);
    pm_inorder_begin(v, (uint32_t)o, true);
    v->is_confirmed = true;
    return false;
}

static uint64_t give_up(struct pm_inorder *v, uint64_t o)
{
    uint64_t gap = o - v->next;
    bool is_fin = v->fin == v->next && gap == 1;
    v->next = v->joined = v->acked = o;
    return is_fin ? 0 : gap;
}

uint64_t pm_inorder_ack(struct pm_inorder *v, struct pm_inorder_store *store, uint32_t seq)
{
    uint64_t o = pm_seq_unwrap(v->next, seq);
    if (!v->is_confirmed && !confirm(v, store, o))
        return 0;
    if (o <= v->acked || (o > v->next && o - v->next > FAR))
        return 0;
    if (o <= v->next) {
        v->acked = o;
        return 0;
    }
    uint64_t early = pm_pending_next(&v->pending, &store->pieces, v->next);
    return give_up(v, early < o ? early : o);
}
