/* dns.c - the operation on DNS messages, and replaces in their names. */
#include "dns.h"

#include <string.h>

#include "diagnostic.h"
#include "expect.h"
#include "notation.h"
#include "suggest.h"

#define ANSWERS_MAX 64
#define LIST_MAX    256
#define TTL_MAX     0x7fffffff
#define TYPE_OPT    41
#define TYPE_TSIG   250

/* A number that has a name. */
struct named {
    const char *name;
    uint16_t number;
};

static const struct named types[] = {
    {"A", 1},      {"NS", 2},     {"CNAME", 5}, {"SOA", 6},     {"PTR", 12},   {"MX", 15},
    {"TXT", 16},   {"AAAA", 28},  {"SRV", 33},  {"NAPTR", 35},  {"DNAME", 39}, {"DS", 43},
    {"SSHFP", 44}, {"RRSIG", 46}, {"NSEC", 47}, {"DNSKEY", 48}, {"NSEC3", 50}, {"TLSA", 52},
    {"SVCB", 64},  {"HTTPS", 65}, {"CAA", 257},
};

static const struct named options[] = {
    {"nsid", 3},     {"client-subnet", 8}, {"expire", 9},   {"cookie", 10}, {"keepalive", 11},
    {"padding", 12}, {"chain", 13},        {"key-tag", 14}, {"error", 15},
};

static const struct named rcodes[] = {
    {"NOERROR", 0}, {"FORMERR", 1}, {"SERVFAIL", 2}, {"NXDOMAIN", 3}, {"NOTIMP", 4}, {"REFUSED", 5},
};

/* What may stand at a place: one of them by name, or a number. */
struct choice {
    const struct named *list;
    size_t count;
    int64_t most;
    const char *what; /* for complaints */
};

static const struct choice type_choice = {types, sizeof types / sizeof types[0], 0xffff,
                                          "a type like \"HTTPS\", or its number"};
static const struct choice option_choice = {options, sizeof options / sizeof options[0], 0xffff,
                                            "an option like \"client-subnet\", or its number"};
static const struct choice rcode_choice = {rcodes, sizeof rcodes / sizeof rcodes[0], 15,
                                           "a code like \"NXDOMAIN\", or its number"};

/* False: complained. */
static bool expect_choice(struct load *l, const struct node *n, const struct choice *choice,
                          uint16_t *out)
{
    int64_t number;
    struct suggest suggest;

    if (n->bad)
        return false;
    if (pmr_node_kind(n) == NODE_NUMBER) {
        if (!pmr_expect_whole(l, n, 0, choice->most, &number))
            return false;
        *out = (uint16_t)number;
        return true;
    }
    if (pmr_node_kind(n) != NODE_STRING) {
        pmr_fail(l, n, CODE_TYPE, NULL, "expected %s, found %s", choice->what, pmr_found(n).text);
        return false;
    }
    suggest = pmr_suggest_for(pmr_node_text(n));
    for (size_t i = 0; i < choice->count; i++) {
        if (strcmp(choice->list[i].name, pmr_node_text(n)) == 0) {
            *out = choice->list[i].number;
            return true;
        }
        pmr_suggest_offer(&suggest, choice->list[i].name);
    }
    pmr_fail(l, n, CODE_WORD, pmr_did_you_mean(l, suggest.best), "expected %s, found %s",
             choice->what, pmr_found(n).text);
    return false;
}

/* A list of them; *count of it were right. */
static uint16_t *take_choices(struct load *l, const struct node *list, const struct choice *choice,
                              uint32_t *count)
{
    uint16_t *out;

    if (!pmr_expect_filled(l, list, NODE_LIST))
        return NULL;
    if (pmr_node_count(list) > LIST_MAX) {
        pmr_fail(l, list, CODE_LIMIT, NULL, "expected at most %d of them, found %zu", LIST_MAX,
                 (size_t)pmr_node_count(list));
        return NULL;
    }
    out = pmr_memory_take(&l->memory, (size_t)pmr_node_count(list) * sizeof *out);
    for (const struct node *n = pmr_node_first(list); n != NULL && out != NULL;
         n = pmr_node_next(n))
        if (expect_choice(l, n, choice, &out[*count]))
            *count += 1;
    return out;
}

/* No name with a star: one that is. False: complained. */
static bool expect_domain(struct load *l, const struct node *n)
{
    struct complaint c = {.text = ""};
    const char *hint;

    if (!pmr_expect_filled(l, n, NODE_STRING))
        return false;
    if (pmr_node_text(n)[0] == '*') {
        pmr_fail(l, n, CODE_DOMAIN, "leave the star out", "expected one domain name, found %s",
                 pmr_found(n).text);
        return false;
    }
    if (pmr_parse_domain(pmr_node_text(n), &c))
        return true;
    hint = c.hint[0] == '\0' ? NULL : pmr_text(&l->rules->memory, "%s", c.hint);
    pmr_fail(l, n, c.code, hint, "%s", c.text);
    return false;
}

