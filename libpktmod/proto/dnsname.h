/* dnsname.h - a domain name as it travels: labels behind their lengths, then the root's 0.
 *
 *     3 w w w 7 e x a m p l e 3 c o m 0        17 bytes, RFC 1035 section 3.1
 */
#ifndef PM_PROTO_DNSNAME_H
#define PM_PROTO_DNSNAME_H

#include "proto/dns.h"

#define PM_DNS_NAME_MAX  255u /* bytes of a name, the root's included; RFC 1035, section 2.3.4 */
#define PM_DNS_LABEL_MAX 63u

struct pm_dns_labels {
    uint8_t len; /* 1: the root alone */
    uint8_t bytes[PM_DNS_NAME_MAX];
};

/* The name at off, without pointers; *end: where reading goes on behind it. False: there is none.
 * No pointer leads to the first byte of a name or behind it. */
bool pm_dns_labels_read(const struct pm_dns *dns, size_t off, struct pm_dns_labels *out,
                        size_t *end);

/* From text as pm_dns_name() writes it, in any case, with or without a dot at its end. False: it
 * is none, or the root. */
bool pm_dns_labels_parse(const uint8_t *text, size_t len, struct pm_dns_labels *out);

/* Where ASCII letters in both cases are the same. */
bool pm_dns_labels_equal(const struct pm_dns_labels *a, const struct pm_dns_labels *b);

/* The labels of `find`, where they stand in a row within a name, become those of `with`. */
struct pm_dns_rename {
    struct pm_dns_labels find; /* not the root */
    struct pm_dns_labels with; /* the root: they are taken out */
};

/* Leftmost label first, at the same label the earlier rename; what was put in is not looked at
 * again. Where that changes something hits[i] counts. False: the name would get too long; it is as
 * it was. */
bool pm_dns_labels_rename(struct pm_dns_labels *name, const struct pm_dns_rename *const *renames,
                          uint32_t count, uint32_t *hits);

#endif
