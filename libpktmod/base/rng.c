/* rng.c - draws by hashing what they are drawn for; no state, so no order between rules. */
#include "base/rng.h"

#include "base/hash.h"

/* Second half of the key, so that a draw never equals another use of the hash under the seed. */
#define DRAW_DOMAIN 0x706b746d6f642d72u

static void put_little(uint8_t *p, uint64_t v)
{
    for (unsigned i = 0; i < 8; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

uint64_t pm_draw(uint64_t seed, uint64_t rule_hash, uint64_t flow_hash, uint64_t count)
{
    const uint64_t key[2] = {seed, DRAW_DOMAIN};
    uint8_t what[24];
    put_little(what, rule_hash);
    put_little(what + 8, flow_hash);
    put_little(what + 16, count);
    return pm_hash(key, what, sizeof what);
}

/* The upper half of the 128-bit product draw * bound, from four products of halves. */
uint64_t pm_draw_below(uint64_t draw, uint64_t bound)
{
    const uint64_t low = 0xffffffffu;
    uint64_t d1 = draw >> 32, d0 = draw & low;
    uint64_t b1 = bound >> 32, b0 = bound & low;
    uint64_t middle = d1 * b0 + (d0 * b0 >> 32);
    return d1 * b1 + (middle >> 32) + ((d0 * b1 + (middle & low)) >> 32);
}
