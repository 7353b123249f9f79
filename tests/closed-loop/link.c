/* link.c - what happens to packets on their way; the contract is in link.h. */
#include "link.h"

#include <stdlib.h>
#include <string.h>

#define MERGE_NS  50000 /* arrivals so close may be merged */
#define MERGE_MAX 60000

void links_begin(struct links *l, const struct plan *plan)
{
    *l = (struct links){.dice = dice_make(plan->seed, 7), .merges = plan->merges};
    l->config[LINK_A_TO_M] = plan->to_m[PLAN_A];
    l->config[LINK_M_TO_A] = plan->from_m[PLAN_A];
    l->config[LINK_B_TO_M] = plan->to_m[PLAN_B];
    l->config[LINK_M_TO_B] = plan->from_m[PLAN_B];
}

void links_end(struct links *l)
{
    for (size_t i = 0; i < l->count; i++)
        free(l->heap[i]);
    free(l->heap);
    *l = (struct links){0};
}

/* ------------------------------------------------------------------ the queue */

static bool is_before(const struct parcel *a, const struct parcel *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

static void push(struct links *l, struct parcel *p)
{
    if (l->count == l->cap) {
        l->cap = l->cap * 2 + 64;
        l->heap = realloc(l->heap, l->cap * sizeof *l->heap);
        if (!l->heap)
            abort();
    }
    size_t at = l->count++;
    while (at > 0 && is_before(p, l->heap[(at - 1) / 2])) {
        l->heap[at] = l->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    l->heap[at] = p;
}

static struct parcel *pop(struct links *l)
{
    struct parcel *top = l->heap[0], *last = l->heap[--l->count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child + 1 < l->count && is_before(l->heap[child + 1], l->heap[child]))
            child++;
        if (child >= l->count || is_before(last, l->heap[child]))
            break;
        l->heap[at] = l->heap[child];
        at = child;
    }
    l->heap[at] = last;
    return top;
}

uint64_t links_next_ns(const struct links *l)
{
    return l->count > 0 ? l->heap[0]->at_ns : UINT64_MAX;
}

/* ------------------------------------------------------------------ the way */

static uint64_t arrival(struct links *l, enum link_way way, uint64_t now_ns)
{
    const struct plan_link *c = &l->config[way];
    uint64_t at = now_ns + c->delay_ns;
    bool is_late = c->jitter_ns > 0 && (!c->is_rarely_jittered || dice_percent(&l->dice, 10));
    if (is_late)
        return at + dice_below(&l->dice, c->jitter_ns);
    if (at < l->last_ns[way])
        at = l->last_ns[way];
    l->last_ns[way] = at;
    return at;
}

static bool happens(struct links *l, uint32_t per_thousand)
{
    return per_thousand > 0 && dice_below(&l->dice, 1000) < per_thousand;
}

/* Any byte that a checksum covers; IPv6 leaves its first four and the hop limit alone. */
static size_t draw_victim(struct links *l, const uint8_t *packet, size_t len)
{
    size_t at = dice_below(&l->dice, len);
    return packet[0] >> 4 == 6 && (at < 4 || at == 7) ? 5 : at;
}

static void carry(struct links *l, enum link_way way, uint64_t now_ns, const uint8_t *packet,
                  size_t len)
{
    const struct plan_link *c = &l->config[way];
    if (happens(l, c->loss) || now_ns - c->outage_at_ns < c->outage_ns) {
        l->lost++;
        return;
    }
    struct parcel *p = malloc(sizeof *p + len);
    if (!p)
        abort();
    *p = (struct parcel){
        .at_ns = arrival(l, way, now_ns), .order = l->orders++, .way = way, .len = len};
    memcpy(p->bytes, packet, len);
    if (happens(l, c->corrupt)) {
        p->bytes[draw_victim(l, packet, len)] ^= (uint8_t)dice_range(&l->dice, 1, 255);
        l->corrupted++;
    }
    push(l, p);
}

/* A middlebox cuts the segment in two. */
static void carry_split(struct links *l, enum link_way way, uint64_t now_ns,
                        const struct wire_segment *s)
{
    uint8_t packet[WIRE_MAX];
    struct wire_segment part = *s;
    size_t first = dice_range(&l->dice, 1, s->len - 1);
    part.len = first;
    part.flags &= (uint8_t) ~(WIRE_FIN | WIRE_PSH);
    carry(l, way, now_ns, packet, wire_build(&part, packet));
    part = *s;
    part.data = s->data + first;
    part.len = s->len - first;
    part.seq += (uint32_t)first;
    carry(l, way, now_ns, packet, wire_build(&part, packet));
}

void links_put(struct links *l, enum link_way way, uint64_t now_ns, const uint8_t *packet,
               size_t len)
{
    const struct plan_link *c = &l->config[way];
    struct wire_segment s;
    if (happens(l, c->split) && wire_read(packet, len, &s) == WIRE_OK && s.len > 1 &&
        !(s.flags & WIRE_SYN))
        carry_split(l, way, now_ns, &s);
    else
        carry(l, way, now_ns, packet, len);
    if (happens(l, c->repeat))
        carry(l, way, now_ns, packet, len);
}

/* ------------------------------------------------------------------ merging */

static bool may_follow(const struct wire_segment *a, const struct wire_segment *b, size_t gso_len)
{
    return b->seq == a->seq + (uint32_t)a->len && a->len > 0 && b->len > 0 && b->len <= gso_len &&
           a->len % gso_len == 0 && a->ack == b->ack && a->window == b->window &&
           a->flags == WIRE_ACK && (b->flags & ~(WIRE_PSH | WIRE_FIN)) == WIRE_ACK &&
           a->has_ts == b->has_ts && a->tsval == b->tsval && a->tsecr == b->tsecr &&
           a->sack_count == 0 && b->sack_count == 0 && a->len + b->len <= MERGE_MAX;
}

static struct parcel *merged(struct parcel *first, const struct wire_segment *a,
                             const struct wire_segment *b, uint16_t gso_len)
{
    struct wire_segment s = *a;
    struct parcel *p = malloc(sizeof *p + WIRE_MAX);
    if (!p)
        abort();
    *p = *first;
    uint8_t *data = p->bytes + a->header_len;
    memcpy(data, a->data, a->len);
    memcpy(data + a->len, b->data, b->len);
    s.data = data;
    s.len = a->len + b->len;
    s.flags = b->flags;
    p->len = wire_build(&s, p->bytes);
    p->gso_len = gso_len;
    free(first);
    return p;
}

struct parcel *links_take(struct links *l)
{
    struct parcel *p = pop(l);
    bool to_m = p->way == LINK_A_TO_M || p->way == LINK_B_TO_M;
    while (l->merges && to_m && l->count > 0 && l->heap[0]->way == p->way &&
           l->heap[0]->at_ns <= p->at_ns + MERGE_NS) {
        struct wire_segment a, b;
        struct parcel *next = l->heap[0];
        if (wire_read(p->bytes, p->len, &a) != WIRE_OK ||
            wire_read(next->bytes, next->len, &b) != WIRE_OK)
            break;
        uint16_t gso_len = p->gso_len ? p->gso_len : (uint16_t)a.len;
        if (a.len == 0 || !may_follow(&a, &b, gso_len))
            break;
        p = merged(p, &a, &b, gso_len);
        free(pop(l));
    }
    return p;
}
