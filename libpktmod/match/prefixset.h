/* prefixset.h - millions of address prefixes: one hash table per length that occurs.
 *
 *     v4 /8    { 10. }                        an address is masked to each length that is in use
 *     v4 /24   { 192.0.2. 198.51.100. ... }   and looked up once per length
 *     v6 /32   { 2001:db8: }
 */
#ifndef PM_MATCH_PREFIXSET_H
#define PM_MATCH_PREFIXSET_H

#include <pktmod/policy.h>

/* The prefixes of one length. An empty slot is all zero; the zero prefix has a flag instead. */
struct pm_prefix_table {
    uint8_t bits;
    bool has_zero;
    uint32_t words; /* of a key: 1 (IPv4), 4 (IPv6) */
    uint32_t slots; /* 0 or a power of two, at most two thirds in use */
    uint32_t used;
    uint32_t *keys;
};

struct pm_prefixset {
    struct pm_prefix_table *v4, *v6; /* those in use, in order of arrival */
    uint32_t v4_count, v6_count;
};

bool pm_prefixset_put(struct pm_prefixset *set, const struct pm_addr *addr, uint8_t bits);
bool pm_prefixset_has(const struct pm_prefixset *set, uint8_t version, const uint8_t *addr);
void pm_prefixset_release(struct pm_prefixset *set);

#endif
