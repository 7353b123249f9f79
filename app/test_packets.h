/* test_packets.h - all packets of a capture in memory, to be compared with those of another. */
#ifndef PKTMOD_APP_TEST_PACKETS_H
#define PKTMOD_APP_TEST_PACKETS_H

#include "app/verify_packet.h"

struct pm_kept {
    struct pm_record record; /* points into the copy */
    struct pm_verify_packet packet;
    uint64_t flow; /* the same for both directions; 0: not IP */
    uint64_t key;  /* the same where two packets may be the same one: time, ends */
    uint8_t *copy;
};

struct pm_packets {
    struct pm_kept *list;
    size_t count, cap;
    uint64_t around; /* fingerprint of what is no packet: header, blocks */
};

/* Reads to the end, or to damage (pm_capture_error). False: no memory. */
bool pm_packets_read(struct pm_packets *packets, struct pm_capture *capture);
void pm_packets_free(struct pm_packets *packets);

/* Which packet of one capture stands for which of the other. */
struct pm_pairing {
    const struct pm_packets *expected, *got;
    size_t expected_at, got_at; /* what comes next */
};

/* The next pair; one of them is NULL where the other capture has no such packet. False: the end. */
bool pm_pairing_next(struct pm_pairing *pairing, const struct pm_kept **expected,
                     const struct pm_kept **got);

#endif
