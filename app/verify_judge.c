/* verify_judge.c - what one packet shows to be wrong, unless the baseline has it in the same way.
 */
#include "app/verify.h"

enum mark {
    MARK_CHAIN,
    MARK_WHOLE,
    MARK_FAULT,
    MARK_LINK,
    MARK_IP,
    MARK_L4,
    MARK_SURPLUS,
    MARK_GAP,
    MARK_EMPTY_SACK,
    MARK_FIN_MOVED,
};

/* An acknowledgement this shortly before its bytes was swapped with them by the recorder. */
#define ORDER_NS     UINT64_C(3000000)
#define ORDER_FRAMES 16
/* Of so many gaps in one direction the latest are remembered. */
#define GAPS_MARKED 8

static uint64_t mark_of(const struct pm_verify_event *event, enum mark mark, uint64_t value)
{
    uint64_t who = pm_verify_mix(event->flow->id, (uint64_t)mark << 1 | event->dir);
    return pm_verify_mix(who, value);
}

static void remember(struct pm_verify *verify, const struct pm_verify_event *event, enum mark mark,
                     uint64_t value)
{
    if (!pm_verify_marks_add(&verify->marks, mark_of(event, mark, value)))
        verify->no_memory = true;
}

static bool is_known(const struct pm_verify *verify, const struct pm_verify_event *event,
                     enum mark mark, uint64_t value)
{
    return pm_verify_marks_has(&verify->marks, mark_of(event, mark, value));
}

static uint64_t chain_of(const struct pm_verify_take *take)
{
    return pm_verify_mix(take->chain, take->packets);
}

static bool is_stream(enum pm_verify_kind kind)
{
    return kind == PM_VERIFY_TCP;
}

static bool may_change(enum pm_verify_kind kind)
{
    return is_stream(kind) || kind == PM_VERIFY_UDP || kind == PM_VERIFY_ICMP ||
           kind == PM_VERIFY_FRAGMENT;
}

static void remember_gaps(struct pm_verify *verify, const struct pm_verify_event *event)
{
    const struct pm_verify_stream *stream =
        &event->flow->takes[PM_VERIFY_IN].halves[event->dir].stream;
    if (event->sent.jump > 0)
        remember(verify, event, MARK_GAP, event->sent.jump);
    size_t first = stream->run_count > GAPS_MARKED ? stream->run_count - GAPS_MARKED : 1;
    for (size_t i = first; i < stream->run_count; i++)
        remember(verify, event, MARK_GAP, stream->runs[i].begin - stream->runs[i - 1].end);
}

void pm_verify_remember(struct pm_verify *verify, const struct pm_verify_packet *packet,
                        const struct pm_verify_event *event)
{
    remember(verify, event, MARK_CHAIN, chain_of(&event->flow->takes[PM_VERIFY_IN]));
    for (unsigned i = 0; i < packet->fault_count; i++)
        remember(verify, event, MARK_FAULT, pm_verify_fault_mark(&packet->faults[i]));
    if (!may_change(packet->kind)) {
        remember(verify, event, MARK_WHOLE, packet->whole);
        return;
    }
    remember(verify, event, MARK_LINK, packet->link_mark);
    remember(verify, event, MARK_IP, packet->ip_mark);
    remember(verify, event, MARK_L4, packet->l4_mark);
    if (packet->surplus > 0)
        remember(verify, event, MARK_SURPLUS, packet->surplus);
    if (!is_stream(packet->kind))
        return;
    remember_gaps(verify, event);
    if (event->acknowledged.empty >= 0)
        remember(verify, event, MARK_EMPTY_SACK, 0);
    if (event->sent.fin_moved)
        remember(verify, event, MARK_FIN_MOVED, 0);
}

/* A packet that is judged, with what there is to compare it with. */
struct judgement {
    struct pm_verify *verify;
    const struct pm_verify_packet *packet;
    const struct pm_verify_event *event;
    const struct pm_verify_half *was, *is;             /* of the sender, in IN and OUT */
    const struct pm_verify_half *other_was, *other_is; /* of the other end */
    bool has_baseline, is_open_loop;
    char flow[PM_VERIFY_FLOW];
};

#define ADD(j, finding, ...)                                                                       \
    pm_verify_findings_add(&(j)->verify->findings, finding, (j)->packet->frame, (j)->flow,         \
                           __VA_ARGS__)

