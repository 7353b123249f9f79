/* ask.c - the verdict that somebody else gives: a person, a program. */
#include "ask.h"

#include <string.h>

#include "diagnostic.h"
#include "expect.h"
#include "keyfield.h"

#define TIMEOUT_MS_MAX   3600000 /* an hour */
#define HOLD_PACKETS_MAX 65536
#define REMEMBER_S_MAX   31536000 /* a year */

static const uint64_t ns_per_ms = 1000000, ns_per_s = 1000000000;

static void take_on_timeout(struct load *l, const struct node *ask, struct pm_rule_spec *out)
{
    static const char *const words[] = {"allow", "drop", NULL};
    const struct node *n = pmr_node_get(ask, "on_timeout");
    size_t index;

    if (n == NULL)
        pmr_fail(l, ask, CODE_MISSING_KEY, "add \"on_timeout\": \"drop\" or \"allow\"",
                 "an ask needs \"on_timeout\": what happens when nobody answers in time");
    else if (pmr_expect_word(l, n, words, &index))
        out->ask.timeout_drop = index == 1;
}

static void take_coalesce(struct load *l, const struct node *n, struct pm_rule_spec *out)
{
    struct key_fields key;

    if (!pmr_key_fields_of(l, n, &key))
        return;
    memcpy(out->ask.coalesce, key.fields, sizeof out->ask.coalesce);
    out->ask.coalesce_count = key.count;
}

void pmr_ask_of(struct load *l, const struct node *n, struct pm_rule_spec *out)
{
    static const struct key keys[] = {{"timeout_ms", false},
                                      {"on_timeout", false},
                                      {"hold_packets", false},
                                      {"coalesce", false},
                                      {"remember_s", false}};
    const struct node *coalesce = pmr_node_get(n, "coalesce");
    uint64_t timeout_ms = 0, hold_packets = 0, remember_s = 0;

    out->action = PM_ACTION_ASK;
    if (!pmr_expect_kind(l, n, NODE_OBJECT))
        return;
    pmr_expect_keys(l, n, keys, sizeof keys / sizeof keys[0], "an ask");
    pmr_expect_member(l, n, "timeout_ms", "an ask");
    pmr_take_number(l, n, "timeout_ms", 1, TIMEOUT_MS_MAX, &timeout_ms);
    take_on_timeout(l, n, out);
    pmr_take_number(l, n, "hold_packets", 1, HOLD_PACKETS_MAX, &hold_packets);
    pmr_take_number(l, n, "remember_s", 1, REMEMBER_S_MAX, &remember_s);
    if (coalesce != NULL)
        take_coalesce(l, coalesce, out);
    out->ask.timeout_ns = timeout_ms * ns_per_ms;
    out->ask.hold_packets = (uint32_t)hold_packets;
    out->ask.remember_ns = remember_s * ns_per_s;
}