static void expect_true(struct load *l, const struct node *n, bool *out)
{
    if (pmr_expect_bool(l, n, out) && !*out)
        pmr_fail(l, n, CODE_WORD, "leave the key out", "expected true, found false");
}

/* ------------------------------------------------------------------ answers */

static void take_alias(struct load *l, const struct node *n, struct pm_dns_answer *out)
{
    static const struct key keys[] = {{"cname", false}};
    const struct node *name;

    pmr_expect_keys(l, n, keys, 1, "a DNS answer");
    name = pmr_expect_member(l, n, "cname", "a DNS answer");
    if (name == NULL || !expect_domain(l, name))
        return;
    out->name = (const uint8_t *)pmr_node_text(name);
    out->name_len = (uint32_t)strlen(pmr_node_text(name));
}

static void take_answer(struct load *l, const struct node *n, struct pm_dns_answer *out)
{
    struct complaint c = {.text = ""};

    if (n->bad)
        return;
    if (pmr_node_kind(n) == NODE_OBJECT)
        take_alias(l, n, out);
    else if (pmr_node_kind(n) != NODE_STRING)
        pmr_fail(l, n, CODE_TYPE, NULL, "expected an address or {\"cname\": ...}, found %s",
                 pmr_found(n).text);
    else if (!pmr_parse_addr(pmr_node_text(n), &out->addr, &c))
        pmr_fail(l, n, c.code, NULL, "%s", c.text);
}

/* An empty list answers that there is nothing. */
static void take_answers(struct load *l, const struct node *list, struct pm_op_spec *op)
{
    struct pm_dns_answer *answers;
    size_t aliases = 0;

    op->dns.has_answers = true;
    if (!pmr_expect_kind(l, list, NODE_LIST))
        return;
    if (pmr_node_count(list) > ANSWERS_MAX) {
        pmr_fail(l, list, CODE_LIMIT, NULL, "expected at most %d answers, found %zu", ANSWERS_MAX,
                 (size_t)pmr_node_count(list));
        return;
    }
    answers = pmr_memory_take(&l->memory, ((size_t)pmr_node_count(list) + 1) * sizeof *answers);
    if (answers == NULL)
        return;
    for (const struct node *n = pmr_node_first(list); n != NULL; n = pmr_node_next(n)) {
        struct pm_dns_answer *answer = &answers[op->dns.answer_count++];

        *answer = (struct pm_dns_answer){.name_len = 0};
        take_answer(l, n, answer);
        aliases += pmr_node_kind(n) == NODE_OBJECT && pmr_node_get(n, "cname") != NULL;
    }
    op->dns.answers = answers;
    if (aliases > 1)
        pmr_fail(l, list, CODE_KEYS_CLASH, NULL,
                 "expected at most one \"cname\" (a name is the alias of one other), found %zu",
                 aliases);
}

/* ------------------------------------------------------------------ numbers */

/* n, or {"max": n} */
static void take_limit(struct load *l, const struct node *n, int64_t least, int64_t most,
                       struct pm_dns_number *out)
{
    static const struct key keys[] = {{"max", false}};
    const struct node *at = n;
    int64_t number;

    out->is_set = true;
    if (n->bad)
        return;
    out->is_most = pmr_node_kind(n) == NODE_OBJECT;
    if (out->is_most) {
        pmr_expect_keys(l, n, keys, 1, "a DNS limit");
        at = pmr_expect_member(l, n, "max", "a DNS limit");
    } else if (pmr_node_kind(n) != NODE_NUMBER) {
        pmr_fail(l, n, CODE_TYPE, NULL, "expected a number or {\"max\": ...}, found %s",
                 pmr_found(n).text);
        return;
    }
    if (at != NULL && pmr_expect_whole(l, at, least, most, &number))
        out->value = (uint32_t)number;
    else
        out->value = (uint32_t)least;
}

static void take_types(struct load *l, const struct node *list, struct pm_op_spec *op)
{
    const struct node *n = pmr_node_kind(list) == NODE_LIST ? pmr_node_first(list) : NULL;

    op->dns.remove_types = take_choices(l, list, &type_choice, &op->dns.type_count);
    for (; n != NULL; n = pmr_node_next(n)) {
        double number = pmr_node_kind(n) == NODE_NUMBER && !n->bad ? pmr_node_number(n) : 0;

        if (number == TYPE_OPT || number == TYPE_TSIG)
            pmr_fail(l, n, CODE_RANGE,
                     number == TYPE_OPT ? "write \"edns\": {\"remove\": true}" : NULL,
                     "%s is of the message, and no type that can be removed",
                     number == TYPE_OPT ? "41 (OPT)" : "250 (TSIG)");
    }
}

