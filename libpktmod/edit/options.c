/* options.c - taking TCP options off; the contract is in options.h. */
#include "edit/options.h"

#include <string.h>

#include "base/bytes.h"
#include "edit/fixup.h"
#include "wire/tcpopt.h"

#define TCP_WINDOW     14
#define OPTION_MAX     40
#define WSCALE_MAX     14
#define FASTOPEN       34
#define EXPERIMENT_1   253
#define EXPERIMENT_2   254
#define FASTOPEN_MAGIC 0xf989u /* RFC 7413 section 4.1.1 */

static bool is_fastopen(const struct pm_tcpopt *o)
{
    if (o->kind == FASTOPEN)
        return true;
    return (o->kind == EXPERIMENT_1 || o->kind == EXPERIMENT_2) && o->len >= 4 &&
           pm_get16(o->tcp + o->off + 2) == FASTOPEN_MAGIC;
}

/* 0: one that is never taken off. */
static uint32_t kind_of(const struct pm_tcpopt *o)
{
    switch (o->kind) {
    case PM_OPT_MSS:
    case PM_OPT_MD5:
    case PM_OPT_AO:
        return 0;
    case PM_OPT_WSCALE:
        return PM_TCPOPT_WSCALE;
    case PM_OPT_SACK_OK:
    case PM_OPT_SACK:
        return PM_TCPOPT_SACK;
    case PM_OPT_TIMESTAMPS:
        return PM_TCPOPT_TIMESTAMPS;
    case PM_OPT_MPTCP:
        return PM_TCPOPT_MPTCP;
    default:
        return is_fastopen(o) ? PM_TCPOPT_FASTOPEN : PM_TCPOPT_UNKNOWN;
    }
}

struct pm_options pm_options_read(const uint8_t *tcp)
{
    struct pm_options options = {.kinds = 0};
    struct pm_tcpopt o;
    pm_tcpopt_begin(&o, tcp);
    while (pm_tcpopt_next(&o)) {
        options.kinds |= kind_of(&o);
        options.is_signed |= o.kind == PM_OPT_MD5 || o.kind == PM_OPT_AO;
        if (o.kind != PM_OPT_WSCALE || o.len != 3)
            continue;
        options.has_wscale = true;
        options.wscale = tcp[o.off + 2] < WSCALE_MAX ? tcp[o.off + 2] : WSCALE_MAX;
    }
    options.is_malformed = o.is_malformed;
    return options;
}

bool pm_options_remove(const struct pm_headers *layout, uint8_t *frame, uint32_t kinds)
{
    uint8_t nops[OPTION_MAX];
    struct pm_tcpopt o;
    bool is_removed = false;
    memset(nops, PM_OPT_NOP, sizeof nops);
    pm_tcpopt_begin(&o, frame + layout->l4_off);
    while (pm_tcpopt_next(&o)) {
        if (!(kind_of(&o) & kinds))
            continue;
        pm_fixup_l4_bytes(layout, frame, o.off, nops, o.len);
        is_removed = true;
    }
    return is_removed;
}

bool pm_options_lower_mss(const struct pm_headers *layout, uint8_t *frame, uint16_t most)
{
    struct pm_tcpopt o;
    bool is_lowered = false;
    uint8_t value[2];
    pm_put16(value, most);
    pm_tcpopt_begin(&o, frame + layout->l4_off);
    while (pm_tcpopt_next(&o)) {
        if (o.kind != PM_OPT_MSS || o.len != 4 || pm_get16(o.tcp + o.off + 2) <= most)
            continue;
        pm_fixup_l4_bytes(layout, frame, o.off + 2, value, sizeof value);
        is_lowered = true;
    }
    return is_lowered;
}

bool pm_options_unscale(const struct pm_headers *layout, uint8_t *frame, uint8_t wscale)
{
    uint32_t old = pm_get16(frame + layout->l4_off + TCP_WINDOW), window = old << wscale;
    uint8_t value[2];
    if (window > UINT16_MAX)
        window = UINT16_MAX;
    if (window == old)
        return false;
    pm_put16(value, (uint16_t)window);
    pm_fixup_l4_bytes(layout, frame, TCP_WINDOW, value, sizeof value);
    return true;
}
