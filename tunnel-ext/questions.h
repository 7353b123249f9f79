/* questions.h - open questions of a line. Each filter numbers its own; users see one row of
 * numbers. */
#ifndef PKTMOD_TUNNEL_QUESTIONS_H
#define PKTMOD_TUNNEL_QUESTIONS_H

#include "tunnel-ext/generation.h"

struct pm_question_place;

struct pm_questions {
    uint64_t first, step; /* numbers: first, first + step, ... */
    uint64_t asked;
    struct pm_question_place *places;
    uint32_t cap, used;
};

/* Room for `more` beside those that are open. False: no memory, all is as it was. */
bool pm_questions_reserve(struct pm_questions *questions, uint32_t more);
void pm_questions_free(struct pm_questions *questions);

/* What a generation's filter decided. Where it asks, the decision's ask_id becomes the public one;
 * 0: no room to tell of it. */
void pm_questions_note(struct pm_questions *questions, const struct pm_generation *generation,
                       const struct pm_packet *packet, struct pm_decision *decision);
/* 0: none. */
uint64_t pm_questions_public(const struct pm_questions *questions, const struct pm_filter *filter,
                             uint64_t filter_id);
/* Who asked, and under which number of its own. NULL: nobody. */
const struct pm_filter *pm_questions_find(const struct pm_questions *questions, uint64_t id,
                                          uint64_t *filter_id);
void pm_questions_answered(struct pm_questions *questions, uint64_t id);
/* Those whose time is over, or that were answered, after their packets were released. */
void pm_questions_close_due(struct pm_questions *questions, uint64_t now_ns);
void pm_questions_forget(struct pm_questions *questions, const struct pm_filter *filter);
size_t pm_questions_open(const struct pm_questions *questions, struct pm_line_ask *out, size_t cap);

#endif
