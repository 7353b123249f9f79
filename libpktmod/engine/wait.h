/* wait.h - what is needed to send a direction's pending bytes when no packet brings them along: the
 * headers of the last packet that added to them, and the time until they may wait. */
#ifndef PM_ENGINE_WAIT_H
#define PM_ENGINE_WAIT_H

#include "engine/rewriter.h"

#define PM_WAIT_HEADERS 256

struct pm_wait {
    struct pm_packet packet; /* headers only; data is set when it is used */
    struct pm_flow *flow;
    uint8_t side;
    uint8_t is_timed;
    uint16_t l4_off;
    uint32_t older, newer; /* among the timed ones */
    uint64_t deadline_ns;
    uint8_t headers[PM_WAIT_HEADERS];
};

/* The packet adds to its direction's pending bytes, or is newer than those: its headers are kept.
 * In a live direction those of every packet. False: no room, or headers that are too long. */
bool pm_wait_keep(struct pm_rewriter *r, const struct pm_passage *p, struct pm_half *half);
/* Nothing is pending any more. A live direction keeps its headers. */
void pm_wait_end(struct pm_rewriter *r, struct pm_half *half);
/* The direction ends. */
void pm_wait_free(struct pm_rewriter *r, struct pm_half *half);
/* The held tail is [begin_o, end_o): what of it is new waits from now on, and it may wait as long
 * as its oldest byte may. */
void pm_wait_time(struct pm_rewriter *r, struct pm_half *half, uint64_t begin_o, uint64_t end_o);
/* There is none, or it waits for room and not for the rest of a match. */
void pm_wait_untime(struct pm_rewriter *r, struct pm_half *half);

/* A passage without a packet, for the half's pending bytes. `headers` takes its bytes; it and
 * `packet` live as long as p. */
void pm_wait_passage(struct pm_rewriter *r, const struct pm_half *half,
                     uint8_t headers[PM_WAIT_HEADERS], struct pm_packet *packet,
                     struct pm_passage *p);

uint64_t pm_wait_next_ns(const struct pm_rewriter *r);
void pm_wait_due(struct pm_rewriter *r);
void pm_wait_flush(struct pm_rewriter *r);

#endif
