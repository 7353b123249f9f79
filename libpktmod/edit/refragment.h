/* refragment.h - a datagram becomes IP fragments. */
#ifndef PM_EDIT_REFRAGMENT_H
#define PM_EDIT_REFRAGMENT_H

#include "wire/headers.h"

/* IPv6 fragments carry a header that the datagram does not have. */
struct pm_fragment_header {
    uint32_t off; /* where it goes, from the beginning of the IP header; 0 for IPv4 */
    uint32_t id;
};

/* A datagram that is being cut. The frame stays the caller's. */
struct pm_refragment {
    const uint8_t *frame;
    struct pm_fragment_header v6;
    uint32_t l3_off;
    uint32_t data_off; /* of the bytes that are cut, in the frame */
    uint32_t done, total;
    uint32_t room; /* of them in each fragment but the last */
};

/* The frame holds a whole datagram whose lengths and checksums are final; `len` ends it. Fragments
 * have at most `size` IP bytes, and at least 8 of data. */
void pm_refragment_begin(struct pm_refragment *cut, const uint8_t *frame, size_t len,
                         const struct pm_headers *layout, const struct pm_fragment_header *v6,
                         uint32_t size);

/* Writes the next fragment as a frame of its own, link header included; out has room for the
 * headers and `size` bytes. Its length, 0 when all is cut. IPv4 options that are not for every
 * fragment stand in the first alone, as padding in the others (RFC 791). */
size_t pm_refragment_next(struct pm_refragment *cut, uint8_t *out);

#endif
