/* log.c - the edit log; the contract is in log.h. */
#include "edit/log.h"

#include <assert.h>
#include <string.h>

#include "edit/runs.h"

#define BLOCK_BYTES 2040

struct block {
    uint32_t older, newer;
    uint8_t bytes[BLOCK_BYTES];
};

static struct block *block_at(const struct pm_log_store *s, uint32_t index)
{
    return pm_pool_at(&s->blocks, index);
}

static uint32_t chunks_for(uint32_t runs)
{
    return runs / RUNS_PER_CHUNK + 1;
}

static uint32_t blocks_for(size_t bytes)
{
    size_t blocks = bytes / BLOCK_BYTES + 1;
    return blocks > PM_NIL - 1 ? PM_NIL - 1 : (uint32_t)blocks;
}

size_t pm_log_store_footprint(uint32_t runs, size_t kept_bytes)
{
    return pm_pool_footprint(sizeof(struct pm_chunk), chunks_for(runs)) +
           pm_pool_footprint(sizeof(struct block), blocks_for(kept_bytes));
}

bool pm_log_store_init(struct pm_log_store *s, uint32_t runs, size_t kept_bytes)
{
    if (!pm_pool_init(&s->chunks, sizeof(struct pm_chunk), chunks_for(runs)))
        return false;
    if (pm_pool_init(&s->blocks, sizeof(struct block), blocks_for(kept_bytes)))
        return true;
    pm_pool_release(&s->chunks);
    return false;
}

void pm_log_store_release(struct pm_log_store *s)
{
    pm_pool_release(&s->chunks);
    pm_pool_release(&s->blocks);
}

void pm_log_begin(struct pm_log *log, uint64_t start)
{
    memset(log, 0, sizeof *log);
    log->o_end = log->o_floor = start;
    log->m_end = log->m_floor = start;
    log->oldest_chunk = log->newest_chunk = log->floor_chunk = PM_NIL;
    log->oldest_block = log->newest_block = PM_NIL;
}

static void drop_runs(struct pm_log *log, struct pm_log_store *s)
{
    while (log->oldest_chunk != PM_NIL) {
        uint32_t newer = pm_chunk_at(s, log->oldest_chunk)->newer;
        pm_pool_put(&s->chunks, log->oldest_chunk);
        log->oldest_chunk = newer;
    }
    log->newest_chunk = log->floor_chunk = PM_NIL;
    log->skipped = log->floor_index = log->hollow = 0;
}

void pm_log_drop(struct pm_log *log, struct pm_log_store *s)
{
    drop_runs(log, s);
    while (log->oldest_block != PM_NIL) {
        uint32_t newer = block_at(s, log->oldest_block)->newer;
        pm_pool_put(&s->blocks, log->oldest_block);
        log->oldest_block = newer;
    }
    log->newest_block = PM_NIL;
}

/* ------------------------------------------------------------------ appending */

/* Bytes that still fit into the newest block. */
static size_t block_room(const struct pm_log *log)
{
    if (log->newest_block == PM_NIL)
        return 0;
    size_t used = (size_t)(log->k_end % BLOCK_BYTES);
    return used == 0 ? 0 : BLOCK_BYTES - used;
}

bool pm_log_has_room(const struct pm_log *log, const struct pm_log_store *s, uint32_t runs,
                     size_t bytes)
{
    uint32_t free_chunks = s->chunks.cap - s->chunks.used;
    uint32_t free_blocks = s->blocks.cap - s->blocks.used;
    size_t in_block = block_room(log);
    size_t in_chunk =
        log->newest_chunk == PM_NIL ? 0 : RUNS_PER_CHUNK - pm_chunk_at(s, log->newest_chunk)->count;
    size_t more_runs = runs > in_chunk ? runs - in_chunk : 0;
    size_t more_bytes = bytes > in_block ? bytes - in_block : 0;
    return (more_runs + RUNS_PER_CHUNK - 1) / RUNS_PER_CHUNK <= free_chunks &&
           (more_bytes + BLOCK_BYTES - 1) / BLOCK_BYTES <= free_blocks;
}

