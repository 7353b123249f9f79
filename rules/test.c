/* test.c - the test of one field: what stands behind its name in a condition. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "bpf.h"
#include "bytes.h"
#include "diagnostic.h"
#include "expect.h"
#include "form.h"
#include "lint.h"
#include "notation.h"
#include "record.h"
#include "set.h"
#include "var.h"

#define VALUES_MAX 16384u /* in one test; more of them are a set */

/* A short name may stand for many values, and in many places: in all for so many, and one more
 * for each five bytes of the files. */
#define VAR_VALUES_MAX 65536u

/* ------------------------------------------------------------------ values */

void pmr_test_add_value(struct test *t, const struct node *n, const struct pm_value *value)
{
    struct load *l = t->load;
    struct pm_value *grown;

    if (t->count == VALUES_MAX) {
        pmr_fail(l, n, CODE_LIMIT, "put them into a set", "a test has at most %u values",
                 VALUES_MAX);
        return;
    }
    grown = pmr_memory_grow(&l->memory, t->values, t->count, &t->cap, sizeof *grown);
    if (grown == NULL)
        return;
    t->values = grown;
    t->values[t->count++] = *value;
}

void pmr_test_add_cond(struct test *t, struct cond cond)
{
    struct memory *m = &t->load->memory;
    struct cond *grown = pmr_memory_grow(m, t->conds, t->cond_count, &t->cond_cap, sizeof *grown);

    if (grown == NULL)
        return;
    t->conds = grown;
    t->conds[t->cond_count++] = cond;
}

static void add_number(struct test *t, const struct node *n)
{
    int64_t number;
    struct pm_value value = {.kind = PM_VALUE_RANGE};

    if (!pmr_expect_whole(t->load, n, 0, t->info->max, &number))
        return;
    value.range.lo = value.range.hi = (uint32_t)number;
    pmr_test_add_value(t, n, &value);
}

/* "tcp" where 6 is meant */
static void hint_protocol(const char *text, struct complaint *c)
{
    static const struct {
        const char *name;
        unsigned number;
    } protocols[] = {{"icmp", 1}, {"tcp", 6}, {"udp", 17}, {"icmpv6", 58}, {"sctp", 132}};

    for (size_t i = 0; i < sizeof protocols / sizeof protocols[0]; i++)
        if (strcmp(protocols[i].name, text) == 0)
            snprintf(c->hint, sizeof c->hint, "write %u", protocols[i].number);
}

/* The text of a number field: a range, or letters. */
static bool parse_number_text(const struct test *t, const char *text, struct pm_value *value,
                              struct complaint *c)
{
    if (t->field == PM_FIELD_IP_PROTO)
        hint_protocol(text, c);
    if (t->field != PM_FIELD_TCP_FLAGS)
        return pmr_parse_interval(text, t->info->max, value, c);
    *value = (struct pm_value){.kind = PM_VALUE_RANGE};
    if (!pmr_parse_tcp_flags(text, &value->range.lo, c))
        return false;
    value->range.hi = value->range.lo;
    return true;
}

static bool parse_text(const struct test *t, const char *text, struct pm_value *value,
                       struct complaint *c)
{
    if (t->info->kind == PM_KIND_ADDR)
        return pmr_parse_prefix(text, value, c);
    if (t->info->kind != PM_KIND_MAC)
        return parse_number_text(t, text, value, c);
    *value = (struct pm_value){.kind = PM_VALUE_MAC};
    return pmr_parse_mac(text, value->mac, c);
}

static void add_parsed(struct test *t, const struct node *n)
{
    struct complaint c = {.text = ""};
    struct pm_value value;
    const char *hint;

    if (!pmr_expect_kind(t->load, n, NODE_STRING))
        return;
    if (parse_text(t, pmr_node_text(n), &value, &c)) {
        pmr_test_add_value(t, n, &value);
        if (c.text[0] == '\0')
            return;
        hint = pmr_text(&t->load->rules->memory, "%s", c.hint);
        pmr_warn(t->load, n, c.code, hint, "%s", c.text);
        return;
    }
    hint = c.hint[0] == '\0' ? NULL : pmr_text(&t->load->rules->memory, "%s", c.hint);
    pmr_fail(t->load, n, c.code, hint, "%s", c.text);
}

