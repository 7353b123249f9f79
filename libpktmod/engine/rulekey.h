/* rulekey.h - what keeps apart packets that a rule counts, or asks about, together. */
#ifndef PM_ENGINE_RULEKEY_H
#define PM_ENGINE_RULEKEY_H

#include "base/keytable.h"
#include "engine/modifiers.h"
#include "flow/table.h"
#include "match/packet.h"

enum pm_key_use { PM_KEY_LIMIT, PM_KEY_COUNT, PM_KEY_SAMPLE, PM_KEY_ASK };

/* A key of the rule (its kin) for the packet: its flow's, or the values of the fields. Packets
 * without a field share a key, and so do packets without a flow. Of a field with two values
 * (ip.addr, tcp.port, ...) the order does not count: both directions have the same key. */
struct pm_key pm_rule_key(const uint64_t hash_key[2], enum pm_key_use use, uint64_t kin,
                          const struct pm_key_spec *spec, const struct pm_subject *s,
                          const struct pm_flow *flow);

#endif
