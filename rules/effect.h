/* effect.h - what a rule does and what narrows it, as texts that are equal where the meaning is. */
#ifndef PMR_EFFECT_H
#define PMR_EFFECT_H

#include "words.h"

/* Verdicts, with all that belongs to them; a rewrite is its edits (pmr_effect_op). */
void pmr_effect_verdict(struct words *w, const struct pm_rule_spec *spec);
/* hold_bytes is the policy's, which bounds what a regex sees. */
void pmr_effect_op(struct words *w, const struct pm_op_spec *op, uint32_t hold_bytes);
/* Edits of headers that do not touch each other in an order of their own; others stay. */
void pmr_effect_sort_ops(struct pm_op_spec *ops, size_t count);

/* Nothing is written of a modifier that lets everything through. */
void pmr_effect_limit(struct words *w, const struct pm_modifiers *modifiers);
void pmr_effect_sample(struct words *w, const struct pm_modifiers *modifiers);
void pmr_effect_count(struct words *w, const struct pm_modifiers *modifiers);
/* zone: its name as the file has it, or NULL. */
void pmr_effect_when(struct words *w, const struct pm_modifiers *modifiers, const char *zone);
void pmr_effect_log(struct words *w, const struct pm_log_spec *log);

#endif
