/* effect.c - what a rule does and what narrows it, as text. */
#include "effect.h"

#include <inttypes.h>
#include <string.h>

#define HOLD_PACKETS_USUAL 8u    /* of a question that does not say */
#define MATCH_USUAL        1024u /* bytes that a regex sees */
#define DAY_S              86400u
#define EVERY_DAY          0x7fu

/* ------------------------------------------------------------------ verdicts */

/* A key is the same whatever the order of its fields. */
static void add_fields(struct words *w, const enum pm_field *fields, uint8_t count)
{
    for (unsigned field = 0; field < PM_FIELD_COUNT; field++)
        for (uint8_t i = 0; i < count; i++)
            if ((unsigned)fields[i] == field)
                pmr_words_add(w, " %s", pm_field_info(fields[i])->name);
}

static void add_ask(struct words *w, const struct pm_rule_spec *spec)
{
    uint32_t hold = spec->ask.hold_packets == 0 ? HOLD_PACKETS_USUAL : spec->ask.hold_packets;

    pmr_words_add(w, "ask %" PRIu64 " %s hold %u remember %" PRIu64 " by", spec->ask.timeout_ns,
                  spec->ask.timeout_drop ? "drop" : "allow", (unsigned)hold, spec->ask.remember_ns);
    if (spec->ask.coalesce_count == 0)
        pmr_words_add(w, " flow");
    add_fields(w, spec->ask.coalesce, spec->ask.coalesce_count);
}

void pmr_effect_verdict(struct words *w, const struct pm_rule_spec *spec)
{
    static const char *const rejects[] = {"auto", "tcp-reset", "icmp-admin"};

    switch (spec->action) {
    case PM_ACTION_ALLOW:
        pmr_words_add(w, "allow");
        break;
    case PM_ACTION_DROP:
        pmr_words_add(w, "drop");
        break;
    case PM_ACTION_DELAY:
        pmr_words_add(w, "delay %" PRIu64 "+-%" PRIu64 "%s full %s", spec->delay.delay_ns,
                      spec->delay.jitter_ns, spec->delay.keep_order ? " in order" : "",
                      spec->delay.drop_when_full ? "drop" : "release");
        break;
    case PM_ACTION_LOG:
        pmr_words_add(w, "log");
        break;
    case PM_ACTION_REJECT:
        pmr_words_add(w, "reject %s", rejects[spec->reject]);
        break;
    case PM_ACTION_ASK:
        add_ask(w, spec);
        break;
    case PM_ACTION_REWRITE:
        pmr_words_add(w, "rewrite");
        break;
    }
}

/* ------------------------------------------------------------------ edits */

static const char *where_of(enum pm_where where)
{
    static const char *const names[] = {"auto", "stream", "payload", "http.header", "http.body"};

    return names[where];
}

static uint32_t window_of(const struct pm_op_spec *op, uint32_t hold_bytes)
{
    uint32_t most = op->replace.where == PM_IN_PAYLOAD ? PM_MAX_MATCH : hold_bytes;

    if (op->replace.max_match != 0)
        return op->replace.max_match;
    return most < MATCH_USUAL ? most : MATCH_USUAL;
}

static void add_replace(struct words *w, const struct pm_op_spec *op, uint32_t hold_bytes)
{
    static const char *const lengths[] = {"any", "same", "pad"};

    pmr_words_add(w, "replace %s ", op->replace.is_regex ? "regex" : "bytes");
    pmr_words_hex(w, op->replace.find, op->replace.find_len);
    pmr_words_add(w, " by ");
    pmr_words_hex(w, op->replace.with, op->replace.with_len);
    pmr_words_add(w, " in %s max %u%s within %u+%u %s", where_of(op->replace.where),
                  (unsigned)op->replace.max, op->replace.nocase ? " nocase" : "",
                  (unsigned)op->replace.within_offset, (unsigned)op->replace.within_depth,
                  lengths[op->replace.length]);
    if (op->replace.length == PM_LENGTH_PAD)
        pmr_words_add(w, " %u", op->replace.pad);
    if (op->replace.is_regex)
        pmr_words_add(w, " sees %u", (unsigned)window_of(op, hold_bytes));
}

static void add_assign(struct words *w, const struct pm_op_spec *op)
{
    const char *name = op->kind == PM_OP_SET ? "set" : op->kind == PM_OP_ADD ? "add" : "nat";
    const struct pm_field_info *info = pm_field_info(op->set.field);

    pmr_words_add(w, "%s %s ", name, info->name);
    if (info->kind == PM_KIND_ADDR)
        pmr_words_hex(w, op->set.addr.bytes, op->set.addr.version == 4 ? 4 : 16);
    else if (info->kind == PM_KIND_MAC)
        pmr_words_hex(w, op->set.mac, sizeof op->set.mac);
    else
        pmr_words_add(w, "%" PRId64, op->set.number);
}

