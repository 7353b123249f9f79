/* record.h - builds conditions and sets, and remembers them where somebody asked what they mean.
 *
 * The builder compiles what it is handed and cannot tell it back. So what goes through here is kept
 * as it was, as long as the load lasts; without a record (rules->meaning NULL) nothing is. */
#ifndef PMR_RECORD_H
#define PMR_RECORD_H

#include "load.h"
#include "meaning.h"
#include "set.h"

enum recorded_kind { RECORDED_TEST, RECORDED_PRESENT, RECORDED_ALL, RECORDED_ANY, RECORDED_NOT };

/* A condition as it was handed to the builder. */
struct recorded {
    pm_cond_id id;
    enum recorded_kind kind;
    enum pm_field field;           /* TEST, PRESENT */
    const struct pm_value *values; /* TEST */
    const struct recorded **kids;  /* ALL, ANY, NOT; NULL is the condition that always holds */
    size_t count;                  /* of values, of kids */
};

struct recorded_set {
    const char *name, *type;
    const struct node *at;
    struct pm_value *values;
    size_t count, cap;
    const char *normal; /* all values, in a form that is the same for sets that hold the same; NULL:
                           not made yet */
};

struct meaning {
    const struct recorded **conds; /* ascending ids */
    size_t cond_count, cond_cap;
    struct recorded_set *sets; /* by their index in the builder */
    size_t set_count, set_cap;
    const char **bpfs; /* the same; what the programs of an expression are */
    size_t bpf_count, bpf_cap;
    /* What is kept behind the load. */
    struct pm_rule_meaning *rules;
    size_t rule_count, rule_cap;
    struct pm_setting_meaning *settings;
    size_t setting_count;
    struct pm_set_meaning *kept_sets;
    size_t kept_set_count;
};

/* As pm_cond_... of the builder. */
pm_cond_id pmr_cond_test(struct load *l, enum pm_field field, const struct pm_value *values,
                         size_t count);
pm_cond_id pmr_cond_present(struct load *l, enum pm_field field);
pm_cond_id pmr_cond_all(struct load *l, const pm_cond_id *conds, size_t count);
pm_cond_id pmr_cond_any(struct load *l, const pm_cond_id *conds, size_t count);
pm_cond_id pmr_cond_not(struct load *l, pm_cond_id cond);

/* What was recorded under that id; NULL: the condition always holds. */
const struct recorded *pmr_recorded(const struct meaning *m, pm_cond_id id);

/* As pm_builder_add_set(), pm_set_add() and pm_bpf_add(). */
uint32_t pmr_add_set(struct load *l, enum pm_set_kind kind, const struct set *set,
                     const struct node *at);
void pmr_set_add(struct load *l, uint32_t set, const struct pm_value *value);
void pmr_bpf_add(struct load *l, uint32_t bpf, uint16_t linktype, const struct pm_bpf_insn *insns,
                 size_t count);

#endif
