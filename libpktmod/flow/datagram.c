/* datagram.c - one datagram's fragments: where each belongs, and all of them as one packet. */
#include <string.h>

#include "base/bytes.h"
#include "flow/chain.h"
#include "flow/reassembly.h"
#include "wire/checksum.h"
#include "wire/ipv6ext.h"

#define IP4_TOTAL_LENGTH   2
#define IP4_FRAGMENT       6
#define IP4_KEPT_FLAGS     0xc000u /* all but MF */
#define IP6_PAYLOAD_LENGTH 4
#define FRAGMENT_HEADER    8

/* What a fragment is to those that wait already. */
enum place {
    PLACE_FREE,
    PLACE_COPY,
    PLACE_TAKEN,
};

static bool is_copy_of(const struct pm_reassembly *t, const struct pm_kept_fragment *kept,
                       const struct pm_fragment *f, const uint8_t *frame)
{
    return kept->begin == f->begin && kept->end == f->end &&
           pm_chain_is_same(&t->blocks, kept->first_block, kept->data_off, frame + f->data_off,
                            f->end - f->begin);
}

/* *below becomes the last fragment before the place, PM_NIL if it is the first. */
static enum place find_place(const struct pm_reassembly *t, const struct pm_datagram *d,
                             const struct pm_fragment *f, const uint8_t *frame, uint32_t *below)
{
    *below = PM_NIL;
    for (uint32_t i = d->lowest; i != PM_NIL; i = pm_kept_at(t, i)->above) {
        const struct pm_kept_fragment *kept = pm_kept_at(t, i);
        if (f->end <= kept->begin)
            return PLACE_FREE;
        if (f->begin < kept->end)
            return is_copy_of(t, kept, f, frame) ? PLACE_COPY : PLACE_TAKEN;
        *below = i;
    }
    return PLACE_FREE;
}

/* One end, and nothing behind it. */
static bool fits_end(const struct pm_reassembly *t, const struct pm_datagram *d,
                     const struct pm_fragment *f)
{
    if (!f->is_last)
        return d->total == 0 || f->end <= d->total;
    if (d->total != 0)
        return d->total == f->end;
    uint32_t highest = 0;
    for (uint32_t i = d->lowest; i != PM_NIL; i = pm_kept_at(t, i)->above)
        highest = pm_kept_at(t, i)->end;
    return highest <= f->end;
}

static void insert_above(struct pm_reassembly *t, struct pm_datagram *d, uint32_t index,
                         uint32_t below)
{
    uint32_t *link = below == PM_NIL ? &d->lowest : &pm_kept_at(t, below)->above;
    pm_kept_at(t, index)->above = *link;
    *link = index;
}

static uint32_t keep(struct pm_reassembly *t, struct pm_datagram *d, const struct pm_fragment *f,
                     const struct pm_packet *packet)
{
    uint32_t index = pm_pool_take(&t->fragments);
    struct pm_kept_fragment *kept = pm_kept_at(t, index);
    *kept = (struct pm_kept_fragment){.packet = *packet,
                                      .next = PM_NIL,
                                      .above = PM_NIL,
                                      .begin = f->begin,
                                      .end = f->end,
                                      .data_off = f->data_off};
    kept->packet.data = NULL;
    kept->packet.interface = NULL;
    kept->packet.original = NULL;
    kept->first_block = pm_chain_keep(&t->blocks, packet->data, packet->len);
    *(d->last_arrived != PM_NIL ? &pm_kept_at(t, d->last_arrived)->next : &d->first_arrived) =
        index;
    d->last_arrived = index;
    d->fragments++;
    return index;
}

