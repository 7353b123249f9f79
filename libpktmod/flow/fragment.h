/* fragment.h - which datagram an IP fragment is of, and which part of it. */
#ifndef PM_FLOW_FRAGMENT_H
#define PM_FLOW_FRAGMENT_H

#include "wire/headers.h"

/* What fragments of one datagram have in common (RFC 791, RFC 8200 section 4.5). No padding, so
 * that keys are hashed and compared as bytes. */
struct pm_fragment_key {
    uint8_t src[16], dst[16];
    uint32_t id;
    uint16_t vlan[PM_VLAN_MAX];
    uint16_t link; /* LINKTYPE_ number: the frames of a datagram are alike */
    uint8_t ip_version;
    uint8_t ip_proto; /* IPv4; 0 for IPv6, whose later fragments may not know it */
    uint8_t vlan_count;
    uint8_t zero[3];
};

_Static_assert(sizeof(struct pm_fragment_key) == 52, "no padding");

struct pm_fragment {
    struct pm_fragment_key key;
    uint32_t data_off;   /* of its part, in the frame */
    uint32_t begin, end; /* its part, counted from where the datagram's parts begin */
    bool is_last;
    bool is_sound; /* else no receiver takes it: empty, not the last and no multiple of 8 long, or
                      it ends where no datagram can */
};

/* h is of a fragment (h->is_fragment) and not has_no_length. Of a truncated one its part is what
 * the whole packet had. */
void pm_fragment_read(const struct pm_headers *h, uint16_t link, struct pm_fragment *out);

#endif
