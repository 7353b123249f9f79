/* explanation.h - why one frame of a capture got what it got: all that the engines said of it while
 * the capture was replayed up to it.
 *
 *     explanation.c        the replay, and what it did to the frame
 *     explanation_rules.c  what every rule made of it
 *     explanation_text.c, explanation_json.c   telling it
 */
#ifndef PKTMOD_APP_EXPLANATION_H
#define PKTMOD_APP_EXPLANATION_H

#include "app/replay.h"
#include "rules/source.h"

/* ------------------------------------------------------------------ rules */

/* Bytes of a text field that are kept. */
#define PM_EXPLAINED_BYTES 48

struct pm_explained_field {
    struct pm_about_field about; /* bytes.bytes: not to be read; see kept */
    uint8_t kept[PM_EXPLAINED_BYTES];
};

/* The engines that were asked. */
enum { PM_ASKED_FILTER, PM_ASKED_REWRITER, PM_ASKED_LATE, PM_ASKED_ENGINES };

struct pm_explained_engine {
    bool was_asked;
    struct pm_about_packet packet;
    struct pm_explained_field *fields; /* of every enum pm_field */
};

struct pm_explained_rule {
    struct pm_about_rule about;
    uint8_t engine;        /* that said it */
    uint32_t holds, parts; /* of the conditions that "match" has at its top */
    uint32_t misses;       /* least number of tests that would have to come out otherwise */
};

/* What became of a rule's say in the verdict, or in the rewriting. */
enum pm_explained_part {
    PM_PART_DECIDED,   /* its verdict is the packet's; a rewrite rule: it was selected */
    PM_PART_LATCHED,   /* it decided before, for the whole flow */
    PM_PART_WATCHED,   /* it matched, and the search went on: log_only, dry-run */
    PM_PART_REFUSED,   /* its conditions hold, but a modifier kept it from matching */
    PM_PART_IN_DOUBT,  /* whether its conditions hold cannot be told */
    PM_PART_MISSED,    /* a condition does not hold */
    PM_PART_NOT_ASKED, /* all was decided before its turn */
    PM_PART_DISABLED,
};

/* ------------------------------------------------------------------ the flow */

struct pm_explained_frame {
    uint64_t flow_id;
    uint32_t rule, edited_by; /* PM_NO_RULE */
    uint8_t verdict, why;
    uint8_t rewritten_why; /* enum pm_why */
    bool looks_encrypted;  /* its payload begins like a TLS record */
};

/* ------------------------------------------------------------------ what left */

struct pm_explained_edit {
    uint32_t rule, op, old_len, new_len;
    uint64_t offset;
};

struct pm_explained_packet {
    uint8_t *bytes;
    size_t len;
    uint64_t time_ns;
    uint32_t part, header_rule;
    enum pm_why why;
    bool is_late, changed;
    struct pm_explained_edit edits[PM_EDIT_NOTES];
    uint32_t edit_notes, edit_count;
};

/* ------------------------------------------------------------------ the whole */

struct pm_explanation {
    const struct pm_rules *rules; /* traced */
    struct pm_policy *policy;
    uint64_t frame;
    struct pm_replay *replay; /* while it runs */
    struct pm_observer observer;
    struct pm_replay_asked asked;
    struct pm_answers answers; /* that the run takes over, where options name no file of them */

    struct pm_explained_engine engines[PM_ASKED_ENGINES];
    struct pm_explained_rule *by_rule;     /* of the policy */
    struct pm_about_cond *conds;           /* of each item of the rules' sources, see _cond_of() */
    const struct pm_source_rule **sources; /* of each rule of the policy */

    bool was_seen;
    uint8_t *bytes; /* the frame as it came */
    size_t len;
    uint64_t time_ns, arrived_ns;
    struct pm_packet packet; /* the same, without bytes that can be read */
    struct pm_decision decision;
    bool was_released, was_rewritten;
    struct pm_due due;
    uint64_t released_ns;
    enum pm_why rewritten_why;
    uint64_t whys[PM_WHY_COUNT]; /* the rewriter's counters, before it and then what it added */
    struct pm_explained_packet *left;
    size_t left_count;
    struct pm_explained_frame *frames; /* up to the one explained; of frame 1, 2, ... */
    size_t frame_count, frame_cap;
    uint32_t stopper; /* the rule that cannot be told, and ended the search; PM_NO_RULE */
    uint64_t
        decided_frame; /* the first of the flow that the deciding rule decided about; 0: none */
    uint64_t packets;  /* that the capture has, where it was read to its end */
    bool no_memory;
};

