/* places.c - a free list of numbered places. */
#include "filter-ext/shards/places.h"

#include <assert.h>
#include <stdlib.h>

static struct pm_place *at(const struct pm_places *places, uint64_t cookie)
{
    assert(cookie > 0 && cookie <= places->cap);
    return &places->list[cookie - 1];
}

static void make_free(struct pm_places *places, uint32_t cookie)
{
    *at(places, cookie) = (struct pm_place){.next_free = places->first_free};
    places->first_free = cookie;
}

bool pm_places_init(struct pm_places *places, uint32_t cap)
{
    *places = (struct pm_places){.cap = 0};
    return pm_places_grow(places, cap);
}

bool pm_places_grow(struct pm_places *places, uint32_t cap)
{
    if (cap <= places->cap)
        return true;
    struct pm_place *list = realloc(places->list, cap * sizeof *list);
    if (list == NULL)
        return false;
    uint32_t before = places->cap;
    places->list = list;
    places->cap = cap;
    for (uint32_t cookie = cap; cookie > before; cookie--)
        make_free(places, cookie);
    return true;
}

void pm_places_free(struct pm_places *places)
{
    free(places->list);
    *places = (struct pm_places){.cap = 0};
}

void pm_places_take(struct pm_places *places, size_t len)
{
    struct pm_place *place = at(places, places->first_free);
    assert(place->state == PM_PLACE_FREE);
    places->first_free = place->next_free;
    *place = (struct pm_place){.state = PM_PLACE_TAKING, .len = len};
    places->used++;
}

static void leave(struct pm_places *places, uint64_t cookie)
{
    places->used--;
    make_free(places, (uint32_t)cookie);
}

bool pm_places_keep(struct pm_places *places, uint64_t cookie, void *kept, bool *allow)
{
    struct pm_place *place = at(places, cookie);
    assert(place->state == PM_PLACE_TAKING || place->state == PM_PLACE_DECIDED);
    if (place->state == PM_PLACE_DECIDED) {
        *allow = place->allow;
        leave(places, cookie);
        return true;
    }
    place->kept = kept;
    place->state = PM_PLACE_KEPT;
    return false;
}

void pm_places_give_up(struct pm_places *places, uint64_t cookie)
{
    struct pm_place *place = at(places, cookie);
    if (place->state == PM_PLACE_DECIDED) {
        leave(places, cookie);
        return;
    }
    place->kept = NULL;
    place->state = PM_PLACE_KEPT;
}

void *pm_places_decide(struct pm_places *places, uint64_t cookie, bool allow, size_t *len)
{
    if (cookie == 0)
        return NULL;
    struct pm_place *place = at(places, cookie);
    assert(place->state == PM_PLACE_TAKING || place->state == PM_PLACE_KEPT);
    if (place->state == PM_PLACE_TAKING) {
        place->state = PM_PLACE_DECIDED;
        place->allow = allow;
        return NULL;
    }
    void *kept = place->kept;
    *len = place->len;
    leave(places, cookie);
    return kept;
}
