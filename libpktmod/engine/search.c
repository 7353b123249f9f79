/* search.c - from bytes to planned edits: one scan, leftmost first, the earlier rule wins, an edit
 * never begins inside another. What may still become a match is left undecided. */
#include "engine/rewriter.h"

/* How often an op stands in the plan. Few rules have a max, and few edits a packet. */
static uint32_t planned_already(const struct pm_rewriter *r, uint32_t planned, uint32_t op)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < planned; i++)
        count += r->plan[i].op == op;
    return count;
}

static bool looks_in_stream(const struct pm_search *search, const struct pm_replace *replace)
{
    return search->in_stream && replace->where != PM_IN_PAYLOAD;
}

/* A replace that looks at the payload of a segment sees that segment alone. */
static bool is_in_payload(const struct pm_search *search, const struct pm_replace *replace,
                          size_t position)
{
    return search->payload_off + (int64_t)position >= 0 &&
           position + replace->find_len <= search->payload_end;
}

static bool is_within(const struct pm_search *search, const struct pm_replace *replace,
                      size_t position)
{
    uint64_t base =
        looks_in_stream(search, replace) ? search->stream_off : (uint64_t)search->payload_off;
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
    uint32_t used = planned_already(r, planned, op);
    if (looks_in_stream(search, replace) && search->max_used)
        used += search->max_used[replace->max_slot];
    return used >= replace->max;
}

static bool is_wanted(const struct pm_rewriter *r, const struct pm_passage *p,
                      const struct pm_search *search, const struct pm_hit *hit, uint32_t planned)
{
    uint32_t index = r->policy->literal_op[hit->literal];
    const struct pm_op *op = &r->policy->ops[index];
    const struct pm_replace *replace = &op->replace;
    bool sees = looks_in_stream(search, replace) ||
                (replace->where != PM_IN_STREAM && is_in_payload(search, replace, hit->position));
    return sees && r->rule_mark[op->rule] == p->selection.epoch &&
           is_within(search, replace, hit->position) &&
           !has_used_up_max(r, search, replace, planned, index);
}

/* ------------------------------------------------------------------ what must wait */

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

static bool begins_with(const struct pm_replace *replace, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (replace->nocase ? lower(bytes[i]) != lower(replace->find[i])
                            : bytes[i] != replace->find[i])
            return false;
    return true;
}

static bool may_begin(const struct pm_rewriter *r, const struct pm_passage *p,
                      const struct pm_search *search, uint32_t literal, size_t position,
                      uint32_t planned)
{
    uint32_t index = r->policy->literal_op[literal];
    const struct pm_op *op = &r->policy->ops[index];
    const struct pm_replace *replace = &op->replace;
    size_t left = search->len - position;
    return replace->find_len > left && looks_in_stream(search, replace) &&
           begins_with(replace, search->bytes + position, left) &&
           r->rule_mark[op->rule] == p->selection.epoch && is_within(search, replace, position) &&
           !has_used_up_max(r, search, replace, planned, index);
}

/* The first position at or after `from` where a literal may begin that the bytes do not hold to its
 * end, and the first such literal; {position len} if there is none. */
static struct pm_hit first_unfinished(struct pm_rewriter *r, const struct pm_passage *p,
                                      const struct pm_search *search, size_t from, uint32_t planned)
{
    const struct pm_selection *s = &p->selection;
    uint32_t count = s->is_many ? r->policy->literal_count : s->literal_count;
    size_t reach = r->longest_find - 1, most = r->policy->settings.hold_bytes;
    if (search->len > reach && from < search->len - reach)
        from = search->len - reach;
    for (size_t at = from; at < search->len; at++) {
        for (uint32_t i = 0; i < count; i++) {
            uint32_t literal = s->is_many ? i : s->literals[i];
            if (!may_begin(r, p, search, literal, at, planned))
                continue;
            if (search->len - at <= most)
                return (struct pm_hit){.literal = literal, .position = at};
            pm_count_why(r, PM_WHY_MATCH_TOO_LONG);
        }
    }
    return (struct pm_hit){.literal = 0, .position = search->len};
}

static bool is_behind(const struct pm_hit *a, const struct pm_hit *b)
{
    return a->position != b->position ? a->position > b->position : a->literal > b->literal;
}

uint32_t pm_search_run(struct pm_rewriter *r, const struct pm_passage *p, struct pm_search *search)
{
    const struct pm_selection *s = &p->selection;
    struct pm_scan scan;
    struct pm_hit hit, wait = {.literal = 0, .position = search->len};
    uint32_t planned = 0;
    search->decided = search->len;
    if (!s->has_replace || search->len == 0)
        return 0;
    for (uint32_t i = 0; i < s->count; i++)
        r->rule_mark[s->rules[i]] = s->epoch; /* another selection may have been made meanwhile */
    if (search->may_hold)
        wait = first_unfinished(r, p, search, 0, 0);
    pm_scan_begin(&scan, r->policy->literals, s->is_many ? NULL : s->literals, s->literal_count,
                  search->bytes, search->len);
    while (pm_scan_next(&scan, &hit) && !is_behind(&hit, &wait)) {
        if (!is_wanted(r, p, search, &hit, planned))
            continue;
        uint32_t op = r->policy->literal_op[hit.literal];
        const struct pm_replace *replace = &r->policy->ops[op].replace;
        size_t end = hit.position + replace->find_len;
        r->plan[planned++] = (struct pm_plan_edit){.position = (uint32_t)hit.position,
                                                   .op = op,
                                                   .old_len = replace->find_len,
                                                   .new_len = replace->with_len,
                                                   .with = replace->with};
        pm_scan_skip(&scan, end);
        if (search->may_hold && (wait.position < end || replace->max > 0))
            wait = first_unfinished(r, p, search, end, planned);
    }
    search->decided = wait.position;
    return planned;
}
