/* box.c - conditions as boxes: what follows from what, and operations on them. */
#include "box.h"

#include <string.h>

/* ------------------------------------------------------------------ sides */

enum layer { LINK, IP, IPV4, IPV6, TCP, UDP, ICMP };

static enum layer layer_of(unsigned side)
{
    if (side == SIDE_SRC6 || side == SIDE_DST6 || side == PM_FIELD_IPV6_FLOW)
        return IPV6;
    if (side == PM_FIELD_IP_SRC || side == PM_FIELD_IP_DST || side == PM_FIELD_IP_ID ||
        side == PM_FIELD_IP_DF || side == PM_FIELD_IP_MF)
        return IPV4;
    if ((side >= PM_FIELD_TCP_SRCPORT && side <= PM_FIELD_TCP_LEN) || side == PM_FIELD_STREAM)
        return TCP;
    if (side >= PM_FIELD_UDP_SRCPORT && side <= PM_FIELD_UDP_LENGTH)
        return UDP;
    if (side >= PM_FIELD_ICMP_TYPE && side <= PM_FIELD_ICMP_SEQ)
        return ICMP;
    if ((side >= PM_FIELD_IP_VERSION && side <= PM_FIELD_IP_LEN) || side == PM_FIELD_PAYLOAD)
        return IP;
    return LINK; /* or not known to belong to one */
}

/* A packet of the layer has the field. */
static bool is_always_there(unsigned side)
{
    return side != PM_FIELD_TCP_MSS && side != PM_FIELD_STREAM && side != PM_FIELD_ICMP_IDENT &&
           side != PM_FIELD_ICMP_SEQ && side != PM_FIELD_PAYLOAD && layer_of(side) != LINK;
}

struct number pmr_box_most(unsigned side)
{
    if (side == SIDE_SRC6 || side == SIDE_DST6)
        return pmr_number_most(128);
    if (side == PM_FIELD_IP_SRC || side == PM_FIELD_IP_DST || side == PM_FIELD_INTERFACE)
        return pmr_number_most(32);
    if (side == PM_FIELD_ETH_SRC || side == PM_FIELD_ETH_DST)
        return pmr_number_most(48);
    uint32_t max = pm_field_info((enum pm_field)side)->max;
    return pmr_number(max == 0 ? 1 : max);
}

const struct numbers *pmr_box_whole(struct geometry *g, unsigned side, bool may_miss)
{
    struct interval all = {.lo = {0, 0}, .hi = pmr_box_most(side)};

    return pmr_numbers_of(&g->pool, g->memory, &all, 1, may_miss);
}

/* ------------------------------------------------------------------ what follows */

static bool is_possible(const struct box *box, enum layer layer)
{
    switch (layer) {
    case LINK:
        return true;
    case IP:
        return (box->ip & (BOX_V4 | BOX_V6)) != 0;
    case IPV4:
        return (box->ip & BOX_V4) != 0;
    case IPV6:
        return (box->ip & BOX_V6) != 0;
    case TCP:
        return (box->l4 & BOX_TCP) != 0;
    case UDP:
        return (box->l4 & BOX_UDP) != 0;
    case ICMP:
        return (box->l4 & BOX_ICMP) != 0;
    }
    return true;
}

static bool is_certain(const struct box *box, enum layer layer)
{
    switch (layer) {
    case LINK:
        return false;
    case IP:
        return (box->ip & BOX_NO_IP) == 0;
    case IPV4:
        return box->ip == BOX_V4;
    case IPV6:
        return box->ip == BOX_V6;
    case TCP:
        return box->l4 == BOX_TCP;
    case UDP:
        return box->l4 == BOX_UDP;
    case ICMP:
        return box->l4 == BOX_ICMP;
    }
    return false;
}

/* The packet has the layer. */
static void require(struct box *box, enum layer layer)
{
    switch (layer) {
    case LINK:
        return;
    case IP:
        box->ip &= BOX_V4 | BOX_V6;
        return;
    case IPV4:
        box->ip &= BOX_V4;
        return;
    case IPV6:
        box->ip &= BOX_V6;
        return;
    case TCP:
        box->l4 &= BOX_TCP;
        return;
    case UDP:
        box->l4 &= BOX_UDP;
        return;
    case ICMP:
        box->l4 &= BOX_ICMP;
        return;
    }
}

void pmr_box_require(struct box *box, unsigned side)
{
    require(box, layer_of(side));
}

static void exclude(struct box *box, enum layer layer)
{
    switch (layer) {
    case LINK:
        return;
    case IP:
        box->ip &= BOX_NO_IP;
        return;
    case IPV4:
        box->ip &= (uint8_t)~BOX_V4;
        return;
    case IPV6:
        box->ip &= (uint8_t)~BOX_V6;
        return;
    case TCP:
        box->l4 &= (uint8_t)~BOX_TCP;
        return;
    case UDP:
        box->l4 &= (uint8_t)~BOX_UDP;
        return;
    case ICMP:
        box->l4 &= (uint8_t)~BOX_ICMP;
        return;
    }
}

