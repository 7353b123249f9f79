/* impair.c - corrupting, truncating, duplicating and cutting what leaves; the contract is in
 * impair.h. */
#include "engine/impair.h"

#include <string.h>

#include "base/bytes.h"
#include "base/rng.h"
#include "edit/fixup.h"
#include "edit/refragment.h"
#include "engine/fragments.h"
#include "wire/ipv6ext.h"

#define TCP_SEQ      4
#define TCP_FLAGS    13
#define TCP_URGENT   18
#define IP4_ID       4
#define IP4_FLAGS    6
#define IP4_DF       0x4000u
#define CORRUPT_MOST 64

/* Which impairments were drawn for a packet; op NULL: not this one. */
struct chosen {
    const struct pm_op *op;
    uint64_t count; /* of the draw */
};

struct plan {
    struct chosen segment, truncate, corrupt, fragment, duplicate;
};

/* ------------------------------------------------------------------ chance */

static uint64_t draw(const struct pm_rewriter *r, const struct pm_passage *p,
                     const struct chosen *c, uint64_t further)
{
    const struct pm_rule *rule = &r->policy->rules[c->op->rule];
    uint64_t what = pm_rule_key_of_draws(r->policy, rule) + c->op->index + (further << 32);
    return pm_draw(r->config.seed + c->op->impair.seed, what, p->tracked.flow->hash, c->count);
}

static struct chosen *place_of(struct plan *plan, enum pm_op_kind kind)
{
    switch ((int)kind) {
    case PM_OP_SEGMENT:
        return &plan->segment;
    case PM_OP_TRUNCATE:
        return &plan->truncate;
    case PM_OP_CORRUPT:
        return &plan->corrupt;
    case PM_OP_FRAGMENT:
        return &plan->fragment;
    case PM_OP_DUPLICATE:
        return &plan->duplicate;
    default:
        return NULL;
    }
}

static void choose_rule(const struct pm_rewriter *r, const struct pm_passage *p, struct plan *plan,
                        const struct pm_rule *rule, uint64_t count)
{
    for (uint32_t i = 0; i < rule->op_count; i++) {
        struct chosen c = {.op = &r->policy->ops[rule->first_op + i], .count = count};
        struct chosen *place = place_of(plan, c.op->kind);
        if (place && draw(r, p, &c, 0) >> 32 < c.op->impair.probability)
            *place = c;
    }
}

/* False: none. `piece`: of what a segment becomes, from 1; 0: the packet itself. */
static bool choose(const struct pm_rewriter *r, const struct pm_passage *p, uint64_t piece,
                   struct plan *plan)
{
    uint64_t count = pm_rewriter_own(p)->left | piece << 40;
    *plan = (struct plan){.segment = {.op = NULL}};
    for (uint32_t i = 0; i < p->selection.count; i++) {
        const struct pm_rule *rule = &r->policy->rules[p->selection.rules[i]];
        if (rule->has_impair)
            choose_rule(r, p, plan, rule, count);
    }
    return plan->segment.op || plan->truncate.op || plan->corrupt.op || plan->fragment.op ||
           plan->duplicate.op;
}

/* ------------------------------------------------------------------ one packet */

/* A packet on its way out. */
struct leaving {
    struct pm_emitted *out;
    uint8_t *frame; /* out->data */
    struct pm_headers h;
};

static void read_anew(struct leaving *l)
{
    pm_headers_parse(l->out->link, l->frame, l->out->len, l->out->wire_len, &l->h);
}

static void note(struct pm_rewriter *r, struct pm_passage *p, struct pm_emitted *out,
                 const struct chosen *c, enum pm_why why)
{
    if (why == PM_WHY_IMPAIRED || out->why == PM_WHY_NONE)
        out->why = why;
    out->changed = p->is_impaired = true;
    out->header_rule = c->op->rule;
    pm_count_rule(r, p, c->op->rule);
}

