/* search.c - from bytes to planned edits: one scan, leftmost first, the earlier rule wins, an edit
 * never begins inside another. */
#include "engine/rewriter.h"

/* Counters of `max` within one packet for replaces that look at the payload. Few rules have one;
 * the count is found by walking back through the plan. */
static uint32_t made_in_packet(const struct pm_rewriter *r, uint32_t planned, uint32_t op)
{
    uint32_t made = 0;
    for (uint32_t i = 0; i < planned; i++)
        made += r->plan[i].op == op;
    return made;
}

static bool looks_in_stream(const struct pm_search *search, const struct pm_replace *replace)
{
    return search->in_stream && replace->where != PM_IN_PAYLOAD;
}

/* May the replace look at bytes like these at all? */
static bool takes_part(const struct pm_search *search, const struct pm_replace *replace)
{
    return search->in_stream || replace->where != PM_IN_STREAM;
}

static bool is_within(const struct pm_search *search, const struct pm_replace *replace,
                      size_t position)
{
    uint64_t base = looks_in_stream(search, replace) ? search->stream_off : search->payload_off;
    uint64_t begin = base + position;
    if (begin < replace->within_offset)
        return false;
    if (replace->within_depth == PM_NO_LIMIT)
        return true;
    uint64_t end = begin + replace->find_len;
    return end <= (uint64_t)replace->within_offset + replace->within_depth;
}

static bool has_used_up_max(const struct pm_rewriter *r, const struct pm_search *search,
                            const struct pm_replace *replace, uint32_t planned, uint32_t op)
{
    if (replace->max == 0)
        return false;
    if (looks_in_stream(search, replace) && search->max_used)
        return search->max_used[replace->max_slot] >= replace->max;
    return made_in_packet(r, planned, op) >= replace->max;
}

static bool is_wanted(const struct pm_rewriter *r, const struct pm_search *search,
                      const struct pm_hit *hit, uint32_t planned)
{
    uint32_t index = r->policy->literal_op[hit->literal];
    const struct pm_op *op = &r->policy->ops[index];
    return r->rule_mark[op->rule] == r->stats.packets && takes_part(search, &op->replace) &&
           is_within(search, &op->replace, hit->position) &&
           !has_used_up_max(r, search, &op->replace, planned, index);
}

static void plan_edit(struct pm_rewriter *r, const struct pm_search *search,
                      const struct pm_hit *hit, uint32_t planned)
{
    uint32_t index = r->policy->literal_op[hit->literal];
    const struct pm_replace *replace = &r->policy->ops[index].replace;
    r->plan[planned] = (struct pm_plan_edit){.position = (uint32_t)hit->position, .op = index};
    if (replace->max > 0 && looks_in_stream(search, replace) && search->max_used)
        search->max_used[replace->max_slot]++;
}

uint32_t pm_search_run(struct pm_rewriter *r, const struct pm_passage *p,
                       const struct pm_search *search)
{
    const struct pm_selection *s = &p->selection;
    struct pm_scan scan;
    struct pm_hit hit;
    uint32_t planned = 0;
    if (!s->has_replace || search->len == 0)
        return 0;
    pm_scan_begin(&scan, r->policy->literals, s->is_many ? NULL : s->literals, s->literal_count,
                  search->bytes, search->len);
    while (planned < PM_IP_MAX && pm_scan_next(&scan, &hit)) {
        if (!is_wanted(r, search, &hit, planned))
            continue;
        plan_edit(r, search, &hit, planned);
        planned++;
        uint32_t op = r->policy->literal_op[hit.literal];
        pm_scan_skip(&scan, hit.position + r->policy->ops[op].replace.find_len);
    }
    return planned;
}
