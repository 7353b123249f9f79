/* verify_read.c - reads both captures in step: packets of one time in the baseline, then those of
 * it in the capture that is verified. */
#include "app/verify.h"

#include <stdlib.h>

#define PROGRESS_STEPS 4096

/* A capture with the packet that comes next. Times only go on: what is recorded with an earlier one
 * counts as of the latest before it, in both captures alike. */
struct feed {
    struct pm_capture *capture;
    struct pm_record record;
    uint64_t latest_ns;
    bool has_packet;
};

static void advance(struct feed *feed)
{
    enum pm_step step = PM_STEP_BLOCK;
    while (feed->capture != NULL && step == PM_STEP_BLOCK)
        step = pm_capture_next(feed->capture, &feed->record);
    feed->has_packet = step == PM_STEP_PACKET;
    if (feed->has_packet && feed->record.time_ns > feed->latest_ns)
        feed->latest_ns = feed->record.time_ns;
}

static bool touch(struct pm_verify *verify, struct pm_verify_flow *flow)
{
    if (verify->touched_count == verify->touched_cap) {
        size_t cap = verify->touched_cap == 0 ? 64 : verify->touched_cap * 2;
        struct pm_verify_flow **touched =
            realloc(verify->touched, cap * sizeof(struct pm_verify_flow *));
        if (touched == NULL)
            return false;
        verify->touched = touched;
        verify->touched_cap = cap;
    }
    verify->touched[verify->touched_count++] = flow;
    return true;
}

static void take_packet(struct pm_verify *verify, enum pm_verify_capture capture,
                        const struct pm_verify_packet *packet)
{
    struct pm_verify_event event;
    if (!pm_verify_flows_take(&verify->flows, capture, packet, verify->step, &event)) {
        verify->no_memory = true;
        return;
    }
    if (capture == PM_VERIFY_IN)
        pm_verify_remember(verify, packet, &event);
    else
        pm_verify_judge(verify, packet, &event);
    bool is_last =
        verify->touched_count > 0 && verify->touched[verify->touched_count - 1] == event.flow;
    if (verify->options->baseline != NULL && !is_last && !touch(verify, event.flow))
        verify->no_memory = true;
}

/* A packet of its own, and what it completes if it is a fragment. */
static void take(struct pm_verify *verify, enum pm_verify_capture capture,
                 const struct pm_record *record)
{
    struct pm_verify_packet packet;
    struct pm_record whole;
    pm_verify_packet_read(&packet, record);
    verify->packets[capture]++;
    take_packet(verify, capture, &packet);
    if (packet.kind != PM_VERIFY_FRAGMENT ||
        !pm_verify_fragments_take(&verify->fragments[capture], &packet, record, &whole))
        return;
    pm_verify_packet_read(&packet, &whole);
    packet.is_whole = true;
    take_packet(verify, capture, &packet);
}

static void take_until(struct pm_verify *verify, enum pm_verify_capture capture, struct feed *feed,
                       uint64_t until_ns)
{
    while (feed->has_packet && feed->latest_ns <= until_ns && !verify->no_memory) {
        take(verify, capture, &feed->record);
        advance(feed);
    }
}

static void compare_touched(struct pm_verify *verify)
{
    for (size_t i = 0; i < verify->touched_count; i++) {
        struct pm_verify_flow *flow = verify->touched[i];
        if (flow->compared_step != verify->step)
            pm_verify_compare_step(verify, flow);
        flow->compared_step = verify->step;
    }
    verify->touched_count = 0;
}

void pm_verify_run(struct pm_verify *verify, struct pm_capture *out, struct pm_capture *baseline,
                   struct pm_progress *progress)
{
    struct feed feeds[2] = {
        [PM_VERIFY_IN] = {.capture = baseline}, [PM_VERIFY_OUT] = {.capture = out}};
    advance(&feeds[PM_VERIFY_IN]);
    advance(&feeds[PM_VERIFY_OUT]);
    while ((feeds[0].has_packet || feeds[1].has_packet) && !verify->no_memory) {
        bool is_in_first = feeds[0].has_packet &&
                           (!feeds[1].has_packet || feeds[0].latest_ns <= feeds[1].latest_ns);
        uint64_t until_ns = feeds[is_in_first ? 0 : 1].latest_ns;
        if (verify->step++ % PROGRESS_STEPS == 0)
            pm_progress_show(progress, verify->packets[PM_VERIFY_OUT], pm_capture_offset(out),
                             pm_capture_size(out));
        take_until(verify, PM_VERIFY_IN, &feeds[PM_VERIFY_IN], until_ns);
        take_until(verify, PM_VERIFY_OUT, &feeds[PM_VERIFY_OUT], until_ns);
        compare_touched(verify);
    }
    for (const struct pm_verify_flow *flow = verify->flows.newest; flow != NULL; flow = flow->older)
        if (verify->options->baseline != NULL)
            pm_verify_compare_end(verify, flow);
    pm_verify_sender_end(verify);
    pm_verify_findings_sort(&verify->findings);
}

void pm_verify_end(struct pm_verify *verify)
{
    pm_verify_flows_free(&verify->flows);
    pm_verify_fragments_free(&verify->fragments[0]);
    pm_verify_fragments_free(&verify->fragments[1]);
    pm_verify_marks_free(&verify->marks);
    pm_verify_findings_free(&verify->findings);
    free(verify->touched);
}