static void truncate(struct pm_rewriter *r, struct pm_passage *p, struct leaving *l,
                     const struct chosen *c)
{
    if (!c->op || l->h.payload_len <= c->op->impair.amount)
        return;
    uint32_t stays = c->op->impair.amount;
    if (!c->op->impair.fix) {
        l->out->len = l->h.payload_off + stays;
    } else {
        if (l->h.ip_proto == PM_PROTO_TCP)
            l->frame[l->h.l4_off + TCP_FLAGS] &= (uint8_t) ~(PM_FIN | PM_PSH);
        l->out->len = pm_fixup_whole(&l->h, l->frame, stays);
        l->h.ip_len = (uint32_t)l->out->len - l->h.l3_off;
    }
    l->out->wire_len = l->out->len;
    l->h.payload_len = stays;
    l->h.end = (uint32_t)l->out->len;
    note(r, p, l->out, c, PM_WHY_IMPAIRED);
}

/* What changes loses its link's padding. */
static void trim(struct leaving *l)
{
    if (l->h.end < l->out->len)
        l->out->len = l->out->wire_len = l->h.end;
}

/* A bit that was not flipped yet: the drawn one, or the next that is free. */
static uint32_t free_bit(const uint32_t *flipped, uint32_t count, uint32_t bit, uint32_t bits)
{
    for (uint32_t i = 0; i < count; i++) {
        if (flipped[i] != bit)
            continue;
        bit = bit + 1 < bits ? bit + 1 : 0;
        i = UINT32_MAX; /* from the beginning */
    }
    return bit;
}

static void corrupt(struct pm_rewriter *r, struct pm_passage *p, struct leaving *l,
                    const struct chosen *c)
{
    uint32_t flipped[CORRUPT_MOST];
    uint32_t bits = l->h.payload_len * 8;
    if (!c->op || bits == 0)
        return;
    for (uint32_t i = 0; i < c->op->impair.amount && i < bits; i++) {
        uint32_t bit = (uint32_t)pm_draw_below(draw(r, p, c, i + 1), bits);
        flipped[i] = free_bit(flipped, i, bit, bits);
        l->frame[l->h.payload_off + flipped[i] / 8] ^= (uint8_t)(0x80u >> flipped[i] % 8);
    }
    bool has_no_sum = l->h.ip_proto == PM_PROTO_UDP && pm_get16(l->frame + l->h.l4_off + 6) == 0;
    bool is_whole = l->h.l3_off + l->h.ip_len == l->h.end;
    if (c->op->impair.fix && !has_no_sum && is_whole)
        pm_fixup_l4_sum(&l->h, l->frame, l->h.payload_len);
    trim(l);
    note(r, p, l->out, c, PM_WHY_IMPAIRED);
}

/* ------------------------------------------------------------------ fragments */

/* Behind the headers that every fragment must have (RFC 8200 section 4.5); 0: it has a fragment
 * header already. */
static uint32_t v6_head(const struct leaving *l)
{
    enum { HOP_BY_HOP = 0, ROUTING = 43, FRAGMENT = 44 };
    const uint8_t *l3 = l->frame + l->h.l3_off;
    uint32_t off = PM_IPV6_FIXED_LEN, head = off, end = l->h.l4_off - l->h.l3_off;
    uint8_t type = l3[6];
    while (off < end) {
        uint32_t len = (l3[off + 1] + 1u) * 8;
        if (type == FRAGMENT)
            return 0;
        if (type == HOP_BY_HOP || type == ROUTING)
            head = off + len;
        type = l3[off];
        off += len;
    }
    return head;
}

static bool may_fragment(struct pm_rewriter *r, const struct leaving *l)
{
    if (l->h.is_unmodifiable || l->h.has_no_length || l->h.is_fragment)
        return false;
    if (l->h.ip_version == 6)
        return v6_head(l) > 0;
    bool is_forbidden = pm_get16(l->frame + l->h.l3_off + IP4_FLAGS) & IP4_DF;
    if (is_forbidden)
        pm_count_why(r, PM_WHY_DONT_FRAGMENT);
    return !is_forbidden;
}

