/* waiting.h - copies of packets that a filter lets wait, until it hands their cookie back.
 *
 * The filter bounds how many there are, and their bytes. A cookie is the number of a place: the
 * next free one is given to every packet before it is judged, and is taken only if the packet
 * waits. */
#ifndef PKTMOD_TUNNEL_WAITING_H
#define PKTMOD_TUNNEL_WAITING_H

#include <pktmod/pktmod.h>

struct pm_waiting_packet {
    struct pm_packet packet; /* data: the copy; cookie: the caller's own */
    uint8_t *bytes;
    uint64_t number;
    uint32_t next_free;
};

struct pm_waiting {
    struct pm_waiting_packet *places;
    uint32_t cap, used, first_free;
};

/* Room for `more` packets beside those that wait now; may move them. False: no memory, all is as
 * it was. `waiting` begins zeroed. */
bool pm_waiting_reserve(struct pm_waiting *waiting, uint32_t more);
void pm_waiting_free(struct pm_waiting *waiting);

static inline uint64_t pm_waiting_next_cookie(const struct pm_waiting *waiting)
{
    return waiting->first_free;
}

/* Copies the packet under pm_waiting_next_cookie(). False: no place, or no memory. */
bool pm_waiting_keep(struct pm_waiting *waiting, const struct pm_packet *packet, uint64_t number);
/* Hands a kept packet out, whose bytes are the caller's to free; its place is free again. */
struct pm_waiting_packet pm_waiting_take(struct pm_waiting *waiting, uint64_t cookie);

#endif
