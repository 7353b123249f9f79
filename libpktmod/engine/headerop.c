/* headerop.c - the edits of headers and of what leaves, made from their specs. */
#include <string.h>

#include "engine/policy.h"

#define CORRUPT_MOST   64u /* bits of a packet */
#define COPIES_MOST    16u
#define FRAGMENT_LEAST 68u /* RFC 791: what every link takes */

static const char *value_fault(const struct pm_op_spec *op, const char *fault)
{
    const struct pm_field_info *info = pm_field_info(op->set.field);
    bool is_number = info->kind != PM_KIND_ADDR && info->kind != PM_KIND_MAC;
    if (info->kind == PM_KIND_ADDR && op->set.addr.version != 4 && op->set.addr.version != 6)
        return fault;
    bool is_out = is_number && (op->set.number < 0 || op->set.number > (int64_t)info->max);
    return is_out ? fault : NULL;
}

static const char *impair_fault(const struct pm_op_spec *op)
{
    uint32_t amount = op->impair.amount;
    if (op->impair.probability > PM_ALWAYS)
        return "a probability is larger than 1";
    switch ((int)op->kind) {
    case PM_OP_CORRUPT:
        return amount >= 1 && amount <= CORRUPT_MOST ? NULL : "a corrupt flips 1 to 64 bits";
    case PM_OP_DUPLICATE:
        return amount >= 1 && amount <= COPIES_MOST ? NULL : "a duplicate makes 1 to 16 copies";
    case PM_OP_SEGMENT:
        return amount >= 1 ? NULL : "a segment has at least 1 byte";
    case PM_OP_FRAGMENT:
        return amount >= FRAGMENT_LEAST ? NULL : "a fragment has at least 68 bytes";
    default:
        return NULL; /* TRUNCATE: any */
    }
}

const char *pm_header_op_fault(const struct pm_op_spec *op)
{
    switch (op->kind) {
    case PM_OP_SET:
        if (!pm_field_info(op->set.field)->settable)
            return "a set names a field that cannot be set";
        return value_fault(op, "a set value is out of the field's range");
    case PM_OP_ADD:
        return pm_field_info(op->set.field)->addable
                   ? NULL
                   : "an add names a field that cannot be added to";
    case PM_OP_NAT:
        if (!pm_field_info(op->set.field)->mappable)
            return "a nat names a field that cannot be mapped";
        return value_fault(op, "a nat value is out of the field's range");
    case PM_OP_TCP_OPTIONS:
        return op->tcp_options.mss_max > 0 || op->tcp_options.remove != 0
                   ? NULL
                   : "a tcp_options lowers the MSS or removes something";
    case PM_OP_CORRUPT:
    case PM_OP_DUPLICATE:
    case PM_OP_TRUNCATE:
    case PM_OP_SEGMENT:
    case PM_OP_FRAGMENT:
        return impair_fault(op);
    case PM_OP_REPLACE:
    case PM_OP_INSERT:
    case PM_OP_DELETE:
    case PM_OP_EXTERNAL:
    case PM_OP_DNS:
    case PM_OP_DNS_NAME:
    case PM_OP_HTTP:
        break;
    }
    return "this kind of edit is not known";
}

static void take_assign(struct pm_assign *assign, const struct pm_op_spec *spec)
{
    *assign = (struct pm_assign){.field = spec->set.field,
                                 .is_add = spec->kind == PM_OP_ADD,
                                 .number = spec->set.number,
                                 .addr = spec->set.addr};
    memcpy(assign->mac, spec->set.mac, sizeof assign->mac);
}

bool pm_header_op_take(struct pm_op *op, struct pm_rule *rule, const struct pm_op_spec *spec)
{
    switch (spec->kind) {
    case PM_OP_SET:
    case PM_OP_ADD:
        rule->has_assign = true;
        take_assign(&op->assign, spec);
        return true;
    case PM_OP_NAT:
        rule->has_nat = true;
        take_assign(&op->assign, spec);
        return true;
    case PM_OP_TCP_OPTIONS:
        rule->has_options = true;
        op->options = (struct pm_tcp_options){.mss_max = spec->tcp_options.mss_max,
                                              .remove = spec->tcp_options.remove};
        return true;
    case PM_OP_CORRUPT:
    case PM_OP_DUPLICATE:
    case PM_OP_TRUNCATE:
    case PM_OP_SEGMENT:
    case PM_OP_FRAGMENT:
        rule->has_impair = true;
        op->impair = (struct pm_impair){.probability = spec->impair.probability,
                                        .seed = spec->impair.seed,
                                        .amount = spec->impair.amount,
                                        .fix = spec->impair.fix,
                                        .is_reversed = spec->impair.is_reversed};
        return true;
    case PM_OP_REPLACE:
    case PM_OP_INSERT:
    case PM_OP_DELETE:
    case PM_OP_EXTERNAL:
    case PM_OP_DNS:
    case PM_OP_DNS_NAME:
    case PM_OP_HTTP:
        break;
    }
    return false;
}
