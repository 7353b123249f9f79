/* ruletest_plan.c - the packets that a test of a rule file runs with. */
#include "app/ruletest_plan.h"

#include <stdlib.h>
#include <string.h>

#define STEP_NS UINT64_C(10000) /* so that a match does not take longer than hold_ms */
#define PIECE   5u              /* bytes in each piece that is sent twice, or changes places */

/* ------------------------------------------------------------------ plans */

static size_t split_count(const struct pm_ruletest_bytes *bytes)
{
    return bytes->len < 2 ? 0 : bytes->len - 1;
}

size_t pm_ruletest_plan_count(const struct pm_ruletest *test)
{
    const struct pm_ruletest_stream *s = &test->stream;
    size_t count = 1;
    if (test->kind != PM_RULETEST_STREAM)
        return 1;
    if (s->modes & PM_RULETEST_EVERY_SPLIT)
        count += split_count(&s->bytes[0]) + split_count(&s->bytes[1]);
    if (s->modes & PM_RULETEST_ONE_BYTE)
        count++;
    if (s->modes & PM_RULETEST_RETRANSMIT_EACH)
        count++;
    if (s->modes & PM_RULETEST_REORDER)
        count += 2;
    return count;
}

struct pm_ruletest_plan pm_ruletest_plan_at(const struct pm_ruletest *test, size_t index)
{
    const struct pm_ruletest_stream *s = &test->stream;
    struct pm_ruletest_plan plan = {.mode = 0};
    if (index-- == 0)
        return plan;
    for (unsigned way = 0; way < 2 && (s->modes & PM_RULETEST_EVERY_SPLIT) != 0; way++) {
        size_t splits = split_count(&s->bytes[way]);
        if (index < splits)
            return (struct pm_ruletest_plan){PM_RULETEST_EVERY_SPLIT, way, index + 1};
        index -= splits;
    }
    if ((s->modes & PM_RULETEST_ONE_BYTE) != 0 && index-- == 0)
        plan.mode = PM_RULETEST_ONE_BYTE;
    else if ((s->modes & PM_RULETEST_RETRANSMIT_EACH) != 0 && index-- == 0)
        plan.mode = PM_RULETEST_RETRANSMIT_EACH;
    else
        plan = (struct pm_ruletest_plan){PM_RULETEST_REORDER, 0, index == 0 ? 2 : 8};
    return plan;
}

void pm_ruletest_plan_text(const struct pm_ruletest_plan *plan, char text[PM_RULETEST_PLAN_TEXT])
{
    const char *way = plan->way == 0 ? "to_server" : "to_client";
    if (plan->mode == PM_RULETEST_EVERY_SPLIT)
        snprintf(text, PM_RULETEST_PLAN_TEXT, "every-split: %s cut behind byte %zu", way, plan->at);
    else if (plan->mode == PM_RULETEST_ONE_BYTE)
        snprintf(text, PM_RULETEST_PLAN_TEXT, "1-byte: each byte in a segment of its own");
    else if (plan->mode == PM_RULETEST_RETRANSMIT_EACH)
        snprintf(text, PM_RULETEST_PLAN_TEXT,
                 "retransmit-each: %u bytes a segment, each again with the one before", PIECE);
    else if (plan->mode == PM_RULETEST_REORDER)
        snprintf(text, PM_RULETEST_PLAN_TEXT, "reorder: %u bytes a segment, every %zu turned round",
                 PIECE, plan->at);
    else
        snprintf(text, PM_RULETEST_PLAN_TEXT, "in full segments");
}

/* ------------------------------------------------------------------ a stream */

static void send_range(struct pm_talk *talk, unsigned from, size_t off, size_t len)
{
    struct pm_talk_send send = {.from = off, .len = len, .has_no_ack = true};
    if (len > 0)
        pm_talk_send(talk, from, &send);
}

static size_t piece_end(size_t off, size_t len)
{
    return len - off < PIECE ? len : off + PIECE;
}

static void send_twice(struct pm_talk *talk, unsigned from, size_t len)
{
    for (size_t off = 0, before = 0; off < len; before = off, off = piece_end(off, len)) {
        send_range(talk, from, off, piece_end(off, len) - off);
        send_range(talk, from, before, piece_end(off, len) - before);
    }
}

static void send_turned(struct pm_talk *talk, unsigned from, size_t len, size_t turned)
{
    size_t count = (len + PIECE - 1) / PIECE;
    for (size_t i = 0; i < count; i += turned) {
        size_t end = count - i < turned ? count : i + turned;
        for (size_t j = end; j-- > i;)
            send_range(talk, from, j * PIECE, piece_end(j * PIECE, len) - j * PIECE);
    }
}

static void send_way(struct pm_talk *talk, unsigned way, const struct pm_ruletest_bytes *bytes,
                     const struct pm_ruletest_plan *plan)
{
    const struct pm_talk_extra usual = {0};
    size_t cut = plan->mode == PM_RULETEST_EVERY_SPLIT && plan->way == way ? plan->at : 0;
    if (bytes->len == 0)
        return;
    if (!pm_talk_append(talk, way, bytes->at, bytes->len)) {
        talk->no_memory = true;
        return;
    }
    if (plan->mode == PM_RULETEST_ONE_BYTE) {
        for (size_t i = 0; i < bytes->len && !talk->list->is_full; i++)
            send_range(talk, way, i, 1);
    } else if (plan->mode == PM_RULETEST_RETRANSMIT_EACH) {
        send_twice(talk, way, bytes->len);
    } else if (plan->mode == PM_RULETEST_REORDER) {
        send_turned(talk, way, bytes->len, plan->at);
    } else {
        send_range(talk, way, 0, cut);
        send_range(talk, way, cut, bytes->len - cut);
    }
    pm_talk_flags(talk, 1 - way, PM_CRAFT_ACK, &usual);
}

