/* shape.h - the order that the keys of a rule file have in its canonical layout.
 *
 * A shape tells of an object which keys come first and in which order; those that it does not name
 * follow as they stand (fields of a condition, names of variables, keys of later versions). Its
 * members have shapes in turn: by their keys, else all of them the same. Members of a list keep
 * their order.
 */
#ifndef PMR_SHAPE_H
#define PMR_SHAPE_H

#include <stdbool.h>
#include <stddef.h>

struct shape;

struct shape_key {
    const char *name;
    const struct shape *value; /* NULL: nothing is known of it */
};

struct shape {
    const struct shape_key *keys;
    size_t key_count;
    const struct shape *each; /* of all other members; NULL: nothing is known of them */
    bool keeps_order;         /* the table is only for shapes */
    bool is_spread;           /* every member has a line of its own */
};

/* A whole file. Rules that it includes come where "include" stands, so a file that has it behind
 * "rules" keeps it there. */
const struct shape *pmr_shape_file(bool include_is_last);

/* NULL, too, for a shape that is NULL. */
const struct shape_key *pmr_shape_key(const struct shape *shape, const char *name);
const struct shape *pmr_shape_member(const struct shape *shape, const char *name);

#endif
