/* httpblocks.c - bodies of HTTP/1 that leave in chunks whose sizes fit what they hold.
 *
 *     O    7 CRLF ab secret CRLF   5 CRLF hello CRLF   0 CRLF CRLF
 *     M    3 CRLF ab  CRLF         5 CRLF hello CRLF   0 CRLF CRLF
 *
 * A chunk leaves when it is whole, and untouched where nothing in it changed. A long one is cut at
 * every PM_HTTP_BLOCK bytes; so is a body whose length was stated. A find over the end of a chunk
 * makes one of both. Where the rest does not come in time, what is there leaves as a chunk. */
#include <string.h>

#include "engine/http.h"

#define MOST_RUNS 64u

/* Bytes of data that stand side by side, of one chunk. */
struct run {
    size_t at, off, len; /* in the part; in the data */
    uint64_t chunk_off;  /* in its chunk */
    bool is_last;        /* the chunk's data ends with it, */
    bool is_closed;      /* and the CRLF behind that is there */
};

struct blocks {
    struct pm_rewriter *r;
    struct pm_passage *p;
    const struct pm_part *part;
    const struct pm_http_half *own;
    struct pm_http_body body; /* behind what was read */
    size_t read, data_len;
    struct run runs[MOST_RUNS];
    uint32_t run_count;
    uint32_t first, found; /* finds in the plan, at places of the data */
};

/* ------------------------------------------------------------------ the data */

static void take_data(struct blocks *b, size_t at, size_t len, uint64_t chunk_off)
{
    memcpy(b->r->framing->decoded + b->data_len, b->part->bytes + at, len);
    b->runs[b->run_count++] = (struct run){.at = at,
                                           .off = b->data_len,
                                           .len = len,
                                           .chunk_off = chunk_off,
                                           .is_last = !pm_http_body_is_at_data(&b->body)};
    b->data_len += len;
}

static void read_part(struct blocks *b)
{
    size_t cap = b->r->framing->decoded_cap;
    uint64_t chunk_off = b->own->chunk_len - b->body.left;
    while (b->read < b->part->len && b->run_count < MOST_RUNS && b->data_len < cap) {
        size_t most = b->part->len - b->read;
        if (pm_http_body_is_at_data(&b->body) && most > cap - b->data_len)
            most = cap - b->data_len;
        bool is_data;
        size_t len = pm_http_body_next(&b->body, b->part->bytes + b->read, most, &is_data);
        if (len == 0)
            break;
        if (is_data) {
            take_data(b, b->read, len, chunk_off);
            chunk_off += len;
        } else {
            if (b->run_count > 0)
                b->runs[b->run_count - 1].is_closed = len >= 2;
            chunk_off = 0;
        }
        b->read += len;
    }
}

/* The run that holds the byte before `end`. */
static const struct run *run_before(const struct blocks *b, size_t end)
{
    uint32_t i = 0;
    while (i + 1 < b->run_count && b->runs[i + 1].off < end)
        i++;
    return &b->runs[i];
}

static size_t place_of(const struct blocks *b, size_t off)
{
    const struct run *run = run_before(b, off + 1);
    return run->at + (off - run->off);
}

static size_t place_behind(const struct blocks *b, size_t end)
{
    return place_of(b, end - 1) + 1;
}

/* ------------------------------------------------------------------ where to cut */

/* The first place where the data may be cut, whatever else comes; 0: none is known. */
static size_t first_cut(const struct blocks *b)
{
    for (uint32_t i = 0; i < b->run_count; i++) {
        const struct run *run = &b->runs[i];
        size_t left = PM_HTTP_BLOCK - (size_t)(run->chunk_off % PM_HTTP_BLOCK);
        if (left < run->len || (left == run->len && !run->is_last))
            return run->off + left;
        if (run->is_last && (run->is_closed || b->own->is_converted))
            return run->off + run->len;
    }
    return 0;
}

static size_t end_of(const struct pm_plan_edit *edit)
{
    return (size_t)edit->position + edit->old_len;
}

/* A find is not cut. */
static size_t behind_finds(const struct blocks *b, size_t cut)
{
    const struct pm_plan_edit *plan = b->r->plan + b->first;
    for (uint32_t i = 0; i < b->found; i++)
        if (plan[i].position < cut && end_of(&plan[i]) > cut)
            return end_of(&plan[i]);
    return cut;
}