enum pm_fragment_fate pm_reassembly_add(struct pm_reassembly *t, struct pm_datagram *datagram,
                                        const struct pm_fragment *fragment,
                                        const struct pm_headers *h, const struct pm_packet *packet)
{
    struct pm_datagram *d = datagram;
    uint32_t below;
    if (!fragment->is_sound || !fits_end(t, d, fragment))
        return PM_FRAGMENT_CONTRADICTS;
    enum place place = find_place(t, d, fragment, packet->data, &below);
    bool is_end_known_twice =
        place == PLACE_COPY && fragment->is_last != (d->total == fragment->end);
    if (place == PLACE_TAKEN || is_end_known_twice)
        return PM_FRAGMENT_CONTRADICTS;
    if (d->fragments == t->limits.fragments ||
        !pm_reassembly_reserve(t, d, pm_chain_blocks(packet->len)))
        return PM_FRAGMENT_NO_ROOM;

    uint32_t index = keep(t, d, fragment, packet);
    pm_kept_at(t, index)->is_copy = place == PLACE_COPY;
    if (place == PLACE_COPY)
        return PM_FRAGMENT_WAITS;
    insert_above(t, d, index, below);
    if (h->ip_len > d->largest)
        d->largest = h->ip_len;
    return pm_reassembly_count(d, fragment) ? PM_FRAGMENT_COMPLETES : PM_FRAGMENT_WAITS;
}

bool pm_reassembly_count(struct pm_datagram *datagram, const struct pm_fragment *fragment)
{
    datagram->seen += fragment->end - fragment->begin;
    if (fragment->is_last)
        datagram->total = fragment->end;
    return datagram->total != 0 && datagram->seen >= datagram->total;
}

void pm_reassembly_frame(const struct pm_reassembly *t, const struct pm_kept_fragment *kept,
                         uint8_t *out)
{
    pm_chain_read(&t->blocks, kept->first_block, 0, kept->packet.len, out);
}

/* ------------------------------------------------------------------ the whole */

/* The first fragment's headers become those of the whole, whose IP header begins at l3. Answers
 * how long they are, from the beginning of the frame; 0: too long together with their data. */
static uint32_t write_v4_headers(uint8_t *out, uint32_t l3_off, uint32_t data_off, uint32_t total)
{
    uint8_t *l3 = out + l3_off;
    uint32_t ip_len = data_off - l3_off + total;
    if (ip_len > UINT16_MAX)
        return 0;
    pm_put16(l3 + IP4_TOTAL_LENGTH, (uint16_t)ip_len);
    pm_put16(l3 + IP4_FRAGMENT, (uint16_t)(pm_get16(l3 + IP4_FRAGMENT) & IP4_KEPT_FLAGS));
    pm_write_ip_checksum(l3);
    return data_off;
}

static uint32_t write_v6_headers(uint8_t *out, uint32_t l3_off, uint32_t data_off, uint32_t total)
{
    uint8_t *l3 = out + l3_off;
    uint32_t headers_len = data_off - FRAGMENT_HEADER;
    uint32_t payload_len = headers_len - l3_off - PM_IPV6_FIXED_LEN + total;
    if (payload_len > UINT16_MAX)
        return 0;
    l3[pm_ipv6ext_next_field(l3, headers_len - l3_off)] = out[headers_len];
    pm_put16(l3 + IP6_PAYLOAD_LENGTH, (uint16_t)payload_len);
    return headers_len;
}

size_t pm_reassembly_whole(const struct pm_reassembly *t, const struct pm_datagram *datagram,
                           uint8_t *out, struct pm_packet *first)
{
    const struct pm_datagram *d = datagram;
    const struct pm_kept_fragment *kept = pm_kept_at(t, d->lowest);
    struct pm_link link;
    if (kept->data_off > PM_REASSEMBLY_LINK)
        return 0;
    pm_chain_read(&t->blocks, kept->first_block, 0, kept->data_off, out);
    pm_link_parse(kept->packet.link, out, kept->data_off, &link);
    uint32_t len = d->key.ip_version == 4
                       ? write_v4_headers(out, link.l3_off, kept->data_off, d->total)
                       : write_v6_headers(out, link.l3_off, kept->data_off, d->total);
    if (len == 0)
        return 0;
    for (uint32_t i = d->lowest; i != PM_NIL; i = kept->above) {
        kept = pm_kept_at(t, i);
        pm_chain_read(&t->blocks, kept->first_block, kept->data_off, kept->end - kept->begin,
                      out + len);
        len += kept->end - kept->begin;
    }
    *first = pm_kept_at(t, d->lowest)->packet;
    first->data = out;
    first->len = first->wire_len = len;
    first->gso_len = 0;
    return len;
}
