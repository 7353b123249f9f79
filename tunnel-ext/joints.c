/* joints.c - puts fragments together; the contract is in joints.h.
 *
 *     bytes  | room for a header |  0 ............ end |      payload stands where it will be
 *                                ^ HEADER
 */
#include "tunnel-ext/joints.h"

#include <stdlib.h>
#include <string.h>

#define HEADER       60u /* the longest of IPv4; IPv6 without extensions has 40 */
#define IP6_HEADER   40u
#define IP_MOST      65535u
#define PIECES       64u
#define WAIT_NS      UINT64_C(30000000000)
#define IP6_FRAGMENT 44
#define FRAGMENT_LEN 8u

struct piece {
    uint32_t begin, end;
};

struct datagram {
    struct pm_addr src, dst;
    uint32_t id;
    uint8_t proto; /* of what was cut */
    bool is_used;
    uint64_t since_ns;
    size_t header_len; /* 0: the first fragment is missing */
    uint32_t end;      /* of the payload; 0: the last one is missing */
    uint32_t count;
    struct piece pieces[PIECES];
    uint8_t *bytes; /* HEADER + IP_MOST; kept for the next one */
};

struct pm_joints {
    struct datagram datagrams[PM_JOINTS_MOST];
};

struct pm_joints *pm_joints_new(void)
{
    return calloc(1, sizeof(struct pm_joints));
}

void pm_joints_free(struct pm_joints *fragments)
{
    if (fragments == NULL)
        return;
    for (unsigned i = 0; i < PM_JOINTS_MOST; i++)
        free(fragments->datagrams[i].bytes);
    free(fragments);
}

/* ------------------------------------------------------------------ one fragment */

struct fragment {
    const uint8_t *header, *payload;
    size_t header_len;
    uint32_t begin, end, id;
    uint8_t proto;
    bool is_last;
};

static bool read4(struct fragment *f, const struct pm_ippacket *p)
{
    unsigned field = pm_wire_get16(p->bytes + 6);
    f->id = pm_wire_get16(p->bytes + 4);
    f->proto = p->proto;
    f->header_len = p->l4_off;
    f->payload = p->bytes + p->l4_off;
    f->begin = (field & 0x1fffu) * 8u;
    f->end = f->begin + (uint32_t)(p->len - p->l4_off);
    f->is_last = (field & 0x2000u) == 0;
    return true;
}

/* Behind other extension headers nobody cuts; such a one is refused. */
static bool read6(struct fragment *f, const struct pm_ippacket *p)
{
    if (p->l4_off != IP6_HEADER || p->len - p->l4_off < FRAGMENT_LEN)
        return false;
    const uint8_t *own = p->bytes + IP6_HEADER;
    unsigned field = pm_wire_get16(own + 2);
    f->id = pm_wire_get32(own + 4);
    f->proto = own[0];
    f->header_len = IP6_HEADER;
    f->payload = own + FRAGMENT_LEN;
    f->begin = field & 0xfff8u;
    f->end = f->begin + (uint32_t)(p->len - IP6_HEADER - FRAGMENT_LEN);
    f->is_last = (field & 1u) == 0;
    return true;
}

static bool read_fragment(struct fragment *f, const struct pm_ippacket *p)
{
    *f = (struct fragment){.header = p->bytes};
    bool is_read = p->version == 4 ? read4(f, p) : read6(f, p);
    bool is_even = f->is_last || (f->end - f->begin) % 8 == 0;
    return is_read && f->end > f->begin && is_even && f->end <= IP_MOST - f->header_len;
}

/* ------------------------------------------------------------------ its datagram */

static bool is_of(const struct datagram *d, const struct pm_ippacket *p, const struct fragment *f)
{
    return d->is_used && d->id == f->id && d->proto == f->proto &&
           pm_addr_is_same(&d->src, &p->src.addr) && pm_addr_is_same(&d->dst, &p->dst.addr);
}