static void judge_faults(const struct judgement *j)
{
    for (unsigned i = 0; i < j->packet->fault_count; i++) {
        const struct pm_verify_fault *fault = &j->packet->faults[i];
        if (j->has_baseline &&
            is_known(j->verify, j->event, MARK_FAULT, pm_verify_fault_mark(fault)))
            continue;
        bool is_sum = fault->finding == PM_VERIFY_BAD_CHECKSUM;
        if (is_sum && !j->has_baseline &&
            pm_verify_sender_excuses(j->verify, j->packet, j->event, fault))
            continue;
        if (fault->finding == PM_VERIFY_BAD_LENGTH) {
            ADD(j, PM_VERIFY_BAD_LENGTH, "%s is %u, expected %u", fault->what, fault->seen,
                fault->expected);
            continue;
        }
        ADD(j, j->has_baseline ? PM_VERIFY_BAD_CHECKSUM : fault->finding,
            "%s is 0x%04x, expected 0x%04x", fault->what, fault->seen, fault->expected);
    }
    uint32_t surplus = j->packet->surplus;
    if (j->has_baseline && surplus > 0 && may_change(j->packet->kind) &&
        !is_known(j->verify, j->event, MARK_SURPLUS, surplus))
        ADD(j, PM_VERIFY_BAD_LENGTH, "%u bytes behind what the lengths tell, in the baseline never",
            surplus);
}

static void judge_size(const struct judgement *j)
{
    const struct pm_verify_options *options = j->verify->options;
    uint64_t most = options->mtu;
    if (most == 0 || j->packet->is_whole || (!j->has_baseline && !options->has_mtu))
        return;
    most = j->has_baseline && j->was->largest > most ? j->was->largest : most;
    if (j->packet->ip_len > most)
        ADD(j, PM_VERIFY_OVER_MTU, "an IP packet of %u bytes, at most %llu expected",
            j->packet->ip_len, (unsigned long long)most);
}

static void judge_headers(const struct judgement *j)
{
    if (!j->has_baseline || j->verify->options->any_headers || j->was->packets == 0 ||
        !may_change(j->packet->kind) || j->packet->kind == PM_VERIFY_FRAGMENT)
        return;
    const struct {
        enum mark mark;
        uint64_t value;
        const char *what;
    } layers[] = {
        {MARK_LINK, j->packet->link_mark, "the link header"},
        {MARK_IP, j->packet->ip_mark, "the IP header"},
        {MARK_L4, j->packet->l4_mark, "flags, window or options"},
    };
    for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++)
        if (!is_known(j->verify, j->event, layers[i].mark, layers[i].value))
            ADD(j, PM_VERIFY_HEADER_CHANGED,
                "%s has fields that no packet of this sender had in the baseline", layers[i].what);
}

static void judge_repeat(const struct judgement *j)
{
    const struct pm_verify_difference *difference = &j->event->sent.difference;
    if (difference->count == 0 || (j->has_baseline && j->is->repeats <= j->was->repeats))
        return;
    ADD(j, PM_VERIFY_REPEAT_DIFFERS,
        "%llu bytes are others than at first; that of number %lld was 0x%02x, is 0x%02x",
        (unsigned long long)difference->count, pm_verify_relative(difference->pos), difference->was,
        difference->is);
}

static void judge_jump(const struct judgement *j)
{
    const struct pm_verify_sent *sent = &j->event->sent;
    if (sent->is_far && (j->packet->payload_len == 0 || (j->has_baseline && j->was->has_far)))
        return;
    if (sent->jump == 0 && !sent->is_far)
        return;
    enum pm_verify_finding finding =
        j->has_baseline ? PM_VERIFY_SEQUENCE_JUMP : PM_VERIFY_CAPTURE_LOSS;
    if (sent->is_far) {
        ADD(j, finding, "sequence number %u is nowhere near what was sent before", j->packet->seq);
        return;
    }
    if (j->has_baseline && (j->is_open_loop || j->was->is_doubtful ||
                            is_known(j->verify, j->event, MARK_GAP, sent->jump)))
        return;
    ADD(j, finding, "number %lld leaves out %llu bytes, in the %s", pm_verify_relative(sent->pos),
        (unsigned long long)sent->jump,
        j->has_baseline ? "baseline there is no such gap" : "capture they are nowhere before");
}

static void judge_fin(const struct judgement *j)
{
    if (!j->event->sent.fin_moved ||
        (j->has_baseline && is_known(j->verify, j->event, MARK_FIN_MOVED, 0)))
        return;
    ADD(j, PM_VERIFY_FIN_MOVED, "another FIN behind number %lld, the first was behind %lld",
        pm_verify_relative(j->event->sent.pos + j->packet->payload_len) - 1,
        pm_verify_relative(j->is->fin_pos) - 1);
}

/* Without a baseline: bytes come behind their acknowledgement. The recorder may have swapped them.
 */
static void judge_missing(const struct judgement *j)
{
    const struct pm_verify_half *half = j->is;
    if (j->has_baseline || !j->event->sent.was_missing)
        return;
    uint64_t late_ns = j->packet->time_ns - half->missing_ns;
    bool is_swapped = late_ns <= ORDER_NS && j->packet->frame - half->missing_frame <= ORDER_FRAMES;
    ADD(j, is_swapped ? PM_VERIFY_CAPTURE_ORDER : PM_VERIFY_ACK_OF_NOTHING,
        "bytes from number %lld on were acknowledged in frame %llu already",
        pm_verify_relative(j->event->sent.pos), (unsigned long long)half->missing_frame);
}

