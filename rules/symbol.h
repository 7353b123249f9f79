/* symbol.h - the conditions of rules, kept for lint as the builder got them. */
#ifndef PMR_SYMBOL_H
#define PMR_SYMBOL_H

#include "interval.h"
#include "load.h"

enum symbol_kind { SYMBOL_TEST, SYMBOL_PRESENT, SYMBOL_ALL, SYMBOL_ANY, SYMBOL_NOT };

struct choices;

struct symbol {
    pm_cond_id id;
    enum symbol_kind kind;
    enum pm_field field; /* TEST, PRESENT */
    const struct pm_value *values;
    const pm_cond_id *kids;        /* ALL, ANY, NOT */
    uint32_t count;                /* of values or kids */
    const struct choices *choices; /* TEST, PRESENT: made when it is first needed (boxmake.c) */
};

struct symbols {
    struct symbol *at; /* ascending by id */
    size_t count, cap;
};

/* As pm_cond_test and so on; values and kids stay as long as the load. */
pm_cond_id pmr_make_test(struct load *l, enum pm_field field, const struct pm_value *values,
                         size_t count);
pm_cond_id pmr_make_present(struct load *l, enum pm_field field);
pm_cond_id pmr_make_all(struct load *l, const pm_cond_id *kids, size_t count);
pm_cond_id pmr_make_any(struct load *l, const pm_cond_id *kids, size_t count);
pm_cond_id pmr_make_not(struct load *l, pm_cond_id kid);

/* NULL: PM_COND_TRUE. */
struct symbol *pmr_symbol(const struct symbols *symbols, pm_cond_id id);

#endif
