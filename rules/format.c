/* format.c - the canonical layout of a JSON file.
 *
 * First the width of every value on one line is found, from the last node to the first, so that
 * members come before what they are in. Then values are written; the functions that do it call
 * each other, no deeper than the scanner lets values nest. */
#include "format.h"

#include <stdlib.h>
#include <string.h>

#include "output.h"
#include "shape.h"
#include "spelling.h"
#include "utf8.h"

#define LINE_WIDTH 100u
#define STEP_IN    2u

/* Of what never stands on one line. Sums of widths stay far below 2^32. */
#define TOO_WIDE (UINT32_C(1) << 30)

struct layout {
    const struct file *file;
    uint32_t *widths; /* of each node on one line, without its key */
    struct output out;
    size_t line_start; /* in out */
};

/* A value and where it is written. */
struct place {
    const struct node *n;
    const struct shape *shape;
    size_t indent; /* of the line it begins on */
    bool is_flat;  /* on one line, whatever its width */
    bool is_last;  /* no comma behind it */
};

static bool is_container(const struct node *n)
{
    return pmr_node_kind(n) == NODE_LIST || pmr_node_kind(n) == NODE_OBJECT;
}

/* ------------------------------------------------------------------ widths */

static uint32_t key_width(const struct layout *lay, const struct node *n)
{
    const char *source = lay->file->text;

    if (n->key_start == 0)
        return 0;
    return (uint32_t)pmr_spelling_width(source + n->key_start, pmr_node_key_len(n, source)) + 2;
}

static uint32_t scalar_width(const struct layout *lay, const struct node *n)
{
    if (pmr_node_kind(n) != NODE_STRING)
        return n->len;
    return (uint32_t)pmr_spelling_width(lay->file->text + n->start, n->len);
}

static uint32_t sum(uint32_t a, uint32_t b)
{
    return a + b < TOO_WIDE ? a + b : TOO_WIDE;
}

/* A container collects from its members (", " before all but one) and begins with its brackets:
 * "[]", "{  }". */
static void find_widths(struct layout *lay)
{
    const struct node *nodes = lay->file->nodes;

    for (size_t i = lay->file->node_count; i-- > 0;) {
        const struct node *n = &nodes[i];
        uint32_t *width = &lay->widths[i];

        if (!is_container(n))
            *width = scalar_width(lay, n);
        else if (n->size == 1)
            *width = 2;
        else
            *width = sum(*width, pmr_node_kind(n) == NODE_OBJECT ? 2 : 0);
        if (n->up > 0)
            lay->widths[i - n->up] = sum(lay->widths[i - n->up], key_width(lay, n) + *width + 2);
    }
}

/* ------------------------------------------------------------------ pieces */

static size_t column(const struct layout *lay)
{
    return pmr_utf8_count(lay->out.bytes + lay->line_start, lay->out.len - lay->line_start);
}

static void begin_line(struct layout *lay, size_t indent)
{
    pmr_output_put(&lay->out, "\n", 1);
    lay->line_start = lay->out.len;
    for (size_t i = 0; i < indent; i++)
        pmr_output_put(&lay->out, " ", 1);
}

static void put_key(struct layout *lay, const struct node *n)
{
    const char *source = lay->file->text;

    if (n->key_start == 0)
        return;
    pmr_spelling_put(&lay->out, source + n->key_start, pmr_node_key_len(n, source));
    pmr_output_text(&lay->out, ": ");
}

static void put_scalar(struct layout *lay, const struct node *n)
{
    const char *text = lay->file->text + n->start;

    if (pmr_node_kind(n) == NODE_STRING)
        pmr_spelling_put(&lay->out, text, n->len);
    else
        pmr_output_put(&lay->out, text, n->len);
}

/* Whether the author left a line empty before this member of a list. */
static bool is_apart(const struct layout *lay, const struct node *before, const struct node *n)
{
    const char *text = lay->file->text;
    int lines = 0;

    for (size_t at = before->start + before->len; at < n->start && lines < 2; at++)
        lines = text[at] == ',' ? 0 : lines + (text[at] == '\n');
    return lines == 2;
}

/* ------------------------------------------------------------------ members */

/* The members in canonical order: those with a place in the shape, then the others. */
struct walk {
    const struct node *parent, *next;
    const struct shape *shape;
    size_t key; /* of the shape's, the next to look for */
};

static bool has_place(const struct walk *walk, const struct node *n)
{
    return walk->shape != NULL && !walk->shape->keeps_order &&
           pmr_node_kind(walk->parent) == NODE_OBJECT &&
           pmr_shape_key(walk->shape, pmr_node_key(n)) != NULL;
}

static const struct node *walk_next(struct walk *walk)
{
    const struct node *n = walk->next;

    while (walk->key > 0) {
        const struct shape *shape = walk->shape;
        const struct node *found =
            pmr_node_get(walk->parent, shape->keys[shape->key_count - walk->key--].name);

        if (found != NULL)
            return found;
    }
    while (n != NULL && has_place(walk, n))
        n = pmr_node_next(n);
    walk->next = n == NULL ? NULL : pmr_node_next(n);
    return n;
}

