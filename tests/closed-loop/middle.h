/* middle.h - the engine between the two ends, and the watches on what passes it. */
#ifndef CL_MIDDLE_H
#define CL_MIDDLE_H

#include <pktmod/pktmod.h>

#include "link.h"
#include "story.h"
#include "watch.h"

#define MIDDLE_QUEUE 4096

/* What the engine sent or said during one call. */
struct middle_emitted {
    size_t len;
    int side; /* of the end that it comes from */
    uint16_t gso_len;
    bool is_own, is_late, changed;
    uint8_t *bytes;
};

struct middle {
    const struct plan *plan;
    struct links *links;
    struct story *story;
    struct pm_policy *policy;
    struct pm_rewriter *rewriter; /* NULL: packets pass as they are */
    struct pm_rewriter_config config;
    size_t footprint;
    struct watch watch[2];
    struct middle_emitted queue[MIDDLE_QUEUE];
    size_t queued;
    struct spans out_m; /* offsets of data that left towards the receiver of `out_side` */
    int out_side;
    struct pm_event events[64];
    size_t event_count;
    uint64_t now_ns;
    uint64_t packets_in, packets_out, own_out, timer_calls, payload_out, bytes_in, bytes_out,
        emissions, releases;
    uint64_t hash; /* of everything that entered and left, in order */
    const char *wrong;
};

/* False: the engine could not be made. With has_engine false packets pass as they are. */
bool middle_begin(struct middle *m, const struct plan *plan, struct links *links,
                  struct story *story, bool has_engine);
void middle_end(struct middle *m);

void middle_arrive(struct middle *m, uint64_t now_ns, const struct parcel *parcel);
uint64_t middle_next_ns(const struct middle *m);
void middle_due(struct middle *m, uint64_t now_ns);
/* What must hold when both ends are done. */
const char *middle_check_end(const struct middle *m);

#endif
