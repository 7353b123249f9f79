/* emit.c - what leaves: header edits, checksums, notes, counters. */
#include <string.h>

#include "edit/fixup.h"
#include "engine/fragments.h"
#include "engine/impair.h"
#include "engine/nat.h"

/* The packet's rule counts once however much it changed. */
void pm_count_rule(struct pm_rewriter *r, const struct pm_passage *p, uint32_t rule)
{
    if (r->rule_packet[rule] == r->stats.packets)
        return;
    r->rule_packet[rule] = r->stats.packets;
    r->rules[rule].packets++;
    r->rules[rule].bytes += p->packet->wire_len;
}

void pm_count_edits(struct pm_rewriter *r, const struct pm_passage *p, uint32_t first)
{
    for (uint32_t i = first; i < p->plan_count; i++) {
        const struct pm_plan_edit *edit = &r->plan[i];
        uint32_t rule = r->policy->ops[pm_plan_op(edit)].rule;
        struct pm_rule_stats *stats = &r->rules[rule];
        stats->edits += !(edit->op & PM_REPAIR);
        stats->grown_bytes += (int64_t)edit->new_len - (int64_t)edit->old_len;
        pm_count_rule(r, p, rule);
    }
}

/* Applies the header edits of one rule; true if any field was written. */
static bool assign_rule(struct pm_rewriter *r, struct pm_passage *p, uint32_t index, uint8_t *frame,
                        uint32_t part)
{
    const struct pm_rule *rule = &r->policy->rules[index];
    bool is_written = false;
    for (uint32_t i = 0; i < rule->op_count; i++) {
        const struct pm_op *op = &r->policy->ops[rule->first_op + i];
        if (op->kind != PM_OP_SET && op->kind != PM_OP_ADD)
            continue;
        if (pm_assign_write(&op->assign, &p->headers, frame))
            is_written = true;
        else if (part == 0)
            pm_count_why(r, PM_WHY_FIELD_ABSENT);
    }
    return is_written;
}

static bool assign_all(struct pm_rewriter *r, struct pm_passage *p, uint8_t *frame, uint32_t part)
{
    bool is_written = false;
    if (!p->selection.has_assign || !p->is_shown_rewritten)
        return false;
    if (p->headers.is_unmodifiable) {
        pm_count_why(r, PM_WHY_UNSUPPORTED);
        return false;
    }
    for (uint32_t i = 0; i < p->selection.count; i++) {
        uint32_t rule = p->selection.rules[i];
        if (!assign_rule(r, p, rule, frame, part))
            continue;
        is_written = true;
        p->header_rule = rule;
        pm_count_rule(r, p, rule);
    }
    return is_written;
}

static uint32_t fill_notes(const struct pm_rewriter *r, const struct pm_passage *p,
                           struct pm_edit_note notes[PM_EDIT_NOTES])
{
    uint32_t count = p->plan_count < PM_EDIT_NOTES ? p->plan_count : PM_EDIT_NOTES;
    for (uint32_t i = 0; i < count; i++) {
        const struct pm_plan_edit *edit = &r->plan[i];
        const struct pm_op *op = &r->policy->ops[pm_plan_op(edit)];
        notes[i] = (struct pm_edit_note){.rule = op->rule,
                                         .op = op->index,
                                         .offset = p->plan_offset + edit->position,
                                         .old_len = edit->old_len,
                                         .new_len = edit->new_len,
                                         .old_bytes =
                                             edit->was ? edit->was : p->plan_bytes + edit->position,
                                         .new_bytes = edit->with};
    }
    return count;
}

void pm_emit_out(struct pm_rewriter *r, const struct pm_emitted *out)
{
    r->stats.emitted++;
    r->stats.emitted_bytes += out->wire_len;
    if (out->part > 0)
        r->stats.split++;
    if (!out->is_late)
        r->prompt++;
    r->config.emit(r->config.context, out);
}

/* frame: out->data, ours to change. */
static void send(struct pm_rewriter *r, struct pm_passage *p, struct pm_emitted *out,
                 uint8_t *frame)
{
    struct pm_edit_note notes[PM_EDIT_NOTES];
    out->cookie = p->packet->cookie;
    out->dir = p->tracked.dir;
    out->ifindex = p->packet->ifindex;
    out->link = p->packet->link;
    out->is_late = p->is_late;
    out->is_own = p->is_own;
    out->header_rule = p->header_rule;
    if (out->part == 0 && p->is_shown_rewritten) {
        out->edit_count = p->plan_count;
        out->note_count = fill_notes(r, p, notes);
        out->notes = notes;
    }
    if (p->tracked.flow)
        pm_rewriter_own(p)->left++;
    if (pm_impair_send(r, p, out, frame))
        return;
    if (p->assembly || p->cut_size > 0)
        pm_fragments_send(r, p, out);
    else
        pm_emit_out(r, out);
}

/* What rules change in headers, one packet at a time, is changed in whole packets. */
bool pm_is_offloaded(const struct pm_rewriter *r, const struct pm_passage *p)
{
    const struct pm_headers *h = &p->headers;
    bool is_segment = h->parse == PM_PARSE_L4 && h->ip_proto == PM_PROTO_TCP && !h->is_fragment;
    return r->config.offload && pm_is_live(r) && is_segment && !p->assembly && p->cut_size == 0 &&
           !p->selection.has_assign && !r->policy->has_nat && !r->policy->has_impair;
}

/* An offloaded checksum leaves complete once anything was changed, unless who sends completes it.
 */
