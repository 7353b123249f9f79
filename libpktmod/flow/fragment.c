/* fragment.c - reading fragments; the contract is in fragment.h. */
#include "flow/fragment.h"

#include <string.h>

#include "base/bytes.h"
#include "wire/ipv6ext.h"

#define FRAGMENT_HEADER_LEN 8
#define IP_LEN_MAX          65535u

static void read_v4(const struct pm_headers *h, struct pm_fragment *out)
{
    const uint8_t *l3 = pm_l3(h);
    uint16_t word = pm_get16(l3 + 6);
    memcpy(out->key.src, l3 + 12, 4);
    memcpy(out->key.dst, l3 + 16, 4);
    out->key.id = pm_get16(l3 + 4);
    out->key.ip_proto = h->ip_proto;
    out->data_off = h->l4_off;
    out->begin = (word & 0x1fffu) * 8;
    out->is_last = !(word & 0x2000);
}

static void read_v6(const struct pm_headers *h, struct pm_fragment *out)
{
    const uint8_t *l3 = pm_l3(h), *header = h->data + h->fragment_off;
    uint16_t word = pm_get16(header + 2);
    memcpy(out->key.src, l3 + 8, 16);
    memcpy(out->key.dst, l3 + 24, 16);
    out->key.id = pm_get32(header + 4);
    out->data_off = h->fragment_off + FRAGMENT_HEADER_LEN;
    out->begin = word & 0xfff8u;
    out->is_last = !(word & 1);
}

void pm_fragment_read(const struct pm_headers *h, uint16_t link, struct pm_fragment *out)
{
    memset(out, 0, sizeof *out);
    out->key.ip_version = h->ip_version;
    out->key.link = link;
    out->key.vlan_count = h->link.vlan_count;
    memcpy(out->key.vlan, h->link.vlan, h->link.vlan_count * sizeof out->key.vlan[0]);
    if (h->ip_version == 4)
        read_v4(h, out);
    else
        read_v6(h, out);

    uint32_t len = h->l3_off + h->ip_len - out->data_off;
    uint32_t before = h->ip_version == 4 ? out->data_off - h->l3_off
                                         : h->fragment_off - h->l3_off - PM_IPV6_FIXED_LEN;
    out->end = out->begin + len;
    out->is_sound = len > 0 && (out->is_last || len % 8 == 0) && before + out->end <= IP_LEN_MAX;
}
