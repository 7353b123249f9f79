/* talk.c - one conversation between two ends, of which packets are made. */
#include "app/talk.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "app/byteorder.h"

#define NS_PER_MS 1000000u

/* ------------------------------------------------------------------ beginning */

/* FNV-1a over addresses and ports: every connection begins elsewhere, always at the same place. */
static uint32_t isn_of(const struct pm_craft *craft)
{
    uint32_t hash = 2166136261u;
    uint8_t bytes[36];
    memcpy(bytes, craft->src.bytes, 16);
    memcpy(bytes + 16, craft->dst.bytes, 16);
    pm_file_put16(bytes + 32, craft->src_port, true);
    pm_file_put16(bytes + 34, craft->dst_port, true);
    for (size_t i = 0; i < sizeof bytes; i++)
        hash = (hash ^ bytes[i]) * 16777619u;
    return hash;
}

static struct pm_craft turned(const struct pm_craft *craft)
{
    struct pm_craft other = *craft;
    memcpy(other.src_mac, craft->dst_mac, 6);
    memcpy(other.dst_mac, craft->src_mac, 6);
    other.src = craft->dst;
    other.dst = craft->src;
    other.src_port = craft->dst_port;
    other.dst_port = craft->src_port;
    return other;
}

void pm_talk_begin(struct pm_talk *talk, const struct pm_craft *craft, struct pm_packetlist *list,
                   struct pm_talk_clock *clock)
{
    *talk = (struct pm_talk){.first_dir = PM_DIR_OUT, .mss = 1460, .list = list, .clock = clock};
    talk->ends[0].craft = *craft;
    talk->ends[1].craft = turned(craft);
    for (unsigned i = 0; i < 2; i++)
        talk->ends[i].isn = isn_of(&talk->ends[i].craft);
}

void pm_talk_free(struct pm_talk *talk)
{
    free(talk->ends[0].bytes);
    free(talk->ends[1].bytes);
    free(talk->frame);
}

/* ------------------------------------------------------------------ packets leave */

static enum pm_dir dir_of(const struct pm_talk *talk, unsigned from)
{
    if (from == 0)
        return talk->first_dir;
    return talk->first_dir == PM_DIR_OUT ? PM_DIR_IN : PM_DIR_OUT;
}

static void add_frame(struct pm_talk *talk, unsigned from, const uint8_t *frame, size_t len,
                      const struct pm_talk_extra *extra)
{
    uint32_t there = extra->snap != 0 && extra->snap < len ? extra->snap : (uint32_t)len;
    struct pm_listed what = {.time_ns = talk->clock->now_ns,
                             .len = there,
                             .wire_len = (uint32_t)len,
                             .dir = dir_of(talk, from),
                             .interface = talk->interface};
    pm_packetlist_add(talk->list, &what, frame);
    talk->clock->now_ns += talk->clock->step_ns;
}

static void add_fragments(struct pm_talk *talk, unsigned from, const struct pm_craft *craft,
                          const uint8_t *frame, size_t len, const struct pm_talk_extra *extra)
{
    uint8_t *part = malloc(PM_CRAFT_FRAME_LEN);
    size_t carried = pm_craft_carried_len(craft, len);
    size_t count = (carried + extra->fragment - 1) / extra->fragment;
    if (part == NULL) {
        talk->no_memory = true;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        size_t at = (extra->is_reversed ? count - 1 - i : i) * extra->fragment;
        size_t part_len = carried - at < extra->fragment ? carried - at : extra->fragment;
        add_frame(talk, from, part, pm_craft_fragment(craft, frame, len, at, part_len, part),
                  extra);
    }
    free(part);
}

static void change(struct pm_craft *craft, const struct pm_talk_extra *extra)
{
    if (extra->has & PM_TALK_TTL)
        craft->ttl = extra->ttl;
    if (extra->has & PM_TALK_TOS)
        craft->tos = extra->tos;
    if (extra->has & PM_TALK_ID)
        craft->id = extra->id;
    if (extra->has & PM_TALK_WINDOW)
        craft->window = extra->window;
    if (extra->has & PM_TALK_FLAGS)
        craft->flags = extra->flags;
    if (extra->has & PM_TALK_URGENT) {
        craft->urgent = extra->urgent;
        craft->flags |= PM_CRAFT_URG;
    }
    craft->df = craft->df || extra->df;
    craft->is_bad_checksum = extra->is_bad_checksum;
    craft->seq += extra->seq_shift;
}

