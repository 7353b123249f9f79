/* regexes.c - the regexes of one search: each has a cursor at its next find. */
#include "engine/regexes.h"

#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ memory */

static size_t group_count(const struct pm_policy *policy)
{
    size_t count = 0;
    for (uint32_t i = 0; i < policy->regex_count; i++)
        count += pm_regex_groups(policy->ops[policy->regex_op[i]].replace.regex) + 1;
    return count;
}

size_t pm_regexes_footprint(const struct pm_policy *policy)
{
    if (policy->regex_count == 0)
        return 0;
    return pm_regex_room_footprint(policy->most_groups, policy->most_window) + PM_EXPANDED +
           policy->regex_count * sizeof(struct pm_cursor) +
           group_count(policy) * sizeof(struct pm_span);
}

bool pm_regexes_init(struct pm_rewriter *r)
{
    const struct pm_policy *policy = r->policy;
    struct pm_regexes *own = calloc(1, sizeof *own);
    r->regexes = own;
    if (!own || policy->regex_count == 0)
        return own;
    own->room = pm_regex_room_new(policy->most_groups, policy->most_window);
    own->cursors = calloc(policy->regex_count, sizeof *own->cursors);
    own->groups = calloc(group_count(policy), sizeof *own->groups);
    own->expanded = malloc(PM_EXPANDED);
    return own->room && own->cursors && own->groups && own->expanded;
}

void pm_regexes_release(struct pm_rewriter *r)
{
    struct pm_regexes *own = r->regexes;
    if (!own)
        return;
    pm_regex_room_free(own->room);
    free(own->cursors);
    free(own->groups);
    free(own->expanded);
    free(own);
}

/* ------------------------------------------------------------------ where a regex looks */

static struct pm_regex_text stream_text(const struct pm_search *search)
{
    return (struct pm_regex_text){.before = search->before,
                                  .before_len = search->before_len,
                                  .bytes = search->bytes,
                                  .len = search->len,
                                  .may_follow = search->may_hold};
}

/* The packet's payload, as far as it is among the bytes; what of it is before them is before. */
static struct pm_regex_text payload_text(const struct pm_search *search, size_t base)
{
    static const uint8_t unknown[1];
    struct pm_regex_text text = {.bytes = search->bytes + base,
                                 .len =
                                     search->payload_end > base ? search->payload_end - base : 0};
    uint64_t before = search->payload_off > 0 ? (uint64_t)search->payload_off : 0;
    if (before == 0)
        return text;
    bool is_known = search->before_len > 0;
    text.before = is_known ? search->before : unknown;
    text.before_len = is_known ? search->before_len : sizeof unknown;
    if (text.before_len > before) {
        text.before += text.before_len - before;
        text.before_len = (size_t)before;
    }
    return text;
}

/* Of a message, its header lines or its body. */
static struct pm_regex_text area_text(const struct pm_search *search)
{
    bool is_all = search->area_begin == 0 && search->area_end == search->len;
    return (struct pm_regex_text){.before = search->before,
                                  .before_len = is_all ? search->before_len : 0,
                                  .bytes = search->bytes + search->area_begin,
                                  .len = search->area_end - search->area_begin,
                                  .may_follow = is_all && search->may_hold};
}

static void look_at(struct pm_cursor *cursor, const struct pm_search *search,
                    const struct pm_replace *replace)
{
    bool is_payload = !pm_looks_in_stream(search, replace);
    if (!is_payload && pm_where_is_http(replace->where)) {
        cursor->base = search->area_begin;
        cursor->text = area_text(search);
        cursor->text.window = replace->window;
        return;
    }
    cursor->base = is_payload && search->payload_off < 0 ? (size_t)-search->payload_off : 0;
    cursor->base = cursor->base < search->len ? cursor->base : search->len;
    cursor->text = is_payload ? payload_text(search, cursor->base) : stream_text(search);
    cursor->text.window = replace->window;
}

/* Where `within` lets a find begin: from the answer on, and before cursor->reach. */
static size_t clip(struct pm_cursor *cursor, const struct pm_search *search,
                   const struct pm_replace *replace)
{
    uint64_t at = pm_search_base(search, replace) + cursor->base, first = replace->within_offset;
    uint64_t end = first + replace->within_depth, len = cursor->text.len;
    uint64_t left = end > at ? end - at : 0, lead = first > at ? first - at : 0;
    bool is_open = replace->within_depth == PM_NO_LIMIT || left >= len;
    cursor->reach = is_open ? SIZE_MAX : cursor->base + (size_t)left;
    return cursor->base + (size_t)(lead < len ? lead : len);
}

