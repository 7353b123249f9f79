/* key.c - making flow keys; the contract is in key.h. */
#include "flow/key.h"

#include <string.h>

static unsigned lower_end(const uint8_t *src, const uint8_t *dst, size_t addr_len,
                          uint16_t src_port, uint16_t dst_port)
{
    int order = memcmp(src, dst, addr_len);
    if (order != 0)
        return order < 0 ? 0 : 1;
    return src_port <= dst_port ? 0 : 1;
}

unsigned pm_flow_key_make(const struct pm_headers *h, struct pm_flow_key *key)
{
    bool v4 = h->ip_version == 4;
    size_t addr_len = v4 ? 4 : 16;
    const uint8_t *src = pm_l3(h) + (v4 ? 12 : 8);
    const uint8_t *dst = src + addr_len;

    memset(key, 0, sizeof *key);
    key->ip_version = h->ip_version;
    key->ip_proto = h->ip_proto;
    key->has_ports =
        h->parse == PM_PARSE_L4 && (h->ip_proto == PM_PROTO_TCP || h->ip_proto == PM_PROTO_UDP);
    key->vlan_count = h->link.vlan_count;
    memcpy(key->vlan, h->link.vlan, h->link.vlan_count * sizeof key->vlan[0]);

    uint16_t src_port = key->has_ports ? h->src_port : 0;
    uint16_t dst_port = key->has_ports ? h->dst_port : 0;
    unsigned side = lower_end(src, dst, addr_len, src_port, dst_port);
    memcpy(key->addr[side], src, addr_len);
    memcpy(key->addr[1 - side], dst, addr_len);
    key->port[side] = src_port;
    key->port[1 - side] = dst_port;
    return side;
}