static void add_word(struct test *t, const struct node *n)
{
    size_t index;
    struct pm_value value = {.kind = PM_VALUE_RANGE};

    if (!pmr_expect_word(t->load, n, t->info->names, &index))
        return;
    value.range.lo = value.range.hi = (uint32_t)index;
    pmr_test_add_value(t, n, &value);
}

static void add_flag(struct test *t, const struct node *n)
{
    struct pm_value value = {.kind = PM_VALUE_RANGE};
    bool flag;

    if (pmr_node_kind(n) == NODE_NUMBER) {
        add_number(t, n);
        return;
    }
    if (!pmr_expect_bool(t->load, n, &flag))
        return;
    value.range.lo = value.range.hi = flag;
    pmr_test_add_value(t, n, &value);
}

/* Whether the library takes it for the field. */
static bool check_value(struct test *t, const struct node *n, const struct pm_value *value)
{
    struct pm_op_fault fault;

    if (pm_value_check(t->field, value, &fault))
        return true;
    pmr_fail(t->load, n, CODE_TEST_KIND, NULL, "%s", fault.text);
    return false;
}

void pmr_test_add_bytes(struct test *t, const struct node *n, const struct pm_value *like)
{
    struct pm_value value = *like;
    struct bytes bytes;

    if (!pmr_bytes_filled(t->load, n, &bytes))
        return;
    value.bytes.bytes = bytes.at;
    value.bytes.len = bytes.len;
    if (check_value(t, n, &value))
        pmr_test_add_value(t, n, &value);
}

static void add_whole_text(struct test *t, const struct node *n)
{
    const struct pm_value like = {
        .kind = PM_VALUE_BYTES,
        .bytes = {.depth = PM_NO_LIMIT, .whole = t->info->kind == PM_KIND_TEXT}};

    if (pmr_expect_kind(t->load, n, NODE_STRING))
        pmr_test_add_bytes(t, n, &like);
}

void pmr_test_add_domain(struct test *t, const struct node *n, bool is_below)
{
    struct load *l = t->load;
    struct complaint c = {.text = ""};
    struct pm_value value = {.kind = PM_VALUE_BYTES, .bytes = {.depth = PM_NO_LIMIT}};
    char *small = pmr_memory_take(&l->memory, PMR_DOMAIN_ROOM + 1); /* "." before it */
    const char *hint;
    bool is_wild;

    if (small == NULL || !pmr_expect_filled(l, n, NODE_STRING))
        return;
    if (!pmr_parse_domain(pmr_node_text(n), &c)) {
        hint = c.hint[0] == '\0' ? NULL : pmr_text(&l->rules->memory, "%s", c.hint);
        pmr_fail(l, n, c.code, hint, "%s", c.text);
        return;
    }
    small[0] = '.';
    value.bytes.len = (uint32_t)pmr_domain_small(pmr_node_text(n), small + 1);
    value.bytes.bytes = (const uint8_t *)small + 1;
    value.bytes.whole = true;
    is_wild = small[1] == '*'; /* "*.example.com": only what is below */
    if (!is_wild)
        pmr_test_add_value(t, n, &value);
    if (!is_wild && !is_below)
        return;
    value.bytes.bytes = (const uint8_t *)small + (is_wild ? 2 : 0);
    value.bytes.len = is_wild ? value.bytes.len - 1 : value.bytes.len + 1;
    value.bytes.whole = false;
    value.bytes.at_end = true;
    pmr_test_add_value(t, n, &value);
}

static void add_bpf(struct test *t, const struct node *n)
{
    struct pm_value value = {.kind = PM_VALUE_BPF};

    if (pmr_expect_kind(t->load, n, NODE_STRING) && pmr_bpf_compile(t->load, n, &value.bpf))
        pmr_test_add_value(t, n, &value);
}

/* ------------------------------------------------------------------ sets */