static bool has(const struct numbers *n, unsigned number)
{
    return pmr_numbers_have(n, pmr_number(number));
}

static void follow_version(struct box *box)
{
    const struct numbers *version = box->sides[PM_FIELD_IP_VERSION];

    if (version != NULL && !has(version, 4))
        exclude(box, IPV4);
    if (version != NULL && !has(version, 6))
        exclude(box, IPV6);
}

static void follow_proto(struct box *box)
{
    const struct numbers *proto = box->sides[PM_FIELD_IP_PROTO];
    bool icmp4 = (box->ip & BOX_V4) != 0 && (proto == NULL || has(proto, 1));
    bool icmp6 = (box->ip & BOX_V6) != 0 && (proto == NULL || has(proto, 58));

    if (proto != NULL && !has(proto, 6))
        exclude(box, TCP);
    if (proto != NULL && !has(proto, 17))
        exclude(box, UDP);
    if (!icmp4 && !icmp6)
        exclude(box, ICMP);
    if (box->l4 == BOX_ICMP && !icmp4)
        exclude(box, IPV4);
    if (box->l4 == BOX_ICMP && !icmp6)
        exclude(box, IPV6);
    if (box->ip == BOX_NO_IP)
        box->l4 &= BOX_NO_L4;
    if ((box->l4 & BOX_NO_L4) == 0)
        require(box, IP);
}

/* Narrows ip and l4 by the sides. */
static void follow(struct box *box)
{
    for (unsigned side = 0; side < SIDE_COUNT; side++) {
        const struct numbers *n = box->sides[side];

        if (n != NULL && !n->may_miss)
            require(box, layer_of(side));
        if (n != NULL && n->count == 0 && is_always_there(side))
            exclude(box, layer_of(side));
    }
    follow_version(box);
    follow_proto(box);
}

static const struct numbers *protocols(struct geometry *g, const struct box *box)
{
    struct interval at[4];
    size_t count = 0;

    if ((box->l4 & BOX_NO_L4) != 0)
        return pmr_box_whole(g, PM_FIELD_IP_PROTO, false);
    if ((box->l4 & BOX_TCP) != 0)
        at[count++] = (struct interval){pmr_number(6), pmr_number(6)};
    if ((box->l4 & BOX_UDP) != 0)
        at[count++] = (struct interval){pmr_number(17), pmr_number(17)};
    if ((box->l4 & BOX_ICMP) != 0 && (box->ip & BOX_V4) != 0)
        at[count++] = (struct interval){pmr_number(1), pmr_number(1)};
    if ((box->l4 & BOX_ICMP) != 0 && (box->ip & BOX_V6) != 0)
        at[count++] = (struct interval){pmr_number(58), pmr_number(58)};
    return pmr_numbers_of(&g->pool, g->memory, at, count, false);
}

/* What the side may be by ip and l4 alone. */
static const struct numbers *usual(struct geometry *g, const struct box *box, unsigned side)
{
    enum layer layer = layer_of(side);
    bool may_miss = !is_certain(box, layer) || !is_always_there(side);

    if (side == PM_FIELD_IP_PROTO && is_certain(box, IP))
        return protocols(g, box);
    if (side == PM_FIELD_IP_VERSION && is_certain(box, IP)) {
        struct interval at[2] = {{{0, 4}, {0, 4}}, {{0, 6}, {0, 6}}};
        bool v4 = (box->ip & BOX_V4) != 0, v6 = (box->ip & BOX_V6) != 0;

        return pmr_numbers_of(&g->pool, g->memory, v4 ? at : at + 1, (size_t)v4 + v6, false);
    }
    if (!is_possible(box, layer))
        return pmr_numbers_of(&g->pool, g->memory, NULL, 0, true);
    return pmr_box_whole(g, side, may_miss);
}

const struct numbers *pmr_box_side(struct geometry *g, const struct box *box, unsigned side)
{
    const struct numbers *known = usual(g, box, side);

    if (known == NULL || box->sides[side] == NULL)
        return known;
    return pmr_numbers_and(&g->pool, g->memory, box->sides[side], known);
}

/* Draws the conclusions. False: nothing is in the box. */
bool pmr_box_settle(struct geometry *g, struct box *box)
{
    follow(box);
    follow(box); /* what ICMP says of the version, and the other way round */
    if (box->ip == 0 || box->l4 == 0)
        return false;
    for (unsigned side = 0; side < SIDE_COUNT; side++) {
        const struct numbers *n;

        if (box->sides[side] == NULL)
            continue;
        n = pmr_box_side(g, box, side);
        if (n != NULL && pmr_numbers_is_empty(n))
            return false;
        box->sides[side] = n == NULL ? box->sides[side] : n;
    }
    return true;
}

/* ------------------------------------------------------------------ operations */

