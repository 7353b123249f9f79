/* explanation_rules.c - what every rule makes of a packet, asked of the engine that judges it. */
#include "app/explanation.h"

#include <stdlib.h>
#include <string.h>

#define NEVER 100000u /* more misses than any rule has tests worth counting */

/* ------------------------------------------------------------------ asking */

static void read_fields(struct pm_explained_engine *engine, const struct pm_moment *moment)
{
    for (unsigned i = 0; i < PM_FIELD_COUNT; i++) {
        struct pm_explained_field *field = &engine->fields[i];
        enum pm_kind kind = pm_field_info((enum pm_field)i)->kind;
        pm_moment_field(moment, (enum pm_field)i, &field->about);
        if ((kind != PM_KIND_TEXT && kind != PM_KIND_BYTES) || field->about.count == 0 ||
            field->about.bytes.bytes == NULL)
            continue;
        size_t len = field->about.bytes.len;
        memcpy(field->kept, field->about.bytes.bytes,
               len < PM_EXPLAINED_BYTES ? len : PM_EXPLAINED_BYTES);
        field->about.bytes.bytes = NULL;
    }
}

/* How many tests would have to come out otherwise for a condition to hold, or not to. */
struct flips {
    uint32_t to_hold, to_fail;
};

static uint32_t capped(uint32_t sum)
{
    return sum < NEVER ? sum : NEVER;
}

static struct flips flips_of_test(enum pm_truth truth)
{
    return (struct flips){.to_hold = truth != PM_TRUE, .to_fail = truth != PM_FALSE};
}

/* What is inside a condition stands behind it, and is worked out already. */
static struct flips flips_of(const struct pm_source_item *item, const struct flips *own)
{
    bool is_any = item->kind == PM_SOURCE_ANY;
    uint32_t sum = 0, least = NEVER;
    for (uint32_t at = 1; at < item->size; at += item[at].size) {
        uint32_t one = is_any ? own[at].to_fail : own[at].to_hold;
        uint32_t other = is_any ? own[at].to_hold : own[at].to_fail;
        sum = capped(sum + one);
        least = other < least ? other : least;
    }
    if (item->kind == PM_SOURCE_NOT)
        return (struct flips){.to_hold = least, .to_fail = sum};
    if (is_any)
        return (struct flips){.to_hold = least, .to_fail = sum};
    return (struct flips){.to_hold = sum, .to_fail = least};
}

static void count_misses(struct pm_explanation *e, const struct pm_source_rule *source,
                         struct pm_explained_rule *rule, struct flips *flips)
{
    const struct pm_source_item *items = source->items;
    for (size_t i = source->item_count; i-- > 0;)
        flips[i] = items[i].kind == PM_SOURCE_TEST
                       ? flips_of_test(pm_explanation_cond(e, &items[i])->now)
                       : flips_of(&items[i], &flips[i]);
    rule->misses = source->item_count == 0 ? 0 : flips[0].to_hold;
    rule->holds = rule->parts = 0;
    for (uint32_t at = 1; source->item_count > 0 && at < items[0].size; at += items[at].size) {
        rule->parts++;
        rule->holds += pm_explanation_cond(e, &items[at])->now == PM_TRUE;
    }
}

static size_t item_index(const struct pm_explanation *e, const struct pm_source_item *item)
{
    return (size_t)(item - pm_rules_source(e->rules, 0)->items);
}

const struct pm_about_cond *pm_explanation_cond(const struct pm_explanation *e,
                                                const struct pm_source_item *item)
{
    return &e->conds[item_index(e, item)];
}

static void ask_rule(struct pm_explanation *e, unsigned engine, const struct pm_moment *moment,
                     const struct pm_source_rule *source)
{
    struct pm_explained_rule *rule = &e->by_rule[source->rule];
    struct pm_about_rule about;
    pm_moment_rule(moment, source->rule, &about);
    if (engine != PM_ASKED_FILTER && !about.is_asked)
        return;
    rule->about = about;
    rule->engine = (uint8_t)engine;
    for (size_t i = 0; i < source->item_count; i++)
        pm_moment_cond(moment, source->items[i].cond, &e->conds[item_index(e, &source->items[i])]);
    struct flips *flips = malloc((source->item_count + 1) * sizeof *flips);
    if (flips == NULL)
        e->no_memory = true;
    else
        count_misses(e, source, rule, flips);
    free(flips);
}

void pm_explanation_take(struct pm_explanation *e, unsigned engine, const struct pm_moment *moment)
{
    struct pm_explained_engine *own = &e->engines[engine];
    struct pm_about_packet packet;
    pm_moment_packet(moment, &packet);
    if (own->was_asked && engine == PM_ASKED_LATE)
        return; /* of a packet that left as several, the first */
    own->was_asked = true;
    own->packet = packet;
    read_fields(own, moment);
    for (size_t i = 0; i < pm_rules_source_count(e->rules); i++) {
        const struct pm_source_rule *source = pm_rules_source(e->rules, i);
        if (source->is_enabled)
            ask_rule(e, engine, moment, source);
    }
}

/* ------------------------------------------------------------------ what became of it */

static bool watches(const struct pm_explanation *e, uint32_t rule)
{
    return pm_policy_rule_action(e->policy, rule) == PM_ACTION_LOG ||
           pm_policy_rule_is_dry_run(e->policy, rule);
}