/* The type of set that fits the field; false: none does. */
static bool fitting_set(const struct pm_field_info *info, enum set_type *type)
{
    switch (info->kind) {
    case PM_KIND_UINT:
        *type = SET_PORT;
        return true;
    case PM_KIND_ADDR:
        *type = SET_CIDR;
        return true;
    case PM_KIND_TEXT:
        *type = info->is_domain ? SET_DOMAIN : SET_STRING;
        return true;
    case PM_KIND_BYTES:
        *type = SET_BYTES;
        return true;
    case PM_KIND_FLAG:
    case PM_KIND_ENUM:
    case PM_KIND_MAC:
    case PM_KIND_BPF:
        break;
    }
    return false;
}

static void add_set(struct test *t, const struct node *n)
{
    const struct set *set = pmr_set_named(t->load, n);
    enum set_type type;

    if (t->load->in_test) {
        pmr_fail(t->load, n, CODE_RULETEST, "write the value",
                 "a test does not use the sets of the rules");
        return;
    }
    if (set == NULL || set->is_broken)
        return;
    if (!fitting_set(t->info, &type))
        pmr_fail(t->load, n, CODE_SET_KIND, NULL, "%s is not tested with sets", t->info->name);
    else if (set->type != type)
        pmr_fail(t->load, n, CODE_SET_KIND, NULL,
                 "%s takes a set of type \"%s\", but %s is of type \"%s\"", t->info->name,
                 pmr_set_type_name(type), pmr_found(n).text, pmr_set_type_name(set->type));
    else
        pmr_test_add_value(t, n, &(struct pm_value){.kind = PM_VALUE_SET, .set = set->index});
}

/* ------------------------------------------------------------------ one item */

static void add_scalar(struct test *t, const struct node *n)
{
    switch (t->info->kind) {
    case PM_KIND_UINT:
        if (pmr_node_kind(n) == NODE_STRING)
            add_parsed(t, n);
        else
            add_number(t, n);
        break;
    case PM_KIND_FLAG:
        add_flag(t, n);
        break;
    case PM_KIND_ENUM:
        add_word(t, n);
        break;
    case PM_KIND_ADDR:
    case PM_KIND_MAC:
        add_parsed(t, n);
        break;
    case PM_KIND_TEXT:
    case PM_KIND_BYTES:
        if (t->info->is_domain)
            pmr_test_add_domain(t, n, false);
        else
            add_whole_text(t, n);
        break;
    case PM_KIND_BPF:
        add_bpf(t, n);
        break;
    }
}

static bool is_set(const struct node *n)
{
    return pmr_node_kind(n) == NODE_STRING && !n->bad && pmr_node_text(n)[0] == '@';
}

/* An item that is no variable. */
static void add_plain(struct test *t, const struct node *n)
{
    if (is_set(n))
        add_set(t, n);
    else if (pmr_node_kind(n) == NODE_OBJECT)
        pmr_form_add(t, n);
    else
        add_scalar(t, n);
}

/* False: complained. */
static bool may_stand_for(struct load *l, const struct node *n, const struct node *value)
{
    size_t most = VAR_VALUES_MAX + l->text_len / 5, left = most - l->var_values;
    size_t count = pmr_node_kind(value) == NODE_LIST && left > 0 ? pmr_node_count(value) : 1;

    if (count <= left) {
        l->var_values += count;
        return true;
    }
    l->var_values = most; /* and no long list is counted again */
    pmr_fail(l, n, CODE_LIMIT, "put the values into a set",
             "variables stand for at most %zu values in all places", most);
    return false;
}

static void add_var(struct test *t, const struct node *n)
{
    const struct node *value = pmr_var_named(t->load, n);

    if (value == NULL || !may_stand_for(t->load, n, value))
        return;
    t->load->via = n;
    if (pmr_node_kind(value) != NODE_LIST)
        add_plain(t, value);
    else
        for (const struct node *m = pmr_node_first(value); m != NULL; m = pmr_node_next(m))
            add_plain(t, m);
    t->load->via = NULL;
}

