/* rawsend.h - sends packets that tell of a reject: whole IP packets, marked, so that the firewall
 * rules know them as ours. */
#ifndef PKTMOD_FILTER_RAWSEND_H
#define PKTMOD_FILTER_RAWSEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pm_rawsend {
    int fd4, fd6; /* -1: none */
    uint64_t sent, failed;
};

/* False with `error` filled. A kernel without IPv6 has no fd6. */
bool pm_rawsend_open(struct pm_rawsend *raw, uint32_t mark, char *error, size_t error_cap);
void pm_rawsend_close(struct pm_rawsend *raw);
/* Never waits. The packet begins with its IP header. */
void pm_rawsend_packet(struct pm_rawsend *raw, const uint8_t *packet, size_t len);

#endif
