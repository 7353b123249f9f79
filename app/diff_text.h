/* diff_text.h - what differs, for people and for programs. */
#ifndef PKTMOD_APP_DIFF_TEXT_H
#define PKTMOD_APP_DIFF_TEXT_H

#include "app/diff_packets.h"
#include "app/diff_rules.h"
#include "app/json.h"

struct pm_diff_shown {
    const char *old, *new; /* the files, as they were named */
    bool is_all;           /* however much it is */
};

void pm_diff_text_rules(const struct pm_rules_diff *diff, const struct pm_diff_shown *shown,
                        FILE *out);
void pm_diff_text_packets(const struct pm_packets_diff *diff, const struct pm_diff_shown *shown,
                          FILE *out);
/* Members of the document. */
void pm_diff_json_rules(const struct pm_rules_diff *diff, struct pm_json *json);
/* An element of the list of captures. */
void pm_diff_json_packets(const struct pm_packets_diff *diff, struct pm_json *json);

/* "rewrite", "match": how the part is said; of a rule that does something else now, how it is said
 * there. */
const char *pm_meant_name(const struct pm_rule_meaning *rule, enum pm_part part);
const char *pm_change_name(enum pm_change kind);

#endif
