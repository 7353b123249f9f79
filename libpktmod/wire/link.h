/* link.h - link-layer headers: where the IP header begins, which VLANs the frame is in. */
#ifndef PM_WIRE_LINK_H
#define PM_WIRE_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PM_VLAN_MAX 4

/* LINKTYPE_ numbers (www.tcpdump.org/linktypes.html) that are understood. */
enum pm_linktype {
    PM_LINK_NULL = 0,     /* 4-byte family, byte order of the machine that captured */
    PM_LINK_ETHERNET = 1, /* with 802.1Q, 802.1ad, 0x9100, 0x9200 tags and MPLS labels */
    PM_LINK_RAW_BSD = 12, /* as RAW; some systems wrote these */
    PM_LINK_RAW_OBSD = 14,
    PM_LINK_RAW = 101,
    PM_LINK_LOOP = 108, /* as NULL, big-endian */
    PM_LINK_SLL = 113,  /* Linux cooked, may carry VLAN tags */
    PM_LINK_IPV4 = 228,
    PM_LINK_IPV6 = 229,
    PM_LINK_SLL2 = 276,
};

struct pm_link {
    bool is_ip; /* an IPv4 or IPv6 header should begin at l3_off (its nibble still unchecked) */
    bool is_ethernet;   /* data[0..11] are destination and source MAC */
    bool is_malformed;  /* the header itself does not fit into the frame */
    uint8_t ip_version; /* 4 or 6 as the link says; 0: it does not, the nibble decides */
    uint8_t vlan_count;
    uint16_t vlan[PM_VLAN_MAX];     /* VLAN ids (12 bits), outermost first */
    uint16_t vlan_off[PM_VLAN_MAX]; /* offset of each tag's TCI in the frame */
    uint16_t ethertype;             /* of what is inside all tags; 0 where the link has none */
    uint32_t l3_off;
};

/* MPLS labels are skipped to the bottom of the stack; the next nibble tells the IP version. More
 * than PM_VLAN_MAX tags, or any other type: is_ip is false. */
void pm_link_parse(uint16_t linktype, const uint8_t *data, size_t len, struct pm_link *out);

#endif
