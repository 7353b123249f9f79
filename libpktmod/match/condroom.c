/* condroom.c - what an engine needs to evaluate conditions: room for PCRE2 to work in. */
#include "match/condtree.h"
#include "match/vectorscan.h"

#include <stdlib.h>

static uint32_t most_groups(const struct pm_conds *c)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < c->regexes_count; i++) {
        uint32_t groups = pm_regex_groups(c->regexes[i]);
        most = groups > most ? groups : most;
    }
    return most;
}

/* The room of the set that needs most serves all. */
static size_t scan_footprint(const struct pm_conds *c)
{
    size_t most = 0;
    for (uint32_t i = 0; i < c->sets_count; i++) {
        size_t size = pm_set_room_footprint(c->sets[i]);
        most = size > most ? size : most;
    }
    return most;
}

static bool fit_sets(struct pm_cond_room *room, const struct pm_conds *c)
{
    for (uint32_t i = 0; i < c->sets_count; i++)
        if (!pm_set_fit(&room->scan, c->sets[i]))
            return false;
    return true;
}

size_t pm_cond_room_footprint(const struct pm_conds *c)
{
    size_t sum = sizeof(struct pm_cond_room) + scan_footprint(c);
    if (c->regexes_count == 0)
        return sum;
    uint32_t groups = most_groups(c);
    return sum + (groups + 1) * sizeof(struct pm_span) +
           pm_regex_room_footprint(groups, PM_REGEX_WINDOW_MAX);
}

struct pm_cond_room *pm_cond_room_new(const struct pm_conds *c)
{
    struct pm_cond_room *room = calloc(1, sizeof *room);
    if (room && !fit_sets(room, c)) {
        pm_cond_room_free(room);
        return NULL;
    }
    if (!room || c->regexes_count == 0)
        return room;
    uint32_t groups = most_groups(c);
    room->groups = calloc(groups + 1, sizeof *room->groups);
    room->regex = pm_regex_room_new(groups, PM_REGEX_WINDOW_MAX);
    if (room->groups && room->regex)
        return room;
    pm_cond_room_free(room);
    return NULL;
}

void pm_cond_room_free(struct pm_cond_room *room)
{
    if (!room)
        return;
    pm_vectorscan_room_free(room->scan);
    pm_regex_room_free(room->regex);
    free(room->groups);
    free(room);
}

enum pm_why pm_cond_room_doubt(const struct pm_cond_room *room)
{
    return room->doubt;
}

uint64_t pm_cond_room_limits(const struct pm_cond_room *room)
{
    return room->limits;
}
