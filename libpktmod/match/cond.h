/* cond.h - compiled conditions: a tree of tests, evaluated in two or three values. */
#ifndef PM_MATCH_COND_H
#define PM_MATCH_COND_H

#include <pktmod/explain.h>

#include "match/bpf.h"
#include "match/field.h"
#include "match/set.h"

/* All conditions of a policy, in flat arrays; ids are indices of nodes. Immutable once built. */
struct pm_conds;

struct pm_conds *pm_conds_new(void);
void pm_conds_free(struct pm_conds *conds);
size_t pm_conds_footprint(const struct pm_conds *conds); /* without the sets */

/* Conditions inside conditions go no deeper; all and any of a single one, and not of not, cost no
 * depth. Evaluation keeps one small frame per level on the stack. */
#define PM_COND_DEPTH 256

/* Node makers; as pm_cond_* in policy.h. false: no memory, or deeper than PM_COND_DEPTH (then *id
 * is PM_COND_TRUE). Node 0 is PM_COND_TRUE. Byte values are copied, patterns compiled, and pm_conds
 * takes over the sets and BPF programs. The kinds of the values fit the field, pm_value_check took
 * them, the ids were given before. */
bool pm_conds_test(struct pm_conds *c, enum pm_field field, const struct pm_value *values,
                   size_t count, pm_cond_id *id);
bool pm_conds_present(struct pm_conds *c, enum pm_field field, pm_cond_id *id);
bool pm_conds_all(struct pm_conds *c, const pm_cond_id *conds, size_t count, pm_cond_id *id);
bool pm_conds_any(struct pm_conds *c, const pm_cond_id *conds, size_t count, pm_cond_id *id);
bool pm_conds_not(struct pm_conds *c, pm_cond_id cond, pm_cond_id *id);
bool pm_conds_add_set(struct pm_conds *c, enum pm_set_kind kind, uint32_t *index);
bool pm_conds_set_put(struct pm_conds *c, uint32_t set, const struct pm_value *value);
bool pm_conds_add_bpf(struct pm_conds *c, uint32_t *index);
/* The program was checked with pm_bpf_is_valid. */
bool pm_conds_bpf_put(struct pm_conds *c, uint32_t bpf, uint16_t linktype,
                      const struct pm_bpf_insn *insns, size_t count);
bool pm_conds_seal(struct pm_conds *c); /* seals the sets; call once, after that only reading */

/* What evaluating needs beside the conditions, allocated at once; one for each engine. */
struct pm_cond_room;
struct pm_cond_room *pm_cond_room_new(const struct pm_conds *c); /* NULL: no memory */
void pm_cond_room_free(struct pm_cond_room *room);
size_t pm_cond_room_footprint(const struct pm_conds *c);
/* Attempts of regexes that were given up at a limit, since the room was made. */
uint64_t pm_cond_room_limits(const struct pm_cond_room *room);
/* Why the last condition that could not be told was so. */
enum pm_why pm_cond_room_doubt(const struct pm_cond_room *room);

/* Whether the condition holds for the packet; DEPENDS: that cannot be told, because a regex gave up
 * at a limit. */
enum pm_truth pm_cond_truth(const struct pm_conds *c, pm_cond_id cond, const struct pm_subject *s);

static inline bool pm_cond_holds(const struct pm_conds *c, pm_cond_id cond,
                                 const struct pm_subject *s)
{
    return pm_cond_truth(c, cond, s) == PM_TRUE;
}

/* Whether it holds for every packet of this packet's flow and side (TRUE), for none (FALSE), or
 * DEPENDS on the packet. Looks only at flow-constant fields. */
enum pm_truth pm_cond_for_flow(const struct pm_conds *c, pm_cond_id cond,
                               const struct pm_subject *s);

/* The condition will be evaluated soon. */
void pm_cond_prefetch(const struct pm_conds *c, pm_cond_id cond);

/* What the classifier asks: walks the tests that must hold for the condition to hold (the node
 * itself, or the children of top-level `all`s) and calls visit for each plain test. */
typedef void pm_cond_visit_fn(void *context, enum pm_field field, const struct pm_value *values,
                              size_t count, const struct pm_conds *c);
void pm_cond_required(const struct pm_conds *c, pm_cond_id cond, pm_cond_visit_fn *visit,
                      void *context);

#endif
