/* dnsstream.h - DNS over TCP: edits of the messages in the searched bytes of a stream, one after
 * the other, beside what search.c finds.
 *
 * A message is looked at when it is whole, by the rules that hold for it, and becomes one edit from
 * its length to its end: no other edit begins inside. It waits for its rest within hold_bytes;
 * where it is longer, or the wait is given up, it passes. */
#ifndef PM_ENGINE_DNSSTREAM_H
#define PM_ENGINE_DNSSTREAM_H

#include "engine/rewriter.h"

/* A walk over the messages of one search. */
struct pm_messages {
    size_t position, end;     /* of the one at hand; position len: there is none */
    bool is_whole;            /* else its rest is to be waited for */
    struct pm_plan_edit edit; /* of a whole one */
};

/* Whether rules may edit messages of the packet's side: they are TCP from or to port 53. */
bool pm_dns_stream_is_on(const struct pm_passage *p);

void pm_messages_begin(struct pm_rewriter *r, const struct pm_passage *p,
                       const struct pm_search *search, struct pm_messages *m);
/* Nothing begins before `end`: messages that do pass as they are. */
void pm_messages_skip(struct pm_rewriter *r, const struct pm_passage *p,
                      const struct pm_search *search, struct pm_messages *m, size_t end);

#endif
