/* lint_routes.c - the route plan: what has to be led into the tunnel, so that rules can rewrite it.
 */
#include <stdio.h>
#include <string.h>

#include "lint.h"

#define SHOWN_MAX 32u /* prefixes in the note */

struct plan {
    const struct numbers *v4, *v6; /* NULL: nothing yet */
    bool has_all, is_cut;
};

static void add(struct geometry *g, struct plan *plan, const struct numbers **to,
                const struct numbers *more)
{
    struct interval at[2 * 64];
    size_t count = 0;

    if (*to == NULL) {
        *to = more;
        return;
    }
    if ((*to)->count + more->count > 2 * 64) {
        plan->is_cut = true;
        return;
    }
    memcpy(at, (*to)->at, (*to)->count * sizeof *at);
    count = (*to)->count;
    memcpy(at + count, more->at, more->count * sizeof *at);
    *to = pmr_numbers_of(&g->pool, g->memory, at, count + more->count, false);
}

static bool is_bounded(struct geometry *g, const struct numbers *n, unsigned side)
{
    const struct numbers *whole = pmr_box_whole(g, side, false);

    return n != NULL && n->count > 0 && !n->may_miss && n->count <= 64 && whole != NULL &&
           !pmr_numbers_within(whole, n);
}

/* Where the peer's address stands: behind "to", and in what comes in, behind "from". */
static bool is_in_only(const struct box *b)
{
    const struct numbers *dir = b->sides[PM_FIELD_DIR];

    return dir != NULL && !dir->may_miss && !pmr_numbers_have(dir, pmr_number(0));
}

/* ip.addr makes two boxes: the same network to and from. */
static bool has_mirror(const struct boxes *boxes, const struct box *b, bool is6)
{
    unsigned src = is6 ? (unsigned)SIDE_SRC6 : (unsigned)PM_FIELD_IP_SRC;
    unsigned dst = is6 ? (unsigned)SIDE_DST6 : (unsigned)PM_FIELD_IP_DST;

    for (size_t i = 0; i < boxes->count; i++)
        if (boxes->at[i].sides[dst] == b->sides[src])
            return true;
    return false;
}

static bool add_box(struct geometry *g, struct plan *plan, const struct boxes *boxes,
                    const struct box *b)
{
    for (unsigned is6 = 0; is6 < 2; is6++) {
        unsigned src = is6 ? (unsigned)SIDE_SRC6 : (unsigned)PM_FIELD_IP_SRC;
        unsigned dst = is6 ? (unsigned)SIDE_DST6 : (unsigned)PM_FIELD_IP_DST;
        const struct numbers **to = is6 ? &plan->v6 : &plan->v4;

        if (!is_in_only(b) && is_bounded(g, b->sides[dst], dst)) {
            add(g, plan, to, b->sides[dst]);
            return true;
        }
        if (is_bounded(g, b->sides[src], src) && (is_in_only(b) || has_mirror(boxes, b, is6))) {
            add(g, plan, to, b->sides[src]);
            return true;
        }
    }
    return false;
}

/* ------------------------------------------------------------------ as prefixes */

static struct number one_more(struct number n)
{
    n.low++;
    n.high += n.low == 0;
    return n;
}

/* Largest number of free bits of a prefix that begins at lo and does not go beyond hi. */
static unsigned free_bits(struct number lo, struct number hi, unsigned width)
{
    unsigned bits = 0;

    while (bits < width) {
        struct number mask = pmr_number_most(bits + 1);
        struct number end = {lo.high | mask.high, lo.low | mask.low};

        if ((lo.low & mask.low) != 0 || (lo.high & mask.high) != 0 ||
            pmr_number_compare(end, hi) > 0)
            break;
        bits++;
    }
    return bits;
}

static void put_addr(struct number n, bool is6, char out[PMR_ADDR_TEXT])
{
    struct pm_addr addr = {.version = is6 ? 6 : 4};

    for (unsigned i = 0; i < 8; i++) {
        addr.bytes[i] = (uint8_t)(n.high >> (56 - 8 * i));
        addr.bytes[8 + i] = (uint8_t)(n.low >> (56 - 8 * i));
    }
    if (!is6)
        memcpy(addr.bytes, addr.bytes + 12, 4);
    pmr_addr_text(&addr, out);
}

static void list_prefixes(const struct numbers *n, bool is6, char *text, size_t cap, size_t *count)
{
    unsigned width = is6 ? 128 : 32;

    for (uint32_t i = 0; n != NULL && i < n->count; i++) {
        struct number lo = n->at[i].lo, hi = n->at[i].hi;

        while (pmr_number_compare(lo, hi) <= 0 && *count < SHOWN_MAX) {
            unsigned bits = free_bits(lo, hi, width);
            struct number mask = bits == 0 ? pmr_number(0) : pmr_number_most(bits);
            struct number end = {lo.high | mask.high, lo.low | mask.low};
            char addr[PMR_ADDR_TEXT];
            size_t used = strlen(text);

            put_addr(lo, is6, addr);
            snprintf(text + used, cap - used, "%s%s/%u", *count == 0 ? "" : ", ", addr,
                     width - bits);
            ++*count;
            if (pmr_number_compare(end, hi) == 0)
                break;
            lo = one_more(end);
        }
    }
}

static void tell_plan(struct load *l, const struct plan *plan)
{
    char text[SHOWN_MAX * (PMR_ADDR_TEXT + 8)] = "";
    size_t count = 0;

    if (plan->has_all) {
        pmr_note(l, "routes into the tunnel: 0.0.0.0/0, ::/0 (all)");
        return;
    }
    list_prefixes(plan->v4, false, text, sizeof text, &count);
    list_prefixes(plan->v6, true, text, sizeof text, &count);
    if (count > 0)
        pmr_note(l, "routes into the tunnel: %s%s", text,
                 count == SHOWN_MAX || plan->is_cut ? ", ..." : "");
}

void pmr_lint_routes(struct load *l)
{
    struct lint *x = l->lint;
    struct plan plan = {.has_all = false};

    if (x->options.platform != PM_PLATFORM_MACOS && x->options.platform != PM_PLATFORM_LINUX)
        return;
    for (size_t i = 0; i < x->rule_count; i++) {
        const struct linted_rule *rule = &x->rules[i];
        struct memory scratch = {0};
        struct boxes boxes;
        bool is_bound = true;

        if (rule->index == PMR_NO_INDEX || rule->spec.action != PM_ACTION_REWRITE)
            continue;
        boxes = pmr_boxes_of(&x->geometry, &scratch, rule->spec.match);
        for (size_t j = 0; j < boxes.count && is_bound; j++)
            is_bound = add_box(&x->geometry, &plan, &boxes, &boxes.at[j]);
        if (!is_bound || boxes.is_unknown) {
            plan.has_all = true;
            pmr_remark(l,
                       &(struct remark){.code = CODE_DEFAULT_ROUTE,
                                        .at = pmr_node_get(rule->node, "match"),
                                        .hint = "an \"ip.dst\" bounds it"},
                       "\"%s\" names no destination, so all traffic has to go through the tunnel",
                       rule->spec.id);
        }
        pmr_memory_free(&scratch);
    }
    tell_plan(l, &plan);
}
