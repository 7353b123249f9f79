/* trace.h - the steps of keeping how rules stand in their files; each does nothing where that is
 * not asked for. */
#ifndef PMR_TRACE_H
#define PMR_TRACE_H

#include "load.h"
#include "source.h"

/* A rule begins; its conditions come next. */
void pmr_trace_rule(struct load *l, const struct node *rule);
/* The rule is as it is in spec. */
void pmr_trace_rule_end(struct load *l, const char *id, bool is_enabled);

/* A condition begins, at its key if it has one; what comes before its _end is inside it. */
size_t pmr_trace_begin(struct load *l, enum pm_source_kind kind, const struct node *n);
void pmr_trace_test(struct load *l, size_t index, enum pm_field field);
void pmr_trace_end(struct load *l, size_t index, pm_cond_id cond);

/* Nothing more will be added. */
void pmr_trace_finish(struct load *l);

#endif
