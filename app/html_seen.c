/* html_seen.c - listens to a replay for the page; the contract is in html_seen.h. */
#include "app/html_seen.h"

#include <stdlib.h>
#include <string.h>

#include "app/verify_packet.h"

/* ------------------------------------------------------------------ flows */

static bool has_more(const struct pm_event_flow *a, const struct pm_event_flow *b)
{
    uint64_t left = a->bytes[PM_TO_SERVER] + a->bytes[PM_TO_CLIENT];
    uint64_t right = b->bytes[PM_TO_SERVER] + b->bytes[PM_TO_CLIENT];
    return left > right || (left == right && a->id < b->id);
}

static void flow_ended(void *context, const struct pm_event_flow *flow, const char *reason,
                       uint64_t now_ns)
{
    struct pm_html_seen *seen = context;
    (void)reason;
    (void)now_ns;
    seen->flow_count++;
    if (seen->flow == flow)
        seen->flow = NULL;
    uint32_t at = seen->top_count;
    while (at > 0 && has_more(flow, &seen->top[at - 1]))
        at--;
    if (at == PM_HTML_FLOWS)
        return;
    if (seen->top_count < PM_HTML_FLOWS)
        seen->top_count++;
    memmove(&seen->top[at + 1], &seen->top[at], (seen->top_count - at - 1) * sizeof seen->top[0]);
    seen->top[at] = *flow;
}

static struct pm_event_flow *flow_of(struct pm_html_seen *seen, const struct pm_packet *packet)
{
    struct pm_endpoints ends;
    if (!pm_packet_endpoints(packet, &ends))
        return NULL;
    return pm_event_flows_find(&seen->flows, &ends, 0);
}

static void see_flow(struct pm_html_seen *seen, const struct pm_packet *packet,
                     const struct pm_decision *decision, uint64_t now_ns)
{
    struct pm_endpoints ends;
    bool is_new;
    if (pm_packet_endpoints(packet, &ends))
        seen->flow = pm_event_flows_see(&seen->flows, &ends, (uint32_t)packet->wire_len, decision,
                                        now_ns, &is_new);
}

/* ------------------------------------------------------------------ packets */

static void note_frame(struct pm_html_seen *seen, enum pm_html_engine engine, enum pm_why why,
                       uint64_t frame)
{
    struct pm_html_frames *frames = &seen->why[engine][why];
    if (frames->count < PM_HTML_FRAMES)
        frames->first[frames->count++] = frame;
    frames->total++;
}

static void begin_packet(struct pm_html_seen *seen, const struct pm_record *record, uint64_t now_ns)
{
    pm_event_flows_pass(&seen->flows, now_ns);
    seen->frame = record->frame;
    seen->frame_link = record->link;
    seen->frame_len = record->caplen < PM_HTML_PACKET_BYTES ? record->caplen : PM_HTML_PACKET_BYTES;
    seen->flow = NULL;
    seen->is_edited = false;
    if (seen->frame_len > 0)
        memcpy(seen->came, record->data, seen->frame_len);
}

static enum pm_series series_of(enum pm_verdict verdict)
{
    switch (verdict) {
    case PM_ALLOW:
        return PM_SERIES_ALLOW;
    case PM_DELAY:
        return PM_SERIES_DELAY;
    case PM_ASK:
        return PM_SERIES_ASK;
    case PM_REJECT:
        return PM_SERIES_REJECT;
    case PM_DROP:
        break;
    }
    return PM_SERIES_DROP;
}

static void on_judged(void *context, const struct pm_record *record, const struct pm_packet *packet,
                      const struct pm_decision *decision, uint64_t now_ns)
{
    struct pm_html_seen *seen = context;
    begin_packet(seen, record, now_ns);
    see_flow(seen, packet, decision, now_ns);
    pm_timeline_count(&seen->timeline, now_ns, series_of(decision->verdict));
    note_frame(seen, PM_HTML_FILTER, decision->why, record->frame);
    if (seen->flow != NULL && (decision->verdict == PM_DROP || decision->verdict == PM_REJECT))
        seen->flow->dropped++;
}

