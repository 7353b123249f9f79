/* event_change.h - what one packet was, and what became of it in the rewriter. */
#ifndef PKTMOD_APP_EVENT_CHANGE_H
#define PKTMOD_APP_EVENT_CHANGE_H

#include "app/json.h"
#include "app/recordcopy.h"
#include "app/verify_packet.h"

struct pm_event_change {
    struct pm_record_copy copy;
    struct pm_verify_packet came; /* of that copy */
    bool wants_bytes;             /* what leaves is kept too */
    uint8_t *left;                /* payload of all that left for it */
    size_t left_len, left_cap;
    struct pm_edit_note notes[PM_EDIT_NOTES];
    uint32_t note_count, edit_count;
    uint32_t header_rule; /* or PM_NO_RULE */
};

/* Forgets the packet before, and takes the next. False: no memory, and nothing is known of it. */
bool pm_event_change_begin(struct pm_event_change *change, const struct pm_record *record);
/* The same for what waited, of which there is only what it is to leave as. */
bool pm_event_change_begin_late(struct pm_event_change *change, const struct pm_record *record,
                                const struct pm_emitted *emitted);
/* One of the packets that left for it. The second adds edits of dry-run rules alone. */
void pm_event_change_add(struct pm_event_change *change, const struct pm_emitted *emitted);
void pm_event_change_add_dry(struct pm_event_change *change, const struct pm_policy *policy,
                             const struct pm_emitted *emitted);
void pm_event_change_free(struct pm_event_change *change);

/* "diff": where the payload begins to differ, and what stood there before and after, up to where it
 * is the same again; at most max_bytes of each. Nothing where it did not change. */
void pm_event_put_diff(struct pm_json *json, const struct pm_event_change *change,
                       uint32_t max_bytes);
/* "payload_len" and "payload" in hex, at most max_bytes. */
void pm_event_put_payload(struct pm_json *json, const struct pm_verify_packet *packet,
                          uint32_t max_bytes);

#endif
