/* ticks.c - converts timestamps without ever wrapping: what does not fit becomes the nearest end.
 */
#include "app/ticks.h"

#define NS_PER_S UINT64_C(1000000000)

static uint64_t times(uint64_t a, uint64_t b)
{
    return a != 0 && b > UINT64_MAX / a ? UINT64_MAX : a * b;
}

static uint64_t plus(uint64_t a, uint64_t b)
{
    return b > UINT64_MAX - a ? UINT64_MAX : a + b;
}

/* 10^n; the largest number where that does not fit. */
static uint64_t power_of_ten(unsigned n)
{
    uint64_t power = 1;
    for (unsigned i = 0; i < n && power != UINT64_MAX; i++)
        power = times(power, 10);
    return power;
}

/* Adds seconds of either sign to a time in ns. */
static uint64_t shift_s(uint64_t ns, int64_t seconds)
{
    uint64_t distance = seconds < 0 ? UINT64_C(0) - (uint64_t)seconds : (uint64_t)seconds;
    uint64_t distance_ns = times(distance, NS_PER_S);
    if (seconds >= 0)
        return plus(ns, distance_ns);
    return ns > distance_ns ? ns - distance_ns : 0;
}

/* ticks of 2^-n s. 34 binary digits of a second times 10^9 just fit 64 bits, and are finer than a
 * nanosecond. */
static uint64_t binary_to_ns(unsigned n, uint64_t ticks)
{
    uint64_t seconds = n < 64 ? ticks >> n : 0;
    uint64_t fraction = n < 64 ? ticks - (seconds << n) : ticks;
    if (n > 34) {
        fraction = n - 34 < 64 ? fraction >> (n - 34) : 0;
        n = 34;
    }
    return plus(times(seconds, NS_PER_S), fraction * NS_PER_S >> n);
}

static uint64_t binary_from_ns(unsigned n, uint64_t ns)
{
    uint64_t seconds = ns / NS_PER_S, rest = ns % NS_PER_S;
    unsigned fine = n > 34 ? 34 : n;
    uint64_t fraction = (rest << fine) / NS_PER_S;
    if (n - fine >= 30)
        return UINT64_MAX;
    return plus(times(seconds, n < 64 ? UINT64_C(1) << n : UINT64_MAX), fraction << (n - fine));
}

uint64_t pm_ticks_to_ns(struct pm_ticks clock, uint64_t ticks)
{
    uint64_t ns;
    if (clock.exponent == 6 && !clock.binary) /* nearly all files; divides by a constant */
        ns = ticks > UINT64_MAX / 1000 ? UINT64_MAX : ticks * 1000;
    else if (clock.binary)
        ns = binary_to_ns(clock.exponent, ticks);
    else if (clock.exponent <= 9)
        ns = times(ticks, power_of_ten(9u - clock.exponent));
    else
        ns = clock.exponent > 28 ? 0 : ticks / power_of_ten(clock.exponent - 9u);
    return clock.offset_s == 0 ? ns : shift_s(ns, clock.offset_s);
}

uint64_t pm_ticks_from_ns(struct pm_ticks clock, uint64_t ns)
{
    if (clock.offset_s != 0)
        ns = shift_s(ns, clock.offset_s == INT64_MIN ? INT64_MAX : -clock.offset_s);
    if (clock.binary)
        return binary_from_ns(clock.exponent, ns);
    if (clock.exponent <= 9)
        return ns / power_of_ten(9u - clock.exponent);
    return times(ns, power_of_ten(clock.exponent - 9u));
}
