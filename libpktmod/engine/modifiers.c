/* modifiers.c - checks and compiles modifiers; the contract is in modifiers.h. */
#include "engine/modifiers.h"

#include <string.h>

#define DAY_S    86400u
#define ALL_DAYS 0x7fu

static bool has_limit(const struct pm_modifiers *spec)
{
    return spec->limit.tokens > 0;
}

static bool has_sample(const struct pm_modifiers *spec)
{
    return spec->sample.is_set || spec->sample.probability > 0 || spec->sample.every > 0;
}

static bool has_count(const struct pm_modifiers *spec)
{
    return spec->count.has_first || spec->count.skip > 0 || spec->count.max_per_flow > 0;
}

bool pm_modifiers_are_set(const struct pm_modifiers *spec)
{
    return has_limit(spec) || has_sample(spec) || has_count(spec) || spec->when.is_set;
}

bool pm_key_is_sound(const enum pm_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if ((unsigned)fields[i] >= PM_FIELD_COUNT || pm_field_info(fields[i])->kind == PM_KIND_BPF)
            return false;
    return count <= PM_KEY_FIELDS;
}

static struct pm_bucket_rate rate_of(const struct pm_modifiers *spec, bool *is_countable)
{
    struct pm_bucket_rate rate = {0};
    uint32_t burst = spec->limit.burst ? spec->limit.burst : spec->limit.tokens;
    *is_countable = spec->limit.per_ns > 0 &&
                    pm_bucket_rate_make(spec->limit.tokens, spec->limit.per_ns, burst, &rate);
    return rate;
}

static const char *limit_fault(const struct pm_modifiers *spec)
{
    bool is_countable;
    if (!has_limit(spec))
        return NULL;
    if (spec->limit.per_ns == 0)
        return "a limit needs a time for its tokens";
    rate_of(spec, &is_countable);
    if (!is_countable)
        return "a limit's burst takes too long to be saved up";
    if (spec->limit.per != PM_PER_FIELDS)
        return NULL;
    if (spec->limit.field_count == 0)
        return "a limit per fields needs a field";
    return pm_key_is_sound(spec->limit.fields, spec->limit.field_count)
               ? NULL
               : "a limit is per at most 4 fields, and not per bpf";
}

static const char *sample_fault(const struct pm_modifiers *spec)
{
    if ((spec->sample.is_set || spec->sample.probability > 0) && spec->sample.every > 0)
        return "a sample has a probability or an every, not both";
    return spec->sample.probability > PM_ALWAYS ? "a sample's probability is at most 1" : NULL;
}

static const char *when_fault(const struct pm_modifiers *spec, uint32_t zone_count)
{
    if (!spec->when.is_set)
        return NULL;
    if (spec->when.days > ALL_DAYS)
        return "a week has seven days";
    if (spec->when.from_s > DAY_S || spec->when.to_s > DAY_S)
        return "a time of day is at most 24:00";
    bool has_zone = spec->when.zone == PM_UTC || spec->when.zone < zone_count;
    return has_zone ? NULL : "a time zone is not known";
}

const char *pm_modifiers_fault(const struct pm_modifiers *spec, uint32_t zone_count)
{
    const char *fault = limit_fault(spec);
    if (!fault)
        fault = sample_fault(spec);
    return fault ? fault : when_fault(spec, zone_count);
}

struct pm_modifier pm_modifier_make(const struct pm_modifiers *spec)
{
    bool is_countable;
    struct pm_modifier m = {.has_when = spec->when.is_set,
                            .has_sample = has_sample(spec),
                            .has_count = has_count(spec),
                            .has_limit = has_limit(spec),
                            .zone = spec->when.zone};
    m.hours = (struct pm_hours){
        .days = spec->when.days, .from_s = spec->when.from_s, .to_s = spec->when.to_s};
    m.sample.probability = spec->sample.probability;
    m.sample.every = spec->sample.every;
    m.sample.by_flow = spec->sample.by_flow;
    m.sample.seed = spec->sample.seed;
    m.count.has_first = spec->count.has_first;
    m.count.skip = spec->count.skip;
    m.count.first = spec->count.first;
    m.count.max_per_flow = spec->count.max_per_flow;
    if (!m.has_limit)
        return m;
    m.limit.rate = rate_of(spec, &is_countable);
    m.limit.over_matches = spec->limit.over_matches;
    m.limit.key.per = spec->limit.per;
    m.limit.key.field_count = spec->limit.field_count;
    memcpy(m.limit.key.fields, spec->limit.fields, sizeof m.limit.key.fields);
    return m;
}

bool pm_modifier_has_keys(const struct pm_modifier *m)
{
    return (m->has_limit && m->limit.key.per != PM_PER_RULE) || m->count.max_per_flow > 0 ||
           (m->has_sample && m->sample.every > 0 && m->sample.by_flow);
}
