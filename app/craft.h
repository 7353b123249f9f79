/* craft.h - packets made from a description: headers around a payload, lengths, checksums. */
#ifndef PKTMOD_APP_CRAFT_H
#define PKTMOD_APP_CRAFT_H

#include <pktmod/pktmod.h>

enum { PM_CRAFT_ETHERNET = 1, PM_CRAFT_RAW = 101 }; /* LINKTYPE_ numbers */
enum { PM_CRAFT_ICMP = 1, PM_CRAFT_TCP = 6, PM_CRAFT_UDP = 17, PM_CRAFT_ICMPV6 = 58 };

enum {
    PM_CRAFT_FIN = 0x001,
    PM_CRAFT_SYN = 0x002,
    PM_CRAFT_RST = 0x004,
    PM_CRAFT_PSH = 0x008,
    PM_CRAFT_ACK = 0x010,
    PM_CRAFT_URG = 0x020,
    PM_CRAFT_ECE = 0x040,
    PM_CRAFT_CWR = 0x080,
};

#define PM_CRAFT_VLANS       2u
#define PM_CRAFT_OPTIONS_LEN 40u
#define PM_CRAFT_LINK_LEN    (14u + 4u * PM_CRAFT_VLANS)
/* of IPv6 with a fragment header, and TCP with options */
#define PM_CRAFT_HEADERS_LEN (PM_CRAFT_LINK_LEN + 48u + 20u + PM_CRAFT_OPTIONS_LEN)
#define PM_CRAFT_PAYLOAD_LEN 65400u /* longest payload: every header fits before it in 65535 */
#define PM_CRAFT_FRAME_LEN   (PM_CRAFT_HEADERS_LEN + PM_CRAFT_PAYLOAD_LEN)

struct pm_craft {
    uint16_t link; /* ETHERNET or RAW */
    uint8_t src_mac[6], dst_mac[6];
    uint16_t vlan[PM_CRAFT_VLANS]; /* ids, outermost first */
    unsigned vlan_count;
    struct pm_addr src, dst; /* of the same version */
    uint8_t ttl, tos;        /* tos: DSCP and ECN; the traffic class of IPv6 */
    uint16_t id;             /* IPv4 */
    bool df;
    uint8_t proto;
    uint16_t src_port, dst_port; /* TCP, UDP */
    uint32_t seq, ack;           /* TCP, and so on */
    uint16_t flags, window, urgent;
    uint8_t options[PM_CRAFT_OPTIONS_LEN];
    uint8_t options_len; /* a multiple of 4 */
    uint8_t type, code;  /* ICMP, both versions */
    uint32_t rest;       /* of its header: id and number of an echo, ... */
    const uint8_t *payload;
    size_t payload_len;   /* <= PM_CRAFT_PAYLOAD_LEN */
    bool is_bad_checksum; /* that of TCP, UDP or ICMP is off by one */
};

/* The frame, at out[PM_CRAFT_FRAME_LEN]; its length. Protocols other than TCP, UDP and the two
 * ICMPs have their payload right behind the IP header. */
size_t pm_craft_frame(const struct pm_craft *craft, uint8_t *out);

/* Where the IP packet begins in a frame of the craft. */
size_t pm_craft_ip_off(const struct pm_craft *craft);

/* One IP fragment of a frame: bytes [from, from + len) of what stands behind the IP header, `from`
 * a multiple of 8. More follow unless it is the end. Written to out[PM_CRAFT_FRAME_LEN]; its
 * length. */
size_t pm_craft_fragment(const struct pm_craft *craft, const uint8_t *frame, size_t frame_len,
                         size_t from, size_t len, uint8_t *out);
/* Bytes behind the IP header of a frame. */
size_t pm_craft_carried_len(const struct pm_craft *craft, size_t frame_len);

#endif
