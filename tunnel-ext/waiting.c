/* waiting.c - copies of packets that wait; the contract is in waiting.h. */
#include "tunnel-ext/waiting.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX

bool pm_waiting_reserve(struct pm_waiting *waiting, uint32_t more)
{
    uint32_t cap = waiting->used + more;
    if (cap <= waiting->cap)
        return true;
    struct pm_waiting_packet *places = realloc(waiting->places, cap * sizeof *places);
    if (places == NULL)
        return false;
    uint32_t next = waiting->cap == 0 ? NONE : waiting->first_free;
    for (uint32_t i = cap; i-- > waiting->cap;) {
        places[i] = (struct pm_waiting_packet){.bytes = NULL, .next_free = next};
        next = i;
    }
    waiting->places = places;
    waiting->first_free = next;
    waiting->cap = cap;
    return true;
}

void pm_waiting_free(struct pm_waiting *waiting)
{
    for (uint32_t i = 0; i < waiting->cap; i++)
        free(waiting->places[i].bytes);
    free(waiting->places);
    *waiting = (struct pm_waiting){.cap = 0};
}

bool pm_waiting_keep(struct pm_waiting *waiting, const struct pm_packet *packet, uint64_t number)
{
    if (waiting->cap == 0 || waiting->first_free == NONE)
        return false;
    uint8_t *copy = malloc(packet->len == 0 ? 1 : packet->len);
    if (copy == NULL)
        return false;
    struct pm_waiting_packet *place = &waiting->places[waiting->first_free];
    memcpy(copy, packet->data, packet->len);
    place->bytes = copy;
    place->packet = *packet;
    place->packet.data = copy;
    place->number = number;
    waiting->first_free = place->next_free;
    waiting->used++;
    return true;
}

struct pm_waiting_packet pm_waiting_take(struct pm_waiting *waiting, uint64_t cookie)
{
    assert(cookie < waiting->cap && waiting->places[cookie].bytes != NULL);
    struct pm_waiting_packet *place = &waiting->places[cookie], taken = *place;
    place->bytes = NULL;
    place->next_free = waiting->first_free;
    waiting->first_free = (uint32_t)cookie;
    waiting->used--;
    return taken;
}
