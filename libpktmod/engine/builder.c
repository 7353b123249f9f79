/* builder.c - building a policy; the contract is in <pktmod/policy.h>. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "engine/kin.h"
#include "engine/rulespec.h"
#include "match/reads.h"
#include "match/streamtest.h"

/* A list shorter than this is asked rule by rule. */
#define CLASSIFY_FROM 12

#define DEFAULT_MATCH        1024u /* bytes that an attempt of a regex sees */
#define DEFAULT_HOLD_PACKETS 8u    /* of a question */

struct pm_builder {
    struct pm_policy *policy; /* grows here */
    uint32_t rule_cap, op_cap, literal_cap, regex_cap, zone_cap, modifier_cap, ask_cap, pause_cap,
        log_cap, ids_cap;
    bool is_invalid;
    bool is_out_of_memory;
    char text[sizeof((struct pm_error *)0)->text];
};

static void refuse(struct pm_builder *b, const char *what, const char *id)
{
    if (b->is_invalid)
        return;
    b->is_invalid = true;
    snprintf(b->text, sizeof b->text, id ? "rule \"%s\": %s" : "%s%s", id ? id : what,
             id ? what : "");
}

static bool is_dead(const struct pm_builder *b)
{
    return b->is_invalid || b->is_out_of_memory;
}

/* Makes room for one more of `size` bytes in *list. */
static bool grow(struct pm_builder *b, void **list, uint32_t count, uint32_t *cap, size_t size)
{
    if (count < *cap)
        return true;
    uint32_t more = *cap ? *cap + *cap / 2 : 8;
    void *larger = more > *cap ? realloc(*list, more * size) : NULL;
    if (!larger) {
        b->is_out_of_memory = true;
        return false;
    }
    *list = larger;
    *cap = more;
    return true;
}

struct pm_builder *pm_builder_new(void)
{
    struct pm_builder *b = calloc(1, sizeof *b);
    struct pm_policy *policy = calloc(1, sizeof *policy);
    struct pm_conds *conds = pm_conds_new();
    if (!b || !policy || !conds) {
        free(b);
        free(policy);
        pm_conds_free(conds);
        return NULL;
    }
    policy->references = 1;
    policy->settings = PM_SETTINGS_DEFAULT;
    policy->conds = conds;
    b->policy = policy;
    return b;
}

void pm_builder_free(struct pm_builder *b)
{
    if (!b)
        return;
    pm_policy_unref(b->policy);
    free(b);
}

void pm_builder_settings(struct pm_builder *b, const struct pm_settings *settings)
{
    b->policy->settings = *settings;
    if (settings->flows == 0)
        refuse(b, "settings: flows must be at least 1", NULL);
}

/* ------------------------------------------------------------------ conditions */

static void note_memory(struct pm_builder *b, bool ok)
{
    if (!ok)
        b->is_out_of_memory = true;
}

static void check_value(struct pm_builder *b, enum pm_field field, const struct pm_value *value)
{
    struct pm_op_fault fault;
    if (!pm_value_check(field, value, &fault))
        refuse(b, fault.text, NULL);
}

pm_cond_id pm_cond_test(struct pm_builder *b, enum pm_field field, const struct pm_value *values,
                        size_t count)
{
    pm_cond_id id = PM_COND_TRUE;
    for (size_t i = 0; i < count && !is_dead(b); i++)
        check_value(b, field, &values[i]);
    if (!is_dead(b))
        note_memory(b, pm_conds_test(b->policy->conds, field, values, count, &id));
    return id;
}

pm_cond_id pm_cond_present(struct pm_builder *b, enum pm_field field)
{
    pm_cond_id id = PM_COND_TRUE;
    note_memory(b, pm_conds_present(b->policy->conds, field, &id));
    return id;
}

pm_cond_id pm_cond_all(struct pm_builder *b, const pm_cond_id *conds, size_t count)
{
    pm_cond_id id = PM_COND_TRUE;
    note_memory(b, pm_conds_all(b->policy->conds, conds, count, &id));
    return id;
}

pm_cond_id pm_cond_any(struct pm_builder *b, const pm_cond_id *conds, size_t count)
{
    pm_cond_id id = PM_COND_TRUE;
    note_memory(b, pm_conds_any(b->policy->conds, conds, count, &id));
    return id;
}

pm_cond_id pm_cond_not(struct pm_builder *b, pm_cond_id cond)
{
    pm_cond_id id = PM_COND_TRUE;
    note_memory(b, pm_conds_not(b->policy->conds, cond, &id));
    return id;
}

