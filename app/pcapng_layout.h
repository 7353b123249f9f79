/* pcapng_layout.h - the numbers of the pcapng format that both reader and writer need.
 *
 *   block     type:4 length:4 body length:4          length counts all of it, a multiple of 4
 *   section   body: magic:4 major:2 minor:2 length:8 options
 *   interface body: link:2 reserved:2 snaplen:4 options
 *   enhanced  body: interface:4 time_high:4 time_low:4 caplen:4 origlen:4 packet (padded) options
 *   simple    body: origlen:4 packet (padded)
 *   old       body: interface:2 drops:2 time_high:4 time_low:4 caplen:4 origlen:4 packet options
 *   option    code:2 length:2 value (padded)
 */
#ifndef PKTMOD_APP_PCAPNG_LAYOUT_H
#define PKTMOD_APP_PCAPNG_LAYOUT_H

#include <stdint.h>

enum {
    PM_NG_SECTION = 0x0a0d0d0a,
    PM_NG_INTERFACE = 1,
    PM_NG_OLD_PACKET = 2,
    PM_NG_SIMPLE_PACKET = 3,
    PM_NG_ENHANCED_PACKET = 6,
};

#define PM_NG_BYTE_ORDER_MAGIC 0x1a2b3c4du

enum {
    PM_NG_FRAME_LEN = 12,      /* type and both lengths */
    PM_NG_PACKET_HEAD_LEN = 28 /* of enhanced and old packets, from the type to the data */
};

enum {
    PM_NG_OPT_END = 0,
    PM_NG_OPT_COMMENT = 1,
    PM_NG_OPT_IF_NAME = 2,
    PM_NG_OPT_IF_TSRESOL = 9,
    PM_NG_OPT_IF_TSOFFSET = 14,
    PM_NG_OPT_EPB_FLAGS = 2,
    PM_NG_OPT_EPB_HASH = 3,
    PM_NG_OPT_EPB_DROPCOUNT = 4,
    PM_NG_OPT_EPB_PACKETID = 5,
};

/* The two lowest bits of epb_flags. */
enum { PM_NG_INBOUND = 1, PM_NG_OUTBOUND = 2, PM_NG_DIRECTION = 3 };

#define PM_NG_LENGTH_UNKNOWN   UINT64_MAX /* of a section */
#define PM_NG_OLD_LOST_UNKNOWN 0xffffu

static inline uint32_t pm_ng_padded(uint32_t len)
{
    return (len + 3u) & ~3u;
}

#endif
