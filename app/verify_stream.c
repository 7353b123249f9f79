/* verify_stream.c - sorted runs of what was sent, and a window of bytes with a bit for each. */
#include "app/verify_stream.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CAP ((size_t)2048)

void pm_verify_stream_forget(struct pm_verify_stream *stream)
{
    free(stream->bytes);
    stream->bytes = NULL;
    stream->cap = 0;
    stream->low = stream->top = 0;
}

void pm_verify_stream_free(struct pm_verify_stream *stream)
{
    pm_verify_stream_forget(stream);
    free(stream->runs);
    stream->runs = NULL;
    stream->run_count = stream->run_cap = 0;
}

size_t pm_verify_stream_size(const struct pm_verify_stream *stream)
{
    return stream->cap + stream->cap / 8 + stream->run_cap * sizeof *stream->runs;
}

static bool reserve_run(struct pm_verify_stream *stream)
{
    if (stream->run_count == PM_VERIFY_RUNS) {
        stream->runs[1].begin = stream->runs[0].begin;
        stream->run_count--;
        memmove(stream->runs, stream->runs + 1, stream->run_count * sizeof *stream->runs);
    }
    if (stream->run_count < stream->run_cap)
        return true;
    size_t cap = stream->run_cap == 0 ? 1 : stream->run_cap * 4;
    struct pm_verify_run *runs = realloc(stream->runs, cap * sizeof *runs);
    if (runs == NULL)
        return false;
    stream->runs = runs;
    stream->run_cap = cap;
    return true;
}

/* The first run that ends at `pos` or behind it. */
static size_t find_run(const struct pm_verify_stream *stream, uint64_t pos)
{
    size_t low = 0, high = stream->run_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (stream->runs[middle].end < pos)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool pm_verify_stream_sent(struct pm_verify_stream *stream, uint64_t begin, uint64_t end)
{
    if (begin >= end)
        return true;
    if (!reserve_run(stream))
        return false;
    size_t first = find_run(stream, begin), last = first;
    for (; last < stream->run_count && stream->runs[last].begin <= end; last++) {
        begin = stream->runs[last].begin < begin ? stream->runs[last].begin : begin;
        end = stream->runs[last].end > end ? stream->runs[last].end : end;
    }
    memmove(stream->runs + first + 1, stream->runs + last,
            (stream->run_count - last) * sizeof *stream->runs);
    stream->runs[first] = (struct pm_verify_run){begin, end};
    stream->run_count = stream->run_count - (last - first) + 1;
    return true;
}

bool pm_verify_stream_is_sent(const struct pm_verify_stream *stream, uint64_t begin, uint64_t end)
{
    size_t at = find_run(stream, begin + 1);
    return begin >= end || (at < stream->run_count && stream->runs[at].begin <= begin &&
                            stream->runs[at].end >= end);
}

static bool is_known(const struct pm_verify_stream *stream, size_t at)
{
    return (stream->bytes[stream->cap + at / 8] >> at % 8 & 1) != 0;
}

static void set_known(struct pm_verify_stream *stream, size_t at)
{
    uint8_t *bits = &stream->bytes[stream->cap + at / 8];
    *bits = (uint8_t)(*bits | 1u << at % 8);
}

/* Another window over the same stream; what lies in both stays. */
static bool move_window(struct pm_verify_stream *stream, uint64_t low, size_t cap)
{
    uint8_t *bytes = calloc(1, cap + cap / 8);
    if (bytes == NULL)
        return false;
    if (stream->low + stream->cap > low && stream->cap > 0) {
        size_t from = low > stream->low ? (size_t)(low - stream->low) : 0;
        size_t to = low > stream->low ? 0 : (size_t)(stream->low - low);
        size_t len = stream->cap - from < cap - to ? stream->cap - from : cap - to;
        memcpy(bytes + to, stream->bytes + from, len);
        memcpy(bytes + cap + to / 8, stream->bytes + stream->cap + from / 8, len / 8);
    }
    free(stream->bytes);
    stream->bytes = bytes;
    stream->low = low;
    stream->cap = cap;
    return true;
}

/* Makes the window reach to `end`; from `begin` on if it is still small enough for that. */
static bool make_room(struct pm_verify_stream *stream, uint64_t begin, uint64_t end)
{
    uint64_t low = stream->cap == 0 || begin < stream->low ? begin & ~UINT64_C(7) : stream->low;
    uint64_t high = stream->top > end ? stream->top : end;
    if (stream->cap > 0 && low == stream->low && end <= stream->low + stream->cap)
        return true;
    size_t cap = stream->cap == 0 ? FIRST_CAP : stream->cap;
    while (cap < high - low && cap < PM_VERIFY_WINDOW)
        cap *= 2;
    if (cap < high - low) {
        if (end <= stream->top)
            return true; /* older than what there is room for */
        low = (end - cap + cap / 4 + 7) & ~UINT64_C(7);
    }
    return move_window(stream, low, cap);
}

static void compare(struct pm_verify_difference *difference, uint64_t pos, uint8_t was, uint8_t is)
{
    if (was == is)
        return;
    if (difference->count++ == 0) {
        difference->pos = pos;
        difference->was = was;
        difference->is = is;
    }
}

bool pm_verify_stream_put(struct pm_verify_stream *stream, uint64_t pos, const uint8_t *bytes,
                          size_t len, struct pm_verify_difference *difference)
{
    *difference = (struct pm_verify_difference){0};
    if (len == 0)
        return true;
    if (!make_room(stream, pos, pos + len))
        return false;
    stream->top = pos + len > stream->top ? pos + len : stream->top;
    for (size_t i = 0; i < len; i++) {
        if (pos + i < stream->low)
            continue;
        size_t at = (size_t)(pos + i - stream->low);
        if (at >= stream->cap)
            break;
        if (is_known(stream, at)) {
            compare(difference, pos + i, stream->bytes[at], bytes[i]);
            continue;
        }
        stream->bytes[at] = bytes[i];
        set_known(stream, at);
    }
    return true;
}

const uint8_t *pm_verify_stream_at(const struct pm_verify_stream *stream, uint64_t pos, size_t len)
{
    if (pos < stream->low || pos + len > stream->low + stream->cap)
        return NULL;
    size_t at = (size_t)(pos - stream->low);
    for (size_t i = 0; i < len; i++)
        if (!is_known(stream, at + i))
            return NULL;
    return stream->bytes + at;
}
