/* ruletests.h - the steps of reading the tests of a rule file. */
#ifndef PMR_RULETESTS_H
#define PMR_RULETESTS_H

#include "load.h"
#include "ruletest.h"

/* All tests of the list, into l->rules; the ids of all rules are known. */
void pmr_ruletests_of(struct load *l, const struct node *list);

/* One packet that comes in. */
void pmr_ruletest_packet_of(struct load *l, const struct node *n, struct pm_ruletest_packet *out);
/* "stream", and "resegment" beside it. */
void pmr_ruletest_stream_of(struct load *l, const struct node *n, struct pm_ruletest_stream *out);
void pmr_ruletest_modes_of(struct load *l, const struct node *n, struct pm_ruletest_stream *stream);
/* "expect"; what the test does is in out already. */
void pmr_ruletest_expect_of(struct load *l, const struct node *n, struct pm_ruletest *out);

/* "leaves", where it is a condition; *out belongs to what was loaded. */
void pmr_ruletest_leaving_of(struct load *l, const struct node *n, struct pm_policy **out);
void pmr_ruletest_leaving_free(struct pm_rules *rules);

/* "answers" */
void pmr_ruletest_answers_of(struct load *l, const struct node *n, struct pm_ruletest *out);
/* Whether there is a rule with that id; complains of the value, or of its key. */
bool pmr_ruletest_is_rule(struct load *l, const struct node *n, const char *id, bool is_key);

/* Texts and bytes that stay as long as what was loaded. NULL, false: complained, or no memory. */
const char *pmr_ruletest_text(struct load *l, const struct node *n);
bool pmr_ruletest_bytes(struct load *l, const struct node *n, struct pm_ruletest_bytes *out);
/* Numbers of all sizes; false: complained. */
bool pmr_ruletest_number(struct load *l, const struct node *object, const char *key, int64_t most,
                         int64_t *out);

#endif
