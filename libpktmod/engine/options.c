/* options.c - tcp_options in the line of a segment; the contract is in options.h. */
#include "engine/options.h"

#include "edit/options.h"

/* An end that was offered these and offers them too uses them from then on. */
#define PM_TCPOPT_MUTUAL ((uint32_t)PM_TCPOPT_TIMESTAMPS | (uint32_t)PM_TCPOPT_WSCALE)

/* What the rules that hold want of this SYN. */
struct wish {
    uint32_t kinds;
    uint16_t mss_max; /* 0: any */
    uint32_t rule;    /* the last of them */
};

static void take_op(struct wish *w, const struct pm_tcp_options *options)
{
    w->kinds |= options->remove;
    bool is_lower = w->mss_max == 0 || options->mss_max < w->mss_max;
    if (options->mss_max > 0 && is_lower)
        w->mss_max = options->mss_max;
}

static struct wish wish_of(const struct pm_rewriter *r, const struct pm_passage *p)
{
    struct wish w = {.rule = PM_NO_RULE};
    for (uint32_t i = 0; i < p->selection.count; i++) {
        const struct pm_rule *rule = &r->policy->rules[p->selection.rules[i]];
        for (uint32_t k = 0; rule->has_options && k < rule->op_count; k++) {
            const struct pm_op *op = &r->policy->ops[rule->first_op + k];
            if (op->kind != PM_OP_TCP_OPTIONS)
                continue;
            take_op(&w, &op->options);
            w.rule = p->selection.rules[i];
        }
    }
    return w;
}

static void note_change(struct pm_rewriter *r, struct pm_passage *p, uint32_t rule)
{
    p->is_changed = p->is_ruled = true;
    p->header_rule = rule;
    pm_count_rule(r, p, rule);
}

/* From here on the flow does without what a SYN could lose. Answers the kinds to take off it. */
static uint32_t settle(struct pm_rewriter *r, const struct pm_passage *p, const struct wish *w,
                       const struct pm_options *has)
{
    struct pm_rewriter_flow *own = pm_rewriter_own(p);
    bool is_answer = p->tracked.syn_before & (1u << (1 - p->tracked.side));
    uint32_t kinds = w->kinds & has->kinds;
    uint32_t kept = is_answer ? kinds & own->options_on & PM_TCPOPT_MUTUAL : 0;
    if (kept)
        pm_count_why(r, PM_WHY_OPTION_KEPT);
    kinds &= ~kept;
    if (kinds)
        own->options_rule = w->rule;
    own->options_off |= (uint8_t)kinds;
    own->options_on |= (uint8_t)(has->kinds & ~(uint32_t)own->options_off);
    return own->options_off;
}

static void edit_syn(struct pm_rewriter *r, struct pm_passage *p, const struct pm_options *has)
{
    struct pm_rewriter_flow *own = pm_rewriter_own(p);
    struct wish w = wish_of(r, p);
    own->wscale[p->tracked.side] = has->has_wscale ? has->wscale + 1 : 0;
    uint32_t kinds = settle(r, p, &w, has);
    bool is_answer = p->tracked.syn_before & (1u << (1 - p->tracked.side));
    if (!p->is_shown_rewritten && !is_answer)
        return; /* the view of who sent it */
    if (pm_options_remove(&p->headers, p->buffer, kinds))
        note_change(r, p, own->options_rule);
    if (w.mss_max > 0 && p->is_shown_rewritten &&
        pm_options_lower_mss(&p->headers, p->buffer, w.mss_max))
        note_change(r, p, w.rule);
}

static void edit_later(struct pm_rewriter *r, struct pm_passage *p)
{
    struct pm_rewriter_flow *own = pm_rewriter_own(p);
    bool is_changed = pm_options_remove(&p->headers, p->buffer, own->options_off);
    bool was_scaled = own->wscale[0] > 0 && own->wscale[1] > 0;
    if (!pm_is_live(r) && (own->options_off & PM_TCPOPT_WSCALE) && was_scaled)
        is_changed |=
            pm_options_unscale(&p->headers, p->buffer, (uint8_t)(own->wscale[p->tracked.side] - 1));
    if (is_changed)
        note_change(r, p, own->options_rule);
}

void pm_options_edit(struct pm_rewriter *r, struct pm_passage *p)
{
    const struct pm_headers *h = &p->headers;
    const struct pm_rewriter_flow *own = pm_rewriter_own(p);
    bool is_syn = h->tcp_flags & PM_SYN;
    if (!r->policy->has_options || (!is_syn && own->options_off == 0))
        return;
    if (h->is_fragment || h->is_truncated || h->is_unmodifiable ||
        pm_packet_sum(r, p) == PM_SUM_WRONG)
        return;
    struct pm_options has = pm_options_read(p->buffer + h->l4_off);
    if (has.is_signed || has.is_malformed)
        return;
    if (is_syn)
        edit_syn(r, p, &has);
    else
        edit_later(r, p);
}
