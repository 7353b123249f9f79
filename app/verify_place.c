/* verify_place.c - finds the place of a position again by the bytes on both sides of it. */
#include "app/verify_place.h"

#include <string.h>

#define BESIDE 12 /* bytes on either side */
#define REACH  ((uint64_t)64 << 10)

static bool agrees(const struct pm_verify_stream *original, uint64_t pos,
                   const struct pm_verify_stream *rewritten, uint64_t place)
{
    const uint8_t *wanted = pm_verify_stream_at(original, pos, BESIDE);
    const uint8_t *found = pm_verify_stream_at(rewritten, place, BESIDE);
    return wanted == NULL || found == NULL || memcmp(wanted, found, BESIDE) == 0;
}

/* How often the bytes stand within reach of `around`; counting ends at two. */
static unsigned count_places(const struct pm_verify_stream *stream, uint64_t around,
                             const uint8_t *bytes, uint64_t *place)
{
    uint64_t low = around - REACH > stream->low ? around - REACH : stream->low;
    uint64_t high = stream->low + stream->cap;
    high = around + REACH < high ? around + REACH : high;
    unsigned count = 0;
    for (uint64_t at = low; at + 2 * BESIDE <= high && count < 2; at++) {
        const uint8_t *here = stream->bytes + (at - stream->low);
        const uint8_t *next = memchr(here, bytes[0], (size_t)(high - at - 2 * BESIDE + 1));
        if (next == NULL)
            break;
        at += (uint64_t)(next - here);
        if (memcmp(next, bytes, 2 * BESIDE) != 0 ||
            pm_verify_stream_at(stream, at, 2 * BESIDE) == NULL)
            continue;
        *place = at + BESIDE;
        count++;
    }
    return count;
}

bool pm_verify_place_is_wrong(const struct pm_verify_stream *original, uint64_t pos,
                              const struct pm_verify_stream *rewritten, uint64_t place,
                              uint64_t *expected)
{
    const uint8_t *bytes = pm_verify_stream_at(original, pos - BESIDE, 2 * BESIDE);
    if (bytes == NULL || agrees(original, pos, rewritten, place) ||
        agrees(original, pos - BESIDE, rewritten, place - BESIDE))
        return false;
    uint64_t itself;
    return count_places(original, pos, bytes, &itself) == 1 &&
           count_places(rewritten, place, bytes, expected) == 1 && *expected != place;
}