static void keep_last(struct pm_talk_end *end, const struct pm_craft *craft, const uint8_t *frame,
                      size_t len)
{
    size_t ip_off = pm_craft_ip_off(craft), ip_len = len - ip_off;
    end->last_len = ip_len < PM_TALK_QUOTE ? ip_len : PM_TALK_QUOTE;
    memcpy(end->last, frame + ip_off, end->last_len);
}

static void leave(struct pm_talk *talk, unsigned from, struct pm_craft *craft,
                  const struct pm_talk_extra *extra)
{
    if (talk->frame == NULL && (talk->frame = malloc(PM_CRAFT_FRAME_LEN)) == NULL) {
        talk->no_memory = true;
        return;
    }
    change(craft, extra);
    const uint8_t *frame = talk->frame;
    size_t len = pm_craft_frame(craft, talk->frame);
    talk->ends[from].craft.id++;
    keep_last(&talk->ends[from], craft, frame, len);
    if (extra->fragment != 0 && pm_craft_carried_len(craft, len) > extra->fragment)
        add_fragments(talk, from, craft, frame, len, extra);
    else
        add_frame(talk, from, frame, len, extra);
}

/* ------------------------------------------------------------------ TCP segments */

uint64_t pm_talk_received(const struct pm_talk_end *end)
{
    return end->hole_count > 0 ? end->holes[0].from : end->len;
}

static uint32_t ack_of(const struct pm_talk_end *other)
{
    uint64_t received = pm_talk_received(other);
    bool has_fin = other->has_fin && received == other->len;
    return other->isn + 1 + (uint32_t)received + (has_fin ? 1 : 0);
}

static void put_option(struct pm_craft *craft, const uint8_t *option, uint8_t len)
{
    memcpy(craft->options + craft->options_len, option, len);
    craft->options_len = (uint8_t)(craft->options_len + len);
}

static void put_options(struct pm_talk *talk, unsigned from, struct pm_craft *craft)
{
    bool is_syn = (craft->flags & PM_CRAFT_SYN) != 0;
    if (is_syn)
        put_option(craft, (uint8_t[]){2, 4, (uint8_t)(talk->mss >> 8), (uint8_t)talk->mss}, 4);
    if (is_syn && talk->has_sack)
        put_option(craft, (uint8_t[]){1, 1, 4, 2}, 4);
    if (talk->has_timestamps) {
        uint8_t stamps[12] = {1, 1, 8, 10};
        talk->ends[from].stamp = (uint32_t)(talk->clock->now_ns / NS_PER_MS);
        pm_file_put32(stamps + 4, talk->ends[from].stamp, true);
        if (craft->flags & PM_CRAFT_ACK)
            pm_file_put32(stamps + 8, talk->ends[1 - from].stamp, true);
        put_option(craft, stamps, sizeof stamps);
    }
}

/* A segment as the end would send it now: [off, off + len) of its stream. */
static struct pm_craft segment_of(struct pm_talk *talk, unsigned from, uint64_t off, size_t len,
                                  uint16_t flags)
{
    const struct pm_talk_end *end = &talk->ends[from];
    struct pm_craft craft = end->craft;
    craft.flags = flags;
    craft.seq = end->isn + (flags & PM_CRAFT_SYN ? 0 : 1) + (uint32_t)off;
    craft.ack = flags & PM_CRAFT_ACK ? ack_of(&talk->ends[1 - from]) : 0;
    craft.payload = len == 0 ? NULL : end->bytes + off;
    craft.payload_len = len;
    put_options(talk, from, &craft);
    return craft;
}

void pm_talk_flags(struct pm_talk *talk, unsigned from, uint16_t flags,
                   const struct pm_talk_extra *extra)
{
    struct pm_talk_end *end = &talk->ends[from];
    uint64_t off = flags & PM_CRAFT_SYN ? 0 : end->len + (end->has_fin ? 1 : 0);
    if (flags & PM_CRAFT_FIN) {
        off = end->len;
        end->has_fin = true;
    }
    struct pm_craft craft = segment_of(talk, from, off, 0, flags);
    leave(talk, from, &craft, extra);
}

