/* map.c - where positions of one stream stand in the other; the contract is in log.h. */
#include "edit/runs.h"

static uint64_t image(const struct pm_log *log, const struct pm_log_store *s, uint64_t o, bool high)
{
    if (o >= log->o_end)
        return log->m_end;
    if (o < log->o_floor)
        return log->m_floor - (log->o_floor - o);
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
