/* meaning.h - what a rule file means, in texts that are equal where the meaning is.
 *
 *     struct pm_rules *rules = pm_rules_load_meaning("office.json");
 *
 *     for (size_t i = 0; i < pm_meaning_rule_count(rules); i++)
 *         pm_meaning_rule(rules, i)->parts[PM_PART_MATCH].means ...
 *
 * The texts are made for comparing, not for reading: 80 and [80], a variable and its value, a list
 * in another order, a default and the same written out give the same text. What the author wrote
 * stands beside it (pm_said). Two texts that differ may still hold for the same packets: conditions
 * are brought into a normal form, not proved.
 *
 * Everything belongs to the rules and lives as long as they do.
 */
#ifndef PKTMOD_MEANING_H
#define PKTMOD_MEANING_H

#include "rules.h"

/* As pm_rules_load(), and keeps what the file means. */
struct pm_rules *pm_rules_load_meaning(const char *path);

/* Where something stands in a file, and how: its JSON on one line. */
struct pm_said {
    const char *file;
    size_t line;
    const char *text; /* NULL: nothing is said, the default holds */
};

struct pm_meant {
    const char *means;
    const char *expanded; /* with the values of sets where `means` has "@name" */
    struct pm_said said;
};

#define PM_PART_MAP(X)                                                                             \
    X(ENABLED, "enabled")                                                                          \
    X(MODE, "mode")                                                                                \
    X(MATCH, "match")                                                                              \
    X(ACTION, "action") /* said as "verdict", "rewrite" or "log_only" */                           \
    X(SCOPE, "scope")                                                                              \
    X(STAGE, "stage")                                                                              \
    X(FINAL, "final")                                                                              \
    X(LIMIT, "limit")                                                                              \
    X(SAMPLE, "sample")                                                                            \
    X(COUNT_OF_PACKETS, "count")                                                                   \
    X(WHEN, "when")                                                                                \
    X(LOG, "log")

enum pm_part {
#define PM_PART_ENUM(id, name) PM_PART_##id,
    PM_PART_MAP(PM_PART_ENUM)
#undef PM_PART_ENUM
        PM_PART_COUNT
};

/* A packet that the rule holds for has the field, and a value of it in one of the ranges that name
 * the field. */
struct pm_narrow {
    enum pm_field field;
    uint32_t lo, hi;
};

struct pm_rule_meaning {
    const char *id;
    struct pm_said at; /* the whole rule; no text */
    bool is_enabled;   /* else it is in no policy */
    enum pm_action action;
    enum pm_stage stage;
    const char *action_key; /* "verdict", "rewrite", "log_only" */
    struct pm_meant parts[PM_PART_COUNT];
    const struct pm_meant *ops; /* of a rewrite, one for each element of its list */
    size_t op_count;
    const struct pm_narrow *narrows; /* neighbours have the same field */
    size_t narrow_count;
    const char *words; /* note and tags */
};

size_t pm_meaning_rule_count(const struct pm_rules *rules); /* disabled ones too, in file order */
const struct pm_rule_meaning *pm_meaning_rule(const struct pm_rules *rules, size_t index);

/* "policy": every setting, whether it is said or not; `means` is its value. */
struct pm_setting_meaning {
    const char *name;
    struct pm_meant value;
};

size_t pm_meaning_setting_count(const struct pm_rules *rules);
const struct pm_setting_meaning *pm_meaning_setting(const struct pm_rules *rules, size_t index);

struct pm_set_meaning {
    const char *name;
    struct pm_said at;         /* no text */
    const char *means;         /* of all values together; its type too */
    const char *const *values; /* ascending, each once */
    size_t value_count;
};

size_t pm_meaning_set_count(const struct pm_rules *rules);
const struct pm_set_meaning *pm_meaning_set(const struct pm_rules *rules, size_t index);
/* Whether the rule's conditions name the set. */
bool pm_meaning_uses_set(const struct pm_rule_meaning *rule, const char *set);

#endif