/* False: it is there with the other sign, or there are too many (*full). */
static bool add_atom(struct box *box, int32_t atom, bool *full)
{
    for (uint32_t i = 0; i < box->atom_count; i++) {
        if (box->atoms[i] == atom)
            return true;
        if (box->atoms[i] == -atom)
            return false;
    }
    if (box->atom_count == PMR_BOX_ATOMS) {
        *full = true;
        return false;
    }
    box->atoms[box->atom_count++] = atom;
    return true;
}

/* One comparison more; false: there have been enough. */
static bool spend(struct geometry *g)
{
    if (g->work == 0)
        return false;
    g->work--;
    return true;
}

bool pmr_box_join(struct geometry *g, const struct box *a, const struct box *b, struct box *out,
                  bool *is_unknown)
{
    *out = *a;
    if (!spend(g)) {
        *is_unknown = true;
        return false;
    }
    out->ip &= b->ip;
    out->l4 &= b->l4;
    for (unsigned side = 0; side < SIDE_COUNT; side++) {
        if (b->sides[side] == NULL)
            continue;
        out->sides[side] = a->sides[side] == NULL ? b->sides[side]
                                                  : pmr_numbers_and(&g->pool, g->memory,
                                                                    a->sides[side], b->sides[side]);
        if (out->sides[side] == NULL) {
            *is_unknown = true;
            return false;
        }
    }
    for (uint32_t i = 0; i < b->atom_count; i++)
        if (!add_atom(out, b->atoms[i], is_unknown))
            return false;
    return pmr_box_settle(g, out);
}

bool pmr_box_and(struct geometry *g, const struct box *a, const struct box *b, struct box *out)
{
    bool is_unknown = false;

    return pmr_box_join(g, a, b, out, &is_unknown);
}

bool pmr_box_within(struct geometry *g, const struct box *a, const struct box *b)
{
    if (!spend(g))
        return false;
    for (unsigned side = 0; side < SIDE_COUNT; side++) {
        const struct numbers *n;

        if (b->sides[side] == NULL)
            continue;
        n = pmr_box_side(g, a, side);
        if (n == NULL || !pmr_numbers_within(n, b->sides[side]))
            return false;
    }
    for (uint32_t i = 0; i < b->atom_count; i++) {
        bool found = false;

        for (uint32_t j = 0; j < a->atom_count; j++)
            found = found || a->atoms[j] == b->atoms[i];
        if (!found)
            return false;
    }
    return true;
}

bool pmr_boxes_within(struct geometry *g, const struct boxes *a, const struct boxes *b)
{
    if (a->is_unknown || b->is_unknown)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        bool found = false;

        for (size_t j = 0; j < b->count && !found; j++)
            found = pmr_box_within(g, &a->at[i], &b->at[j]);
        if (!found)
            return false;
    }
    return true;
}

void pmr_boxes_add(struct memory *scratch, struct boxes *boxes, const struct box *box)
{
    struct box *grown;

    if (boxes->is_unknown || boxes->count == PMR_BOXES_MAX) {
        boxes->is_unknown = true;
        return;
    }
    grown = pmr_memory_grow(scratch, boxes->at, boxes->count, &boxes->cap, sizeof *grown);
    if (grown == NULL) {
        boxes->is_unknown = true;
        return;
    }
    boxes->at = grown;
    boxes->at[boxes->count++] = *box;
}

/* Side after side: what is outside of b on this one, and inside on those before it. */
void pmr_box_minus(struct geometry *g, struct memory *scratch, const struct box *a,
                   const struct box *b, struct boxes *out)
{
    struct box rest = *a;

    if (!spend(g)) {
        out->is_unknown = true;
        return;
    }
    for (unsigned side = 0; side < SIDE_COUNT; side++) {
        const struct numbers *n, *left;
        struct box piece = rest;

        if (b->sides[side] == NULL)
            continue;
        n = pmr_box_side(g, &rest, side);
        left = n == NULL ? NULL : pmr_numbers_minus(&g->pool, g->memory, n, b->sides[side]);
        if (left == NULL) {
            out->is_unknown = true;
            return;
        }
        piece.sides[side] = left;
        if (!pmr_numbers_is_empty(left) && pmr_box_settle(g, &piece))
            pmr_boxes_add(scratch, out, &piece);
        rest.sides[side] = pmr_numbers_and(&g->pool, g->memory, n, b->sides[side]);
        if (rest.sides[side] == NULL) {
            out->is_unknown = true;
            return;
        }
        if (pmr_numbers_is_empty(rest.sides[side]) || !pmr_box_settle(g, &rest))
            return;
    }
    for (uint32_t i = 0; i < b->atom_count; i++) {
        struct box piece = rest;

        if (add_atom(&piece, -b->atoms[i], &out->is_unknown))
            pmr_boxes_add(scratch, out, &piece);
        if (!add_atom(&rest, b->atoms[i], &out->is_unknown))
            return;
    }
}