/* A rule that cannot be told ended the search, and the packet. */
static bool stopped_in_doubt(const struct pm_explanation *e, uint32_t rule)
{
    const struct pm_about_cond *cond = &e->by_rule[rule].about.cond;
    return e->decision.verdict == PM_DROP && e->decision.rule == PM_NO_RULE &&
           cond->now == PM_DEPENDS && cond->doubt == e->decision.why && !watches(e, rule);
}

/* Whether the search for a verdict came to the rule. */
static bool was_reached(const struct pm_explanation *e, uint32_t rule)
{
    const struct pm_about_packet *packet = &e->engines[PM_ASKED_FILTER].packet;
    if (packet->refused != PM_WHY_NONE || packet->follows)
        return false;
    if (packet->latched != PM_NO_RULE)
        return rule < packet->latched && watches(e, rule);
    if (e->decision.rule != PM_NO_RULE)
        return rule <= e->decision.rule;
    return e->stopper == PM_NO_RULE || rule <= e->stopper;
}

static enum pm_explained_part part_by_conditions(const struct pm_explanation *e, uint32_t rule)
{
    const struct pm_about_rule *about = &e->by_rule[rule].about;
    if (about->cond.now == PM_FALSE)
        return PM_PART_MISSED;
    if (about->cond.now == PM_DEPENDS)
        return PM_PART_IN_DOUBT;
    if (about->modifiers.refused_by != PM_MODIFIER_NONE)
        return PM_PART_REFUSED;
    return watches(e, rule) ? PM_PART_WATCHED : PM_PART_DECIDED;
}

static enum pm_explained_part part_of_rewrite(const struct pm_explanation *e, uint32_t rule)
{
    if (e->by_rule[rule].engine != PM_ASKED_REWRITER || e->decision.is_final)
        return PM_PART_NOT_ASKED;
    return part_by_conditions(e, rule);
}

enum pm_explained_part pm_explanation_part(const struct pm_explanation *e,
                                           const struct pm_source_rule *source)
{
    uint32_t rule = source->rule;
    if (!source->is_enabled)
        return PM_PART_DISABLED;
    if (pm_policy_rule_action(e->policy, rule) == PM_ACTION_REWRITE)
        return part_of_rewrite(e, rule);
    const struct pm_explained_rule *own = &e->by_rule[rule];
    if (own->engine == PM_ASKED_LATE)
        return part_by_conditions(e, rule);
    if (!own->about.is_asked)
        return PM_PART_NOT_ASKED;
    const struct pm_about_packet *packet = &e->engines[PM_ASKED_FILTER].packet;
    if (rule == e->decision.rule && packet->latched == rule && !packet->follows)
        return PM_PART_LATCHED;
    if (rule == e->decision.rule)
        return PM_PART_DECIDED;
    return was_reached(e, rule) ? part_by_conditions(e, rule) : PM_PART_NOT_ASKED;
}

/* ------------------------------------------------------------------ near misses */

static bool is_nearer(const struct pm_explanation *e, uint32_t a, uint32_t b)
{
    const struct pm_explained_rule *x = &e->by_rule[a], *y = &e->by_rule[b];
    if (x->misses != y->misses)
        return x->misses < y->misses;
    /* as many misses: what holds more already */
    if (x->holds != y->holds)
        return x->holds > y->holds;
    return a < b;
}

size_t pm_explanation_near(const struct pm_explanation *e, uint32_t *near, size_t most)
{
    size_t count = 0;
    for (uint32_t rule = 0; rule < pm_policy_rule_count(e->policy); rule++) {
        const struct pm_explained_rule *own = &e->by_rule[rule];
        if (own->misses == 0 || own->misses >= NEVER || own->about.cond.now == PM_TRUE)
            continue;
        size_t at = count < most ? count++ : most;
        if (at == most && !is_nearer(e, rule, near[most - 1]))
            continue;
        at = at == most ? most - 1 : at;
        while (at > 0 && is_nearer(e, rule, near[at - 1])) {
            near[at] = near[at - 1];
            at--;
        }
        near[at] = rule;
    }
    return count;
}

/* ------------------------------------------------------------------ history */

static uint64_t decided_frame(const struct pm_explanation *e)
{
    for (size_t i = 0; i < e->frame_count && e->decision.flow_id != 0; i++)
        if (e->frames[i].flow_id == e->decision.flow_id && e->frames[i].rule == e->decision.rule)
            return i + 1;
    return 0;
}

void pm_explanation_conclude(struct pm_explanation *e)
{
    e->decided_frame = e->decision.rule == PM_NO_RULE ? 0 : decided_frame(e);
    e->stopper = PM_NO_RULE;
    for (uint32_t i = 0; i < pm_policy_rule_count(e->policy) && e->stopper == PM_NO_RULE; i++)
        if (e->by_rule[i].about.is_asked && stopped_in_doubt(e, i))
            e->stopper = i;
}

uint64_t pm_explanation_encrypted(const struct pm_explanation *e)
{
    for (size_t i = 0; i < e->frame_count; i++)
        if (e->frames[i].looks_encrypted &&
            (i + 1 == e->frame ||
             (e->decision.flow_id != 0 && e->frames[i].flow_id == e->decision.flow_id)))
            return i + 1;
    return 0;
}
