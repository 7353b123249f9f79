/* dnsrdata.h - names within the data of records: where they are, by type.
 *
 *     SOA      name name 20 bytes          MX     2 bytes, name
 *     SRV      6 bytes, name               HTTPS  2 bytes, name, parameters
 *     NAPTR    4 bytes, 3 texts, name      TXT    no name
 *
 * Names may be compressed in types of RFC 1035, and readers take that in those of RFC 3597, section
 * 4, too. Other types are bytes. */
#ifndef PM_PROTO_DNSRDATA_H
#define PM_PROTO_DNSRDATA_H

#include "proto/dnsname.h"

struct pm_dns_layout {
    uint8_t head;  /* bytes before the first name */
    uint8_t texts; /* and texts behind them, each with its length */
    uint8_t names;
    bool may_compress; /* when they are written */
    bool has_tail;     /* bytes may follow */
};

/* NULL: data of that type holds no names that are known. */
const struct pm_dns_layout *pm_dns_layout_of(uint16_t type);

struct pm_dns_rdata {
    size_t head_len; /* bytes before the names */
    struct pm_dns_labels names[2];
    size_t tail_off, tail_len; /* bytes behind them, in the message */
};

/* The data of the record as its layout has it. False: it is not so. */
bool pm_dns_rdata_read(const struct pm_dns *dns, const struct pm_dns_record *record,
                       const struct pm_dns_layout *layout, struct pm_dns_rdata *out);

#endif
