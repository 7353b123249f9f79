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

static void fill(struct pm_bucket *bucket, const struct pm_bucket_rate *rate, uint64_t now_ns)
{
    uint64_t elapsed_ns = now_ns - bucket->last_ns;
    bucket->last_ns = now_ns;
    if (elapsed_ns > bucket->missing / rate->gain || elapsed_ns * rate->gain == bucket->missing)
        bucket->missing = 0;
    else
        bucket->missing -= elapsed_ns * rate->gain;
}

bool pm_bucket_take(struct pm_bucket *bucket, const struct pm_bucket_rate *rate, uint64_t now_ns)
{
    fill(bucket, rate, now_ns);
    if (rate->cap - bucket->missing < rate->cost)
        return false;
    bucket->missing += rate->cost;
    return true;
}

uint64_t pm_bucket_tokens(const struct pm_bucket *bucket, const struct pm_bucket_rate *rate,
                          uint64_t now_ns, uint64_t *next_ns)
{
    struct pm_bucket copy = *bucket;
    fill(&copy, rate, now_ns);
    uint64_t saved = rate->cap - copy.missing;
    uint64_t lacking = saved < rate->cost ? rate->cost - saved : 0;
    *next_ns = lacking / rate->gain + (lacking % rate->gain != 0);
    return saved / rate->cost;
}
