/* meters.c - asks modifiers; the contract is in meters.h. */
#include "engine/meters.h"

#include <stdlib.h>

#include "base/rng.h"
#include "engine/kin.h"

#define NS_PER_S 1000000000

/* A rule's samples are drawn apart from its delays. */
#define SAMPLE_DOMAIN UINT64_C(0x73616d706c657321)

static const struct pm_key_spec per_flow = {.per = PM_PER_FLOW};

static bool needs_keys(const struct pm_policy *policy)
{
    for (uint32_t i = 0; i < policy->modifier_count; i++)
        if (pm_modifier_has_keys(&policy->modifiers[i]))
            return true;
    return false;
}

/* At least one, so that a key is there for the packet at hand. */
static uint32_t key_cap(const struct pm_policy *policy)
{
    uint32_t meters = policy->settings.meters;
    return meters ? meters : 1;
}

size_t pm_meters_footprint(const struct pm_policy *policy)
{
    size_t size = policy->modifier_count * sizeof(struct pm_rule_meter);
    if (needs_keys(policy))
        size += pm_keytable_footprint(key_cap(policy), sizeof(struct pm_meter));
    return size;
}

bool pm_meters_init(struct pm_meters *m, const struct pm_policy *policy,
                    const struct pm_meters_config *config)
{
    *m = (struct pm_meters){.policy = policy,
                            .hash_key = {config->hash_key[0], config->hash_key[1]},
                            .seed = config->seed,
                            .wall_ns = config->wall_ns,
                            .forgotten = config->forgotten};
    if (policy->modifier_count == 0)
        return true;
    m->rules = calloc(policy->modifier_count, sizeof *m->rules);
    return m->rules && (!needs_keys(policy) ||
                        pm_keytable_init(&m->keys, key_cap(policy), sizeof(struct pm_meter)));
}

void pm_meters_release(struct pm_meters *m)
{
    pm_keytable_release(&m->keys);
    free(m->rules);
    m->rules = NULL;
}

void pm_meters_adopt(struct pm_meters *m, const struct pm_meters *before)
{
    for (uint32_t i = 0; i < m->policy->modifier_count; i++) {
        uint32_t was = pm_kin_find(before->policy, m->policy->modifiers[i].kin);
        if (was != PM_NO_SLOT)
            m->rules[i] = before->rules[was];
    }
    bool has_same_key =
        m->hash_key[0] == before->hash_key[0] && m->hash_key[1] == before->hash_key[1];
    if (has_same_key && m->keys.buckets && before->keys.buckets)
        *m->forgotten += pm_keytable_take(&m->keys, &before->keys);
}

static struct pm_meter *copy_of(const struct pm_meters *m, enum pm_key_use use, struct pm_key key)
{
    const struct pm_meter *meter = pm_keytable_peek(&m->keys, key);
    m->copies[use] = meter ? *meter : (struct pm_meter){.is_known = 0};
    return &m->copies[use];
}

static struct pm_meter *meter_of(struct pm_meters *m, enum pm_key_use use, uint64_t kin,
                                 const struct pm_key_spec *spec, const struct pm_occasion *o)
{
    struct pm_key key = pm_rule_key(m->hash_key, use, kin, spec, o->subject, o->flow);
    if (m->copies)
        return copy_of(m, use, key);
    struct pm_meter *meter = pm_keytable_find(&m->keys, key);
    if (meter)
        return meter;
    bool forgot;
    meter = pm_keytable_add(&m->keys, key, &forgot);
    *m->forgotten += forgot;
    return meter;
}

/* ------------------------------------------------------------------ when */

/* Whole seconds below, the rest from 0 on. */
static int64_t seconds_of(int64_t ns, int64_t *rest_ns)
{
    int64_t s = ns / NS_PER_S - (ns % NS_PER_S < 0);
    *rest_ns = ns - s * NS_PER_S;
    return s;
}

static int64_t utc_s_of(const struct pm_meters *m, uint64_t now_ns)
{
    int64_t wall_rest;
    int64_t utc_s = seconds_of(m->wall_ns, &wall_rest) + (int64_t)(now_ns / NS_PER_S);
    return utc_s + (wall_rest + (int64_t)(now_ns % NS_PER_S)) / NS_PER_S;
}

static const struct pm_zone *zone_of(const struct pm_meters *m, const struct pm_modifier *mod)
{
    return mod->zone == PM_UTC ? NULL : &m->policy->zones[mod->zone];
}

static bool is_within_hours(const struct pm_meters *m, const struct pm_modifier *mod,
                            uint64_t now_ns)
{
    return pm_hours_hold(&mod->hours, zone_of(m, mod), utc_s_of(m, now_ns));
}

static int64_t local_s_of(const struct pm_meters *m, const struct pm_modifier *mod, uint64_t now_ns)
{
    int64_t utc_s = utc_s_of(m, now_ns);
    return utc_s + pm_zone_offset(zone_of(m, mod), utc_s);
}

/* ------------------------------------------------------------------ sample */

static bool is_turn(struct pm_rule_meter *meter, uint32_t every)
{
    return meter->sampled++ % every == 0;
}

/* Every so many-th flow that the rule meets is sampled, with all its packets. */
static bool is_flow_of_turn(struct pm_meters *m, const struct pm_modifier *mod,
                            struct pm_rule_meter *of_rule, const struct pm_occasion *o)
{
    struct pm_meter *meter = meter_of(m, PM_KEY_SAMPLE, mod->kin, &per_flow, o);
    if (!meter->is_known) {
        meter->is_known = 1;
        meter->is_sampled = is_turn(of_rule, mod->sample.every);
    }
    return meter->is_sampled;
}

