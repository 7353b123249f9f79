/* meaning.c - keeps what rules, settings and sets mean, and tells it. */
#include "meaning.h"

#include <stdlib.h>
#include <string.h>

#include "canon.h"
#include "effect.h"
#include "meaningof.h"
#include "values.h"

static const char *const part_names[] = {
#define PART_NAME(id, name) name,
    PM_PART_MAP(PART_NAME)
#undef PART_NAME
};

/* ------------------------------------------------------------------ what the author wrote */

/* JSON on one line: white space outside of strings is at most a blank. */
static const char *on_one_line(struct memory *m, const char *text, size_t len)
{
    char *out = pmr_memory_copy(m, text, len);
    size_t used = 0;
    bool in_string = false;

    for (size_t i = 0; out != NULL && i < len; i++) {
        bool is_space = !in_string && strchr(" \t\r\n", text[i]) != NULL;

        if (text[i] == '"')
            in_string = !in_string;
        if (is_space && used > 0 && out[used - 1] == ' ')
            continue;
        out[used++] = is_space ? ' ' : text[i];
        if (in_string && text[i] == '\\' && i + 1 < len)
            out[used++] = text[++i];
    }
    if (out != NULL)
        out[used] = '\0';
    return out;
}

/* Where n stands; with its text if asked. NULL: nothing is said. */
static struct pm_said said(struct load *l, const struct node *n, bool has_text)
{
    struct memory *m = &l->rules->memory;
    struct source_of source;
    struct pm_said at = {.file = NULL};

    if (n == NULL)
        return at;
    source = pmr_source_of(l, n);
    at.file = pmr_memory_copy(m, source.path, strlen(source.path));
    at.line = source.line;
    if (has_text)
        at.text = on_one_line(m, source.text, source.len);
    return at;
}

/* ------------------------------------------------------------------ rules */

/* The edits that an element of a rewrite's list makes. */
static size_t ops_in(const struct node *element)
{
    const struct node *op = pmr_node_first(element);
    const char *key = op == NULL ? "" : pmr_node_key(op);
    bool has_fields = strcmp(key, "set") == 0 || strcmp(key, "add") == 0 || strcmp(key, "nat") == 0;

    return has_fields ? pmr_node_count(op) : 1;
}

static void keep_op(struct load *l, struct pm_meant *out, const struct node *element,
                    const struct pm_op_spec *ops, size_t count)
{
    struct pm_op_spec *sorted = pmr_memory_array(&l->memory, count + 1, sizeof *sorted);
    struct words w = {.text = NULL};

    if (sorted == NULL)
        return;
    if (count > 0)
        memcpy(sorted, ops, count * sizeof *sorted);
    pmr_effect_sort_ops(sorted, count);
    for (size_t i = 0; i < count; i++) {
        pmr_words_add(&w, "%s", i == 0 ? "" : "; ");
        pmr_effect_op(&w, &sorted[i], l->hold_bytes);
    }
    *out = (struct pm_meant){.means = pmr_words_keep(&w, &l->rules->memory),
                             .said = said(l, element, true)};
    out->expanded = out->means;
}

static void keep_ops(struct load *l, struct pm_rule_meaning *out, const struct node *list,
                     const struct pm_rule_spec *spec)
{
    size_t count = pmr_node_count(list), at = 0, taken = 0;
    struct pm_meant *ops = pmr_memory_array(&l->rules->memory, count + 1, sizeof *ops);

    if (ops == NULL)
        return;
    for (const struct node *n = pmr_node_first(list); n != NULL; n = pmr_node_next(n)) {
        size_t more = ops_in(n);

        if (more > spec->op_count - taken)
            return; /* a list with faults; nobody will see it */
        keep_op(l, &ops[at++], n, spec->ops + taken, more);
        taken += more;
    }
    out->ops = ops;
    out->op_count = at;
}