uint32_t pm_builder_add_set(struct pm_builder *b, enum pm_set_kind kind)
{
    uint32_t set = 0;
    if (!pm_conds_add_set(b->policy->conds, kind, &set))
        b->is_out_of_memory = true;
    return set;
}

void pm_set_add(struct pm_builder *b, uint32_t set, const struct pm_value *value)
{
    if (!is_dead(b) && !pm_conds_set_put(b->policy->conds, set, value))
        b->is_out_of_memory = true;
}

uint32_t pm_builder_add_bpf(struct pm_builder *b)
{
    uint32_t bpf = 0;
    if (!pm_conds_add_bpf(b->policy->conds, &bpf))
        b->is_out_of_memory = true;
    return bpf;
}

void pm_bpf_add(struct pm_builder *b, uint32_t bpf, uint16_t linktype,
                const struct pm_bpf_insn *insns, size_t count)
{
    if (is_dead(b))
        return;
    if (!pm_bpf_is_valid(insns, count))
        refuse(b, "a BPF program is not valid", NULL);
    else if (!pm_conds_bpf_put(b->policy->conds, bpf, linktype, insns, count))
        b->is_out_of_memory = true;
}

/* ------------------------------------------------------------------ rules */

static void list_op(struct pm_builder *b, uint32_t **ops, uint32_t *count, uint32_t *cap)
{
    void *list = *ops;
    if (!grow(b, &list, *count, cap, sizeof **ops))
        return;
    *ops = list;
    (*ops)[(*count)++] = b->policy->op_count;
}

static void add_replace(struct pm_builder *b, struct pm_rule *rule, struct pm_replace *replace,
                        const struct pm_op_spec *spec)
{
    struct pm_policy *p = b->policy;
    if (!pm_replace_init(replace, spec))
        b->is_out_of_memory = true;
    if (replace->max > 0 && replace->where != PM_IN_PAYLOAD)
        replace->max_slot = p->max_slots++;
    if (pm_where_is_http(replace->where))
        rule->has_http = true;
    if (spec->replace.is_regex) {
        list_op(b, &p->regex_op, &p->regex_count, &b->regex_cap);
        rule->regex_count++;
    } else {
        replace->literal = p->literal_count;
        list_op(b, &p->literal_op, &p->literal_count, &b->literal_cap);
        rule->literal_count++;
    }
}

static void add_external(struct pm_builder *b, struct pm_rule *rule, struct pm_external *external,
                         const struct pm_op_spec *spec)
{
    size_t len = strlen(spec->external.socket) + 1;
    *external = (struct pm_external){.socket = malloc(len),
                                     .timeout_ns = spec->external.timeout_ms * UINT64_C(1000000),
                                     .on_timeout = spec->external.on_timeout};
    note_memory(b, external->socket);
    if (external->socket)
        memcpy(external->socket, spec->external.socket, len);
    rule->external = b->policy->op_count + 1;
    b->policy->has_external = true;
}

static void add_op(struct pm_builder *b, struct pm_rule *rule, const struct pm_op_spec *spec)
{
    struct pm_policy *p = b->policy;
    void *ops = p->ops;
    bool ok = grow(b, &ops, p->op_count, &b->op_cap, sizeof *p->ops);
    p->ops = ops;
    if (!ok)
        return;
    struct pm_op *op = &p->ops[p->op_count];
    memset(op, 0, sizeof *op);
    op->kind = spec->kind;
    op->rule = p->rule_count;
    op->index = rule->op_count;
    switch (spec->kind) {
    case PM_OP_REPLACE:
        add_replace(b, rule, &op->replace, spec);
        break;
    case PM_OP_INSERT:
    case PM_OP_DELETE:
        note_memory(b, pm_splice_init(&op->splice, spec));
        rule->splice_count++;
        p->splice_count++;
        break;
    case PM_OP_EXTERNAL:
        add_external(b, rule, &op->external, spec);
        break;
    case PM_OP_DNS:
    case PM_OP_DNS_NAME:
        note_memory(b, pm_dns_op_init(op, spec));
        rule->dns_count++;
        p->dns_count++;
        break;
    case PM_OP_HTTP:
        note_memory(b, pm_http_op_init(&op->http, spec));
        rule->has_http = true;
        rule->edits_http = true;
        break;
    case PM_OP_SET:
    case PM_OP_ADD:
    case PM_OP_NAT:
    case PM_OP_TCP_OPTIONS:
    case PM_OP_CORRUPT:
    case PM_OP_DUPLICATE:
    case PM_OP_TRUNCATE:
    case PM_OP_SEGMENT:
    case PM_OP_FRAGMENT:
        pm_header_op_take(op, rule, spec);
        p->has_nat = p->has_nat || rule->has_nat;
        p->has_options = p->has_options || rule->has_options;
        p->has_impair = p->has_impair || rule->has_impair;
        break;
    }
    p->op_count++;
    rule->op_count++;
}

