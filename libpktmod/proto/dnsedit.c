/* dnsedit.c - edits of a DNS message; the contract is in dnsedit.h. */
#include "proto/dnsedit.h"

#include <string.h>

#include "base/bytes.h"

#define RCODE 0x000fu
#define OPT_RCODE                                                                                  \
    0xff000000u /* in the ttl of OPT: the upper bits of the code (RFC 6891, 6.1.3)                 \
                 */

static enum pm_dns_fate finish(struct pm_dns_copy *c, size_t *len)
{
    *len = pm_dns_copy_end(c);
    if (*len == 0)
        return PM_DNS_UNFIT;
    bool is_same = *len == c->from->len && memcmp(c->w.bytes, c->from->bytes, *len) == 0;
    return is_same ? PM_DNS_SAME : PM_DNS_EDITED;
}

/* ------------------------------------------------------------------ a recipe */

struct edit {
    struct pm_dns_copy copy;
    const struct pm_dns_recipe *recipe;
    bool is_response;
    bool replaces; /* the answers */
    bool changes;  /* something is not as it was */
    bool has_lost; /* answers are not those that were signed */
};

static bool has(const uint16_t *list, uint32_t count, uint16_t number)
{
    for (uint32_t i = 0; i < count; i++)
        if (list[i] == number)
            return true;
    return false;
}

static uint32_t limited(const struct pm_dns_limit *limit, uint32_t number)
{
    if (!limit->is_set || (limit->is_most && number <= limit->value))
        return number;
    return limit->value;
}

/* A signature goes with what it signs. */
static bool is_removed(const struct edit *e, const struct pm_dns_record *record)
{
    const struct pm_dns_recipe *recipe = e->recipe;
    bool is_signature = record->type == PM_DNS_RRSIG || record->type == PM_DNS_SIG;
    if (has(recipe->types, recipe->type_count, record->type))
        return true;
    return is_signature && record->data_len >= 2 &&
           has(recipe->types, recipe->type_count, pm_get16(e->copy.from->bytes + record->data_off));
}

static void copy_options(struct edit *e, const struct pm_dns_record *record)
{
    const struct pm_dns *dns = e->copy.from;
    size_t at = record->data_off, end = at + record->data_len;
    struct pm_dns_option option;
    while (at < end && pm_dns_option_read(dns, at, end, &option)) {
        if (has(e->recipe->options, e->recipe->option_count, option.code))
            e->changes = true;
        else
            pm_dns_write(&e->copy.w, dns->bytes + at, option.end - at);
        at = option.end;
    }
}

static void copy_edns(struct edit *e, struct pm_dns_record *record)
{
    static const struct pm_dns_labels root = {.len = 1, .bytes = {0}};
    bool is_coded = e->is_response && (record->ttl & OPT_RCODE) && !e->recipe->has_rcode;
    uint16_t size = (uint16_t)limited(&e->recipe->size, record->rrclass);
    if (e->recipe->removes_edns && !is_coded) {
        e->changes = true;
        return;
    }
    e->changes |= size != record->rrclass;
    record->rrclass = size;
    if (e->is_response && (e->recipe->has_rcode || e->replaces)) {
        e->changes |= (record->ttl & OPT_RCODE) != 0;
        record->ttl &= ~OPT_RCODE;
    }
    size_t data_off = pm_dns_copy_open(&e->copy, &root, record);
    copy_options(e, record);
    pm_dns_copy_close(&e->copy, data_off);
}

static void copy_record(struct edit *e, struct pm_dns_record *record)
{
    if (record->type == PM_DNS_OPT) {
        copy_edns(e, record);
        return;
    }
    if (e->replaces || is_removed(e, record)) {
        e->changes = e->has_lost = true;
        return;
    }
    uint32_t ttl = limited(&e->recipe->ttl, record->ttl);
    e->changes |= ttl != record->ttl;
    record->ttl = ttl;
    pm_dns_copy_record(&e->copy, record);
}

