/* http.c - the framer of HTTP/1, message by message; the contract is in http.h. */
#include "engine/http.h"

static struct pm_http_talk *talk_of(const struct pm_rewriter *r, const struct pm_passage *p)
{
    return pm_http_talk_at(r, pm_stream_at(r, pm_rewriter_own(p)->stream)->framer);
}

void pm_http_over(struct pm_rewriter *r, struct pm_http_half *own, enum pm_why why)
{
    if (own->state == PM_HTTP_OVER)
        return;
    own->state = PM_HTTP_OVER;
    if (why != PM_WHY_NONE)
        pm_count_why(r, why);
}

static enum pm_why why_of(enum pm_http_fault fault)
{
    switch (fault) {
    case PM_HTTP_SOUND:
    case PM_HTTP_NO_HTTP:
        break;
    case PM_HTTP_BAD_LINE:
        return PM_WHY_HTTP_LINE;
    case PM_HTTP_BAD_LENGTH:
        return PM_WHY_HTTP_LENGTH;
    case PM_HTTP_BAD_CHUNK:
        return PM_WHY_HTTP_CHUNK;
    }
    return PM_WHY_HTTP_NOT;
}

uint8_t *pm_http_room(struct pm_rewriter *r, size_t len)
{
    struct pm_framing *framing = r->framing;
    if (len > PM_HTTP_SCRATCH - framing->scratch_len)
        return NULL;
    uint8_t *room = framing->scratch + framing->scratch_len;
    framing->scratch_len += len;
    return room;
}

/* ------------------------------------------------------------------ which rules */

/* Asks the rules about the message, and remembers the answers until the next one. */
static void judge(struct pm_rewriter *r, struct pm_passage *p, struct pm_http_talk *talk,
                  const struct pm_http_head *head)
{
    const struct pm_policy *policy = r->policy;
    const struct pm_selection *s = &p->selection;
    uint64_t *holds = pm_http_holds(r, talk, p->tracked.side);
    struct pm_http http;
    pm_http_tell(talk, head, &http);
    p->subject.http = &http;
    for (uint32_t i = 0; i < r->framing->words; i++)
        holds[i] = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        const struct pm_rule *rule = &policy->rules[s->rules[i]];
        if (rule->has_http &&
            (!rule->tests_http || (pm_cond_holds(policy->conds, rule->match, &p->subject) &&
                                   pm_select_admits(r, p, rule))))
            holds[rule->http_slot / 64] |= UINT64_C(1) << rule->http_slot % 64;
    }
    p->subject.http = NULL;
}

bool pm_http_holds_for(const struct pm_rewriter *r, const struct pm_passage *p, uint32_t index)
{
    const struct pm_rule *rule = &r->policy->rules[index];
    const uint64_t *holds = pm_http_holds(r, talk_of(r, p), p->tracked.side);
    return !rule->tests_http || (holds[rule->http_slot / 64] >> rule->http_slot % 64 & 1);
}

static bool may_stretch_text(const struct pm_replace *replace)
{
    if (replace->regex)
        return replace->length == PM_LENGTH_ANY;
    return replace->with_len != replace->find_len;
}

uint32_t pm_http_looks(const struct pm_rewriter *r, const struct pm_passage *p, bool *may_stretch)
{
    const struct pm_selection *s = &p->selection;
    uint32_t found = 0;
    *may_stretch = false;
    for (uint32_t i = 0; i < s->count; i++) {
        const struct pm_rule *rule = &r->policy->rules[s->rules[i]];
        bool holds = rule->has_http && pm_http_holds_for(r, p, s->rules[i]);
        for (uint32_t j = 0; holds && j < rule->op_count; j++) {
            const struct pm_op *op = &r->policy->ops[rule->first_op + j];
            if (op->kind != PM_OP_REPLACE || op->replace.where != PM_IN_HTTP_BODY)
                continue;
            found = found ? found : rule->first_op + j + 1;
            *may_stretch |= may_stretch_text(&op->replace);
        }
    }
    return found;
}

/* ------------------------------------------------------------------ text */

struct pm_search pm_http_search(struct pm_rewriter *r, const struct pm_passage *p,
                                const struct pm_half *half, const struct pm_part *part,
                                const uint8_t *bytes, size_t len)
{
    const struct pm_front *front = part->front;
    size_t end = front->payload_end > part->at ? front->payload_end - part->at : 0;
    return (struct pm_search){.bytes = bytes,
                              .len = len,
                              .in_stream = true,
                              .only_splices = !front->is_searched,
                              .before = half->before,
                              .before_len = half->before_len,
                              .stream_off = part->stream_off,
                              .payload_off = front->payload_off + (int64_t)part->at,
                              .payload_end = end,
                              .max_used = part->max_used,
                              .holds = pm_http_holds(r, talk_of(r, p), p->tracked.side),
                              .area_end = len,
                              .is_continued = true,
                              .first = p->plan_count,
                              .at = (uint32_t)part->at,
                              .decided = len};
}

