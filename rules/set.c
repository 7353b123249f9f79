/* set.c - named sets of values, given in the rule file or in files of their own. */
#include "set.h"

#include <string.h>

#include "bytes.h"
#include "diagnostic.h"
#include "expect.h"
#include "lint.h"
#include "notation.h"
#include "record.h"
#include "setfile.h"
#include "suggest.h"

static const char *const type_names[] = {"cidr", "port", "domain", "string", "bytes", NULL};

const char *pmr_set_type_name(enum set_type type)
{
    return type_names[type];
}

/* ------------------------------------------------------------------ values in the rule file */

bool pmr_set_parse(enum set_type type, const char *text, struct pm_value *out, struct complaint *c)
{
    switch (type) {
    case SET_CIDR:
        return pmr_parse_prefix(text, out, c);
    case SET_PORT:
        return pmr_parse_number_or_interval(text, 0xffff, out, c);
    case SET_DOMAIN:
        if (!pmr_parse_domain(text, c))
            return false;
        break;
    case SET_STRING:
    case SET_BYTES:
        break;
    }
    *out = (struct pm_value){.kind = PM_VALUE_BYTES,
                             .bytes = {.bytes = (const uint8_t *)text,
                                       .len = (uint32_t)strlen(text),
                                       .depth = PM_NO_LIMIT,
                                       .whole = type == SET_STRING}};
    return true;
}

void pmr_set_put(struct load *l, const struct set *set, const struct pm_value *value)
{
    char domain[PMR_DOMAIN_ROOM];
    struct pm_value small = *value;

    if (set->type == SET_DOMAIN) {
        small.bytes.len = (uint32_t)pmr_domain_small((const char *)value->bytes.bytes, domain);
        small.bytes.bytes = (const uint8_t *)domain;
        if (domain[0] == '*') { /* the set holds what is below a name anyway */
            small.bytes.bytes += 2;
            small.bytes.len -= 2;
        }
    }
    pmr_set_add(l, set->index, &small);
    pmr_lint_set_value(l, set, value);
}

static void put_text(struct load *l, const struct set *set, const struct node *n)
{
    struct complaint c = {.text = ""};
    struct pm_value value;
    const char *hint;
    bool is_good;

    if (!pmr_expect_filled(l, n, NODE_STRING))
        return;
    is_good = pmr_set_parse(set->type, pmr_node_text(n), &value, &c);
    hint = c.hint[0] == '\0' ? NULL : pmr_text(&l->rules->memory, "%s", c.hint);
    if (!is_good)
        pmr_fail(l, n, c.code, hint, "%s", c.text);
    else
        pmr_set_put(l, set, &value);
    if (is_good && c.text[0] != '\0')
        pmr_warn(l, n, c.code, hint, "%s", c.text);
}

static void put_port(struct load *l, const struct set *set, const struct node *n)
{
    struct pm_value value = {.kind = PM_VALUE_RANGE};
    int64_t port;

    if (pmr_node_kind(n) == NODE_STRING) {
        put_text(l, set, n);
        return;
    }
    if (!pmr_expect_whole(l, n, 0, 0xffff, &port))
        return;
    value.range.lo = value.range.hi = (uint32_t)port;
    pmr_set_put(l, set, &value);
}

static void put_bytes(struct load *l, const struct set *set, const struct node *n)
{
    struct pm_value value = {.kind = PM_VALUE_BYTES, .bytes = {.depth = PM_NO_LIMIT}};
    struct bytes bytes;

    if (!pmr_bytes_filled(l, n, &bytes))
        return;
    value.bytes.bytes = bytes.at;
    value.bytes.len = bytes.len;
    pmr_set_put(l, set, &value);
}

static void put_value(struct load *l, const struct set *set, const struct node *n)
{
    if (set->type == SET_PORT)
        put_port(l, set, n);
    else if (set->type == SET_BYTES)
        put_bytes(l, set, n);
    else
        put_text(l, set, n);
}

static void put_values(struct load *l, const struct set *set, const struct node *list)
{
    if (!pmr_expect_filled(l, list, NODE_LIST))
        return;
    for (const struct node *n = pmr_node_first(list); n != NULL; n = pmr_node_next(n))
        put_value(l, set, n);
}

/* ------------------------------------------------------------------ sets */

static bool take_type(struct load *l, const struct node *n, struct set *set)
{
    static const enum pm_set_kind kinds[] = {PM_SET_CIDR, PM_SET_PORT, PM_SET_DOMAIN, PM_SET_STRING,
                                             PM_SET_BYTES};
    const struct node *type = pmr_expect_member(l, n, "type", "a set");
    size_t index;

    if (type == NULL || !pmr_expect_word(l, type, type_names, &index))
        return false;
    set->type = (enum set_type)index;
    set->index = pmr_add_set(l, kinds[index], set, n);
    return true;
}

static void fill(struct load *l, const struct node *n, struct set *set)
{
    static const struct key keys[] = {{"type", false}, {"values", false}, {"file", false}};
    const struct node *values = pmr_node_get(n, "values"), *file = pmr_node_get(n, "file");

    set->is_broken = true;
    if (!pmr_expect_kind(l, n, NODE_OBJECT))
        return;
    pmr_expect_keys(l, n, keys, 3, "a set");
    if (!take_type(l, n, set))
        return;
    set->is_broken = false;
    if (values == NULL && file == NULL)
        pmr_fail(l, n, CODE_MISSING_KEY, NULL, "a set needs \"values\" or \"file\"");
    if (values != NULL)
        put_values(l, set, values);
    pmr_lint_set(l, set, values);
    if (file != NULL)
        pmr_setfile_read(l, set, file);
}

static void declare(struct load *l, const struct node *n)
{
    struct set *set = pmr_memory_take(&l->memory, sizeof *set);
    const char *name = pmr_node_key(n);

    if (set == NULL)
        return;
    set->name = name;
    if (!pmr_is_id(name))
        pmr_fail_key(l, n, CODE_NAME, NULL, "a name has 1 to 64 of A-Z a-z 0-9 . _ -, found %s",
                     pmr_quote(name).text);
    else if (pmr_names_put(&l->sets, &l->memory, name, set) != NULL)
        pmr_fail_key(l, n, CODE_REPEATED_NAME, NULL, "the set %s is there before",
                     pmr_quote(name).text);
    fill(l, n, set);
}

void pmr_sets_of(struct load *l, const struct node *sets)
{
    if (!pmr_expect_kind(l, sets, NODE_OBJECT))
        return;
    pmr_names_expect(&l->sets, &l->memory, pmr_node_count(sets));
    for (const struct node *n = pmr_node_first(sets); n != NULL; n = pmr_node_next(n))
        declare(l, n);
}

static const char *nearest(struct load *l, const char *wrong)
{
    struct suggest suggest = pmr_suggest_for(wrong);

    if (!pmr_may_look(l, l->sets.count))
        return NULL;
    for (size_t i = 0; i < l->sets.cap; i++)
        if (l->sets.slots[i].text != NULL)
            pmr_suggest_offer(&suggest, l->sets.slots[i].text);
    return suggest.best == NULL
               ? NULL
               : pmr_text(&l->rules->memory, "did you mean \"@%s\"?", suggest.best);
}

const struct set *pmr_set_named(struct load *l, const struct node *n)
{
    const char *name = pmr_node_text(n) + 1;
    const struct set *set = pmr_names_get(&l->sets, name);

    pmr_lint_use(l, true, name);
    if (set == NULL)
        pmr_fail(l, n, CODE_UNKNOWN_SET, nearest(l, name), "unknown set %s", pmr_found(n).text);
    return set;
}
