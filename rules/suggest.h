/* suggest.h - "did you mean ...?" */
#ifndef PMR_SUGGEST_H
#define PMR_SUGGEST_H

#include <stdbool.h>
#include <stddef.h>

/* Feeds candidates in; `best` is the nearest of those near enough, or NULL. */
struct suggest {
    const char *wrong;
    const char *best; /* lent by the caller of pmr_suggest_offer */
    unsigned cost;
};

struct suggest pmr_suggest_for(const char *wrong);
void pmr_suggest_offer(struct suggest *s, const char *candidate);

#endif
