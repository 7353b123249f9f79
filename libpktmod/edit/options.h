/* options.h - TCP options taken off a segment: NOPs stand in their place, the header keeps its
 * length. Checksums stay as right or wrong as they are. */
#ifndef PM_EDIT_OPTIONS_H
#define PM_EDIT_OPTIONS_H

#include <pktmod/policy.h>

#include "wire/headers.h"

/* What a header's options are. */
struct pm_options {
    uint32_t kinds;    /* bits of enum pm_tcp_option */
    bool is_signed;    /* MD5 or AO: nothing of it may change */
    bool is_malformed; /* lengths that contradict each other */
    bool has_wscale;
    uint8_t wscale; /* at most 14 (RFC 7323 section 2.3) */
};

struct pm_options pm_options_read(const uint8_t *tcp);
/* Takes off every option of these kinds. True: there was one. */
bool pm_options_remove(const struct pm_headers *layout, uint8_t *frame, uint32_t kinds);
/* Lowers the MSS to `most`. True: it was larger. */
bool pm_options_lower_mss(const struct pm_headers *layout, uint8_t *frame, uint16_t most);
/* Writes the window as one that is not scaled: what it stood for, or 65535. True: it changed. */
bool pm_options_unscale(const struct pm_headers *layout, uint8_t *frame, uint8_t wscale);

#endif
