/* node.c - a value of a JSON file together with the place where it stands. */
#include "node.h"

#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

static const struct tree *tree_of(const struct node *n)
{
    while (n->up > 0)
        n -= n->up;
    return (const struct tree *)((const char *)n - offsetof(struct tree, nodes));
}

/* The first of n, n's later siblings, ... that is no repetition. */
static const struct node *pass_repeated(const struct node *n)
{
    while (n != NULL && n->repeated) {
        const struct node *parent = n - n->up, *next = n + n->size;

        n = next < parent + parent->size ? next : NULL;
    }
    return n;
}

const struct node *pmr_node_first(const struct node *n)
{
    return n->size > 1 ? pass_repeated(n + 1) : NULL;
}

const struct node *pmr_node_next(const struct node *n)
{
    const struct node *parent = n - n->up, *next = n + n->size;

    if (n->up == 0 || next >= parent + parent->size)
        return NULL;
    return pass_repeated(next);
}

const struct node *pmr_node_get(const struct node *object, const char *key)
{
    const char *text;

    if (pmr_node_kind(object) != NODE_OBJECT)
        return NULL;
    text = tree_of(object)->text;
    for (const struct node *n = pmr_node_first(object); n != NULL; n = pmr_node_next(n))
        if (strcmp(text + n->key_start + 1, key) == 0)
            return n;
    return NULL;
}

size_t pmr_node_count(const struct node *n)
{
    size_t count = 0;

    for (const struct node *m = pmr_node_first(n); m != NULL; m = pmr_node_next(m))
        count++;
    return count;
}

enum node_kind pmr_node_kind(const struct node *n)
{
    return (enum node_kind)n->kind;
}

const char *pmr_node_key(const struct node *n)
{
    return n->key_start == 0 ? "" : tree_of(n)->text + n->key_start + 1;
}

/* As the scanner reads it: what a backslash does not hide. */
size_t pmr_node_key_len(const struct node *n, const char *source)
{
    const char *key = source + n->key_start;
    size_t len = 1;

    if (n->key_start == 0)
        return 0;
    while (key[len] != '"')
        len += key[len] == '\\' && (key[len + 1] == '"' || key[len + 1] == '\\') ? 2 : 1;
    return len + 1;
}

const char *pmr_node_text(const struct node *n)
{
    return pmr_node_kind(n) == NODE_STRING ? tree_of(n)->text + n->start + 1 : "";
}

/* Digits that a double holds exactly. */
#define DIGITS_MAX 15u

double pmr_node_number(const struct node *n)
{
    const struct tree *tree = tree_of(n);
    const char *text = tree->text + n->start;
    size_t sign = text[0] == '-', len = sign;
    double value = 0;
    cJSON *json;

    while (len < n->len && text[len] >= '0' && text[len] <= '9' && len - sign <= DIGITS_MAX)
        value = value * 10 + (text[len++] - '0');
    if (len - sign <= DIGITS_MAX && (len == n->len || text[len] == ' '))
        return sign > 0 ? -value : value;
    json = cJSON_ParseWithLength(text, n->len);
    value = json == NULL ? 0 : json->valuedouble;
    tree->memory->failed = tree->memory->failed || json == NULL;
    cJSON_Delete(json);
    return value;
}

bool pmr_node_is_true(const struct node *n)
{
    return pmr_node_kind(n) == NODE_BOOL && tree_of(n)->text[n->start] == 't';
}

/* Of a longer key a pointer has so many bytes; no key that means anything has as many. */
#define KEY_SHOWN 256u

/* One step of a pointer: a key or an index. */
struct step {
    const char *key;
    size_t key_len, index;
};

static struct step step_to(const struct node *n)
{
    struct step step = {.key = NULL};
    const struct node *first = n - n->up + 1;

    if (n->key_start > 0) {
        step.key = pmr_node_key(n);
        step.key_len = strlen(step.key);
        if (step.key_len > KEY_SHOWN)
            for (step.key_len = KEY_SHOWN; ((unsigned char)step.key[step.key_len] & 0xc0) == 0x80;)
                step.key_len--;
        return step;
    }
    for (const struct node *m = first; m < n; m += m->size)
        step.index++;
    return step;
}

/* Writes "/step" so that it ends before end, as far as there is room from begin on. */
static char *write_step(char *begin, char *end, const struct step *step)
{
    char number[24];
    const char *key = step->key;
    size_t len = step->key_len;

    if (key == NULL) {
        len = (size_t)snprintf(number, sizeof number, "%zu", step->index);
        key = number;
    }
    while (len-- > 0 && end - begin > 3) {
        char c = key[len];

        if (c == '~' || c == '/') {
            *--end = c == '~' ? '0' : '1';
            c = '~';
        }
        *--end = c;
    }
    *--end = '/';
    return end;
}

const char *pmr_node_pointer(struct memory *m, const struct node *n)
{
    size_t cap = 1;
    char *room, *at;

    for (const struct node *p = n; p->up != 0; p -= p->up)
        cap += 2 * step_to(p).key_len + 24;
    room = pmr_memory_take(m, cap);
    if (room == NULL)
        return NULL;
    at = room + cap - 1;
    for (const struct node *p = n; p->up != 0; p -= p->up) {
        struct step step = step_to(p);

        at = write_step(room, at, &step);
    }
    return at;
}
