/* natquote.c - ICMP errors about packets of mapped flows: who gets one finds the ends it knows, in
 * what is quoted and around it (RFC 5508 section 4).
 *
 *     | outer IP: router or end > who sent the quoted packet | ICMP | quoted IP: src > dst | ports
 *
 * The outer source follows only where it is the quoted packet's addressee; a router on the way
 * stays.
 */
#include <string.h>

#include "base/bytes.h"
#include "edit/fixup.h"
#include "engine/nat.h"
#include "wire/icmpquote.h"

#define ICMP_SUM     2
#define TCP_SUM_END  18
#define UDP_SUM_END  8
#define ICMP_SUM_END 4

static bool is_icmp(const struct pm_headers *h)
{
    return h->parse == PM_PARSE_L4 &&
           (h->ip_proto == PM_PROTO_ICMP || h->ip_proto == PM_PROTO_ICMP6);
}

static uint32_t sum_end(uint8_t proto)
{
    return proto == PM_PROTO_TCP ? TCP_SUM_END : proto == PM_PROTO_UDP ? UDP_SUM_END : ICMP_SUM_END;
}

static bool read_key(const struct pm_headers *h, struct pm_icmpquote *quote,
                     struct pm_flow_key *key, unsigned *side)
{
    return is_icmp(h) && pm_icmpquote_read(h, quote) && pm_nat_key_make(&quote->headers, key, side);
}

/* The quoted packet's headers as they lie in the frame that quotes. */
static struct pm_headers inner_of(const struct pm_passage *p, const struct pm_icmpquote *quote)
{
    struct pm_headers h = quote->headers;
    h.data = p->headers.data;
    h.l3_off += p->headers.payload_off;
    h.l4_off += p->headers.payload_off;
    return h;
}

static uint16_t payload_sum(const struct pm_passage *p, const uint8_t *frame)
{
    const struct pm_headers *h = &p->headers;
    return pm_sum_fold(pm_sum(frame + h->payload_off, h->payload_len));
}

/* The addresses around the quote: those that were the near ones become the far ones, or back. */
static void write_outer(const struct pm_passage *p, uint8_t *frame, const struct pm_flow_key *from,
                        unsigned from_side, const struct pm_flow_key *to, unsigned to_side)
{
    const struct pm_headers *h = &p->headers;
    uint32_t len = h->ip_version == 4 ? 4 : 16, src = h->ip_version == 4 ? 12 : 8;
    bool is_by_end = memcmp(frame + h->l3_off + src, from->addr[1 - from_side], len) == 0;
    if (is_by_end)
        pm_fixup_l3_bytes(h, frame, src, to->addr[1 - to_side], len, true);
    pm_fixup_l3_bytes(h, frame, src + len, to->addr[to_side], len, true);
}

void pm_nat_quote_write(const struct pm_passage *p, uint8_t *frame, const struct pm_mapping *m,
                        bool to_far)
{
    struct pm_icmpquote quote;
    struct pm_flow_key key;
    unsigned side;
    struct pm_headers outer = p->headers;
    outer.data = frame;
    if (!read_key(&outer, &quote, &key, &side))
        return;
    bool is_forward = side == (to_far ? m->near_side : m->far_side);
    const struct pm_flow_key *to = to_far ? &m->far : &m->near;
    unsigned begins = to_far ? m->far_side : m->near_side;
    unsigned to_side = is_forward ? begins : 1 - begins;
    struct pm_headers inner = inner_of(p, &quote);
    inner.data = frame;
    uint16_t before = payload_sum(p, frame);
    pm_nat_write(&inner, frame, to, to_side, quote.l4_len >= sum_end(inner.ip_proto));
    uint8_t *sum = frame + p->headers.l4_off + ICMP_SUM;
    pm_put16(sum, pm_checksum_update16(pm_get16(sum), before, payload_sum(p, frame)));
    write_outer(p, frame, &key, side, to, to_side);
}

void pm_nat_quote_arrive(struct pm_rewriter *r, struct pm_passage *p)
{
    struct pm_icmpquote quote;
    struct pm_flow_key key;
    unsigned side;
    if (!read_key(&p->headers, &quote, &key, &side))
        return;
    const struct pm_mapping *m = pm_mappings_far(&r->mappings, &key);
    if (!m || pm_mappings_near(&r->mappings, &key))
        return;
    pm_packet_read_sum(r, p);
    pm_nat_quote_write(p, p->buffer, m, false);
    p->is_changed = true;
    p->is_quote = true;
}

const struct pm_mapping *pm_nat_quote_leaves(const struct pm_rewriter *r,
                                             const struct pm_passage *p)
{
    struct pm_icmpquote quote;
    struct pm_flow_key key;
    unsigned side;
    if (!read_key(&p->headers, &quote, &key, &side))
        return NULL;
    const struct pm_mapping *m = pm_mappings_near(&r->mappings, &key);
    /* The error travels against the quoted packet. */
    return m && pm_nat_shows_far(r, m, side != m->near_side) ? m : NULL;
}
