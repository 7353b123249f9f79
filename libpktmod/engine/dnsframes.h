/* dnsframes.h - where the messages of a direction of DNS over TCP begin: each stands behind its
 * length (RFC 7766, section 8).
 *
 *     decided bytes ... | len len message ... | len len message
 *                       ^ next_o, or somewhere in a message that is partly decided */
#ifndef PM_ENGINE_DNSFRAMES_H
#define PM_ENGINE_DNSFRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PM_FRAME_HEAD 2u /* bytes of a length */

struct pm_dns_frames {
    uint64_t next_o; /* of O: the next length */
    uint8_t high;    /* its first byte, where that is decided and the second one is not */
    bool has_high;
    bool is_lost; /* nobody knows where messages begin */
};

/* The first message begins at o. */
void pm_dns_frames_begin(struct pm_dns_frames *frames, uint64_t o);
/* The bytes [o, o + len) are decided. */
void pm_dns_frames_pass(struct pm_dns_frames *frames, uint64_t o, const uint8_t *bytes, size_t len);
/* The bytes up to o are decided, and not known. */
void pm_dns_frames_gap(struct pm_dns_frames *frames, uint64_t o);

#endif