static const char *op_fault(const struct pm_op_spec *op, struct pm_op_fault *fault)
{
    *fault = (struct pm_op_fault){.offset = 0};
    if (op->kind == PM_OP_REPLACE)
        return pm_replace_fault(op, fault);
    if (op->kind == PM_OP_INSERT || op->kind == PM_OP_DELETE)
        return pm_splice_fault(op);
    if (op->kind == PM_OP_DNS || op->kind == PM_OP_DNS_NAME)
        return pm_dns_op_fault(op);
    if (op->kind == PM_OP_HTTP)
        return pm_http_op_fault(op);
    if (op->kind == PM_OP_EXTERNAL)
        return op->external.socket && *op->external.socket ? NULL
                                                           : "an external edit needs a socket";
    return pm_header_op_fault(op);
}

bool pm_op_check(const struct pm_op_spec *op, struct pm_op_fault *fault)
{
    const char *text = op_fault(op, fault);
    if (text && text != fault->text)
        snprintf(fault->text, sizeof fault->text, "%s", text);
    return !text;
}

static const char *rule_fault(const struct pm_policy *p, const struct pm_rule_spec *spec,
                              struct pm_op_fault *at)
{
    if (!spec->id || !*spec->id)
        return "a rule needs an id";
    const char *wrong = pm_rulespec_fault(p, spec);
    if (wrong)
        return wrong;
    if (spec->action == PM_ACTION_REWRITE && spec->op_count == 0)
        return "a rewrite needs at least one edit";
    uint32_t externals = 0;
    for (size_t i = 0; i < spec->op_count; i++) {
        const char *fault = op_fault(&spec->ops[i], at);
        if (fault)
            return fault;
        externals += spec->ops[i].kind == PM_OP_EXTERNAL;
        if (externals > 1)
            return "a rule hands its streams to one external client";
    }
    return NULL;
}

uint32_t pm_builder_add_zone(struct pm_builder *b, const struct pm_zone_step *steps, size_t count)
{
    struct pm_policy *p = b->policy;
    void *zones = p->zones;
    if (is_dead(b))
        return 0;
    if (count == 0) {
        refuse(b, "a time zone needs an offset", NULL);
        return 0;
    }
    bool ok = grow(b, &zones, p->zone_count, &b->zone_cap, sizeof *p->zones);
    p->zones = zones;
    struct pm_zone_step *copy = ok ? malloc(count * sizeof *copy) : NULL;
    if (!copy) {
        b->is_out_of_memory = true;
        return 0;
    }
    memcpy(copy, steps, count * sizeof *copy);
    p->zones[p->zone_count] = (struct pm_zone){copy, count};
    return p->zone_count++;
}

static void add_modifiers(struct pm_builder *b, struct pm_rule *rule,
                          const struct pm_rule_spec *spec)
{
    struct pm_policy *p = b->policy;
    void *list = p->modifiers;
    if (!pm_modifiers_are_set(&spec->modifiers) ||
        !grow(b, &list, p->modifier_count, &b->modifier_cap, sizeof *p->modifiers))
        return;
    p->modifiers = list;
    rule->modifier = p->modifier_count;
    p->modifiers[p->modifier_count++] = pm_modifier_make(&spec->modifiers);
    if (pm_rulespec_edits_stream(spec))
        rule->answer = p->answer_count++;
}

