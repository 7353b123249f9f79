/* search.c - from bytes to planned edits: one scan, leftmost first, the earlier rule wins, an edit
 * never begins inside another. What may still become a match is left undecided. */
#include "engine/dnsstream.h"
#include "engine/regexes.h"
#include "engine/splices.h"

/* How often an op stands in the plan. Few rules have a max, and few edits a packet. */
static uint32_t planned_already(const struct pm_rewriter *r, const struct pm_search *search,
                                uint32_t planned, uint32_t op)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < planned; i++)
        count += r->plan[search->first + i].op == op;
    return count;
}

/* A replace that looks at the payload of a segment sees that segment alone. */
static bool is_in_payload(const struct pm_search *search, size_t position, size_t end)
{
    return search->payload_off + (int64_t)position >= 0 && end <= search->payload_end;
}

static bool is_within(const struct pm_search *search, const struct pm_replace *replace,
                      size_t position, size_t end)
{
    uint64_t base = pm_search_base(search, replace);
    if (base + position < replace->within_offset)
        return false;
    return replace->within_depth == PM_NO_LIMIT ||
           base + end <= (uint64_t)replace->within_offset + replace->within_depth;
}

static bool has_used_up_max(const struct pm_rewriter *r, const struct pm_search *search,
                            const struct pm_replace *replace, uint32_t planned, uint32_t op)
{
    if (replace->max == 0)
        return false;
    uint32_t used = planned_already(r, search, planned, op);
    if (pm_looks_in_stream(search, replace) && search->max_used)
        used += search->max_used[replace->max_slot];
    return used >= replace->max;
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
    return replace->find_len > left && pm_looks_in_stream(search, replace) &&
           begins_with(replace, search->bytes + position, left) &&
           r->rule_mark[op->rule] == p->selection.epoch &&
           is_within(search, replace, position, position + replace->find_len) &&
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

/* ------------------------------------------------------------------ what comes first */

/* A search under way: literals by one scan, each regex by its cursor. */
struct walk {
    struct pm_rewriter *r;
    const struct pm_passage *p;
    const struct pm_search *search;
    struct pm_scan scan;
    struct pm_hit hit; /* the scan's next; position len: none */
    struct pm_hit wait;
    struct pm_messages messages;
    uint32_t planned, next_place;
    bool has_finds, has_regex;
};

struct find {
    size_t position, end;
    uint32_t op;
    struct pm_cursor *cursor;     /* of a regex */
    struct pm_splice_at *splice;  /* an insert or a delete */
    const struct pm_place *place; /* none of these: of a literal */
    bool is_message;
    bool is_whole; /* else more bytes have to come */
};

/* In messages nothing stands at places of the stream. */
static bool has_splices(const struct walk *w)
{
    return w->p->selection.has_splice && !w->search->holds;
}

static void next_hit(struct walk *w)
{
    if (!pm_scan_next(&w->scan, &w->hit))
        w->hit = (struct pm_hit){.position = w->search->len};
}

static struct find literal_find(const struct walk *w, const struct pm_hit *hit, bool is_whole)
{
    uint32_t op = w->r->policy->literal_op[hit->literal];
    return (struct find){.position = hit->position,
                         .end = hit->position + w->r->policy->ops[op].replace.find_len,
                         .op = op,
                         .is_whole = is_whole};
}

static struct find regex_find(struct pm_cursor *cursor)
{
    return (struct find){.position = pm_cursor_position(cursor),
                         .end = cursor->base + cursor->hit.end,
                         .op = cursor->op,
                         .cursor = cursor,
                         .is_whole = cursor->answer == PM_REGEX_FOUND};
}

static struct find splice_find(struct pm_splice_at *at)
{
    return (struct find){
        .position = at->position, .end = at->end, .op = at->op, .splice = at, .is_whole = true};
}

/* One that is not whole waits whatever else begins there: what it will be is not known. */
static struct find message_find(const struct pm_messages *m)
{
    return (struct find){.position = m->position,
                         .end = m->end,
                         .op = m->is_whole ? m->edit.op : 0,
                         .is_message = true,
                         .is_whole = m->is_whole};
}

static bool is_insert(const struct find *find)
{
    return (find->splice || find->place) && find->end == find->position;
}

static struct find place_find(const struct pm_place *place)
{
    return (struct find){.position = place->position,
                         .end = place->end,
                         .op = place->op,
                         .place = place,
                         .is_whole = true};
}

/* Of two at the same byte an insert comes first, then the earlier op. */
static void keep_first(struct find *first, struct find other)
{
    bool is_earlier = other.position < first->position;
    bool is_same = other.position == first->position;
    if (is_same && is_insert(first) != is_insert(&other))
        is_earlier = is_insert(&other);
    else if (is_same)
        is_earlier = other.op < first->op;
    if (is_earlier)
        *first = other;
}

/* What comes first of all that was found and is unfinished; position len: nothing. */
static struct find first_find(const struct walk *w)
{
    size_t len = w->search->len;
    struct find first = {.position = len};
    if (w->hit.position < len)
        keep_first(&first, literal_find(w, &w->hit, true));
    if (w->wait.position < len)
        keep_first(&first, literal_find(w, &w->wait, false));
    struct pm_cursor *cursor = w->has_regex ? pm_regexes_first(w->r) : NULL;
    if (cursor)
        keep_first(&first, regex_find(cursor));
    struct pm_splice_at *splice = has_splices(w) ? pm_splices_first(w->r) : NULL;
    if (splice && splice->position < len)
        keep_first(&first, splice_find(splice));
    if (w->next_place < w->search->place_count)
        keep_first(&first, place_find(&w->search->places[w->next_place]));
    if (w->messages.position < len)
        keep_first(&first, message_find(&w->messages));
    return first;
}

/* ------------------------------------------------------------------ what becomes of it */

/* What a protocol needs stays whole. */
static bool is_in_the_way(const struct pm_search *search, const struct find *find)
{
    for (uint32_t i = 0; i < search->place_count; i++) {
        const struct pm_place *place = &search->places[i];
        if (place->is_required && find->position < place->end && place->position < find->end)
            return true;
    }
    return false;
}

static bool is_in_area(const struct pm_search *search, const struct pm_replace *replace,
                       const struct find *find)
{
    return !pm_where_is_http(replace->where) ||
           (find->position >= search->area_begin && find->end <= search->area_end);
}

static bool is_wanted(const struct walk *w, const struct find *find)
{
    const struct pm_search *search = w->search;
    const struct pm_op *op = &w->r->policy->ops[find->op];
    const struct pm_replace *replace = &op->replace;
    bool sees =
        pm_looks_in_stream(search, replace) ||
        (pm_where_is_payload(replace->where) && is_in_payload(search, find->position, find->end));
    return sees && is_in_area(search, replace, find) && !is_in_the_way(search, find) &&
           w->r->rule_mark[op->rule] == w->p->selection.epoch &&
           is_within(search, replace, find->position, find->end) &&
           !has_used_up_max(w->r, search, replace, w->planned, find->op);
}

/* Nothing begins at the find; the search goes on behind its first byte, or with the next op. */
static void pass_over(struct walk *w, const struct find *find)
{
    if (!find->cursor)
        next_hit(w);
    else if (find->is_whole)
        pm_regexes_move(w->r, find->cursor, find->position + 1);
    else
        find->cursor->answer = PM_REGEX_NONE;
}

/* Nothing begins before `end`. */
static void skip_to(struct walk *w, size_t end)
{
    struct pm_rewriter *r = w->r;
    if (w->has_finds) {
        pm_scan_skip(&w->scan, end);
        if (w->hit.position < end)
            next_hit(w);
    }
    for (uint32_t i = 0; w->has_regex && i < r->regexes->count; i++) {
        struct pm_cursor *cursor = &r->regexes->cursors[i];
        if (cursor->answer != PM_REGEX_NONE && pm_cursor_position(cursor) < end)
            pm_regexes_move(r, cursor, end);
    }
    if (has_splices(w))
        pm_splices_skip(r, end);
    while (w->next_place < w->search->place_count &&
           w->search->places[w->next_place].position < end)
        w->next_place++;
    if (w->messages.position < end)
        pm_messages_skip(r, w->p, w->search, &w->messages, end);
}

static struct pm_plan_edit *next_edit(struct walk *w)
{
    return &w->r->plan[w->search->first + w->planned++];
}

/* A replacement that is too long, or too short, for what its rule allows is not made. */
static bool fit_length(struct pm_rewriter *r, const struct pm_replace *replace,
                       struct pm_plan_edit *edit)
{
    if (replace->length == PM_LENGTH_ANY || edit->new_len == edit->old_len)
        return true;
    if (replace->length == PM_LENGTH_PAD && edit->new_len < edit->old_len)
        return pm_regexes_pad(r, edit, replace->pad);
    pm_count_why(r, PM_WHY_LENGTH_DIFFERS);
    return false;
}

static void plan_splice(struct walk *w, const struct find *find)
{
    const struct pm_splice *splice = &w->r->policy->ops[find->op].splice;
    *next_edit(w) = (struct pm_plan_edit){.position = (uint32_t)find->position,
                                          .op = find->op,
                                          .old_len = (uint32_t)(find->end - find->position),
                                          .new_len = splice->len,
                                          .with = splice->bytes};
    find->splice->is_done = true;
    if (find->end == find->position)
        return;
    skip_to(w, find->end);
    if (w->search->may_hold && w->wait.position < find->end)
        w->wait = first_unfinished(w->r, w->p, w->search, find->end, w->planned);
}

static void plan_place(struct walk *w, const struct pm_place *place)
{
    *next_edit(w) = (struct pm_plan_edit){.position = (uint32_t)place->position,
                                          .op = place->op,
                                          .old_len = (uint32_t)(place->end - place->position),
                                          .new_len = place->new_len,
                                          .with = place->with};
    w->next_place++;
    skip_to(w, place->end);
}

static void plan_message(struct walk *w, const struct find *find)
{
    *next_edit(w) = w->messages.edit;
    skip_to(w, find->end);
    if (w->search->may_hold && w->wait.position < find->end)
        w->wait = first_unfinished(w->r, w->p, w->search, find->end, w->planned);
}

/* A delete goes on, whatever else would begin in its bytes. */
static void plan_cut(struct walk *w)
{
    const struct pm_search *search = w->search;
    *next_edit(w) = (struct pm_plan_edit){.op = search->cut_op, .old_len = (uint32_t)search->cut};
    skip_to(w, search->cut);
    if (search->may_hold && w->wait.position < search->cut)
        w->wait = first_unfinished(w->r, w->p, search, search->cut, w->planned);
}

static void plan(struct walk *w, const struct find *find)
{
    const struct pm_replace *replace = &w->r->policy->ops[find->op].replace;
    struct pm_plan_edit edit = {.position = (uint32_t)find->position,
                                .op = find->op,
                                .old_len = (uint32_t)(find->end - find->position),
                                .new_len = replace->with_len,
                                .with = replace->with};
    bool is_made = true;
    if (find->cursor && !pm_regexes_expand(w->r, find->cursor, &edit)) {
        pm_count_why(w->r, PM_WHY_EDITS_FULL);
        is_made = false;
    } else if (find->cursor) {
        is_made = fit_length(w->r, replace, &edit);
    }
    if (is_made)
        *next_edit(w) = edit;
    skip_to(w, find->end);
    if (w->search->may_hold && (w->wait.position < find->end || replace->max > 0))
        w->wait = first_unfinished(w->r, w->p, w->search, find->end, w->planned);
}

static void begin_finds(struct walk *w)
{
    const struct pm_selection *s = &w->p->selection;
    const struct pm_search *search = w->search;
    struct pm_rewriter *r = w->r;
    if (search->may_hold)
        w->wait = first_unfinished(r, w->p, search, 0, 0);
    pm_scan_begin(&w->scan, r->policy->literals, r->scan_room, s->is_many ? NULL : s->literals,
                  s->literal_count, search->bytes, search->len);
    next_hit(w);
    if (w->has_regex)
        pm_regexes_begin(r, w->p, search);
}

/* A rule about HTTP holds for messages. */
static bool holds(const struct walk *w, uint32_t index)
{
    const struct pm_rule *rule = &w->r->policy->rules[index];
    const uint64_t *holds = w->search->holds;
    return !rule->tests_http ||
           (holds && (holds[rule->http_slot / 64] >> rule->http_slot % 64 & 1));
}

static void begin(struct walk *w)
{
    const struct pm_selection *s = &w->p->selection;
    struct pm_rewriter *r = w->r;
    for (uint32_t i = 0; i < s->count; i++) /* another selection may have been made meanwhile */
        r->rule_mark[s->rules[i]] = holds(w, s->rules[i]) ? s->epoch : 0;
    w->wait.position = w->hit.position = w->search->len;
    w->messages.position = w->search->len;
    w->has_finds = s->has_replace && !w->search->only_splices;
    w->has_regex = s->has_regex && w->has_finds;
    if (w->has_finds)
        begin_finds(w);
    if (has_splices(w))
        pm_splices_begin(r, w->p, w->search);
    if (w->search->frames && !w->search->only_splices)
        pm_messages_begin(r, w->p, w->search, &w->messages);
}

/* Inserts at the end of a datagram stand behind its last byte. In a stream one that nothing carries
 * yet waits for its byte. */
static void close_inserts(struct walk *w)
{
    struct pm_splice_at *at;
    const struct pm_search *search = w->search;
    const struct pm_plan_edit *plan = w->r->plan + search->first;
    while (search->in_stream && w->planned > 0 && plan[w->planned - 1].old_len == 0 &&
           plan[w->planned - 1].position == search->decided)
        w->planned--;
    while (!search->in_stream && w->p->selection.has_splice &&
           (at = pm_splices_first(w->r)) != NULL) {
        struct find find = splice_find(at);
        plan_splice(w, &find);
    }
}

uint32_t pm_search_run(struct pm_rewriter *r, const struct pm_passage *p, struct pm_search *search)
{
    struct walk w = {.r = r, .p = p, .search = search};
    search->decided = search->len;
    bool is_idle = !p->selection.has_replace && search->cut == 0 && search->place_count == 0 &&
                   !search->frames;
    if (is_idle || search->len == 0)
        return 0;
    begin(&w);
    if (search->cut > 0)
        plan_cut(&w);
    struct find find = first_find(&w);
    while (find.position < search->len) {
        bool is_held =
            !find.is_whole &&
            (!find.cursor ||
             !has_used_up_max(r, search, &r->policy->ops[find.op].replace, w.planned, find.op));
        if (is_held)
            break;
        if (find.is_message)
            plan_message(&w, &find);
        else if (find.splice)
            plan_splice(&w, &find);
        else if (find.place)
            plan_place(&w, find.place);
        else if (find.is_whole && is_wanted(&w, &find))
            plan(&w, &find);
        else
            pass_over(&w, &find);
        find = first_find(&w);
    }
    search->decided = find.position;
    close_inserts(&w);
    for (uint32_t i = 0; i < w.planned; i++)
        r->plan[search->first + i].position += search->at;
    return w.planned;
}
