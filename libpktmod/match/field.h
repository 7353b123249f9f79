/* field.h - reading one field of a packet. */
#ifndef PM_MATCH_FIELD_H
#define PM_MATCH_FIELD_H

#include "match/packet.h"
#include "proto/dns.h"

#define PM_FIELD_VALUES 4

/* What a field holds in one packet. */
struct pm_reading {
    uint32_t count; /* values; 0: the packet has no such field */
    union {
        uint32_t number[PM_FIELD_VALUES];     /* UINT, FLAG, ENUM; vlan.id has one per tag */
        const uint8_t *addr[PM_FIELD_VALUES]; /* ADDR: 4 or 16 bytes by addr_version */
        const uint8_t *mac;                   /* MAC */
        struct {
            const uint8_t *bytes;
            size_t len;
        } bytes; /* TEXT, BYTES */
    };
    uint8_t addr_version;
    bool has_more;                  /* there may be more values, for pm_field_read_more() */
    struct pm_dns_walk walk;        /* where they begin */
    uint32_t next;                  /* the same for fields of a hello */
    size_t http_off;                /* or the next header line */
    uint8_t text[PM_DNS_NAME_TEXT]; /* of a name: bytes points here */
};

/* Not for PM_FIELD_BPF. ENUM values: dir out 0, in 1; flow to_server 0, to_client 1.
 * Flow-constant fields depend on nothing but the flow key, the side and dir. */
void pm_field_read(const struct pm_subject *s, enum pm_field field, struct pm_reading *out);

/* The values behind those of the reading, which takes them; count is 0 when there are none. */
void pm_field_read_more(const struct pm_subject *s, enum pm_field field, struct pm_reading *io);

/* Fields of a DNS message, which lies in the payload. */
static inline bool pm_field_is_dns(enum pm_field field)
{
    return field >= PM_FIELD_DNS_RESPONSE && field <= PM_FIELD_DNS_AAAA;
}

/* Fields of the hello that opens a flow: the same for all its packets once that is known. */
static inline bool pm_field_is_hello(enum pm_field field)
{
    return field >= PM_FIELD_TLS_NAME && field <= PM_FIELD_TLS_JA4;
}

/* Fields of an HTTP message. */
static inline bool pm_field_is_http(enum pm_field field)
{
    return field >= PM_FIELD_HTTP_HOST && field <= PM_FIELD_HTTP_HEADER;
}

/* Whether packets of this packet's flow can have the field at all: tcp.* only in TCP flows. */
bool pm_field_fits_flow(const struct pm_subject *s, enum pm_field field);
/* Whether the field stands in the L4 header (payload is not counted). */
bool pm_field_needs_l4(enum pm_field field);

#endif