static void add_insert(struct words *w, const struct pm_op_spec *op)
{
    static const char *const places[] = {"start", "end", "byte"};

    pmr_words_add(w, "insert at %s", places[op->insert.at]);
    if (op->insert.at == PM_AT_OFFSET)
        pmr_words_add(w, " %" PRIu64, op->insert.offset);
    pmr_words_add(w, " in %s ", where_of(op->insert.where));
    pmr_words_hex(w, op->insert.bytes, op->insert.len);
}

static void add_impair(struct words *w, const char *name, const struct pm_op_spec *op)
{
    pmr_words_add(w, "%s %u of %" PRIu64 " seed %" PRIu64 "%s%s", name, (unsigned)op->impair.amount,
                  op->impair.probability, op->impair.seed, op->impair.fix ? " fixed" : "",
                  op->impair.is_reversed ? " reversed" : "");
}

static void add_limit(struct words *w, const char *name, const struct pm_dns_number *number)
{
    if (number->is_set)
        pmr_words_add(w, " %s %s%u", name, number->is_most ? "max " : "", (unsigned)number->value);
}

/* In which order they are removed does not matter. */
static void add_removed(struct words *w, const char *name, const uint16_t *list, uint32_t count)
{
    uint32_t next = 0;

    if (count > 0)
        pmr_words_add(w, " remove %s", name);
    while (next <= UINT16_MAX) {
        uint32_t least = UINT32_MAX;

        for (uint32_t i = 0; i < count; i++)
            if (list[i] >= next && list[i] < least)
                least = list[i];
        if (least > UINT16_MAX)
            return;
        pmr_words_add(w, " %u", (unsigned)least);
        next = least + 1;
    }
}

static void add_dns(struct words *w, const struct pm_op_spec *op)
{
    pmr_words_add(w, "dns%s%s", op->dns.respond ? " respond" : "",
                  op->dns.has_answers ? " answers" : "");
    for (uint32_t i = 0; i < op->dns.answer_count; i++) {
        const struct pm_dns_answer *answer = &op->dns.answers[i];

        pmr_words_add(w, " ");
        if (answer->addr.version != 0)
            pmr_words_hex(w, answer->addr.bytes, answer->addr.version == 4 ? 4 : 16);
        else
            pmr_words_add(w, "cname %.*s", (int)answer->name_len, (const char *)answer->name);
    }
    if (op->dns.has_rcode)
        pmr_words_add(w, " rcode %u", (unsigned)op->dns.rcode);
    add_limit(w, "ttl", &op->dns.ttl);
    add_limit(w, "edns size", &op->dns.edns_size);
    add_removed(w, "types", op->dns.remove_types, op->dns.type_count);
    add_removed(w, "options", op->dns.remove_options, op->dns.option_count);
    if (op->dns.remove_edns)
        pmr_words_add(w, " remove edns");
}

static void add_http(struct words *w, const struct pm_op_spec *op)
{
    static const char *const edits[] = {"set", "add", "remove"};

    pmr_words_add(w, "http status %u", (unsigned)op->http.status);
    for (uint32_t i = 0; i < op->http.header_count; i++) {
        const struct pm_http_header *header = &op->http.headers[i];

        pmr_words_add(w, " %s ", edits[header->edit]);
        pmr_words_hex(w, (const uint8_t *)header->name, strlen(header->name));
        if (header->edit == PM_HTTP_REMOVE)
            continue;
        pmr_words_add(w, ":");
        pmr_words_hex(w, (const uint8_t *)header->value, strlen(header->value));
    }
    if (!op->http.has_body)
        return;
    pmr_words_add(w, " body ");
    pmr_words_hex(w, op->http.body, op->http.body_len);
}

void pmr_effect_op(struct words *w, const struct pm_op_spec *op, uint32_t hold_bytes)
{
    switch (op->kind) {
    case PM_OP_REPLACE:
        add_replace(w, op, hold_bytes);
        break;
    case PM_OP_SET:
    case PM_OP_ADD:
    case PM_OP_NAT:
        add_assign(w, op);
        break;
    case PM_OP_INSERT:
        add_insert(w, op);
        break;
    case PM_OP_DELETE:
        pmr_words_add(w, "delete %" PRIu64 "+%" PRIu64 " in %s", op->delete.offset, op->delete.len,
                      where_of(op->delete.where));
        break;
    case PM_OP_TCP_OPTIONS:
        pmr_words_add(w, "tcp_options mss %u remove %#x", op->tcp_options.mss_max,
                      (unsigned)op->tcp_options.remove);
        break;
    case PM_OP_EXTERNAL:
        pmr_words_add(w, "external %u %s ", (unsigned)op->external.timeout_ms,
                      op->external.on_timeout == PM_TIMEOUT_DROP ? "drop" : "pass");
        pmr_words_add(w, "%s", op->external.socket == NULL ? "" : op->external.socket);
        break;
    case PM_OP_HTTP:
        add_http(w, op);
        break;
    case PM_OP_CORRUPT:
        add_impair(w, "corrupt", op);
        break;
    case PM_OP_DUPLICATE:
        add_impair(w, "duplicate", op);
        break;
    case PM_OP_TRUNCATE:
        add_impair(w, "truncate", op);
        break;
    case PM_OP_SEGMENT:
        add_impair(w, "segment", op);
        break;
    case PM_OP_FRAGMENT:
        add_impair(w, "fragment", op);
        break;
    case PM_OP_DNS:
        add_dns(w, op);
        break;
    case PM_OP_DNS_NAME:
        pmr_words_add(w, "replace %.*s with %.*s in names", (int)op->dns_name.find_len,
                      (const char *)op->dns_name.find, (int)op->dns_name.with_len,
                      op->dns_name.with_len > 0 ? (const char *)op->dns_name.with : "");
        break;
    }
}

