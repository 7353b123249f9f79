/* bytes.h - byte strings of rules: text, {"hex": ...}, {"base64": ...}. */
#ifndef PMR_BYTES_H
#define PMR_BYTES_H

#include "load.h"

struct bytes {
    const uint8_t *at; /* lives as long as the load */
    uint32_t len;
};

/* False: complained. Empty ones are taken. */
bool pmr_bytes_of(struct load *l, const struct node *n, struct bytes *out);
bool pmr_bytes_filled(struct load *l, const struct node *n, struct bytes *out); /* not empty */

#endif
