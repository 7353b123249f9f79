/* boxmake.c - conditions as boxes: made of the tests in them. */
#include <stdio.h>
#include <string.h>

#include "box.h"

#define MASKED_MAX 0xfffu /* of larger fields a mask is an atom */

/* ------------------------------------------------------------------ choices */

/* A test is any of these: a side with values, or an atom where the side is there. */
struct choices {
    struct {
        unsigned side;
        const struct numbers *numbers;
    } sides[4];
    size_t side_count;
    int32_t atoms[PMR_BOX_ATOMS];
    size_t atom_count;
    bool is_unknown;
};

static void choose(struct choices *c, unsigned side, const struct numbers *numbers)
{
    if (numbers == NULL) {
        c->is_unknown = true;
        return;
    }
    c->sides[c->side_count].side = side;
    c->sides[c->side_count++].numbers = numbers;
}

/* Keeps the number of a name. */
static void put_number(struct memory *m, struct names *names, const char *name, size_t number)
{
    size_t *kept = pmr_memory_take(m, sizeof *kept);

    if (kept == NULL)
        return;
    *kept = number;
    pmr_names_put(names, m, name, kept);
}

/* The number that stands for the text. */
static size_t number_of_text(struct geometry *g, const char *text)
{
    const size_t *found = text == NULL ? NULL : pmr_names_get(&g->texts, text);
    const char **grown;

    if (found != NULL || text == NULL)
        return found == NULL ? 0 : *found;
    grown =
        pmr_memory_grow(g->memory, g->text_list, g->text_count, &g->text_cap, sizeof(const char *));
    if (grown == NULL)
        return 0;
    g->text_list = grown;
    g->text_list[g->text_count] = text;
    put_number(g->memory, &g->texts, text, g->text_count);
    return g->text_count++;
}

static bool spell_value(char *out, size_t cap, const struct pm_value *v, const uint8_t **bytes,
                        uint32_t *len)
{
    *bytes = NULL;
    *len = 0;
    switch (v->kind) {
    case PM_VALUE_RANGE:
        return snprintf(out, cap, "r%u-%u", v->range.lo, v->range.hi) > 0;
    case PM_VALUE_MASK:
        return snprintf(out, cap, "m%u=%u", v->mask.mask, v->mask.value) > 0;
    case PM_VALUE_BYTES:
        *bytes = v->bytes.bytes;
        *len = v->bytes.len;
        return snprintf(out, cap, "b%u+%u%d%d%d:", v->bytes.offset, v->bytes.depth, v->bytes.nocase,
                        v->bytes.whole, v->bytes.at_end) > 0;
    case PM_VALUE_SET:
        return snprintf(out, cap, "s%u", v->set) > 0;
    case PM_VALUE_BPF:
        return snprintf(out, cap, "p%u", v->bpf) > 0;
    case PM_VALUE_REGEX:
        *bytes = v->regex.pattern;
        *len = v->regex.len;
        return snprintf(out, cap, "x%d:", v->regex.nocase) > 0;
    case PM_VALUE_PREFIX:
        *bytes = v->prefix.addr.bytes;
        *len = v->prefix.addr.version == 4 ? 4 : 16;
        return snprintf(out, cap, "a%u/%u:", v->prefix.addr.version, v->prefix.bits) > 0;
    case PM_VALUE_MAC:
        break;
    }
    return false;
}

/* A text that only the same values of the same field have; NULL: no memory, or no such text. */
static char *spell(struct memory *m, enum pm_field field, const struct pm_value *values,
                   size_t count)
{
    size_t cap = 16, used;
    char *text;

    for (size_t i = 0; i < count; i++)
        cap += 96 + 2 * (values[i].kind == PM_VALUE_BYTES   ? values[i].bytes.len
                         : values[i].kind == PM_VALUE_REGEX ? values[i].regex.len
                                                            : 0);
    text = pmr_memory_take(m, cap);
    if (text == NULL)
        return NULL;
    used = (size_t)snprintf(text, cap, "%d", (int)field);
    for (size_t i = 0; i < count; i++) {
        const uint8_t *bytes;
        uint32_t len;

        text[used++] = ',';
        if (!spell_value(text + used, cap - used, &values[i], &bytes, &len))
            return NULL;
        used += strlen(text + used);
        for (uint32_t j = 0; j < len; j++)
            used += (size_t)snprintf(text + used, cap - used, "%02x", bytes[j]);
    }
    return text;
}

