/* verify_fragment.c - keeps the parts of datagrams until none is missing; the first copy wins. */
#include "app/verify_fragment.h"

#include <stdlib.h>
#include <string.h>

#include "app/byteorder.h"
#include "app/verify_segment.h"

#define IP_MAX 65535u

static void give_up(struct pm_verify_datagram *datagram)
{
    pm_verify_stream_free(&datagram->carried);
    *datagram = (struct pm_verify_datagram){0};
}

void pm_verify_fragments_free(struct pm_verify_fragments *fragments)
{
    for (size_t i = 0; i < PM_VERIFY_DATAGRAMS; i++)
        give_up(&fragments->list[i]);
    free(fragments->whole);
    fragments->whole = NULL;
}

static uint64_t key_of(const struct pm_verify_packet *packet)
{
    const struct pm_verify_ends *ends = &packet->ends;
    uint64_t key = pm_verify_hash(ends->vlan, ends->addr, sizeof ends->addr);
    key = pm_verify_mix(key, packet->fragment_id);
    /* IPv4 tells datagrams apart by protocol too; IPv6 does not (RFC 8200, 4.5) */
    return pm_verify_mix(key, ends->version == 4 ? ends->proto : UINT64_C(1) << 32);
}

static bool is_late(const struct pm_verify_datagram *datagram, uint64_t now_ns)
{
    return now_ns > datagram->time_ns && now_ns - datagram->time_ns > PM_VERIFY_DATAGRAM_NS;
}

/* The datagram of a fragment, or a free place for it: the oldest if there is none. */
static struct pm_verify_datagram *find(struct pm_verify_fragments *fragments,
                                       const struct pm_verify_packet *packet)
{
    uint64_t key = key_of(packet);
    struct pm_verify_datagram *place = &fragments->list[0];
    for (size_t i = 0; i < PM_VERIFY_DATAGRAMS; i++) {
        struct pm_verify_datagram *here = &fragments->list[i];
        if (here->is_used && is_late(here, packet->time_ns))
            give_up(here);
        if (here->is_used && here->key == key)
            return here;
        bool is_better = !here->is_used || here->time_ns < place->time_ns;
        if (place->is_used && is_better)
            place = here;
    }
    give_up(place);
    place->is_used = true;
    place->key = key;
    place->time_ns = packet->time_ns;
    return place;
}

static void take_header(struct pm_verify_datagram *datagram, const struct pm_verify_packet *packet)
{
    if (packet->fragment_off > 0 || datagram->header_len > 0 || packet->l4_off > PM_VERIFY_HEADERS)
        return;
    datagram->header_len = packet->l4_off;
    datagram->ip_off = packet->ip_off;
    datagram->fragment_at = packet->fragment_at;
    datagram->fragment_link = packet->fragment_link;
    datagram->proto = packet->ends.proto;
    memcpy(datagram->header, packet->bytes, packet->l4_off);
}

/* False: it cannot be. */
static bool take_part(struct pm_verify_datagram *datagram, const struct pm_verify_packet *packet)
{
    uint64_t begin = PM_VERIFY_BASE + packet->fragment_off;
    struct pm_verify_difference difference;
    if (packet->l4_len == 0 || packet->fragment_off + packet->l4_len > IP_MAX ||
        packet->l4_len > packet->caplen - packet->l4_off)
        return false;
    if (!packet->has_more && datagram->total == 0)
        datagram->total = packet->fragment_off + packet->l4_len;
    return pm_verify_stream_put(&datagram->carried, begin, packet->bytes + packet->l4_off,
                                packet->l4_len, &difference) &&
           pm_verify_stream_sent(&datagram->carried, begin, begin + packet->l4_len);
}

/* The headers as they would be without fragmentation. Their length, or 0 if that cannot be. */
static uint32_t restore_header(const struct pm_verify_datagram *datagram, uint8_t *header)
{
    uint32_t len = datagram->header_len, ip_len = len - datagram->ip_off + datagram->total;
    memcpy(header, datagram->header, len);
    uint8_t *ip = header + datagram->ip_off;
    if (ip_len > IP_MAX)
        return 0;
    if (datagram->fragment_at == 0) {
        pm_file_put16(ip + 2, (uint16_t)ip_len, true);
        pm_file_put16(ip + 6, pm_file_get16(ip + 6, true) & 0xc000, true);
        pm_file_put16(ip + 10, 0, true);
        uint16_t sum = pm_verify_sum(0, ip, len - datagram->ip_off);
        pm_file_put16(ip + 10, (uint16_t)~sum, true);
        return len;
    }
    header[datagram->fragment_link] = datagram->proto;
    memmove(header + datagram->fragment_at, header + datagram->fragment_at + 8,
            len - datagram->fragment_at - 8);
    pm_file_put16(ip + 4, (uint16_t)(ip_len - 40 - 8), true);
    return len - 8;
}

static bool put_together(struct pm_verify_fragments *fragments,
                         const struct pm_verify_datagram *datagram, struct pm_record *whole)
{
    const uint8_t *carried =
        pm_verify_stream_at(&datagram->carried, PM_VERIFY_BASE, datagram->total);
    free(fragments->whole);
    fragments->whole = malloc(PM_VERIFY_HEADERS + IP_MAX);
    if (carried == NULL || fragments->whole == NULL)
        return false;
    uint32_t header_len = restore_header(datagram, fragments->whole);
    memcpy(fragments->whole + header_len, carried, datagram->total);
    whole->data = fragments->whole;
    whole->caplen = whole->origlen = header_len + datagram->total;
    return header_len > 0;
}

bool pm_verify_fragments_take(struct pm_verify_fragments *fragments,
                              const struct pm_verify_packet *packet, const struct pm_record *record,
                              struct pm_record *whole)
{
    struct pm_verify_datagram *datagram = find(fragments, packet);
    take_header(datagram, packet);
    if (!take_part(datagram, packet) || datagram->total == 0 || datagram->header_len == 0)
        return false;
    if (!pm_verify_stream_is_sent(&datagram->carried, PM_VERIFY_BASE,
                                  PM_VERIFY_BASE + datagram->total))
        return false;
    *whole = *record;
    bool is_good = put_together(fragments, datagram, whole);
    give_up(datagram);
    return is_good;
}
