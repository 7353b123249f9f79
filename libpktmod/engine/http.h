/* http.h - the framer of HTTP/1: what it remembers of a connection, and the steps it takes.
 *
 *     IN_HEAD ---- a head, whole ----> IN_BODY ---- its end ----> IN_HEAD
 *        '------- cannot be read -------'---> OVER
 *
 * A request is remembered until its response: its method says whether that has a body, and what it
 * said is what conditions on the response see. */
#ifndef PM_ENGINE_HTTP_H
#define PM_ENGINE_HTTP_H

#include "engine/parts.h"
#include "proto/http.h"

enum pm_http_state { PM_HTTP_IN_HEAD, PM_HTTP_IN_BODY, PM_HTTP_OVER };

/* What becomes of a body. */
enum pm_http_way {
    PM_HTTP_PASS,   /* searched as the stream it stands in */
    PM_HTTP_PLACE,  /* finds in the body are made in place: its length does not change, or ends with
                       the stream */
    PM_HTTP_BLOCKS, /* it leaves in chunks whose sizes fit what they hold */
    PM_HTTP_DROP    /* another body left in its place */
};

struct pm_http_half {
    uint8_t state, way; /* of the enums */
    bool is_converted;  /* BLOCKS: its length was stated, and left as chunks */
    bool is_open;       /* BLOCKS: a chunk left that lacks its CRLF */
    bool is_fixed;      /* BLOCKS: the size of the chunk at hand left as it was */
    uint32_t op;        /* that wants it so */
    struct pm_http_body body;
    uint64_t chunk_len; /* of the chunk at hand, or of the whole body */
    uint64_t data_off;  /* of the frontier in the body without chunks */
};

#define PM_HTTP_REQUESTS 16u   /* that have no response yet */
#define PM_HTTP_FACTS    2048u /* bytes of what they said */
#define PM_HTTP_ABSENT   UINT16_MAX

struct pm_http_request {
    uint8_t method, minor; /* enum pm_http_method; of the version */
    uint16_t len[4];       /* method, uri, host, user agent, side by side in facts */
};

/* A flow's. */
struct pm_http_talk {
    struct pm_http_half half[2];
    struct pm_http_request requests[PM_HTTP_REQUESTS]; /* oldest first */
    uint8_t request_count;
    bool is_tunnel_asked; /* CONNECT: what follows hangs on the response */
    uint16_t facts_len;
    uint8_t facts[PM_HTTP_FACTS];
    uint64_t holds[]; /* per side: bits of the rules that hold for the message at hand */
};

/* What the part at hand leads to, once it is logged. */
struct pm_http_step {
    struct pm_http_half next; /* behind a head */
    bool is_head;
    size_t head_len;
    bool is_tunnel;      /* nothing is read behind the part, either way */
    enum pm_why refused; /* what rules want and cannot have; NONE: nothing */
};

#define PM_HTTP_PLACES  256u
#define PM_HTTP_SCRATCH (320u << 10) /* a part that needs no more than half of it finds room */
#define PM_HTTP_BLOCK   1024u /* most bytes of a body between two places where it may be cut */

struct pm_framing {
    struct pm_pool talks;
    uint32_t words; /* of holds, per side */
    struct pm_place places[PM_HTTP_PLACES];
    uint32_t place_count;
    uint8_t *scratch; /* replacements of the plan at hand */
    size_t scratch_len;
    uint8_t *decoded; /* a body without its chunks */
    size_t decoded_cap;
    const struct pm_http_change *claims[PM_HTTP_PLACES]; /* whose names no later edit has */
    uint32_t claim_count;
    bool is_full; /* something of the head had no room */
    struct pm_http_step step;
};

static inline struct pm_http_talk *pm_http_talk_at(const struct pm_rewriter *r, uint32_t framer)
{
    return pm_pool_at(&r->framing->talks, framer - 1);
}

static inline uint64_t *pm_http_holds(const struct pm_rewriter *r, struct pm_http_talk *talk,
                                      unsigned side)
{
    return talk->holds + side * r->framing->words;
}

/* ---- httpqueue.c: requests without a response */

/* False: no room. */
bool pm_http_push(struct pm_http_talk *talk, const struct pm_http_head *head);
void pm_http_pop(struct pm_http_talk *talk);
/* The message as conditions see it; a response with the oldest request. */
void pm_http_tell(const struct pm_http_talk *talk, const struct pm_http_head *head,
                  struct pm_http *out);

/* ---- httphead.c: edits of heads */

/* A message at the frontier. */
struct pm_http_message {
    const struct pm_http_head *head;
    enum pm_http_framing framing;
    bool is_bodyless;  /* whatever its lengths say */
    bool takes_chunks; /* so does its receiver */
};

/* Plans the head's edits, and those of a body that leaves with it; fills r->framing->step. Answers
 * the length of the part. 0: more bytes are needed. */
size_t pm_http_head_plan(struct pm_rewriter *r, struct pm_passage *p, struct pm_half *half,
                         const struct pm_part *part, const struct pm_http_message *message);

/* ---- httpblocks.c: bodies that leave in chunks */

size_t pm_http_blocks_plan(struct pm_rewriter *r, struct pm_passage *p, struct pm_half *half,
                           const struct pm_part *part, struct pm_http_half *own);

/* ---- http.c */

/* The framer's part of parts.h. */
size_t pm_http_next(struct pm_rewriter *r, struct pm_passage *p, struct pm_half *half,
                    const struct pm_part *part);
void pm_http_passed(struct pm_rewriter *r, struct pm_passage *p, struct pm_half *half,
                    const struct pm_part *part, size_t len, bool is_made);
/* Reading the direction ends. */
void pm_http_over(struct pm_rewriter *r, struct pm_http_half *own, enum pm_why why);

/* A search of message text at bytes, which stand at `at` of the front; edits are planned behind
 * those that are. */
struct pm_search pm_http_search(struct pm_rewriter *r, const struct pm_passage *p,
                                const struct pm_half *half, const struct pm_part *part,
                                const uint8_t *bytes, size_t len);
/* An op of a rule that holds for the message looks into bodies: its index plus 1, or 0.
 * *may_stretch: one may change their length. */
uint32_t pm_http_looks(const struct pm_rewriter *r, const struct pm_passage *p, bool *may_stretch);
/* Whether the rule holds for the message at hand. */
bool pm_http_holds_for(const struct pm_rewriter *r, const struct pm_passage *p, uint32_t rule);
/* Room for so many bytes that live as long as the plan. NULL: there is none. */
uint8_t *pm_http_room(struct pm_rewriter *r, size_t len);

#endif