/* So much of the part belongs to the body at hand. *body: where that leads. */
static size_t extent(struct pm_http_body *body, const struct pm_part *part)
{
    size_t done = 0, taken;
    bool is_data;
    while (done < part->len &&
           (taken = pm_http_body_next(body, part->bytes + done, part->len - done, &is_data)) > 0)
        done += taken;
    return done;
}

static size_t next_text(struct pm_rewriter *r, struct pm_passage *p, struct pm_half *half,
                        const struct pm_part *part, struct pm_http_half *own)
{
    struct pm_http_body body = own->body;
    size_t len = extent(&body, part);
    if (len == 0) {
        pm_http_over(r, own, PM_WHY_HTTP_CHUNK);
        return 0;
    }
    struct pm_search search = pm_http_search(r, p, half, part, part->bytes, len);
    search.may_hold = part->may_follow && len == part->len && body.at != PM_HTTP_AT_END;
    search.has_body = own->way == PM_HTTP_PLACE;
    search.area_off = own->data_off;
    p->plan_count += pm_search_run(r, p, &search);
    return search.decided;
}

/* ------------------------------------------------------------------ the next part */

/* Its body has been replaced; the op is not counted again for that. */
static size_t next_drop(struct pm_rewriter *r, struct pm_passage *p, const struct pm_part *part,
                        struct pm_http_half *own)
{
    struct pm_http_body body = own->body;
    size_t len = extent(&body, part);
    if (len == 0) {
        pm_http_over(r, own, PM_WHY_HTTP_CHUNK);
        return 0;
    }
    r->plan[p->plan_count++] = (struct pm_plan_edit){
        .position = (uint32_t)part->at, .op = own->op | PM_REPAIR, .old_len = (uint32_t)len};
    return len;
}

static bool is_bodyless(const struct pm_http_head *head, enum pm_http_method method)
{
    if (head->is_response)
        return method == PM_HTTP_HEAD || head->code == 204 || head->code == 304;
    return !head->has_length && !head->is_chunked;
}

/* Neither edited nor the end of a request: an interim response, or the last one. */
static size_t plan_bare(struct pm_rewriter *r, const struct pm_http_half *own,
                        const struct pm_http_head *head, bool is_tunnel)
{
    struct pm_http_step *step = &r->framing->step;
    *step = (struct pm_http_step){.is_head = true, .head_len = head->len, .is_tunnel = is_tunnel};
    step->next = *own;
    return head->len;
}

static size_t plan_head(struct pm_rewriter *r, struct pm_passage *p, struct pm_half *half,
                        const struct pm_part *part, const struct pm_http_head *head)
{
    struct pm_http_talk *talk = talk_of(r, p);
    struct pm_http_half *own = &talk->half[p->tracked.side];
    const struct pm_http_request *request = &talk->requests[0];
    if (head->is_response && talk->request_count == 0) {
        pm_http_over(r, own, PM_WHY_HTTP_UNPAIRED);
        return 0;
    }
    enum pm_http_method method =
        head->is_response ? (enum pm_http_method)request->method : PM_HTTP_OTHER;
    struct pm_http_message message = {.head = head,
                                      .framing = pm_http_framing_of(head, method),
                                      .is_bodyless = is_bodyless(head, method),
                                      .takes_chunks = head->minor == 1 &&
                                                      (!head->is_response || request->minor == 1)};
    bool is_interim = head->is_response && head->code < 200;
    if (is_interim || message.framing == PM_HTTP_TUNNEL)
        return plan_bare(r, own, head, message.framing == PM_HTTP_TUNNEL);
    judge(r, p, talk, head);
    half->before_len = 0;
    return pm_http_head_plan(r, p, half, part, &message);
}

static size_t next_head(struct pm_rewriter *r, struct pm_passage *p, struct pm_half *half,
                        const struct pm_part *part)
{
    struct pm_http_talk *talk = talk_of(r, p);
    struct pm_http_half *own = &talk->half[p->tracked.side];
    struct pm_http_head head;
    enum pm_http_fault fault;
    bool is_response = !p->tracked.to_server;
    if (!is_response && talk->is_tunnel_asked) {
        pm_http_over(r, own, PM_WHY_NONE);
        return 0;
    }
    enum pm_http_found found =
        pm_http_head_read(part->bytes, part->len, is_response, &head, &fault);
    size_t len = found == PM_HTTP_WHOLE ? head.len : part->len;
    bool is_large = len > r->policy->settings.hold_bytes;
    if (found == PM_HTTP_BAD)
        pm_http_over(r, own, why_of(fault));
    else if (is_large || (found == PM_HTTP_MORE && !part->may_follow))
        pm_http_over(r, own, PM_WHY_HTTP_LATE);
    return own->state == PM_HTTP_OVER || found == PM_HTTP_MORE ? 0
                                                               : plan_head(r, p, half, part, &head);
}