/* Begins an explanation of that frame; zeroed before. False: no memory. To be freed in any case. */
bool pm_explanation_begin(struct pm_explanation *e, const struct pm_rules *rules, uint64_t frame);
/* Replays capture, until what becomes of the frame is known. False: complained already. */
bool pm_explanation_run(struct pm_explanation *e, const struct pm_replay_options *options,
                        struct pm_capture *capture);
void pm_explanation_free(struct pm_explanation *e);

/* explanation_rules.c: what every rule that this engine asks makes of the packet. Without the
 * rewriter, its rules are told by what the filter saw. */
void pm_explanation_take(struct pm_explanation *e, unsigned engine, const struct pm_moment *moment);
/* What was said of an item of a source. */
const struct pm_about_cond *pm_explanation_cond(const struct pm_explanation *e,
                                                const struct pm_source_item *item);
enum pm_explained_part pm_explanation_part(const struct pm_explanation *e,
                                           const struct pm_source_rule *source);
/* Rules of the policy that did not match though they were asked, or that nobody asked: those with
 * the fewest misses first, in file order where they have as many. Into near[most]; how many. */
size_t pm_explanation_near(const struct pm_explanation *e, uint32_t *near, size_t most);
/* What takes a look at all rules, or all frames: once, after the run. */
void pm_explanation_conclude(struct pm_explanation *e);
/* A frame of this flow, up to this one, began like a TLS record. 0: none did. */
uint64_t pm_explanation_encrypted(const struct pm_explanation *e);

/* ------------------------------------------------------------------ telling */

struct pm_explained_view {
    FILE *out;
    bool colour, all; /* all: every rule, however many */
    const char *only; /* id of a rule, or NULL */
    const char *name; /* of the capture */
};

#define PM_EXPLAINED_RULES 20u /* of a policy with more, not all are told */
#define PM_EXPLAINED_NEAR  10u

void pm_explanation_text(const struct pm_explanation *e, const struct pm_explained_view *view);
void pm_explanation_json(const struct pm_explanation *e, const struct pm_explained_view *view);
/* One rule: its conditions and why they hold or not, indented by `indent`; for tests that fail. */
void pm_explanation_rule(const struct pm_explanation *e, const struct pm_source_rule *source,
                         const struct pm_explained_view *view);

/* explanation_words.c: pieces that both ways of telling have. */

const char *pm_verdict_name(enum pm_verdict verdict);
const char *pm_part_name(enum pm_explained_part part); /* for programs: "decided" */
/* What the field holds: "8080", "out", "10.0.0.1, 10.0.0.2"; "" where it holds nothing. */
struct pm_text;
void pm_explained_value(const struct pm_explanation *e, const struct pm_explained_engine *engine,
                        enum pm_field field, struct pm_text *text);
/* The same as a sentence about the item: "is 8080", "the packet has none", "not in the 120 bytes
 * that came so far". */
void pm_explained_found(const struct pm_explanation *e, const struct pm_explained_rule *rule,
                        const struct pm_source_item *item, struct pm_text *text);
/* What a modifier (PM_SOURCE_WHEN, ...) of a rule whose conditions hold answers, and its numbers.
 * False: the rule has none, or it is not asked. */
bool pm_explained_modifier(const struct pm_explained_rule *rule,
                           const struct pm_source_rule *source, unsigned index,
                           enum pm_truth *answer, struct pm_text *text);
/* "decided: all 3 conditions hold" */
void pm_explained_say(const struct pm_explanation *e, const struct pm_source_rule *source,
                      struct pm_text *text);

/* explanation_bytes.c: the bytes that differ, before and after. */
void pm_explained_bytes(const struct pm_explanation *e, const struct pm_explained_packet *packet,
                        const struct pm_explained_view *view);

#endif
