/* diff_rules.h - what two rule files mean differently, rule by rule. */
#ifndef PKTMOD_APP_DIFF_RULES_H
#define PKTMOD_APP_DIFF_RULES_H

#include "rules/meaning.h"

enum pm_change {
    PM_CHANGE_ADDED,
    PM_CHANGE_REMOVED,
    PM_CHANGE_CHANGED,
    PM_CHANGE_MOVED,
    PM_CHANGE_WORDS, /* nothing that a packet or a log could show */
    PM_CHANGE_KINDS
};

struct pm_rule_change {
    enum pm_change kind;
    const struct pm_rule_meaning *old, *new; /* ADDED: no old; REMOVED: no new */
    unsigned parts;                          /* CHANGED: bits of enum pm_part */
    const struct pm_rule_meaning
        *past;       /* MOVED: in the new file, one that it changed places with */
    bool is_behind;  /* and now it stands behind that one */
    const char *why; /* WORDS: what it is then */
};

struct pm_set_change {
    const struct pm_set_meaning *old, *new;
    size_t added, removed;
    bool is_used; /* else no rule of the new file names it */
};

struct pm_setting_change {
    const struct pm_setting_meaning *old, *new;
};

struct pm_rules_diff {
    const struct pm_rules *old, *new;
    struct pm_rule_change *changes; /* in order of the new file; what was removed first */
    size_t count, cap;
    size_t kinds[PM_CHANGE_KINDS];
    struct pm_set_change *sets; /* that both files have, with other values */
    size_t set_count, used_sets;
    struct pm_setting_change *settings;
    size_t setting_count;
};

/* The rules are the caller's and outlive the diff. False: no memory. */
bool pm_rules_diff_find(struct pm_rules_diff *diff, const struct pm_rules *old,
                        const struct pm_rules *new);
void pm_rules_diff_free(struct pm_rules_diff *diff);
/* Something that means something is different. */
bool pm_rules_diff_differs(const struct pm_rules_diff *diff);

/* Two that mean the same, whatever the author wrote. */
bool pm_meant_is_same(const struct pm_meant *a, const struct pm_meant *b);

#endif
