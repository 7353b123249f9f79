/* lint_platform.c - what the data path of a platform cannot do. */
#include <string.h>

#include "lint.h"

#define MACOS_DELAYED_MAX 1024u

static const struct node *key_of(const struct linted_rule *rule, const char *key)
{
    const struct node *n = pmr_node_get(rule->node, key);

    return n == NULL ? pmr_linted_id(rule) : n;
}

/* The condition, or a part of it, tests such a field. Conditions nest no deeper than the loader
 * lets them. */
static bool tests(const struct lint *x, pm_cond_id id, bool (*is_such)(enum pm_field field))
{
    const struct symbol *s = pmr_symbol(&x->symbols, id);

    if (s == NULL)
        return false;
    if (s->kind == SYMBOL_TEST || s->kind == SYMBOL_PRESENT)
        return is_such(s->field);
    for (uint32_t i = 0; i < s->count; i++)
        if (tests(x, s->kids[i], is_such))
            return true;
    return false;
}

static bool is_of_link(enum pm_field field)
{
    return field >= PM_FIELD_ETH_SRC && field <= PM_FIELD_VLAN_DEI;
}

static bool is_interface(enum pm_field field)
{
    return field == PM_FIELD_INTERFACE;
}

/* ------------------------------------------------------------------ the filter */

static bool is_within_loopback(const struct numbers *n, bool is6)
{
    struct number lo = is6 ? pmr_number(1) : pmr_number(0x7f000000);
    struct number hi = is6 ? pmr_number(1) : pmr_number(0x7fffffff);

    return n != NULL && n->count > 0 && !n->may_miss && pmr_number_compare(n->at[0].lo, lo) >= 0 &&
           pmr_number_compare(n->at[n->count - 1].hi, hi) <= 0;
}

static bool is_loopback_only(struct lint *x, const struct linted_rule *rule)
{
    struct memory scratch = {0};
    struct boxes boxes = pmr_boxes_of(&x->geometry, &scratch, rule->spec.match);
    bool is_only = !boxes.is_unknown && boxes.count > 0;

    for (size_t i = 0; i < boxes.count && is_only; i++) {
        const struct box *b = &boxes.at[i];

        is_only = is_within_loopback(b->sides[PM_FIELD_IP_SRC], false) ||
                  is_within_loopback(b->sides[PM_FIELD_IP_DST], false) ||
                  is_within_loopback(b->sides[SIDE_SRC6], true) ||
                  is_within_loopback(b->sides[SIDE_DST6], true);
    }
    pmr_memory_free(&scratch);
    return is_only;
}

static void look_at_verdict_macos(struct load *l, const struct linted_rule *rule)
{
    if (rule->spec.action == PM_ACTION_REJECT)
        pmr_remark(l, &(struct remark){.code = CODE_NO_REJECT, .at = key_of(rule, "verdict")},
                   "a packet filter of macOS cannot send packets: this drops them, and nobody is "
                   "told");
    if (is_loopback_only(l->lint, rule))
        pmr_remark(l, &(struct remark){.code = CODE_NO_LOOPBACK, .at = key_of(rule, "match")},
                   "macOS shows no packets of the loopback interface to filters: this never "
                   "matches");
}

static void look_at_delayed_macos(struct load *l)
{
    const struct node *policy = pmr_node_get(&l->files[0]->nodes[0], "policy");
    const struct node *n = policy == NULL ? NULL : pmr_node_get(policy, "delayed_packets");
    uint32_t count = pm_policy_settings(l->rules->policy)->delayed_packets;

    if (n != NULL && count > MACOS_DELAYED_MAX)
        pmr_remark(
            l, &(struct remark){.code = CODE_DELAYED_POOL, .at = n, .hint = "write 1024 or less"},
            "macOS drops packets when about 8192 of an interface are under way, those that "
            "are delayed included; %u may be too many",
            count);
}

static void look_at_replay(struct load *l, const struct linted_rule *rule)
{
    if (rule->spec.action == PM_ACTION_ASK)
        pmr_remark(l,
                   &(struct remark){.code = CODE_NO_ANSWERS,
                                    .at = key_of(rule, "verdict"),
                                    .hint = "replay --answers FILE gives answers"},
                   "nobody answers in a replay: on_timeout decides");
    if (tests(l->lint, rule->spec.match, is_interface))
        pmr_remark(l, &(struct remark){.code = CODE_NO_INTERFACE, .at = key_of(rule, "match")},
                   "of captures only pcapng files name interfaces; in others this test fails");
}

/* ------------------------------------------------------------------ the tunnel */

static bool is_of_connection(enum pm_field field)
{
    return field >= PM_FIELD_TCP_SRCPORT && field <= PM_FIELD_TCP_LEN;
}

/* What the kernel's own TCP writes anew at the tunnel. */
static const char *lost_in_reflection(const struct pm_op_spec *op)
{
    switch (op->kind) {
    case PM_OP_TCP_OPTIONS:
        return "TCP options";
    case PM_OP_SEGMENT:
        return "the borders of segments";
    case PM_OP_SET:
    case PM_OP_ADD:
        return is_of_connection(op->set.field) ? pm_field_info(op->set.field)->name : NULL;
    case PM_OP_REPLACE:
    case PM_OP_INSERT:
    case PM_OP_DELETE:
    case PM_OP_NAT:
    case PM_OP_EXTERNAL:
    case PM_OP_HTTP:
    case PM_OP_CORRUPT:
    case PM_OP_DUPLICATE:
    case PM_OP_TRUNCATE:
    case PM_OP_FRAGMENT:
    case PM_OP_DNS:
    case PM_OP_DNS_NAME:
        break;
    }
    return NULL;
}