static void choose_atom(struct geometry *g, struct choices *c, enum pm_field field,
                        const struct pm_value *values, size_t count)
{
    char *text = spell(g->memory, field, values, count);
    const size_t *found;
    struct atom *grown;
    size_t number;

    if (text == NULL || c->atom_count == PMR_BOX_ATOMS) {
        c->is_unknown = true;
        return;
    }
    found = pmr_names_get(&g->atoms, text);
    number = found == NULL ? g->atom_count : *found;
    c->atoms[c->atom_count++] = (int32_t)number + 1;
    if (found != NULL)
        return;
    grown = pmr_memory_grow(g->memory, g->atom_list, g->atom_count, &g->atom_cap, sizeof *grown);
    if (grown == NULL) {
        c->is_unknown = true;
        return;
    }
    g->atom_list = grown;
    g->atom_list[g->atom_count++] = (struct atom){field, count == 1 ? values : NULL};
    put_number(g->memory, &g->atoms, text, number);
}

/* ---- numbers */

struct gathered {
    struct interval *at;
    size_t count, cap;
    bool failed;
};

static void gather(struct memory *scratch, struct gathered *s, struct number lo, struct number hi)
{
    struct interval *grown = s->count < PMR_INTERVALS_MAX
                                 ? pmr_memory_grow(scratch, s->at, s->count, &s->cap, sizeof *grown)
                                 : NULL;

    if (grown == NULL) {
        s->failed = true;
        return;
    }
    s->at = grown;
    s->at[s->count++] = (struct interval){lo, hi};
}

static void gather_mask(struct memory *scratch, struct gathered *s, uint32_t max,
                        const struct pm_value *v)
{
    for (uint32_t n = 0; n <= max; n++) {
        uint32_t from = n;

        while (n <= max && (n & v->mask.mask) == v->mask.value)
            n++;
        if (n > from)
            gather(scratch, s, pmr_number(from), pmr_number(n - 1));
    }
}

static uint64_t get(const uint8_t *bytes, unsigned count)
{
    uint64_t number = 0;

    for (unsigned i = 0; i < count; i++)
        number = number << 8 | bytes[i];
    return number;
}

static void gather_prefix(struct memory *scratch, struct gathered *v4, struct gathered *v6,
                          const struct pm_value *v)
{
    bool is4 = v->prefix.addr.version == 4;
    unsigned width = is4 ? 32 : 128, bits = v->prefix.bits;
    struct number rest = pmr_number_most(width - bits), lo, hi;
    const uint8_t *bytes = v->prefix.addr.bytes;

    if (bits == width)
        rest = pmr_number(0);
    lo = is4 ? pmr_number(get(bytes, 4)) : (struct number){get(bytes, 8), get(bytes + 8, 8)};
    lo.high &= ~rest.high;
    lo.low &= ~rest.low;
    hi = (struct number){lo.high | rest.high, lo.low | rest.low};
    gather(scratch, is4 ? v4 : v6, lo, hi);
}

/* False: a value that is no number. */
static bool gather_value(struct geometry *g, struct memory *scratch, enum pm_field field,
                         const struct pm_value *v, struct gathered *a, struct gathered *b)
{
    switch (v->kind) {
    case PM_VALUE_RANGE:
        gather(scratch, a, pmr_number(v->range.lo), pmr_number(v->range.hi));
        return true;
    case PM_VALUE_MASK:
        if (pm_field_info(field)->max > MASKED_MAX)
            return false;
        gather_mask(scratch, a, pm_field_info(field)->max, v);
        return true;
    case PM_VALUE_PREFIX:
        gather_prefix(scratch, a, b, v);
        return true;
    case PM_VALUE_MAC:
        gather(scratch, a, pmr_number(get(v->mac, 6)), pmr_number(get(v->mac, 6)));
        return true;
    case PM_VALUE_BYTES:
        if (field != PM_FIELD_INTERFACE || !v->bytes.whole || v->bytes.nocase)
            return false;
        {
            size_t number = number_of_text(
                g, pmr_memory_copy(g->memory, (const char *)v->bytes.bytes, v->bytes.len));
            gather(scratch, a, pmr_number(number), pmr_number(number));
        }
        return true;
    case PM_VALUE_SET:
    case PM_VALUE_BPF:
    case PM_VALUE_REGEX:
        break;
    }
    return false;
}

