/* clamp.c - the MSS that a SYN names, lowered by what one edit may add: segments towards its sender
 * then have room to grow without being cut. */
#include <string.h>

#include "base/bytes.h"
#include "edit/fixup.h"
#include "engine/rewriter.h"
#include "wire/tcpopt.h"

/* A smaller MSS costs more than cutting (RFC 9293 section 3.7.1; IPv6: RFC 8200 section 5). */
#define LEAST_MSS_4 536u
#define LEAST_MSS_6 1220u

static void swap(uint8_t *a, uint8_t *b, size_t len)
{
    uint8_t kept[16];
    memcpy(kept, a, len);
    memcpy(a, b, len);
    memcpy(b, kept, len);
}

/* The packet's headers as a packet of the other direction would have them. */
static void mirror(const struct pm_headers *h, uint8_t *frame)
{
    uint8_t *ip = frame + h->l3_off;
    if (h->link.is_ethernet)
        swap(frame, frame + 6, 6);
    if (h->ip_version == 4)
        swap(ip + 12, ip + 16, 4);
    else
        swap(ip + 8, ip + 24, 16);
    swap(frame + h->l4_off, frame + h->l4_off + 2, 2);
}

static uint32_t growth_of(const struct pm_policy *policy, const struct pm_rule *rule)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < rule->op_count; i++) {
        const struct pm_op *op = &policy->ops[rule->first_op + i];
        if (op->kind != PM_OP_REPLACE || op->replace.with_len <= op->replace.find_len)
            continue;
        uint32_t growth = op->replace.with_len - op->replace.find_len;
        most = growth > most ? growth : most;
    }
    return most;
}

/* The most that one edit may add to a segment that goes to the packet's sender. */
static uint32_t growth_towards(struct pm_rewriter *r, const struct pm_passage *p)
{
    const struct pm_policy *policy = r->policy;
    struct pm_headers headers;
    struct pm_packet packet = *p->packet;
    memcpy(r->frame, p->buffer, p->headers.payload_off);
    mirror(&p->headers, r->frame);
    packet.data = r->frame;
    packet.len = packet.wire_len = p->headers.payload_off;
    headers = p->headers;
    headers.data = r->frame;
    headers.len = packet.len;
    headers.src_port = p->headers.dst_port;
    headers.dst_port = p->headers.src_port;
    struct pm_subject subject = p->subject;
    subject.headers = &headers;
    subject.packet = &packet;
    subject.to_server = !subject.to_server;
    subject.dir = subject.dir == PM_DIR_OUT  ? PM_DIR_IN
                  : subject.dir == PM_DIR_IN ? PM_DIR_OUT
                                             : PM_DIR_UNKNOWN;
    uint32_t most = 0;
    for (uint32_t i = 0; i < r->rewrites->count; i++) {
        const struct pm_rule *rule = &policy->rules[r->rewrites->rules[i]];
        uint32_t growth = growth_of(policy, rule);
        if (growth > most && pm_cond_for_flow(policy->conds, rule->match, &subject) != PM_FALSE)
            most = growth;
    }
    return most;
}

void pm_clamp_mss(struct pm_rewriter *r, struct pm_passage *p)
{
    const struct pm_headers *h = &p->headers;
    uint32_t least = h->ip_version == 4 ? LEAST_MSS_4 : LEAST_MSS_6;
    struct pm_tcpopt option;
    pm_tcpopt_begin(&option, p->buffer + h->l4_off);
    while (pm_tcpopt_next(&option) && option.kind != PM_OPT_MSS)
        ;
    if (option.kind != PM_OPT_MSS || option.len != 4 || h->payload_off > PM_LINK_ROOM)
        return;
    uint32_t mss = pm_get16(p->buffer + h->l4_off + option.off + 2);
    uint32_t growth = growth_towards(r, p);
    uint32_t clamped = growth < mss && mss - growth > least ? mss - growth : least;
    if (growth == 0 || mss <= clamped)
        return;
    uint8_t value[2];
    pm_put16(value, (uint16_t)clamped);
    pm_packet_sum(r, p);
    pm_fixup_l4_bytes(h, p->buffer, option.off + 2, value, sizeof value);
    p->is_changed = true;
}