static void add_chunk(struct pm_log *log, struct pm_log_store *s)
{
    uint32_t index = pm_pool_take(&s->chunks);
    assert(index != PM_NIL);
    struct pm_chunk *c = pm_chunk_at(s, index);
    c->count = 0;
    c->newer = PM_NIL;
    c->older = log->newest_chunk;
    if (log->newest_chunk != PM_NIL)
        pm_chunk_at(s, log->newest_chunk)->newer = index;
    else
        log->oldest_chunk = log->floor_chunk = index;
    log->newest_chunk = index;
}

static void add_run(struct pm_log *log, struct pm_log_store *s, enum pm_run_kind kind)
{
    if (log->newest_chunk == PM_NIL || pm_chunk_at(s, log->newest_chunk)->count == RUNS_PER_CHUNK)
        add_chunk(log, s);
    struct pm_chunk *c = pm_chunk_at(s, log->newest_chunk);
    c->runs[c->count++] =
        (struct pm_run){.o = log->o_end, .m = log->m_end, .k = log->k_end, .kind = kind};
}

static void add_block(struct pm_log *log, struct pm_log_store *s)
{
    uint32_t index = pm_pool_take(&s->blocks);
    assert(index != PM_NIL);
    block_at(s, index)->newer = PM_NIL;
    block_at(s, index)->older = log->newest_block;
    if (log->newest_block != PM_NIL)
        block_at(s, log->newest_block)->newer = index;
    else
        log->oldest_block = index;
    log->newest_block = index;
}

static void keep(struct pm_log *log, struct pm_log_store *s, const uint8_t *bytes, size_t len)
{
    while (len > 0) {
        size_t used = (size_t)(log->k_end % BLOCK_BYTES);
        if (used == 0 || log->newest_block == PM_NIL)
            add_block(log, s);
        size_t n = BLOCK_BYTES - used < len ? BLOCK_BYTES - used : len;
        memcpy(block_at(s, log->newest_block)->bytes + used, bytes, n);
        log->k_end += n;
        bytes += n;
        len -= n;
    }
}

void pm_log_copy(struct pm_log *log, struct pm_log_store *s, const uint8_t *bytes, size_t len)
{
    if (len == 0)
        return;
    const struct pm_run *last = pm_newest_run(log, s);
    if (!last || last->kind != PM_RUN_COPY)
        add_run(log, s, PM_RUN_COPY);
    keep(log, s, bytes, len);
    log->o_end += len;
    log->m_end += len;
}

/* Bytes of an edit; they join what was inserted right before. */
static void put_in(struct pm_log *log, struct pm_log_store *s, const uint8_t *with,
                   uint32_t with_len)
{
    if (!pm_log_has_loose_end(log, s))
        add_run(log, s, PM_RUN_EDIT);
    keep(log, s, with, with_len);
    log->m_end += with_len;
}

void pm_log_edit(struct pm_log *log, struct pm_log_store *s, uint32_t old_len, const uint8_t *with,
                 uint32_t with_len)
{
    assert(old_len > 0);
    put_in(log, s, with, with_len);
    log->o_end += old_len;
    log->is_edited = true;
    if (with_len != old_len)
        log->is_stretched = true;
}

void pm_log_insert(struct pm_log *log, struct pm_log_store *s, const uint8_t *with,
                   uint32_t with_len)
{
    put_in(log, s, with, with_len);
    log->is_edited = log->is_stretched = true;
}

/* Everything up to here is forgotten; the log holds no run. */
static void move_floor(struct pm_log *log)
{
    log->o_floor = log->o_end;
    log->m_floor = log->m_end;
    log->k_floor = log->k_end;
}

void pm_log_gap(struct pm_log *log, struct pm_log_store *s, uint64_t len)
{
    if (len == 0)
        return;
    const struct pm_run *last = pm_newest_run(log, s);
    bool extends = last && last->kind == PM_RUN_GAP;
    if (!extends && !pm_log_has_room(log, s, 1, 0)) {
        pm_log_forget(log, s, 0, log->o_end);
        drop_runs(log, s);
    }
    bool is_noted = extends || pm_log_has_room(log, s, 1, 0);
    if (is_noted && !extends)
        add_run(log, s, PM_RUN_GAP);
    log->o_end += len;
    log->m_end += len;
    if (!is_noted)
        move_floor(log);
}

/* ------------------------------------------------------------------ reading */

/* Where in the blocks the kept byte k is. */
struct cursor {
    uint64_t block_k; /* first k of the block */
    uint32_t block;
};

