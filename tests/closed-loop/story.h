/* story.h - the last things that happened in a seed, kept as numbers and told only when asked. */
#ifndef CL_STORY_H
#define CL_STORY_H

#include "wire.h"

/* Where something happened. A and B are the ends, M the engine between them. */
enum story_place {
    STORY_A_SENDS, /* A puts a packet on its link */
    STORY_A_TO_M,  /* it reaches M */
    STORY_M_TO_B,  /* M sends it on */
    STORY_B_GETS,  /* it reaches B */
    STORY_B_SENDS,
    STORY_B_TO_M,
    STORY_M_TO_A,
    STORY_A_GETS,
    STORY_NOTE, /* text */
};

#define STORY_LEN 400

struct story_line {
    uint64_t at_ns;
    enum story_place place;
    const char *remark; /* static text, or NULL */
    bool is_sound;
    uint8_t flags;
    uint16_t window;
    uint32_t len;
    uint32_t seq, ack; /* less the first numbers of the two sides */
    uint32_t tsval, tsecr;
    bool has_ts;
    unsigned sack_count;
    uint32_t sack[WIRE_SACKS][2];
    char text[96];
};

struct story {
    struct story_line lines[STORY_LEN];
    uint64_t count;
    uint32_t isn[2]; /* of A and of B; what is told counts from them */
    bool is_loud;    /* tell everything at once */
};

/* A packet seen at that place. */
void story_packet(struct story *s, uint64_t now_ns, enum story_place place, const uint8_t *packet,
                  size_t len, const char *remark);
void story_note(struct story *s, uint64_t now_ns, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The last `most` lines. */
void story_tell(const struct story *s, unsigned most);

#endif
