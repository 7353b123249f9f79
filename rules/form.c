/* form.c - tests that are objects: {"not": ..}, {"ge": ..}, {"mask": ..}, {"bytes": ..}, ... */
#include "form.h"

#include <string.h>

#include "bytes.h"
#include "diagnostic.h"
#include "expect.h"
#include "record.h"
#include "suggest.h"
#include "symbol.h"
#include "test.h"
#include "var.h"

static void add_not(struct test *t, const struct node *object)
{
    static const struct key keys[] = {{"not", false}};
    struct load *l = t->load;
    struct cond inner;

    pmr_expect_keys(l, object, keys, 1, "a \"not\"");
    inner = pmr_test_of(l, t->field, pmr_node_get(object, "not"));
    pmr_test_add_cond(t, (struct cond){.id = pmr_make_not(l, inner.id),
                                       .can_be_tcp = !inner.is_all_tcp,
                                       .is_all_tcp = !inner.can_be_tcp});
}

/* ------------------------------------------------------------------ comparisons */

/* "lt": 5 and the like narrow a range. False: complained. */
static bool narrow(struct test *t, const struct node *n, int64_t *lo, int64_t *hi)
{
    const char *key = pmr_node_key(n);
    const struct node *value = pmr_is_var(n) ? pmr_var_named(t->load, n) : n;
    int64_t number;
    bool is_whole;

    if (value == NULL)
        return false;
    t->load->via = value == n ? t->load->via : n;
    is_whole = pmr_expect_whole(t->load, value, 0, t->info->max, &number);
    t->load->via = value == n ? t->load->via : NULL;
    if (!is_whole)
        return false;
    number += strcmp(key, "gt") == 0 ? 1 : strcmp(key, "lt") == 0 ? -1 : 0;
    if (key[0] == 'g')
        *lo = number > *lo ? number : *lo;
    else
        *hi = number < *hi ? number : *hi;
    return true;
}

static void add_range(struct test *t, const struct node *object)
{
    static const char *const keys[] = {"lt", "le", "gt", "ge"};
    int64_t lo = 0, hi = t->info->max;
    struct pm_value value = {.kind = PM_VALUE_RANGE};

    if (t->info->kind != PM_KIND_UINT) {
        pmr_fail(t->load, object, CODE_TEST_KIND, NULL, "%s is no number that can be compared",
                 t->info->name);
        return;
    }
    for (size_t i = 0; i < 4; i++) {
        const struct node *n = pmr_node_get(object, keys[i]);

        if (n != NULL && !narrow(t, n, &lo, &hi))
            return;
    }
    if (lo > hi) {
        pmr_fail(t->load, object, CODE_INTERVAL, NULL, "no value of %s can be that", t->info->name);
        return;
    }
    value.range.lo = (uint32_t)lo;
    value.range.hi = (uint32_t)hi;
    pmr_test_add_value(t, object, &value);
}

/* Present, and none of its values is that. */
static struct cond differs(struct test *t, const struct node *n)
{
    struct load *l = t->load;
    struct cond same = pmr_test_of(l, t->field, n);
    pm_cond_id both[2];

    both[0] = pmr_make_present(l, t->field);
    both[1] = pmr_make_not(l, same.id);
    return (struct cond){.id = pmr_make_all(l, both, 2),
                         .can_be_tcp = !pmr_field_excludes_tcp(t->field) && !same.is_all_tcp};
}

static void add_comparison(struct test *t, const struct node *object)
{
    static const struct key keys[] = {{"eq", false}, {"ne", false}, {"lt", false},
                                      {"le", false}, {"gt", false}, {"ge", false}};
    const struct node *eq = pmr_node_get(object, "eq"), *ne = pmr_node_get(object, "ne");
    struct load *l = t->load;

    pmr_expect_keys(l, object, keys, 6, "a comparison");
    if ((eq != NULL || ne != NULL) && pmr_node_count(object) > 1)
        pmr_fail(l, object, CODE_KEYS_CLASH, NULL,
                 "\"eq\" and \"ne\" stand alone; only lt, le, gt and ge go together");
    else if (t->info->kind == PM_KIND_BPF)
        pmr_fail(l, object, CODE_TEST_KIND, NULL, "%s is not compared", t->info->name);
    else if (eq != NULL)
        pmr_test_add_cond(t, pmr_test_of(l, t->field, eq));
    else if (ne != NULL)
        pmr_test_add_cond(t, differs(t, ne));
    else
        add_range(t, object);
}

