/* prefetch.h - asking for memory before it is needed, so that misses overlap. */
#ifndef PM_BASE_PREFETCH_H
#define PM_BASE_PREFETCH_H

/* The line at p will be read soon, perhaps. p need not be valid. */
static inline void pm_prefetch(const void *p)
{
#if defined(__GNUC__)
    __builtin_prefetch(p);
#else
    (void)p;
#endif
}

#endif