static void add_ask(struct pm_builder *b, struct pm_rule *rule, const struct pm_rule_spec *spec)
{
    struct pm_policy *p = b->policy;
    void *list = p->asks;
    if (spec->action != PM_ACTION_ASK ||
        !grow(b, &list, p->ask_count, &b->ask_cap, sizeof *p->asks))
        return;
    p->asks = list;
    rule->ask = p->ask_count;
    struct pm_ask *ask = &p->asks[p->ask_count++];
    *ask = (struct pm_ask){.timeout_ns = spec->ask.timeout_ns,
                           .remember_ns = spec->ask.remember_ns,
                           .timeout_drop = spec->ask.timeout_drop,
                           .hold_packets = spec->ask.hold_packets ? spec->ask.hold_packets
                                                                  : DEFAULT_HOLD_PACKETS,
                           .key = {.per = spec->ask.coalesce_count ? PM_PER_FIELDS : PM_PER_FLOW,
                                   .field_count = spec->ask.coalesce_count}};
    memcpy(ask->key.fields, spec->ask.coalesce, sizeof ask->key.fields);
}

static void add_pause(struct pm_builder *b, struct pm_rule *rule, const struct pm_rule_spec *spec)
{
    struct pm_policy *p = b->policy;
    void *list = p->pauses;
    if (spec->action != PM_ACTION_DELAY ||
        !grow(b, &list, p->pause_count, &b->pause_cap, sizeof *p->pauses))
        return;
    p->pauses = list;
    rule->pause = p->pause_count;
    p->pauses[p->pause_count++] = (struct pm_pause){.delay_ns = spec->delay.delay_ns,
                                                    .jitter_ns = spec->delay.jitter_ns,
                                                    .keep_order = spec->delay.keep_order,
                                                    .drop_when_full = spec->delay.drop_when_full};
}

static void add_log(struct pm_builder *b, struct pm_rule *rule, const struct pm_rule_spec *spec)
{
    struct pm_policy *p = b->policy;
    void *list = p->logs;
    if (!spec->log.is_set || !grow(b, &list, p->log_count, &b->log_cap, sizeof *p->logs))
        return;
    p->logs = list;
    rule->log = p->log_count;
    p->logs[p->log_count++] = spec->log;
}

/* What a rule whose condition hangs on HTTP messages may do: edit their text. */
static bool is_edit_of_messages(const struct pm_op *op)
{
    return op->kind == PM_OP_HTTP ||
           (op->kind == PM_OP_REPLACE && op->replace.where != PM_IN_PAYLOAD);
}

static void note_http(struct pm_builder *b, struct pm_rule *rule)
{
    struct pm_policy *p = b->policy;
    const char *id = pm_rule_id(p, rule);
    if (rule->tests_http && rule->action != PM_ACTION_REWRITE)
        refuse(b, "only rewrites hang on HTTP messages", id);
    for (uint32_t i = 0; rule->tests_http && i < rule->op_count; i++)
        if (!is_edit_of_messages(&p->ops[rule->first_op + i]))
            refuse(b, "a rewrite that hangs on HTTP messages edits their text, and nothing else",
                   id);
    if (rule->tests_http)
        rule->has_http = true;
    if (!rule->has_http || is_dead(b))
        return;
    if (p->http_rules > UINT16_MAX)
        refuse(b, "too many rules read HTTP messages (65536)", id);
    rule->http_slot = (uint16_t)p->http_rules++;
}

static void note_stream(struct pm_builder *b, const struct pm_rule *rule)
{
    if (!rule->tests_stream && !rule->tests_hello)
        return;
    if (rule->action == PM_ACTION_REWRITE && rule->tests_hello)
        refuse(b, "a rewrite cannot hang on a TLS hello: only verdicts are asked about it",
               pm_rule_id(b->policy, rule));
    else if (rule->action == PM_ACTION_REWRITE)
        refuse(b, "a rewrite cannot hang on stream: what it tests may follow what was rewritten",
               pm_rule_id(b->policy, rule));
    if (rule->tests_hello && rule->stage == PM_STAGE_AFTER_REWRITE)
        refuse(b, "after rewriting, nothing waits for a TLS hello", pm_rule_id(b->policy, rule));
    b->policy->has_stream = true;
    b->policy->has_hello |= rule->tests_hello;
}

/* Behind the ids of the rules before. */
static bool keep_id(struct pm_builder *b, const char *id)
{
    struct pm_policy *p = b->policy;
    size_t len = strlen(id) + 1;
    if (len > b->ids_cap - p->ids_len) {
        size_t cap = 2 * (size_t)b->ids_cap + len;
        char *larger = cap <= UINT32_MAX ? realloc(p->ids, cap) : NULL;
        if (!larger) {
            b->is_out_of_memory = true;
            return false;
        }
        p->ids = larger;
        b->ids_cap = (uint32_t)cap;
    }
    memcpy(p->ids + p->ids_len, id, len);
    p->ids_len += (uint32_t)len;
    return true;
}

