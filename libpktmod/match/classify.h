/* classify.h - which of very many rules can hold for a packet: tuple space search.
 *
 * Each rule is filed under the exact bits that its condition requires (IP version, protocol,
 * address prefixes, ports). Rules that fix the same bits share one hash table, a "tuple". A lookup
 * asks every tuple once, with the packet's bits masked as the tuple wants them. What comes back are
 * candidates in ascending order of rule; the caller still evaluates their whole condition.
 *
 *     tuple (v4, tcp, dst/24, dport)   { 10.1.2.0:443 -> rules 3, 17; ... }
 *     tuple (v4, -,   dst/16, -)       { 10.9.0.0 -> rule 5; ... }
 *     tuple (no bits)                  rules that require nothing we can file
 */
#ifndef PM_MATCH_CLASSIFY_H
#define PM_MATCH_CLASSIFY_H

#include "match/cond.h"

struct pm_classifier; /* immutable */

/* conds[i] is the condition of rule i. conds must outlive the classifier. NULL: no memory. */
struct pm_classifier *pm_classifier_new(const struct pm_conds *c, const pm_cond_id *conds,
                                        uint32_t count);
void pm_classifier_free(struct pm_classifier *k);
size_t pm_classifier_footprint(const struct pm_classifier *k);

/* A walk through the candidates of one packet in ascending order of rule, each once. On the stack.
 * Enough state for a heap-free merge of the tuples' lists; bounded by PM_TUPLE_MAX tuples (rules
 * beyond that are filed with fewer bits). */
#define PM_TUPLE_MAX 64

struct pm_candidates {
    const struct pm_classifier *classifier;
    const uint32_t *next[PM_TUPLE_MAX], *end[PM_TUPLE_MAX];
    uint32_t lists;
    uint32_t last; /* rule given last, so that a rule filed twice comes once */
};

/* First candidate at or after rule `from` is the first that pm_candidates_next gives. */
void pm_candidates_begin(struct pm_candidates *walk, const struct pm_classifier *k,
                         const struct pm_subject *s, uint32_t from);
/* The next candidate rule; PM_NO_RULE when there is no more. */
uint32_t pm_candidates_next(struct pm_candidates *walk);

#endif
