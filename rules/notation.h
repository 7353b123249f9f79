/* notation.h - values that JSON has no type for: addresses, ranges, flags, bytes, names. */
#ifndef PMR_NOTATION_H
#define PMR_NOTATION_H

#include <pktmod/policy.h>

#include "codes.h"

/* What is wrong with a text, as pmr_fail wants it; hint is "" if there is none. */
struct complaint {
    enum code code;
    char text[160], hint[96];
};

/* Each answers false with the complaint filled. */

/* "addr" or "addr/len". True with c->code CODE_HOST_BITS if bits behind the prefix are set. */
bool pmr_parse_prefix(const char *text, struct pm_value *out, struct complaint *c);
bool pmr_parse_addr(const char *text, struct pm_addr *out, struct complaint *c);
bool pmr_parse_mac(const char *text, uint8_t out[6], struct complaint *c);
/* "lo-hi", both from 0 to most. */
bool pmr_parse_interval(const char *text, uint32_t most, struct pm_value *out, struct complaint *c);
/* A number or "lo-hi", as the lines of a file of ports have them. */
bool pmr_parse_number_or_interval(const char *text, uint32_t most, struct pm_value *out,
                                  struct complaint *c);
/* Letters of TCP flags, "SA": exactly those. */
bool pmr_parse_tcp_flags(const char *text, uint32_t *out, struct complaint *c);
/* "example.com", "*.example.com": ASCII, with or without a dot at its end. */
bool pmr_parse_domain(const char *text, struct complaint *c);
/* One that was parsed, as the library wants it: small letters, no dot at its end. Its length. */
#define PMR_DOMAIN_ROOM 256u
size_t pmr_domain_small(const char *text, char small[PMR_DOMAIN_ROOM]);

struct rate {
    uint32_t count;
    uint64_t per_ns;
};
/* "10/s", "600/min", "5/h" */
bool pmr_parse_rate(const char *text, struct rate *out, struct complaint *c);
/* "08:00" or "08:00:30", up to "24:00": seconds of the day. */
bool pmr_parse_time(const char *text, uint32_t *out, struct complaint *c);

/* Both write at most strlen(text) bytes. */
bool pmr_parse_hex(const char *text, uint8_t *out, size_t *len, struct complaint *c);
bool pmr_parse_base64(const char *text, uint8_t *out, size_t *len, struct complaint *c);

/* 1..64 of A-Z a-z 0-9 . _ - */
bool pmr_is_id(const char *text);

#endif
