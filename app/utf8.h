/* utf8.h - where a character of UTF-8 ends (RFC 3629), for what writes text that must be UTF-8. */
#ifndef PKTMOD_APP_UTF8_H
#define PKTMOD_APP_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Length of the sequence at p, or 0: it is none. Ends at a NUL by itself: that is no continuation
 * byte. */
static inline size_t pm_utf8_len(const unsigned char *p)
{
    size_t len = p[0] < 0x80 ? 1 : p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (len > 1 && (p[0] < 0xc2 || p[0] > 0xf4))
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    bool is_overlong = (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xf0 && p[1] < 0x90);
    bool is_outside = (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf4 && p[1] > 0x8f);
    return is_overlong || is_outside ? 0 : len;
}

#endif
