/* map.c - where positions of one stream stand in the other; the contract is in log.h. */
#include "edit/runs.h"

/* Where the numbers begin that are known. */
struct known {
    uint64_t o, m;
};

static struct known known_from(const struct pm_log *log, const struct pm_log_store *s)
{
    if (log->oldest_chunk == PM_NIL)
        return (struct known){log->o_floor, log->m_floor};
    const struct pm_run *oldest = &pm_chunk_at(s, log->oldest_chunk)->runs[log->skipped];
    return (struct known){oldest->o, oldest->m};
}

uint64_t pm_log_known_m(const struct pm_log *log, const struct pm_log_store *s)
{
    return known_from(log, s).m;
}

static uint64_t image(const struct pm_log *log, const struct pm_log_store *s, uint64_t o, bool high)
{
    if (o >= log->o_end)
        return high || o > log->o_end || !pm_log_has_loose_end(log, s) ? log->m_end
                                                                       : pm_newest_run(log, s)->m;
    struct known known = known_from(log, s);
    if (o < known.o)
        return known.m - (known.o - o);
    struct pm_place p;
    pm_place_find(log, s, o, false, &p);
    if (p.run->kind != PM_RUN_EDIT)
        return p.run->m + (o - p.run->o);
    return high && o > p.run->o ? p.m_end : p.run->m;
}

uint64_t pm_log_image_low(const struct pm_log *log, const struct pm_log_store *s, uint64_t o)
{
    return image(log, s, o, false);
}

uint64_t pm_log_image_high(const struct pm_log *log, const struct pm_log_store *s, uint64_t o)
{
    return image(log, s, o, true);
}

/* ------------------------------------------------------------------ and back */

uint64_t pm_log_pre_max(const struct pm_log *log, const struct pm_log_store *s, uint64_t m)
{
    if (m >= log->m_end)
        return log->o_end;
    struct known known = known_from(log, s);
    if (m < known.m)
        return known.o - (known.m - m);
    struct pm_place p;
    pm_place_find(log, s, m, true, &p);
    return p.run->kind == PM_RUN_EDIT ? p.run->o : p.run->o + (m - p.run->m);
}

uint64_t pm_log_pre_min(const struct pm_log *log, const struct pm_log_store *s, uint64_t m)
{
    if (m > log->m_end)
        return log->o_end;
    struct known known = known_from(log, s);
    if (m <= known.m)
        return known.o - (known.m - m);
    struct pm_place p;
    pm_place_find(log, s, m - 1, true, &p);
    return p.run->kind == PM_RUN_EDIT ? p.o_end : p.run->o + (m - p.run->m);
}
