/* box.h - conditions as boxes: for each field, the values it may have.
 *
 *     { "ip.proto": 6, "tcp.dstport": [80, "8000-8100"] }    one box
 *     { "tcp.port": 80 }                                     two: srcport 80; dstport 80
 *
 * A condition is the union of its boxes. Only fields with one value are sides of a box; those with
 * two (ip.addr, tcp.port) become several boxes, and parts of others (tcp.flags.syn, dscp) values of
 * the whole. An address is IPv4 or IPv6: two sides, one of which is missing. What is no number (a
 * payload, a BPF expression, a VLAN of many) is an atom, which is equal only to itself.
 *
 * Beside its sides a box knows what follows from them: that a TCP port means TCP, and so no UDP
 * port.
 */
#ifndef PMR_BOX_H
#define PMR_BOX_H

#include "symbol.h"

enum { SIDE_SRC6 = PM_FIELD_COUNT, SIDE_DST6, SIDE_COUNT };

enum { BOX_V4 = 1, BOX_V6 = 2, BOX_NO_IP = 4 };
enum { BOX_TCP = 1, BOX_UDP = 2, BOX_ICMP = 4, BOX_NO_L4 = 8 };

#define PMR_BOX_ATOMS  8u
#define PMR_BOXES_MAX  64u   /* of one condition; one with more is not understood */
#define PMR_SET_VALUES 4096u /* of a larger set lint knows only that it is one */

struct box {
    const struct numbers *sides[SIDE_COUNT]; /* NULL: anything, or missing */
    int32_t atoms[PMR_BOX_ATOMS];            /* number of the atom from 1, negative: it is false */
    uint32_t atom_count;
    uint8_t ip, l4; /* what it may be, bits of BOX_ */
};

struct boxes {
    struct box *at;
    size_t count, cap;
    bool is_unknown; /* too many, or something is not understood: says nothing then */
};

struct atom {
    enum pm_field field;
    const struct pm_value *value; /* NULL: a test of several values */
};

/* What a set holds, as far as it is kept. */
struct set_values {
    struct pm_value *values;
    uint32_t count, cap;
    bool is_cut;
};

/* What boxes are made with. */
struct geometry {
    struct memory *memory; /* of the load: sets of numbers, atoms */
    struct numbers_pool pool;
    struct symbols *symbols;
    uint64_t work; /* left: comparisons of boxes; at 0 nothing is understood any more */
    const struct set_values *sets;
    size_t set_count;
    struct names atoms, texts; /* numbers of atoms, of texts */
    struct atom *atom_list;
    size_t atom_count, atom_cap;
    const char **text_list;
    size_t text_count, text_cap;
    const struct numbers *flags[8][2]; /* tcp.flags where one of them is 0, or 1 */
};

/* The boxes of the condition, of `scratch`. */
struct boxes pmr_boxes_of(struct geometry *g, struct memory *scratch, pm_cond_id id);
/* Of all of them together, or of all but one (except < count). */
struct boxes pmr_boxes_of_all(struct geometry *g, struct memory *scratch, const pm_cond_id *ids,
                              size_t count, size_t except);

/* The most a field can be. */
const struct numbers *pmr_box_whole(struct geometry *g, unsigned side, bool may_miss);
/* What the side may be, with what follows from the others. NULL without memory. */
const struct numbers *pmr_box_side(struct geometry *g, const struct box *box, unsigned side);
bool pmr_box_within(struct geometry *g, const struct box *a, const struct box *b);
/* False: they share nothing, or it cannot be told. */
bool pmr_box_and(struct geometry *g, const struct box *a, const struct box *b, struct box *out);
/* Appends what is in a and not in b. */
void pmr_box_minus(struct geometry *g, struct memory *scratch, const struct box *a,
                   const struct box *b, struct boxes *out);
/* Each of a's is within one of b's: so a is within b. False also where that is not known. */
bool pmr_boxes_within(struct geometry *g, const struct boxes *a, const struct boxes *b);

/* For boxmake.c: draws the conclusions (false: nothing is in the box); joins a and b, *is_unknown
 * where that cannot be told; the packet has what the side belongs to. */
bool pmr_box_settle(struct geometry *g, struct box *box);
bool pmr_box_join(struct geometry *g, const struct box *a, const struct box *b, struct box *out,
                  bool *is_unknown);
void pmr_box_require(struct box *box, unsigned side);
struct number pmr_box_most(unsigned side);
void pmr_boxes_add(struct memory *scratch, struct boxes *boxes, const struct box *box);

#endif