void pm_builder_add_rule(struct pm_builder *b, const struct pm_rule_spec *spec)
{
    struct pm_policy *p = b->policy;
    if (is_dead(b))
        return;
    struct pm_op_fault at;
    const char *fault = rule_fault(p, spec, &at);
    if (fault) {
        refuse(b, fault, spec->id && *spec->id ? spec->id : NULL);
        return;
    }
    void *rules = p->rules;
    bool ok = grow(b, &rules, p->rule_count, &b->rule_cap, sizeof *p->rules);
    p->rules = rules;
    uint32_t id = p->ids_len;
    if (!ok || !keep_id(b, spec->id))
        return;
    struct pm_rule *rule = &p->rules[p->rule_count];
    *rule = (struct pm_rule){
        .id = id,
        .match = spec->match,
        .action = (uint8_t)spec->action,
        .scope = (uint8_t)spec->scope,
        .final = spec->final,
        .is_dry_run = spec->is_dry_run,
        .stage = (uint8_t)spec->stage,
        .reject = (uint8_t)spec->reject,
        .log = PM_NO_SLOT,
        .pause = PM_NO_SLOT,
        .ask = PM_NO_SLOT,
        .modifier = PM_NO_SLOT,
        .answer = PM_NO_SLOT,
        .tests_stream = pm_cond_tests_stream(p->conds, spec->match),
        .tests_hello = pm_cond_tests_hello(p->conds, spec->match),
        .tests_http = pm_cond_tests_http(p->conds, spec->match),
        .tests_payload = pm_cond_tests_payload(p->conds, spec->match),
        .first_op = p->op_count,
        .first_literal = p->literal_count,
        .first_regex = p->regex_count,
    };
    for (size_t i = 0; i < spec->op_count && !is_dead(b); i++)
        add_op(b, rule, &spec->ops[i]);
    add_modifiers(b, rule, spec);
    add_ask(b, rule, spec);
    add_pause(b, rule, spec);
    add_log(b, rule, spec);
    note_stream(b, rule);
    note_http(b, rule);
    p->has_final = p->has_final || spec->final;
    p->has_reject = p->has_reject || spec->action == PM_ACTION_REJECT;
    p->rule_count++;
}

/* ------------------------------------------------------------------ finishing */

static bool judges(const struct pm_rule *rule)
{
    return rule->action != PM_ACTION_REWRITE && rule->stage == PM_STAGE_ORIGINAL;
}

static bool judges_late(const struct pm_rule *rule)
{
    return rule->action != PM_ACTION_REWRITE && rule->stage == PM_STAGE_AFTER_REWRITE;
}

static bool rewrites(const struct pm_rule *rule)
{
    return rule->action == PM_ACTION_REWRITE && !rule->is_dry_run;
}

static bool is_rehearsed(const struct pm_rule *rule)
{
    return rule->action == PM_ACTION_REWRITE;
}

static bool has_rehearsal(const struct pm_policy *p)
{
    for (uint32_t i = 0; i < p->rule_count; i++)
        if (is_rehearsed(&p->rules[i]) && p->rules[i].is_dry_run)
            return true;
    return false;
}

static bool fill_list(const struct pm_policy *p, struct pm_rule_list *list,
                      bool (*takes)(const struct pm_rule *))
{
    size_t room = 1;
    for (uint32_t i = 0; i < p->rule_count; i++)
        room += takes(&p->rules[i]);
    list->rules = malloc(room * sizeof *list->rules);
    list->conds = malloc(room * sizeof *list->conds);
    if (!list->rules || !list->conds)
        return false;
    for (uint32_t i = 0; i < p->rule_count; i++) {
        if (!takes(&p->rules[i]))
            continue;
        list->has_watchers |= pm_rule_watches(&p->rules[i]);
        list->tests_hellos |= p->rules[i].tests_hello;
        list->tests_streams |= p->rules[i].tests_stream || p->rules[i].tests_hello;
        list->tests_payload |= p->rules[i].tests_payload;
        list->payload_decides |= p->rules[i].tests_payload && !pm_rule_watches(&p->rules[i]);
        list->rules[list->count] = i;
        list->conds[list->count++] = p->rules[i].match;
    }
    if (list->count < CLASSIFY_FROM)
        return true;
    list->classifier = pm_classifier_new(p->conds, list->conds, list->count);
    return list->classifier;
}