static void take_edns(struct load *l, const struct node *n, struct pm_op_spec *op)
{
    static const struct key keys[] = {
        {"size", false}, {"remove_options", false}, {"remove", false}};
    const struct node *size = pmr_node_get(n, "size"), *list = pmr_node_get(n, "remove_options"),
                      *remove = pmr_node_get(n, "remove");

    if (!pmr_expect_some(l, n, keys, 3, "\"edns\""))
        return;
    if (size != NULL)
        take_limit(l, size, 512, 0xffff, &op->dns.edns_size);
    if (list != NULL)
        op->dns.remove_options = take_choices(l, list, &option_choice, &op->dns.option_count);
    if (remove != NULL)
        expect_true(l, remove, &op->dns.remove_edns);
}

/* ------------------------------------------------------------------ the operations */

static void take_respond(struct load *l, const struct node *n, struct pm_op_spec *op)
{
    const struct node *respond = pmr_node_get(n, "respond");

    if (respond == NULL)
        return;
    expect_true(l, respond, &op->dns.respond);
    if (pmr_node_get(n, "answers") == NULL && pmr_node_get(n, "rcode") == NULL)
        pmr_fail(l, n, CODE_MISSING_KEY, NULL,
                 "who responds needs \"answers\" or \"rcode\" to respond with");
}

void pmr_dns_of(struct load *l, const struct node *n, struct pm_op_spec *op)
{
    static const struct key keys[] = {{"respond", false},      {"answers", false}, {"rcode", false},
                                      {"remove_types", false}, {"ttl", false},     {"edns", false}};
    const struct node *answers = pmr_node_get(n, "answers"), *rcode = pmr_node_get(n, "rcode"),
                      *removed = pmr_node_get(n, "remove_types"), *ttl = pmr_node_get(n, "ttl"),
                      *edns = pmr_node_get(n, "edns");
    uint16_t number = 0;

    *op = (struct pm_op_spec){.kind = PM_OP_DNS};
    if (!pmr_expect_some(l, n, keys, sizeof keys / sizeof keys[0], "\"dns\""))
        return;
    take_respond(l, n, op);
    if (answers != NULL)
        take_answers(l, answers, op);
    op->dns.has_rcode = rcode != NULL;
    if (rcode != NULL && expect_choice(l, rcode, &rcode_choice, &number))
        op->dns.rcode = (uint8_t)number;
    if (removed != NULL)
        take_types(l, removed, op);
    if (ttl != NULL)
        take_limit(l, ttl, 0, TTL_MAX, &op->dns.ttl);
    if (edns != NULL)
        take_edns(l, edns, op);
}

bool pmr_is_dns_rename(const struct node *replace)
{
    const struct node *in =
        pmr_node_kind(replace) == NODE_OBJECT ? pmr_node_get(replace, "in") : NULL;

    return in != NULL && pmr_node_kind(in) == NODE_STRING &&
           strcmp(pmr_node_text(in), "dns.name") == 0;
}

void pmr_dns_rename_of(struct load *l, const struct node *n, struct pm_op_spec *op)
{
    static const char *const others[] = {"regex",  "max", "nocase",   "within",
                                         "length", "pad", "max_match"};
    const struct node *find = pmr_expect_member(l, n, "find", "a replace in names"),
                      *with = pmr_node_get(n, "with");

    *op = (struct pm_op_spec){.kind = PM_OP_DNS_NAME};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (pmr_node_get(n, others[i]) != NULL)
            pmr_fail_key(
                l, pmr_node_get(n, others[i]), CODE_KEYS_CLASH, NULL,
                "\"%s\" does not go with \"in\": \"dns.name\", which takes whole labels in "
                "any case",
                others[i]);
    if (find != NULL && expect_domain(l, find)) {
        op->dns_name.find = (const uint8_t *)pmr_node_text(find);
        op->dns_name.find_len = (uint32_t)strlen(pmr_node_text(find));
    }
    if (with == NULL || !pmr_expect_kind(l, with, NODE_STRING) || *pmr_node_text(with) == '\0' ||
        !expect_domain(l, with))
        return;
    op->dns_name.with = (const uint8_t *)pmr_node_text(with);
    op->dns_name.with_len = (uint32_t)strlen(pmr_node_text(with));
}