void pm_talk_open(struct pm_talk *talk)
{
    const struct pm_talk_extra usual = {0};
    pm_talk_flags(talk, 0, PM_CRAFT_SYN, &usual);
    pm_talk_flags(talk, 1, PM_CRAFT_SYN | PM_CRAFT_ACK, &usual);
    pm_talk_flags(talk, 0, PM_CRAFT_ACK, &usual);
}

void pm_talk_close(struct pm_talk *talk, unsigned from)
{
    const struct pm_talk_extra usual = {0};
    bool is_half_closed = talk->ends[1 - from].has_fin;
    pm_talk_flags(talk, from, PM_CRAFT_FIN | PM_CRAFT_ACK, &usual);
    if (!is_half_closed) {
        pm_talk_flags(talk, 1 - from, PM_CRAFT_FIN | PM_CRAFT_ACK, &usual);
        from = 1 - from;
    }
    pm_talk_flags(talk, 1 - from, PM_CRAFT_ACK, &usual);
}

void pm_talk_ack(struct pm_talk *talk, unsigned from, uint64_t upto,
                 const struct pm_talk_range *blocks, unsigned block_count,
                 const struct pm_talk_extra *extra)
{
    const struct pm_talk_end *end = &talk->ends[from], *other = &talk->ends[1 - from];
    uint64_t off = end->len + (end->has_fin ? 1 : 0);
    struct pm_craft craft = segment_of(talk, from, off, 0, PM_CRAFT_ACK);
    craft.ack = other->isn + 1 + (uint32_t)upto;
    if (block_count > 0) {
        uint8_t head[4] = {1, 1, 5, (uint8_t)(2 + 8 * block_count)};
        put_option(&craft, head, sizeof head);
    }
    for (unsigned i = 0; i < block_count; i++) {
        uint8_t edges[8];
        pm_file_put32(edges, other->isn + 1 + (uint32_t)blocks[i].from, true);
        pm_file_put32(edges + 4, other->isn + 1 + (uint32_t)blocks[i].to, true);
        put_option(&craft, edges, sizeof edges);
    }
    leave(talk, from, &craft, extra);
}

/* ------------------------------------------------------------------ TCP streams */

bool pm_talk_append(struct pm_talk *talk, unsigned from, const uint8_t *bytes, size_t len)
{
    struct pm_talk_end *end = &talk->ends[from];
    if (len > PM_TALK_BYTES - end->len)
        return false;
    if (len > end->cap - end->len) {
        size_t cap = end->cap * 2 > end->len + len ? end->cap * 2 : end->len + len;
        uint8_t *grown = realloc(end->bytes, cap);
        if (grown == NULL)
            return false;
        end->bytes = grown;
        end->cap = cap;
    }
    if (len > 0)
        memcpy(end->bytes + end->len, bytes, len);
    end->len += len;
    return true;
}

static size_t piece_len(const struct pm_talk *talk, const struct pm_talk_send *send)
{
    return send->segment == 0 ? talk->mss : send->segment;
}

size_t pm_talk_piece_count(const struct pm_talk *talk, const struct pm_talk_send *send)
{
    size_t len = piece_len(talk, send);
    if (send->cuts.count > 0)
        return send->cuts.count + 1;
    return send->len == 0 ? 0 : (send->len - 1) / len + 1;
}

/* The piece, counted from 1, in bytes of the stream. */
static struct pm_talk_range piece_of(const struct pm_talk *talk, const struct pm_talk_send *send,
                                     size_t number)
{
    size_t len = piece_len(talk, send), from, to;
    if (send->cuts.count > 0) {
        from = number == 1 ? 0 : send->cuts.at[number - 2];
        to = number <= send->cuts.count ? send->cuts.at[number - 1] : send->len;
    } else {
        from = (number - 1) * len;
        to = send->len - from < len ? send->len : from + len;
    }
    return (struct pm_talk_range){.from = send->from + from, .to = send->from + to};
}

static bool has_number(const struct pm_numbers *numbers, size_t number)
{
    for (unsigned i = 0; i < numbers->count; i++)
        if (numbers->at[i] == number)
            return true;
    return false;
}

