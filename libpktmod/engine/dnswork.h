/* dnswork.h - what rules make of one DNS message, wherever it came from.
 *
 *     names      all renames at once, in the message as it came
 *     dns        each edit, in the order of the file, in what the one before made of it
 *     too long   an answer over UDP that its asker may not take is cut to TC
 */
#ifndef PM_ENGINE_DNSWORK_H
#define PM_ENGINE_DNSWORK_H

#include "engine/rewriter.h"

struct pm_dns_work {
    const uint8_t *bytes; /* in: the message, which is left alone; out: what became of it */
    size_t len;
    size_t most;       /* bytes that an answer may have; more is cut */
    uint32_t op_count; /* of r->dns->ops; 0: the message is as it was */
};

size_t pm_dns_room_footprint(const struct pm_policy *policy);
bool pm_dns_room_init(struct pm_rewriter *r);
void pm_dns_room_release(struct pm_rewriter *r);

/* Makes the edits of the selected rules. NONE: they are made, or there is nothing to change. Else
 * why none is. */
enum pm_why pm_dns_work(struct pm_rewriter *r, const struct pm_selection *s,
                        struct pm_dns_work *work);

/* The first selected op that answers queries; PM_NO_SLOT: there is none. */
uint32_t pm_dns_responder(const struct pm_rewriter *r, const struct pm_selection *s);
/* The answer to the query. NONE: it is in work. */
enum pm_why pm_dns_answer(struct pm_rewriter *r, uint32_t op, struct pm_dns_work *work);

/* What became of `from` as one edit in the plan, at `position`: from the first byte that differs to
 * the last. */
struct pm_plan_edit pm_dns_plan(const struct pm_rewriter *r, const struct pm_dns_work *work,
                                const uint8_t *from, size_t from_len, uint32_t position);
/* Counts the ops behind the first, which the plan has. */
void pm_dns_count(struct pm_rewriter *r, const struct pm_passage *p,
                  const struct pm_dns_work *work);

#endif
