/* set.c - many values, asked one at a time: prefixes, ports, strings, byte patterns. */
#include "match/set.h"

#include <stdlib.h>
#include <string.h>

#include "match/literal.h"
#include "match/portset.h"
#include "match/prefixset.h"
#include "match/textset.h"

struct pm_set {
    enum pm_set_kind kind;
    struct pm_prefixset *prefixes; /* CIDR */
    struct pm_portset ports;       /* PORT */
    struct pm_textset texts;       /* STRING, DOMAIN, and BYTES' patterns */
    struct pm_literals *patterns;  /* BYTES: by the index of texts */
    bool has_empty;                /* BYTES: the pattern that occurs everywhere */
};

static bool make_kind(struct pm_set *set)
{
    switch (set->kind) {
    case PM_SET_CIDR:
        set->prefixes = calloc(1, sizeof *set->prefixes);
        return set->prefixes != NULL;
    case PM_SET_PORT:
    case PM_SET_STRING:
    case PM_SET_DOMAIN:
    case PM_SET_BYTES:
        return true;
    }
    return false;
}

struct pm_set *pm_set_new(enum pm_set_kind kind)
{
    struct pm_set *set = calloc(1, sizeof *set);
    if (!set)
        return NULL;
    set->kind = kind;
    if (make_kind(set))
        return set;
    pm_set_free(set);
    return NULL;
}

void pm_set_free(struct pm_set *set)
{
    if (!set)
        return;
    if (set->prefixes)
        pm_prefixset_release(set->prefixes);
    free(set->prefixes);
    pm_portset_release(&set->ports);
    pm_textset_release(&set->texts);
    pm_literals_free(set->patterns);
    free(set);
}

static bool put_text(struct pm_set *set, const struct pm_value *value)
{
    if (set->kind == PM_SET_BYTES && value->bytes.len == 0) {
        set->has_empty = true;
        return true;
    }
    struct pm_text text = {.len = value->bytes.len,
                           .nocase = value->bytes.nocase,
                           .offset = value->bytes.offset,
                           .depth = value->bytes.depth};
    return pm_textset_put(&set->texts, value->bytes.bytes, &text);
}

bool pm_set_put(struct pm_set *set, const struct pm_value *value)
{
    switch (set->kind) {
    case PM_SET_CIDR:
        return pm_prefixset_put(set->prefixes, &value->prefix.addr, value->prefix.bits);
    case PM_SET_PORT:
        return pm_portset_put(&set->ports, value->range.lo, value->range.hi);
    case PM_SET_STRING:
    case PM_SET_DOMAIN:
    case PM_SET_BYTES:
        return put_text(set, value);
    }
    return false;
}

static bool seal_patterns(struct pm_set *set)
{
    const struct pm_textset *texts = &set->texts;
    if (!pm_textset_unite(&set->texts))
        return false;
    struct pm_literal *list = calloc(texts->count ? texts->count : 1, sizeof *list);
    if (!list)
        return false;
    for (uint32_t i = 0; i < texts->count; i++)
        list[i] = (struct pm_literal){texts->bytes + texts->texts[i].off, texts->texts[i].len,
                                      texts->texts[i].nocase};
    set->patterns = pm_literals_new(list, texts->count);
    free(list);
    return set->patterns != NULL;
}

bool pm_set_seal(struct pm_set *set)
{
    switch (set->kind) {
    case PM_SET_CIDR:
        return true;
    case PM_SET_PORT:
        return pm_portset_seal(&set->ports);
    case PM_SET_STRING:
    case PM_SET_DOMAIN:
        return pm_textset_seal(&set->texts);
    case PM_SET_BYTES:
        return seal_patterns(set);
    }
    return false;
}

enum pm_set_kind pm_set_kind_of(const struct pm_set *set)
{
    return set->kind;
}

bool pm_set_has_addr(const struct pm_set *set, uint8_t version, const uint8_t *addr)
{
    return pm_prefixset_has(set->prefixes, version, addr);
}

bool pm_set_has_port(const struct pm_set *set, uint32_t port)
{
    return pm_portset_has(&set->ports, port);
}

bool pm_set_has_text(const struct pm_set *set, const uint8_t *text, size_t len)
{
    return pm_textset_has(&set->texts, text, len);
}

bool pm_set_has_domain(const struct pm_set *set, const uint8_t *name, size_t len)
{
    bool begins = true; /* a label does, here */
    for (size_t i = 0; i < len; i++) {
        if (begins && pm_textset_has(&set->texts, name + i, len - i))
            return true;
        begins = name[i] == '.';
        if (name[i] == '\\')
            i++; /* a dot behind it ends no label */
    }
    return false;
}

static bool is_within(const struct pm_text *text, uint64_t position)
{
    if (position < text->offset)
        return false;
    return text->depth == PM_NO_LIMIT || position - text->offset + text->len <= text->depth;
}

bool pm_set_fit(struct pm_vectorscan_room **room, const struct pm_set *set)
{
    return !set->patterns || pm_literals_fit(room, set->patterns);
}

size_t pm_set_room_footprint(const struct pm_set *set)
{
    return set->patterns ? pm_literals_room_footprint(set->patterns) : 0;
}

bool pm_set_occurs_in(const struct pm_set *set, struct pm_vectorscan_room *room,
                      const uint8_t *bytes, size_t len)
{
    return pm_set_occurs_from(set, room, bytes, len, 0);
}

uint32_t pm_set_longest(const struct pm_set *set)
{
    uint32_t longest = 0;
    for (uint32_t i = 0; i < set->texts.count; i++)
        longest = set->texts.texts[i].len > longest ? set->texts.texts[i].len : longest;
    return longest;
}

bool pm_set_is_positional(const struct pm_set *set)
{
    for (uint32_t i = 0; i < set->texts.count; i++)
        if (set->texts.texts[i].offset > 0 || set->texts.texts[i].depth != PM_NO_LIMIT)
            return true;
    return false;
}

bool pm_set_occurs_from(const struct pm_set *set, struct pm_vectorscan_room *room,
                        const uint8_t *bytes, size_t len, uint64_t base)
{
    struct pm_scan scan;
    struct pm_hit hit;
    pm_scan_begin(&scan, set->patterns, room, NULL, 0, bytes, len);
    while (pm_scan_next(&scan, &hit))
        if (is_within(&set->texts.texts[hit.literal], base + hit.position))
            return true;
    return set->has_empty;
}
