/* kin.c - rules that are the same in two policies; the contract is in kin.h. */
#include "engine/kin.h"

#include <string.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "engine/rulekey.h"

static const uint64_t no_key[2];

/* Chains a number to what was hashed before. */
static uint64_t with(uint64_t hash, uint64_t number)
{
    uint8_t bytes[16];
    pm_put32(bytes, (uint32_t)(hash >> 32));
    pm_put32(bytes + 4, (uint32_t)hash);
    pm_put32(bytes + 8, (uint32_t)(number >> 32));
    pm_put32(bytes + 12, (uint32_t)number);
    return pm_hash(no_key, bytes, sizeof bytes);
}

static uint64_t with_key(uint64_t hash, const struct pm_key_spec *key)
{
    hash = with(hash, key->per);
    for (uint8_t i = 0; i < key->field_count; i++)
        hash = with(hash, key->fields[i]);
    return hash;
}

/* The hours keep no state: they may change. */
static uint64_t of_modifier(uint64_t id, const struct pm_modifier *m)
{
    uint64_t hash = with(id, PM_KEY_LIMIT);
    hash = with(with(hash, m->has_sample), m->has_count);
    hash = with(with(hash, m->sample.probability), m->sample.every);
    hash = with(with(hash, m->sample.by_flow), m->sample.seed);
    hash = with(with(hash, m->count.has_first), m->count.skip);
    hash = with(with(hash, m->count.first), m->count.max_per_flow);
    hash = with(with(hash, m->has_limit), m->limit.over_matches);
    hash = with(with(hash, m->limit.rate.gain), m->limit.rate.cost);
    return with_key(with(hash, m->limit.rate.cap), &m->limit.key);
}

/* The times of an ask may change: an answer has its own. */
static uint64_t of_ask(uint64_t id, const struct pm_ask *ask)
{
    return with_key(with(id, PM_KEY_ASK), &ask->key);
}

/* Rules may share an id where no rule file was read. */
static uint64_t note(struct pm_keytable *kin, uint64_t wanted, uint32_t place)
{
    bool forgot;
    while (pm_keytable_peek(kin, (struct pm_key){.a = wanted}))
        wanted++;
    memcpy(pm_keytable_add(kin, (struct pm_key){.a = wanted}, &forgot), &place, sizeof place);
    return wanted;
}

bool pm_kin_assign(struct pm_policy *policy)
{
    uint32_t count = policy->modifier_count + policy->ask_count;
    if (count == 0)
        return true;
    if (!pm_keytable_init(&policy->kin, count, sizeof(uint32_t)))
        return false;
    for (uint32_t i = 0; i < policy->rule_count; i++) {
        const struct pm_rule *rule = &policy->rules[i];
        uint64_t id = pm_rule_key_of_draws(policy, rule);
        if (rule->modifier != PM_NO_SLOT) {
            struct pm_modifier *m = &policy->modifiers[rule->modifier];
            m->kin = note(&policy->kin, of_modifier(id, m), rule->modifier);
        }
        if (rule->ask != PM_NO_SLOT) {
            struct pm_ask *ask = &policy->asks[rule->ask];
            ask->kin = note(&policy->kin, of_ask(id, ask), rule->ask);
        }
    }
    return true;
}

uint32_t pm_kin_find(const struct pm_policy *policy, uint64_t kin)
{
    uint32_t place = PM_NO_SLOT;
    if (!policy->kin.buckets)
        return PM_NO_SLOT;
    const uint32_t *found = pm_keytable_peek(&policy->kin, (struct pm_key){.a = kin});
    if (found)
        memcpy(&place, found, sizeof place);
    return place;
}