static void add_mask(struct test *t, const struct node *object)
{
    static const struct key keys[] = {{"mask", false}, {"value", false}};
    const struct node *mask = pmr_node_get(object, "mask"), *value;
    struct load *l = t->load;
    int64_t bits, wanted;

    pmr_expect_keys(l, object, keys, 2, "a masked test");
    value = pmr_expect_member(l, object, "value", "a masked test");
    if (mask == NULL)
        mask = pmr_expect_member(l, object, "mask", "a masked test");
    if (t->info->kind != PM_KIND_UINT) {
        pmr_fail(l, object, CODE_TEST_KIND, NULL, "%s is no number that a mask fits",
                 t->info->name);
        return;
    }
    if (mask == NULL || value == NULL || !pmr_expect_whole(l, mask, 0, t->info->max, &bits) ||
        !pmr_expect_whole(l, value, 0, t->info->max, &wanted))
        return;
    if ((wanted & ~bits) != 0) {
        pmr_fail(l, value, CODE_INTERVAL, NULL,
                 "%s has bits outside of the mask, so nothing can be it", pmr_found(value).text);
        return;
    }
    pmr_test_add_value(
        t, object,
        &(struct pm_value){.kind = PM_VALUE_MASK,
                           .mask = {.mask = (uint32_t)bits, .value = (uint32_t)wanted}});
}

/* ------------------------------------------------------------------ bytes */

static bool is_bytes_field(struct test *t, const struct node *object)
{
    if (t->info->kind == PM_KIND_TEXT || t->info->kind == PM_KIND_BYTES)
        return true;
    pmr_fail(t->load, object, CODE_TEST_KIND, NULL, "%s is no text to look into", t->info->name);
    return false;
}

static void take_offset(struct load *l, const struct node *object, const char *key, int64_t least,
                        uint32_t *out)
{
    const struct node *n = pmr_node_get(object, key);
    int64_t number;

    if (n != NULL && pmr_expect_whole(l, n, least, PM_NO_LIMIT - 1, &number))
        *out = (uint32_t)number;
}

/* Domain names have no case. */
static void take_nocase(struct test *t, const struct node *object, bool *out)
{
    const struct node *n = pmr_node_get(object, "nocase");

    if (n != NULL)
        pmr_expect_bool(t->load, n, out);
    *out = *out || t->info->is_domain;
}

static void add_bytes(struct test *t, const struct node *object)
{
    static const struct key keys[] = {
        {"bytes", false}, {"offset", false}, {"depth", false}, {"nocase", false}};
    struct pm_value like = {.kind = PM_VALUE_BYTES, .bytes = {.depth = PM_NO_LIMIT}};
    const struct node *n = pmr_node_get(object, "bytes");
    struct load *l = t->load;
    struct bytes bytes;

    pmr_expect_keys(l, object, keys, 4, "a bytes test");
    if (!is_bytes_field(t, object))
        return;
    take_offset(l, object, "offset", 0, &like.bytes.offset);
    take_offset(l, object, "depth", 1, &like.bytes.depth);
    take_nocase(t, object, &like.bytes.nocase);
    if (!pmr_bytes_filled(l, n, &bytes))
        return;
    if (bytes.len > like.bytes.depth)
        pmr_fail(l, pmr_node_get(object, "depth"), CODE_RANGE, NULL,
                 "%u bytes are not found within a depth of %u", (unsigned)bytes.len,
                 (unsigned)like.bytes.depth);
    like.bytes.bytes = bytes.at;
    like.bytes.len = bytes.len;
    pmr_test_add_value(t, n, &like);
}

