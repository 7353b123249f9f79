/* dnscopy.h - a DNS message made from another one: questions and records are copied one by one, and
 * their names written anew, so that no pointer leads astray. */
#ifndef PM_PROTO_DNSCOPY_H
#define PM_PROTO_DNSCOPY_H

#include "proto/dnsrdata.h"
#include "proto/dnswriter.h"

/* Bits of the header's flags. */
#define PM_DNS_QR 0x8000u
#define PM_DNS_TC 0x0200u
#define PM_DNS_RD 0x0100u
#define PM_DNS_RA 0x0080u
#define PM_DNS_AD 0x0020u
#define PM_DNS_CD 0x0010u

#define PM_DNS_IN 1u /* the class */

static inline uint8_t pm_dns_opcode(const struct pm_dns *dns)
{
    return dns->flags >> 11 & 15;
}

/* What can be said of a message before it is edited. */
enum pm_dns_fate {
    PM_DNS_SAME,      /* there is nothing to change in it */
    PM_DNS_EDITED,    /* it was written anew */
    PM_DNS_MALFORMED, /* shorter than it says, or a name, record or option is none */
    PM_DNS_SIGNED,    /* TSIG (RFC 8945) or SIG(0) (RFC 2931): a change would break the signature */
    PM_DNS_UNFIT      /* of another kind than the edit is for, or it would get too long */
};

/* SAME: every name and record of it can be read, and it is a query or the answer to one. */
enum pm_dns_fate pm_dns_examine(const uint8_t *bytes, size_t len, struct pm_dns *out);

/* What the options of an OPT record are read with. */
struct pm_dns_option {
    uint16_t code, len;
    size_t off; /* of its bytes, in the message */
    size_t end; /* where the next one begins */
};
/* The option at `off` in data that ends at `end`. False: none is there. */
bool pm_dns_option_read(const struct pm_dns *dns, size_t off, size_t end,
                        struct pm_dns_option *out);

struct pm_dns_copy {
    const struct pm_dns *from;
    struct pm_dns_writer w;
    uint16_t flags;
    uint16_t count[4];
    const struct pm_dns_rename *const *renames;
    uint32_t rename_count;
    uint32_t *hits;        /* of each rename */
    uint32_t record_hits;  /* of them, in records */
    bool is_name_too_long; /* a rename was not made for that */
};

/* The header keeps id and flags; counts and flags are written at the end. */
void pm_dns_copy_begin(struct pm_dns_copy *c, const struct pm_dns *from, uint8_t *out, size_t cap);
void pm_dns_copy_question(struct pm_dns_copy *c, const struct pm_dns_record *record);
/* With its ttl and class as they stand in *record. */
void pm_dns_copy_record(struct pm_dns_copy *c, const struct pm_dns_record *record);
/* All but data, whose length pm_dns_copy_close() writes. Answers where the data begins. */
size_t pm_dns_copy_open(struct pm_dns_copy *c, const struct pm_dns_labels *owner,
                        const struct pm_dns_record *record);
void pm_dns_copy_close(struct pm_dns_copy *c, size_t data_off);
/* Its length; 0: it did not fit. */
size_t pm_dns_copy_end(struct pm_dns_copy *c);

#endif
