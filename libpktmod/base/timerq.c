/* timerq.c - what is due next: a bounded binary heap. */
#include "base/timerq.h"

#include <assert.h>
#include <stdlib.h>

static bool is_before(const struct pm_timer *a, const struct pm_timer *b)
{
    if (a->when_ns != b->when_ns)
        return a->when_ns < b->when_ns;
    return a->arrival < b->arrival;
}

bool pm_timerq_init(struct pm_timerq *q, uint32_t cap)
{
    *q = (struct pm_timerq){0};
    if (cap == 0)
        return true;
    q->heap = calloc(cap, sizeof *q->heap);
    if (q->heap == NULL)
        return false;
    q->cap = cap;
    return true;
}

void pm_timerq_release(struct pm_timerq *q)
{
    free(q->heap);
    *q = (struct pm_timerq){0};
}

/* Moves the hole at `at` towards the root until `timer` fits, and puts it there. */
static void sift_up(struct pm_timer *heap, size_t at, struct pm_timer timer)
{
    while (at > 0 && is_before(&timer, &heap[(at - 1) / 2])) {
        heap[at] = heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap[at] = timer;
}

/* Moves the hole at `at` towards the leaves until `timer` fits, and puts it there. */
static void sift_down(struct pm_timer *heap, size_t count, size_t at, struct pm_timer timer)
{
    for (;;) {
        size_t child = 2 * at + 1;
        if (child + 1 < count && is_before(&heap[child + 1], &heap[child]))
            child++;
        if (child >= count || !is_before(&heap[child], &timer))
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = timer;
}

bool pm_timerq_add(struct pm_timerq *q, uint64_t when_ns, uint64_t value)
{
    if (q->count == q->cap)
        return false;
    struct pm_timer timer = {.when_ns = when_ns, .arrival = q->arrivals++, .value = value};
    sift_up(q->heap, q->count++, timer);
    return true;
}

const struct pm_timer *pm_timerq_peek(const struct pm_timerq *q)
{
    return q->count > 0 ? &q->heap[0] : NULL;
}

void pm_timerq_pop(struct pm_timerq *q)
{
    assert(q->count > 0);
    q->count--;
    if (q->count > 0)
        sift_down(q->heap, q->count, 0, q->heap[q->count]);
}

void pm_timerq_remove(struct pm_timerq *q, uint64_t value)
{
    size_t at = 0;
    while (at < q->count && q->heap[at].value != value)
        at++;
    assert(at < q->count);
    q->count--;
    if (at == q->count)
        return;
    struct pm_timer last = q->heap[q->count];
    if (at > 0 && is_before(&last, &q->heap[(at - 1) / 2]))
        sift_up(q->heap, at, last);
    else
        sift_down(q->heap, q->count, at, last);
}
