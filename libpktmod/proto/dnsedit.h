/* dnsedit.h - edits of a DNS message: it is read, and written anew somewhere else.
 *
 * What was written can be read again, and states its own lengths. Of what is not changed in it all
 * stays, but for how names are compressed. SAME: nothing changes, and what stands in `out` is
 * nothing. `out` never lies in the message. A message is examined (dnscopy.h) before it is edited.
 */
#ifndef PM_PROTO_DNSEDIT_H
#define PM_PROTO_DNSEDIT_H

#include "proto/dnscopy.h"

#define PM_DNS_MESSAGE_MAX 65535u
#define PM_DNS_OWN_TTL     60u   /* seconds: of records made up, where no ttl is named */
#define PM_DNS_OWN_SIZE    1232u /* the UDP payload that our answers say we take (RFC 6891) */
#define PM_DNS_PLAIN_SIZE  512u  /* what every asker takes (RFC 1035, section 4.2.1) */

/* A number that is set, or lowered to. */
struct pm_dns_limit {
    bool is_set, is_most;
    uint32_t value;
};

/* A record to answer with: an address of its type, or a CNAME. */
struct pm_dns_synth {
    uint16_t type; /* A, AAAA, CNAME */
    uint8_t addr[16];
    struct pm_dns_labels name;
};

struct pm_dns_recipe {
    bool responds;     /* queries are answered */
    bool has_answers;  /* of answers: these, as far as the question asks for their type, are all */
    bool has_rcode;    /* of answers */
    bool removes_edns; /* the OPT record goes; not from an answer whose code needs it */
    uint8_t rcode;     /* 0..15 */
    struct pm_dns_limit ttl;  /* of all records */
    struct pm_dns_limit size; /* the UDP payload of the OPT record */
    struct pm_dns_synth *synths;
    uint32_t synth_count;
    uint16_t *types; /* records of these, and their signatures, go */
    uint32_t type_count;
    uint16_t *options; /* of the OPT record */
    uint32_t option_count;
};

/* Makes the recipe's edits. */
enum pm_dns_fate pm_dns_edit(const struct pm_dns *dns, const struct pm_dns_recipe *recipe,
                             uint8_t *out, size_t cap, size_t *len);

/* Renames in questions, owners and data. hits[i]: how often rename i was made. Where a record was
 * renamed, no signature of the message holds any more: RRSIGs go, and the AD bit. UNFIT: a name
 * would get too long. */
enum pm_dns_fate pm_dns_rename(const struct pm_dns *dns, const struct pm_dns_rename *const *renames,
                               uint32_t count, uint32_t *hits, uint8_t *out, size_t cap,
                               size_t *len);

/* The answer to a query. UNFIT: it is none, or does not ask one question of class IN. An asker
 * that knows a later EDNS gets BADVERS. */
enum pm_dns_fate pm_dns_respond(const struct pm_dns *query, const struct pm_dns_recipe *recipe,
                                uint8_t *out, size_t cap, size_t *len);

/* The answer with TC set and no records but OPT. */
enum pm_dns_fate pm_dns_cut(const struct pm_dns *dns, uint8_t *out, size_t cap, size_t *len);

/* The largest answer over UDP that who sent this query takes. */
uint32_t pm_dns_size_taken(const struct pm_dns *query);

/* dnsanswer.c: the recipe's answers to the question, which was copied; the others are the
 * caller's to leave out. */
void pm_dns_put_answers(struct pm_dns_copy *c, const struct pm_dns_record *question,
                        const struct pm_dns_recipe *recipe);
/* The only question of a message, of class IN. False: it has none such. */
bool pm_dns_only_question(const struct pm_dns *dns, struct pm_dns_record *out);

#endif