/* How much of the data leaves now; 0: it has to wait. */
static size_t cut_of(struct blocks *b, const struct pm_half *half)
{
    struct pm_search search =
        pm_http_search(b->r, b->p, half, b->part, b->r->framing->decoded, b->data_len);
    bool may_follow = b->part->may_follow;
    search.has_body = true;
    search.area_off = b->own->data_off;
    search.at = 0;
    search.payload_end = 0;
    search.may_hold = may_follow && b->body.at != PM_HTTP_AT_END;
    b->first = search.first;
    b->found = pm_search_run(b->r, b->p, &search);
    size_t cut = first_cut(b);
    if (cut > 0 && cut <= search.decided)
        cut = behind_finds(b, cut);
    else
        cut = may_follow ? 0 : search.decided;
    if (cut == 0)
        return 0;
    const struct run *run = run_before(b, cut);
    bool lacks_end =
        run->is_last && !run->is_closed && !b->own->is_converted && cut == run->off + run->len;
    return lacks_end && may_follow ? 0 : cut;
}

/* ------------------------------------------------------------------ the chunk */

/* What leaves for the first `cut` bytes of the data. */
struct chunk {
    size_t cut, end; /* of the data; where the part ends */
    uint64_t size;
    bool is_closed; /* the CRLF behind it is there */
    uint32_t at;    /* its edits in the plan, behind the finds */
    uint32_t count;
};

static void put(struct blocks *b, struct chunk *c, size_t from, size_t to, const uint8_t *with,
                size_t len)
{
    b->r->plan[c->at + c->count++] = (struct pm_plan_edit){.position = (uint32_t)from,
                                                           .op = b->own->op | PM_REPAIR,
                                                           .old_len = (uint32_t)(to - from),
                                                           .new_len = (uint32_t)len,
                                                           .with = with};
}

/* CRLF of the chunk before, where it lacks it; size; CRLF. */
static size_t write_size(uint8_t out[20], bool is_open, uint64_t size)
{
    static const char digits[] = "0123456789abcdef";
    size_t len = 0;
    unsigned shift = 60;
    if (is_open) {
        out[len++] = '\r';
        out[len++] = '\n';
    }
    while (shift > 0 && size >> shift == 0)
        shift -= 4;
    for (;; shift -= 4) {
        out[len++] = (uint8_t)digits[size >> shift & 15];
        if (shift == 0)
            break;
    }
    out[len++] = '\r';
    out[len++] = '\n';
    return len;
}

/* The line before the data states its size, or none does where there is no data. */
static bool put_size(struct blocks *b, struct chunk *c)
{
    size_t line_len = b->runs[0].at;
    bool is_stated = line_len > 0 && c->is_closed && b->runs[0].is_last && c->cut == b->runs[0].len;
    uint8_t *line = pm_http_room(b->r, 20);
    if (!line)
        return false;
    if (is_stated && c->size == c->cut)
        return true;
    size_t len = c->size > 0 ? write_size(line, b->own->is_open, c->size) : 0;
    if (line_len > 0 || len > 0)
        put(b, c, 0, line_len, line, len);
    return true;
}

/* What stands between the chunks that become one, unless a find took it. */
static void put_joint(struct blocks *b, struct chunk *c, const struct run *run, uint32_t *next)
{
    const struct pm_plan_edit *plan = b->r->plan + b->first;
    const struct run *before = run - 1;
    bool is_taken = *next > 0 && end_of(&plan[*next - 1]) > run->off;
    if (!is_taken)
        put(b, c, before->at + before->len, run->at, NULL, 0);
}

static void put_finds(struct blocks *b, struct chunk *c)
{
    const struct pm_plan_edit *plan = b->r->plan + b->first;
    uint32_t next = 0;
    for (uint32_t i = 0; i < b->run_count && b->runs[i].off < c->cut; i++) {
        const struct run *run = &b->runs[i];
        if (i > 0)
            put_joint(b, c, run, &next);
        for (; next < b->found && plan[next].position < run->off + run->len &&
               end_of(&plan[next]) <= c->cut;
             next++) {
            struct pm_plan_edit *edit = &b->r->plan[c->at + c->count++];
            *edit = plan[next];
            edit->position = (uint32_t)place_of(b, plan[next].position);
            edit->old_len = (uint32_t)(place_behind(b, end_of(&plan[next])) - edit->position);
        }
    }
}

/* The last chunk, behind the last byte of a body that had none. */
static bool put_last(struct blocks *b, struct chunk *c)
{
    static const char ends[] = "\r\n0\r\n\r\n";
    struct pm_plan_edit *last = c->count > 0 ? &b->r->plan[c->at + c->count - 1] : NULL;
    bool is_open = b->own->is_open || c->size > 0;
    const char *text = is_open ? ends : ends + 2;
    size_t text_len = sizeof ends - (is_open ? 1 : 3);
    bool is_behind = last && end_of(last) == c->end && last->old_len > 0;
    const uint8_t *head = is_behind ? last->with : b->part->bytes + c->end - 1;
    size_t head_len = is_behind ? last->new_len : 1;
    uint8_t *with = pm_http_room(b->r, head_len + text_len);
    if (!with)
        return false;
    if (head_len > 0)
        memcpy(with, head, head_len);
    memcpy(with + head_len, text, text_len);
    if (!is_behind) {
        put(b, c, c->end - 1, c->end, with, head_len + text_len);
        return true;
    }
    last->with = with;
    last->new_len = (uint32_t)(head_len + text_len);
    return true;
}

