/* verify.h - one run of pktmod verify: what was asked for, what is known, what was found. */
#ifndef PKTMOD_APP_VERIFY_H
#define PKTMOD_APP_VERIFY_H

#include <stdio.h>

#include "app/progress.h"
#include "app/verify_flow.h"
#include "app/verify_fragment.h"
#include "app/verify_marks.h"

struct pm_verify_options {
    const char *out, *baseline;  /* baseline NULL: what one capture shows of itself */
    uint32_t mtu;                /* 0: no limit */
    bool has_mtu;                /* it was given */
    enum pm_checksums checksums; /* as the replay took them */
    size_t most;                 /* findings to show */
    bool json, quiet, is_strict;
    bool is_open_loop; /* rules drop or delay: what is missing or late is no finding */
    bool any_headers;  /* rules change header fields */
    bool only_told;    /* --help or --version was asked for and is answered */
};

struct pm_verify {
    const struct pm_verify_options *options;
    struct pm_verify_findings findings;
    struct pm_verify_flows flows;
    struct pm_verify_fragments fragments[2]; /* by capture */
    struct pm_verify_marks marks;            /* of what the baseline had */
    uint64_t step;                           /* packets of one time are one step */
    uint64_t packets[2];                     /* by capture */
    struct pm_verify_flow **touched;         /* in this step */
    size_t touched_count, touched_cap;
    bool no_memory;
};

/* Reading (verify_read.c): takes both captures packet by packet, in the order of their times. */
void pm_verify_run(struct pm_verify *verify, struct pm_capture *out, struct pm_capture *baseline,
                   struct pm_progress *progress);
void pm_verify_end(struct pm_verify *verify);

/* Judging single packets (verify_judge.c). */
void pm_verify_remember(struct pm_verify *verify, const struct pm_verify_packet *packet,
                        const struct pm_verify_event *event);
void pm_verify_judge(struct pm_verify *verify, const struct pm_verify_packet *packet,
                     const struct pm_verify_event *event);

/* Without a baseline (verify_sender.c): true if the wrong checksum may be no fault; it is told at
 * the end if it is one. */
bool pm_verify_sender_excuses(struct pm_verify *verify, const struct pm_verify_packet *packet,
                              const struct pm_verify_event *event,
                              const struct pm_verify_fault *fault);
void pm_verify_sender_note(struct pm_verify *verify, const struct pm_verify_packet *packet);
void pm_verify_sender_end(struct pm_verify *verify);

/* Comparing flows with the baseline (verify_compare.c): after a step, and at the end. */
void pm_verify_compare_step(struct pm_verify *verify, struct pm_verify_flow *flow);
void pm_verify_compare_end(struct pm_verify *verify, const struct pm_verify_flow *flow);

/* What is said of it (verify_report.c). */
void pm_verify_report(const struct pm_verify *verify, FILE *out, bool is_coloured);
void pm_verify_report_json(const struct pm_verify *verify, FILE *out);

/* A position as Wireshark counts it: the first byte is 1. */
static inline long long pm_verify_relative(uint64_t pos)
{
    return (long long)(pos - PM_VERIFY_BASE) + 1;
}

#endif