/* The block of k, sought from the nearer end. At the end of what is kept: the last block. */
static struct cursor cursor_at(const struct pm_log *log, const struct pm_log_store *s, uint64_t k)
{
    struct cursor at = {log->k_floor - log->k_floor % BLOCK_BYTES, log->oldest_block};
    if (log->k_floor == log->k_end)
        return at;
    if (k - log->k_floor < log->k_end - k) {
        for (; k - at.block_k >= BLOCK_BYTES; at.block_k += BLOCK_BYTES)
            at.block = block_at(s, at.block)->newer;
        return at;
    }
    at.block = log->newest_block; /* holds byte k_end - 1 */
    at.block_k = (log->k_end - 1) - (log->k_end - 1) % BLOCK_BYTES;
    for (; k < at.block_k; at.block_k -= BLOCK_BYTES)
        at.block = block_at(s, at.block)->older;
    return at;
}

/* Bytes from k to the end of its block, at most len; steps the cursor forward to k first. */
static const uint8_t *cursor_bytes(const struct pm_log_store *s, struct cursor *at, uint64_t k,
                                   size_t len, size_t *count)
{
    for (; k - at->block_k >= BLOCK_BYTES; at->block_k += BLOCK_BYTES)
        at->block = block_at(s, at->block)->newer;
    size_t off = (size_t)(k - at->block_k);
    *count = BLOCK_BYTES - off < len ? BLOCK_BYTES - off : len;
    return block_at(s, at->block)->bytes + off;
}

static void read_kept(const struct pm_log_store *s, struct cursor *at, uint64_t k, size_t len,
                      uint8_t *out)
{
    while (len > 0) {
        size_t n;
        const uint8_t *bytes = cursor_bytes(s, at, k, len, &n);
        memcpy(out, bytes, n);
        out += n;
        k += n;
        len -= n;
    }
}

static bool equals_kept(const struct pm_log_store *s, struct cursor *at, uint64_t k, size_t len,
                        const uint8_t *with)
{
    while (len > 0) {
        size_t n;
        const uint8_t *bytes = cursor_bytes(s, at, k, len, &n);
        if (memcmp(with, bytes, n) != 0)
            return false;
        with += n;
        k += n;
        len -= n;
    }
    return true;
}

/* The kept byte that stands at m, or where it would stand if m lies in a gap. */
static uint64_t kept_at(const struct pm_place *p, uint64_t m)
{
    return p->run->kind == PM_RUN_GAP ? p->run->k : p->run->k + (m - p->run->m);
}

size_t pm_log_read(const struct pm_log *log, const struct pm_log_store *s, uint64_t m, size_t len,
                   const uint8_t *segment, uint64_t seg_o, size_t seg_len, uint8_t *out)
{
    assert(m >= log->m_floor && m + len <= log->m_end);
    size_t written = 0;
    struct pm_place p;
    struct cursor at = {0, PM_NIL};
    if (len > 0) {
        pm_place_find(log, s, m, true, &p);
        at = cursor_at(log, s, kept_at(&p, m));
    }
    while (written < len) {
        uint64_t at_m = m + written;
        size_t n = (size_t)(p.m_end - at_m);
        if (n > len - written)
            n = len - written;
        if (p.run->kind != PM_RUN_GAP) {
            read_kept(s, &at, kept_at(&p, at_m), n, out + written);
        } else {
            uint64_t o = p.run->o + (at_m - p.run->m);
            if (o < seg_o || o - seg_o > seg_len || n > seg_len - (size_t)(o - seg_o))
                return written;
            memcpy(out + written, segment + (o - seg_o), n);
        }
        written += n;
        if (written < len && !pm_place_next(log, s, &p))
            return written;
    }
    return written;
}

uint64_t pm_log_gap_end(const struct pm_log *log, const struct pm_log_store *s, uint64_t m)
{
    struct pm_place p;
    if (m < log->m_floor || m >= log->m_end)
        return m;
    pm_place_find(log, s, m, true, &p);
    return p.run->kind == PM_RUN_GAP ? p.m_end : m;
}

