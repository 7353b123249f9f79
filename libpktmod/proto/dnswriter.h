/* dnswriter.h - a DNS message under construction: bytes in bounds, names compressed.
 *
 * A name ends with a pointer to where the same labels were written before (RFC 1035, section
 * 4.1.4), in the same case. 1024 such places are remembered; with more, a name is written out. */
#ifndef PM_PROTO_DNSWRITER_H
#define PM_PROTO_DNSWRITER_H

#include "proto/dnsname.h"

#define PM_DNS_SUFFIXES 1024u

struct pm_dns_writer {
    uint8_t *bytes;
    size_t len, cap;
    bool is_full; /* something did not fit; what is written since is nothing */
    uint16_t suffixes[PM_DNS_SUFFIXES]; /* where a name goes on, by the hash of its rest, or
                                            shortly behind; 0: none */
};

void pm_dns_writer_begin(struct pm_dns_writer *w, uint8_t *bytes, size_t cap);
void pm_dns_write(struct pm_dns_writer *w, const uint8_t *bytes, size_t len);
void pm_dns_write16(struct pm_dns_writer *w, uint16_t number);
void pm_dns_write32(struct pm_dns_writer *w, uint32_t number);
/* Where its reader may not know that it is a name, it is written out (RFC 3597, section 4). */
void pm_dns_write_name(struct pm_dns_writer *w, const struct pm_dns_labels *name,
                       bool may_compress);

#endif
