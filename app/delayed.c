/* delayed.c - slots with a free list; a slot's bytes live as long as its packet waits. */
#include "app/delayed.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_AT_FIRST 64u

static bool grow(struct pm_delayed *delayed)
{
    uint32_t cap = delayed->cap == 0 ? SLOTS_AT_FIRST : delayed->cap * 2;
    struct pm_delayed_packet *grown = realloc(delayed->slots, cap * sizeof *grown);
    if (grown == NULL)
        return false;
    memset(grown + delayed->cap, 0, (cap - delayed->cap) * sizeof *grown);
    for (uint32_t i = delayed->cap; i < cap; i++)
        grown[i].next_free = i + 1; /* the last one names the slot that growing will make */
    delayed->slots = grown;
    delayed->cap = cap;
    return true;
}

bool pm_delayed_init(struct pm_delayed *delayed)
{
    *delayed = (struct pm_delayed){0};
    return grow(delayed);
}

void pm_delayed_free(struct pm_delayed *delayed)
{
    for (uint32_t i = 0; i < delayed->cap; i++)
        free(delayed->slots[i].record.raw);
    free(delayed->slots);
    *delayed = (struct pm_delayed){0};
}

bool pm_delayed_keep(struct pm_delayed *delayed, const struct pm_record *record,
                     const struct pm_decision *decision, uint64_t now_ns)
{
    if (delayed->first_free == delayed->cap && !grow(delayed))
        return false;
    uint8_t *raw = malloc(record->raw_len);
    if (raw == NULL)
        return false;
    struct pm_delayed_packet *slot = &delayed->slots[delayed->first_free];
    memcpy(raw, record->raw, record->raw_len);
    slot->record = *record;
    slot->record.raw = raw;
    slot->record.data = raw + (record->data - record->raw);
    if (record->options != NULL)
        slot->record.options = raw + (record->options - record->raw);
    slot->arrived_ns = now_ns;
    slot->release_ns = decision->release_ns;
    slot->rule = decision->rule;
    slot->dir = decision->dir;
    slot->is_final = decision->is_final;
    delayed->first_free = slot->next_free;
    return true;
}

struct pm_delayed_packet *pm_delayed_at(struct pm_delayed *delayed, uint64_t cookie)
{
    assert(cookie < delayed->cap && delayed->slots[cookie].record.raw != NULL);
    return &delayed->slots[cookie];
}

void pm_delayed_drop(struct pm_delayed *delayed, uint64_t cookie)
{
    struct pm_delayed_packet *slot = pm_delayed_at(delayed, cookie);
    free(slot->record.raw);
    slot->record.raw = NULL;
    slot->next_free = delayed->first_free;
    delayed->first_free = (uint32_t)cookie;
}
