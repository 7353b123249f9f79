/* bucket.c - a token bucket; the contract is in bucket.h. */
#include "base/bucket.h"

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
    while (b) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

bool pm_bucket_rate_make(uint32_t tokens, uint64_t per_ns, uint32_t burst,
                         struct pm_bucket_rate *rate)
{
    uint64_t divisor = common_divisor(per_ns, tokens);
    *rate = (struct pm_bucket_rate){.gain = tokens / divisor, .cost = per_ns / divisor};
    if (rate->cost > (UINT64_MAX >> 1) / burst)
        return false;
    rate->cap = rate->cost * burst;
    return true;
}

bool pm_bucket_take(struct pm_bucket *bucket, const struct pm_bucket_rate *rate, uint64_t now_ns)
{
    uint64_t elapsed_ns = now_ns - bucket->last_ns;
    bucket->last_ns = now_ns;
    if (elapsed_ns > bucket->missing / rate->gain || elapsed_ns * rate->gain == bucket->missing)
        bucket->missing = 0;
    else
        bucket->missing -= elapsed_ns * rate->gain;
    if (rate->cap - bucket->missing < rate->cost)
        return false;
    bucket->missing += rate->cost;
    return true;
}