static const struct numbers *numbers_of(struct geometry *g, struct gathered *s)
{
    return s->failed ? NULL : pmr_numbers_of(&g->pool, g->memory, s->at, s->count, false);
}

/* Values of the part (its bits from `shift` on) as values of the whole. */
static const struct numbers *part_of(struct geometry *g, struct memory *scratch,
                                     const struct gathered *part, unsigned side, unsigned shift,
                                     uint32_t mask)
{
    struct gathered whole = {.count = 0};
    uint32_t max = pm_field_info((enum pm_field)side)->max;
    const struct numbers **known = NULL, *made;

    if (mask == 1 && part->count == 1 && part->at[0].lo.low == part->at[0].hi.low)
        known = &g->flags[shift][part->at[0].lo.low];
    if (known != NULL && *known != NULL)
        return *known;
    for (uint32_t n = 0; n <= max; n++) {
        uint32_t from = n;
        bool is_in = false;

        for (; n <= max; n++) {
            uint64_t value = n >> shift & mask;

            is_in = false;
            for (size_t i = 0; i < part->count && !is_in; i++)
                is_in = part->at[i].lo.low <= value && value <= part->at[i].hi.low;
            if (!is_in)
                break;
        }
        if (n > from)
            gather(scratch, &whole, pmr_number(from), pmr_number(n - 1));
    }
    made = numbers_of(g, &whole);
    if (known != NULL)
        *known = made;
    return made;
}

static void choose_ports(struct choices *c, enum pm_field field, const struct numbers *n)
{
    bool tcp = field == PM_FIELD_TCP_PORT || field >= PM_FIELD_L4_SRCPORT;
    bool udp = field != PM_FIELD_TCP_PORT;
    bool src = field != PM_FIELD_L4_DSTPORT, dst = field != PM_FIELD_L4_SRCPORT;

    if (tcp && src)
        choose(c, PM_FIELD_TCP_SRCPORT, n);
    if (tcp && dst)
        choose(c, PM_FIELD_TCP_DSTPORT, n);
    if (udp && src)
        choose(c, PM_FIELD_UDP_SRCPORT, n);
    if (udp && dst)
        choose(c, PM_FIELD_UDP_DSTPORT, n);
}

/* Spreads what was gathered for a field over the sides it is made of. */
static void spread(struct geometry *g, struct memory *scratch, struct choices *c,
                   enum pm_field field, struct gathered *a, struct gathered *b)
{
    const struct numbers *n = numbers_of(g, a), *v6 = numbers_of(g, b);
    bool src = field == PM_FIELD_IP_SRC || field == PM_FIELD_IP_ADDR;
    bool dst = field == PM_FIELD_IP_DST || field == PM_FIELD_IP_ADDR;

    if (n == NULL || v6 == NULL) {
        c->is_unknown = true;
    } else if (src || dst) {
        if (src && n->count > 0)
            choose(c, PM_FIELD_IP_SRC, n);
        if (src && v6->count > 0)
            choose(c, SIDE_SRC6, v6);
        if (dst && n->count > 0)
            choose(c, PM_FIELD_IP_DST, n);
        if (dst && v6->count > 0)
            choose(c, SIDE_DST6, v6);
    } else if (field == PM_FIELD_TCP_PORT || field == PM_FIELD_UDP_PORT ||
               (field >= PM_FIELD_L4_SRCPORT && field <= PM_FIELD_L4_PORT)) {
        choose_ports(c, field, n);
    } else if (field >= PM_FIELD_TCP_FLAGS_FIN && field <= PM_FIELD_TCP_FLAGS_CWR) {
        choose(c, PM_FIELD_TCP_FLAGS,
               part_of(g, scratch, a, PM_FIELD_TCP_FLAGS, field - PM_FIELD_TCP_FLAGS_FIN, 1));
    } else if (field == PM_FIELD_IP_DSCP || field == PM_FIELD_IP_ECN) {
        bool is_dscp = field == PM_FIELD_IP_DSCP;

        choose(c, PM_FIELD_IP_DSFIELD,
               part_of(g, scratch, a, PM_FIELD_IP_DSFIELD, is_dscp ? 2 : 0, is_dscp ? 0x3f : 3));
    } else {
        choose(c, field, n);
    }
}

