/* dns.h - the operation on DNS messages, and replaces in their names. */
#ifndef PMR_DNS_H
#define PMR_DNS_H

#include "load.h"

void pmr_dns_of(struct load *l, const struct node *n, struct pm_op_spec *op);

/* Whether a replace looks in the names of DNS messages. */
bool pmr_is_dns_rename(const struct node *replace);
void pmr_dns_rename_of(struct load *l, const struct node *n, struct pm_op_spec *op);

#endif