static void add_item(struct test *t, const struct node *n)
{
    if (t->load->via == NULL && pmr_is_var(n))
        add_var(t, n);
    else
        add_plain(t, n);
}

/* ------------------------------------------------------------------ the whole test */

bool pmr_field_excludes_tcp(enum pm_field field)
{
    return (field >= PM_FIELD_UDP_SRCPORT && field <= PM_FIELD_UDP_LENGTH) ||
           (field >= PM_FIELD_ICMP_TYPE && field <= PM_FIELD_ICMP_SEQ);
}

/* Whether the values let TCP through. */
static void judge_tcp(const struct test *t, struct cond *cond)
{
    const uint32_t tcp = 6;
    bool holds = false, may_hold = false;

    cond->can_be_tcp = !pmr_field_excludes_tcp(t->field);
    if (t->field != PM_FIELD_IP_PROTO)
        return;
    for (size_t i = 0; i < t->count; i++) {
        const struct pm_value *v = &t->values[i];

        holds = holds || (v->kind == PM_VALUE_RANGE && v->range.lo <= tcp && tcp <= v->range.hi) ||
                (v->kind == PM_VALUE_MASK && (tcp & v->mask.mask) == v->mask.value);
        may_hold = may_hold || v->kind == PM_VALUE_SET;
    }
    cond->can_be_tcp = holds || may_hold;
    cond->is_all_tcp = holds;
}

/* The values that were collected, as one condition. */
static struct cond values_cond(const struct test *t)
{
    struct cond cond = {.id = PM_COND_TRUE, .can_be_tcp = true};

    if (t->count == 0)
        return cond;
    cond.id = pmr_make_test(t->load, t->field, t->values, t->count);
    judge_tcp(t, &cond);
    return cond;
}

/* Any of the values and of the other conditions. */
static struct cond any_of(const struct test *t)
{
    struct cond whole = {.id = PM_COND_TRUE, .can_be_tcp = true};
    pm_cond_id *ids;
    size_t count = 0;

    if (t->cond_count == 0)
        return values_cond(t);
    if (t->cond_count == 1 && t->count == 0)
        return t->conds[0];
    ids = pmr_memory_array(&t->load->memory, t->cond_count + 1, sizeof *ids);
    if (ids == NULL)
        return whole;
    if (t->count > 0) {
        whole = values_cond(t);
        ids[count++] = whole.id;
    } else {
        whole.can_be_tcp = false;
    }
    for (size_t i = 0; i < t->cond_count; i++) {
        ids[count++] = t->conds[i].id;
        whole.can_be_tcp = whole.can_be_tcp || t->conds[i].can_be_tcp;
        whole.is_all_tcp = whole.is_all_tcp || t->conds[i].is_all_tcp;
    }
    whole.id = pmr_make_any(t->load, ids, count);
    return whole;
}

struct cond pmr_test_of(struct load *l, enum pm_field field, const struct node *n)
{
    struct test t = {.load = l, .field = field, .info = pm_field_info(field)};
    struct cond cond;

    if (pmr_node_kind(n) != NODE_LIST)
        add_item(&t, n);
    else if (pmr_expect_filled(l, n, NODE_LIST))
        for (const struct node *m = pmr_node_first(n); m != NULL; m = pmr_node_next(m))
            add_item(&t, m);
    cond = any_of(&t);
    pmr_lint_list(l, n, field, t.values, t.count, t.cond_count);
    if (l->lint == NULL && l->rules->meaning == NULL) /* else they are kept */
        pmr_memory_drop(&l->memory, t.values, t.cap, sizeof *t.values);
    pmr_memory_drop(&l->memory, t.conds, t.cond_cap, sizeof *t.conds);
    cond.stream = field == PM_FIELD_STREAM ? n : NULL;
    cond.hello = field >= PM_FIELD_TLS_NAME && field <= PM_FIELD_TLS_JA4 ? n : NULL;
    cond.http = field >= PM_FIELD_HTTP_HOST && field <= PM_FIELD_HTTP_HEADER ? n : NULL;
    return cond;
}
