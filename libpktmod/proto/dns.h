/* dns.h - a DNS message: its header, its records one by one, names as text. RFC 1035, section 4.
 *
 * Reads, never writes; keeps nothing but offsets into the message. Every name that is followed goes
 * backwards at each pointer, so its end comes. */
#ifndef PM_PROTO_DNS_H
#define PM_PROTO_DNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PM_DNS_HEADER 12u

/* Where messages are looked for: DNS, multicast DNS (RFC 6762), LLMNR (RFC 4795). */
#define PM_DNS_PORT  53u
#define PM_MDNS_PORT 5353u

static inline bool pm_dns_is_port(uint16_t port)
{
    return port == PM_DNS_PORT || port == PM_MDNS_PORT || port == 5355;
}

/* A TCP flow between these ports carries messages behind their lengths (RFC 7766). */
static inline bool pm_dns_is_stream(uint16_t src_port, uint16_t dst_port)
{
    return src_port == PM_DNS_PORT || dst_port == PM_DNS_PORT;
}

enum pm_dns_section { PM_DNS_QUESTION, PM_DNS_ANSWER, PM_DNS_AUTHORITY, PM_DNS_ADDITIONAL };

enum pm_dns_type {
    PM_DNS_A = 1,
    PM_DNS_CNAME = 5,
    PM_DNS_SIG = 24,
    PM_DNS_AAAA = 28,
    PM_DNS_OPT = 41,
    PM_DNS_RRSIG = 46,
    PM_DNS_TSIG = 250,
    PM_DNS_ANY = 255
};

struct pm_dns {
    const uint8_t *bytes;
    size_t len;
    uint16_t id, flags;
    uint16_t count[4]; /* records of each section, as the header states */
};

/* False: shorter than a header. */
bool pm_dns_open(const uint8_t *bytes, size_t len, struct pm_dns *out);

static inline bool pm_dns_is_response(const struct pm_dns *dns)
{
    return (dns->flags & 0x8000) != 0;
}

static inline uint8_t pm_dns_rcode(const struct pm_dns *dns)
{
    return dns->flags & 15;
}

struct pm_dns_record {
    enum pm_dns_section section;
    size_t name_off;
    uint16_t type, rrclass; /* of a QUESTION: what is asked for */
    uint32_t ttl;           /* a QUESTION has none of these */
    size_t data_off;
    uint16_t data_len;
};

/* A walk over all records, begun as {0}. */
struct pm_dns_walk {
    size_t off; /* where the next record begins; 0: the walk begins */
    uint8_t section;
    uint16_t taken; /* of the section */
};

/* The next record. False: there is none, or what is there is no record. */
bool pm_dns_next(const struct pm_dns *dns, struct pm_dns_walk *walk, struct pm_dns_record *out);

/* Longest text of a name: 255 bytes on the wire, each of which may become \ and three digits. */
#define PM_DNS_NAME_TEXT 1024u

/* The name at that offset as text: labels with dots between them, "." for the root, ASCII letters
 * small; a dot or a backslash within a label has a backslash before it, bytes that are not
 * printable ASCII are \DDD (RFC 1035, section 5.1). Its length, no NUL behind it; 0: there is no
 * name. */
size_t pm_dns_name(const struct pm_dns *dns, size_t off, uint8_t text[PM_DNS_NAME_TEXT]);

#endif
