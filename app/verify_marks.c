/* verify_marks.c - open addressing over fingerprints, which are random enough to be their own hash.
 */
#include "app/verify_marks.h"

#include <stdlib.h>

#define FIRST_CAP ((size_t)1024)

void pm_verify_marks_free(struct pm_verify_marks *marks)
{
    free(marks->slots);
    *marks = (struct pm_verify_marks){0};
}

/* The slot that holds the mark, or the free one where it belongs. */
static uint64_t *slot_of(uint64_t *slots, size_t cap, uint64_t mark)
{
    size_t at = (size_t)mark & (cap - 1);
    while (slots[at] != 0 && slots[at] != mark)
        at = (at + 1) & (cap - 1);
    return &slots[at];
}

static bool grow(struct pm_verify_marks *marks)
{
    size_t cap = marks->cap == 0 ? FIRST_CAP : marks->cap * 2;
    uint64_t *slots = calloc(cap, sizeof *slots);
    if (slots == NULL)
        return false;
    for (size_t i = 0; i < marks->cap; i++)
        if (marks->slots[i] != 0)
            *slot_of(slots, cap, marks->slots[i]) = marks->slots[i];
    free(marks->slots);
    marks->slots = slots;
    marks->cap = cap;
    return true;
}

bool pm_verify_marks_add(struct pm_verify_marks *marks, uint64_t mark)
{
    mark = mark == 0 ? 1 : mark;
    if (marks->count >= marks->cap / 4 * 3 && !grow(marks))
        return false;
    uint64_t *slot = slot_of(marks->slots, marks->cap, mark);
    marks->count += *slot == 0 ? 1 : 0;
    *slot = mark;
    return true;
}

bool pm_verify_marks_has(const struct pm_verify_marks *marks, uint64_t mark)
{
    mark = mark == 0 ? 1 : mark;
    return marks->cap > 0 && *slot_of(marks->slots, marks->cap, mark) != 0;
}
