/* dnscopy.c - a DNS message made from another one; the contract is in dnscopy.h. */
#include "proto/dnscopy.h"

#include "base/bytes.h"

/* ------------------------------------------------------------------ can it be edited */

bool pm_dns_option_read(const struct pm_dns *dns, size_t off, size_t end, struct pm_dns_option *out)
{
    if (end - off < 4)
        return false;
    *out = (struct pm_dns_option){
        .code = pm_get16(dns->bytes + off), .len = pm_get16(dns->bytes + off + 2), .off = off + 4};
    out->end = out->off + out->len;
    return end - out->off >= out->len;
}

static bool has_sound_options(const struct pm_dns *dns, const struct pm_dns_record *record)
{
    size_t at = record->data_off, end = at + record->data_len;
    struct pm_dns_option option;
    while (at < end) {
        if (!pm_dns_option_read(dns, at, end, &option))
            return false;
        at = option.end;
    }
    return dns->bytes[record->name_off] == 0 && record->section == PM_DNS_ADDITIONAL;
}

static bool is_signature(const struct pm_dns *dns, const struct pm_dns_record *record)
{
    if (record->section != PM_DNS_ADDITIONAL)
        return false;
    bool signs_message = record->type == PM_DNS_SIG && record->data_len >= 2 &&
                         pm_get16(dns->bytes + record->data_off) == 0;
    return record->type == PM_DNS_TSIG || signs_message;
}

static bool is_sound(const struct pm_dns *dns, const struct pm_dns_record *record)
{
    struct pm_dns_labels owner;
    struct pm_dns_rdata data;
    size_t end;
    if (!pm_dns_labels_read(dns, record->name_off, &owner, &end))
        return false;
    if (record->section == PM_DNS_QUESTION)
        return true;
    if (record->type == PM_DNS_OPT)
        return has_sound_options(dns, record);
    const struct pm_dns_layout *layout = pm_dns_layout_of(record->type);
    return !layout || pm_dns_rdata_read(dns, record, layout, &data);
}

enum pm_dns_fate pm_dns_examine(const uint8_t *bytes, size_t len, struct pm_dns *out)
{
    struct pm_dns_walk walk = {.off = 0};
    struct pm_dns_record record;
    uint32_t left = 0, options = 0;
    bool is_signed = false;
    if (!pm_dns_open(bytes, len, out))
        return PM_DNS_MALFORMED;
    if (pm_dns_opcode(out) != 0)
        return PM_DNS_UNFIT;
    for (uint32_t i = 0; i < 4; i++)
        left += out->count[i];
    for (; pm_dns_next(out, &walk, &record); left--) {
        if (!is_sound(out, &record))
            return PM_DNS_MALFORMED;
        options += record.section != PM_DNS_QUESTION && record.type == PM_DNS_OPT;
        is_signed |= is_signature(out, &record);
    }
    if (left > 0 || options > 1)
        return PM_DNS_MALFORMED;
    return is_signed ? PM_DNS_SIGNED : PM_DNS_SAME;
}

/* ------------------------------------------------------------------ the copy */

void pm_dns_copy_begin(struct pm_dns_copy *c, const struct pm_dns *from, uint8_t *out, size_t cap)
{
    static const uint8_t header[PM_DNS_HEADER];
    *c = (struct pm_dns_copy){.from = from, .flags = from->flags};
    pm_dns_writer_begin(&c->w, out, cap);
    pm_dns_write(&c->w, header, sizeof header);
}

static void write_name(struct pm_dns_copy *c, struct pm_dns_labels *name, bool may_compress)
{
    if (c->rename_count > 0 && !pm_dns_labels_rename(name, c->renames, c->rename_count, c->hits))
        c->is_name_too_long = true;
    pm_dns_write_name(&c->w, name, may_compress);
}

static void write_owner(struct pm_dns_copy *c, const struct pm_dns_record *record)
{
    struct pm_dns_labels name;
    size_t end;
    if (pm_dns_labels_read(c->from, record->name_off, &name, &end))
        write_name(c, &name, true);
    else
        c->w.is_full = true;
}

static void count(struct pm_dns_copy *c, enum pm_dns_section section)
{
    c->w.is_full |= c->count[section] == UINT16_MAX;
    c->count[section]++;
}

void pm_dns_copy_question(struct pm_dns_copy *c, const struct pm_dns_record *record)
{
    count(c, PM_DNS_QUESTION);
    write_owner(c, record);
    pm_dns_write16(&c->w, record->type);
    pm_dns_write16(&c->w, record->rrclass);
}

static size_t write_fixed(struct pm_dns_copy *c, const struct pm_dns_record *record)
{
    count(c, record->section);
    pm_dns_write16(&c->w, record->type);
    pm_dns_write16(&c->w, record->rrclass);
    pm_dns_write32(&c->w, record->ttl);
    pm_dns_write16(&c->w, 0);
    return c->w.len;
}

size_t pm_dns_copy_open(struct pm_dns_copy *c, const struct pm_dns_labels *owner,
                        const struct pm_dns_record *record)
{
    pm_dns_write_name(&c->w, owner, true);
    return write_fixed(c, record);
}

void pm_dns_copy_close(struct pm_dns_copy *c, size_t data_off)
{
    if (c->w.len - data_off > UINT16_MAX)
        c->w.is_full = true;
    if (!c->w.is_full)
        pm_put16(c->w.bytes + data_off - 2, (uint16_t)(c->w.len - data_off));
}

static void copy_data(struct pm_dns_copy *c, const struct pm_dns_record *record)
{
    const struct pm_dns_layout *layout = pm_dns_layout_of(record->type);
    const uint8_t *bytes = c->from->bytes + record->data_off;
    struct pm_dns_rdata data;
    if (!layout || !pm_dns_rdata_read(c->from, record, layout, &data)) {
        pm_dns_write(&c->w, bytes, record->data_len);
        return;
    }
    pm_dns_write(&c->w, bytes, data.head_len);
    for (uint32_t i = 0; i < layout->names; i++)
        write_name(c, &data.names[i], layout->may_compress);
    pm_dns_write(&c->w, c->from->bytes + data.tail_off, data.tail_len);
}

static uint32_t hits_of(const struct pm_dns_copy *c)
{
    uint32_t hits = 0;
    for (uint32_t i = 0; i < c->rename_count; i++)
        hits += c->hits[i];
    return hits;
}

void pm_dns_copy_record(struct pm_dns_copy *c, const struct pm_dns_record *record)
{
    uint32_t hits = hits_of(c);
    write_owner(c, record);
    size_t data_off = write_fixed(c, record);
    copy_data(c, record);
    pm_dns_copy_close(c, data_off);
    c->record_hits += hits_of(c) - hits;
}

size_t pm_dns_copy_end(struct pm_dns_copy *c)
{
    uint8_t *header = c->w.bytes;
    if (c->w.is_full)
        return 0;
    pm_put16(header, c->from->id);
    pm_put16(header + 2, c->flags);
    for (uint32_t i = 0; i < 4; i++)
        pm_put16(header + 4 + 2 * i, c->count[i]);
    return c->w.len;
}
