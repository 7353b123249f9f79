/* expect.h - taking values of the type that belongs here, and saying so where they are not. */
#ifndef PMR_EXPECT_H
#define PMR_EXPECT_H

#include "load.h"

/* A key of an object. `later`: part of the language, but not of this version. */
struct key {
    const char *name;
    bool later;
};

/* Complains of members whose keys are not listed. `where` is what the object is: "a rule". */
void pmr_expect_keys(struct load *l, const struct node *object, const struct key *keys,
                     size_t count, const char *where);
/* Says that a thing is of the language but not of this version; at the key, or at the value. */
void pmr_not_yet(struct load *l, const struct node *n, const char *what);
void pmr_not_yet_key(struct load *l, const struct node *n, const char *what);

/* False: complained. */
bool pmr_expect_kind(struct load *l, const struct node *n, enum node_kind kind);
bool pmr_expect_filled(struct load *l, const struct node *n, enum node_kind kind); /* not empty */
bool pmr_expect_bool(struct load *l, const struct node *n, bool *out);
bool pmr_expect_whole(struct load *l, const struct node *n, int64_t least, int64_t most,
                      int64_t *out);
/* Above 0 and at most 1, as so many of PM_ALWAYS. */
bool pmr_expect_probability(struct load *l, const struct node *n, bool may_be_0, uint64_t *out);
/* words ends with NULL; *out is the index. */
bool pmr_expect_word(struct load *l, const struct node *n, const char *const *words, size_t *out);

/* The member, or NULL after a complaint that it is missing. */
const struct node *pmr_expect_member(struct load *l, const struct node *object, const char *key,
                                     const char *where);

/* An object that has at least one of its keys; false: complained. */
bool pmr_expect_some(struct load *l, const struct node *n, const struct key *keys, size_t count,
                     const char *where);

/* The member as a number of that range, where it is there; false: complained. */
bool pmr_take_number(struct load *l, const struct node *object, const char *key, int64_t least,
                     int64_t most, uint64_t *out);

/* Whole numbers that JSON can hold exactly: 2^53. */
#define PMR_WHOLE_MAX (INT64_C(1) << 53)

#endif