static void send_fragments(struct pm_rewriter *r, const struct leaving *l, uint32_t size,
                           bool is_reversed, const struct pm_fragment_header *v6)
{
    struct pm_refragment cut;
    struct pm_emitted piece = *l->out;
    pm_refragment_begin(&cut, l->frame, l->out->len, &l->h, v6, size);
    uint32_t count = (cut.total + cut.room - 1) / cut.room;
    for (uint32_t i = 0; i < count; i++) {
        cut.done = (is_reversed ? count - 1 - i : i) * cut.room;
        piece.data = r->piece;
        piece.len = piece.wire_len = pm_refragment_next(&cut, r->piece);
        piece.gso_len = 0;
        pm_emit_out(r, &piece);
        piece.part++;
        piece.notes = NULL;
        piece.note_count = piece.edit_count = 0;
    }
}

/* Datagrams that came as fragments leave no larger than those, whatever else was drawn. */
static uint32_t largest_of(const struct pm_passage *p)
{
    if (p->assembly)
        return p->assembly->datagram->largest;
    return p->cut_size > 0 ? p->cut_size : PM_IP_MAX;
}

static void leave(struct pm_rewriter *r, struct pm_passage *p, struct leaving *l,
                  const struct chosen *c)
{
    uint32_t ip_len = l->h.end - l->h.l3_off, size = largest_of(p);
    struct pm_fragment_header v6 = {.off = 0};
    bool is_own = ip_len > size;
    if (p->assembly)
        v6 = p->assembly->v6;
    if (c->op && c->op->impair.amount < size && ip_len > c->op->impair.amount &&
        (is_own || may_fragment(r, l))) {
        size = c->op->impair.amount;
        note(r, p, l->out, c, PM_WHY_IMPAIRED);
        if (l->h.ip_version == 6 && !p->assembly)
            v6 = (struct pm_fragment_header){v6_head(l), (uint32_t)draw(r, p, c, 1)};
    }
    if (ip_len > size)
        trim(l);
    if (ip_len > size)
        send_fragments(r, l, size, c->op && c->op->impair.is_reversed, &v6);
    else
        pm_emit_out(r, l->out);
}

static void leave_often(struct pm_rewriter *r, struct pm_passage *p, struct leaving *l,
                        const struct plan *plan)
{
    leave(r, p, l, &plan->fragment);
    if (!plan->duplicate.op)
        return;
    note(r, p, l->out, &plan->duplicate, PM_WHY_IMPAIRED);
    l->out->notes = NULL;
    l->out->note_count = l->out->edit_count = 0;
    for (uint32_t i = 0; i < plan->duplicate.op->impair.amount; i++)
        leave(r, p, l, &plan->fragment);
}

/* Whether bytes and numbers of it are what they seem. */
static bool is_sound(struct pm_rewriter *r, struct pm_passage *p, const struct leaving *l)
{
    return l->h.parse == PM_PARSE_L4 && !l->h.is_truncated && !l->h.is_fragment &&
           !l->h.is_unmodifiable && (l->frame != p->buffer || pm_packet_sum(r, p) != PM_SUM_WRONG);
}

static void finish(struct pm_rewriter *r, struct pm_passage *p, struct leaving *l,
                   const struct plan *plan)
{
    read_anew(l);
    struct plan rest = *plan;
    if (!is_sound(r, p, l))
        rest.truncate.op = rest.corrupt.op = rest.fragment.op = NULL;
    truncate(r, p, l, &rest.truncate);
    corrupt(r, p, l, &rest.corrupt);
    leave_often(r, p, l, &rest);
}

/* ------------------------------------------------------------------ segments */

/* The piece that begins `off` bytes into the payload, as the packet's sender would have made it. */
static size_t write_segment(struct pm_rewriter *r, const struct leaving *l, uint32_t off,
                            uint32_t len)
{
    const struct pm_headers *h = &l->h;
    uint8_t *tcp = r->cut + h->l4_off, *ip = r->cut + h->l3_off;
    bool is_last = off + len == h->payload_len;
    memcpy(r->cut, l->frame, h->payload_off);
    memcpy(r->cut + h->payload_off, l->frame + h->payload_off + off, len);
    uint32_t begin = off + (off > 0 && (h->tcp_flags & PM_SYN) ? 1 : 0);
    pm_put32(tcp + TCP_SEQ, pm_get32(tcp + TCP_SEQ) + begin);
    if (off > 0)
        tcp[TCP_FLAGS] &= (uint8_t) ~(PM_SYN | PM_CWR);
    if (!is_last)
        tcp[TCP_FLAGS] &= (uint8_t) ~(PM_FIN | PM_PSH);
    uint16_t urgent = pm_get16(tcp + TCP_URGENT);
    if ((tcp[TCP_FLAGS] & PM_URG) && urgent <= off)
        tcp[TCP_FLAGS] &= (uint8_t)~PM_URG;
    pm_put16(tcp + TCP_URGENT, urgent > off ? (uint16_t)(urgent - off) : 0);
    if (off > 0 && h->ip_version == 4)
        pm_put16(ip + IP4_ID, (uint16_t)(pm_get16(ip + IP4_ID) + 0x4000u + off));
    return pm_fixup_whole(h, r->cut, len);
}