enum pm_repeat pm_log_compare(const struct pm_log *log, const struct pm_log_store *s, uint64_t o,
                              const uint8_t *bytes, size_t len, bool *has_gap)
{
    assert(o >= log->o_floor && o + len <= log->o_end);
    enum pm_repeat answer = PM_REPEAT_SAME;
    *has_gap = false;
    struct pm_place p;
    struct cursor at = {0, PM_NIL};
    if (len > 0) {
        pm_place_find(log, s, o, false, &p);
        at = cursor_at(log, s, p.run->k + (p.run->kind == PM_RUN_COPY ? o - p.run->o : 0));
    }
    while (len > 0) {
        size_t n = (size_t)(p.o_end - o);
        if (n > len)
            n = len;
        if (p.run->kind == PM_RUN_EDIT)
            answer = answer == PM_REPEAT_DIFFERS ? answer : PM_REPEAT_EDITED;
        else if (p.run->kind == PM_RUN_GAP)
            *has_gap = true;
        else if (!equals_kept(s, &at, p.run->k + (o - p.run->o), n, bytes))
            answer = PM_REPEAT_DIFFERS;
        o += n;
        bytes += n;
        len -= n;
        if (len > 0 && !pm_place_next(log, s, &p))
            break;
    }
    return answer;
}

/* ------------------------------------------------------------------ forgetting */

#define HOLLOW_MOST 64

static void forget_blocks(struct pm_log *log, struct pm_log_store *s, uint64_t old_floor)
{
    uint64_t old_block = old_floor / BLOCK_BYTES;
    uint64_t new_block = log->k_floor / BLOCK_BYTES;
    while (old_block < new_block && log->oldest_block != PM_NIL) {
        uint32_t newer = block_at(s, log->oldest_block)->newer;
        pm_pool_put(&s->blocks, log->oldest_block);
        log->oldest_block = newer;
        old_block++;
    }
    if (log->oldest_block == PM_NIL)
        log->newest_block = PM_NIL;
}

static uint64_t run_k_end(const struct pm_log *log, const struct pm_log_store *s,
                          const struct pm_place *p)
{
    struct pm_place next = *p;
    return pm_place_next(log, s, &next) ? next.run->k : log->k_end;
}

/* The oldest run goes, its numbers too. */
static void drop_run(struct pm_log *log, struct pm_log_store *s)
{
    struct pm_chunk *c = pm_chunk_at(s, log->oldest_chunk);
    log->hollow--;
    log->skipped++;
    if (log->skipped < c->count)
        return;
    uint32_t newer = c->newer;
    pm_pool_put(&s->chunks, log->oldest_chunk);
    log->oldest_chunk = newer;
    log->skipped = 0;
    pm_chunk_at(s, newer)->older = PM_NIL;
}

/* The run at the floor has no byte left; false: it is the newest. */
static bool leave_run(struct pm_log *log, struct pm_log_store *s, struct pm_place *p)
{
    if (!pm_place_next(log, s, p))
        return false;
    log->floor_chunk = p->chunk;
    log->floor_index = p->index;
    log->hollow++;
    uint32_t most = s->chunks.used < s->chunks.cap / 2 ? HOLLOW_MOST : 0;
    while (log->hollow > most)
        drop_run(log, s);
    return true;
}

/* Moves the floor within a run that is no edit. */
static void move_within(struct pm_log *log, const struct pm_run *run, size_t bytes, uint64_t limit)
{
    uint64_t len = limit - log->o_floor;
    uint64_t too_many = pm_log_kept(log) - bytes;
    if (run->kind == PM_RUN_COPY && too_many < len)
        len = too_many;
    log->o_floor += len;
    log->m_floor += len;
    log->k_floor += run->kind == PM_RUN_COPY ? len : 0;
}

void pm_log_forget(struct pm_log *log, struct pm_log_store *s, size_t bytes, uint64_t limit)
{
    uint64_t old_floor = log->k_floor;
    while (log->newest_chunk != PM_NIL && (bytes == 0 || pm_log_kept(log) > bytes) &&
           log->o_floor < limit) {
        struct pm_place p;
        pm_place_at(log, s, log->floor_chunk, log->floor_index, &p);
        uint64_t k_end = run_k_end(log, s, &p);
        bool is_whole = p.o_end <= limit && log->k_end - k_end >= bytes;
        if (!is_whole) {
            if (p.run->kind != PM_RUN_EDIT)
                move_within(log, p.run, bytes, limit);
            break;
        }
        log->o_floor = p.o_end;
        log->m_floor = p.m_end;
        log->k_floor = k_end;
        if (!leave_run(log, s, &p))
            break;
    }
    forget_blocks(log, s, old_floor);
}
