/* assign.c - one header field that a rewrite sets, adds to, or maps (nat). */
#include "assign.h"

#include "diagnostic.h"
#include "expect.h"
#include "notation.h"
#include "test.h"
#include "var.h"

static bool is_tcp_port(enum pm_field field)
{
    return (field >= PM_FIELD_TCP_SRCPORT && field <= PM_FIELD_TCP_PORT) ||
           (field >= PM_FIELD_L4_SRCPORT && field <= PM_FIELD_L4_PORT);
}

/* False: complained. */
static bool may_map(struct load *l, const struct node *n, const struct pm_field_info *info)
{
    if (info->mappable)
        return true;
    pmr_fail_key(
        l, n, CODE_NOT_SETTABLE, NULL,
        "%s cannot be translated; nat takes addresses, ports and icmp.ident, of the source "
        "or of the destination",
        info->name);
    return false;
}

/* False: complained. */
static bool may_assign(struct load *l, const struct node *n, enum pm_field field,
                       enum pm_op_kind kind, const struct cond *match)
{
    const struct pm_field_info *info = pm_field_info(field);
    bool is_addr = info->kind == PM_KIND_ADDR && info->settable;

    if (kind == PM_OP_NAT)
        return may_map(l, n, info);
    if (is_tcp_port(field) || (is_addr && match->can_be_tcp)) {
        pmr_fail_key(l, n, CODE_USE_NAT,
                     kind == PM_OP_ADD ? NULL
                     : is_addr         ? "write \"nat\" for \"set\", or leave TCP out of \"match\""
                                       : "write \"nat\" for \"set\"",
                     "changing %s of a TCP connection in one direction would break it", info->name);
        return false;
    }
    if (kind == PM_OP_ADD && info->settable && !info->addable)
        pmr_fail_key(l, n, CODE_NOT_SETTABLE, NULL, "%s cannot be added to, only set", info->name);
    else if (!info->settable)
        pmr_fail_key(l, n, CODE_NOT_SETTABLE, NULL, "%s cannot be %s: %s", info->name,
                     kind == PM_OP_SET ? "set" : "added to", pm_field_unsettable(field));
    else
        return true;
    return false;
}

static void take_number(struct load *l, const struct node *n, const struct pm_field_info *info,
                        struct pm_op_spec *out)
{
    int64_t most = info->max, least = out->kind == PM_OP_ADD ? -most : 0;
    bool flag;

    if (out->kind == PM_OP_NAT && out->set.field != PM_FIELD_ICMP_IDENT)
        least = 1; /* no packet is for port 0 */
    if (info->kind != PM_KIND_FLAG || pmr_node_kind(n) == NODE_NUMBER) {
        pmr_expect_whole(l, n, least, most, &out->set.number);
        return;
    }
    if (pmr_expect_bool(l, n, &flag))
        out->set.number = flag;
}

static void take_text(struct load *l, const struct node *n, const struct pm_field_info *info,
                      struct pm_op_spec *out)
{
    struct complaint c = {.text = ""};

    if (!pmr_expect_kind(l, n, NODE_STRING))
        return;
    if (info->kind == PM_KIND_ADDR ? pmr_parse_addr(pmr_node_text(n), &out->set.addr, &c)
                                   : pmr_parse_mac(pmr_node_text(n), out->set.mac, &c))
        return;
    pmr_fail(l, n, c.code, NULL, "%s", c.text);
}

static void take_value(struct load *l, const struct node *n, const struct pm_field_info *info,
                       struct pm_op_spec *out)
{
    if (info->kind == PM_KIND_ADDR || info->kind == PM_KIND_MAC)
        take_text(l, n, info, out);
    else
        take_number(l, n, info, out);
}

void pmr_assign_of(struct load *l, const struct node *n, enum pm_op_kind kind,
                   const struct cond *match, struct pm_op_spec *out)
{
    const struct node *value = n;
    enum pm_field field;

    *out = (struct pm_op_spec){.kind = kind};
    if (!pmr_field_of(l, n, &field) || !may_assign(l, n, field, kind, match))
        return;
    out->set.field = field;
    if (pmr_is_var(n))
        value = pmr_var_named(l, n);
    if (value == NULL)
        return;
    l->via = value == n ? NULL : n;
    take_value(l, value, pm_field_info(field), out);
    l->via = NULL;
}
