/* scan.c - the strict look at a JSON text: what stands where, and is it JSON at all. */
#include "scan.h"

#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "diagnostic.h"
#include "lexeme.h"

/* What may come next. */
enum expected { A_VALUE, A_VALUE_OR_END, A_KEY, A_KEY_OR_END, A_COMMA_OR_END, NOTHING };

struct nodes {
    struct tree *tree;
    struct node *list; /* the tree's */
    size_t count, cap;
};

struct state {
    struct scanner scanner;
    struct nodes nodes;
    uint32_t open[PMR_DEPTH_MAX]; /* containers around this place, outermost first */
    size_t depth;
    enum expected expected;
    size_t comma;       /* where the last comma stands */
    uint32_t key_start; /* of the value to come, or 0 */
    bool bad_key;
};

static struct node *container(struct state *st)
{
    return st->depth == 0 ? NULL : &st->nodes.list[st->open[st->depth - 1]];
}

static void stop(struct state *st, size_t start, size_t len, enum code code, const char *message)
{
    pmr_complain(&st->scanner, start, len, code, NULL, message);
    st->scanner.is_stopped = true;
}

/* ------------------------------------------------------------------ nodes */

/* Values of a text, and a few more where it is no JSON: what begins outside of strings, without
 * keys. So the nodes of a file are mostly allocated once, and as many as there are. */
static size_t count_values(const char *text, size_t len)
{
    size_t count = 0;
    bool in_piece = false, is_key = false;

    for (size_t at = 0; at < len; at++) {
        char c = text[at];
        bool is_space = c == ' ' || c == '\t' || c == '\r' || c == '\n';
        bool is_piece = !is_space && (c == '\0' || strchr("[]{},:\"", c) == NULL);

        count += c == '[' || c == '{' || c == '"' || (is_piece && !in_piece);
        count -= c == ':' && is_key;
        in_piece = is_piece;
        is_key = c == '"' || (is_key && is_space);
        if (c == '"')
            for (at++; at < len && text[at] != '"' && text[at] != '\n';)
                at += text[at] == '\\' && at + 1 < len && text[at + 1] != '\n' ? 2 : 1;
    }
    return count < len / 2 + 1 ? count : len / 2 + 1;
}

static bool make_room(struct state *st, size_t cap)
{
    struct nodes *nodes = &st->nodes;
    struct memory *m = &st->scanner.load->memory;
    size_t size = sizeof *nodes->tree + cap * sizeof *nodes->list;
    struct tree *tree = pmr_memory_grants(m) ? realloc(nodes->tree, size) : NULL;

    if (tree == NULL) {
        m->failed = true;
        st->scanner.is_stopped = true;
        return false;
    }
    tree->text = st->scanner.mended;
    tree->memory = m;
    nodes->tree = tree;
    nodes->list = tree->nodes;
    nodes->cap = cap;
    return true;
}

static struct node *node_add(struct state *st, enum node_kind kind, size_t start)
{
    struct nodes *nodes = &st->nodes;
    size_t parent = st->depth == 0 ? 0 : st->open[st->depth - 1];
    struct node *n;

    if (nodes->count == nodes->cap && !make_room(st, nodes->cap + nodes->cap / 2 + 16))
        return NULL;
    n = &nodes->list[nodes->count];
    *n = (struct node){.start = start & PMR_PLACE_MAX,
                       .key_start = st->key_start,
                       .bad_key = st->bad_key,
                       .up = (uint32_t)(nodes->count - parent),
                       .size = 1,
                       .kind = kind & 7u};
    nodes->count++;
    st->key_start = 0;
    st->bad_key = false;
    return n;
}

static void value_ends(struct state *st)
{
    st->expected = st->depth == 0 ? NOTHING : A_COMMA_OR_END;
}

static void open_container(struct state *st, enum node_kind kind)
{
    struct scanner *s = &st->scanner;

    if (st->depth == PMR_DEPTH_MAX) {
        stop(st, s->at, 1, CODE_DEPTH, "values are nested deeper than 64");
        return;
    }
    if (node_add(st, kind, s->at) == NULL)
        return;
    st->open[st->depth++] = (uint32_t)(st->nodes.count - 1);
    s->around = container(st);
    s->at++;
    st->expected = kind == NODE_LIST ? A_VALUE_OR_END : A_KEY_OR_END;
}

