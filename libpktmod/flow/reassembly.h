/* reassembly.h - IP fragments until their datagram is whole; bounded in every direction.
 *
 *     bucket[hash] -> datagram -> datagram -> NIL
 *                        |  in order of arrival  [frame] -> [frame] -> [frame]    each a chain of
 *                        |  by place             [0,8) -> [8,1480) -> [2960,3000)         blocks
 *     source -> its datagrams, oldest first        all datagrams, oldest first
 *
 * Exact copies of a fragment wait with it and count for nothing. Every other overlap, a part behind
 * the last one, two ends: fragments that contradict each other (RFC 5722; for IPv4 too, because
 * which of two copies counts depends on who receives them). First pieces never win here, the whole
 * datagram goes.
 *
 * A datagram is remembered for timeout_ns from its first fragment. Where there is no room, the
 * oldest datagram of the source that holds most is given up (of the same source, where that has as
 * many as one may have); a source is an IPv4 address or an IPv6 /64. Whoever is given up is told
 * first: its fragments can still be read in on_give_up.
 */
#ifndef PM_FLOW_REASSEMBLY_H
#define PM_FLOW_REASSEMBLY_H

#include <pktmod/pktmod.h>

#include "base/pool.h"
#include "flow/fragment.h"

struct pm_reassembly_limits {
    uint32_t datagrams;        /* at a time */
    uint32_t source_datagrams; /* of them, from one source */
    uint32_t fragments;        /* of one datagram, copies included */
    uint32_t bytes;            /* of all frames kept, rounded up to blocks; 0: none are kept */
    uint64_t timeout_ns;
};

enum pm_datagram_state {
    PM_DATAGRAM_WAITS,    /* fragments are kept until it is whole */
    PM_DATAGRAM_PASSES,   /* it does not wait; only remembered */
    PM_DATAGRAM_POISONED, /* its fragments contradict each other */
};

struct pm_datagram {
    struct pm_fragment_key key;
    uint64_t hash;
    uint64_t deadline_ns;
    uint32_t next;         /* in the bucket */
    uint32_t older, newer; /* of all */
    uint32_t source, source_older, source_newer;
    uint32_t first_arrived, last_arrived, lowest; /* in fragments */
    uint32_t fragments;                           /* kept */
    uint32_t blocks;                              /* that they take */
    uint32_t seen;                                /* bytes of its parts, copies not counted */
    uint32_t total;                               /* bytes it has; 0: its last part was not seen */
    uint32_t largest;                             /* IP bytes of its largest fragment */
    uint8_t state;                                /* enum pm_datagram_state */
    /* the engine's own part follows */
};

/* A fragment that is kept. */
struct pm_kept_fragment {
    struct pm_packet packet; /* as it came, without its bytes */
    uint32_t next;           /* in order of arrival */
    uint32_t above;          /* by place */
    uint32_t begin, end, data_off;
    uint32_t first_block;
    bool is_copy;
};

enum pm_give_up { PM_GIVE_UP_TIMEOUT, PM_GIVE_UP_FULL };

struct pm_reassembly {
    struct pm_reassembly_limits limits;
    uint64_t hash_key[2];
    struct pm_pool datagrams, fragments, blocks, sources;
    uint32_t *buckets, *source_buckets;
    uint32_t bucket_mask;
    uint32_t oldest, newest;
    /* Called before a datagram is given up; may be NULL. */
    void (*on_give_up)(void *context, struct pm_datagram *datagram, enum pm_give_up why);
    void *context;
};

size_t pm_reassembly_footprint(const struct pm_reassembly_limits *limits, size_t own_size);
/* own_size: bytes of the engine's own part, zeroed for each new datagram. False: no memory. */
bool pm_reassembly_init(struct pm_reassembly *t, const struct pm_reassembly_limits *limits,
                        size_t own_size, const uint64_t hash_key[2]);
void pm_reassembly_release(struct pm_reassembly *t);

static inline void *pm_datagram_own(struct pm_datagram *datagram)
{
    return datagram + 1;
}

/* A datagram whose time is over is given up, and not found. */
struct pm_datagram *pm_reassembly_find(struct pm_reassembly *t, const struct pm_fragment_key *key,
                                       uint64_t now_ns);
/* Remembers one that find did not find; it WAITS. NULL: no datagrams are kept at all. */
struct pm_datagram *pm_reassembly_open(struct pm_reassembly *t, const struct pm_fragment_key *key,
                                       uint64_t now_ns);
void pm_reassembly_close(struct pm_reassembly *t, struct pm_datagram *datagram);
/* Forgets its fragments, but not the datagram, which from now on has that state. */
void pm_reassembly_settle(struct pm_reassembly *t, struct pm_datagram *datagram,
                          enum pm_datagram_state state);

enum pm_fragment_fate {
    PM_FRAGMENT_WAITS,
    PM_FRAGMENT_COMPLETES,   /* and is kept last, for pm_reassembly_whole */
    PM_FRAGMENT_CONTRADICTS, /* not kept */
    PM_FRAGMENT_NO_ROOM,     /* not kept: more than a datagram or all of them may have */
};

/* Keeps a fragment of a datagram that WAITS. h is its packet's, parsed. */
enum pm_fragment_fate pm_reassembly_add(struct pm_reassembly *t, struct pm_datagram *datagram,
                                        const struct pm_fragment *fragment,
                                        const struct pm_headers *h, const struct pm_packet *packet);
/* A fragment of a datagram that PASSES: true when it was its last missing one. */
bool pm_reassembly_count(struct pm_datagram *datagram, const struct pm_fragment *fragment);

/* Blocks for another fragment, at the cost of others. False: it would be this datagram's turn. */
bool pm_reassembly_reserve(struct pm_reassembly *t, struct pm_datagram *datagram, uint32_t blocks);

static inline struct pm_kept_fragment *pm_kept_at(const struct pm_reassembly *t, uint32_t index)
{
    return pm_pool_at(&t->fragments, index);
}

/* Copies a kept frame, packet.len bytes. */
void pm_reassembly_frame(const struct pm_reassembly *t, const struct pm_kept_fragment *kept,
                         uint8_t *out);

/* Writes the datagram that is complete as one packet behind the link header of its first fragment,
 * with that one's headers, lengths and IPv4 checksum made to fit. 0: longer than IP can say.
 * `out` has room for PM_REASSEMBLY_ROOM bytes, `first` is the packet of its first fragment. */
#define PM_REASSEMBLY_LINK 512u
#define PM_REASSEMBLY_ROOM (PM_REASSEMBLY_LINK + 40u + 65535u)
size_t pm_reassembly_whole(const struct pm_reassembly *t, const struct pm_datagram *datagram,
                           uint8_t *out, struct pm_packet *first);

/* When the next datagram's time is over; UINT64_MAX: none is kept. */
uint64_t pm_reassembly_next_ns(const struct pm_reassembly *t);
/* Gives up what is due by now_ns, the oldest first. UINT64_MAX: everything. */
void pm_reassembly_due(struct pm_reassembly *t, uint64_t now_ns);

#endif