/* All that come behind the fields of headers: contents, and what is read from them. */
static bool is_always_atom(enum pm_field field)
{
    return field == PM_FIELD_BPF || field > PM_FIELD_ICMP_SEQ;
}

static bool has_tags(enum pm_field field)
{
    return field == PM_FIELD_VLAN_ID || field == PM_FIELD_VLAN_PRIORITY ||
           field == PM_FIELD_VLAN_DEI;
}

static void gather_set(struct geometry *g, struct memory *scratch, struct choices *c,
                       enum pm_field field, const struct pm_value *v, struct gathered *a,
                       struct gathered *b)
{
    const struct set_values *set = v->set < g->set_count ? &g->sets[v->set] : NULL;

    if (set == NULL || set->is_cut || field == PM_FIELD_INTERFACE) {
        choose_atom(g, c, field, v, 1);
        return;
    }
    for (uint32_t i = 0; i < set->count; i++)
        if (!gather_value(g, scratch, field, &set->values[i], a, b))
            c->is_unknown = true;
}

static struct choices choices_of(struct geometry *g, struct memory *scratch, const struct symbol *s)
{
    struct choices c = {.side_count = 0};
    struct gathered a = {.count = 0}, b = {.count = 0};

    if (has_tags(s->field)) {
        choose_atom(g, &c, s->field, s->values, s->count);
        return c;
    }
    for (uint32_t i = 0; i < s->count; i++) {
        const struct pm_value *v = &s->values[i];

        if (!is_always_atom(s->field) && v->kind == PM_VALUE_SET)
            gather_set(g, scratch, &c, s->field, v, &a, &b);
        else if (is_always_atom(s->field) || !gather_value(g, scratch, s->field, v, &a, &b))
            choose_atom(g, &c, s->field, v, 1);
    }
    if (a.count + b.count > 0 || a.failed || b.failed)
        spread(g, scratch, &c, s->field, &a, &b);
    return c;
}

static struct choices present_of(struct geometry *g, struct memory *scratch, const struct symbol *s)
{
    struct choices c = {.side_count = 0};
    struct gathered a = {.count = 0}, b = {.count = 0};

    if (has_tags(s->field) || is_always_atom(s->field)) {
        c.is_unknown = true;
        return c;
    }
    gather(scratch, &a, pmr_number(0), pmr_box_most(s->field));
    if (s->field == PM_FIELD_IP_SRC || s->field == PM_FIELD_IP_DST || s->field == PM_FIELD_IP_ADDR)
        gather(scratch, &b, pmr_number(0), pmr_number_most(128));
    spread(g, scratch, &c, s->field, &a, &b);
    return c;
}

/* A test may have thousands of values, and be asked for again and again. */
static const struct choices *known_choices(struct geometry *g, struct memory *scratch,
                                           struct symbol *s)
{
    struct choices *made;

    if (s->choices != NULL)
        return s->choices;
    made = pmr_memory_take(g->memory, sizeof *made);
    if (made == NULL)
        return NULL;
    *made = s->kind == SYMBOL_TEST ? choices_of(g, scratch, s) : present_of(g, scratch, s);
    s->choices = made;
    return made;
}

/* ---- joining */

static const struct box everything = {.ip = BOX_V4 | BOX_V6 | BOX_NO_IP,
                                      .l4 = BOX_TCP | BOX_UDP | BOX_ICMP | BOX_NO_L4};

/* What has to be there for an atom to be true. */
static void require_atom(struct geometry *g, struct box *box, int32_t atom)
{
    enum pm_field field = g->atom_list[atom - 1].field;

    if (field == PM_FIELD_IP_SRC || field == PM_FIELD_IP_DST)
        box->ip &= BOX_V4 | BOX_V6;
    else if (field >= PM_FIELD_L4_SRCPORT && field <= PM_FIELD_L4_PORT)
        box->l4 &= BOX_TCP | BOX_UDP;
    else if (field != PM_FIELD_BPF && !has_tags(field))
        pmr_box_require(box, (unsigned)field);
}

static struct boxes true_boxes(struct geometry *g, struct memory *scratch, const struct choices *c)
{
    struct boxes out = {.is_unknown = c->is_unknown};

