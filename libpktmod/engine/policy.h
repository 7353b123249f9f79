/* policy.h - a compiled policy: immutable, shared by the engines. */
#ifndef PM_ENGINE_POLICY_H
#define PM_ENGINE_POLICY_H

#include <pktmod/pktmod.h>

#include "base/keytable.h"
#include "edit/assign.h"
#include "engine/modifiers.h"
#include "match/classify.h"
#include "match/cond.h"
#include "match/literal.h"
#include "match/template.h"

#define PM_NO_SLOT UINT32_MAX

struct pm_replace {
    uint32_t literal;     /* index in policy->literals, ascending with rule and op */
    uint8_t *find, *with; /* owned by the policy; NULL where there is a regex */
    uint32_t find_len, with_len;
    struct pm_regex *regex; /* or NULL. Then find_len is the least a match has, with_len what its
                               template has as text */
    struct pm_template *template;
    uint32_t window; /* bytes an attempt sees */
    bool nocase;
    enum pm_length length; /* regex: what a replacement may have */
    uint8_t pad;
    enum pm_where where;
    uint32_t max;
    uint32_t max_slot; /* counter of stream replaces with a max; PM_NO_SLOT */
    uint32_t within_offset, within_depth;
};

/* An insert, or a delete of a range: an edit whose place is known beforehand. */
struct pm_splice {
    bool is_insert;
    enum pm_insert_at at; /* insert */
    uint64_t offset;
    uint64_t end;   /* delete: [offset, end) */
    uint8_t *bytes; /* insert: owned by the policy */
    uint32_t len;
    enum pm_where where;
};

/* A header line that an edit of HTTP messages sets, adds or removes. */
struct pm_http_change {
    enum pm_http_edit edit;
    uint32_t name_len, value_len;
    char *name, *value; /* one block; value follows name */
};

struct pm_http_op {
    struct pm_http_change *changes; /* owned by the policy */
    uint32_t change_count;
    uint16_t status;
    bool has_body;
    uint8_t *body;
    uint32_t body_len;
};

/* A client decides about the stream. */
struct pm_external {
    char *socket; /* owned by the policy */
    uint64_t timeout_ns;
    enum pm_on_timeout on_timeout;
};

struct pm_tcp_options {
    uint16_t mss_max;
    uint32_t remove; /* bits of enum pm_tcp_option */
};

struct pm_impair {
    uint64_t probability, seed;
    uint32_t amount;
    bool fix, is_reversed;
};

struct pm_dns_recipe; /* proto/dnsedit.h */
struct pm_dns_rename; /* proto/dnsname.h */

struct pm_op {
    enum pm_op_kind kind;
    uint32_t rule;
    uint32_t index; /* within the rule */
    union {
        struct pm_replace replace;
        struct pm_assign assign; /* NAT too */
        struct pm_splice splice;
        struct pm_external external;
        struct pm_http_op http;
        struct pm_tcp_options options;
        struct pm_impair impair;
        struct pm_dns_recipe *dns;      /* owned by the policy */
        struct pm_dns_rename *dns_name; /* likewise */
    };
};

/* What a question waits for; as in struct pm_rule_spec. */
struct pm_ask {
    uint64_t timeout_ns, remember_ns;
    bool timeout_drop;
    uint32_t hold_packets;
    struct pm_key_spec key;
    uint64_t kin; /* of kin.h */
};

/* It may look at the payload of a packet alone. */
static inline bool pm_where_is_payload(enum pm_where where)
{
    return where == PM_IN_AUTO || where == PM_IN_PAYLOAD;
}

static inline bool pm_where_is_http(enum pm_where where)
{
    return where == PM_IN_HTTP_HEADER || where == PM_IN_HTTP_BODY;
}

/* How long a packet is delayed; as in struct pm_rule_spec. */
struct pm_pause {
    uint64_t delay_ns, jitter_ns;
    bool keep_order, drop_when_full;
};

/* There may be very many. What only few of them have stands in tables of the policy, at the places
 * that are named here; PM_NO_SLOT: it has none. */
struct pm_rule {
    uint32_t id; /* where it begins in the policy's ids */
    pm_cond_id match;
    uint8_t action, scope, stage, reject; /* of the enums */
    bool final, is_dry_run, tests_stream, tests_hello, tests_payload;
    bool tests_http : 1; /* its condition hangs on HTTP messages */
    bool has_http : 1;   /* it does, or its edits */
    bool edits_http : 1; /* edits of messages */
    uint16_t http_slot;  /* of the rules with has_http */
    bool has_assign, has_nat, has_options, has_impair;
    uint32_t log, modifier, ask, pause;
    uint32_t answer; /* an edit of streams with modifiers: where flows keep what they answered;
                        PM_NO_SLOT */
    uint32_t first_op, op_count;
    uint32_t first_literal, literal_count; /* its replaces are neighbours in literal order */
    uint32_t first_regex, regex_count;     /* and among the regexes */
    uint32_t splice_count;
    uint32_t dns_count; /* edits of DNS messages */
    uint32_t external;  /* op that hands the stream to a client, plus 1; 0: none */
};

static inline bool pm_rule_edits_text(const struct pm_rule *rule)
{
    return rule->literal_count + rule->regex_count + rule->splice_count > 0 || rule->edits_http ||
           rule->external;
}