static struct walk walk_from(const struct place *place)
{
    struct walk walk = {
        .parent = place->n, .next = pmr_node_first(place->n), .shape = place->shape};

    if (walk.shape != NULL && !walk.shape->keeps_order && pmr_node_kind(place->n) == NODE_OBJECT)
        walk.key = walk.shape->key_count;
    return walk;
}

static struct place member_place(const struct place *outer, const struct node *n)
{
    return (struct place){.n = n,
                          .shape = pmr_shape_member(outer->shape, pmr_node_key(n)),
                          .indent = outer->indent + STEP_IN,
                          .is_flat = outer->is_flat,
                          .is_last = true};
}

/* ------------------------------------------------------------------ values */

static void put_value(struct layout *lay, const struct place *place);

static void put_flat(struct layout *lay, const struct place *place)
{
    bool is_object = pmr_node_kind(place->n) == NODE_OBJECT;
    struct walk walk = walk_from(place);
    const struct node *n = walk_next(&walk);

    pmr_output_text(&lay->out, is_object ? n == NULL ? "{" : "{ " : "[");
    while (n != NULL) {
        struct place inner = member_place(place, n);

        inner.is_flat = true;
        put_key(lay, n);
        put_value(lay, &inner);
        n = walk_next(&walk);
        if (n != NULL)
            pmr_output_text(&lay->out, ", ");
        else if (is_object)
            pmr_output_text(&lay->out, " ");
    }
    pmr_output_text(&lay->out, is_object ? "}" : "]");
}

static void put_spread(struct layout *lay, const struct place *place)
{
    bool is_object = pmr_node_kind(place->n) == NODE_OBJECT;
    struct walk walk = walk_from(place);
    const struct node *n = walk_next(&walk), *before = NULL;

    pmr_output_text(&lay->out, is_object ? "{" : "[");
    while (n != NULL) {
        struct place inner = member_place(place, n);
        const struct node *next = walk_next(&walk);

        inner.is_last = next == NULL;
        if (before != NULL && !is_object && is_apart(lay, before, n))
            pmr_output_text(&lay->out, "\n");
        begin_line(lay, inner.indent);
        put_key(lay, n);
        put_value(lay, &inner);
        if (!inner.is_last)
            pmr_output_text(&lay->out, ",");
        before = n;
        n = next;
    }
    begin_line(lay, place->indent);
    pmr_output_text(&lay->out, is_object ? "}" : "]");
}

static bool is_all_numbers(const struct node *n)
{
    const struct node *m = pmr_node_kind(n) == NODE_LIST ? pmr_node_first(n) : NULL;

    if (m == NULL)
        return false;
    while (m != NULL && pmr_node_kind(m) == NODE_NUMBER)
        m = pmr_node_next(m);
    return m == NULL;
}

static void put_numbers(struct layout *lay, const struct place *place)
{
    const struct node *n = pmr_node_first(place->n);

    pmr_output_text(&lay->out, "[");
    begin_line(lay, place->indent + STEP_IN);
    while (n != NULL) {
        const struct node *next = pmr_node_next(n);

        put_scalar(lay, n);
        if (next != NULL)
            pmr_output_text(&lay->out, ",");
        n = next;
        if (n == NULL)
            break;
        if (column(lay) + 1 + n->len + 1 <= LINE_WIDTH)
            pmr_output_text(&lay->out, " ");
        else
            begin_line(lay, place->indent + STEP_IN);
    }
    begin_line(lay, place->indent);
    pmr_output_text(&lay->out, "]");
}

static bool is_spread(const struct place *place)
{
    return place->shape != NULL && place->shape->is_spread && place->n->size > 1;
}

static void put_value(struct layout *lay, const struct place *place)
{
    const struct node *n = place->n;
    size_t width = lay->widths[n - lay->file->nodes] + (place->is_last ? 0u : 1u);

    if (!is_container(n))
        put_scalar(lay, n);
    else if (place->is_flat || n->size == 1 ||
             (!is_spread(place) && column(lay) + width <= LINE_WIDTH))
        put_flat(lay, place);
    else if (is_all_numbers(n) && !is_spread(place))
        put_numbers(lay, place);
    else
        put_spread(lay, place);
}

/* ------------------------------------------------------------------ the file */

static bool include_is_last(const struct node *root)
{
    const struct node *include = pmr_node_get(root, "include"),
                      *rules = pmr_node_get(root, "rules");

    return include != NULL && rules != NULL && include > rules;
}

char *pmr_format(const struct file *file, size_t *len)
{
    struct layout lay = {.file = file};
    struct place whole = {.n = &file->nodes[0], .is_last = true};

    lay.widths = calloc(file->node_count, sizeof *lay.widths);
    if (lay.widths == NULL)
        return NULL;
    whole.shape = pmr_shape_file(include_is_last(whole.n));
    find_widths(&lay);
    put_value(&lay, &whole);
    pmr_output_text(&lay.out, "\n");
    free(lay.widths);
    if (lay.out.failed) {
        free(lay.out.bytes);
        return NULL;
    }
    *len = lay.out.len;
    return lay.out.bytes;
}
