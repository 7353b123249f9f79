/* httphead.c - edits of the heads of HTTP/1 messages: only the lines that change are touched. */
#include <string.h>

#include "engine/http.h"

/* ------------------------------------------------------------------ places */

static void add_place(struct pm_rewriter *r, struct pm_place place)
{
    struct pm_framing *f = r->framing;
    if (f->place_count == PM_HTTP_PLACES || (place.new_len > 0 && !place.with)) {
        f->is_full = true;
        return;
    }
    uint32_t i = f->place_count++;
    for (; i > 0 && f->places[i - 1].position > place.position; i--)
        f->places[i] = f->places[i - 1];
    f->places[i] = place;
}

static size_t offset_of(const struct pm_http_head *head, const struct pm_http_text *text)
{
    return (size_t)(text->bytes - head->bytes);
}

/* The parts side by side, for as long as the plan lives. */
static const uint8_t *join(struct pm_rewriter *r, const struct pm_http_text *parts, size_t count,
                           uint32_t *len)
{
    size_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += parts[i].len;
    uint8_t *room = pm_http_room(r, sum), *at = room;
    *len = (uint32_t)sum;
    for (size_t i = 0; room && i < count; i++) {
        if (parts[i].len > 0)
            memcpy(at, parts[i].bytes, parts[i].len);
        at += parts[i].len;
    }
    return room;
}

static struct pm_http_text literal(const char *text)
{
    return (struct pm_http_text){(const uint8_t *)text, strlen(text)};
}

struct digits {
    uint8_t text[20];
    struct pm_http_text all;
};

