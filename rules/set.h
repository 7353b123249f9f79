/* set.h - named sets of values, given in the rule file or in files of their own. */
#ifndef PMR_SET_H
#define PMR_SET_H

#include "load.h"

enum set_type { SET_CIDR, SET_PORT, SET_DOMAIN, SET_STRING, SET_BYTES };

struct set {
    const char *name;
    enum set_type type;
    bool is_broken; /* its type is not known; complained */
    uint32_t index; /* in the builder */
};

const char *pmr_set_type_name(enum set_type type);

/* All sets of a file, into l->sets. */
void pmr_sets_of(struct load *l, const struct node *sets);
/* The set that "@name" means; NULL: complained. */
const struct set *pmr_set_named(struct load *l, const struct node *n);

#endif
