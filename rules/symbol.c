/* symbol.c - the conditions of rules, kept for lint as the builder got them. */
#include "symbol.h"

#include <string.h>

#include "lint.h"
#include "record.h"

/* The builder gives ascending ids, and answers one that it gave before where a condition is the
 * same as its only part. */
static pm_cond_id keep(struct load *l, struct symbol symbol)
{
    struct symbols *s = l->lint == NULL || l->in_test ? NULL : &l->lint->symbols;
    struct symbol *grown;

    if (s == NULL || symbol.id == PM_COND_TRUE ||
        (s->count > 0 && s->at[s->count - 1].id >= symbol.id))
        return symbol.id;
    grown = pmr_memory_grow(&l->memory, s->at, s->count, &s->cap, sizeof *grown);
    if (grown == NULL)
        return symbol.id;
    s->at = grown;
    s->at[s->count++] = symbol;
    return symbol.id;
}

pm_cond_id pmr_make_test(struct load *l, enum pm_field field, const struct pm_value *values,
                         size_t count)
{
    return keep(l, (struct symbol){.id = pmr_cond_test(l, field, values, count),
                                   .kind = SYMBOL_TEST,
                                   .field = field,
                                   .values = values,
                                   .count = (uint32_t)count});
}

pm_cond_id pmr_make_present(struct load *l, enum pm_field field)
{
    return keep(l, (struct symbol){
                       .id = pmr_cond_present(l, field), .kind = SYMBOL_PRESENT, .field = field});
}

static pm_cond_id keep_parent(struct load *l, enum symbol_kind kind, pm_cond_id id,
                              const pm_cond_id *kids, size_t count)
{
    pm_cond_id *copy;

    if (l->lint == NULL || l->in_test)
        return id;
    copy = pmr_memory_array(&l->memory, count, sizeof *copy);
    if (copy == NULL)
        return id;
    memcpy(copy, kids, count * sizeof *copy);
    return keep(l, (struct symbol){.id = id, .kind = kind, .kids = copy, .count = (uint32_t)count});
}

pm_cond_id pmr_make_all(struct load *l, const pm_cond_id *kids, size_t count)
{
    return keep_parent(l, SYMBOL_ALL, pmr_cond_all(l, kids, count), kids, count);
}

pm_cond_id pmr_make_any(struct load *l, const pm_cond_id *kids, size_t count)
{
    return keep_parent(l, SYMBOL_ANY, pmr_cond_any(l, kids, count), kids, count);
}

pm_cond_id pmr_make_not(struct load *l, pm_cond_id kid)
{
    return keep_parent(l, SYMBOL_NOT, pmr_cond_not(l, kid), &kid, 1);
}

struct symbol *pmr_symbol(const struct symbols *symbols, pm_cond_id id)
{
    size_t low = 0, high = symbols->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (symbols->at[middle].id == id)
            return &symbols->at[middle];
        if (symbols->at[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}