/* ------------------------------------------------------------------ finding */

void pm_regexes_move(struct pm_rewriter *r, struct pm_cursor *cursor, size_t position)
{
    const struct pm_replace *replace = &r->policy->ops[cursor->op].replace;
    struct pm_regex_hit *hit = &cursor->hit;
    size_t from = position > cursor->base ? position - cursor->base : 0;
    uint32_t too_long = hit->too_long, limits = hit->limits;
    cursor->answer = PM_REGEX_NONE;
    if (position >= cursor->reach)
        return;
    cursor->answer = pm_regex_find(replace->regex, r->regexes->room, &cursor->text, from, hit);
    r->stats.why[PM_WHY_MATCH_TOO_LONG] += hit->too_long - too_long;
    r->stats.why[PM_WHY_REGEX_LIMIT] += hit->limits - limits;
    if (cursor->answer != PM_REGEX_NONE && pm_cursor_position(cursor) >= cursor->reach)
        cursor->answer = PM_REGEX_NONE;
}

static bool is_wanted(const struct pm_search *search, const struct pm_replace *replace)
{
    if (!pm_looks_in_stream(search, replace))
        return pm_where_is_payload(replace->where);
    return replace->max == 0 || !search->max_used ||
           search->max_used[replace->max_slot] < replace->max;
}

void pm_regexes_begin(struct pm_rewriter *r, const struct pm_passage *p,
                      const struct pm_search *search)
{
    const struct pm_policy *policy = r->policy;
    const struct pm_selection *s = &p->selection;
    struct pm_regexes *own = r->regexes;
    struct pm_span *groups = own->groups;
    own->count = 0;
    if (!search->is_continued)
        own->expanded_len = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        const struct pm_rule *rule = &policy->rules[s->rules[i]];
        for (uint32_t j = 0; j < rule->regex_count; j++) {
            uint32_t op = policy->regex_op[rule->first_regex + j];
            const struct pm_replace *replace = &policy->ops[op].replace;
            if (r->rule_mark[s->rules[i]] != s->epoch || !is_wanted(search, replace))
                continue;
            struct pm_cursor *cursor = &own->cursors[own->count++];
            *cursor = (struct pm_cursor){.op = op, .hit.groups = groups};
            groups += pm_regex_groups(replace->regex) + 1;
            look_at(cursor, search, replace);
            pm_regexes_move(r, cursor, clip(cursor, search, replace));
        }
    }
}

struct pm_cursor *pm_regexes_first(struct pm_rewriter *r)
{
    struct pm_regexes *own = r->regexes;
    struct pm_cursor *first = NULL;
    for (uint32_t i = 0; i < own->count; i++) {
        struct pm_cursor *cursor = &own->cursors[i];
        if (cursor->answer == PM_REGEX_NONE)
            continue;
        if (!first || pm_cursor_position(cursor) < pm_cursor_position(first))
            first = cursor;
    }
    return first;
}

bool pm_regexes_expand(struct pm_rewriter *r, const struct pm_cursor *cursor,
                       struct pm_plan_edit *edit)
{
    struct pm_regexes *own = r->regexes;
    uint8_t *out = own->expanded + own->expanded_len;
    size_t len = pm_template_write(r->policy->ops[cursor->op].replace.template, &cursor->text,
                                   cursor->hit.groups, out, PM_EXPANDED - own->expanded_len);
    if (len == SIZE_MAX)
        return false;
    own->expanded_len += len;
    edit->with = out;
    edit->new_len = (uint32_t)len;
    return true;
}

bool pm_regexes_pad(struct pm_rewriter *r, struct pm_plan_edit *edit, uint8_t pad)
{
    struct pm_regexes *own = r->regexes;
    size_t more = edit->old_len - edit->new_len;
    if (more > PM_EXPANDED - own->expanded_len) {
        pm_count_why(r, PM_WHY_EDITS_FULL);
        return false;
    }
    memset(own->expanded + own->expanded_len, pad, more);
    own->expanded_len += more;
    edit->new_len = edit->old_len;
    return true;
}
