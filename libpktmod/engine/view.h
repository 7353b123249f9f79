/* view.h - the streams that verdict rules test, looked at as their packets pass the filter.
 *
 * A side of a TCP flow has a view when some rule that may decide about it tests `stream`; other
 * flows pay nothing. The view takes the bytes of every segment before rules are asked, so the
 * packet that completes a match meets the verdict. What was found stays found.
 *
 * The filter writes nothing and holds nothing back. So that its receiver reads nothing else than
 * the view did, a segment is dropped that contradicts bytes which may still arrive; and
 * on_engine_error decides about what cannot be compared, placed or kept. Rules that only watch drop
 * nothing. */
#ifndef PM_ENGINE_VIEW_H
#define PM_ENGINE_VIEW_H

#include <pktmod/pktmod.h>

#include "flow/table.h"
#include "match/streamtest.h"
#include "stream/inorder.h"

struct pm_filter;
struct pm_trial;

enum pm_view_state {
    PM_VIEW_UNASKED,  /* no packet of this side came yet */
    PM_VIEW_UNWANTED, /* no rule tests this stream */
    PM_VIEW_WANTED,
    PM_VIEW_LOST, /* wanted, but bytes went by unseen */
};

/* What a flow knows of the stream of one side. */
struct pm_view_side {
    uint32_t view;    /* index + 1; 0: none, as long as no bytes came */
    uint32_t seq;     /* of its first byte, if has_seq */
    uint32_t syn;     /* the same for a later SYN, if has_syn */
    uint8_t state;    /* enum pm_view_state */
    uint8_t is_asked; /* the rules about this side were */
    uint8_t decides;  /* not only watching rules want it */
    uint8_t has_seq, has_syn, is_confirmed, is_midstream;
    uint8_t sum_is_known,
        sum_is_void; /* of its first packet: wrong, so those of others say nothing */
};

enum pm_view_queue { PM_VIEW_OPEN, PM_VIEW_OVER, PM_VIEW_QUEUES };

/* The views of a filter; all zero where no verdict rule tests streams. */
struct pm_views {
    bool is_used;
    struct pm_pool pool;
    struct pm_inorder_store store;
    uint32_t oldest[PM_VIEW_QUEUES], newest[PM_VIEW_QUEUES]; /* by their last segment */
    uint8_t *work;
    size_t work_cap;
};

size_t pm_views_footprint(const struct pm_policy *policy);
/* False: no memory. */
bool pm_views_init(struct pm_views *views, const struct pm_policy *policy, bool is_used);
void pm_views_release(struct pm_views *views);

/* Takes what the packet says of its stream and of the other side's, and gives the subject its
 * state. NONE: on to the rules. Else why its bytes were not taken, or not compared. */
enum pm_why pm_view_take(struct pm_filter *f, struct pm_trial *t);
/* Whether that drops the packet. */
bool pm_view_drops(const struct pm_filter *f, const struct pm_trial *t, enum pm_why why);

struct pm_about_stream;
/* What is known of the packet's stream. */
void pm_view_about(const struct pm_filter *f, const struct pm_trial *t,
                   struct pm_about_stream *out);

/* Frees the views of a flow that is about to be forgotten. */
void pm_view_forget(struct pm_filter *f, struct pm_flow *flow);

#endif
