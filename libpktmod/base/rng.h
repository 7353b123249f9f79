/* rng.h - chance as a pure function: a draw is a keyed hash of what it is drawn for. */
#ifndef PM_BASE_RNG_H
#define PM_BASE_RNG_H

#include <stdint.h>

/* Uniform 64 bits for the count-th draw of a rule (hash of its id) on a flow. */
uint64_t pm_draw(uint64_t seed, uint64_t rule_hash, uint64_t flow_hash, uint64_t count);

/* Maps a draw to 0..bound-1 without bias worth naming (bound <= 2^63). bound >= 1. */
uint64_t pm_draw_below(uint64_t draw, uint64_t bound);

#endif
