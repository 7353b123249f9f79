/* bpf.h - tcpdump expressions, compiled through libpcap. */
#ifndef PMR_BPF_H
#define PMR_BPF_H

#include "load.h"

/* False: complained. *out is the program's number in the builder. */
bool pmr_bpf_compile(struct load *l, const struct node *n, uint32_t *out);

#endif
