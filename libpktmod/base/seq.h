/* seq.h - TCP sequence numbers: 32 bits that wrap (RFC 9293 section 3.4). */
#ifndef PM_BASE_SEQ_H
#define PM_BASE_SEQ_H

#include <stdint.h>

/* The 64-bit position whose low 32 bits are `wire` and that lies nearest to `near`. At the bottom
 * of the 64-bit space the answer may wrap; positions therefore start at PM_SEQ_BASE. */
#define PM_SEQ_BASE ((uint64_t)1 << 32)

static inline uint64_t pm_seq_unwrap(uint64_t near, uint32_t wire)
{
    return near + (uint64_t)(int64_t)(int32_t)(wire - (uint32_t)near);
}

#endif
