/* datagram.c - packets that are no TCP segments: payload edits for UDP, header edits for all. */
#include <string.h>

#include "base/bytes.h"
#include "engine/dnswork.h"
#include "proto/dnsedit.h"

#define IP4_FLAGS 6
#define IP4_DF    0x4000u

static bool is_udp(const struct pm_headers *h)
{
    return h->parse == PM_PARSE_L4 && h->ip_proto == PM_PROTO_UDP;
}

/* Why the payload cannot be edited; NONE: it can. */
static enum pm_why obstacle(struct pm_rewriter *r, struct pm_passage *p)
{
    const struct pm_headers *h = &p->headers;
    if (h->is_fragment)
        return PM_WHY_FRAGMENT;
    if (h->is_truncated)
        return PM_WHY_TRUNCATED;
    if (!is_udp(h) || h->is_unmodifiable || h->payload_off > PM_LINK_ROOM)
        return PM_WHY_UNSUPPORTED;
    if (pm_packet_sum(r, p) == PM_SUM_WRONG)
        return PM_WHY_BAD_CHECKSUM;
    return PM_WHY_NONE;
}

static uint64_t edited_len(const struct pm_rewriter *r, const struct pm_passage *p)
{
    int64_t len = p->headers.payload_len;
    for (uint32_t i = 0; i < p->plan_count; i++)
        len += (int64_t)r->plan[i].new_len - (int64_t)r->plan[i].old_len;
    return (uint64_t)len;
}

/* Where the packet outgrows the MTU, its sender may have allowed that it is cut on the way. */
static bool has_room(const struct pm_rewriter *r, struct pm_passage *p, uint64_t len)
{
    const struct pm_headers *h = &p->headers;
    if (len <= pm_payload_room(r, p))
        return true;
    bool may_cut = !p->assembly && h->ip_version == 4 &&
                   !(pm_get16(p->buffer + h->l3_off + IP4_FLAGS) & IP4_DF);
    if (!may_cut || len > PM_IP_MAX - (h->payload_off - h->l3_off))
        return false;
    p->cut_size = r->config.mtu;
    return true;
}

static void build(struct pm_rewriter *r, const struct pm_passage *p)
{
    const uint8_t *from = p->buffer + p->headers.payload_off;
    uint8_t *to = r->frame + p->headers.payload_off;
    uint32_t done = 0;
    memcpy(r->frame, p->buffer, p->headers.payload_off);
    for (uint32_t i = 0; i < p->plan_count; i++) {
        const struct pm_plan_edit *edit = &r->plan[i];
        uint32_t plain = edit->position - done;
        memcpy(to, from + done, plain);
        to += plain;
        if (edit->new_len > 0)
            memcpy(to, edit->with, edit->new_len);
        to += edit->new_len;
        done = edit->position + edit->old_len;
    }
    memcpy(to, from + done, p->headers.payload_len - done);
}

/* The edit is not made: the packet passes as it is, or not at all, as the policy says. */
static enum pm_why refuse(struct pm_rewriter *r, struct pm_passage *p, enum pm_why why)
{
    p->plan_count = 0;
    if (!r->policy->settings.rewrite_refused_drop)
        return pm_emit_buffer(r, p, why);
    pm_count_why(r, why);
    return PM_WHY_REFUSED;
}

/* What DNS edits make of the payload. It is the frame's, if text edits came before. */
static enum pm_why edit_dns(struct pm_rewriter *r, struct pm_passage *p, uint64_t *len)
{
    const struct pm_headers *h = &p->headers;
    bool is_text = p->plan_count > 0;
    bool is_multicast = h->src_port == PM_MDNS_PORT || h->dst_port == PM_MDNS_PORT;
    size_t least = h->payload_len > PM_DNS_PLAIN_SIZE ? h->payload_len : PM_DNS_PLAIN_SIZE;
    size_t room = pm_payload_room(r, p);
    struct pm_dns_work work = {.bytes = p->buffer + h->payload_off, .len = h->payload_len};
    if (is_text) {
        memcpy(r->dns.messages[0], r->frame + h->payload_off, *len);
        work.bytes = r->dns.messages[0];
        work.len = *len;
    }
    work.most = is_multicast ? SIZE_MAX : least < room ? least : room;
    const uint8_t *from = work.bytes;
    enum pm_why why = pm_dns_work(r, &p->selection, &work);
    if (why != PM_WHY_NONE || work.op_count == 0)
        return why;
    if (!has_room(r, p, work.len))
        return PM_WHY_TOO_BIG;
    r->plan[p->plan_count++] = pm_dns_plan(r, &work, from, *len, 0);
    memcpy(r->frame, p->buffer, h->payload_off);
    memcpy(r->frame + h->payload_off, work.bytes, work.len);
    pm_dns_count(r, p, &work);
    *len = work.len;
    return PM_WHY_NONE;
}

static bool has_dns(const struct pm_passage *p)
{
    const struct pm_headers *h = &p->headers;
    return p->selection.has_dns && is_udp(h) &&
           (pm_dns_is_port(h->src_port) || pm_dns_is_port(h->dst_port));
}

/* Searches the payload; what was found is made in the frame. */
static enum pm_why edit_text(struct pm_rewriter *r, struct pm_passage *p, uint64_t *len)
{
    const struct pm_headers *h = &p->headers;
    struct pm_search search = {
        .bytes = p->buffer + h->payload_off, .len = h->payload_len, .payload_end = h->payload_len};
    p->plan_bytes = search.bytes;
    p->plan_count = p->selection.has_datagram ? pm_search_run(r, p, &search) : 0;
    if (p->plan_count == 0)
        return PM_WHY_NONE;
    *len = edited_len(r, p);
    bool fits = has_room(r, p, *len);
    if (fits)
        build(r, p);
    else
        p->plan_count = 0;
    return fits ? PM_WHY_NONE : PM_WHY_TOO_BIG;
}

enum pm_why pm_rewrite_datagram(struct pm_rewriter *r, struct pm_passage *p)
{
    const struct pm_headers *h = &p->headers;
    bool is_dns = has_dns(p);
    if ((!p->selection.has_datagram && !is_dns) || h->payload_len == 0)
        return pm_emit_buffer(r, p, PM_WHY_NONE);
    enum pm_why why = obstacle(r, p);
    if (why == PM_WHY_BAD_CHECKSUM || (why != PM_WHY_NONE && !is_udp(h)))
        return pm_emit_buffer(r, p, why);
    if (why != PM_WHY_NONE)
        return refuse(r, p, why);

    uint64_t len = h->payload_len;
    if (is_dns && pm_dns_reply(r, p, &why))
        return PM_WHY_DNS_ANSWERED;
    if (why == PM_WHY_NONE)
        why = edit_text(r, p, &len);
    if (why == PM_WHY_NONE && is_dns)
        why = edit_dns(r, p, &len);
    if (why != PM_WHY_NONE && p->plan_count > 0 && !r->policy->settings.rewrite_refused_drop) {
        pm_count_why(r, why); /* text edits are made all the same */
        why = PM_WHY_NONE;
    }
    if (why != PM_WHY_NONE)
        return refuse(r, p, why);
    if (p->plan_count == 0)
        return pm_emit_buffer(r, p, PM_WHY_NONE);
    pm_count_edits(r, p, 0);
    if (!p->is_shown_rewritten)
        return pm_emit_buffer(r, p, PM_WHY_NONE);
    pm_emit_frame(r, p, (uint32_t)len, 0);
    return PM_WHY_EDITED;
}