static void close_container(struct state *st)
{
    struct node *n = container(st);

    st->scanner.at++;
    n->len = (st->scanner.at - n->start) & PMR_PLACE_MAX;
    n->size = (uint32_t)(&st->nodes.list[st->nodes.count] - n);
    st->depth--;
    st->scanner.around = container(st);
    value_ends(st);
}

static bool is_end(struct state *st, char c)
{
    const struct node *n = container(st);

    return n != NULL && c == (n->kind == NODE_LIST ? ']' : '}');
}

/* ------------------------------------------------------------------ values */

/* Puts in the place of a string, from its quote on, what it means: never more bytes. */
static void decode(struct state *st, size_t start)
{
    struct scanner *s = &st->scanner;
    char *text = s->mended + start;
    size_t len = s->at - start;
    cJSON *json = NULL;

    if (memchr(text, '\\', len) == NULL) {
        text[len - 1] = '\0';
        return;
    }
    if (pmr_memory_grants(&s->load->memory))
        json = cJSON_ParseWithLength(text, len);
    if (json != NULL && cJSON_IsString(json)) {
        memcpy(text + 1, json->valuestring, strlen(json->valuestring) + 1);
    } else {
        s->load->memory.failed = true;
        s->is_stopped = true;
    }
    cJSON_Delete(json);
}

static void scan_scalar(struct state *st, enum node_kind kind)
{
    struct scanner *s = &st->scanner;
    size_t start = s->at;
    struct lexeme lexeme;
    struct node *n = node_add(st, kind, start);

    if (n == NULL)
        return;
    s->around = n;
    if (kind == NODE_STRING)
        lexeme = pmr_lexeme_string(s);
    else if (kind == NODE_NUMBER)
        lexeme = pmr_lexeme_number(s);
    else
        lexeme = pmr_lexeme_word(s);
    n->kind = lexeme.kind & 7u;
    n->bad = lexeme.is_bad;
    n->len = (s->at - start) & PMR_PLACE_MAX;
    if (n->kind == NODE_STRING && !s->is_stopped)
        decode(st, start);
    s->around = container(st);
    value_ends(st);
}

static bool begins_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool begins_value(char c)
{
    return c != '\0' && (strchr("{[\"-+.0123456789", c) != NULL || begins_word(c));
}

static void scan_value(struct state *st)
{
    char c = st->scanner.text[st->scanner.at];

    if (c == '{')
        open_container(st, NODE_OBJECT);
    else if (c == '[')
        open_container(st, NODE_LIST);
    else if (c == '"')
        scan_scalar(st, NODE_STRING);
    else if (begins_word(c))
        scan_scalar(st, NODE_BOOL);
    else if (begins_value(c))
        scan_scalar(st, NODE_NUMBER);
    else if (c == '\'')
        stop(st, st->scanner.at, 1, CODE_SYNTAX, "strings stand in double quotes, found \"'\"");
    else
        stop(st, st->scanner.at, 1, CODE_SYNTAX, "expected a value");
}

static void scan_key(struct state *st)
{
    struct scanner *s = &st->scanner;
    size_t start = s->at, end;

    if (s->text[start] != '"') {
        stop(st, start, 1, CODE_SYNTAX, "expected a key in double quotes");
        return;
    }
    st->bad_key = pmr_lexeme_string(s).is_bad;
    st->key_start = (uint32_t)start;
    if (s->is_stopped)
        return;
    decode(st, start);
    end = s->at;
    pmr_lexeme_space(s);
    if (s->at == s->len || s->text[s->at] != ':') {
        stop(st, start, end - start, CODE_SYNTAX, "expected \":\" and a value behind this key");
        return;
    }
    s->at++;
    st->expected = A_VALUE;
}

/* ------------------------------------------------------------------ commas */

static enum expected after_comma(struct state *st)
{
    return container(st)->kind == NODE_LIST ? A_VALUE : A_KEY;
}

