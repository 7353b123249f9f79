/* dice.h - seeded draws: the same seed makes the same run, on every machine. */
#ifndef CL_DICE_H
#define CL_DICE_H

#include <stdbool.h>
#include <stdint.h>

struct dice {
    uint64_t state;
};

/* Each part of a seed has dice of its own, so that one part's draws do not move another's. */
static inline struct dice dice_make(uint64_t seed, uint64_t part)
{
    return (struct dice){.state = seed * UINT64_C(0x9e3779b97f4a7c15) ^
                                  (part + 1) * UINT64_C(0xd1b54a32d192ed03)};
}

static inline uint64_t dice_next(struct dice *d)
{
    uint64_t z = (d->state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* 0 .. n-1; n at least 1 */
static inline uint64_t dice_below(struct dice *d, uint64_t n)
{
    return dice_next(d) % n;
}

/* lo .. hi, both included */
static inline uint64_t dice_range(struct dice *d, uint64_t lo, uint64_t hi)
{
    return lo + dice_below(d, hi - lo + 1);
}

static inline bool dice_percent(struct dice *d, uint32_t percent)
{
    return dice_below(d, 100) < percent;
}

/* Small numbers more often: each doubling of lo is as likely as the next. */
static inline uint64_t dice_scale(struct dice *d, uint64_t lo, uint64_t hi)
{
    uint64_t top = lo;
    while (top < hi && dice_percent(d, 70))
        top = top * 2 + 1;
    return dice_range(d, lo, top < hi ? top : hi);
}

#endif
