/* node.h - a value of a JSON file together with the place where it stands.
 *
 * The scanner makes one node for each value, in the order of the file; cJSON's tree is joined to
 * them afterwards, walked in the same order. A value's members follow it directly:
 *
 *     { "a": [1, 2], "b": 3 }        nodes   {}  []  1  2  3
 *                                    size     5   3  1  1  1      itself and all that is inside
 *                                    up       0   1  1  2  4      steps back to what it is inside
 * of
 */
#ifndef PMR_NODE_H
#define PMR_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memory.h"

struct cJSON;

enum node_kind { NODE_NULL, NODE_BOOL, NODE_NUMBER, NODE_STRING, NODE_LIST, NODE_OBJECT };

struct node {
    const struct cJSON *json;
    uint32_t start, len;         /* bytes in the file */
    uint32_t key_start, key_len; /* with its quotes; key_len 0: not a member of an object */
    uint32_t up, size;
    uint8_t kind;  /* enum node_kind */
    bool bad;      /* the scanner complained of the value: it is not what it seems */
    bool bad_key;  /* or of its key */
    bool repeated; /* the object has the key before; walks pass over it */
};

/* Fills in json. False if the trees differ, which cannot be as long as cJSON and the scanner agree
 * on what JSON is. */
bool pmr_nodes_join(struct node *nodes, size_t count, const struct cJSON *root);

/* Members of a list or object in order, without repeated keys; NULL at the end, and for values
 * that have none. */
const struct node *pmr_node_first(const struct node *n);
const struct node *pmr_node_next(const struct node *n);
/* The member with that key, or NULL. */
const struct node *pmr_node_get(const struct node *object, const char *key);
size_t pmr_node_count(const struct node *n);

enum node_kind pmr_node_kind(const struct node *n);
const char *pmr_node_key(const struct node *n);  /* "" in a list */
const char *pmr_node_text(const struct node *n); /* of a string */
double pmr_node_number(const struct node *n);
bool pmr_node_is_true(const struct node *n);

/* RFC 6901, from the top of the file; `source` is its text. NULL: no memory. */
const char *pmr_node_pointer(struct memory *m, const struct node *n, const char *source);

#endif
