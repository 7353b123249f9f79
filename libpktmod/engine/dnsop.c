/* dnsop.c - edits of DNS messages, made from their specs. */
#include <stdlib.h>
#include <string.h>

#include "engine/policy.h"
#include "proto/dnsedit.h"

#define TTL_MAX     0x7fffffffu /* RFC 2181, section 8 */
#define ANSWERS_MAX 64u
#define LIST_MAX    256u /* types, options */

/* ------------------------------------------------------------------ what is wrong with it */

static const char *answers_fault(const struct pm_op_spec *spec)
{
    uint32_t aliases = 0;
    if (spec->dns.answer_count > ANSWERS_MAX)
        return "a dns edit has at most 64 answers";
    for (uint32_t i = 0; i < spec->dns.answer_count; i++) {
        const struct pm_dns_answer *answer = &spec->dns.answers[i];
        struct pm_dns_labels name;
        if (answer->addr.version != 0)
            continue;
        if (!pm_dns_labels_parse(answer->name, answer->name_len, &name))
            return "the name of an alias is no domain name";
        aliases++;
    }
    return aliases > 1 ? "a name is the alias of one other" : NULL;
}

/* What a query is asked by may not be half of an answer. */
static const char *dns_fault(const struct pm_op_spec *spec)
{
    bool does = spec->dns.respond || spec->dns.has_answers || spec->dns.has_rcode ||
                spec->dns.remove_edns || spec->dns.ttl.is_set || spec->dns.edns_size.is_set ||
                spec->dns.type_count > 0 || spec->dns.option_count > 0;
    if (!does)
        return "a dns edit changes something";
    if (spec->dns.respond && !spec->dns.has_answers && !spec->dns.has_rcode)
        return "a dns edit that responds needs answers or an rcode";
    if (spec->dns.rcode > 15)
        return "an rcode is 0 to 15";
    if (spec->dns.ttl.is_set && spec->dns.ttl.value > TTL_MAX)
        return "a ttl is at most 2147483647";
    if (spec->dns.edns_size.is_set &&
        (spec->dns.edns_size.value < PM_DNS_PLAIN_SIZE || spec->dns.edns_size.value > UINT16_MAX))
        return "the payload size of EDNS is 512 to 65535";
    if (spec->dns.type_count > LIST_MAX || spec->dns.option_count > LIST_MAX)
        return "a dns edit removes at most 256 types, and as many options";
    for (uint32_t i = 0; i < spec->dns.type_count; i++)
        if (spec->dns.remove_types[i] == PM_DNS_OPT || spec->dns.remove_types[i] == PM_DNS_TSIG)
            return "OPT and TSIG are no types that can be removed";
    return answers_fault(spec);
}

static const char *name_fault(const struct pm_op_spec *spec)
{
    struct pm_dns_labels name;
    if (!pm_dns_labels_parse(spec->dns_name.find, spec->dns_name.find_len, &name))
        return "what is to be found is no domain name";
    if (spec->dns_name.with_len > 0 &&
        !pm_dns_labels_parse(spec->dns_name.with, spec->dns_name.with_len, &name))
        return "what is to be put in is no domain name";
    return NULL;
}

const char *pm_dns_op_fault(const struct pm_op_spec *spec)
{
    return spec->kind == PM_OP_DNS ? dns_fault(spec) : name_fault(spec);
}

/* ------------------------------------------------------------------ making it */

static uint16_t *copy_list(const uint16_t *list, uint32_t count)
{
    uint16_t *copy = malloc((count > 0 ? count : 1) * sizeof *copy);
    if (copy && count > 0)
        memcpy(copy, list, count * sizeof *copy);
    return copy;
}

static void make_synth(struct pm_dns_synth *synth, const struct pm_dns_answer *answer)
{
    if (answer->addr.version == 0) {
        synth->type = PM_DNS_CNAME;
        pm_dns_labels_parse(answer->name, answer->name_len, &synth->name);
        return;
    }
    synth->type = answer->addr.version == 4 ? PM_DNS_A : PM_DNS_AAAA;
    memcpy(synth->addr, answer->addr.bytes, sizeof synth->addr);
}

static struct pm_dns_limit limit_of(const struct pm_dns_number *number)
{
    return (struct pm_dns_limit){number->is_set, number->is_most, number->value};
}

static bool init_recipe(struct pm_dns_recipe *recipe, const struct pm_op_spec *spec)
{
    uint32_t count = spec->dns.answer_count;
    *recipe = (struct pm_dns_recipe){.responds = spec->dns.respond,
                                     .has_answers = spec->dns.has_answers,
                                     .has_rcode = spec->dns.has_rcode,
                                     .removes_edns = spec->dns.remove_edns,
                                     .rcode = spec->dns.rcode,
                                     .ttl = limit_of(&spec->dns.ttl),
                                     .size = limit_of(&spec->dns.edns_size),
                                     .synth_count = count,
                                     .type_count = spec->dns.type_count,
                                     .option_count = spec->dns.option_count};
    recipe->synths = calloc(count > 0 ? count : 1, sizeof *recipe->synths);
    recipe->types = copy_list(spec->dns.remove_types, spec->dns.type_count);
    recipe->options = copy_list(spec->dns.remove_options, spec->dns.option_count);
    if (!recipe->synths || !recipe->types || !recipe->options)
        return false;
    for (uint32_t i = 0; i < count; i++)
        make_synth(&recipe->synths[i], &spec->dns.answers[i]);
    return true;
}

static void init_rename(struct pm_dns_rename *rename, const struct pm_op_spec *spec)
{
    static const struct pm_dns_labels root = {.len = 1, .bytes = {0}};
    rename->with = root;
    pm_dns_labels_parse(spec->dns_name.find, spec->dns_name.find_len, &rename->find);
    if (spec->dns_name.with_len > 0)
        pm_dns_labels_parse(spec->dns_name.with, spec->dns_name.with_len, &rename->with);
}

bool pm_dns_op_init(struct pm_op *op, const struct pm_op_spec *spec)
{
    if (spec->kind == PM_OP_DNS) {
        op->dns = calloc(1, sizeof *op->dns);
        return op->dns && init_recipe(op->dns, spec);
    }
    op->dns_name = calloc(1, sizeof *op->dns_name);
    if (op->dns_name)
        init_rename(op->dns_name, spec);
    return op->dns_name;
}

void pm_dns_op_release(struct pm_op *op)
{
    if (op->kind == PM_OP_DNS_NAME) {
        free(op->dns_name);
        return;
    }
    if (!op->dns)
        return;
    free(op->dns->synths);
    free(op->dns->types);
    free(op->dns->options);
    free(op->dns);
}
