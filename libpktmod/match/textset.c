/* textset.c - many strings, asked whether one of them is exactly this text. */
#include "match/textset.h"

#include <stdlib.h>
#include <string.h>

#include "match/needle.h"

#define TEXTS_MOST (UINT32_MAX / 4)

static bool make_room(struct pm_textset *set, uint32_t len)
{
    if (!set->bytes || set->bytes_cap - set->bytes_len < len) {
        size_t cap = set->bytes_len + len + (set->bytes_len + len) / 2 + 8;
        uint8_t *bytes = realloc(set->bytes, cap);
        if (!bytes)
            return false;
        set->bytes = bytes;
        set->bytes_cap = cap;
    }
    if (set->count == set->cap) {
        uint32_t cap = set->cap ? set->cap + set->cap / 2 + 1 : 2;
        struct pm_text *texts =
            cap > TEXTS_MOST ? NULL : realloc(set->texts, cap * sizeof *set->texts);
        if (!texts)
            return false;
        set->texts = texts;
        set->cap = cap;
    }
    return true;
}

bool pm_textset_put(struct pm_textset *set, const uint8_t *bytes, const struct pm_text *text)
{
    if (!make_room(set, text->len))
        return false;
    struct pm_text *own = &set->texts[set->count++];
    *own = *text;
    own->off = set->bytes_len;
    if (text->len)
        memcpy(set->bytes + set->bytes_len, bytes, text->len);
    set->bytes_len += text->len;
    return true;
}

/* FNV-1a over the letters' lower case, so that both kinds of text share one table. */
static uint32_t hash(const uint8_t *bytes, size_t len)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < len; i++)
        h = (h ^ (pm_is_letter(bytes[i]) ? bytes[i] | 0x20u : bytes[i])) * 0x100000001b3u;
    return (uint32_t)(h ^ h >> 32);
}

static bool is_same(const struct pm_textset *set, uint32_t a, uint32_t b)
{
    const struct pm_text *x = &set->texts[a], *y = &set->texts[b];
    return x->len == y->len && x->nocase == y->nocase && x->offset == y->offset &&
           x->depth == y->depth &&
           pm_bytes_equal(set->bytes + x->off, set->bytes + y->off, x->len, x->nocase);
}

/* A text that came before is left out: many of them would make one long chain. */
static bool file(struct pm_textset *set, uint32_t index)
{
    const struct pm_text *text = &set->texts[index];
    uint32_t at = hash(set->bytes + text->off, text->len) & set->slot_mask;
    for (; set->slots[at]; at = (at + 1) & set->slot_mask)
        if (is_same(set, set->slots[at] - 1, index))
            return false;
    set->slots[at] = index + 1;
    return true;
}

static bool make_slots(struct pm_textset *set)
{
    uint32_t slots = 2;
    while (slots / 2 < set->count)
        slots *= 2;
    set->slots = calloc(slots, sizeof *set->slots);
    if (!set->slots)
        return false;
    set->slot_mask = slots - 1;
    return true;
}

bool pm_textset_seal(struct pm_textset *set)
{
    if (!make_slots(set))
        return false;
    for (uint32_t i = 0; i < set->count; i++)
        file(set, i);
    return true;
}

bool pm_textset_unite(struct pm_textset *set)
{
    uint32_t kept = 0;
    if (set->count == 0)
        return true;
    if (!make_slots(set))
        return false;
    for (uint32_t i = 0; i < set->count; i++) {
        set->texts[kept] = set->texts[i];
        kept += file(set, kept);
    }
    free(set->slots);
    set->slots = NULL;
    set->count = set->cap = kept > 0 ? kept : 1;
    struct pm_text *texts = realloc(set->texts, set->cap * sizeof *texts);
    set->texts = texts ? texts : set->texts;
    return true;
}

bool pm_textset_has(const struct pm_textset *set, const uint8_t *bytes, size_t len)
{
    uint32_t at = hash(bytes, len) & set->slot_mask;
    for (; set->slots[at]; at = (at + 1) & set->slot_mask) {
        const struct pm_text *text = &set->texts[set->slots[at] - 1];
        if (text->len == len && pm_bytes_equal(set->bytes + text->off, bytes, len, text->nocase))
            return true;
    }
    return false;
}

void pm_textset_release(struct pm_textset *set)
{
    free(set->bytes);
    free(set->texts);
    free(set->slots);
}
