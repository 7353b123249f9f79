/* values.h - the values of a test in a form that is the same for lists that mean the same. */
#ifndef PMR_VALUES_H
#define PMR_VALUES_H

#include "words.h"

/* Makes each value plain (a mask that is a range becomes one, a prefix loses the bits behind it),
 * sorts, joins what touches, and takes out what is there twice. Rearranges the list; how many are
 * left. Bytes that change are copied into the arena. */
size_t pmr_values_normal(struct memory *m, enum pm_field field, struct pm_value *values,
                         size_t count);
/* Whether every value that the field can have is among them. Of a normal list. */
bool pmr_values_are_all(enum pm_field field, const struct pm_value *values, size_t count);
/* One value as people write it; SET and BPF are the caller's. */
void pmr_value_print(struct words *w, const struct pm_value *value);

/* A number for a text that is too long to keep: 128 bits as hex. */
void pmr_words_digest(struct words *w, const char *text, size_t len);

#endif