static void write_flags(struct edit *e)
{
    uint16_t flags = e->copy.flags;
    if (!e->is_response)
        return;
    if (e->replaces)
        flags &= (uint16_t) ~(RCODE | PM_DNS_TC);
    if (e->recipe->has_rcode)
        flags = (uint16_t)((flags & ~RCODE) | e->recipe->rcode);
    if (e->has_lost)
        flags &= (uint16_t)~PM_DNS_AD;
    e->changes |= flags != e->copy.flags;
    e->copy.flags = flags;
}

enum pm_dns_fate pm_dns_edit(const struct pm_dns *dns, const struct pm_dns_recipe *recipe,
                             uint8_t *out, size_t cap, size_t *len)
{
    struct edit e = {.recipe = recipe, .is_response = pm_dns_is_response(dns)};
    struct pm_dns_walk walk = {.off = 0};
    struct pm_dns_record record, question;
    if (e.is_response && recipe->has_answers) {
        if (!pm_dns_only_question(dns, &question))
            return PM_DNS_UNFIT;
        e.replaces = e.changes = e.has_lost = true;
    }
    pm_dns_copy_begin(&e.copy, dns, out, cap);
    while (pm_dns_next(dns, &walk, &record)) {
        if (record.section == PM_DNS_QUESTION) {
            pm_dns_copy_question(&e.copy, &record);
            if (e.replaces)
                pm_dns_put_answers(&e.copy, &question, recipe);
        } else {
            copy_record(&e, &record);
        }
    }
    write_flags(&e);
    return e.changes ? finish(&e.copy, len) : PM_DNS_SAME;
}

/* ------------------------------------------------------------------ names */

static void copy_renamed(struct pm_dns_copy *c, bool keeps_signatures)
{
    struct pm_dns_walk walk = {.off = 0};
    struct pm_dns_record record;
    while (pm_dns_next(c->from, &walk, &record)) {
        if (record.section == PM_DNS_QUESTION)
            pm_dns_copy_question(c, &record);
        else if (keeps_signatures || record.type != PM_DNS_RRSIG)
            pm_dns_copy_record(c, &record);
    }
}

enum pm_dns_fate pm_dns_rename(const struct pm_dns *dns, const struct pm_dns_rename *const *renames,
                               uint32_t count, uint32_t *hits, uint8_t *out, size_t cap,
                               size_t *len)
{
    struct pm_dns_copy c;
    uint32_t made = 0, record_hits = 0;
    memset(hits, 0, count * sizeof *hits);
    for (uint32_t round = 0; round < 2; round++) { /* in the second it is known what was signed */
        pm_dns_copy_begin(&c, dns, out, cap);
        c.renames = renames;
        c.rename_count = count;
        c.hits = hits;
        copy_renamed(&c, record_hits == 0);
        if (round > 0 || c.record_hits == 0 || c.is_name_too_long)
            break;
        record_hits = c.record_hits;
    }
    for (uint32_t i = 0; i < count; i++)
        made += hits[i];
    if (c.is_name_too_long)
        return PM_DNS_UNFIT;
    if (made == 0)
        return PM_DNS_SAME;
    if (record_hits > 0 && pm_dns_is_response(dns))
        c.flags &= (uint16_t)~PM_DNS_AD;
    return finish(&c, len);
}

/* ------------------------------------------------------------------ too long */

enum pm_dns_fate pm_dns_cut(const struct pm_dns *dns, uint8_t *out, size_t cap, size_t *len)
{
    struct pm_dns_walk walk = {.off = 0};
    struct pm_dns_record record;
    struct pm_dns_copy c;
    pm_dns_copy_begin(&c, dns, out, cap);
    while (pm_dns_next(dns, &walk, &record)) {
        if (record.section == PM_DNS_QUESTION)
            pm_dns_copy_question(&c, &record);
        else if (record.type == PM_DNS_OPT)
            pm_dns_copy_record(&c, &record);
    }
    c.flags |= PM_DNS_TC;
    return finish(&c, len);
}
