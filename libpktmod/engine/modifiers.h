/* modifiers.h - the compiled form of what a rule asks beside its condition. */
#ifndef PM_ENGINE_MODIFIERS_H
#define PM_ENGINE_MODIFIERS_H

#include "base/bucket.h"
#include "engine/hours.h"

/* Whose values make a key: fields, the flow, or nothing but the rule. */
struct pm_key_spec {
    enum pm_per per;
    enum pm_field fields[PM_KEY_FIELDS];
    uint8_t field_count;
};

struct pm_modifier {
    uint64_t kin; /* of kin.h */
    bool has_when, has_sample, has_count, has_limit;
    uint32_t zone; /* in policy->zones; PM_UTC */
    struct pm_hours hours;
    struct {
        uint64_t probability; /* of PM_ALWAYS; 0: `every` */
        uint32_t every;
        bool by_flow;
        uint64_t seed;
    } sample;
    struct {
        bool has_first;
        uint64_t skip, first, max_per_flow;
    } count;
    struct {
        struct pm_bucket_rate rate;
        struct pm_key_spec key;
        bool over_matches;
    } limit;
};

bool pm_modifiers_are_set(const struct pm_modifiers *spec);
/* What is wrong with them, or NULL. */
const char *pm_modifiers_fault(const struct pm_modifiers *spec, uint32_t zone_count);
/* The fields of a key can be read. */
bool pm_key_is_sound(const enum pm_field *fields, size_t count);
/* They are without fault. Without its kin. */
struct pm_modifier pm_modifier_make(const struct pm_modifiers *spec);
/* Some of its answers depend on what came before under a key. */
bool pm_modifier_has_keys(const struct pm_modifier *m);

#endif
