/* link.h - the four ways of a seed: they delay, lose, repeat, overtake, corrupt and cut. */
#ifndef CL_LINK_H
#define CL_LINK_H

#include "plan.h"

enum link_way { LINK_A_TO_M, LINK_M_TO_A, LINK_B_TO_M, LINK_M_TO_B, LINK_WAYS };

struct parcel {
    uint64_t at_ns, order;
    enum link_way way;
    uint16_t gso_len; /* of a super-packet */
    size_t len;
    uint8_t bytes[];
};

struct links {
    struct plan_link config[LINK_WAYS];
    struct dice dice;
    struct parcel **heap; /* earliest first */
    size_t count, cap;
    uint64_t orders;
    uint64_t last_ns[LINK_WAYS];
    bool merges; /* what arrives at M back to back may arrive as one */
    uint64_t lost, corrupted;
};

void links_begin(struct links *l, const struct plan *plan);
void links_end(struct links *l);
void links_put(struct links *l, enum link_way way, uint64_t now_ns, const uint8_t *packet,
               size_t len);
uint64_t links_next_ns(const struct links *l);
/* The next that arrives; to be freed. */
struct parcel *links_take(struct links *l);

#endif
