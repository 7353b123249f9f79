/* form.h - tests that are objects: {"not": ..}, {"ge": ..}, {"mask": ..}, {"bytes": ..}, ... */
#ifndef PMR_FORM_H
#define PMR_FORM_H

#include "cond.h"

/* A test as it is being put together: any of the values, or any of the conditions. */
struct test {
    struct load *load;
    enum pm_field field;
    const struct pm_field_info *info;
    struct pm_value *values;
    size_t count, cap;
    struct cond *conds;
    size_t cond_count, cond_cap;
};

/* Adds what the object means. */
void pmr_form_add(struct test *t, const struct node *object);

void pmr_test_add_value(struct test *t, const struct node *n, const struct pm_value *value);
/* A byte string, with the other members of `like`. */
void pmr_test_add_bytes(struct test *t, const struct node *n, const struct pm_value *like);
/* A domain name; with is_below names below it too. "*.example.com" is only these. */
void pmr_test_add_domain(struct test *t, const struct node *n, bool is_below);
void pmr_test_add_cond(struct test *t, struct cond cond);

#endif
