/* cond.h - conditions of rules: which packets. */
#ifndef PMR_COND_H
#define PMR_COND_H

#include "load.h"

/* A condition in the builder, and what it has to do with TCP: whether it can hold for a TCP packet
 * at all, and whether it holds for every one. In doubt it can, and does not for every one. */
struct cond {
    pm_cond_id id;
    bool can_be_tcp, is_all_tcp;
    const struct node *stream; /* the first test of the stream of a direction, or NULL */
    const struct node *hello;  /* the first test of a field of a TLS hello, or NULL */
    const struct node *http;   /* the same of an HTTP message */
};

/* The condition of the object; complains where it is none, and answers something then. */
struct cond pmr_cond_of(struct load *l, const struct node *n);

/* The same of one member of such an object. */
struct cond pmr_cond_member_of(struct load *l, const struct node *n);

#endif
