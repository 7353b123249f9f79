/* whole.h - datagrams that pass the filter in fragments.
 *
 * Later fragments get the verdict of the first: only that one has ports. A fragment that comes
 * before its first is judged by itself. Where rules look into payloads that is not enough, since
 * what they look for may be cut in two; then fragments are copied as they pass, and the one that
 * completes its datagram gets the verdict of the whole:
 *
 *     [ headers.. an at ]--> allow      copied
 *     [ tack b ]-----------> allow      copied: the whole is there, and "attack" in it: drop
 *
 * The filter holds nothing back, but without that fragment no receiver has the datagram. So that
 * nobody else completes it, what contradicts the copies is dropped (FRAGMENT_OVERLAP), and so is
 * every further fragment of it. Rules that only watch drop nothing.
 *
 * Bounded: see whole.c. Where the copies find no room (FRAGMENTS_FULL), on_engine_error decides
 * whether the datagram goes on unseen. */
#ifndef PM_ENGINE_WHOLE_H
#define PM_ENGINE_WHOLE_H

#include <pktmod/pktmod.h>

#include "base/keytable.h"
#include "flow/reassembly.h"

struct pm_filter;
struct pm_trial;

struct pm_wholes {
    struct pm_reassembly table;
    uint8_t *bytes; /* of one that is whole; NULL: no rule looks into payloads */
    uint8_t *piece; /* and of its first fragment */
    bool decides;   /* not only rules that watch look into them */
};

/* tests_payload: some rule may look into payloads. */
size_t pm_wholes_footprint(bool tests_payload);
/* False: no memory. */
bool pm_wholes_init(struct pm_filter *f, const uint64_t hash_key[2]);
void pm_wholes_release(struct pm_wholes *wholes);

struct pm_about_packet;
/* What is known of the datagram that the packet, if it is one, is a fragment of. */
void pm_whole_about(struct pm_filter *f, const struct pm_trial *t, struct pm_about_packet *out);
/* As pm_verdict_rule, for a fragment. */
uint32_t pm_whole_rule(struct pm_filter *f, struct pm_trial *t);

#endif
