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

/* Decides the bytes that the segment brings for the first time and finds the image of all it
 * brings. The direction is active. False: the segment has no place in the stream. */
bool pm_segment_place(struct pm_rewriter *r, struct pm_passage *p, struct pm_segment *s);

#endif
