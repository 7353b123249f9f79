/* runs.h - the runs of an edit log, as they lie in memory: chunks in a list, oldest first. For the
 * files of edit/ alone. */
#ifndef PM_EDIT_RUNS_H
#define PM_EDIT_RUNS_H

#include "edit/log.h"

#define RUNS_PER_CHUNK 31

struct pm_run {
    uint64_t o, m, k; /* where it begins */
    uint32_t kind;
    uint32_t unused;
};

struct pm_chunk {
    struct pm_run runs[RUNS_PER_CHUNK];
    uint32_t count;
    uint32_t older, newer;
};

static inline struct pm_chunk *pm_chunk_at(const struct pm_log_store *s, uint32_t index)
{
    return pm_pool_at(&s->chunks, index);
}

/* NULL: there is none. */
const struct pm_run *pm_newest_run(const struct pm_log *log, const struct pm_log_store *s);
/* The newest run takes the place of no original byte: inserted bytes, at the end. */
bool pm_log_has_loose_end(const struct pm_log *log, const struct pm_log_store *s);

/* A run and where it ends. */
struct pm_place {
    uint32_t chunk, index;
    const struct pm_run *run;
    uint64_t o_end, m_end;
};

void pm_place_at(const struct pm_log *log, const struct pm_log_store *s, uint32_t chunk,
                 uint32_t index, struct pm_place *p);
/* Steps to the next run; false: that was the last. */
bool pm_place_next(const struct pm_log *log, const struct pm_log_store *s, struct pm_place *p);
/* The last run that begins at or before the position (in O or in M), which lies in
 * [floor, end). In M, of several runs that begin at the same byte (deletions) the last is the one
 * that has bytes. */
void pm_place_find(const struct pm_log *log, const struct pm_log_store *s, uint64_t position,
                   bool in_m, struct pm_place *p);

#endif