static void on_released(void *context, const struct pm_record *record, const struct pm_due *due,
                        uint64_t now_ns)
{
    struct pm_html_seen *seen = context;
    struct pm_packet packet = {.data = record->data,
                               .len = record->caplen,
                               .wire_len = record->origlen,
                               .link = record->link};
    begin_packet(seen, record, now_ns);
    seen->flow = flow_of(seen, &packet);
    if (due->why != PM_WHY_RULE)
        note_frame(seen, PM_HTML_FILTER, due->why, record->frame);
    if (seen->flow != NULL && due->verdict == PM_DROP)
        seen->flow->dropped++;
}

/* ------------------------------------------------------------------ edits */

/* Bytes of the packet as it came that belong to its headers. */
static uint32_t header_len(const struct pm_html_seen *seen)
{
    uint8_t bytes[PM_HTML_PACKET_BYTES];
    struct pm_record record = {.data = bytes,
                               .caplen = seen->frame_len,
                               .origlen = seen->frame_len,
                               .frame = seen->frame,
                               .link = seen->frame_link};
    struct pm_verify_packet packet;
    memcpy(bytes, seen->came, seen->frame_len);
    pm_verify_packet_read(&packet, &record);
    bool has_payload = packet.kind == PM_VERIFY_TCP || packet.kind == PM_VERIFY_UDP;
    return has_payload && packet.payload_off < seen->frame_len ? packet.payload_off
                                                               : seen->frame_len;
}

/* What the rule did to the headers: from the first byte that differs to the last. */
static void add_header_edit(struct pm_html_seen *seen, const struct pm_emitted *emitted,
                            const struct pm_html_edit *about)
{
    struct pm_html_edit header = *about;
    struct pm_edit_note note = {
        .rule = emitted->header_rule, .old_bytes = seen->came, .new_bytes = emitted->data};
    header.is_header = true;
    if (emitted->cookie == seen->frame && !emitted->is_late) {
        uint32_t len = header_len(seen);
        if (len > emitted->len)
            len = (uint32_t)emitted->len;
        struct pm_html_common same = pm_html_common_of(seen->came, len, emitted->data, len);
        note.offset = same.same_before;
        note.old_bytes += same.same_before;
        note.new_bytes += same.same_before;
        note.old_len = note.new_len = len - same.same_before - same.same_after;
    }
    pm_html_edits_add(&seen->edits, &header, &note);
}

static void on_emitted(void *context, const struct pm_emitted *emitted, uint64_t now_ns)
{
    struct pm_html_seen *seen = context;
    struct pm_html_edit about = {.frame = emitted->cookie,
                                 .now_ns = now_ns,
                                 .dir = emitted->dir,
                                 .is_late = emitted->is_late};
    bool is_at_hand = emitted->cookie == seen->frame && !emitted->is_late;
    bool has_header = emitted->header_rule != PM_NO_RULE && emitted->part == 0;
    if (emitted->edit_count == 0 && !has_header)
        return;
    for (uint32_t i = 0; i < emitted->note_count; i++)
        pm_html_edits_add(&seen->edits, &about, &emitted->notes[i]);
    seen->edits.total += emitted->edit_count - emitted->note_count;
    if (has_header)
        add_header_edit(seen, emitted, &about);
    if (is_at_hand && seen->is_edited)
        return;
    seen->is_edited = seen->is_edited || is_at_hand;
    pm_timeline_count(&seen->timeline, now_ns, PM_SERIES_EDITED);
    struct pm_packet packet = {.data = emitted->data,
                               .len = emitted->len,
                               .wire_len = emitted->wire_len,
                               .link = emitted->link};
    struct pm_event_flow *flow = is_at_hand ? seen->flow : flow_of(seen, &packet);
    if (flow != NULL)
        flow->edited++;
}

