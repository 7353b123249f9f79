/* var.h - variables: values with a name. */
#ifndef PMR_VAR_H
#define PMR_VAR_H

#include "load.h"

/* All variables of a file, into l->vars. */
void pmr_vars_of(struct load *l, const struct node *vars);
/* Whether the value is a text that begins with "$". */
bool pmr_is_var(const struct node *n);
/* The value that "$name" means, a scalar or a list of scalars; NULL: complained. */
const struct node *pmr_var_named(struct load *l, const struct node *n);

#endif
