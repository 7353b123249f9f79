/* pcapng_options.h - walks the options of a pcapng block, with every bound inside. */
#ifndef PKTMOD_APP_PCAPNG_OPTIONS_H
#define PKTMOD_APP_PCAPNG_OPTIONS_H

#include <stddef.h>

#include "app/byteorder.h"
#include "app/pcapng_layout.h"

struct pm_ng_options {
    const uint8_t *at;
    uint32_t left;
    bool big;
};

struct pm_ng_option {
    uint16_t code, len;
    const uint8_t *value;
    const uint8_t *whole; /* code, length, value, padding */
    uint32_t whole_len;
};

/* False at the end-of-options option, at the end, and where an option runs over the end. */
static inline bool pm_ng_next_option(struct pm_ng_options *options, struct pm_ng_option *option)
{
    if (options->left < 4)
        return false;
    option->code = pm_file_get16(options->at, options->big);
    option->len = pm_file_get16(options->at + 2, options->big);
    option->whole_len = 4 + pm_ng_padded(option->len);
    if (option->code == PM_NG_OPT_END || option->whole_len > options->left)
        return false;
    option->whole = options->at;
    option->value = options->at + 4;
    options->at += option->whole_len;
    options->left -= option->whole_len;
    return true;
}

#endif