static bool is_drawn(const struct pm_meters *m, const struct pm_modifier *mod,
                     const struct pm_rule *rule, const struct pm_occasion *o)
{
    uint64_t flow_hash = o->flow ? o->flow->hash : 0;
    uint64_t number = mod->sample.by_flow ? 0 : o->number + 1;
    uint64_t key = pm_rule_key_of_draws(m->policy, rule) ^ SAMPLE_DOMAIN;
    uint64_t draw = pm_draw(m->seed ^ mod->sample.seed, key, flow_hash, number);
    return pm_draw_below(draw, PM_ALWAYS) < mod->sample.probability;
}

static bool is_sampled(struct pm_meters *m, const struct pm_modifier *mod,
                       const struct pm_rule *rule, struct pm_rule_meter *meter,
                       const struct pm_occasion *o)
{
    if (mod->sample.every == 0)
        return is_drawn(m, mod, rule, o);
    if (mod->sample.by_flow)
        return is_flow_of_turn(m, mod, meter, o);
    return is_turn(meter, mod->sample.every);
}

/* ------------------------------------------------------------------ count */

static bool is_counted_in(struct pm_meters *m, const struct pm_modifier *mod,
                          struct pm_rule_meter *of_rule, const struct pm_occasion *o)
{
    uint64_t number = of_rule->counted++;
    if (number < mod->count.skip)
        return false;
    if (mod->count.has_first && number - mod->count.skip >= mod->count.first)
        return false;
    if (mod->count.max_per_flow == 0)
        return true;
    struct pm_meter *meter = meter_of(m, PM_KEY_COUNT, mod->kin, &per_flow, o);
    if (meter->count == mod->count.max_per_flow)
        return false;
    meter->count++;
    return true;
}

/* ------------------------------------------------------------------ limit */

static bool is_on_its_side_of_limit(struct pm_meters *m, const struct pm_modifier *mod,
                                    struct pm_rule_meter *of_rule, const struct pm_occasion *o)
{
    struct pm_bucket *bucket = &of_rule->bucket;
    if (mod->limit.key.per != PM_PER_RULE)
        bucket = &meter_of(m, PM_KEY_LIMIT, mod->kin, &mod->limit.key, o)->bucket;
    bool is_within = pm_bucket_take(bucket, &mod->limit.rate, o->now_ns);
    return is_within != mod->limit.over_matches;
}

/* Which of them lets the rule not match. */
static enum pm_modifier_kind refused_by(struct pm_meters *m, const struct pm_rule *rule,
                                        struct pm_rule_meter *meter, const struct pm_occasion *o)
{
    const struct pm_modifier *mod = &m->policy->modifiers[rule->modifier];
    if (mod->has_when && !is_within_hours(m, mod, o->now_ns))
        return PM_MODIFIER_WHEN;
    if (mod->has_sample && !is_sampled(m, mod, rule, meter, o))
        return PM_MODIFIER_SAMPLE;
    if (mod->has_count && !is_counted_in(m, mod, meter, o))
        return PM_MODIFIER_COUNT;
    if (mod->has_limit && !is_on_its_side_of_limit(m, mod, meter, o))
        return PM_MODIFIER_LIMIT;
    return PM_MODIFIER_NONE;
}

bool pm_meters_admit(struct pm_meters *m, const struct pm_rule *rule, const struct pm_occasion *o)
{
    return refused_by(m, rule, &m->rules[rule->modifier], o) == PM_MODIFIER_NONE;
}

/* ------------------------------------------------------------------ only asked */

static const struct pm_meter *known_under(const struct pm_meters *m, enum pm_key_use use,
                                          uint64_t kin, const struct pm_key_spec *spec,
                                          const struct pm_occasion *o)
{
    struct pm_key key = pm_rule_key(m->hash_key, use, kin, spec, o->subject, o->flow);
    return pm_keytable_peek(&m->keys, key);
}

static void tell_limit(const struct pm_meters *m, const struct pm_modifier *mod,
                       const struct pm_occasion *o, struct pm_bucket bucket,
                       struct pm_about_modifiers *out)
{
    if (mod->limit.key.per != PM_PER_RULE) {
        const struct pm_meter *meter = known_under(m, PM_KEY_LIMIT, mod->kin, &mod->limit.key, o);
        bucket = meter ? meter->bucket : (struct pm_bucket){.missing = 0};
    }
    out->tokens = pm_bucket_tokens(&bucket, &mod->limit.rate, o->now_ns, &out->refill_ns);
}

/* The same questions, to copies of what would be counted. */
void pm_meters_peek(const struct pm_meters *m, const struct pm_rule *rule,
                    const struct pm_occasion *o, struct pm_about_modifiers *out)
{
    const struct pm_modifier *mod = &m->policy->modifiers[rule->modifier];
    const struct pm_rule_meter *counts = &m->rules[rule->modifier];
    struct pm_meter copies[PM_KEY_ASK + 1];
    struct pm_rule_meter copy = *counts;
    struct pm_meters asked = *m;
    asked.copies = copies;
    out->refused_by = refused_by(&asked, rule, &copy, o);
    out->is_drawn = mod->has_sample && mod->sample.every == 0;
    out->sampled = counts->sampled;
    out->counted = counts->counted;
    if (mod->has_when)
        out->local_s = local_s_of(m, mod, o->now_ns);
    if (mod->has_count && mod->count.max_per_flow > 0) {
        const struct pm_meter *meter = known_under(m, PM_KEY_COUNT, mod->kin, &per_flow, o);
        out->counted_in_flow = meter ? meter->count : 0;
    }
    if (mod->has_limit)
        tell_limit(m, mod, o, counts->bucket, out);
}
