/* tcpopt.h - TCP options one by one, with the bounds inside. */
#ifndef PM_WIRE_TCPOPT_H
#define PM_WIRE_TCPOPT_H

#include <stdbool.h>
#include <stdint.h>

enum pm_tcpopt_kind {
    PM_OPT_EOL = 0,
    PM_OPT_NOP = 1,
    PM_OPT_MSS = 2,
    PM_OPT_WSCALE = 3,
    PM_OPT_SACK_OK = 4,
    PM_OPT_SACK = 5,
    PM_OPT_TIMESTAMPS = 8,
    PM_OPT_MD5 = 19,
    PM_OPT_AO = 29,
    PM_OPT_MPTCP = 30,
};

struct pm_tcpopt {
    const uint8_t *tcp; /* the header; options are at 20..header_len-1 */
    uint32_t header_len;
    uint32_t next; /* offset in the header where the next option begins */

    /* the current option */
    uint8_t kind;
    uint8_t len;       /* with kind and length bytes, >= 2 (NOP is skipped) */
    uint32_t off;      /* of the kind byte, in the header */
    bool is_malformed; /* a length below 2 or beyond the header ended the walk */
};

/* tcp: a header whose data offset was checked (pm_headers_parse). */
void pm_tcpopt_begin(struct pm_tcpopt *it, const uint8_t *tcp);
/* Steps to the next option that is not NOP. False at EOL, at the end, or when malformed. */
bool pm_tcpopt_next(struct pm_tcpopt *it);

#endif
