/* source.h - how the rules of a file stand in it, for who tells why one did or did not match. */
#ifndef PKTMOD_SOURCE_H
#define PKTMOD_SOURCE_H

#include "rules.h"

enum pm_source_kind {
    PM_SOURCE_TEST, /* a field and what it is tested for */
    PM_SOURCE_ALL,  /* the conditions behind it, one level down, must all hold */
    PM_SOURCE_ANY,
    PM_SOURCE_NOT
};

/* A condition as it stands in the file. Those inside it follow it directly:
 *
 *     { "a": 1, "any": [ { "b": 2 }, { "c": 3 } ] }      ALL  TEST a  ANY  ALL  TEST b  ALL  TEST c
 *                                                  size   7     1     5    2     1      2     1
 */
struct pm_source_item {
    enum pm_source_kind kind;
    uint32_t size;       /* this one and all inside it */
    pm_cond_id cond;     /* in the policy */
    enum pm_field field; /* TEST */
    size_t line;         /* from 1 */
    const char *text;    /* TEST: key and value on one line, long ones cut; else NULL */
};

/* The modifiers of a rule, as they stand there. */
enum { PM_SOURCE_WHEN, PM_SOURCE_SAMPLE, PM_SOURCE_COUNT, PM_SOURCE_LIMIT, PM_SOURCE_MODIFIERS };

struct pm_source_rule {
    const char *id, *file;
    size_t line;
    bool is_enabled;                    /* else it is not in the policy */
    uint32_t rule;                      /* in the policy, if it is */
    const struct pm_source_item *items; /* items[0] is the whole "match" */
    size_t item_count;
    const char *modifiers[PM_SOURCE_MODIFIERS]; /* NULL: it has no such */
};

/* As pm_rules_load(), and keeps how the rules stand in their files. */
struct pm_rules *pm_rules_load_traced(const char *path);

/* In order of the policy, disabled rules between; 0 if it was not traced, or there was an error. */
size_t pm_rules_source_count(const struct pm_rules *rules);
const struct pm_source_rule *pm_rules_source(const struct pm_rules *rules, size_t index);

#endif
