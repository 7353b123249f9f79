/* keyfield.c - the fields by whose values packets are kept apart: of a limit, of an ask. */
#include "keyfield.h"

#include "diagnostic.h"
#include "expect.h"
#include "test.h"

/* Fields that a packet has two values of, and one of those it is made of. */
static const char *one_value_of(enum pm_field field)
{
    static const struct {
        enum pm_field either;
        enum pm_field one;
    } pairs[] = {{PM_FIELD_IP_ADDR, PM_FIELD_IP_SRC},
                 {PM_FIELD_TCP_PORT, PM_FIELD_TCP_DSTPORT},
                 {PM_FIELD_UDP_PORT, PM_FIELD_UDP_DSTPORT},
                 {PM_FIELD_L4_PORT, PM_FIELD_L4_DSTPORT}};

    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        if (pairs[i].either == field)
            return pm_field_info(pairs[i].one)->name;
    return NULL;
}

/* False: complained. */
static bool may_be_key(struct load *l, const struct node *n, enum pm_field field)
{
    const struct pm_field_info *info = pm_field_info(field);
    const char *one = one_value_of(field);

    if (one != NULL)
        pmr_fail(l, n, CODE_KEY_FIELD,
                 pmr_text(&l->rules->memory, "write \"%s\", or the other one", one),
                 "a packet has two values of %s; packets are kept apart by one", info->name);
    else if (field >= PM_FIELD_HTTP_HOST && field <= PM_FIELD_HTTP_HEADER)
        pmr_fail(l, n, CODE_KEY_FIELD, NULL,
                 "packets cannot be kept apart by %s: a message is more than one packet",
                 info->name);
    else if (info->kind == PM_KIND_BPF || info->kind == PM_KIND_BYTES)
        pmr_fail(l, n, CODE_KEY_FIELD, NULL, "packets cannot be kept apart by %s", info->name);
    else
        return true;
    return false;
}

static bool add(struct load *l, const struct node *n, struct key_fields *out)
{
    enum pm_field field;

    if (!pmr_field_named(l, n, &field) || !may_be_key(l, n, field))
        return false;
    if (out->count == PM_KEY_FIELDS) {
        pmr_fail(l, n, CODE_LIMIT, NULL, "packets are kept apart by at most %d fields",
                 PM_KEY_FIELDS);
        return false;
    }
    for (uint8_t i = 0; i < out->count; i++)
        if (out->fields[i] == field) {
            pmr_fail(l, n, CODE_KEY_FIELD, NULL, "%s stands in this list before",
                     pm_field_info(field)->name);
            return false;
        }
    out->fields[out->count++] = field;
    return true;
}

bool pmr_key_fields_of(struct load *l, const struct node *list, struct key_fields *out)
{
    bool is_good = true;

    *out = (struct key_fields){.count = 0};
    if (!pmr_expect_filled(l, list, NODE_LIST))
        return false;
    for (const struct node *n = pmr_node_first(list); n != NULL && is_good; n = pmr_node_next(n))
        is_good = add(l, n, out);
    return is_good;
}
