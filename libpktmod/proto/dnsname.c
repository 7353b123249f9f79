/* dnsname.c - domain names as they travel; the contract is in dnsname.h. */
#include "proto/dnsname.h"

#include <string.h>

#include "base/bytes.h"

#define POINTER 0xc0u

static uint8_t small(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte - 'A' + 'a') : byte;
}

bool pm_dns_labels_read(const struct pm_dns *dns, size_t off, struct pm_dns_labels *out,
                        size_t *end)
{
    size_t len = 0, before = off; /* pointers lead to before the last stretch's begin */
    bool has_jumped = false;
    while (off < dns->len && dns->bytes[off] != 0) {
        uint8_t byte = dns->bytes[off];
        if (byte >= POINTER) {
            if (dns->len - off < 2)
                return false;
            if (!has_jumped)
                *end = off + 2;
            has_jumped = true;
            off = pm_get16(dns->bytes + off) & 0x3fffu;
            if (off >= before)
                return false;
            before = off;
            continue;
        }
        size_t label = (size_t)byte + 1;
        if (byte > PM_DNS_LABEL_MAX || len + label >= PM_DNS_NAME_MAX || dns->len - off < label)
            return false;
        memcpy(out->bytes + len, dns->bytes + off, label);
        len += label;
        off += label;
    }
    if (off >= dns->len)
        return false;
    if (!has_jumped)
        *end = off + 1;
    out->bytes[len] = 0;
    out->len = (uint8_t)(len + 1);
    return true;
}

/* ------------------------------------------------------------------ text */

/* A byte of a label at *at, which moves behind it. False: there is none. */
static bool take_byte(const uint8_t *text, size_t len, size_t *at, uint8_t *out)
{
    uint32_t number = 0;
    *out = text[*at];
    *at += 1;
    if (*out != '\\')
        return true;
    if (*at == len)
        return false;
    *out = text[*at];
    if (*out < '0' || *out > '9') {
        *at += 1;
        return true;
    }
    for (uint32_t i = 0; i < 3; i++) {
        if (*at == len || text[*at] < '0' || text[*at] > '9')
            return false;
        number = number * 10 + (uint32_t)(text[*at] - '0');
        *at += 1;
    }
    *out = (uint8_t)number;
    return number <= 255;
}

bool pm_dns_labels_parse(const uint8_t *text, size_t len, struct pm_dns_labels *out)
{
    size_t at = 0, used = 1, begin = 0; /* used: of out; begin: the length of the label at hand */
    while (at < len) {
        uint8_t byte;
        bool is_dot = text[at] == '.';
        if (!take_byte(text, len, &at, &byte))
            return false;
        size_t label = used - begin - 1;
        if ((is_dot && label == 0) || (!is_dot && label == PM_DNS_LABEL_MAX) ||
            used == PM_DNS_NAME_MAX)
            return false;
        if (!is_dot) {
            out->bytes[used++] = byte;
            continue;
        }
        out->bytes[begin] = (uint8_t)label;
        begin = used++;
    }
    size_t label = used - begin - 1;
    out->bytes[begin] = (uint8_t)label;
    if (label > 0 && used == PM_DNS_NAME_MAX)
        return false;
    if (label > 0)
        out->bytes[used++] = 0;
    out->len = (uint8_t)used;
    return used > 1;
}

bool pm_dns_labels_equal(const struct pm_dns_labels *a, const struct pm_dns_labels *b)
{
    if (a->len != b->len)
        return false;
    for (size_t i = 0; i < a->len; i++)
        if (small(a->bytes[i]) != small(b->bytes[i]))
            return false;
    return true;
}

/* ------------------------------------------------------------------ renames */

/* A label's length is no letter, so that bytes can be compared as they stand. */
static bool stands_at(const struct pm_dns_labels *name, size_t at, const struct pm_dns_labels *find)
{
    size_t len = find->len - 1u;
    if (name->len - 1u - at < len)
        return false;
    for (size_t i = 0; i < len; i++)
        if (small(name->bytes[at + i]) != small(find->bytes[i]))
            return false;
    return true;
}

static uint32_t first_at(const struct pm_dns_labels *name, size_t at,
                         const struct pm_dns_rename *const *renames, uint32_t count)
{
    uint32_t i = 0;
    while (i < count && !stands_at(name, at, &renames[i]->find))
        i++;
    return i;
}

bool pm_dns_labels_rename(struct pm_dns_labels *name, const struct pm_dns_rename *const *renames,
                          uint32_t count, uint32_t *hits)
{
    struct pm_dns_labels made = {.len = 0};
    size_t at = 0;
    while (name->bytes[at] != 0) {
        uint32_t hit = first_at(name, at, renames, count);
        bool is_hit = hit < count;
        const uint8_t *was = name->bytes + at, *from = is_hit ? renames[hit]->with.bytes : was;
        size_t was_len = is_hit ? renames[hit]->find.len - 1u : was[0] + 1u;
        size_t len = is_hit ? renames[hit]->with.len - 1u : was_len;
        if (made.len + len >= PM_DNS_NAME_MAX)
            return false;
        memcpy(made.bytes + made.len, from, len);
        made.len = (uint8_t)(made.len + len);
        at += was_len;
        if (is_hit && (len != was_len || memcmp(from, was, len) != 0))
            hits[hit]++;
    }
    made.bytes[made.len++] = 0;
    *name = made;
    return true;
}
