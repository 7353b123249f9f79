/* sack.c - SACK blocks through the map; the contract is in sack.h. */
#include "edit/sack.h"

#include <string.h>

#include "base/bytes.h"
#include "base/seq.h"
#include "edit/fixup.h"
#include "wire/tcpopt.h"

#define BLOCK_LEN  8
#define OPTION_MAX 40

/* How blocks are mapped: through which log, which way; whether its FIN left, one beyond the end. */
struct way {
    const struct pm_log *log;
    const struct pm_log_store *store;
    bool is_down, has_fin;
};

struct range {
    uint64_t left, right;
};

static struct range lift(const struct way *way, struct range o)
{
    const struct pm_log *log = way->log;
    return (struct range){
        pm_log_image_high(log, way->store, o.left) + (way->has_fin && o.left > log->o_end),
        pm_log_image_low(log, way->store, o.right) + (way->has_fin && o.right > log->o_end)};
}

static struct range lower(const struct way *way, struct range m)
{
    const struct pm_log *log = way->log;
    if (m.left < pm_log_known_m(log, way->store))
        return (struct range){0, 0}; /* acknowledged long ago */
    return (struct range){
        pm_log_pre_min(log, way->store, m.left) + (way->has_fin && m.left > log->m_end),
        pm_log_pre_max(log, way->store, m.right) + (way->has_fin && m.right > log->m_end)};
}

/* False: nothing is left of the block. */
static bool map_block(const struct way *way, const uint8_t *from, uint8_t *to)
{
    uint64_t end = way->is_down ? way->log->m_end : way->log->o_end;
    struct range block = {pm_seq_unwrap(end, pm_get32(from)),
                          pm_seq_unwrap(end, pm_get32(from + 4))};
    block = way->is_down ? lower(way, block) : lift(way, block);
    if (block.left >= block.right)
        return false;
    pm_put32(to, (uint32_t)block.left);
    pm_put32(to + 4, (uint32_t)block.right);
    return true;
}

/* Writes the option as it must read into out; same length, NOPs behind. */
static void map_option(const struct way *way, const uint8_t *option, uint32_t len,
                       uint8_t out[OPTION_MAX])
{
    uint32_t used = 2;
    memset(out, PM_OPT_NOP, len);
    for (uint32_t off = 2; off + BLOCK_LEN <= len; off += BLOCK_LEN)
        if (map_block(way, option + off, out + used))
            used += BLOCK_LEN;
    if (used == 2)
        return;
    out[0] = PM_OPT_SACK;
    out[1] = (uint8_t)used;
}

static bool is_blocks(const struct pm_tcpopt *option)
{
    return option->kind == PM_OPT_SACK && option->len > 2 && (option->len - 2) % BLOCK_LEN == 0 &&
           option->len <= OPTION_MAX;
}

static bool map_blocks(const struct way *way, const struct pm_headers *layout, uint8_t *frame)
{
    uint8_t *tcp = frame + layout->l4_off;
    struct pm_tcpopt option;
    uint8_t mapped[OPTION_MAX];
    pm_tcpopt_begin(&option, tcp);
    while (pm_tcpopt_next(&option)) {
        if (!is_blocks(&option))
            continue;
        map_option(way, tcp + option.off, option.len, mapped);
        if (memcmp(mapped, tcp + option.off, option.len) == 0)
            return false;
        pm_fixup_l4_bytes(layout, frame, option.off, mapped, option.len);
        return true;
    }
    return false;
}

bool pm_sack_lift(const struct pm_headers *layout, uint8_t *frame, const struct pm_log *log,
                  const struct pm_log_store *store, bool has_fin)
{
    struct way way = {.log = log, .store = store, .has_fin = has_fin};
    return map_blocks(&way, layout, frame);
}

bool pm_sack_lower(const struct pm_headers *layout, uint8_t *frame, const struct pm_log *log,
                   const struct pm_log_store *store, bool has_fin)
{
    struct way way = {.log = log, .store = store, .is_down = true, .has_fin = has_fin};
    return map_blocks(&way, layout, frame);
}

bool pm_sack_is_there(const struct pm_headers *layout, const uint8_t *frame)
{
    struct pm_tcpopt option;
    pm_tcpopt_begin(&option, frame + layout->l4_off);
    while (pm_tcpopt_next(&option))
        if (is_blocks(&option))
            return true;
    return false;
}

void pm_sack_erase(uint8_t *tcp)
{
    struct pm_tcpopt option;
    pm_tcpopt_begin(&option, tcp);
    while (pm_tcpopt_next(&option))
        if (option.kind == PM_OPT_SACK)
            memset(tcp + option.off, PM_OPT_NOP, option.len);
}