static void write_digits(struct digits *out, uint64_t number)
{
    size_t at = sizeof out->text;
    do {
        out->text[--at] = (uint8_t)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    out->all = (struct pm_http_text){out->text + at, sizeof out->text - at};
}

/* A line of its own, before the empty one. */
static void add_line(struct pm_rewriter *r, const struct pm_http_head *head, uint32_t op,
                     struct pm_http_text name, struct pm_http_text value, bool is_repair)
{
    struct pm_place place = {.position = head->len - 2,
                             .end = head->len - 2,
                             .op = is_repair ? op | PM_REPAIR : op,
                             .is_required = is_repair};
    place.with = join(r, (struct pm_http_text[]){name, literal(": "), value, literal("\r\n")}, 4,
                      &place.new_len);
    add_place(r, place);
}

static void remove_line(struct pm_rewriter *r, const struct pm_http_line *line, uint32_t op,
                        bool is_repair)
{
    add_place(r, (struct pm_place){.position = line->off,
                                   .end = line->off + line->len,
                                   .op = is_repair ? op | PM_REPAIR : op,
                                   .is_required = is_repair});
}

static void put_value(struct pm_rewriter *r, const struct pm_http_head *head,
                      const struct pm_http_line *line, uint32_t op, struct pm_http_text value,
                      bool is_repair)
{
    size_t at = offset_of(head, &line->value);
    bool is_same = line->value.len == value.len &&
                   (value.len == 0 || memcmp(line->value.bytes, value.bytes, value.len) == 0);
    struct pm_place place = {.position = at,
                             .end = at + line->value.len,
                             .op = is_repair ? op | PM_REPAIR : op,
                             .is_required = is_repair};
    if (is_same)
        return;
    place.with = join(r, &value, 1, &place.new_len);
    add_place(r, place);
}

/* ------------------------------------------------------------------ what rules change */

static void claim(struct pm_framing *f, const struct pm_http_change *change)
{
    if (f->claim_count == PM_HTTP_PLACES)
        f->is_full = true;
    else
        f->claims[f->claim_count++] = change;
}

static struct pm_http_text name_of(const struct pm_http_change *change)
{
    return (struct pm_http_text){(const uint8_t *)change->name, change->name_len};
}

static struct pm_http_text value_of(const struct pm_http_change *change)
{
    return (struct pm_http_text){(const uint8_t *)change->value, change->value_len};
}

/* An earlier edit said what becomes of lines with that name. */
static bool is_said(const struct pm_framing *f, const struct pm_http_change *change)
{
    struct pm_http_text name = name_of(change);
    for (uint32_t i = 0; i < f->claim_count; i++) {
        struct pm_http_text other = name_of(f->claims[i]);
        if (pm_http_is_same(&name, &other))
            return true;
    }
    return false;
}

static void set_or_remove(struct pm_rewriter *r, const struct pm_http_head *head, uint32_t op,
                          const struct pm_http_change *change)
{
    struct pm_framing *f = r->framing;
    struct pm_http_text name = name_of(change), value = value_of(change);
    struct pm_http_line line;
    bool is_set = change->edit == PM_HTTP_REMOVE;
    if (is_said(f, change))
        return;
    claim(f, change);
    for (size_t off = head->lines_off; pm_http_line_next(head, &off, &line);) {
        if (!pm_http_is_same(&line.name, &name))
            continue;
        if (is_set)
            remove_line(r, &line, op, false);
        else
            put_value(r, head, &line, op, value, false);
        is_set = true;
    }
    if (!is_set)
        add_line(r, head, op, name, value, false);
}

static const char *reason_of(uint16_t code)
{
    static const struct {
        uint16_t code;
        const char *text;
    } reasons[] = {
        {200, "200 OK"},
        {201, "201 Created"},
        {202, "202 Accepted"},
        {301, "301 Moved Permanently"},
        {302, "302 Found"},
        {303, "303 See Other"},
        {307, "307 Temporary Redirect"},
        {308, "308 Permanent Redirect"},
        {400, "400 Bad Request"},
        {401, "401 Unauthorized"},
        {403, "403 Forbidden"},
        {404, "404 Not Found"},
        {405, "405 Method Not Allowed"},
        {406, "406 Not Acceptable"},
        {409, "409 Conflict"},
        {410, "410 Gone"},
        {413, "413 Content Too Large"},
        {418, "418 I'm a teapot"},
        {429, "429 Too Many Requests"},
        {451, "451 Unavailable For Legal Reasons"},
        {500, "500 Internal Server Error"},
        {501, "501 Not Implemented"},
        {502, "502 Bad Gateway"},
        {503, "503 Service Unavailable"},
        {504, "504 Gateway Timeout"},
    };
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (reasons[i].code == code)
            return reasons[i].text;
    return NULL;
}

/* Code and reason; a code without a common reason leaves with none. */
static void set_status(struct pm_rewriter *r, const struct pm_http_head *head, uint32_t op,
                       uint16_t status)
{
    const char *reason = reason_of(status);
    struct digits digits;
    struct pm_place place = {.position = head->code_off, .end = head->lines_off - 2, .op = op};
    write_digits(&digits, status);
    struct pm_http_text parts[] = {reason ? literal(reason) : digits.all,
                                   literal(reason ? "" : " ")};
    place.with = join(r, parts, 2, &place.new_len);
    add_place(r, place);
}

struct wants {
    uint32_t body_op; /* plus 1; 0: none */
    bool has_status;
};

static void take_op(struct pm_rewriter *r, const struct pm_http_head *head, uint32_t index,
                    struct wants *wants)
{
    const struct pm_http_op *op = &r->policy->ops[index].http;
    if (op->has_body && !wants->body_op)
        wants->body_op = index + 1;
    if (op->status && head->is_response && !wants->has_status) {
        wants->has_status = true;
        if (op->status != head->code)
            set_status(r, head, index, op->status);
    }
    for (uint32_t i = 0; i < op->change_count; i++) {
        const struct pm_http_change *change = &op->changes[i];
        if (change->edit == PM_HTTP_ADD)
            add_line(r, head, index, name_of(change), value_of(change), false);
        else
            set_or_remove(r, head, index, change);
    }
}

static struct wants take_ops(struct pm_rewriter *r, const struct pm_passage *p,
                             const struct pm_http_head *head)
{
    const struct pm_policy *policy = r->policy;
    struct wants wants = {.body_op = 0};
    for (uint32_t i = 0; i < p->selection.count; i++) {
        const struct pm_rule *rule = &policy->rules[p->selection.rules[i]];
        if (!rule->edits_http || !pm_http_holds_for(r, p, p->selection.rules[i]))
            continue;
        for (uint32_t j = 0; j < rule->op_count; j++)
            if (policy->ops[rule->first_op + j].kind == PM_OP_HTTP)
                take_op(r, head, rule->first_op + j, &wants);
    }
    return wants;
}

/* ------------------------------------------------------------------ lengths */

static bool find_line(const struct pm_http_head *head, const char *name, struct pm_http_line *out)
{
    for (size_t off = head->lines_off; pm_http_line_next(head, &off, out);)
        if (pm_http_is(&out->name, name))
            return true;
    return false;
}

static void state_length(struct pm_rewriter *r, const struct pm_http_head *head, uint32_t op,
                         uint64_t length)
{
    struct pm_http_line line;
    struct digits digits;
    write_digits(&digits, length);
    if (find_line(head, "content-length", &line))
        put_value(r, head, &line, op, digits.all, true);
    else
        add_line(r, head, op, literal("Content-Length"), digits.all, true);
}

static void state_chunks(struct pm_rewriter *r, const struct pm_http_head *head, uint32_t op)
{
    static const char chunked[] = "Transfer-Encoding: chunked";
    struct pm_http_line line;
    if (!find_line(head, "content-length", &line))
        return;
    add_place(r, (struct pm_place){.position = line.off,
                                   .end = line.off + line.len - 2,
                                   .op = op | PM_REPAIR,
                                   .with = (const uint8_t *)chunked,
                                   .new_len = sizeof chunked - 1,
                                   .is_required = true});
}

static bool is_partial(const struct pm_http_head *head)
{
    return head->is_range || head->code == 206;
}

/* The new body leaves with the head; what comes of the old one does not leave. */
static void put_body(struct pm_rewriter *r, const struct pm_http_head *head, uint32_t op)
{
    const struct pm_http_op *http = &r->policy->ops[op].http;
    struct pm_http_text parts[] = {literal("\r\n"), {http->body, http->body_len}};
    struct pm_place place = {
        .position = head->len - 2, .end = head->len, .op = op, .is_required = true};
    struct pm_http_line line;
    if (head->is_chunked && find_line(head, "transfer-encoding", &line))
        remove_line(r, &line, op, true);
    for (size_t off = head->lines_off; head->is_encoded && pm_http_line_next(head, &off, &line);)
        if (pm_http_is(&line.name, "content-encoding"))
            remove_line(r, &line, op, true);
    state_length(r, head, op, http->body_len);
    place.with = join(r, parts, 2, &place.new_len);
    add_place(r, place);
}

/* ------------------------------------------------------------------ what becomes of the body */

struct fate {
    enum pm_http_way way;
    uint32_t op;
    bool is_whole;     /* it leaves with the head, whose length is known then */
    bool is_converted; /* it leaves in chunks, and had none */
    bool must_wait;
    enum pm_why refused;
};

static bool expects_continue(const struct pm_http_head *head)
{
    struct pm_http_line line;
    return !head->is_response && find_line(head, "expect", &line);
}

/* Finds change a stated length: the body is waited for where it may be, else leaves in chunks. */
static struct fate fate_of_length(const struct pm_rewriter *r, const struct pm_part *part,
                                  const struct pm_http_message *message, uint32_t op)
{
    const struct pm_http_head *head = message->head;
    size_t hold = r->policy->settings.hold_bytes;
    struct fate fate = {.way = PM_HTTP_BLOCKS, .op = op};
    bool is_short = head->length <= hold && head->len + head->length <= hold;
    if (is_short && head->len + head->length <= part->len)
        fate.is_whole = true;
    else if (is_short && part->may_follow && !expects_continue(head))
        fate.must_wait = true;
    else if (message->takes_chunks)
        fate.is_converted = true;
    else
        fate = (struct fate){.way = PM_HTTP_PASS, .refused = PM_WHY_HTTP_BODY};
    return fate;
}

static struct fate fate_of(const struct pm_rewriter *r, const struct pm_passage *p,
                           const struct pm_part *part, const struct pm_http_message *message,
                           const struct wants *wants)
{
    const struct pm_http_head *head = message->head;
    bool may_stretch, has_body = message->framing != PM_HTTP_NO_BODY;
    uint32_t looks = pm_http_looks(r, p, &may_stretch);
    struct fate refused = {.way = PM_HTTP_PASS, .refused = PM_WHY_HTTP_BODY};
    if (wants->body_op && (message->is_bodyless || is_partial(head)))
        return refused;
    if (wants->body_op)
        return (struct fate){.way = PM_HTTP_DROP, .op = wants->body_op - 1};
    if (!looks || (!has_body && !(head->is_response && message->is_bodyless)))
        return (struct fate){.way = PM_HTTP_PASS};
    if (!has_body || head->is_encoded || is_partial(head))
        return refused;
    if (message->framing == PM_HTTP_CHUNKED)
        return (struct fate){.way = PM_HTTP_BLOCKS, .op = looks - 1};
    if (message->framing == PM_HTTP_UNTIL_CLOSE || !may_stretch)
        return (struct fate){.way = PM_HTTP_PLACE, .op = looks - 1};
    return fate_of_length(r, part, message, looks - 1);
}

/* ------------------------------------------------------------------ the plan */

/* Edits of the body that leaves with its head; answers how many, planned for now behind those that
 * are. *length: of the body they make. */
static uint32_t plan_whole(struct pm_rewriter *r, const struct pm_passage *p,
                           const struct pm_half *half, const struct pm_part *part,
                           const struct pm_http_head *head, uint64_t *length)
{
    struct pm_search search =
        pm_http_search(r, p, half, part, part->bytes + head->len, (size_t)head->length);
    search.before_len = 0;
    search.has_body = true;
    search.stream_off += head->len;
    search.payload_off += (int64_t)head->len;
    search.payload_end = search.payload_end > head->len ? search.payload_end - head->len : 0;
    search.at += (uint32_t)head->len;
    uint32_t count = pm_search_run(r, p, &search);
    *length = head->length;
    for (uint32_t i = 0; i < count; i++)
        *length += (uint64_t)r->plan[search.first + i].new_len -
                   (uint64_t)r->plan[search.first + i].old_len;
    return count;
}

static void reverse(struct pm_plan_edit *plan, uint32_t count)
{
    for (uint32_t i = 0; i < count / 2; i++) {
        struct pm_plan_edit edit = plan[i];
        plan[i] = plan[count - 1 - i];
        plan[count - 1 - i] = edit;
    }
}

/* Edits of the head, planned before the `behind` ones that are planned already. */
static void plan_lines(struct pm_rewriter *r, struct pm_passage *p, const struct pm_half *half,
                       const struct pm_part *part, const struct pm_http_head *head, uint32_t behind)
{
    uint32_t first = p->plan_count;
    struct pm_search search = pm_http_search(r, p, half, part, part->bytes, head->len);
    search.before_len = 0;
    search.has_header = head->lines_off < head->len - 2;
    search.area_begin = head->lines_off;
    search.area_end = head->len - 2;
    search.places = r->framing->places;
    search.place_count = r->framing->place_count;
    search.first = first + behind;
    uint32_t count = pm_search_run(r, p, &search);
    if (behind > 0) { /* the second of two stretches comes first */
        reverse(r->plan + first, behind);
        reverse(r->plan + first + behind, count);
        reverse(r->plan + first, behind + count);
    }
    p->plan_count += behind + count;
}

static void put_step(struct pm_rewriter *r, const struct pm_http_message *message,
                     const struct fate *fate)
{
    const struct pm_http_head *head = message->head;
    bool has_body = message->framing != PM_HTTP_NO_BODY;
    struct pm_http_step *step = &r->framing->step;
    *step = (struct pm_http_step){.is_head = true, .head_len = head->len};
    step->refused = fate->refused;
    step->next = (struct pm_http_half){.state = has_body ? PM_HTTP_IN_BODY : PM_HTTP_IN_HEAD,
                                       .way = (uint8_t)fate->way,
                                       .is_converted = fate->is_converted,
                                       .op = fate->op};
    step->next.chunk_len = message->framing == PM_HTTP_LENGTH ? head->length : 0;
    pm_http_body_begin(&step->next.body, message->framing, head->length);
}

/* Nothing of it is made where there is no room for all. */
static void leave_alone(struct pm_rewriter *r, struct fate *fate)
{
    if (!r->framing->is_full)
        return;
    r->framing->place_count = 0;
    *fate = (struct fate){.way = PM_HTTP_PASS, .refused = PM_WHY_HTTP_FULL};
}

size_t pm_http_head_plan(struct pm_rewriter *r, struct pm_passage *p, struct pm_half *half,
                         const struct pm_part *part, const struct pm_http_message *message)
{
    const struct pm_http_head *head = message->head;
    uint32_t behind = 0;
    uint64_t length = head->length;
    r->framing->place_count = r->framing->claim_count = 0;
    r->framing->is_full = false;
    struct wants wants = take_ops(r, p, head);
    struct fate fate = fate_of(r, p, part, message, &wants);
    if (fate.must_wait)
        return 0;
    if (fate.is_whole)
        behind = plan_whole(r, p, half, part, head, &length);
    if (length != head->length)
        state_length(r, head, fate.op, length);
    if (fate.is_converted)
        state_chunks(r, head, fate.op);
    if (fate.way == PM_HTTP_DROP)
        put_body(r, head, fate.op);
    bool is_whole = fate.is_whole && !r->framing->is_full;
    leave_alone(r, &fate);
    plan_lines(r, p, half, part, head, is_whole ? behind : 0);
    put_step(r, message, &fate);
    return is_whole ? head->len + (size_t)head->length : head->len;
}