static uint32_t segment_size(const struct leaving *l, const struct plan *plan)
{
    uint32_t most = PM_IP_MAX - (l->h.payload_off - l->h.l3_off);
    uint32_t size = plan->segment.op->impair.amount;
    return size < most ? size : most;
}

static void send_segments(struct pm_rewriter *r, struct pm_passage *p, struct leaving *l,
                          const struct plan *plan)
{
    struct plan of_piece;
    uint64_t pieces = 0;
    uint32_t size = segment_size(l, plan);
    struct pm_emitted out = *l->out;
    note(r, p, &out, &plan->segment, PM_WHY_EDITED);
    out.gso_len = 0;
    for (uint32_t off = 0; off < l->h.payload_len; off += size) {
        uint32_t left = l->h.payload_len - off;
        struct pm_emitted piece = out;
        piece.data = r->cut;
        piece.len = piece.wire_len = write_segment(r, l, off, left < size ? left : size);
        struct leaving one = {.out = &piece, .frame = r->cut};
        choose(r, p, ++pieces, &of_piece);
        finish(r, p, &one, &of_piece);
        out.part++;
        out.notes = NULL;
        out.note_count = out.edit_count = 0;
    }
}

static bool is_cuttable(struct pm_rewriter *r, struct pm_passage *p, const struct leaving *l,
                        const struct plan *plan)
{
    return plan->segment.op && is_sound(r, p, l) && l->h.ip_proto == PM_PROTO_TCP &&
           !(l->h.tcp_flags & PM_RST) && l->h.payload_off <= PM_LINK_ROOM &&
           l->h.payload_len > segment_size(l, plan);
}

/* Whether anything of the plan can be done to the packet. */
static bool is_applicable(struct pm_rewriter *r, struct pm_passage *p, const struct leaving *l,
                          const struct plan *plan)
{
    if (plan->duplicate.op || is_cuttable(r, p, l, plan))
        return true;
    if (!is_sound(r, p, l))
        return false;
    uint32_t ip_len = l->h.end - l->h.l3_off;
    return (plan->truncate.op && l->h.payload_len > plan->truncate.op->impair.amount) ||
           (plan->corrupt.op && l->h.payload_len > 0) ||
           (plan->fragment.op && plan->fragment.op->impair.amount < largest_of(p) &&
            ip_len > plan->fragment.op->impair.amount);
}

bool pm_impair_send(struct pm_rewriter *r, struct pm_passage *p, struct pm_emitted *out,
                    uint8_t *frame)
{
    struct plan plan;
    struct leaving l = {.out = out, .frame = frame};
    if (!r->cut || !p->selection.has_more || !p->is_shown_rewritten || !choose(r, p, 0, &plan))
        return false;
    bool was_changed = out->changed;
    if (frame == p->buffer)
        pm_packet_sum(r, p);
    read_anew(&l);
    if (!is_applicable(r, p, &l, &plan))
        return false;
    if (p->assembly)
        p->assembly->is_sent = true;
    p->is_impaired = false;
    if (is_cuttable(r, p, &l, &plan))
        send_segments(r, p, &l, &plan);
    else
        finish(r, p, &l, &plan);
    if (p->is_impaired)
        pm_count_why(r, PM_WHY_IMPAIRED);
    if (p->is_impaired && !was_changed && !p->is_late)
        r->stats.changed++;
    return true;
}
