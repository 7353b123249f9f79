/* var.c - variables: values with a name. */
#include "var.h"

#include <string.h>

#include "diagnostic.h"
#include "expect.h"
#include "lint.h"
#include "notation.h"
#include "suggest.h"

bool pmr_is_var(const struct node *n)
{
    return pmr_node_kind(n) == NODE_STRING && !n->bad && pmr_node_text(n)[0] == '$';
}

static void check_scalar(struct load *l, const struct node *n)
{
    enum node_kind kind = pmr_node_kind(n);

    if (pmr_is_var(n))
        pmr_fail(l, n, CODE_TYPE, NULL, "a variable may not be made of another one, found %s",
                 pmr_found(n).text);
    else if (kind != NODE_STRING && kind != NODE_NUMBER && kind != NODE_BOOL)
        pmr_fail(l, n, CODE_TYPE, NULL, "expected a text, a number, true or false, found %s",
                 pmr_found(n).text);
}

static void check_value(struct load *l, const struct node *n)
{
    if (pmr_node_kind(n) != NODE_LIST) {
        check_scalar(l, n);
        return;
    }
    if (!pmr_expect_filled(l, n, NODE_LIST))
        return;
    for (const struct node *m = pmr_node_first(n); m != NULL; m = pmr_node_next(m))
        check_scalar(l, m);
}

void pmr_vars_of(struct load *l, const struct node *vars)
{
    if (!pmr_expect_kind(l, vars, NODE_OBJECT))
        return;
    pmr_names_expect(&l->vars, &l->memory, pmr_node_count(vars));
    for (const struct node *n = pmr_node_first(vars); n != NULL; n = pmr_node_next(n)) {
        const char *name = pmr_node_key(n);

        if (!pmr_is_id(name))
            pmr_fail_key(l, n, CODE_NAME, NULL, "a name has 1 to 64 of A-Z a-z 0-9 . _ -, found %s",
                         pmr_quote(name).text);
        else if (pmr_names_put(&l->vars, &l->memory, name, n) != NULL)
            pmr_fail_key(l, n, CODE_REPEATED_NAME, NULL, "the variable %s is there before",
                         pmr_quote(name).text);
        check_value(l, n);
    }
}

/* The nearest name, with its sign in front. */
static const char *nearest(struct load *l, const char *wrong)
{
    struct suggest suggest = pmr_suggest_for(wrong);

    if (!pmr_may_look(l, l->vars.count))
        return NULL;
    for (size_t i = 0; i < l->vars.cap; i++)
        if (l->vars.slots[i].text != NULL)
            pmr_suggest_offer(&suggest, l->vars.slots[i].text);
    return suggest.best == NULL
               ? NULL
               : pmr_text(&l->rules->memory, "did you mean \"$%s\"?", suggest.best);
}

const struct node *pmr_var_named(struct load *l, const struct node *n)
{
    const char *name = pmr_node_text(n) + 1;
    const struct node *value = pmr_names_get(&l->vars, name);

    pmr_lint_use(l, false, name);
    if (value == NULL)
        pmr_fail(l, n, CODE_UNKNOWN_VAR, nearest(l, name), "unknown variable %s",
                 pmr_found(n).text);
    return value;
}
