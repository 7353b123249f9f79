/* places.h - packets that wait in one shard: what the platform gave for each, under a number.
 *
 *            take             keep() returned         the engine says when
 *     FREE ───────► TAKING ──────────────────► KEPT ────────────────────► let go, FREE
 *                      │ the engine is faster                   ▲
 *                      └──────────────► DECIDED ────────────────┘ keep() returned
 *
 * The platform is asked to keep a packet after the engine said so, and without a lock; so the end
 * of the wait may come first. The caller holds the shard's lock. */
#ifndef PKTMOD_FILTER_PLACES_H
#define PKTMOD_FILTER_PLACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pm_place_state { PM_PLACE_FREE, PM_PLACE_TAKING, PM_PLACE_KEPT, PM_PLACE_DECIDED };

struct pm_place {
    void *kept;
    size_t len;         /* of the packet */
    uint32_t next_free; /* cookie of the next; 0: the last */
    enum pm_place_state state;
    bool allow; /* DECIDED */
};

/* Cookies are numbers of places from 1; 0 is no place. */
struct pm_places {
    struct pm_place *list;
    uint32_t cap, first_free, used;
};

/* False: no memory. */
bool pm_places_init(struct pm_places *places, uint32_t cap);
/* Room for `cap` and for all that wait. False: no memory, all is as it was. */
bool pm_places_grow(struct pm_places *places, uint32_t cap);
void pm_places_free(struct pm_places *places);

/* The cookie that the next packet would get; 0: all places are taken. */
static inline uint64_t pm_places_next(const struct pm_places *places)
{
    return places->first_free;
}

/* FREE -> TAKING, of pm_places_next(). */
void pm_places_take(struct pm_places *places, size_t len);

/* TAKING -> KEPT; or DECIDED -> FREE: true, and the packet is to be let go now as *allow says. */
bool pm_places_keep(struct pm_places *places, uint64_t cookie, void *kept, bool *allow);
/* It is not kept after all; the place stays taken until the engine has named it. */
void pm_places_give_up(struct pm_places *places, uint64_t cookie);

/* The wait is over. KEPT -> FREE: answers what was kept, to be let go now, and its length.
 * TAKING -> DECIDED: NULL, who takes it will let it go. Cookie 0, or one that was given up: NULL.
 */
void *pm_places_decide(struct pm_places *places, uint64_t cookie, bool allow, size_t *len);

#endif
