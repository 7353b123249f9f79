/* pending.c - received and undecided bytes; the contract is in pending.h. */
#include "stream/pending.h"

#include <string.h>

#define PIECE_BYTES 2032

struct piece {
    uint64_t o;
    uint32_t len, next;
    uint8_t bytes[PIECE_BYTES];
};

static struct piece *at(const struct pm_pool *pieces, uint32_t index)
{
    return pm_pool_at(pieces, index);
}

static uint32_t pieces_for(size_t bytes)
{
    size_t count = bytes / PIECE_BYTES + 1;
    return count < PM_NIL ? (uint32_t)count : PM_NIL - 1;
}

size_t pm_pending_footprint(size_t bytes)
{
    return pm_pool_footprint(sizeof(struct piece), pieces_for(bytes));
}

bool pm_pending_store_init(struct pm_pool *pieces, size_t bytes)
{
    return pm_pool_init(pieces, sizeof(struct piece), pieces_for(bytes));
}

void pm_pending_begin(struct pm_pending *p)
{
    p->first = PM_NIL;
    p->bytes = 0;
}

void pm_pending_clear(struct pm_pending *p, struct pm_pool *pieces)
{
    while (p->first != PM_NIL) {
        uint32_t next = at(pieces, p->first)->next;
        pm_pool_put(pieces, p->first);
        p->first = next;
    }
    p->bytes = 0;
}

/* A stretch of bytes on its way in. */
struct stretch {
    uint64_t o;
    const uint8_t *bytes;
    size_t len;
};

static void step(struct stretch *s, size_t n)
{
    s->o += n;
    s->bytes += n;
    s->len -= n;
}

/* Fills up the piece before the stretch, if it ends just there. */
static void append(struct pm_pending *p, struct piece *before, struct stretch *s)
{
    if (!before || before->o + before->len != s->o)
        return;
    size_t n = PIECE_BYTES - before->len < s->len ? PIECE_BYTES - before->len : s->len;
    memcpy(before->bytes + before->len, s->bytes, n);
    before->len += (uint32_t)n;
    p->bytes += (uint32_t)n;
    step(s, n);
}

/* Puts new pieces behind the link; answers the link behind them, NULL without room. */
static uint32_t *insert(struct pm_pending *p, struct pm_pool *pieces, uint32_t *link,
                        struct stretch *s)
{
    while (s->len > 0) {
        uint32_t index = pm_pool_take(pieces);
        if (index == PM_NIL)
            return NULL;
        struct piece *piece = at(pieces, index);
        size_t n = s->len < PIECE_BYTES ? s->len : PIECE_BYTES;
        piece->o = s->o;
        piece->len = (uint32_t)n;
        piece->next = *link;
        memcpy(piece->bytes, s->bytes, n);
        *link = index;
        link = &piece->next;
        p->bytes += (uint32_t)n;
        step(s, n);
    }
    return link;
}

bool pm_pending_put(struct pm_pending *p, struct pm_pool *pieces, uint64_t o, const uint8_t *bytes,
                    size_t len)
{
    struct stretch rest = {o, bytes, len};
    struct piece *before = NULL;
    uint32_t *link = &p->first;
    while (link && rest.len > 0) {
        struct piece *next = *link == PM_NIL ? NULL : at(pieces, *link);
        if (next && next->o <= rest.o) {
            uint64_t end = next->o + next->len;
            if (end > rest.o) /* is there already */
                step(&rest, end - rest.o < rest.len ? (size_t)(end - rest.o) : rest.len);
            before = next;
            link = &next->next;
            continue;
        }
        struct stretch free = rest;
        if (next && next->o - rest.o < rest.len)
            free.len = (size_t)(next->o - rest.o);
        step(&rest, free.len);
        append(p, before, &free);
        link = insert(p, pieces, link, &free);
        before = NULL;
    }
    return link;
}

size_t pm_pending_run(const struct pm_pending *p, const struct pm_pool *pieces, uint64_t o,
                      uint8_t *out, size_t cap)
{
    size_t got = 0;
    for (uint32_t index = p->first; index != PM_NIL && got < cap;) {
        const struct piece *piece = at(pieces, index);
        uint64_t want = o + got;
        if (piece->o > want)
            break;
        if (piece->o + piece->len > want) {
            size_t skip = (size_t)(want - piece->o);
            size_t n = piece->len - skip < cap - got ? piece->len - skip : cap - got;
            memcpy(out + got, piece->bytes + skip, n);
            got += n;
        }
        index = piece->next;
    }
    return got;
}

bool pm_pending_agrees(const struct pm_pending *p, const struct pm_pool *pieces, uint64_t o,
                       const uint8_t *bytes, size_t len)
{
    for (uint32_t index = p->first; index != PM_NIL; index = at(pieces, index)->next) {
        const struct piece *piece = at(pieces, index);
        uint64_t begin = piece->o > o ? piece->o : o, end = piece->o + piece->len;
        end = end < o + len ? end : o + len;
        if (piece->o >= o + len)
            break;
        if (begin < end && memcmp(piece->bytes + (begin - piece->o), bytes + (begin - o),
                                  (size_t)(end - begin)) != 0)
            return false;
    }
    return true;
}

void pm_pending_drop(struct pm_pending *p, struct pm_pool *pieces, uint64_t o)
{
    while (p->first != PM_NIL) {
        struct piece *piece = at(pieces, p->first);
        if (piece->o >= o)
            return;
        uint64_t end = piece->o + piece->len;
        if (end > o) {
            uint32_t cut = (uint32_t)(o - piece->o);
            memmove(piece->bytes, piece->bytes + cut, piece->len - cut);
            piece->o = o;
            piece->len -= cut;
            p->bytes -= cut;
            return;
        }
        uint32_t next = piece->next;
        p->bytes -= piece->len;
        pm_pool_put(pieces, p->first);
        p->first = next;
    }
}

uint64_t pm_pending_next(const struct pm_pending *p, const struct pm_pool *pieces, uint64_t o)
{
    for (uint32_t index = p->first; index != PM_NIL; index = at(pieces, index)->next) {
        const struct piece *piece = at(pieces, index);
        if (piece->o + piece->len > o)
            return piece->o > o ? piece->o : o;
    }
    return UINT64_MAX;
}

bool pm_pending_shorten(struct pm_pending *p, struct pm_pool *pieces, uint64_t o)
{
    uint32_t *link = &p->first;
    if (*link == PM_NIL)
        return false;
    while (at(pieces, *link)->next != PM_NIL)
        link = &at(pieces, *link)->next;
    uint32_t last = *link;
    if (at(pieces, last)->o < o)
        return false;
    *link = PM_NIL;
    p->bytes -= at(pieces, last)->len;
    pm_pool_put(pieces, last);
    return true;
}

uint32_t pm_pending_stretches(const struct pm_pending *p, const struct pm_pool *pieces, uint64_t o,
                              struct pm_stretch *out, uint32_t max)
{
    uint32_t count = 0;
    for (uint32_t i = p->first; i != PM_NIL; i = at(pieces, i)->next) {
        const struct piece *piece = at(pieces, i);
        if (piece->o + piece->len <= o)
            continue;
        if (count > 0 && out[count - 1].end == piece->o)
            out[count - 1].end += piece->len;
        else if (count < max)
            out[count++] = (struct pm_stretch){piece->o, piece->o + piece->len};
        else
            break;
    }
    return count;
}
