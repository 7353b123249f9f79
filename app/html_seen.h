/* html_seen.h - what the page tells of a run, collected as it happens in memory that neither
 * packets nor time grow: flows bound it, and rules.
 */
#ifndef PKTMOD_APP_HTML_SEEN_H
#define PKTMOD_APP_HTML_SEEN_H

#include "app/event_flow.h"
#include "app/html_edits.h"
#include "app/html_timeline.h"
#include "app/replay.h"

#define PM_HTML_FLOWS        50u
#define PM_HTML_FRAMES       12u  /* named for a reason */
#define PM_HTML_PACKET_BYTES 128u /* of a packet as it came, for edits of its header */

enum pm_html_engine { PM_HTML_FILTER, PM_HTML_REWRITER, PM_HTML_LATE, PM_HTML_ENGINES };

struct pm_html_frames {
    uint64_t first[PM_HTML_FRAMES];
    uint32_t count;
    uint64_t total; /* frames, named or not */
};

struct pm_html_seen {
    struct pm_observer observer;
    const struct pm_replay *replay;
    struct pm_timeline timeline;
    struct pm_html_edits edits;
    struct pm_html_frames why[PM_HTML_ENGINES][PM_WHY_COUNT];

    struct pm_event_flows flows;             /* those that have not ended */
    struct pm_event_flow top[PM_HTML_FLOWS]; /* of those that ended: most bytes first */
    uint32_t top_count;
    uint64_t flow_count; /* that ended */

    /* The packet that is on its way. */
    uint64_t frame;
    uint32_t frame_len;
    uint16_t frame_link;
    struct pm_event_flow *flow; /* or NULL */
    bool is_edited;
    uint8_t came[PM_HTML_PACKET_BYTES];
};

/* Observes the replay, whose policy is there and which has not started. NULL: no memory. */
struct pm_html_seen *pm_html_seen_new(struct pm_replay *replay);
/* The replay has run: all flows end. */
void pm_html_seen_end(struct pm_html_seen *seen);
void pm_html_seen_free(struct pm_html_seen *seen);

#endif
