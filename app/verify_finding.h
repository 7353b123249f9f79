/* verify_finding.h - what verify can find wrong with a capture: stable names, counts, the first
 * few. */
#ifndef PKTMOD_APP_VERIFY_FINDING_H
#define PKTMOD_APP_VERIFY_FINDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(constant, name, what it means). The names are a promise to scripts. */
#define PM_VERIFY_FINDINGS(X)                                                                      \
    X(BAD_CHECKSUM, "bad_checksum", "a checksum is wrong")                                         \
    X(BAD_LENGTH, "bad_length", "a length field contradicts the packet")                           \
    X(OVER_MTU, "over_mtu", "a packet is larger than the limit and than any that came in")         \
    X(REPEAT_DIFFERS, "repeat_differs", "bytes are sent again as other bytes")                     \
    X(STALE_SEQUENCE, "stale_sequence", "a sequence number stands behind where it did")            \
    X(SEQUENCE_JUMP, "sequence_jump", "a sequence number leaves out bytes")                        \
    X(ACK_OF_NOTHING, "ack_of_nothing", "bytes are acknowledged before they are sent")             \
    X(STALE_ACK, "stale_ack", "an acknowledgement covers less than it did before rewriting")       \
    X(EARLY_ACK, "early_ack", "an acknowledgement covers more than it did before rewriting")       \
    X(SACK_OUTSIDE, "sack_outside", "a SACK block is empty or of bytes that were not sent")        \
    X(SACK_MISPLACED, "sack_misplaced", "a SACK block is of other bytes than before rewriting")    \
    X(ISN_CHANGED, "isn_changed", "a connection begins at another sequence number")                \
    X(SYN_MISSING, "syn_missing", "a SYN is gone")                                                 \
    X(SYN_ADDED, "syn_added", "a SYN was not there before")                                        \
    X(FIN_MISSING, "fin_missing", "a FIN is gone")                                                 \
    X(FIN_ADDED, "fin_added", "a FIN was not there before")                                        \
    X(FIN_MOVED, "fin_moved", "a FIN does not stand behind the last byte")                         \
    X(RST_MISSING, "rst_missing", "a RST is gone")                                                 \
    X(RST_ADDED, "rst_added", "a RST was not there before")                                        \
    X(RST_MOVED, "rst_moved", "a RST does not stand where the stream is")                          \
    X(HEADER_CHANGED, "header_changed", "a header field that no length explains has changed")      \
    X(FLOW_MISSING, "flow_missing", "a flow is gone")                                              \
    X(FLOW_ADDED, "flow_added", "a flow was not there before")                                     \
    X(PACKET_MISSING, "packet_missing", "a packet is gone, and none stands for it")                \
    X(PACKET_ADDED, "packet_added", "a packet outside TCP was not there before")                   \
    X(PACKET_CHANGED, "packet_changed", "a packet that cannot be rewritten has changed")           \
    X(CAPTURE_LOSS, "capture_loss", "bytes are acknowledged or passed over that are not there")    \
    X(CAPTURE_ORDER, "capture_order", "an acknowledgement stands just before its bytes")           \
    X(OFFLOADED_CHECKSUM, "offloaded_checksum", "a checksum was left to the hardware")             \
    X(CUT_SHORT, "cut_short", "a packet is not in the capture whole")                              \
    X(NOT_COMPARED, "not_compared", "a flow cannot be compared byte for byte")

enum pm_verify_finding {
#define X(constant, name, meaning) PM_VERIFY_##constant,
    PM_VERIFY_FINDINGS(X)
#undef X
        PM_VERIFY_FINDING_COUNT
};

const char *pm_verify_finding_name(enum pm_verify_finding finding);
const char *pm_verify_finding_meaning(enum pm_verify_finding finding);
/* From CAPTURE_LOSS on: what recordings do by themselves. */
bool pm_verify_finding_is_note(enum pm_verify_finding finding);

#define PM_VERIFY_TEXT 160
#define PM_VERIFY_FLOW 112

struct pm_verify_shown {
    enum pm_verify_finding finding;
    bool is_note;
    uint64_t frame; /* in OUT; 0: of no packet */
    char flow[PM_VERIFY_FLOW];
    char text[PM_VERIFY_TEXT]; /* what was expected and seen */
};

struct pm_verify_findings {
    uint64_t count[PM_VERIFY_FINDING_COUNT];
    uint64_t findings, notes;
    bool is_strict; /* notes are findings */
    struct pm_verify_shown *shown;
    size_t shown_count, shown_most;
    size_t notes_shown;
};

/* Keeps the first `shown_most` findings, and a few notes. False: no memory. */
bool pm_verify_findings_init(struct pm_verify_findings *findings, size_t shown_most,
                             bool is_strict);
void pm_verify_findings_free(struct pm_verify_findings *findings);

void pm_verify_findings_add(struct pm_verify_findings *findings, enum pm_verify_finding finding,
                            uint64_t frame, const char *flow, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* So many at once; the words are about the first of them. */
void pm_verify_findings_add_many(struct pm_verify_findings *findings,
                                 enum pm_verify_finding finding, uint64_t count, uint64_t frame,
                                 const char *flow, const char *format, ...)
    __attribute__((format(printf, 6, 7)));

/* By frame; what belongs to no packet last. */
void pm_verify_findings_sort(struct pm_verify_findings *findings);

#endif