/* Edits of dry-run rules; those in force are told when they are made. */
static void on_rehearsed(void *context, const struct pm_emitted *emitted, uint64_t now_ns)
{
    struct pm_html_seen *seen = context;
    const struct pm_policy *policy = seen->replay->policy;
    struct pm_html_edit about = {.frame = emitted->cookie,
                                 .now_ns = now_ns,
                                 .dir = emitted->dir,
                                 .is_late = emitted->is_late,
                                 .is_dry = true};
    for (uint32_t i = 0; i < emitted->note_count; i++)
        if (pm_policy_rule_is_dry_run(policy, emitted->notes[i].rule))
            pm_html_edits_add(&seen->edits, &about, &emitted->notes[i]);
    if (emitted->part == 0 && emitted->header_rule != PM_NO_RULE &&
        pm_policy_rule_is_dry_run(policy, emitted->header_rule))
        add_header_edit(seen, emitted, &about);
}

static void on_judged_late(void *context, const struct pm_record *record,
                           const struct pm_emitted *emitted, const struct pm_decision *decision,
                           uint64_t now_ns)
{
    struct pm_html_seen *seen = context;
    struct pm_packet packet = {.data = emitted->data,
                               .len = emitted->len,
                               .wire_len = emitted->wire_len,
                               .link = emitted->link};
    bool is_at_hand = emitted->cookie == seen->frame && !emitted->is_late;
    struct pm_event_flow *flow = is_at_hand ? seen->flow : flow_of(seen, &packet);
    (void)now_ns;
    note_frame(seen, PM_HTML_LATE, decision->why, record->frame);
    if (flow != NULL && decision->verdict != PM_ALLOW)
        flow->dropped++;
}

static void on_rewritten(void *context, const struct pm_record *record, enum pm_why why,
                         uint64_t now_ns)
{
    (void)now_ns;
    note_frame(context, PM_HTML_REWRITER, why, record->frame);
}

static void on_happened(void *context, const struct pm_event *event, uint64_t now_ns)
{
    (void)now_ns;
    note_frame(context, PM_HTML_REWRITER, event->why, event->cookie);
}

/* ------------------------------------------------------------------ life */

struct pm_html_seen *pm_html_seen_new(struct pm_replay *replay)
{
    struct pm_html_seen *seen = calloc(1, sizeof *seen);
    const struct pm_settings *settings = pm_policy_settings(replay->policy);
    if (seen == NULL)
        return NULL;
    seen->replay = replay;
    seen->timeline.width_ns = 1;
    bool has_flows =
        pm_event_flows_init(&seen->flows, settings->flows,
                            settings->flow_idle_s * UINT64_C(1000000000), flow_ended, seen);
    bool has_edits = pm_html_edits_init(&seen->edits, pm_policy_rule_count(replay->policy));
    if (!has_flows || !has_edits) {
        pm_html_seen_free(seen);
        return NULL;
    }
    seen->observer = (struct pm_observer){
        .judged = on_judged,
        .released = on_released,
        .judged_late = on_judged_late,
        .rehearsed = on_rehearsed,
        .emitted = on_emitted,
        .rewritten = on_rewritten,
        .happened = on_happened,
        .context = seen,
    };
    pm_replay_observe(replay, &seen->observer);
    return seen;
}

void pm_html_seen_end(struct pm_html_seen *seen)
{
    seen->flow = NULL;
    pm_event_flows_pass(&seen->flows, seen->replay->clock_ns);
    pm_event_flows_end(&seen->flows, seen->replay->clock_ns);
}

void pm_html_seen_free(struct pm_html_seen *seen)
{
    if (seen == NULL)
        return;
    pm_event_flows_free(&seen->flows);
    pm_html_edits_free(&seen->edits);
    free(seen);
}
