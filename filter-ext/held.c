/* held.c - places for packets that wait; the contract is in held.h. */
#include "filter-ext/held.h"

#include <stdlib.h>
#include <string.h>

#define NO_PLACE UINT32_MAX

bool pm_held_reserve(struct pm_held *held, uint32_t more)
{
    if (more > NO_PLACE - 1 - held->used)
        return false;
    uint32_t cap = held->used + more;
    if (cap <= held->cap)
        return true;
    struct pm_held_packet *places = realloc(held->places, cap * sizeof *places);
    if (places == NULL)
        return false;
    uint32_t first = held->cap == 0 ? NO_PLACE : held->first_free;
    for (uint32_t i = cap; i-- > held->cap;) {
        places[i].next_free = first;
        first = i;
    }
    held->places = places;
    held->cap = cap;
    held->first_free = first;
    return true;
}

void pm_held_free(struct pm_held *held)
{
    free(held->places);
    *held = (struct pm_held){.places = NULL};
}

struct pm_held_packet *pm_held_keep(struct pm_held *held, const struct pm_packet *packet)
{
    if (held->used == held->cap)
        return NULL;
    struct pm_held_packet *place = &held->places[held->first_free];
    size_t len = packet->len < PM_HELD_BYTES ? packet->len : PM_HELD_BYTES;
    held->first_free = place->next_free;
    held->used++;
    place->len = (uint32_t)len;
    place->wire_len = (uint32_t)packet->wire_len;
    place->ifindex = packet->ifindex;
    memcpy(place->bytes, packet->data, len);
    return place;
}

struct pm_held_packet *pm_held_at(const struct pm_held *held, uint64_t cookie)
{
    return &held->places[cookie];
}

void pm_held_drop(struct pm_held *held, uint64_t cookie)
{
    held->places[cookie].next_free = held->first_free;
    held->first_free = (uint32_t)cookie;
    held->used--;
}