/* A free one, or the oldest. */
static struct datagram *room(struct pm_joints *fragments)
{
    struct datagram *oldest = &fragments->datagrams[0];
    for (unsigned i = 0; i < PM_JOINTS_MOST; i++) {
        struct datagram *d = &fragments->datagrams[i];
        if (!d->is_used)
            return d;
        if (d->since_ns < oldest->since_ns)
            oldest = d;
    }
    return oldest;
}

/* NULL: no memory. */
static struct datagram *find(struct pm_joints *fragments, const struct pm_ippacket *p,
                             const struct fragment *f, uint64_t now_ns)
{
    for (unsigned i = 0; i < PM_JOINTS_MOST; i++) {
        struct datagram *d = &fragments->datagrams[i];
        d->is_used &= now_ns - d->since_ns <= WAIT_NS;
        if (is_of(d, p, f))
            return d;
    }
    struct datagram *d = room(fragments);
    uint8_t *bytes = d->bytes != NULL ? d->bytes : malloc(HEADER + IP_MOST);
    *d = (struct datagram){.src = p->src.addr,
                           .dst = p->dst.addr,
                           .id = f->id,
                           .proto = f->proto,
                           .since_ns = now_ns,
                           .bytes = bytes};
    d->is_used = bytes != NULL;
    return d->is_used ? d : NULL;
}

/* In order of their beginnings. False: it cannot be one of them. */
static bool add_piece(struct datagram *d, const struct fragment *f)
{
    uint32_t at = d->count;
    while (at > 0 && d->pieces[at - 1].begin > f->begin)
        at--;
    bool is_apart = (at == 0 || d->pieces[at - 1].end <= f->begin) &&
                    (at == d->count || f->end <= d->pieces[at].begin);
    bool is_within = d->end == 0 || (f->end <= d->end && !f->is_last);
    bool is_behind = !f->is_last || d->count == 0 || d->pieces[d->count - 1].end <= f->end;
    if (!is_apart || !is_within || !is_behind || d->count == PIECES)
        return false;
    memmove(&d->pieces[at + 1], &d->pieces[at], (d->count - at) * sizeof d->pieces[0]);
    d->pieces[at] = (struct piece){f->begin, f->end};
    d->count++;
    return true;
}

static void copy(struct datagram *d, const struct fragment *f)
{
    memcpy(d->bytes + HEADER + f->begin, f->payload, f->end - f->begin);
    if (f->is_last)
        d->end = f->end;
    if (f->begin > 0)
        return;
    d->header_len = f->header_len;
    memcpy(d->bytes + HEADER - f->header_len, f->header, f->header_len);
}

static bool is_whole(const struct datagram *d)
{
    uint32_t end = 0;
    for (uint32_t i = 0; i < d->count && d->pieces[i].begin == end; i++)
        end = d->pieces[i].end;
    return d->header_len > 0 && d->end > 0 && end == d->end;
}

static size_t finish(struct datagram *d, uint8_t **whole)
{
    uint8_t *ip = d->bytes + HEADER - d->header_len;
    size_t len = d->header_len + d->end;
    d->is_used = false;
    *whole = ip;
    if (ip[0] >> 4 == 6) {
        ip[6] = d->proto;
        pm_wire_put16(ip + 4, d->end);
        return len;
    }
    pm_wire_put16(ip + 2, (unsigned)len);
    pm_wire_put16(ip + 6, 0);
    pm_wire_put16(ip + 10, 0);
    pm_wire_put16(ip + 10, pm_ipsum_finish(pm_ipsum_add(0, ip, d->header_len)));
    return len;
}

size_t pm_joints_take(struct pm_joints *fragments, const struct pm_ippacket *packet,
                      uint64_t now_ns, uint8_t **whole, bool *is_lost)
{
    struct fragment f;
    struct datagram *d = read_fragment(&f, packet) ? find(fragments, packet, &f, now_ns) : NULL;
    *is_lost = d == NULL || !add_piece(d, &f);
    if (*is_lost) {
        if (d != NULL)
            d->is_used = false;
        return 0;
    }
    copy(d, &f);
    return is_whole(d) && d->header_len + d->end <= IP_MOST ? finish(d, whole) : 0;
}
