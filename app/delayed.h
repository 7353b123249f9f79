/* delayed.h - keeps the records of delayed packets until the filter hands their cookie back.
 *
 * The filter bounds how many there are. A cookie is the number of a slot here: the next free one is
 * given to every packet before it is judged, and is taken only if the packet is delayed.
 */
#ifndef PKTMOD_APP_DELAYED_H
#define PKTMOD_APP_DELAYED_H

#include "app/capture.h"

struct pm_delayed_packet {
    struct pm_record record; /* a copy, with its bytes */
    uint64_t arrived_ns, release_ns;
    uint32_t rule; /* that delayed it, or PM_NO_RULE */
    enum pm_dir dir;
    bool is_final; /* as in pm_decision */
    uint32_t next_free;
};

struct pm_delayed {
    struct pm_delayed_packet *slots;
    uint32_t cap, first_free;
};

/* The cookie that the next kept packet gets. */
static inline uint64_t pm_delayed_next_cookie(const struct pm_delayed *delayed)
{
    return delayed->first_free;
}

/* Begins empty; false without memory. */
bool pm_delayed_init(struct pm_delayed *delayed);
void pm_delayed_free(struct pm_delayed *delayed);

/* Copies the record under pm_delayed_next_cookie(). False: no memory. */
bool pm_delayed_keep(struct pm_delayed *delayed, const struct pm_record *record,
                     const struct pm_decision *decision, uint64_t now_ns);
struct pm_delayed_packet *pm_delayed_at(struct pm_delayed *delayed, uint64_t cookie);
void pm_delayed_drop(struct pm_delayed *delayed, uint64_t cookie);

#endif
