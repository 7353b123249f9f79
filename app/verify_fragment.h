/* verify_fragment.h - puts IP fragments together, so that what they carry can be looked at. */
#ifndef PKTMOD_APP_VERIFY_FRAGMENT_H
#define PKTMOD_APP_VERIFY_FRAGMENT_H

#include "app/verify_packet.h"
#include "app/verify_stream.h"

/* Datagrams at a time, and how long one may take; of more the oldest is given up. */
#define PM_VERIFY_DATAGRAMS   256
#define PM_VERIFY_DATAGRAM_NS (UINT64_C(30) * 1000000000)
/* Link and IP header of its first fragment. */
#define PM_VERIFY_HEADERS 256

struct pm_verify_datagram {
    bool is_used;
    uint64_t key, time_ns; /* of its ends and number; of its first fragment */
    uint32_t total;        /* bytes it carries; 0: its last fragment is missing */
    uint32_t header_len, ip_off, fragment_at, fragment_link;
    uint8_t proto;
    uint8_t header[PM_VERIFY_HEADERS];
    struct pm_verify_stream carried;
};

struct pm_verify_fragments {
    struct pm_verify_datagram list[PM_VERIFY_DATAGRAMS];
    uint8_t *whole; /* the latest that was complete */
};

void pm_verify_fragments_free(struct pm_verify_fragments *fragments);

/* Takes a fragment. True: its datagram is complete, and `whole` is a record with the packet that it
 * would have been without fragmentation; it stays until the next call. Without memory a datagram is
 * never complete. */
bool pm_verify_fragments_take(struct pm_verify_fragments *fragments,
                              const struct pm_verify_packet *packet, const struct pm_record *record,
                              struct pm_record *whole);

#endif
