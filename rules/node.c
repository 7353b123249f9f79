/* node.c - a value of a JSON file together with the place where it stands. */
#include "node.h"

#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

static bool join_members(struct node *parent)
{
    const cJSON *json = parent->json->child;

    for (uint32_t at = 1; at < parent->size; at += parent[at].size) {
        if (json == NULL)
            return false;
        parent[at].json = json;
        json = json->next;
    }
    return json == NULL;
}

bool pmr_nodes_join(struct node *nodes, size_t count, const cJSON *root)
{
    if (count == 0)
        return false;
    nodes[0].json = root;
    for (size_t i = 0; i < count; i++) {
        bool is_parent = nodes[i].kind == NODE_LIST || nodes[i].kind == NODE_OBJECT;

        if (is_parent && !join_members(&nodes[i]))
            return false;
    }
    return true;
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
    if (pmr_node_kind(object) != NODE_OBJECT)
        return NULL;
    for (const struct node *n = pmr_node_first(object); n != NULL; n = pmr_node_next(n))
        if (strcmp(pmr_node_key(n), key) == 0)
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
    return n->key_len == 0 || n->json->string == NULL ? "" : n->json->string;
}

const char *pmr_node_text(const struct node *n)
{
    return n->json->valuestring == NULL ? "" : n->json->valuestring;
}

double pmr_node_number(const struct node *n)
{
    return n->json->valuedouble;
}

bool pmr_node_is_true(const struct node *n)
{
    return cJSON_IsTrue(n->json);
}

/* Of a longer key a pointer has so many bytes; no key that means anything has as many. */
#define KEY_SHOWN 256u

/* One step of a pointer: a key, as yet unescaped, or an index. */
struct step {
    const char *key;
    size_t key_len, index;
};

static struct step step_to(const struct node *n, const char *source)
{
    struct step step = {.key = NULL};
    const struct node *first = n - n->up + 1;

    if (n->key_len >= 2) {
        step.key = source + n->key_start + 1;
        step.key_len = n->key_len - 2;
        if (n->json != NULL) {
            step.key = pmr_node_key(n);
            step.key_len = strlen(step.key);
        }
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

const char *pmr_node_pointer(struct memory *m, const struct node *n, const char *source)
{
    size_t cap = 1;
    char *room, *at;

    for (const struct node *p = n; p->up != 0; p -= p->up)
        cap += 2 * step_to(p, source).key_len + 24;
    room = pmr_memory_take(m, cap);
    if (room == NULL)
        return NULL;
    at = room + cap - 1;
    for (const struct node *p = n; p->up != 0; p -= p->up) {
        struct step step = step_to(p, source);

        at = write_step(room, at, &step);
    }
    return at;
}