    for (size_t i = 0; i < c->side_count; i++) {
        struct box box = everything;

        box.sides[c->sides[i].side] = c->sides[i].numbers;
        if (pmr_box_settle(g, &box))
            pmr_boxes_add(scratch, &out, &box);
    }
    for (size_t i = 0; i < c->atom_count && !out.is_unknown; i++) {
        struct box box = everything;

        box.atoms[box.atom_count++] = c->atoms[i];
        require_atom(g, &box, c->atoms[i]);
        if (pmr_box_settle(g, &box))
            pmr_boxes_add(scratch, &out, &box);
    }
    return out;
}

static struct boxes false_boxes(struct geometry *g, struct memory *scratch, const struct choices *c)
{
    struct boxes out = {.is_unknown = c->is_unknown};
    struct box box = everything;

    for (size_t i = 0; i < c->side_count && !out.is_unknown; i++) {
        unsigned side = c->sides[i].side;
        const struct numbers *whole = pmr_box_whole(g, side, true), *left;

        left = whole == NULL ? NULL
                             : pmr_numbers_minus(&g->pool, g->memory, whole, c->sides[i].numbers);
        if (left != NULL && box.sides[side] != NULL)
            left = pmr_numbers_and(&g->pool, g->memory, left, box.sides[side]);
        box.sides[side] = left;
        out.is_unknown = left == NULL;
    }
    for (size_t i = 0; i < c->atom_count && !out.is_unknown; i++)
        box.atoms[box.atom_count++] = -c->atoms[i];
    if (pmr_box_settle(g, &box))
        pmr_boxes_add(scratch, &out, &box);
    return out;
}

static struct boxes product(struct geometry *g, struct memory *scratch, const struct boxes *a,
                            const struct boxes *b)
{
    struct boxes out = {.is_unknown = a->is_unknown || b->is_unknown};

    for (size_t i = 0; i < a->count && !out.is_unknown; i++)
        for (size_t j = 0; j < b->count; j++) {
            struct box box;

            if (pmr_box_join(g, &a->at[i], &b->at[j], &box, &out.is_unknown))
                pmr_boxes_add(scratch, &out, &box);
        }
    return out;
}

static struct boxes expand(struct geometry *g, struct memory *scratch, pm_cond_id id,
                           bool is_false);

/* Conditions nest no deeper than the loader lets them. */
static struct boxes expand_kids(struct geometry *g, struct memory *scratch, const pm_cond_id *kids,
                                size_t count, size_t except, bool is_any, bool is_false)
{
    struct boxes out = {.count = 0};

    if (!is_any)
        pmr_boxes_add(scratch, &out, &everything);
    for (size_t i = 0; i < count && !out.is_unknown; i++) {
        struct boxes kid;

        if (i == except)
            continue;
        kid = expand(g, scratch, kids[i], is_false);
        if (!is_any) {
            out = product(g, scratch, &out, &kid);
            continue;
        }
        out.is_unknown = kid.is_unknown;
        for (size_t j = 0; j < kid.count; j++)
            pmr_boxes_add(scratch, &out, &kid.at[j]);
    }
    return out;
}

static struct boxes expand(struct geometry *g, struct memory *scratch, pm_cond_id id, bool is_false)
{
    struct symbol *s = pmr_symbol(g->symbols, id);
    struct boxes out = {.count = 0};
    const struct choices *c;

    if (s == NULL) {
        out.is_unknown = id != PM_COND_TRUE;
        if (!is_false)
            pmr_boxes_add(scratch, &out, &everything);
        return out;
    }
    switch (s->kind) {
    case SYMBOL_TEST:
    case SYMBOL_PRESENT:
        c = known_choices(g, scratch, s);
        if (c == NULL)
            return (struct boxes){.is_unknown = true};
        return is_false ? false_boxes(g, scratch, c) : true_boxes(g, scratch, c);
    case SYMBOL_ALL:
        return expand_kids(g, scratch, s->kids, s->count, SIZE_MAX, is_false, is_false);
    case SYMBOL_ANY:
        return expand_kids(g, scratch, s->kids, s->count, SIZE_MAX, !is_false, is_false);
    case SYMBOL_NOT:
        return expand(g, scratch, s->kids[0], !is_false);
    }
    return out;
}

struct boxes pmr_boxes_of(struct geometry *g, struct memory *scratch, pm_cond_id id)
{
    return expand(g, scratch, id, false);
}

struct boxes pmr_boxes_of_all(struct geometry *g, struct memory *scratch, const pm_cond_id *ids,
                              size_t count, size_t except)
{
    return expand_kids(g, scratch, ids, count, except, false, false);
}
