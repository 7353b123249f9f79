/* verify_packet.h - a packet as verify reads it: with eyes of its own, not those of the engine. */
#ifndef PKTMOD_APP_VERIFY_PACKET_H
#define PKTMOD_APP_VERIFY_PACKET_H

#include "app/capture.h"
#include "app/verify_finding.h"

enum pm_verify_kind {
    PM_VERIFY_OTHER, /* not IP, or its IP header cannot be read */
    PM_VERIFY_IP,    /* another protocol, or a header behind IP that cannot be read */
    PM_VERIFY_FRAGMENT,
    PM_VERIFY_TCP,
    PM_VERIFY_UDP,
    PM_VERIFY_ICMP, /* both versions */
};

enum pm_verify_sum {
    PM_VERIFY_SUM_UNKNOWN, /* not all of the bytes are there */
    PM_VERIFY_SUM_GOOD,
    PM_VERIFY_SUM_BAD,
    PM_VERIFY_SUM_OFFLOADED, /* zero or only the pseudo-header's */
};

enum {
    PM_VERIFY_FIN = 1,
    PM_VERIFY_SYN = 2,
    PM_VERIFY_RST = 4,
    PM_VERIFY_PSH = 8,
    PM_VERIFY_ACK = 16,
    PM_VERIFY_URG = 32,
    PM_VERIFY_ECE = 64,
};

/* "what is seen, expected expected" */
struct pm_verify_fault {
    enum pm_verify_finding finding;
    const char *what;
    uint32_t expected, seen;
};

/* Whom a packet is from and to. */
struct pm_verify_ends {
    uint64_t vlan;       /* tags, the outermost highest */
    uint8_t addr[2][16]; /* source, destination; of IPv4 the first four bytes */
    uint16_t port[2];    /* of TCP and UDP */
    uint8_t version;     /* of IP; 0: it is none */
    uint8_t proto;
};

#define PM_VERIFY_FAULTS 4
#define PM_VERIFY_SACKS  4

struct pm_verify_packet {
    const uint8_t *bytes;
    uint32_t caplen, origlen;
    uint64_t frame, time_ns;
    enum pm_verify_kind kind;
    bool is_cut_short, is_fragment;
    bool is_whole; /* put together from fragments */

    struct pm_verify_ends ends;
    uint32_t ip_off; /* IP header in the frame */
    uint32_t ip_len; /* of the IP packet; what the frame has where the field is 0 */
    uint32_t l4_off; /* behind IP header and extension headers */
    uint32_t l4_len; /* as long as IP says */
    uint32_t fragment_off, fragment_id; /* where a fragment belongs; more follow it */
    bool has_more;
    uint32_t fragment_at, fragment_link; /* IPv6: its fragment header, and what names that */
    uint32_t surplus; /* bytes of the frame behind the IP packet, or of that behind the datagram */

    uint32_t seq, ack; /* TCP */
    uint8_t flags;
    uint16_t window;
    uint32_t payload_off, payload_len;
    uint32_t payload_there; /* of payload_len in the capture */
    unsigned sack_count;
    uint32_t sack[PM_VERIFY_SACKS][2];

    enum pm_verify_sum sum; /* of TCP, UDP or ICMP */
    struct pm_verify_fault faults[PM_VERIFY_FAULTS];
    unsigned fault_count;

    /* Fingerprints: of all; and of what no change of length explains, by layer. */
    uint64_t whole, link_mark, ip_mark, l4_mark;
};

void pm_verify_packet_read(struct pm_verify_packet *packet, const struct pm_record *record);

void pm_verify_packet_fault(struct pm_verify_packet *packet, enum pm_verify_finding finding,
                            const char *what, uint32_t expected, uint32_t seen);
/* What is wrong with a checksum stays the same where both sides of it change alike. */
uint64_t pm_verify_fault_mark(const struct pm_verify_fault *fault);

uint64_t pm_verify_hash(uint64_t seed, const void *bytes, size_t len);
uint64_t pm_verify_mix(uint64_t a, uint64_t b);

/* "192.0.2.1:80 > 192.0.2.2:1234" into text[PM_VERIFY_FLOW]; from: which of them sends. */
void pm_verify_ends_name(const struct pm_verify_ends *ends, unsigned from, char *text);

#endif