static enum pm_csum complete_sums(struct pm_rewriter *r, struct pm_passage *p)
{
    struct pm_headers *h = &p->headers;
    if (h->parse != PM_PARSE_L4 || h->is_truncated || h->is_fragment ||
        pm_packet_sum(r, p) != PM_SUM_PARTIAL)
        return PM_CSUM_ON_WIRE;
    if (pm_is_offloaded(r, p)) {
        pm_fixup_partial(h, p->buffer, h->payload_len);
        return PM_CSUM_PARTIAL;
    }
    if (h->ip_version == 4)
        pm_write_ip_checksum(p->buffer + h->l3_off);
    pm_fixup_l4_sum(h, p->buffer, h->payload_len);
    return PM_CSUM_ON_WIRE;
}

enum pm_why pm_emit_buffer(struct pm_rewriter *r, struct pm_passage *p, enum pm_why why)
{
    if (p->is_changed || (p->selection.has_assign && p->is_shown_rewritten) ||
        pm_nat_is_leaving(r, p))
        pm_packet_sum(r, p); /* as it came, before it changes */
    bool is_assigned = assign_all(r, p, p->buffer, 0);
    bool is_mapped = pm_nat_leave(r, p, p->buffer);
    p->is_changed |= is_mapped;
    is_assigned |= p->is_ruled || (is_mapped && !p->is_quote);
    if (p->is_quote && why == PM_WHY_NONE)
        why = PM_WHY_ICMP_QUOTE;
    if (p->refused != PM_WHY_NONE && why == PM_WHY_NONE)
        why = p->refused;
    if (is_assigned && (why == PM_WHY_NONE || why == PM_WHY_FOLLOWED))
        why = PM_WHY_EDITED;
    struct pm_emitted out = {
        .data = p->buffer, .len = p->packet->len, .wire_len = p->packet->wire_len, .why = why};
    out.gso_len = p->packet->gso_len;
    out.csum = p->packet->csum;
    if (is_assigned || p->is_changed) {
        out.changed = true;
        r->stats.changed++;
        out.csum = complete_sums(r, p);
        bool has_padding = !p->headers.is_truncated && p->headers.end < p->packet->len;
        if (has_padding)
            out.len = out.wire_len = p->headers.end;
    }
    send(r, p, &out, p->buffer);
    return why;
}

void pm_emit_frame(struct pm_rewriter *r, struct pm_passage *p, uint32_t payload_len, uint32_t part)
{
    bool is_offloaded = pm_is_offloaded(r, p);
    size_t len = is_offloaded ? pm_fixup_partial(&p->headers, r->frame, payload_len)
                              : pm_fixup_whole(&p->headers, r->frame, payload_len);
    assign_all(r, p, r->frame, part);
    pm_nat_leave(r, p, r->frame);
    if (part == 0 && !p->is_late)
        r->stats.changed++;
    struct pm_emitted out = {.data = r->frame,
                             .len = len,
                             .wire_len = len,
                             .changed = true,
                             .why = p->plan_count > 0 ? PM_WHY_EDITED : PM_WHY_FOLLOWED,
                             .part = part};
    out.csum = is_offloaded ? PM_CSUM_PARTIAL : PM_CSUM_ON_WIRE;
    out.gso_len = payload_len > p->gso_len ? (uint16_t)p->gso_len : 0;
    send(r, p, &out, r->frame);
}

/* What the segments towards the other end may carry: its MSS, less the options (RFC 6691). */
static uint32_t live_room(const struct pm_rewriter *r, const struct pm_passage *p, uint32_t room)
{
    const struct pm_headers *h = &p->headers;
    const struct pm_rewriter_flow *flow = pm_rewriter_own(p);
    const struct pm_syn *syn = &flow->syn[1 - p->tracked.side];
    if (h->ip_proto != PM_PROTO_TCP)
        return room;
    if (flow->stream) {
        uint32_t pmtu = pm_stream_at(r, flow->stream)->half[p->tracked.side].live.pmtu;
        uint32_t header_len = h->payload_off - h->l3_off;
        if (pmtu > header_len && pmtu - header_len < room)
            room = pmtu - header_len;
    }
    uint32_t options_len = h->payload_off - h->l4_off - 20;
    uint32_t mss = syn->mss ? syn->mss : h->ip_version == 4 ? 536 : 1220;
    if (syn->is_seen && mss > options_len && mss - options_len < room)
        room = mss - options_len;
    return room;
}

/* A segment is cut to segments of the size of its fragments, where that is worth their headers. All
 * else is cut to fragments. */
static uint32_t room_of_fragments(const struct pm_passage *p, uint32_t header_len)
{
    uint32_t largest = p->assembly->datagram->largest;
    bool is_segment = p->headers.ip_proto == PM_PROTO_TCP && largest >= 2 * header_len;
    return is_segment ? largest : PM_IP_MAX;
}

uint32_t pm_payload_room(const struct pm_rewriter *r, const struct pm_passage *p)
{
    const struct pm_headers *h = &p->headers;
    uint32_t header_len = h->payload_off - h->l3_off;
    uint32_t limit = r->config.mtu ? r->config.mtu : PM_IP_MAX;
    if (p->assembly)
        limit = room_of_fragments(p, header_len);
    else if (limit < h->ip_len && !pm_is_live(r))
        limit = h->ip_len;
    if (limit > PM_IP_MAX)
        limit = PM_IP_MAX;
    uint32_t room = limit > header_len ? limit - header_len : 0;
    return pm_is_live(r) ? live_room(r, p, room) : room;
}
