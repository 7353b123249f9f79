/* bucket.h - a token bucket without rounding: so many tokens in so many nanoseconds. */
#ifndef PM_BASE_BUCKET_H
#define PM_BASE_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

/* In lowest terms, so that whole numbers count: a nanosecond brings `gain`, a token costs `cost`,
 * and `cap` is what can be saved up. */
struct pm_bucket_rate {
    uint64_t gain, cost, cap;
};

struct pm_bucket {
    uint64_t missing; /* of cap; 0: full, so a zeroed bucket is */
    uint64_t last_ns;
};

/* tokens and burst >= 1, per_ns >= 1. False: burst tokens take too long to count in 64 bits; at a
 * rate of one an hour, that are millions. */
bool pm_bucket_rate_make(uint32_t tokens, uint64_t per_ns, uint32_t burst,
                         struct pm_bucket_rate *rate);

/* Takes a token. False: there was none. now_ns never goes back. */
bool pm_bucket_take(struct pm_bucket *bucket, const struct pm_bucket_rate *rate, uint64_t now_ns);

/* So many tokens are there, and the next one comes after *next_ns (0: one is there). */
uint64_t pm_bucket_tokens(const struct pm_bucket *bucket, const struct pm_bucket_rate *rate,
                          uint64_t now_ns, uint64_t *next_ns);

#endif