static uint64_t size_of(const struct blocks *b, size_t cut)
{
    const struct pm_plan_edit *plan = b->r->plan + b->first;
    uint64_t size = cut;
    for (uint32_t i = 0; i < b->found && end_of(&plan[i]) <= cut; i++)
        size += (uint64_t)plan[i].new_len - (uint64_t)plan[i].old_len;
    return size;
}

static bool make_chunk(struct blocks *b, struct chunk *c)
{
    const struct run *run = run_before(b, c->cut);
    bool ends_run = c->cut == run->off + run->len;
    bool is_end =
        b->own->is_converted && ends_run && b->body.at == PM_HTTP_AT_END && c->cut == b->data_len;
    bool was_open = b->own->is_open, is_open = was_open || c->size > 0;
    c->is_closed = !b->own->is_converted && run->is_last && run->is_closed && ends_run;
    c->end = place_behind(b, c->cut);
    if (!put_size(b, c))
        return false;
    put_finds(b, c);
    if (is_end && !put_last(b, c))
        return false;
    if (c->is_closed && !is_open)
        put(b, c, c->end, c->end + 2, NULL, 0);
    c->end += c->is_closed ? 2 : 0;
    b->r->framing->step.next.is_open = is_open && !c->is_closed;
    return true;
}

static size_t plan_chunk(struct blocks *b, size_t cut)
{
    struct pm_plan_edit *plan = b->r->plan;
    struct chunk c = {.cut = cut, .size = size_of(b, cut), .at = b->first + b->found};
    if (!make_chunk(b, &c))
        return 0;
    memmove(plan + b->first, plan + c.at, c.count * sizeof *plan);
    for (uint32_t i = 0; i < c.count; i++)
        plan[b->first + i].position += (uint32_t)b->part->at;
    b->p->plan_count = b->first + c.count;
    return c.end;
}

/* ------------------------------------------------------------------ around data */

/* The CRLF behind a chunk stays where that left, and goes where nothing of it did. */
static size_t plan_crlf(struct pm_rewriter *r, struct pm_passage *p, const struct pm_part *part,
                        const struct pm_http_half *own)
{
    size_t wanted = own->body.at == PM_HTTP_AT_CHUNK_CR ? 2 : 1;
    size_t len = part->len < wanted ? part->len : wanted;
    if (len < wanted && part->may_follow)
        return 0;
    r->framing->step.next.is_open = own->is_open && len < wanted;
    if (!own->is_open && !own->is_fixed)
        r->plan[p->plan_count++] = (struct pm_plan_edit){
            .position = (uint32_t)part->at, .op = own->op | PM_REPAIR, .old_len = (uint32_t)len};
    return len;
}

/* Bytes of one kind that leave as they are. */
static size_t plan_same(const struct pm_http_half *own, const struct pm_part *part)
{
    struct pm_http_body body = own->body;
    bool is_data;
    return pm_http_body_next(&body, part->bytes, part->len, &is_data);
}

static bool is_size_begun(const struct pm_http_body *body)
{
    return body->at == PM_HTTP_AT_SIZE || body->at == PM_HTTP_AT_EXTENSION ||
           body->at == PM_HTTP_AT_SIZE_LF || body->at == PM_HTTP_AT_CHUNK;
}

/* No data is there: the last chunk and its trailers leave as they are, a size waits for its end. */
static size_t plan_around(const struct blocks *b)
{
    if (b->body.at == PM_HTTP_AT_FAULT)
        return 0;
    return is_size_begun(&b->body) && b->part->may_follow ? 0 : b->read;
}

size_t pm_http_blocks_plan(struct pm_rewriter *r, struct pm_passage *p, struct pm_half *half,
                           const struct pm_part *part, struct pm_http_half *own)
{
    struct blocks b = {.r = r, .p = p, .part = part, .own = own, .body = own->body};
    r->framing->step.next.is_open = own->is_open;
    if (own->body.at == PM_HTTP_AT_CHUNK_CR || own->body.at == PM_HTTP_AT_CHUNK_LF)
        return plan_crlf(r, p, part, own);
    if (own->is_fixed)
        return plan_same(own, part);
    read_part(&b);
    size_t len = 0;
    if (b.run_count == 0) {
        len = plan_around(&b);
        if (b.body.at == PM_HTTP_AT_FAULT)
            pm_http_over(r, own, PM_WHY_HTTP_CHUNK);
        return len;
    }
    size_t cut = cut_of(&b, half);
    return cut > 0 ? plan_chunk(&b, cut) : 0;
}
