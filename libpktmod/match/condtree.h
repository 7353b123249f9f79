/* condtree.h - the inside of compiled conditions: one array of nodes, children before parents.
 *
 *     nodes   [0 true] [1 test tcp.dstport] [2 test ip.src] [3 all: kids 0..1] [4 not: kid 3]
 *     kids    [1] [2] ...           values  [443..443] [10.0.0.0/8] ...
 */
#ifndef PM_MATCH_CONDTREE_H
#define PM_MATCH_CONDTREE_H

#include "match/cond.h"

enum pm_node_kind { PM_NODE_TEST, PM_NODE_PRESENT, PM_NODE_ALL, PM_NODE_ANY, PM_NODE_NOT };

struct pm_node {
    uint8_t kind;   /* enum pm_node_kind */
    uint8_t field;  /* TEST, PRESENT */
    uint16_t depth; /* nodes on the longest way down, this one included */
    uint32_t first; /* TEST: in values; ALL, ANY: in kids; NOT: the node itself */
    uint32_t count;
};

/* Bytes of values, in blocks that never move. */
struct pm_block {
    struct pm_block *next;
    size_t used, cap;
    uint8_t bytes[];
};

/* The programs of one BPF expression are linked by the index of the next; UINT32_MAX ends. */
struct pm_bpf_program {
    uint16_t linktype;
    uint32_t next;
    uint32_t first; /* in insns */
};

struct pm_conds {
    struct pm_node *nodes;
    uint32_t *kids;
    struct pm_value *values;
    struct pm_set **sets;
    uint32_t *bpfs; /* first program of each expression */
    struct pm_bpf_program *programs;
    struct pm_bpf_insn *insns;
    struct pm_block *blocks;
    uint32_t nodes_count, kids_count, values_count, sets_count, bpfs_count, programs_count,
        insns_count;
    uint32_t nodes_cap, kids_cap, values_cap, sets_cap, bpfs_cap, programs_cap, insns_cap;
};

/* Link types whose bytes are the same to a program: the numbers of RAW. */
static inline uint16_t pm_bpf_link(uint16_t linktype)
{
    return linktype == PM_LINK_RAW_BSD || linktype == PM_LINK_RAW_OBSD ? PM_LINK_RAW : linktype;
}

#endif
