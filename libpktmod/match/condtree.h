/* condtree.h - the inside of compiled conditions: one array of cells, in order of making.
 *
 *     cell  0        1                  6                  11
 *           [true]   [test: 80..80]     [test: 10/8]       [all: 1 6]
 *
 * A node is a head and behind it its values or its children, so that the parts of a rule, made one
 * after the other, lie side by side. The id of a node is its first cell. */
#ifndef PM_MATCH_CONDTREE_H
#define PM_MATCH_CONDTREE_H

#include "match/cond.h"
#include "match/regex.h"
#include "match/sametest.h"

enum pm_node_kind { PM_NODE_TEST, PM_NODE_PRESENT, PM_NODE_ALL, PM_NODE_ANY, PM_NODE_NOT };

struct pm_node {
    uint8_t kind;   /* enum pm_node_kind */
    uint8_t field;  /* TEST, PRESENT */
    uint16_t depth; /* nodes on the longest way down, this one included */
    uint32_t count; /* values or children behind it */
};

_Static_assert(sizeof(struct pm_node) == sizeof(uint64_t) &&
                   sizeof(struct pm_value) % sizeof(uint64_t) == 0,
               "nodes and values fill cells");

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
    struct pm_same_tests same; /* until they are sealed */
    uint64_t *cells;
    struct pm_set **sets;
    uint32_t *bpfs; /* first program of each expression */
    struct pm_bpf_program *programs;
    struct pm_bpf_insn *insns;
    struct pm_block *blocks;
    struct pm_regex **regexes;
    struct pm_value *streams; /* the values of all tests on streams; their nodes have a stretch */
    uint32_t cells_count, sets_count, bpfs_count, programs_count, insns_count, regexes_count,
        streams_count;
    uint32_t cells_cap, sets_cap, bpfs_cap, programs_cap, insns_cap, regexes_cap, streams_cap;
};

static inline const struct pm_node *pm_node_at(const struct pm_conds *c, pm_cond_id id)
{
    return (const struct pm_node *)(const void *)(c->cells + id);
}

static inline const struct pm_value *pm_node_values(const struct pm_node *node)
{
    return (const struct pm_value *)(const void *)(node + 1);
}

struct pm_cond_room {
    struct pm_regex_room *regex;     /* NULL: the conditions have none */
    struct pm_span *groups;          /* as many as the regex with the most has */
    struct pm_vectorscan_room *scan; /* for sets of patterns; NULL: they need none */
    uint64_t limits;
    enum pm_why doubt;
};

/* A node with tests on streams: which of streams they are. */
struct pm_stream_stretch {
    uint32_t first, count;
};

static inline struct pm_stream_stretch pm_node_streams(const struct pm_node *node)
{
    const struct pm_value *value = (const struct pm_value *)(const void *)(node + 1);
    return (struct pm_stream_stretch){value->range.lo, value->range.hi};
}

/* The regex of a REGEX value inside a node, where the index of the compiled one has taken the
 * place of the pattern. */
static inline const struct pm_regex *pm_value_regex(const struct pm_conds *c,
                                                    const struct pm_value *value)
{
    return c->regexes[value->set];
}

static inline const pm_cond_id *pm_node_kids(const struct pm_node *node)
{
    return (const pm_cond_id *)(const void *)(node + 1);
}

/* Link types whose bytes are the same to a program: the numbers of RAW. */
static inline uint16_t pm_bpf_link(uint16_t linktype)
{
    return linktype == PM_LINK_RAW_BSD || linktype == PM_LINK_RAW_OBSD ? PM_LINK_RAW : linktype;
}

#endif
