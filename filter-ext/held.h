/* held.h - what an adapter keeps of packets that wait while the platform keeps the packets.
 *
 * The filter bounds how many wait; there is a place for each before it is asked. A cookie is the
 * number of a place: the next free one is given to every packet before it is judged, and is taken
 * only if the packet waits. */
#ifndef PKTMOD_FILTER_HELD_H
#define PKTMOD_FILTER_HELD_H

#include <pktmod/pktmod.h>

/* Bytes kept of each, for what is told about it. */
#define PM_HELD_BYTES 512u

struct pm_held_packet {
    uint32_t id;     /* the platform's */
    uint64_t number; /* of the packet, as the adapter counts */
    uint64_t arrived_ns;
    uint32_t mark, ifindex;
    enum pm_dir dir;
    uint32_t len, wire_len; /* of bytes; of the packet */
    uint32_t next_free;
    uint8_t bytes[PM_HELD_BYTES];
};

struct pm_held {
    struct pm_held_packet *places;
    uint32_t cap, used, first_free;
};

/* Room for `more` packets beside those that wait now; may move them. False: no memory, all is as
 * it was. `held` begins zeroed. */
bool pm_held_reserve(struct pm_held *held, uint32_t more);
void pm_held_free(struct pm_held *held);

static inline uint64_t pm_held_next_cookie(const struct pm_held *held)
{
    return held->first_free;
}

/* Copies what fits under pm_held_next_cookie(). NULL: every place is taken. */
struct pm_held_packet *pm_held_keep(struct pm_held *held, const struct pm_packet *packet);
struct pm_held_packet *pm_held_at(const struct pm_held *held, uint64_t cookie);
void pm_held_drop(struct pm_held *held, uint64_t cookie);

#endif
