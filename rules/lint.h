/* lint.h - what is no error but hardly meant: the steps of lint, and what the loader keeps for
 * them.
 *
 *     symbol.c     conditions as the builder got them
 *     box.c, boxmake.c, interval.c    what they say of each field
 *     witness.c    packets that show it, judged by the filter
 *     lint_reach.c, lint_cross.c      rules that never decide, or not for all they name
 *     lint_groups.c   conditions that never hold, or always do
 *     lint_values.c   values that are there twice; names that nobody uses
 *     lint_fields.c   rewrites that undo each other
 *     lint_platform.c, lint_routes.c    what a data path cannot do, and what it needs
 *     lint_cost.c     what waits, and what will never be found
 *
 * What is told is true: where lint does not know, it says nothing.
 */
#ifndef PMR_LINT_H
#define PMR_LINT_H

#include "box.h"
#include "check.h"
#include "codes.h"
#include "diagnostic.h"
#include "set.h"

#define PMR_NO_INDEX UINT32_MAX

struct linted_rule {
    const struct node *node; /* the object in the file */
    struct pm_rule_spec spec;
    uint32_t index; /* in the policy; PMR_NO_INDEX: it is not */
    bool is_enabled;
    bool is_covered; /* told already: it is never reached */
};

/* Members of a condition, or the list of an "any" or "all". */
struct linted_group {
    const struct node *node;
    const pm_cond_id *ids; /* of its members, in order */
    uint32_t count;
    bool is_any;
};

/* The values of a test, in the order of their list in the file. */
struct linted_list {
    const struct node *node;
    enum pm_field field;
    const struct pm_value *values;
    uint32_t count;
};

struct linted_set {
    const struct set *set;
    const struct node *node; /* its list of values, or NULL */
    uint32_t listed;         /* values of it that stand in that list */
};

struct lint {
    struct pm_check_options options;
    struct symbols symbols;
    struct geometry geometry;
    struct linted_rule *rules;
    size_t rule_count, rule_cap;
    struct linted_group *groups;
    size_t group_count, group_cap;
    struct linted_list *lists;
    size_t list_count, list_cap;
    struct set_values *sets; /* by index */
    size_t set_count, set_cap;
    struct linted_set *set_places;
    size_t place_count, place_cap;
    struct names used_vars, used_sets;
    const struct linted_rule **by_index; /* rules of the policy */
};

/* ---- what the loader keeps, where l->lint is set */

void pmr_lint_rule(struct load *l, const struct node *rule, const struct pm_rule_spec *spec,
                   bool is_enabled);
void pmr_lint_group(struct load *l, const struct node *n, const pm_cond_id *ids, size_t count,
                    bool is_any);
void pmr_lint_list(struct load *l, const struct node *n, enum pm_field field,
                   const struct pm_value *values, size_t count, size_t cond_count);
void pmr_lint_set(struct load *l, const struct set *set, const struct node *values);
void pmr_lint_set_value(struct load *l, const struct set *set, const struct pm_value *value);
void pmr_lint_use(struct load *l, bool is_set, const char *name);

/* ---- the steps; the policy is made, and l->rules has it */

void pmr_lint(struct load *l);

void pmr_lint_groups(struct load *l);
void pmr_lint_values(struct load *l);
void pmr_lint_reach(struct load *l);
void pmr_lint_cross(struct load *l);
void pmr_lint_rewrites(struct load *l);
void pmr_lint_fields(struct load *l);
void pmr_lint_platform(struct load *l);
void pmr_lint_routes(struct load *l);
void pmr_lint_cost(struct load *l);

/* ---- what they share */

struct remark {
    enum code code;
    const struct node *at; /* told at its key if it has one */
    const struct node *related;
    const char *hint, *witness;
};

void pmr_remark(struct load *l, const struct remark *remark, const char *format, ...)
    PMR_PRINTF(3, 4);
/* Worth knowing, and no fault. */
void pmr_note(struct load *l, const char *format, ...) PMR_PRINTF(2, 3);
/* The id in the file, where a remark about the whole rule stands. */
const struct node *pmr_linted_id(const struct linted_rule *rule);
/* "rule "a" (office.json:4)" */
struct quote pmr_linted_name(const struct load *l, const struct linted_rule *rule);
/* Spends steps; false: they are used up. */
bool pmr_lint_may(struct lint *x, uint64_t steps);

/* It decides about every packet that its condition holds for. */
bool pmr_rule_decides(const struct pm_rule_spec *spec);
bool pmr_rule_has_modifier(const struct pm_rule_spec *spec);

/* ---- packets */

struct witness {
    struct pm_ruletest_packet packet;
    bool is_exact; /* it is in the box; else it only looks like it */
};

/* False: no packet like that can be made. */
bool pmr_witness_of(struct lint *x, const struct box *box, struct witness *out);
/* The rule of the policy that decides about it. False: none does, or it cannot be told. */
bool pmr_witness_judge(struct load *l, enum pm_stage stage, const struct witness *w,
                       uint32_t *rule);
/* As inet_ntop writes it. */
#define PMR_ADDR_TEXT 46
void pmr_addr_text(const struct pm_addr *addr, char out[PMR_ADDR_TEXT]);
/* As the JSON object that a test of a rule file has; NULL without memory. */
const char *pmr_witness_text(struct load *l, const struct witness *w);

#endif