static void look_at_op(struct load *l, const struct linted_rule *rule, const struct pm_op_spec *op)
{
    const struct node *at = key_of(rule, "rewrite");
    const char *lost = lost_in_reflection(op);

    if (op->kind == PM_OP_SET && is_of_link(op->set.field))
        pmr_remark(l, &(struct remark){.code = CODE_NO_LINK, .at = at},
                   "packets in the tunnel have no %s to set", pm_field_info(op->set.field)->name);
    if (lost != NULL)
        pmr_remark(
            l,
            &(struct remark){
                .code = CODE_REFLECTED, .at = at, .hint = "that is for machines that forward"},
            "on an end host the tunnel ends TCP connections: a change of %s does not reach the "
            "network",
            lost);
}

/* Only what is neither TCP, UDP nor an ICMP echo. */
static bool is_never_carried(struct lint *x, const struct linted_rule *rule)
{
    struct memory scratch = {0};
    struct boxes boxes = pmr_boxes_of(&x->geometry, &scratch, rule->spec.match);
    bool is_never = !boxes.is_unknown && boxes.count > 0;

    for (size_t i = 0; i < boxes.count && is_never; i++) {
        const struct box *b = &boxes.at[i];
        const struct numbers *type = b->sides[PM_FIELD_ICMP_TYPE];
        bool is_echo = type == NULL || pmr_numbers_have(type, pmr_number(0)) ||
                       pmr_numbers_have(type, pmr_number(8)) ||
                       pmr_numbers_have(type, pmr_number(128)) ||
                       pmr_numbers_have(type, pmr_number(129));
        const struct numbers *proto = b->sides[PM_FIELD_IP_PROTO];
        bool is_other =
            b->l4 == BOX_NO_L4 && proto != NULL && !proto->may_miss &&
            !pmr_numbers_have(proto, pmr_number(6)) && !pmr_numbers_have(proto, pmr_number(17)) &&
            !pmr_numbers_have(proto, pmr_number(1)) && !pmr_numbers_have(proto, pmr_number(58));

        is_never = is_other || (b->l4 == BOX_ICMP && !is_echo);
    }
    pmr_memory_free(&scratch);
    return is_never;
}

static void look_at_tunnel(struct load *l, const struct linted_rule *rule)
{
    struct lint *x = l->lint;
    const struct node *match = key_of(rule, "match");

    for (size_t i = 0; i < rule->spec.op_count; i++)
        look_at_op(l, rule, &rule->spec.ops[i]);
    if (tests(x, rule->spec.match, is_of_link))
        pmr_remark(l, &(struct remark){.code = CODE_NO_LINK, .at = match},
                   "packets in the tunnel begin with IP: they have no Ethernet or VLAN fields");
    if (tests(x, rule->spec.match, is_interface))
        pmr_remark(l, &(struct remark){.code = CODE_NO_INTERFACE, .at = match},
                   "all packets that are rewritten come from the tunnel's own interface");
    if (is_never_carried(x, rule))
        pmr_remark(l, &(struct remark){.code = CODE_NOT_CARRIED, .at = match},
                   "on an end host the tunnel carries TCP, UDP and ICMP echo only");
}

static void look_at_tunnel_down(struct load *l)
{
    const struct node *root = &l->files[0]->nodes[0], *policy = pmr_node_get(root, "policy");
    const struct node *n = policy == NULL ? NULL : pmr_node_get(policy, "on_tunnel_down");

    if (pm_policy_rewrites(l->rules->policy) &&
        !pm_policy_settings(l->rules->policy)->tunnel_down_drop)
        pmr_remark(
            l,
            &(struct remark){.code = CODE_TUNNEL_DOWN,
                             .at = n != NULL        ? n
                                   : policy != NULL ? policy
                                                    : pmr_node_get(root, "rules"),
                             .hint = "\"on_tunnel_down\": \"drop\" in the policy keeps them"},
            "while the tunnel is down, packets that a rule would rewrite leave as they are");
}

void pmr_lint_platform(struct load *l)
{
    struct lint *x = l->lint;
    enum pm_platform platform = x->options.platform;
    bool is_live = platform == PM_PLATFORM_MACOS || platform == PM_PLATFORM_LINUX;

    for (size_t i = 0; i < x->rule_count && platform != PM_PLATFORM_ANY; i++) {
        const struct linted_rule *rule = &x->rules[i];
        bool is_rewrite = rule->spec.action == PM_ACTION_REWRITE;

        if (rule->index == PMR_NO_INDEX || !pmr_lint_may(x, 1))
            continue;
        if (platform == PM_PLATFORM_REPLAY)
            look_at_replay(l, rule);
        else if (is_rewrite)
            look_at_tunnel(l, rule);
        if (platform == PM_PLATFORM_MACOS && !is_rewrite)
            look_at_verdict_macos(l, rule);
    }
    if (platform == PM_PLATFORM_MACOS)
        look_at_delayed_macos(l);
    if (is_live)
        look_at_tunnel_down(l);
}
