/* setfile.h - the values of a set, one on each line of a file.
 *
 * Space around a line, empty lines, and lines that begin with '#' do not count. Behind a cidr, port
 * or domain a '#' begins a comment too. A line of a bytes set is text, or hex: or base64: and what
 * they say. */
#ifndef PMR_SETFILE_H
#define PMR_SETFILE_H

#include "load.h"
#include "notation.h"
#include "set.h"

#define PMR_SET_LINE_MAX 4096u /* bytes of a line */

/* path: the value of "file". Complains of what cannot be read, with that file's lines. */
void pmr_setfile_read(struct load *l, const struct set *set, const struct node *path);

/* From set.c: a value as it stands in a text, and putting it in. */
bool pmr_set_parse(enum set_type type, const char *text, struct pm_value *out, struct complaint *c);
void pmr_set_put(struct load *l, const struct set *set, const struct pm_value *value);

#endif
