/* spans.h - a set of positions, kept as sorted disjoint spans [begin, end). */
#ifndef CL_SPANS_H
#define CL_SPANS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct span {
    int64_t begin, end;
};

struct spans {
    struct span *at;
    size_t count, cap;
};

void spans_free(struct spans *s);
void spans_add(struct spans *s, int64_t begin, int64_t end);
/* Takes everything below `end` out. */
void spans_cut_below(struct spans *s, int64_t end);
bool spans_hold(const struct spans *s, int64_t begin, int64_t end);
/* The span that holds `position`; NULL if none does. */
const struct span *spans_find(const struct spans *s, int64_t position);
/* Positions of the set within [begin, end). */
int64_t spans_within(const struct spans *s, int64_t begin, int64_t end);
/* First position at or after `from` that is not in the set. */
int64_t spans_next_hole(const struct spans *s, int64_t from);
/* Where the next span begins at or after `from`; `limit` if none does before it. */
int64_t spans_next_begin(const struct spans *s, int64_t from, int64_t limit);
/* End of the last span; `otherwise` for the empty set. */
int64_t spans_top(const struct spans *s, int64_t otherwise);

#endif
