/* replay.h - one run of a capture through both engines: what was asked for, and what came of it. */
#ifndef PKTMOD_APP_REPLAY_H
#define PKTMOD_APP_REPLAY_H

#include "app/answers.h"
#include "app/delayed.h"
#include "app/direction.h"
#include "app/notlive.h"
#include "app/progress.h"
#include "app/writer.h"
#include "tunnel-ext/clients.h"
#include <pktmod/explain.h>

struct pm_replay_options {
    const char *command; /* whose they are, for complaints */
    const char *rules, *in;
    const char *out;     /* NULL: write no capture */
    const char *dropped; /* NULL: no capture of what was dropped */
    const char *events;  /* NULL: no events */
    const char *report;  /* NULL: no page */
    uint16_t community_seed;
    const char *answers; /* a file of answers to questions; NULL: none, they time out */
    enum pm_view view;
    enum pm_checksums checksums;
    uint32_t mtu;
    uint32_t external_wait_ms;
    uint64_t seed;
    struct pm_local local;
    uint32_t store_bytes; /* that the rewriter may remember, and let wait; 0: as much as usual */
    bool json, quiet;
    bool only_told; /* --help or --version was asked for and is answered */
};

/* False: complained already. The words live as long as argv; the rest goes with the _free. */
bool pm_replay_options_parse(struct pm_replay_options *options, int argc, char *const argv[]);
void pm_replay_options_free(struct pm_replay_options *options);
/* Reads one of view, local, mtu, checksums, seed and format, for commands that have them too.
 * False: complained already, as options->command. */
bool pm_replay_option_read(struct pm_replay_options *options, const char *name, const char *value);
const char *pm_view_name(enum pm_view view);
const char *pm_checksums_name(enum pm_checksums checksums);

/* The packet that is on its way through the rewriter, for whom it emits to. */
struct pm_replay_current {
    const struct pm_record *record;
    const struct pm_delayed_packet *delayed; /* NULL: it leaves when it came */
    uint64_t leaves_ns;
    uint32_t rejected_by; /* it is no record, but tells of a reject by this rule; PM_NO_RULE */
    bool is_late;         /* and that was of bytes that waited: the record has no time */
};

/* Who is told what happens, as it happens, for events, reports and tests. Any of them may be NULL.
 * What they are given is lent for the call. */
struct pm_observer {
    /* The filter decided about a record; the packet's dir is the one that was found. */
    void (*judged)(void *context, const struct pm_record *record, const struct pm_packet *packet,
                   const struct pm_decision *decision, uint64_t now_ns);
    /* A packet that waited is let go (ALLOW: `emitted` follows) or not. */
    void (*released)(void *context, const struct pm_record *record, const struct pm_due *due,
                     uint64_t now_ns);
    /* A rule of stage after-rewrite judged what was to leave: the record is that of the frame
     * it would leave for, empty where that waited. `emitted` follows an ALLOW. */
    void (*judged_late)(void *context, const struct pm_record *record,
                        const struct pm_emitted *emitted, const struct pm_decision *decision,
                        uint64_t now_ns);
    /* A packet would leave changed, were dry-run rules in force; with the edits of all rules. It is
     * told before what really leaves. */
    void (*rehearsed)(void *context, const struct pm_emitted *emitted, uint64_t now_ns);
    /* A packet leaves; its cookie is the number of the frame that it left for. */
    void (*emitted)(void *context, const struct pm_emitted *emitted, uint64_t now_ns);
    /* What the rewriter answered for a frame; nothing follows for it at this time. */
    void (*rewritten)(void *context, const struct pm_record *record, enum pm_why why,
                      uint64_t now_ns);
    void (*happened)(void *context, const struct pm_event *event, uint64_t now_ns);
    /* A pcapng block that is no packet, in its place. */
    void (*block)(void *context, const struct pm_record *record);
    void *context;
};

/* Who wants to be asked why a frame gets what it gets; <pktmod/explain.h>. */
struct pm_replay_asked {
    uint64_t frame;
    struct pm_explainer filter, rewriter, late; /* the engines, in the order of its way */
};

#define PM_OBSERVERS 4

struct pm_replay {
    const struct pm_replay_options *options;
    struct pm_policy *policy;
    const char *rules_name; /* "name" of the rule file, or NULL */
    struct pm_capture *capture;
    struct pm_filter *filter;
    struct pm_rewriter *rewriter;  /* NULL: the policy rewrites nothing */
    struct pm_clients *clients;    /* NULL: no rule asks one */
    struct pm_filter *late_filter; /* judges what rewriting leaves; NULL: no rule does */
    struct pm_answers answers;
    struct pm_writer *writer; /* NULL: no capture is written */
    struct pm_delayed delayed;
    struct pm_notlive notlive;
    struct pm_replay_current current;
    struct {
        struct pm_packet packet; /* data NULL: none */
        uint8_t bytes[PM_REPLY_MAX];
    } original;        /* the current packet before it is rewritten, for the late filter */
    uint64_t clock_ns; /* latest time the engines were told */
    uint64_t first_ns, last_ns;
    uint64_t packets, bytes;         /* in; bytes as they were on the wire */
    uint64_t out_packets, out_bytes; /* that leave, written or not */
    uint64_t annotated;              /* of them, not as they came: changed, split or delayed */
    bool no_memory;                  /* stopped for lack of it */
    bool is_enough;                  /* an observer has seen all that it wants */
    int stopped_by;                  /* the signal that ended the run early, or 0 */
    const struct pm_observer *observers[PM_OBSERVERS];
    unsigned observer_count;
    const struct pm_replay_asked *asked; /* NULL: nobody asks */
};

/* Before pm_replay_start(). The observer is the caller's, and lives as long as the replay. */
void pm_replay_observe(struct pm_replay *replay, const struct pm_observer *observer);

/* Bytes of the largest packet that rewriting may make; 0: the policy rewrites nothing. */
uint32_t pm_replay_largest(const struct pm_replay *replay);

/* Makes the engines. False: complained already. */
bool pm_replay_start(struct pm_replay *replay);
/* Runs the capture to its end, or to where it is damaged, the output fails or a signal came
 * (interrupt.h). What waits then leaves as at the end. */
void pm_replay_run(struct pm_replay *replay, struct pm_progress *progress);
void pm_replay_end(struct pm_replay *replay);

#endif
