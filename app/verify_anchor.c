/* verify_anchor.c - a sorted list of pairs, and the search in it. */
#include "app/verify_anchor.h"

#include <stdlib.h>
#include <string.h>

#define TAIL 32

void pm_verify_anchors_free(struct pm_verify_anchors *anchors)
{
    free(anchors->list);
    *anchors = (struct pm_verify_anchors){0};
}

/* Bytes that repeat themselves look the same at several places. */
static bool is_periodic(const uint8_t *bytes)
{
    for (size_t period = 1; period <= TAIL / 2; period++)
        if (memcmp(bytes, bytes + period, TAIL - period) == 0)
            return true;
    return false;
}

static bool ends_alike(const struct pm_verify_stream *original, uint64_t was,
                       const struct pm_verify_stream *rewritten, uint64_t is)
{
    const uint8_t *before = pm_verify_stream_at(original, was - TAIL, TAIL);
    const uint8_t *after = pm_verify_stream_at(rewritten, is - TAIL, TAIL);
    return before != NULL && after != NULL && memcmp(before, after, TAIL) == 0 &&
           !is_periodic(before);
}

static bool reserve(struct pm_verify_anchors *anchors)
{
    if (anchors->list != NULL && anchors->count == PM_VERIFY_ANCHORS) {
        anchors->count /= 2;
        memmove(anchors->list, anchors->list + anchors->count,
                anchors->count * sizeof *anchors->list);
    }
    if (anchors->list != NULL && anchors->count < anchors->cap)
        return true;
    size_t cap = anchors->cap == 0 ? 8 : anchors->cap * 2;
    struct pm_verify_anchor *list = realloc(anchors->list, cap * sizeof *list);
    if (list == NULL)
        return false;
    anchors->list = list;
    anchors->cap = cap;
    return true;
}

bool pm_verify_anchors_add(struct pm_verify_anchors *anchors, uint64_t was, uint64_t is,
                           const struct pm_verify_stream *original,
                           const struct pm_verify_stream *rewritten)
{
    bool is_exact = ends_alike(original, was, rewritten, is);
    struct pm_verify_anchor *last = anchors->count == 0 ? NULL : &anchors->list[anchors->count - 1];
    if (last != NULL && last->was == was) {
        last->is = is; /* what had waited has left */
        last->is_exact = is_exact;
        return true;
    }
    if (!reserve(anchors))
        return false;
    anchors->list[anchors->count++] = (struct pm_verify_anchor){was, is, is_exact};
    return true;
}

void pm_verify_anchors_bound(const struct pm_verify_anchors *anchors, uint64_t was, uint64_t *least,
                             uint64_t *most)
{
    size_t low = 0, high = anchors->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (anchors->list[middle].was < was)
            low = middle + 1;
        else
            high = middle;
    }
    *least = low > 0 ? anchors->list[low - 1].is : 0;
    *most = UINT64_MAX;
    if (low == anchors->count)
        return;
    const struct pm_verify_anchor *next = &anchors->list[low];
    if (next->is_exact)
        *most = next->is;
    if (next->was == was)
        *least = next->is;
}
