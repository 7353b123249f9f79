/* dnsreply.c - queries that a rule answers: the answer leaves towards the asker, in the name of
 * whom it asked, and the query goes no further. */
#include <string.h>

#include "engine/dnswork.h"
#include "engine/reject.h"
#include "proto/dnsedit.h"

/* Multicast DNS and LLMNR have answers of their own kind. */
static enum pm_why obstacle(const struct pm_passage *p)
{
    const struct pm_headers *h = &p->headers;
    if (h->dst_port != PM_DNS_PORT || !pm_reject_may_tell(h, p->packet))
        return PM_WHY_DNS_UNFIT;
    return PM_WHY_NONE;
}

/* Bytes of DNS that fit in one packet. */
static size_t room_for(const struct pm_rewriter *r, const struct pm_headers *h)
{
    size_t headers = pm_reply_payload(h) - h->l3_off;
    size_t mtu = r->config.mtu ? r->config.mtu : PM_IP_MAX;
    if (mtu > PM_IP_MAX)
        mtu = PM_IP_MAX;
    return mtu > headers ? mtu - headers : 0;
}

/* A passage for the answer: a packet of the other side that nobody sent. */
static void turn(const struct pm_rewriter *r, const struct pm_passage *query, size_t frame_len,
                 struct pm_packet *packet, struct pm_passage *answer)
{
    static const enum pm_dir back[] = {
        [PM_DIR_OUT] = PM_DIR_IN, [PM_DIR_IN] = PM_DIR_OUT, [PM_DIR_UNKNOWN] = PM_DIR_UNKNOWN};
    *packet = *query->packet;
    packet->data = r->frame;
    packet->len = packet->wire_len = frame_len;
    packet->csum = PM_CSUM_ON_WIRE;
    packet->dir = back[query->tracked.dir];
    packet->gso_len = 0;
    packet->original = NULL;
    *answer = *query;
    answer->packet = packet;
    answer->buffer = r->frame;
    answer->tracked.dir = packet->dir;
    answer->tracked.side = 1 - query->tracked.side;
    answer->tracked.to_server = !query->tracked.to_server;
    answer->selection = (struct pm_selection){.rules = query->selection.rules};
    answer->is_own = answer->is_shown_rewritten = true;
    answer->is_changed = answer->is_sum_known = answer->is_sum_read = false;
    answer->refused = PM_WHY_NONE;
    answer->assembly = NULL;
    answer->cut_size = 0;
    pm_headers_parse(packet->link, r->frame, frame_len, frame_len, &answer->headers);
}

static void send_answer(struct pm_rewriter *r, const struct pm_passage *query,
                        const struct pm_dns_work *work)
{
    const struct pm_headers *h = &query->headers;
    struct pm_passage answer;
    struct pm_packet packet;
    uint32_t len = (uint32_t)work->len;
    memcpy(r->frame + pm_reply_payload(h), work->bytes, len);
    size_t frame_len = pm_reply_write(h, query->packet->link, r->frame, len);
    turn(r, query, frame_len, &packet, &answer);
    r->plan[0] = (struct pm_plan_edit){.op = r->dns.ops[0], .new_len = len, .with = work->bytes};
    answer.plan_count = 1;
    answer.plan_offset = 0;
    answer.plan_bytes = work->bytes; /* any: no byte of it is told */
    pm_emit_frame(r, &answer, len, 0);
}

/* A view shows the answer where its asker is; there the query was seen too. */
static void show(struct pm_rewriter *r, struct pm_passage *p, const struct pm_dns_work *work)
{
    bool is_near = (r->config.view == PM_VIEW_HOST && p->tracked.dir == PM_DIR_OUT) ||
                   (r->config.view == PM_VIEW_WIRE && p->tracked.dir == PM_DIR_IN);
    if (is_near) {
        p->selection.has_assign = false;
        pm_emit_buffer(r, p, PM_WHY_NONE);
    }
    if (is_near || r->config.view == PM_VIEW_REWRITTEN)
        send_answer(r, p, work);
}

bool pm_dns_reply(struct pm_rewriter *r, struct pm_passage *p, enum pm_why *why)
{
    const struct pm_headers *h = &p->headers;
    uint32_t op = pm_dns_responder(r, &p->selection);
    struct pm_dns query;
    bool is_query = op != PM_NO_SLOT &&
                    pm_dns_open(p->buffer + h->payload_off, h->payload_len, &query) &&
                    !pm_dns_is_response(&query);
    if (!is_query)
        return false;
    struct pm_dns_work work = {
        .bytes = p->buffer + h->payload_off, .len = h->payload_len, .most = room_for(r, h)};
    *why = obstacle(p);
    if (*why == PM_WHY_NONE)
        *why = pm_dns_answer(r, op, &work);
    if (*why != PM_WHY_NONE)
        return false;
    r->rules[r->policy->ops[op].rule].edits++;
    pm_count_rule(r, p, r->policy->ops[op].rule);
    show(r, p, &work);
    return true;
}
