/* check.h - rule files loaded for `pktmod check`: also told is what is no error but hardly meant.
 */
#ifndef PKTMOD_CHECK_H
#define PKTMOD_CHECK_H

#include "ruletest.h"

/* The data path that the rules are for. */
enum pm_platform { PM_PLATFORM_ANY, PM_PLATFORM_MACOS, PM_PLATFORM_LINUX, PM_PLATFORM_REPLAY };

/* What the policy's filter says of a packet that begins a flow. */
struct pm_check_judged {
    bool is_by_rule; /* `rule` decided, and no limit of the engine */
    uint32_t rule;   /* its index */
};

/* Makes the packet and lets the filter of the policy judge it at that stage. False: it cannot be
 * judged by itself. */
typedef bool pm_check_judge_fn(void *context, struct pm_policy *policy, enum pm_stage stage,
                               const struct pm_ruletest_packet *packet,
                               struct pm_check_judged *out);

struct pm_check_options {
    enum pm_platform platform;
    pm_check_judge_fn *judge; /* NULL: nothing is told that needs it */
    void *context;            /* of judge; for one policy */
};

/* As pm_rules_load; where the file has no error, warnings of lint come with it. */
struct pm_rules *pm_rules_check(const char *path, const struct pm_check_options *options);
/* As pm_rules_load_text, likewise. */
struct pm_rules *pm_rules_check_text(const char *name, const char *text, size_t len,
                                     const struct pm_check_options *options);

size_t pm_rules_warning_count(const struct pm_rules *rules);

/* What is worth knowing and no fault, as sentences: what waits in streams, which routes lead into
 * the tunnel. */
size_t pm_rules_note_count(const struct pm_rules *rules);
const char *pm_rules_note(const struct pm_rules *rules, size_t index);

/* ---- codes of diagnostics */

/* What a code means: its name and line; why it matters; a file that gets it, one that does not.
 * wrong, right: NULL where a file alone cannot show it. */
struct pm_code_text {
    const char *name, *meaning, *why, *wrong, *right;
};

size_t pm_code_count(void);
struct pm_code_text pm_code_text(size_t index);
/* "PKM301", "pkm301", "301"; false: *nearest is the index of the next one, or pm_code_count() where
 * the name is no number at all. */
bool pm_code_find(const char *name, size_t *index, size_t *nearest);

#endif
