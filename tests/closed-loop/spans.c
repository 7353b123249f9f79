/* spans.c - sets of positions; the contract is in spans.h. */
#include "spans.h"

#include <stdlib.h>
#include <string.h>

void spans_free(struct spans *s)
{
    free(s->at);
    *s = (struct spans){0};
}

/* Index of the first span that ends at or behind `position`. */
static size_t first_reaching(const struct spans *s, int64_t position)
{
    size_t low = 0, high = s->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (s->at[middle].end >= position)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static void open_slot(struct spans *s, size_t index)
{
    if (s->count == s->cap) {
        s->cap = s->cap ? 2 * s->cap : 8;
        s->at = realloc(s->at, s->cap * sizeof *s->at);
        if (!s->at)
            abort();
    }
    memmove(s->at + index + 1, s->at + index, (s->count - index) * sizeof *s->at);
    s->count++;
}

void spans_add(struct spans *s, int64_t begin, int64_t end)
{
    if (begin >= end)
        return;
    size_t first = first_reaching(s, begin), last = first;
    while (last < s->count && s->at[last].begin <= end)
        last++;
    if (first == last) {
        open_slot(s, first);
        s->at[first] = (struct span){begin, end};
        return;
    }
    if (s->at[first].begin < begin)
        begin = s->at[first].begin;
    if (s->at[last - 1].end > end)
        end = s->at[last - 1].end;
    s->at[first] = (struct span){begin, end};
    memmove(s->at + first + 1, s->at + last, (s->count - last) * sizeof *s->at);
    s->count -= last - first - 1;
}

void spans_cut_below(struct spans *s, int64_t end)
{
    size_t gone = 0;
    while (gone < s->count && s->at[gone].end <= end)
        gone++;
    if (gone > 0)
        memmove(s->at, s->at + gone, (s->count - gone) * sizeof *s->at);
    s->count -= gone;
    if (s->count > 0 && s->at[0].begin < end)
        s->at[0].begin = end;
}

const struct span *spans_find(const struct spans *s, int64_t position)
{
    size_t index = first_reaching(s, position + 1);
    if (index == s->count || s->at[index].begin > position)
        return NULL;
    return &s->at[index];
}

bool spans_hold(const struct spans *s, int64_t begin, int64_t end)
{
    if (begin >= end)
        return true;
    const struct span *span = spans_find(s, begin);
    return span && span->end >= end;
}

int64_t spans_within(const struct spans *s, int64_t begin, int64_t end)
{
    int64_t sum = 0;
    for (size_t i = first_reaching(s, begin); i < s->count && s->at[i].begin < end; i++) {
        int64_t from = s->at[i].begin > begin ? s->at[i].begin : begin;
        int64_t to = s->at[i].end < end ? s->at[i].end : end;
        sum += to > from ? to - from : 0;
    }
    return sum;
}

int64_t spans_next_hole(const struct spans *s, int64_t from)
{
    const struct span *span = spans_find(s, from);
    return span ? span->end : from;
}

int64_t spans_next_begin(const struct spans *s, int64_t from, int64_t limit)
{
    size_t index = first_reaching(s, from + 1);
    if (index == s->count)
        return limit;
    int64_t begin = s->at[index].begin > from ? s->at[index].begin : from;
    return begin < limit ? begin : limit;
}

int64_t spans_top(const struct spans *s, int64_t otherwise)
{
    return s->count > 0 ? s->at[s->count - 1].end : otherwise;
}