static const uint8_t macs[2][6] = {{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}};

static void stream_packets(const struct pm_ruletest *test, const struct pm_ruletest_plan *plan,
                           struct pm_packetlist *list, uint32_t isn[2])
{
    const struct pm_ruletest_stream *s = &test->stream;
    struct pm_craft craft = {.link = PM_CRAFT_ETHERNET,
                             .src = s->client,
                             .dst = s->server,
                             .ttl = 64,
                             .id = 1,
                             .proto = PM_CRAFT_TCP,
                             .src_port = s->client_port,
                             .dst_port = s->server_port,
                             .window = 64240};
    struct pm_talk_clock clock = {.now_ns = test->start_ns, .step_ns = STEP_NS};
    struct pm_talk talk;
    memcpy(craft.src_mac, macs[0], 6);
    memcpy(craft.dst_mac, macs[1], 6);
    pm_talk_begin(&talk, &craft, list, &clock);
    talk.first_dir = s->is_in ? PM_DIR_IN : PM_DIR_OUT;
    if (craft.src.version == 6)
        talk.mss = 1440;
    pm_talk_open(&talk);
    for (unsigned way = 0; way < 2; way++) {
        send_way(&talk, way, &s->bytes[way], plan);
        isn[way] = talk.ends[way].isn;
    }
    pm_talk_close(&talk, 0);
    list->no_memory = list->no_memory || talk.no_memory;
    pm_talk_free(&talk);
}

/* ------------------------------------------------------------------ single packets */

static uint8_t proto_of(const struct pm_ruletest_packet *p)
{
    switch (p->proto) {
    case PM_RULETEST_TCP:
        return PM_CRAFT_TCP;
    case PM_RULETEST_UDP:
        return PM_CRAFT_UDP;
    case PM_RULETEST_ICMP:
    case PM_RULETEST_FRAME:
        break;
    }
    return p->src.version == 6 ? PM_CRAFT_ICMPV6 : PM_CRAFT_ICMP;
}

static struct pm_craft craft_of(const struct pm_ruletest_packet *p)
{
    struct pm_craft craft = {.link = PM_CRAFT_ETHERNET,
                             .vlan = {p->vlan},
                             .vlan_count = p->has_vlan ? 1 : 0,
                             .src = p->src,
                             .dst = p->dst,
                             .ttl = p->ttl,
                             .tos = (uint8_t)(p->dscp << 2),
                             .id = p->id,
                             .df = p->df,
                             .proto = proto_of(p),
                             .src_port = p->src_port,
                             .dst_port = p->dst_port,
                             .seq = p->seq,
                             .ack = p->ack,
                             .flags = p->flags,
                             .window = p->window,
                             .type = p->type,
                             .code = p->code,
                             .rest = p->seq,
                             .payload = p->payload.at,
                             .payload_len = p->payload.len};
    memcpy(craft.src_mac, macs[p->is_in ? 1 : 0], 6);
    memcpy(craft.dst_mac, macs[p->is_in ? 0 : 1], 6);
    return craft;
}

size_t pm_ruletest_frame(const struct pm_ruletest_packet *p, uint8_t *out)
{
    struct pm_craft craft = craft_of(p);
    return pm_craft_frame(&craft, out);
}

static void add_packet(const struct pm_ruletest_packet *p, uint64_t start_ns,
                       struct pm_packetlist *list, uint8_t *frame)
{
    struct pm_listed what = {.time_ns = start_ns + p->time_ns,
                             .dir = p->is_in ? PM_DIR_IN : PM_DIR_OUT};
    const uint8_t *bytes = p->payload.at;
    size_t len = p->payload.len;
    if (p->proto != PM_RULETEST_FRAME) {
        bytes = frame;
        len = pm_ruletest_frame(p, frame);
    }
    if (p->interface != NULL && !pm_packetlist_interface(list, p->interface, &what.interface))
        list->is_full = true;
    what.len = what.wire_len = (uint32_t)len;
    pm_packetlist_add(list, &what, bytes);
}

bool pm_ruletest_packets(const struct pm_ruletest *test, const struct pm_ruletest_plan *plan,
                         struct pm_packetlist *list, uint32_t isn[2])
{
    list->link = PM_CRAFT_ETHERNET;
    if (test->kind == PM_RULETEST_STREAM) {
        stream_packets(test, plan, list, isn);
        return !list->no_memory && !list->is_full;
    }
    uint8_t *frame = malloc(PM_CRAFT_FRAME_LEN);
    for (size_t i = 0; i < test->packet_count && frame != NULL; i++)
        add_packet(&test->packets[i], test->start_ns, list, frame);
    list->no_memory = list->no_memory || frame == NULL;
    free(frame);
    return !list->no_memory && !list->is_full;
}