/* Rules of one kind, in file order, behind a classifier where they are many. */
struct pm_rule_list {
    uint32_t *rules;
    pm_cond_id *conds;
    uint32_t count;
    struct pm_classifier *classifier; /* NULL: few rules, asked one by one */
    bool tests_streams;               /* or hellos, which streams begin with */
    bool tests_hellos, tests_payload;
    bool payload_decides; /* and one of them ends the search */
    bool has_watchers;    /* some never end the search: log_only, dry-run */
};

struct pm_policy {
    uint32_t references;
    uint32_t ids_len;
    char *ids; /* of all rules, each with its NUL */
    struct pm_settings settings;
    struct pm_conds *conds;
    struct pm_rule *rules;
    uint32_t rule_count;
    struct pm_op *ops;
    uint32_t op_count;
    struct pm_rule_list verdicts;      /* everything but rewrites, of stage ORIGINAL */
    struct pm_rule_list late_verdicts; /* of stage AFTER_REWRITE */
    struct pm_rule_list rewrites;
    struct pm_rule_list rehearsed; /* those and the ones of dry-run rules; empty without these */
    struct pm_literals *literals;  /* NULL: none */
    uint32_t *literal_op;          /* op of each literal */
    uint32_t literal_count;
    uint32_t *regex_op; /* op of each regex */
    uint32_t regex_count;
    uint32_t most_groups, most_window; /* of any regex */
    uint32_t splice_count;
    uint32_t dns_count; /* edits of DNS messages */
    bool has_external;
    uint32_t http_rules; /* with has_http */
    uint32_t max_slots;
    bool has_final, has_nat, has_options, has_impair, has_reject;
    bool has_stream; /* a verdict rule tests it, or a hello */
    bool has_hello;  /* a hello */
    struct pm_zone *zones;
    uint32_t zone_count;
    struct pm_modifier *modifiers;
    uint32_t modifier_count;
    uint32_t answer_count; /* of pm_rule.answer */
    struct pm_ask *asks;
    uint32_t ask_count;
    struct pm_keytable kin; /* of both: where each is; of kin.h */
    struct pm_pause *pauses;
    uint32_t pause_count;
    struct pm_log_spec *logs;
    uint32_t log_count;
};

/* The verdict rules that judge at a stage. */
static inline const struct pm_rule_list *pm_policy_verdicts(const struct pm_policy *policy,
                                                            enum pm_stage stage)
{
    return stage == PM_STAGE_ORIGINAL ? &policy->verdicts : &policy->late_verdicts;
}

/* The rule is told what it matched, but the search goes on behind it. */
static inline bool pm_rule_watches(const struct pm_rule *rule)
{
    return rule->action == PM_ACTION_LOG || rule->is_dry_run;
}

/* ---- replace.c: an edit of payloads, made from its spec */

/* What is wrong with it, or NULL; fault: where it is, for a regex. */
const char *pm_replace_fault(const struct pm_op_spec *spec, struct pm_op_fault *fault);
/* False: no memory. */
bool pm_replace_init(struct pm_replace *replace, const struct pm_op_spec *spec);
void pm_replace_release(struct pm_replace *replace);

/* ---- splice.c: inserts and deletes of ranges */

const char *pm_splice_fault(const struct pm_op_spec *spec);
bool pm_splice_init(struct pm_splice *splice, const struct pm_op_spec *spec);
void pm_splice_release(struct pm_splice *splice);

/* ---- dnsop.c: edits of DNS messages */

const char *pm_dns_op_fault(const struct pm_op_spec *spec);
/* False: no memory. */
bool pm_dns_op_init(struct pm_op *op, const struct pm_op_spec *spec);
void pm_dns_op_release(struct pm_op *op);

/* ---- httpop.c: edits of HTTP messages */

const char *pm_http_op_fault(const struct pm_op_spec *spec);
bool pm_http_op_init(struct pm_http_op *op, const struct pm_op_spec *spec);
void pm_http_op_release(struct pm_http_op *op);

/* ---- headerop.c: the edits of headers and of what leaves, made from their specs */

/* What is wrong with it, or NULL. */
const char *pm_header_op_fault(const struct pm_op_spec *op);
/* Whether it is one of them; then fills *op and marks the rule. */
bool pm_header_op_take(struct pm_op *op, struct pm_rule *rule, const struct pm_op_spec *spec);

static inline const char *pm_rule_id(const struct pm_policy *policy, const struct pm_rule *rule)
{
    return policy->ids + rule->id;
}

/* Keys the rule's draws. */
uint64_t pm_rule_key_of_draws(const struct pm_policy *policy, const struct pm_rule *rule);

/* Bytes that the policy takes, without its sets and literals. */
size_t pm_policy_footprint(const struct pm_policy *policy);

/* A walk over the rules of a list that may hold for a packet, in file order, from list position
 * `from` on. The caller evaluates the condition. */
struct pm_rule_walk {
    const struct pm_rule_list *list;
    uint32_t position;
    struct pm_candidates candidates;
};

void pm_rule_walk_begin(struct pm_rule_walk *walk, const struct pm_rule_list *list,
                        const struct pm_subject *s, uint32_t from);
/* The next position in list->rules, or PM_NO_RULE. */
uint32_t pm_rule_walk_next(struct pm_rule_walk *walk);

#endif