static bool compile_literals(struct pm_policy *p)
{
    struct pm_literal *list = malloc(p->literal_count * sizeof *list);
    if (!list)
        return false;
    for (uint32_t i = 0; i < p->literal_count; i++) {
        const struct pm_replace *replace = &p->ops[p->literal_op[i]].replace;
        list[i] = (struct pm_literal){
            .bytes = replace->find, .len = replace->find_len, .nocase = replace->nocase};
    }
    p->literals = pm_literals_new(list, p->literal_count);
    free(list);
    return p->literals;
}

/* No more of a match is waited for than may be held. */
static void fit_regexes(struct pm_builder *b)
{
    struct pm_policy *p = b->policy;
    for (uint32_t i = 0; i < p->regex_count; i++) {
        struct pm_op *op = &p->ops[p->regex_op[i]];
        struct pm_replace *replace = &op->replace;
        uint32_t hold = replace->where == PM_IN_PAYLOAD ? PM_MAX_MATCH : p->settings.hold_bytes;
        if (replace->window > hold)
            refuse(b, "max_match is larger than hold_bytes", pm_rule_id(p, &p->rules[op->rule]));
        if (replace->window == 0)
            replace->window = hold > DEFAULT_MATCH ? DEFAULT_MATCH : hold > 0 ? hold : 1;
        uint32_t groups = pm_regex_groups(replace->regex);
        p->most_groups = groups > p->most_groups ? groups : p->most_groups;
        p->most_window = replace->window > p->most_window ? replace->window : p->most_window;
    }
}

uint32_t pm_builder_stream_tail(const struct pm_builder *b)
{
    return pm_streamtest_tail(b->policy->conds, b->policy->settings.stream_match);
}

/* final is asked in the rewriter, which looks neither at streams nor at hellos. */
static void check_streams(struct pm_builder *b)
{
    const struct pm_policy *p = b->policy;
    const struct pm_settings *s = &p->settings;
    if (!p->has_stream)
        return;
    if (p->has_final && p->has_hello)
        refuse(b, "final and conditions on a TLS hello exclude each other", NULL);
    else if (p->has_final)
        refuse(b, "final and conditions on stream exclude each other", NULL);
    else if (p->has_hello && (s->hellos == 0 || s->hellos > PM_HELLOS_MAX))
        refuse(b, "settings: hellos is out of its range", NULL);
    else if (s->stream_match == 0 || s->stream_match > PM_MAX_MATCH)
        refuse(b, "settings: stream_match is out of its range", NULL);
    else if (s->streams == 0)
        refuse(b, "settings: streams must be at least 1", NULL);
    else if (pm_builder_stream_tail(b) >= s->stream_dir_bytes)
        refuse(b, "settings: stream_dir_bytes has no room for the longest value on stream", NULL);
}

/* Gives back the room for rules that did not come. */
static void fit_rules(struct pm_policy *p)
{
    void *rules = p->rule_count ? realloc(p->rules, p->rule_count * sizeof *p->rules) : NULL;
    p->rules = rules ? rules : p->rules;
    char *ids = p->ids_len ? realloc(p->ids, p->ids_len) : NULL;
    p->ids = ids ? ids : p->ids;
}

static bool compile(struct pm_builder *b)
{
    struct pm_policy *p = b->policy;
    fit_regexes(b);
    check_streams(b);
    fit_rules(p);
    if (!pm_conds_seal(p->conds) || !fill_list(p, &p->verdicts, judges) ||
        !fill_list(p, &p->late_verdicts, judges_late) || !fill_list(p, &p->rewrites, rewrites))
        return false;
    if (has_rehearsal(p) && !fill_list(p, &p->rehearsed, is_rehearsed))
        return false;
    return pm_kin_assign(p) && (p->literal_count == 0 || compile_literals(p));
}

struct pm_policy *pm_builder_finish(struct pm_builder *b, struct pm_error *error)
{
    struct pm_policy *policy = NULL;
    memset(error, 0, sizeof *error);
    if (!is_dead(b) && !compile(b))
        b->is_out_of_memory = true;
    if (b->is_out_of_memory) {
        error->status = PM_NO_MEMORY;
        snprintf(error->text, sizeof error->text, "out of memory");
    } else if (b->is_invalid) {
        error->status = PM_INVALID;
        memcpy(error->text, b->text, sizeof error->text);
    } else {
        policy = pm_policy_ref(b->policy);
    }
    pm_builder_free(b);
    return policy;
}
