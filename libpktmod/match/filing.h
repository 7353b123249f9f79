/* filing.h - the exact bits that a condition requires of a packet.
 *
 * A condition may allow several values, so it has several filings, one for each combination:
 *
 *     tcp.dstport 80 or 443, ip.src 10/8    ->    { v4, tcp, 10/8, :80 } { v4, tcp, 10/8, :443 }
 *
 * The condition holds for no packet that agrees with none of its filings. The reverse is not
 * claimed: what cannot be said in these bits is left out. */
#ifndef PM_MATCH_FILING_H
#define PM_MATCH_FILING_H

#include "match/cond.h"

struct pm_filing {
    uint8_t version;            /* 4 or 6; 0: any, or not IP */
    uint8_t src_bits, dst_bits; /* prefix lengths; 0 without a version */
    bool has_proto, has_src_port, has_dst_port;
    uint8_t proto;
    uint16_t src_port, dst_port; /* of TCP and UDP */
    uint8_t src[16], dst[16];
};

/* A test that would make more filings than this is left out of them. */
#define PM_FILINGS_MAX 32

/* Filings of a condition; 0: it never holds. */
uint32_t pm_filings_of(const struct pm_conds *c, pm_cond_id cond,
                       struct pm_filing out[PM_FILINGS_MAX]);

#endif