/* ------------------------------------------------------------------ the order of edits */

/* Fields that share bits stay in the order of the file. */
static enum pm_field bits_of(enum pm_field field)
{
    switch ((int)field) {
    case PM_FIELD_IP_DSCP:
    case PM_FIELD_IP_ECN:
        return PM_FIELD_IP_DSFIELD;
    case PM_FIELD_TCP_SRCPORT:
    case PM_FIELD_UDP_SRCPORT:
        return PM_FIELD_L4_SRCPORT;
    case PM_FIELD_TCP_DSTPORT:
    case PM_FIELD_UDP_DSTPORT:
        return PM_FIELD_L4_DSTPORT;
    default:
        return field;
    }
}

static bool may_swap(const struct pm_op_spec *a, const struct pm_op_spec *b)
{
    return a->kind == b->kind &&
           (a->kind == PM_OP_SET || a->kind == PM_OP_ADD || a->kind == PM_OP_NAT) &&
           bits_of(a->set.field) > bits_of(b->set.field);
}

void pmr_effect_sort_ops(struct pm_op_spec *ops, size_t count)
{
    for (size_t i = 1; i < count; i++)
        for (size_t j = i; j > 0 && may_swap(&ops[j - 1], &ops[j]); j--) {
            struct pm_op_spec op = ops[j];

            ops[j] = ops[j - 1];
            ops[j - 1] = op;
        }
}

/* ------------------------------------------------------------------ modifiers */

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
    while (b != 0) {
        uint64_t rest = a % b;

        a = b;
        b = rest;
    }
    return a;
}

/* 600 in a minute are 10 in a second; what can be saved up is said apart. */
static void add_rate(struct words *w, uint32_t tokens, uint64_t per_ns)
{
    uint64_t divisor = common_divisor(tokens, per_ns);

    pmr_words_add(w, "%" PRIu64 "/%" PRIu64, tokens / divisor, per_ns / divisor);
}

void pmr_effect_limit(struct words *w, const struct pm_modifiers *m)
{
    static const char *const pers[] = {"rule", "flow", "fields"};

    if (m->limit.tokens == 0)
        return;
    add_rate(w, m->limit.tokens, m->limit.per_ns);
    pmr_words_add(w, " burst %u %s per %s",
                  (unsigned)(m->limit.burst == 0 ? m->limit.tokens : m->limit.burst),
                  m->limit.over_matches ? "over" : "within", pers[m->limit.per]);
    if (m->limit.per == PM_PER_FIELDS)
        add_fields(w, m->limit.fields, m->limit.field_count);
}

void pmr_effect_sample(struct words *w, const struct pm_modifiers *m)
{
    if ((m->sample.probability | m->sample.every) == 0)
        return;
    pmr_words_add(w, "%" PRIu64 " every %u by %s seed %" PRIu64, m->sample.probability,
                  (unsigned)m->sample.every, m->sample.by_flow ? "flow" : "packet", m->sample.seed);
}

void pmr_effect_count(struct words *w, const struct pm_modifiers *m)
{
    if (m->count.has_first)
        pmr_words_add(w, "first %" PRIu64 " ", m->count.first);
    if (m->count.skip > 0)
        pmr_words_add(w, "skip %" PRIu64 " ", m->count.skip);
    if (m->count.max_per_flow > 0)
        pmr_words_add(w, "per flow %" PRIu64, m->count.max_per_flow);
}

void pmr_effect_when(struct words *w, const struct pm_modifiers *m, const char *zone)
{
    unsigned days = m->when.days == 0 ? EVERY_DAY : m->when.days;
    bool is_all_day =
        m->when.from_s == m->when.to_s || (m->when.from_s == 0 && m->when.to_s == DAY_S);

    if (!m->when.is_set || (days == EVERY_DAY && is_all_day))
        return;
    pmr_words_add(w, "days %#x", days);
    if (!is_all_day)
        pmr_words_add(w, " %u-%u", (unsigned)m->when.from_s, (unsigned)m->when.to_s);
    if (m->when.zone != PM_UTC && zone != NULL)
        pmr_words_add(w, " %s", zone);
}

void pmr_effect_log(struct words *w, const struct pm_log_spec *log)
{
    if (!log->is_set)
        return;
    pmr_words_add(w, "%s level %d payload %d max %u", log->is_off ? "off" : "on", (int)log->level,
                  (int)log->payload, (unsigned)log->max_bytes);
    if (log->tokens > 0) {
        pmr_words_add(w, " rate %u of ", (unsigned)log->tokens);
        add_rate(w, log->tokens, log->per_ns);
    }
}
