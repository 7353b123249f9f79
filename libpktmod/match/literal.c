/* literal.c - finding many byte strings in one left-to-right scan. */
#include "match/literal.h"

#include <stdlib.h>
#include <string.h>

#include "match/vectorscan.h"
#include "match/window.h"

/* Up to so many literals are looked for one by one; beyond that one pass costs less. */
#define SEARCHED_ALONE 3

struct pm_literals {
    uint32_t count;
    struct pm_needle *needles;
    uint8_t *bytes; /* of all literals */
    size_t bytes_len;
    struct pm_windows *windows[PM_WINDOW_CLASSES]; /* those in use */
    uint32_t windows_count;
    struct pm_vectorscan *vectorscan; /* or NULL */
};

_Static_assert(SEARCHED_ALONE <= PM_SCAN_CURSORS && PM_WINDOW_CLASSES <= PM_SCAN_CURSORS,
               "each search has a cursor");

static void copy(struct pm_literals *set, const struct pm_literal *list)
{
    uint8_t *at = set->bytes;
    for (uint32_t i = 0; i < set->count; i++) {
        struct pm_literal literal = list[i];
        memcpy(at, literal.bytes, literal.len);
        literal.bytes = at;
        pm_needle_init(&set->needles[i], &literal);
        at += literal.len;
    }
}

static bool has_class(const struct pm_literals *set, uint32_t class)
{
    for (uint32_t i = 0; i < set->count; i++)
        if (pm_window_class(set->needles[i].len) == class)
            return true;
    return false;
}

static bool make_windows(struct pm_literals *set)
{
    for (uint32_t class = 0; class < PM_WINDOW_CLASSES; class ++) {
        if (!has_class(set, class))
            continue;
        struct pm_windows *windows = pm_windows_new(set->needles, set->count, class);
        if (!windows)
            return false;
        set->windows[set->windows_count++] = windows;
    }
    return true;
}

struct pm_literals *pm_literals_new(const struct pm_literal *list, uint32_t count)
{
    struct pm_literals *set = calloc(1, sizeof *set);
    if (!set)
        return NULL;
    set->count = count;
    for (uint32_t i = 0; i < count; i++)
        set->bytes_len += list[i].len;
    set->bytes = malloc(set->bytes_len ? set->bytes_len : 1);
    set->needles = calloc(count ? count : 1, sizeof *set->needles);
    if (set->bytes && set->needles) {
        copy(set, list);
        if (count >= PM_VECTORSCAN_FROM && count <= PM_VECTORSCAN_TO)
            set->vectorscan = pm_vectorscan_new(list, count);
        if (count <= SEARCHED_ALONE || make_windows(set))
            return set;
    }
    pm_literals_free(set);
    return NULL;
}

void pm_literals_free(struct pm_literals *set)
{
    if (!set)
        return;
    for (uint32_t i = 0; i < set->windows_count; i++)
        pm_windows_free(set->windows[i]);
    pm_vectorscan_free(set->vectorscan);
    free(set->needles);
    free(set->bytes);
    free(set);
}

size_t pm_literals_footprint(const struct pm_literals *set)
{
    size_t sum = sizeof *set + set->bytes_len + set->count * sizeof *set->needles +
                 pm_vectorscan_footprint(set->vectorscan);
    for (uint32_t i = 0; i < set->windows_count; i++)
        sum += pm_windows_footprint(set->windows[i]);
    return sum;
}

bool pm_literals_fit(struct pm_vectorscan_room **room, const struct pm_literals *set)
{
    return pm_vectorscan_fit(room, set->vectorscan);
}

size_t pm_literals_room_footprint(const struct pm_literals *set)
{
    return pm_vectorscan_room_footprint(set->vectorscan);
}

/* The first hit of one search at or after scan->from. */
static struct pm_hit search(const struct pm_scan *scan, uint32_t which)
{
    const struct pm_literals *set = scan->set;
    if (!scan->alone) {
        struct pm_choice choice = {scan->active, scan->active_count};
        return pm_windows_find(set->windows[which], &choice, scan->bytes, scan->len, &scan->from);
    }
    uint32_t literal = scan->active ? scan->active[which] : which;
    size_t from = scan->from.position + (literal < scan->from.literal);
    return (struct pm_hit){literal,
                           pm_needle_find(&set->needles[literal], scan->bytes, scan->len, from)};
}

void pm_scan_begin(struct pm_scan *scan, const struct pm_literals *set,
                   struct pm_vectorscan_room *room, const uint32_t *active, uint32_t active_count,
                   const uint8_t *bytes, size_t len)
{
    scan->set = set;
    scan->bytes = bytes;
    scan->len = len;
    scan->active = active;
    scan->active_count = active ? active_count : set->count;
    scan->from = (struct pm_hit){0, 0};
    scan->alone = scan->active_count <= SEARCHED_ALONE;
    scan->searches = scan->alone ? scan->active_count : set->windows_count;
    scan->found = NULL;
    scan->found_count = scan->found_next = 0;
    if (room && set->vectorscan && !scan->alone)
        scan->found = pm_vectorscan_run(set->vectorscan, room, active, active_count, bytes, len,
                                        &scan->found_count);
    for (uint32_t i = 0; i < scan->searches && !scan->found; i++)
        scan->cursor[i] = search(scan, i);
}

static struct pm_hit next_found(struct pm_scan *scan)
{
    while (scan->found_next < scan->found_count) {
        const struct pm_hit *hit = &scan->found[scan->found_next++];
        if (!pm_hit_is_before(hit, &scan->from))
            return *hit;
    }
    return (struct pm_hit){0, scan->len};
}

static struct pm_hit next_searched(struct pm_scan *scan)
{
    struct pm_hit first = {0, scan->len};
    for (uint32_t i = 0; i < scan->searches; i++) {
        if (pm_hit_is_before(&scan->cursor[i], &scan->from))
            scan->cursor[i] = search(scan, i);
        if (pm_hit_is_before(&scan->cursor[i], &first))
            first = scan->cursor[i];
    }
    return first;
}

bool pm_scan_next(struct pm_scan *scan, struct pm_hit *hit)
{
    struct pm_hit first = scan->found ? next_found(scan) : next_searched(scan);
    if (first.position >= scan->len)
        return false;
    *hit = first;
    scan->from = (struct pm_hit){first.literal + 1, first.position};
    return true;
}

void pm_scan_skip(struct pm_scan *scan, size_t position)
{
    if (position > scan->from.position)
        scan->from = (struct pm_hit){0, position};
}
