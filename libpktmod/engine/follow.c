/* follow.c - verdicts of first fragments; the contract is in follow.h. */
#include "engine/follow.h"

static const struct pm_reassembly_limits limits = {
    .datagrams = 1024, .source_datagrams = 64, .timeout_ns = UINT64_C(10000000000)};

size_t pm_follow_footprint(void)
{
    return pm_reassembly_footprint(&limits, sizeof(struct pm_first_verdict));
}

bool pm_follow_init(struct pm_reassembly *firsts, const uint64_t hash_key[2])
{
    return pm_reassembly_init(firsts, &limits, sizeof(struct pm_first_verdict), hash_key);
}

/* Another part of it was seen. */
static void count(struct pm_reassembly *firsts, struct pm_datagram *d, const struct pm_fragment *f)
{
    if (pm_reassembly_count(d, f))
        pm_reassembly_close(firsts, d);
}

void pm_follow_remember(struct pm_reassembly *firsts, const struct pm_headers *h, uint16_t link,
                        struct pm_first_verdict verdict, uint64_t now_ns)
{
    struct pm_fragment f;
    pm_fragment_read(h, link, &f);
    pm_reassembly_due(firsts, now_ns);
    struct pm_datagram *d = pm_reassembly_find(firsts, &f.key, now_ns);
    if (!d)
        d = pm_reassembly_open(firsts, &f.key, now_ns);
    *(struct pm_first_verdict *)pm_datagram_own(d) = verdict;
    d->state = PM_DATAGRAM_PASSES;
    count(firsts, d, &f);
}

bool pm_follow_find(struct pm_reassembly *firsts, const struct pm_headers *h, uint16_t link,
                    uint64_t now_ns, struct pm_first_verdict *verdict)
{
    struct pm_fragment f;
    pm_fragment_read(h, link, &f);
    struct pm_datagram *d = pm_reassembly_find(firsts, &f.key, now_ns);
    if (!d)
        return false;
    *verdict = *(const struct pm_first_verdict *)pm_datagram_own(d);
    count(firsts, d, &f);
    return true;
}