size_t pm_http_next(struct pm_rewriter *r, struct pm_passage *p, struct pm_half *half,
                    const struct pm_part *part)
{
    struct pm_http_half *own = &talk_of(r, p)->half[p->tracked.side];
    r->framing->step = (struct pm_http_step){.is_head = false};
    if (r->framing->scratch_len >
        PM_HTTP_SCRATCH / 2) /* notes of what stands there are not read any more */
        r->framing->scratch_len = PM_HTTP_SCRATCH / 2;
    if (own->state == PM_HTTP_IN_HEAD)
        return next_head(r, p, half, part);
    switch ((enum pm_http_way)own->way) {
    case PM_HTTP_PASS:
    case PM_HTTP_PLACE:
        return next_text(r, p, half, part, own);
    case PM_HTTP_BLOCKS:
        return pm_http_blocks_plan(r, p, half, part, own);
    case PM_HTTP_DROP:
        break;
    }
    return next_drop(r, p, part, own);
}

/* ------------------------------------------------------------------ behind it */

/* A size has passed, or a part of it, and no data behind it. */
static bool is_behind_size(const struct pm_http_half *own)
{
    const struct pm_http_body *body = &own->body;
    return (body->at == PM_HTTP_AT_CHUNK && body->left == own->chunk_len) ||
           (body->at == PM_HTTP_AT_SIZE && body->digits > 0) || body->at == PM_HTTP_AT_EXTENSION ||
           body->at == PM_HTTP_AT_SIZE_LF;
}

/* Where regexes look back to: data, and what is between it where that is text too. */
static void note_text(struct pm_rewriter *r, struct pm_half *half, const struct pm_http_half *own,
                      const uint8_t *bytes, size_t len, bool is_data)
{
    if (r->policy->regex_count > 0 && (is_data || own->way != PM_HTTP_BLOCKS))
        pm_half_pass(half, bytes, len);
}

static void advance(struct pm_rewriter *r, struct pm_half *half, struct pm_http_half *own,
                    const uint8_t *bytes, size_t len)
{
    size_t done = 0, taken;
    bool is_data;
    while (done < len &&
           (taken = pm_http_body_next(&own->body, bytes + done, len - done, &is_data)) > 0) {
        note_text(r, half, own, bytes + done, taken, is_data);
        done += taken;
        own->data_off += is_data ? taken : 0;
        if (!is_data && own->body.at == PM_HTTP_AT_CHUNK)
            own->chunk_len = own->body.left;
        else if (own->body.at == PM_HTTP_AT_SIZE && own->body.digits == 0)
            own->is_fixed = false;
    }
    own->is_fixed |= is_behind_size(own);
    if (own->body.at != PM_HTTP_AT_END)
        return;
    own->state = PM_HTTP_IN_HEAD;
    half->before_len = 0;
}

/* A request waits for its response from now on; a final response takes its request away. */
static void pair(struct pm_rewriter *r, struct pm_passage *p, struct pm_http_talk *talk,
                 const struct pm_part *part)
{
    struct pm_http_half *peer = &talk->half[1 - p->tracked.side];
    struct pm_http_head head;
    enum pm_http_fault fault;
    bool is_response = !p->tracked.to_server;
    if (pm_http_head_read(part->bytes, part->len, is_response, &head, &fault) != PM_HTTP_WHOLE)
        return;
    if (is_response) {
        if (head.code >= 200) {
            pm_http_pop(talk);
            talk->is_tunnel_asked = false;
        }
        return;
    }
    talk->is_tunnel_asked = pm_http_method_of(&head) == PM_HTTP_CONNECT;
    if (peer->state != PM_HTTP_OVER && !pm_http_push(talk, &head))
        pm_http_over(r, peer, PM_WHY_HTTP_FULL);
}

static void pass_head(struct pm_rewriter *r, struct pm_passage *p, struct pm_half *half,
                      const struct pm_part *part, size_t len)
{
    struct pm_http_talk *talk = talk_of(r, p);
    struct pm_http_half *own = &talk->half[p->tracked.side];
    const struct pm_http_step *step = &r->framing->step;
    pair(r, p, talk, part);
    *own = step->next;
    half->before_len = 0;
    if (step->is_tunnel) {
        pm_http_over(r, own, PM_WHY_NONE);
        pm_http_over(r, &talk->half[1 - p->tracked.side], PM_WHY_NONE);
    } else if (own->state == PM_HTTP_IN_BODY) {
        advance(r, half, own, part->bytes + step->head_len, len - step->head_len);
    }
}

void pm_http_passed(struct pm_rewriter *r, struct pm_passage *p, struct pm_half *half,
                    const struct pm_part *part, size_t len, bool is_made)
{
    struct pm_http_half *own = &talk_of(r, p)->half[p->tracked.side];
    const struct pm_http_step *step = &r->framing->step;
    if (step->refused != PM_WHY_NONE)
        pm_count_why(r, step->refused);
    if (step->is_head) {
        pass_head(r, p, half, part, len);
    } else {
        own->is_open = step->next.is_open;
        advance(r, half, own, part->bytes, len);
    }
    if (!is_made)
        pm_http_over(r, own, PM_WHY_HTTP_FULL);
}