static void add_affix(struct test *t, const struct node *object)
{
    static const struct key keys[] = {
        {"contains", false}, {"prefix", false}, {"suffix", false}, {"nocase", false}};
    struct pm_value like = {.kind = PM_VALUE_BYTES, .bytes = {.depth = PM_NO_LIMIT}};
    const struct node *contains = pmr_node_get(object, "contains"),
                      *prefix = pmr_node_get(object, "prefix"),
                      *suffix = pmr_node_get(object, "suffix"), *n;
    struct load *l = t->load;

    pmr_expect_keys(l, object, keys, 4, "a text test");
    if (!is_bytes_field(t, object))
        return;
    if ((contains != NULL) + (prefix != NULL) + (suffix != NULL) > 1) {
        pmr_fail(l, object, CODE_KEYS_CLASH, "put them into an \"all\"",
                 "one of \"contains\", \"prefix\" and \"suffix\" is enough here");
        return;
    }
    take_nocase(t, object, &like.bytes.nocase);
    if (prefix != NULL && pmr_node_kind(prefix) == NODE_STRING)
        like.bytes.depth = (uint32_t)strlen(pmr_node_text(prefix));
    like.bytes.at_end = suffix != NULL;
    if (suffix != NULL && t->info->is_domain) {
        pmr_test_add_domain(t, suffix, true);
        return;
    }
    n = contains != NULL ? contains : prefix != NULL ? prefix : suffix;
    if (n != NULL && pmr_expect_kind(l, n, NODE_STRING))
        pmr_test_add_bytes(t, n, &like);
}

/* Whether the library takes it; it tells at which byte it does not. */
static bool check_regex(struct test *t, const struct node *n, const struct pm_value *value)
{
    struct pm_op_fault fault;

    if (pm_value_check(t->field, value, &fault))
        return true;
    if (fault.offset > 0)
        pmr_fail_inside(t->load, n, fault.offset, CODE_REGEX, "%s", fault.text);
    else
        pmr_fail(t->load, n, CODE_REGEX, NULL, "%s", fault.text);
    return false;
}

static void add_regex(struct test *t, const struct node *object)
{
    static const struct key keys[] = {{"regex", false}, {"nocase", false}};
    const struct node *n = pmr_node_get(object, "regex");
    struct pm_value value = {.kind = PM_VALUE_REGEX};
    struct load *l = t->load;

    pmr_expect_keys(l, object, keys, 2, "a regex test");
    if (!is_bytes_field(t, object))
        return;
    take_nocase(t, object, &value.regex.nocase);
    if (!pmr_expect_filled(l, n, NODE_STRING))
        return;
    value.regex.pattern = (const uint8_t *)pmr_node_text(n);
    value.regex.len = (uint32_t)strlen(pmr_node_text(n));
    if (check_regex(t, n, &value))
        pmr_test_add_value(t, n, &value);
}

/* ------------------------------------------------------------------ which form */

/* "hex" alone is a byte string, not a test. */
static void add_raw_bytes(struct test *t, const struct node *object)
{
    pmr_fail(t->load, object, CODE_KEYS_CLASH, "write {\"bytes\": {\"hex\": ...}}",
             "a byte string here is the value of \"bytes\"");
}

static const struct {
    const char *key;
    void (*add)(struct test *t, const struct node *object);
} forms[] = {
    {"not", add_not},          {"eq", add_comparison},  {"ne", add_comparison},
    {"lt", add_comparison},    {"le", add_comparison},  {"gt", add_comparison},
    {"ge", add_comparison},    {"mask", add_mask},      {"value", add_mask},
    {"bytes", add_bytes},      {"contains", add_affix}, {"prefix", add_affix},
    {"suffix", add_affix},     {"regex", add_regex},    {"hex", add_raw_bytes},
    {"base64", add_raw_bytes},
};

static void no_form(struct test *t, const struct node *object)
{
    const struct node *first = pmr_node_first(object);
    struct suggest suggest;

    if (first == NULL) {
        pmr_fail(t->load, object, CODE_EMPTY, NULL, "a test may not be empty");
        return;
    }
    suggest = pmr_suggest_for(pmr_node_key(first));
    for (size_t i = 0; i < sizeof forms / sizeof forms[0] && pmr_is_shown(t->load); i++)
        pmr_suggest_offer(&suggest, forms[i].key);
    pmr_fail_key(t->load, first, CODE_UNKNOWN_KEY, pmr_did_you_mean(t->load, suggest.best),
                 "unknown key %s in a test", pmr_quote(pmr_node_key(first)).text);
}

void pmr_form_add(struct test *t, const struct node *object)
{
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
        if (pmr_node_get(object, forms[i].key) != NULL) {
            forms[i].add(t, object);
            return;
        }
    no_form(t, object);
}
