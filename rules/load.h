/* load.h - one load of rule files: what its steps share.
 *
 *     file.c     reads a file, and the files it includes
 *     scan.c     checks the text strictly and notes where every value stands (node.h)
 *     names.c    variables, sets, ids
 *     rule.c     rules, with cond.c, test.c; verdict.c, ask.c; op.c and a file for each operation;
 *                modifier.c, when.c, zone.c, logging.c; settings.c, set.c beside them
 *     trace.c    how rules stand in the files, for who explains them
 *     record.c, canon.c, effect.c, meaning.c   what it means, where somebody asks (meaning.h)
 *     ruletest.c, ruletest_packet.c, ruletest_expect.c   tests of the rules
 *     lint.c   what is no error but hardly meant; its steps are listed in lint.h
 *     diagnostic.c, print.c   what is wrong, in order, for people and for editors
 */
#ifndef PMR_LOAD_H
#define PMR_LOAD_H

#include <sys/types.h>

#include "memory.h"
#include "names.h"
#include "node.h"
#include "rules.h"

#define PMR_TEXT_MAX  (64u << 20) /* bytes of a file */
#define PMR_DEPTH_MAX 64u         /* values within values */

struct leaving;
struct lint;

/* A JSON file that was opened. */
struct file {
    const char *path; /* as it stands in diagnostics */
    const char *text; /* a NUL behind it */
    size_t len;
    const uint32_t *lines; /* where each line begins */
    size_t line_count;
    struct tree *tree;
    const struct node *nodes; /* nodes[0] is the whole value; node_count 0: not understood */
    size_t node_count;
    uint32_t order;            /* of opening, among all files */
    const struct file *parent; /* that includes it, at this place */
    const struct node *included_at;
    uint32_t depth; /* includes on the way to it */
    dev_t device;
    ino_t inode;
    bool is_on_disk;
};

/* A diagnostic and what it is sorted by. */
struct entry {
    struct pm_diagnostic shown;
    uint32_t order, number; /* of its file; of its own */
};

/* How rules stand in their files; trace.h. */
struct trace {
    bool is_kept, is_open; /* open: a rule is being read */
    uint32_t enabled;      /* rules that are in the policy */
    struct pm_source_rule *rules;
    struct pm_source_item *items; /* of all rules, one after the other */
    size_t rule_count, rule_cap, item_count, item_cap;
};

struct pm_rules {
    struct memory memory;
    struct pm_policy *policy;
    const char *name;
    struct entry *entries;
    size_t entry_count, entry_cap, error_count;
    struct entry no_memory; /* told even without memory */
    struct pm_ruletest *tests;
    struct leaving *leaving; /* of the tests */
    size_t test_count;
    struct trace trace;
    struct meaning *meaning; /* record.h; NULL: nobody asked for it */
    size_t warning_count;
    const char **notes;
    size_t note_count, note_cap;
};

struct load {
    struct pm_rules *rules;
    struct memory memory; /* what is needed until the load is done */
    struct file **files;
    size_t file_count, file_cap;
    uint32_t opened; /* files, sets' ones included */
    bool may_open;
    struct pm_builder *builder;
    struct names vars, sets, ids, zones;
    struct {
        const struct node *final, *stream; /* the first "final" and test of `stream`, or NULL */
        const char *stream_rule;
        const char *hello_rule;            /* the first that tests a TLS hello, or NULL */
        uint32_t answers;                  /* rules that are asked once for each flow */
    } seen;                                /* of rules that are in use, for what they exclude */
    size_t text_len;                       /* of all files */
    size_t var_values;                     /* that variables stand for, wherever they are used */
    size_t bpf_insns;                      /* of all tcpdump expressions */
    uint32_t hold_bytes, stream_dir_bytes; /* of the policy */
    bool in_test;                          /* a condition of a test is read, not of a rule */
    const struct node *via; /* where a variable is used while it is looked into, or NULL */
    struct {
        uint32_t order;
        size_t line;
        const char *text;
    } last_line; /* consecutive diagnostics share the copy of their line */
    struct {
        const struct file *file;
        size_t line, start, column;
    } last_place;            /* columns are counted on from the last one */
    const char *zone_folder; /* of the system's time zones, once it was looked for */
    uint32_t offers;         /* names that were compared to find what was meant */
    struct lint *lint;       /* NULL: nothing is kept for it */
};

/* As pm_rules_load (is_text false: name is the path) and pm_rules_load_text; with a budget of
 * allocations for tests of what happens without memory (NULL: no end). */
struct pm_rules *pmr_load(bool is_text, const char *name, const char *text, size_t len,
                          size_t *budget);
/* A file, with what it means (meaning.h). */
struct pm_rules *pmr_load_meaning(const char *path, size_t *budget);
struct pm_check_options;
/* As pm_rules_check_text, with a budget. */
struct pm_rules *pmr_check(const char *name, const char *text, size_t len, size_t *budget,
                           const struct pm_check_options *options);

#endif
