/* vectorscan.h - finding very many literals with Vectorscan (or Hyperscan), where the library was
 * built with it and it measures better than windows (window.h).
 *
 * One call finds all hits of a text, in no order one may rely on; they are collected in the
 * engine's room and sorted. More hits than the room takes: the caller searches by itself. */
#ifndef PM_MATCH_VECTORSCAN_H
#define PM_MATCH_VECTORSCAN_H

#include "match/literal.h"

/* Where it measures better, on real text and on text that shares no words with the literals: fewer
 * are found sooner by windows, and so are more. Where text and literals have the same words it is
 * the slower one by a third. */
#define PM_VECTORSCAN_FROM 1000u
#define PM_VECTORSCAN_TO   4096u

/* Hits of one text that can be collected. */
#define PM_VECTORSCAN_HITS 128u

struct pm_vectorscan; /* compiled, immutable */

/* NULL: built without it, not for this processor, literals that it does not take, no memory. The
 * list must stay until then only. */
struct pm_vectorscan *pm_vectorscan_new(const struct pm_literal *list, uint32_t count);
void pm_vectorscan_free(struct pm_vectorscan *v);
size_t pm_vectorscan_footprint(const struct pm_vectorscan *v);

/* What scans write to: one for each engine, made fit for every set that it will scan with. */
struct pm_vectorscan_room;

/* *room is NULL at first. False: no memory; *room stays good for what it was made fit for. */
bool pm_vectorscan_fit(struct pm_vectorscan_room **room, const struct pm_vectorscan *v);
void pm_vectorscan_room_free(struct pm_vectorscan_room *room);
/* Of a room that was made fit for this alone; fit for several it is as large as the largest. */
size_t pm_vectorscan_room_footprint(const struct pm_vectorscan *v);

/* All hits of the text in order of (position, literal), of the active literals (ascending; NULL:
 * all) only; in the room until its next scan. NULL: more than PM_VECTORSCAN_HITS. */
const struct pm_hit *pm_vectorscan_run(const struct pm_vectorscan *v,
                                       struct pm_vectorscan_room *room, const uint32_t *active,
                                       uint32_t active_count, const uint8_t *bytes, size_t len,
                                       uint32_t *count);

#endif