/* All edits together; neighbours that are of one kind may stand in either order. */
static void all_ops(struct load *l, struct words *w, const struct pm_rule_spec *spec)
{
    struct pm_op_spec *sorted = pmr_memory_array(&l->memory, spec->op_count + 1, sizeof *sorted);

    if (sorted == NULL || spec->op_count == 0)
        return;
    memcpy(sorted, spec->ops, spec->op_count * sizeof *sorted);
    pmr_effect_sort_ops(sorted, spec->op_count);
    for (size_t i = 0; i < spec->op_count; i++) {
        pmr_words_add(w, "; ");
        pmr_effect_op(w, &sorted[i], l->hold_bytes);
    }
}

static void write_part(struct load *l, struct words *w, enum pm_part part, const struct node *rule,
                       const struct pm_rule_spec *spec)
{
    const struct node *when = pmr_node_get(rule, "when"),
                      *tz = when == NULL ? NULL : pmr_node_get(when, "tz");

    switch (part) {
    case PM_PART_MODE:
        pmr_words_add(w, spec->is_dry_run ? "dry-run" : "enforce");
        break;
    case PM_PART_ACTION:
        pmr_effect_verdict(w, spec);
        all_ops(l, w, spec);
        break;
    case PM_PART_SCOPE:
        pmr_words_add(w, spec->scope == PM_SCOPE_FLOW ? "flow" : "packet");
        break;
    case PM_PART_STAGE:
        pmr_words_add(w, spec->stage == PM_STAGE_ORIGINAL ? "original" : "after-rewrite");
        break;
    case PM_PART_FINAL:
        pmr_words_add(w, spec->final ? "true" : "false");
        break;
    case PM_PART_LIMIT:
        pmr_effect_limit(w, &spec->modifiers);
        break;
    case PM_PART_SAMPLE:
        pmr_effect_sample(w, &spec->modifiers);
        break;
    case PM_PART_COUNT_OF_PACKETS:
        pmr_effect_count(w, &spec->modifiers);
        break;
    case PM_PART_WHEN:
        pmr_effect_when(w, &spec->modifiers, tz == NULL ? NULL : pmr_node_text(tz));
        break;
    case PM_PART_LOG:
        pmr_effect_log(w, &spec->log);
        break;
    case PM_PART_ENABLED:
    case PM_PART_MATCH:
    case PM_PART_COUNT:
        break;
    }
}

static void keep_part(struct load *l, struct pm_rule_meaning *out, enum pm_part part,
                      const struct node *rule, const struct pm_rule_spec *spec)
{
    const char *key = part == PM_PART_ACTION ? out->action_key : part_names[part];
    struct memory *m = &l->rules->memory;
    struct pm_meant *meant = &out->parts[part];
    struct words w = {.text = NULL};

    meant->said = said(l, pmr_node_get(rule, key), true);
    if (part == PM_PART_MATCH) {
        bool has_sets = pmr_canon_names_sets(l->rules->meaning, spec->match);

        meant->means = pmr_canon_text(l, m, spec->match, false);
        meant->expanded = has_sets ? pmr_canon_text(l, m, spec->match, true) : meant->means;
        return;
    }
    if (part == PM_PART_ENABLED)
        pmr_words_add(&w, out->is_enabled ? "true" : "false");
    write_part(l, &w, part, rule, spec);
    meant->means = meant->expanded = pmr_words_keep(&w, m);
}

static const char *action_key(const struct pm_rule_spec *spec)
{
    return spec->action == PM_ACTION_REWRITE ? "rewrite"
           : spec->action == PM_ACTION_LOG   ? "log_only"
                                             : "verdict";
}

static const char *words_of(struct load *l, const struct node *rule)
{
    const struct node *note = pmr_node_get(rule, "note"), *tags = pmr_node_get(rule, "tags");
    struct words w = {.text = NULL};

    if (note != NULL)
        pmr_words_add(&w, "note %s\n", pmr_node_text(note));
    for (const struct node *n = tags == NULL ? NULL : pmr_node_first(tags); n != NULL;
         n = pmr_node_next(n))
        pmr_words_add(&w, "tag %s\n", pmr_node_text(n));
    return pmr_words_keep(&w, &l->rules->memory);
}

