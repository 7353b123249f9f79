/* segment.h - a TCP segment in terms of its stream. */
#ifndef PM_ENGINE_SEGMENT_H
#define PM_ENGINE_SEGMENT_H

#include "engine/rewriter.h"

struct pm_segment {
    struct pm_stream *stream;
    struct pm_half *half, *peer;
    uint64_t a, b;       /* [a,b) of O; b = a for an empty one */
    const uint8_t *data; /* byte a */
    uint8_t flags;
    bool is_same; /* what leaves for [a,b) are the same bytes */
    uint64_t m_low, m_high;
    enum pm_why why; /* the exception it passes under, if any */
};

/* Decides the bytes that the segment brings for the first time, as far as they can be decided, and
 * finds the image of all it brings. The direction is active. False: no place in the stream. */
bool pm_segment_place(struct pm_rewriter *r, struct pm_passage *p, struct pm_segment *s);

/* The other end acknowledged ack_o: gaps below it will not be filled. What becomes decided by that
 * is sent. */
void pm_segment_acked(struct pm_rewriter *r, struct pm_half *half, uint64_t ack_o);

enum pm_release {
    PM_RELEASE_TAIL_AS_IS, /* the held tail goes, unsearched */
    PM_RELEASE_ALL, /* everything pending is decided as if no byte followed; gaps are given up */
};
/* Sends what was pending. Nothing happens where nothing is. */
void pm_segment_release(struct pm_rewriter *r, struct pm_half *half, enum pm_release how);

/* Live: tries again to decide bytes for which there was no room. */
void pm_segment_resume(struct pm_rewriter *r, struct pm_half *half);

/* Sends [m_low, m_high) of M, cut to size, with the passage's headers. */
void pm_segment_send(struct pm_rewriter *r, struct pm_passage *p, const struct pm_segment *s);

#endif
