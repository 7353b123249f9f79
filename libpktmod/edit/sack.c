/* sack.c - SACK blocks through the map; the contract is in sack.h. */
#include "edit/sack.h"

#include <string.h>

#include "base/bytes.h"
#include "base/seq.h"
#include "edit/fixup.h"
#include "wire/tcpopt.h"

#define BLOCK_LEN  8
#define OPTION_MAX 40

static bool lift_block(const uint8_t *from, uint8_t *to, const struct pm_log *log,
                       const struct pm_log_store *store, bool has_fin)
{
    uint64_t left = pm_seq_unwrap(log->o_end, pm_get32(from));
    uint64_t right = pm_seq_unwrap(log->o_end, pm_get32(from + 4));
    uint64_t m_left = pm_log_image_high(log, store, left);
    uint64_t m_right = pm_log_image_low(log, store, right);
    m_left += has_fin && left > log->o_end;
    m_right += has_fin && right > log->o_end;
    if (m_left >= m_right)
        return false;
    pm_put32(to, (uint32_t)m_left);
    pm_put32(to + 4, (uint32_t)m_right);
    return true;
}

/* Writes the option as it must read into out; same length, NOPs behind. */
static void lift_option(const uint8_t *option, uint32_t len, const struct pm_log *log,
                        const struct pm_log_store *store, bool has_fin, uint8_t out[OPTION_MAX])
{
    uint32_t used = 2;
    memset(out, PM_OPT_NOP, len);
    for (uint32_t off = 2; off + BLOCK_LEN <= len; off += BLOCK_LEN)
        if (lift_block(option + off, out + used, log, store, has_fin))
            used += BLOCK_LEN;
    if (used == 2)
        return;
    out[0] = PM_OPT_SACK;
    out[1] = (uint8_t)used;
}

bool pm_sack_lift(const struct pm_headers *layout, uint8_t *frame, const struct pm_log *log,
                  const struct pm_log_store *store, bool has_fin)
{
    uint8_t *tcp = frame + layout->l4_off;
    struct pm_tcpopt option;
    uint8_t lifted[OPTION_MAX];
    pm_tcpopt_begin(&option, tcp);
    while (pm_tcpopt_next(&option)) {
        bool is_sack = option.kind == PM_OPT_SACK && option.len > 2 &&
                       (option.len - 2) % BLOCK_LEN == 0 && option.len <= OPTION_MAX;
        if (!is_sack)
            continue;
        lift_option(tcp + option.off, option.len, log, store, has_fin, lifted);
        if (memcmp(lifted, tcp + option.off, option.len) == 0)
            return false;
        pm_fixup_l4_bytes(layout, frame, option.off, lifted, option.len);
        return true;
    }
    return false;
}