void pmr_meaning_rule(struct load *l, const struct node *rule, const struct pm_rule_spec *spec,
                      bool is_enabled)
{
    struct memory *kept = &l->rules->memory;
    struct meaning *m = l->rules->meaning;
    struct pm_rule_meaning *grown, *out;

    if (m == NULL || l->rules->error_count > 0 || l->memory.failed)
        return;
    grown = pmr_memory_grow(kept, m->rules, m->rule_count, &m->rule_cap, sizeof *grown);
    if (grown == NULL)
        return;
    m->rules = grown;
    out = &grown[m->rule_count++];
    *out = (struct pm_rule_meaning){
        .id = pmr_memory_copy(kept, spec->id, strlen(spec->id)),
        .at = said(l, rule, false),
        .is_enabled = is_enabled,
        .action = spec->action,
        .stage = spec->stage,
        .action_key = action_key(spec),
        .words = words_of(l, rule),
    };
    for (int part = 0; part < PM_PART_COUNT; part++)
        keep_part(l, out, (enum pm_part)part, rule, spec);
    if (spec->action == PM_ACTION_REWRITE)
        keep_ops(l, out, pmr_node_get(rule, "rewrite"), spec);
    out->narrows = pmr_canon_narrows(l, kept, spec->match, &out->narrow_count);
}

/* ------------------------------------------------------------------ settings */

void pmr_meaning_settings(struct load *l, const struct node *policy, const struct pm_settings *s)
{
    static const char *const midstreams[] = {"verdict-only", "rewrite", "drop"};
    static const char *const incompletes[] = {"hold", "allow", "drop"};
    const struct {
        const char *name, *word;
        uint32_t number;
    } all[] = {
        {"default", s->default_drop ? "drop" : "allow", 0},
        {"on_engine_error", s->engine_error_drop ? "drop" : "allow", 0},
        {"on_rewrite_refused", s->rewrite_refused_drop ? "drop" : "pass", 0},
        {"on_tunnel_down", s->tunnel_down_drop ? "drop" : "pass", 0},
        {"on_midstream", midstreams[s->midstream], 0},
        {"on_incomplete", incompletes[s->on_incomplete], 0},
        {"bad_checksum", s->bad_checksum_drop ? "drop" : "pass", 0},
        {"hold_bytes", NULL, s->hold_bytes},
        {"hold_ms", NULL, s->hold_ms},
        {"flows", NULL, s->flows},
        {"flow_idle_s", NULL, s->flow_idle_s},
        {"delayed_packets", NULL, s->delayed_packets},
        {"delayed_bytes", NULL, s->delayed_bytes},
        {"asks", NULL, s->asks},
        {"answers", NULL, s->answers},
        {"meters", NULL, s->meters},
        {"reject_rate", NULL, s->reject_rate},
        {"streams", NULL, s->streams},
        {"stream_bytes", NULL, s->stream_bytes},
        {"stream_dir_bytes", NULL, s->stream_dir_bytes},
        {"stream_match", NULL, s->stream_match},
        {"hello_ms", NULL, s->hello_ms},
        {"hellos", NULL, s->hellos},
    };
    const size_t count = sizeof all / sizeof all[0];
    struct meaning *m = l->rules->meaning;

    if (m == NULL)
        return;
    m->settings = pmr_memory_array(&l->rules->memory, count, sizeof *m->settings);
    for (size_t i = 0; i < count && m->settings != NULL; i++) {
        const struct node *n = policy == NULL ? NULL : pmr_node_get(policy, all[i].name);
        struct words w = {.text = NULL};

        if (all[i].word != NULL)
            pmr_words_add(&w, "%s", all[i].word);
        else
            pmr_words_add(&w, "%u", (unsigned)all[i].number);
        m->settings[i].name = all[i].name;
        m->settings[i].value.means = pmr_words_keep(&w, &l->rules->memory);
        m->settings[i].value.expanded = m->settings[i].value.means;
        m->settings[i].value.said = said(l, n, true);
        m->setting_count = i + 1;
    }
}

