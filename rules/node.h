/* node.h - a value of a JSON file together with the place where it stands.
 *
 * The scanner makes one node for each value, in the order of the file. A value's members follow it
 * directly:
 *
 *     { "a": [1, 2], "b": 3 }        nodes   {}  []  1  2  3
 *                                    size     5   3  1  1  1      itself and all that is inside
 *                                    up       0   1  1  2  4      steps back to what it is inside
 *                                                                 of
 *
 * A file may have a value for every two of its bytes, so a node has 20. What it says stands in the
 * tree's copy of the text, at the same place, where the scanner made of every string what it
 * means, with a NUL behind:
 *
 *     { "k": "a\u00e9" }        {  k 0 :  a é 0 . . . 0  }
 */
#ifndef PMR_NODE_H
#define PMR_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memory.h"

enum node_kind { NODE_NULL, NODE_BOOL, NODE_NUMBER, NODE_STRING, NODE_LIST, NODE_OBJECT };

#define PMR_PLACE_MAX ((UINT32_C(1) << 27) - 1) /* of a byte */

struct node {
    uint32_t start : 27; /* the first byte in the file */
    uint32_t kind : 3;   /* enum node_kind */
    uint32_t bad : 1;    /* the scanner complained of the value: it is not what it seems */
    uint32_t bad_key : 1;
    uint32_t len : 27;
    uint32_t repeated : 1; /* the object has the key before; walks pass over it */
    uint32_t key_start;    /* its quote; 0: not a member of an object */
    uint32_t up, size;
};

_Static_assert(sizeof(struct node) == 20, "nodes are small");

/* The nodes of a file, and what their strings and numbers are read from. */
struct tree {
    char *text;
    struct memory *memory; /* marked as failed when a number cannot be read for lack of it */
    struct node nodes[];
};

/* Members of a list or object in order, without repeated keys; NULL at the end, and for values
 * that have none. */
const struct node *pmr_node_first(const struct node *n);
const struct node *pmr_node_next(const struct node *n);
/* The member with that key, or NULL. */
const struct node *pmr_node_get(const struct node *object, const char *key);
size_t pmr_node_count(const struct node *n);

enum node_kind pmr_node_kind(const struct node *n);
const char *pmr_node_key(const struct node *n);                    /* "" in a list */
size_t pmr_node_key_len(const struct node *n, const char *source); /* with its quotes; or 0 */
const char *pmr_node_text(const struct node *n);                   /* of a string */
double pmr_node_number(const struct node *n);
bool pmr_node_is_true(const struct node *n);

/* RFC 6901, from the top of the file. NULL: no memory. */
const char *pmr_node_pointer(struct memory *m, const struct node *n);

#endif
