/* verify_sender.c - without a baseline: senders that have no right checksum anywhere. Hardware
 * fills them in behind the recorder, and anonymizers leave them as they were; neither is a fault of
 * the capture. Senders are told by address; one wrong checksum alone proves nothing. */
#include "app/verify.h"

enum mark { MARK_RIGHT, MARK_WRONG, MARK_WRONG_AGAIN };

static uint64_t mark_of(const struct pm_verify_ends *ends, unsigned side, enum mark mark)
{
    return pm_verify_hash((uint64_t)mark, ends->addr[side], sizeof ends->addr[side]);
}

static bool is_marked(const struct pm_verify *verify, const struct pm_verify_ends *ends,
                      unsigned side, enum mark mark)
{
    return pm_verify_marks_has(&verify->marks, mark_of(ends, side, mark));
}

static void put_mark(struct pm_verify *verify, const struct pm_verify_ends *ends, enum mark mark)
{
    if (!pm_verify_marks_add(&verify->marks, mark_of(ends, 0, mark)))
        verify->no_memory = true;
}

bool pm_verify_sender_excuses(struct pm_verify *verify, const struct pm_verify_packet *packet,
                              const struct pm_verify_event *event,
                              const struct pm_verify_fault *fault)
{
    struct pm_verify_half *half = &event->flow->takes[PM_VERIFY_OUT].halves[event->dir];
    if (is_marked(verify, &packet->ends, 0, MARK_RIGHT))
        return false;
    put_mark(verify, &packet->ends,
             is_marked(verify, &packet->ends, 0, MARK_WRONG) ? MARK_WRONG_AGAIN : MARK_WRONG);
    if (half->excused++ == 0) {
        half->excused_fault = *fault;
        half->excused_frame = packet->frame;
    }
    return true;
}

void pm_verify_sender_note(struct pm_verify *verify, const struct pm_verify_packet *packet)
{
    if (packet->sum == PM_VERIFY_SUM_GOOD && packet->fault_count == 0)
        put_mark(verify, &packet->ends, MARK_RIGHT);
}

static void tell(struct pm_verify *verify, const struct pm_verify_flow *flow, unsigned dir)
{
    const struct pm_verify_half *half = &flow->takes[PM_VERIFY_OUT].halves[dir];
    if (half->excused == 0)
        return;
    bool is_finding = is_marked(verify, &flow->ends, dir, MARK_RIGHT) ||
                      !is_marked(verify, &flow->ends, dir, MARK_WRONG_AGAIN);
    char name[PM_VERIFY_FLOW];
    pm_verify_ends_name(&flow->ends, dir, name);
    pm_verify_findings_add_many(
        &verify->findings, is_finding ? PM_VERIFY_BAD_CHECKSUM : PM_VERIFY_OFFLOADED_CHECKSUM,
        half->excused, half->excused_frame, name, "%s is 0x%04x, expected 0x%04x%s",
        half->excused_fault.what, half->excused_fault.seen, half->excused_fault.expected,
        is_finding ? "" : "; this sender has no right one");
}

void pm_verify_sender_end(struct pm_verify *verify)
{
    for (const struct pm_verify_flow *flow = verify->flows.newest; flow != NULL; flow = flow->older)
        for (unsigned dir = 0; dir < 2; dir++)
            tell(verify, flow, dir);
}