static void hole_add(struct pm_talk_end *end, struct pm_talk_range hole)
{
    unsigned at = end->hole_count;
    if (end->hole_count == PM_TALK_HOLES) {
        end->has_too_many_holes = true;
        return;
    }
    while (at > 0 && end->holes[at - 1].from > hole.from)
        at--;
    memmove(&end->holes[at + 1], &end->holes[at], (end->hole_count - at) * sizeof hole);
    end->holes[at] = hole;
    end->hole_count++;
}

/* What arrives fills holes, whole or in part. */
static void hole_fill(struct pm_talk_end *end, struct pm_talk_range with)
{
    struct pm_talk_range old[PM_TALK_HOLES];
    unsigned count = end->hole_count;
    memcpy(old, end->holes, count * sizeof old[0]);
    end->hole_count = 0;
    for (unsigned i = 0; i < count; i++) {
        struct pm_talk_range hole = old[i], left = {hole.from, with.from},
                             right = {with.to, hole.to};
        bool is_apart = with.to <= hole.from || with.from >= hole.to;
        if (is_apart)
            hole_add(end, hole);
        if (!is_apart && left.from < left.to)
            hole_add(end, left);
        if (!is_apart && right.from < right.to)
            hole_add(end, right);
    }
}

static void send_piece(struct pm_talk *talk, unsigned from, const struct pm_talk_send *send,
                       size_t number)
{
    struct pm_talk_range piece = piece_of(talk, send, number);
    bool is_last = piece.to == send->from + send->len;
    uint16_t flags = (uint16_t)(PM_CRAFT_ACK | (is_last ? PM_CRAFT_PSH : 0));
    struct pm_craft craft =
        segment_of(talk, from, piece.from, (size_t)(piece.to - piece.from), flags);
    hole_fill(&talk->ends[from], piece);
    leave(talk, from, &craft, &send->extra);
}

void pm_talk_send(struct pm_talk *talk, unsigned from, const struct pm_talk_send *send)
{
    size_t count = pm_talk_piece_count(talk, send);
    assert(send->from <= talk->ends[from].len && send->len <= talk->ends[from].len - send->from);
    for (unsigned i = 0; i < send->lost.count; i++)
        hole_add(&talk->ends[from], piece_of(talk, send, send->lost.at[i]));
    for (size_t i = 1; i <= count && !talk->list->is_full; i++) {
        size_t number = send->order.count > 0 ? send->order.at[i - 1] : i;
        if (!has_number(&send->lost, number) && !has_number(&send->unseen, number))
            send_piece(talk, from, send, number);
    }
    for (unsigned i = 0; i < send->again.count; i++)
        send_piece(talk, from, send, send->again.at[i]);
    if (!send->has_no_ack && count > 0)
        pm_talk_flags(talk, 1 - from, PM_CRAFT_ACK, &(struct pm_talk_extra){0});
}

/* ------------------------------------------------------------------ UDP, ICMP */

void pm_talk_datagram(struct pm_talk *talk, unsigned from, const uint8_t *bytes, size_t len,
                      const struct pm_talk_extra *extra)
{
    struct pm_craft craft = talk->ends[from].craft;
    craft.payload = bytes;
    craft.payload_len = len;
    leave(talk, from, &craft, extra);
}

/* RFC 792: the IP header and 8 bytes. RFC 4443: as much as fits. */
static size_t quoted_len(const struct pm_talk_end *other)
{
    bool is_v6 = other->craft.src.version == 6;
    return is_v6 || other->last_len < 28 ? other->last_len : 28;
}

bool pm_talk_error(struct pm_talk *talk, unsigned from, uint8_t type, uint8_t code, uint32_t rest,
                   const struct pm_talk_extra *extra)
{
    const struct pm_talk_end *other = &talk->ends[1 - from];
    struct pm_craft craft = talk->ends[from].craft;
    if (other->last_len == 0)
        return false;
    craft.proto = craft.src.version == 6 ? PM_CRAFT_ICMPV6 : PM_CRAFT_ICMP;
    craft.type = type;
    craft.code = code;
    craft.rest = rest;
    craft.payload = other->last;
    craft.payload_len = quoted_len(other);
    leave(talk, from, &craft, extra);
    return true;
}