/* ------------------------------------------------------------------ sets */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Every value as a text, in order, each once. */
static void keep_values(struct load *l, const struct recorded_set *set, struct pm_set_meaning *out)
{
    const enum pm_field any_port = PM_FIELD_TCP_DSTPORT;
    struct memory *kept = &l->rules->memory;
    const char **texts = pmr_memory_array(kept, set->count + 1, sizeof *texts);
    size_t count = 0;

    for (size_t i = 0; i < set->count && texts != NULL; i++) {
        struct pm_value value = set->values[i];
        struct words w = {.text = NULL};

        pmr_values_normal(&l->memory, any_port, &value, 1);
        if (value.kind == PM_VALUE_BYTES)
            value.bytes.whole = false;
        pmr_value_print(&w, &value);
        texts[i] = pmr_words_keep(&w, kept);
    }
    if (texts != NULL && set->count > 1)
        qsort(texts, set->count, sizeof *texts, by_text);
    for (size_t i = 0; i < set->count && texts != NULL; i++)
        if (count == 0 || strcmp(texts[count - 1], texts[i]) != 0)
            texts[count++] = texts[i];
    out->values = texts;
    out->value_count = count;
}

void pmr_meaning_sets(struct load *l)
{
    struct memory *kept = &l->rules->memory;
    struct meaning *m = l->rules->meaning;

    if (m == NULL || l->rules->error_count > 0)
        return;
    m->kept_sets = pmr_memory_array(kept, m->set_count + 1, sizeof *m->kept_sets);
    for (size_t i = 0; i < m->set_count && m->kept_sets != NULL; i++) {
        struct pm_set_meaning *out = &m->kept_sets[i];
        const char *means = pmr_canon_set(l, (uint32_t)i);

        out->name = pmr_memory_copy(kept, m->sets[i].name, strlen(m->sets[i].name));
        out->means = pmr_memory_copy(kept, means, strlen(means));
        out->at = said(l, m->sets[i].at, false);
        keep_values(l, &m->sets[i], out);
        m->kept_set_count = i + 1;
    }
}

/* ------------------------------------------------------------------ telling */

struct pm_rules *pm_rules_load_meaning(const char *path)
{
    return pmr_load_meaning(path, NULL);
}

size_t pm_meaning_rule_count(const struct pm_rules *rules)
{
    return rules->meaning == NULL ? 0 : rules->meaning->rule_count;
}

const struct pm_rule_meaning *pm_meaning_rule(const struct pm_rules *rules, size_t index)
{
    return &rules->meaning->rules[index];
}

size_t pm_meaning_setting_count(const struct pm_rules *rules)
{
    return rules->meaning == NULL ? 0 : rules->meaning->setting_count;
}

const struct pm_setting_meaning *pm_meaning_setting(const struct pm_rules *rules, size_t index)
{
    return &rules->meaning->settings[index];
}

size_t pm_meaning_set_count(const struct pm_rules *rules)
{
    return rules->meaning == NULL ? 0 : rules->meaning->kept_set_count;
}

const struct pm_set_meaning *pm_meaning_set(const struct pm_rules *rules, size_t index)
{
    return &rules->meaning->kept_sets[index];
}

/* In the normal text a set stands as \@name, followed by the end of the list or the next value;
 * nothing else has a backslash. */
bool pm_meaning_uses_set(const struct pm_rule_meaning *rule, const char *set)
{
    size_t len = strlen(set);
    const char *at = rule->parts[PM_PART_MATCH].means;

    while ((at = strchr(at, '\\')) != NULL) {
        at += 2;
        if (strncmp(at, set, len) == 0 && (at[len] == ',' || at[len] == '}'))
            return true;
    }
    return false;
}
