/* sums.c - how a packet's checksums are taken before a rule changes it. */
#include "engine/rewriter.h"

/* A checksum that is not right, in the light of config.checksums. */
static enum pm_sum_state take_wrong(const struct pm_rewriter *r, bool may_be_offloaded)
{
    switch (r->config.checksums) {
    case PM_CHECKSUMS_AUTO:
        return may_be_offloaded ? PM_SUM_PARTIAL : PM_SUM_WRONG;
    case PM_CHECKSUMS_VERIFY:
        return PM_SUM_WRONG;
    case PM_CHECKSUMS_IGNORE:
        return PM_SUM_PARTIAL;
    }
    return PM_SUM_WRONG;
}

static enum pm_sum_state check_ip(const struct pm_rewriter *r, const struct pm_packet *packet,
                                  const struct pm_headers *h)
{
    if (pm_is_live(r) && h->has_no_length && packet->gso_len == 0)
        return PM_SUM_WRONG; /* not a super-packet: its adapter would know */
    enum pm_sum_state sum = pm_check_ip(h);
    if (sum != PM_SUM_WRONG && sum != PM_SUM_ZERO)
        return PM_SUM_RIGHT;
    return take_wrong(r, sum == PM_SUM_ZERO);
}

static enum pm_sum_state check_l4(const struct pm_rewriter *r, const struct pm_passage *p)
{
    if (p->packet->csum == PM_CSUM_PARTIAL)
        return PM_SUM_PARTIAL;
    enum pm_sum_state sum = pm_check_l4(&p->headers);
    switch (sum) {
    case PM_SUM_RIGHT:
    case PM_SUM_NONE:
    case PM_SUM_UNKNOWN:
        return sum;
    case PM_SUM_WRONG:
        return take_wrong(r, false);
    case PM_SUM_PARTIAL:
    case PM_SUM_ZERO:
        return take_wrong(r, true);
    }
    return sum;
}

/* Recordings only: where the first packet of a side was answered although its checksum is wrong,
 * the checksums there are not those that were on the wire. */
static enum pm_sum_state believe(const struct pm_rewriter *r, const struct pm_passage *p,
                                 enum pm_sum_state sum)
{
    if (r->config.checksums != PM_CHECKSUMS_AUTO)
        return sum; /* the flow may not be known yet */
    struct pm_rewriter_flow *flow = pm_rewriter_own(p);
    uint8_t bit = (uint8_t)(1u << p->tracked.side);
    if (!(flow->sums_seen & bit) && sum == PM_SUM_WRONG)
        flow->sums_void |= bit;
    flow->sums_seen |= bit;
    return sum == PM_SUM_WRONG && (flow->sums_void & bit) ? PM_SUM_PARTIAL : sum;
}

void pm_packet_read_sum(const struct pm_rewriter *r, struct pm_passage *p)
{
    if (p->is_sum_read)
        return;
    enum pm_sum_state ip = check_ip(r, p->packet, &p->headers);
    p->sum = ip;
    if (ip != PM_SUM_WRONG && p->headers.parse == PM_PARSE_L4) {
        p->sum = check_l4(r, p);
        if (p->sum == PM_SUM_RIGHT)
            p->sum = ip;
    }
    p->is_sum_read = true;
}

enum pm_sum_state pm_packet_sum(const struct pm_rewriter *r, struct pm_passage *p)
{
    if (p->is_sum_known)
        return p->sum;
    pm_packet_read_sum(r, p);
    p->sum = believe(r, p, p->sum);
    p->is_sum_known = true;
    return p->sum;
}
