/* keyfield.h - the fields by whose values packets are kept apart: of a limit, of an ask. */
#ifndef PMR_KEYFIELD_H
#define PMR_KEYFIELD_H

#include "load.h"

struct key_fields {
    enum pm_field fields[PM_KEY_FIELDS];
    uint8_t count;
};

/* The list of names; false: complained. */
bool pmr_key_fields_of(struct load *l, const struct node *list, struct key_fields *out);

#endif
