/* runs.c - finding one's way among the runs of an edit log; the contract is in runs.h. */
#include "edit/runs.h"

const struct pm_run *pm_newest_run(const struct pm_log *log, const struct pm_log_store *s)
{
    if (log->newest_chunk == PM_NIL)
        return NULL;
    const struct pm_chunk *c = pm_chunk_at(s, log->newest_chunk);
    return &c->runs[c->count - 1];
}

bool pm_log_has_loose_end(const struct pm_log *log, const struct pm_log_store *s)
{
    const struct pm_run *newest = pm_newest_run(log, s);
    return newest && newest->kind == PM_RUN_EDIT && newest->o == log->o_end;
}

void pm_place_at(const struct pm_log *log, const struct pm_log_store *s, uint32_t chunk,
                 uint32_t index, struct pm_place *p)
{
    const struct pm_chunk *c = pm_chunk_at(s, chunk);
    p->chunk = chunk;
    p->index = index;
    p->run = &c->runs[index];
    const struct pm_run *next = NULL;
    if (index + 1 < c->count)
        next = p->run + 1;
    else if (c->newer != PM_NIL)
        next = &pm_chunk_at(s, c->newer)->runs[0];
    p->o_end = next ? next->o : log->o_end;
    p->m_end = next ? next->m : log->m_end;
}

bool pm_place_next(const struct pm_log *log, const struct pm_log_store *s, struct pm_place *p)
{
    const struct pm_chunk *c = pm_chunk_at(s, p->chunk);
    if (p->index + 1 < c->count)
        pm_place_at(log, s, p->chunk, p->index + 1, p);
    else if (c->newer != PM_NIL)
        pm_place_at(log, s, c->newer, 0, p);
    else
        return false;
    return true;
}

static uint64_t run_start(const struct pm_run *r, bool in_m)
{
    return in_m ? r->m : r->o;
}

/* The newest chunks are asked first: that is where TCP works. */
void pm_place_find(const struct pm_log *log, const struct pm_log_store *s, uint64_t position,
                   bool in_m, struct pm_place *p)
{
    uint32_t index = log->newest_chunk;
    while (index != log->oldest_chunk &&
           run_start(&pm_chunk_at(s, index)->runs[0], in_m) > position)
        index = pm_chunk_at(s, index)->older;

    const struct pm_chunk *c = pm_chunk_at(s, index);
    uint32_t low = index == log->oldest_chunk ? log->skipped : 0;
    uint32_t high = c->count; /* runs[low] <= position < runs[high] */
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (run_start(&c->runs[middle], in_m) <= position)
            low = middle;
        else
            high = middle;
    }
    pm_place_at(log, s, index, low, p);
}
