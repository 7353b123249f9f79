/* bench.h - what every bench needs: chance, a clock, memory or death. */
#ifndef BENCH_H
#define BENCH_H

#include <stdint.h>
#include <stdlib.h>
#include <time.h>

static inline uint32_t any(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

/* Processor time: other programs on the machine do not count. */
static inline double now_s(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

static inline void *must(void *memory)
{
    if (!memory)
        exit(1);
    return memory;
}

#endif