/* "a": 1 "b": 2 - a comma can be put where there is space for it. */
static void comma_is_missing(struct state *st)
{
    struct scanner *s = &st->scanner;
    size_t end = s->at;

    while (end > 0 && s->mended[end - 1] != '\0' && strchr(" \t\r\n", s->mended[end - 1]) != NULL)
        end--;
    pmr_complain(s, end - 1, 1, CODE_SYNTAX, NULL, "expected a comma behind this");
    if (end == s->at) {
        s->is_stopped = true;
        return;
    }
    s->mended[end] = ',';
    st->expected = after_comma(st);
}

static void scan_comma(struct state *st)
{
    struct scanner *s = &st->scanner;
    char c = s->text[s->at];

    if (c == ',') {
        st->comma = s->at++;
        st->expected = after_comma(st);
    } else if (begins_value(c) && (c != '{' || container(st)->kind == NODE_LIST)) {
        comma_is_missing(st);
    } else if (container(st)->kind == NODE_LIST) {
        stop(st, s->at, 1, CODE_SYNTAX, "expected a comma or \"]\"");
    } else {
        stop(st, s->at, 1, CODE_SYNTAX, "expected a comma or \"}\"");
    }
}

/* [1, 2, ] - the comma can go. */
static void comma_too_many(struct state *st)
{
    struct scanner *s = &st->scanner;

    pmr_complain(s, st->comma, 1, CODE_SYNTAX, NULL, "nothing follows this comma");
    s->mended[st->comma] = ' ';
    close_container(st);
}

static void scan_next(struct state *st)
{
    struct scanner *s = &st->scanner;
    bool ends = is_end(st, s->text[s->at]);

    switch (st->expected) {
    case A_VALUE:
        /* a key without a value is no comma too many */
        if (ends && st->key_start == 0)
            comma_too_many(st);
        else
            scan_value(st);
        break;
    case A_KEY:
        if (ends)
            comma_too_many(st);
        else
            scan_key(st);
        break;
    case A_VALUE_OR_END:
        if (ends)
            close_container(st);
        else
            scan_value(st);
        break;
    case A_KEY_OR_END:
        if (ends)
            close_container(st);
        else
            scan_key(st);
        break;
    case A_COMMA_OR_END:
        if (ends)
            close_container(st);
        else
            scan_comma(st);
        break;
    case NOTHING:
        stop(st, s->at, 1, CODE_TRAILING, "the file goes on behind its value");
        break;
    }
}

/* ------------------------------------------------------------------ the text */

static void text_ends(struct state *st)
{
    struct scanner *s = &st->scanner;
    const struct node *n = container(st);

    if (st->expected == NOTHING || s->is_stopped)
        return;
    if (n == NULL)
        stop(st, s->len, 1, CODE_UNFINISHED, "the file is empty; expected an object");
    else if (n->kind == NODE_LIST)
        stop(st, n->start, 1, CODE_UNFINISHED, "the file ends before the \"]\" of this list");
    else
        stop(st, n->start, 1, CODE_UNFINISHED, "the file ends before the \"}\" of this object");
}

/* False: not a text at all. */
static bool begin(struct state *st)
{
    struct scanner *s = &st->scanner;
    const char *text = s->text;

    if (s->len >= 2 && (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0)) {
        stop(st, 0, 2, CODE_ENCODING, "the file is UTF-16; save it as UTF-8");
        return false;
    }
    if (s->len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        pmr_complain(s, 0, 3, CODE_ENCODING, NULL,
                     "the file begins with a byte-order mark; save it as UTF-8 without one");
        memset(s->mended, ' ', 3);
        s->at = 3;
    }
    return true;
}

bool pmr_scan(struct load *l, struct file *file)
{
    struct state st = {.scanner = {.load = l, .file = file, .text = file->text, .len = file->len}};
    struct scanner *s = &st.scanner;

    s->mended = pmr_memory_copy(&l->memory, file->text, file->len);
    if (s->mended == NULL || !begin(&st) || !make_room(&st, count_values(file->text, file->len)))
        return false;
    st.expected = A_VALUE;
    while (pmr_lexeme_space(s), s->at < s->len && !s->is_stopped)
        scan_next(&st);
    text_ends(&st);
    file->tree = st.nodes.tree;
    file->nodes = st.nodes.list;
    file->node_count = s->is_stopped ? 0 : st.nodes.count;
    return file->node_count > 0;
}