static void judge_ack(const struct judgement *j)
{
    const struct pm_verify_acknowledged *acknowledged = &j->event->acknowledged;
    bool is_reset = (j->packet->flags & PM_VERIFY_RST) != 0;
    if (j->is_open_loop || is_reset)
        return;
    if (acknowledged->is_far && j->has_baseline && !j->other_was->has_far)
        ADD(j, PM_VERIFY_ACK_OF_NOTHING, "acknowledges %u, nowhere near what was sent",
            j->packet->ack);
    bool was_so = j->has_baseline && (j->other_was->ahead >= j->other_is->ahead ||
                                      j->other_was->is_doubtful); /* what it covers was dropped */
    if (acknowledged->ahead > 0 && !was_so)
        ADD(j, j->has_baseline ? PM_VERIFY_ACK_OF_NOTHING : PM_VERIFY_CAPTURE_LOSS,
            "acknowledges number %lld, sent is up to %lld",
            pm_verify_relative(j->other_is->ack.pos) - 1, pm_verify_relative(j->other_is->end) - 1);
}

/* What was acknowledged once stays so, unless the recorder, or the way, swapped packets. */
static void judge_return(const struct judgement *j)
{
    if (!j->has_baseline || j->is_open_loop || (j->packet->flags & PM_VERIFY_RST) != 0 ||
        !j->event->acknowledged.is_return || j->other_is->returns <= j->other_was->returns)
        return;
    ADD(j, PM_VERIFY_STALE_ACK, "acknowledges number %lld, and before that already %lld",
        pm_verify_relative(j->other_is->ack.pos) - 1, pm_verify_relative(j->other_is->acked) - 1);
}

static void judge_sack(const struct judgement *j)
{
    const struct pm_verify_acknowledged *acknowledged = &j->event->acknowledged;
    const struct pm_verify_ack *ack = &j->other_is->ack;
    if (acknowledged->empty >= 0 &&
        !(j->has_baseline && is_known(j->verify, j->event, MARK_EMPTY_SACK, 0)))
        ADD(j, PM_VERIFY_SACK_OUTSIDE, "SACK block %lld-%lld is empty or turned round",
            pm_verify_relative(ack->sack[acknowledged->empty][0]),
            pm_verify_relative(ack->sack[acknowledged->empty][1]));
    bool was_so = j->has_baseline && (j->other_was->sacks_outside >= j->other_is->sacks_outside ||
                                      j->other_was->is_doubtful);
    if (acknowledged->outside < 0 || j->is_open_loop || was_so)
        return;
    ADD(j, j->has_baseline ? PM_VERIFY_SACK_OUTSIDE : PM_VERIFY_CAPTURE_LOSS,
        "SACK block %lld-%lld, sent is up to %lld",
        pm_verify_relative(ack->sack[acknowledged->outside][0]),
        pm_verify_relative(ack->sack[acknowledged->outside][1]),
        pm_verify_relative(j->other_is->end) - 1);
}

static void judge_datagram(const struct judgement *j)
{
    if (!j->has_baseline || may_change(j->packet->kind) || j->verify->options->any_headers ||
        j->was->packets == 0)
        return;
    if (!is_known(j->verify, j->event, MARK_WHOLE, j->packet->whole))
        ADD(j, PM_VERIFY_PACKET_CHANGED, "no packet like this is in the baseline");
}

/* Up to here the flow is bit for bit what it was: then nothing in it is a finding. */
static bool is_unchanged(const struct judgement *j)
{
    return j->has_baseline && is_known(j->verify, j->event, MARK_CHAIN,
                                       chain_of(&j->event->flow->takes[PM_VERIFY_OUT]));
}

void pm_verify_judge(struct pm_verify *verify, const struct pm_verify_packet *packet,
                     const struct pm_verify_event *event)
{
    const struct pm_verify_take *takes = event->flow->takes;
    struct judgement j = {.verify = verify,
                          .packet = packet,
                          .event = event,
                          .was = &takes[PM_VERIFY_IN].halves[event->dir],
                          .is = &takes[PM_VERIFY_OUT].halves[event->dir],
                          .other_was = &takes[PM_VERIFY_IN].halves[event->dir ^ 1],
                          .other_is = &takes[PM_VERIFY_OUT].halves[event->dir ^ 1],
                          .has_baseline = verify->options->baseline != NULL,
                          .is_open_loop = verify->options->is_open_loop};
    if (is_unchanged(&j))
        return;
    pm_verify_ends_name(&event->flow->ends, event->dir, j.flow);
    if (!j.has_baseline)
        pm_verify_sender_note(verify, packet);
    judge_faults(&j);
    judge_size(&j);
    judge_headers(&j);
    judge_datagram(&j);
    if (!is_stream(packet->kind))
        return;
    judge_repeat(&j);
    judge_jump(&j);
    judge_fin(&j);
    judge_missing(&j);
    if (event->has_ack) {
        judge_ack(&j);
        judge_return(&j);
        judge_sack(&j);
    }
}
