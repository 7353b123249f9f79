/* questions.c - the open questions of a line; the contract is in questions.h. */
#include "tunnel-ext/questions.h"

#include <stdio.h>
#include <stdlib.h>

struct pm_question_place {
    struct pm_line_ask ask;
    const struct pm_filter *filter;
    uint64_t filter_id;
    bool is_answered;
};

bool pm_questions_reserve(struct pm_questions *questions, uint32_t more)
{
    uint32_t cap = questions->used + more;
    if (cap <= questions->cap)
        return true;
    struct pm_question_place *places = realloc(questions->places, cap * sizeof *places);
    if (places == NULL)
        return false;
    questions->places = places;
    questions->cap = cap;
    return true;
}

void pm_questions_free(struct pm_questions *questions)
{
    free(questions->places);
    *questions = (struct pm_questions){.cap = 0};
}

static void open_one(struct pm_questions *questions, const struct pm_generation *generation,
                     const struct pm_packet *packet, const struct pm_decision *decision)
{
    struct pm_question_place *place = &questions->places[questions->used++];
    *place =
        (struct pm_question_place){.filter = generation->filter, .filter_id = decision->ask_id};
    place->ask.id = questions->first + questions->asked++ * questions->step;
    place->ask.deadline_ns = decision->release_ns;
    place->ask.has_ends = pm_packet_endpoints(packet, &place->ask.ends);
    snprintf(place->ask.rule, sizeof place->ask.rule, "%s",
             pm_policy_rule_id(generation->policy, decision->rule));
}

void pm_questions_note(struct pm_questions *questions, const struct pm_generation *generation,
                       const struct pm_packet *packet, struct pm_decision *decision)
{
    if (decision->ask_id == 0)
        return;
    if (decision->is_new_ask && questions->used < questions->cap)
        open_one(questions, generation, packet, decision);
    decision->ask_id = pm_questions_public(questions, generation->filter, decision->ask_id);
}

uint64_t pm_questions_public(const struct pm_questions *questions, const struct pm_filter *filter,
                             uint64_t filter_id)
{
    for (uint32_t i = 0; i < questions->used && filter_id != 0; i++)
        if (questions->places[i].filter == filter && questions->places[i].filter_id == filter_id)
            return questions->places[i].ask.id;
    return 0;
}

const struct pm_filter *pm_questions_find(const struct pm_questions *questions, uint64_t id,
                                          uint64_t *filter_id)
{
    *filter_id = 0;
    for (uint32_t i = 0; i < questions->used; i++) {
        const struct pm_question_place *place = &questions->places[i];
        if (place->ask.id != id || place->is_answered)
            continue;
        *filter_id = place->filter_id;
        return place->filter;
    }
    return NULL;
}

void pm_questions_answered(struct pm_questions *questions, uint64_t id)
{
    for (uint32_t i = 0; i < questions->used; i++)
        questions->places[i].is_answered |= questions->places[i].ask.id == id;
}

void pm_questions_close_due(struct pm_questions *questions, uint64_t now_ns)
{
    for (uint32_t i = questions->used; i-- > 0;)
        if (questions->places[i].is_answered || questions->places[i].ask.deadline_ns <= now_ns)
            questions->places[i] = questions->places[--questions->used];
}

void pm_questions_forget(struct pm_questions *questions, const struct pm_filter *filter)
{
    for (uint32_t i = questions->used; i-- > 0;)
        if (questions->places[i].filter == filter)
            questions->places[i] = questions->places[--questions->used];
}

size_t pm_questions_open(const struct pm_questions *questions, struct pm_line_ask *out, size_t cap)
{
    size_t count = 0;
    for (uint32_t i = 0; i < questions->used && count < cap; i++)
        if (!questions->places[i].is_answered)
            out[count++] = questions->places[i].ask;
    return count;
}
