/* dnsanswer.c - answers that nobody gave: records made up for a question; the contract is in
 * dnsedit.h. */
#include "base/bytes.h"
#include "proto/dnsedit.h"

#define EDNS_VERSION(ttl) ((ttl) >> 16 & 0xffu)
#define EDNS_DO           0x8000u
#define BADVERS_UPPER     (UINT32_C(1) << 24) /* 16, its lower four bits in the header */

bool pm_dns_only_question(const struct pm_dns *dns, struct pm_dns_record *out)
{
    struct pm_dns_walk walk = {.off = 0};
    return dns->count[PM_DNS_QUESTION] == 1 && pm_dns_next(dns, &walk, out) &&
           out->rrclass == PM_DNS_IN;
}

static struct pm_dns_record record_of(uint16_t type, const struct pm_dns_recipe *recipe)
{
    uint32_t ttl = PM_DNS_OWN_TTL;
    if (recipe->ttl.is_set && (!recipe->ttl.is_most || recipe->ttl.value < ttl))
        ttl = recipe->ttl.value;
    return (struct pm_dns_record){
        .section = PM_DNS_ANSWER, .type = type, .rrclass = PM_DNS_IN, .ttl = ttl};
}

/* A name that is its own alias would lead nowhere. */
static void put_alias(struct pm_dns_copy *c, struct pm_dns_labels *owner,
                      const struct pm_dns_recipe *recipe)
{
    struct pm_dns_record record = record_of(PM_DNS_CNAME, recipe);
    for (uint32_t i = 0; i < recipe->synth_count; i++) {
        const struct pm_dns_synth *synth = &recipe->synths[i];
        if (synth->type != PM_DNS_CNAME || pm_dns_labels_equal(owner, &synth->name))
            continue;
        size_t data_off = pm_dns_copy_open(c, owner, &record);
        pm_dns_write_name(&c->w, &synth->name, true);
        pm_dns_copy_close(c, data_off);
        *owner = synth->name;
        return;
    }
}

static void put_addr(struct pm_dns_copy *c, const struct pm_dns_labels *owner,
                     const struct pm_dns_synth *synth, const struct pm_dns_recipe *recipe)
{
    struct pm_dns_record record = record_of(synth->type, recipe);
    size_t data_off = pm_dns_copy_open(c, owner, &record);
    pm_dns_write(&c->w, synth->addr, synth->type == PM_DNS_A ? 4 : 16);
    pm_dns_copy_close(c, data_off);
}

void pm_dns_put_answers(struct pm_dns_copy *c, const struct pm_dns_record *question,
                        const struct pm_dns_recipe *recipe)
{
    struct pm_dns_labels owner;
    size_t end;
    if (!pm_dns_labels_read(c->from, question->name_off, &owner, &end))
        return;
    put_alias(c, &owner, recipe);
    for (uint32_t i = 0; i < recipe->synth_count; i++) {
        const struct pm_dns_synth *synth = &recipe->synths[i];
        bool is_asked = question->type == synth->type || question->type == PM_DNS_ANY;
        if (is_asked && synth->type != PM_DNS_CNAME)
            put_addr(c, &owner, synth, recipe);
    }
}

/* ------------------------------------------------------------------ in a server's place */

/* The query's OPT record. False: it has none. */
static bool find_edns(const struct pm_dns *query, struct pm_dns_record *out)
{
    struct pm_dns_walk walk = {.off = 0};
    while (pm_dns_next(query, &walk, out))
        if (out->section == PM_DNS_ADDITIONAL && out->type == PM_DNS_OPT)
            return true;
    return false;
}

uint32_t pm_dns_size_taken(const struct pm_dns *query)
{
    struct pm_dns_record opt;
    bool is_larger = find_edns(query, &opt) && opt.rrclass > PM_DNS_PLAIN_SIZE;
    return is_larger ? opt.rrclass : PM_DNS_PLAIN_SIZE;
}

static void put_edns(struct pm_dns_copy *c, const struct pm_dns_record *asked, bool is_later)
{
    static const struct pm_dns_labels root = {.len = 1, .bytes = {0}};
    struct pm_dns_record record = {.section = PM_DNS_ADDITIONAL,
                                   .type = PM_DNS_OPT,
                                   .rrclass = PM_DNS_OWN_SIZE,
                                   .ttl = (asked->ttl & EDNS_DO) | (is_later ? BADVERS_UPPER : 0)};
    pm_dns_copy_close(c, pm_dns_copy_open(c, &root, &record));
}

enum pm_dns_fate pm_dns_respond(const struct pm_dns *query, const struct pm_dns_recipe *recipe,
                                uint8_t *out, size_t cap, size_t *len)
{
    struct pm_dns_record question, opt;
    struct pm_dns_copy c;
    if (pm_dns_is_response(query) || !pm_dns_only_question(query, &question))
        return PM_DNS_UNFIT;
    bool has_edns = find_edns(query, &opt);
    bool is_later = has_edns && EDNS_VERSION(opt.ttl) > 0;
    pm_dns_copy_begin(&c, query, out, cap);
    pm_dns_copy_question(&c, &question);
    if (!is_later)
        pm_dns_put_answers(&c, &question, recipe);
    if (has_edns)
        put_edns(&c, &opt, is_later);
    c.flags = (uint16_t)(PM_DNS_QR | PM_DNS_RA | (query->flags & (PM_DNS_RD | PM_DNS_CD)));
    if (!is_later && recipe->has_rcode)
        c.flags |= recipe->rcode;
    *len = pm_dns_copy_end(&c);
    return *len > 0 ? PM_DNS_EDITED : PM_DNS_UNFIT;
}
