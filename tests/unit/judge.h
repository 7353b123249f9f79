/* judge.h - for tests of the filter: a policy, a filter, and packets in plain terms. */
#ifndef PM_TESTS_JUDGE_H
#define PM_TESTS_JUDGE_H

#include "talk.h"

#define MS UINT64_C(1000000)
#define S  UINT64_C(1000000000)

struct judge {
    struct pm_policy *policy;
    struct pm_filter *filter;
};

static inline void judge_begin(struct judge *j, struct pm_builder *b,
                               const struct pm_filter_config *config)
{
    struct pm_error error;
    j->policy = pm_builder_finish(b, &error);
    assert_non_null(j->policy);
    j->filter = pm_filter_new(j->policy, config, &error);
    assert_non_null(j->filter);
}

static inline void judge_end(struct judge *j)
{
    pm_filter_free(j->filter);
    pm_policy_unref(j->policy);
}

static inline struct pm_decision judge_bytes(struct judge *j, const uint8_t *bytes, size_t len,
                                             uint64_t cookie, uint64_t now_ns)
{
    struct pm_packet packet = {.data = bytes,
                               .len = len,
                               .wire_len = len,
                               .link = 101,
                               .dir = PM_DIR_UNKNOWN,
                               .cookie = cookie};
    return pm_filter_decide(j->filter, &packet, now_ns);
}

static inline struct pm_decision judge_packet(struct judge *j, const struct talk_packet *p,
                                              uint64_t cookie)
{
    static uint8_t ip[TALK_PACKET];
    return judge_bytes(j, ip, talk_build(p, ip), cookie, p->time_ns);
}

static inline uint64_t judge_why(const struct judge *j, enum pm_why why)
{
    return pm_filter_stats(j->filter)->why[why];
}

/* A UDP packet of the flow that has this client port. */
static inline struct talk_packet judge_udp(uint16_t flow, uint64_t now_ns)
{
    return (struct talk_packet){.udp = 1, .client_port = flow, .time_ns = now_ns};
}

static inline pm_cond_id judge_number(struct pm_builder *b, enum pm_field field, uint32_t lo,
                                      uint32_t hi)
{
    struct pm_value v = {.kind = PM_VALUE_RANGE, .range = {lo, hi}};
    return pm_cond_test(b, field, &v, 1);
}

#endif
