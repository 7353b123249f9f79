/* dns.c - a DNS message: its header, its records one by one, names as text. RFC 1035, section 4. */
#include "proto/dns.h"

#include "base/bytes.h"

#define NAME_MAX  255u /* on the wire, the root's byte included; RFC 1035, section 2.3.4 */
#define LABEL_MAX 63u
#define POINTER   0xc0u

bool pm_dns_open(const uint8_t *bytes, size_t len, struct pm_dns *out)
{
    if (len < PM_DNS_HEADER)
        return false;
    *out = (struct pm_dns){.bytes = bytes,
                           .len = len,
                           .id = pm_get16(bytes),
                           .flags = pm_get16(bytes + 2),
                           .count = {pm_get16(bytes + 4), pm_get16(bytes + 6), pm_get16(bytes + 8),
                                     pm_get16(bytes + 10)}};
    return true;
}

/* Where the name at off ends for who reads on; 0: there is no name. */
static size_t behind_name(const struct pm_dns *dns, size_t off)
{
    while (off < dns->len) {
        uint8_t byte = dns->bytes[off];
        if (byte == 0)
            return off + 1;
        if (byte >= POINTER)
            return dns->len - off >= 2 ? off + 2 : 0;
        if (byte > LABEL_MAX)
            return 0;
        off += (size_t)byte + 1;
    }
    return 0;
}

static bool read_record(const struct pm_dns *dns, struct pm_dns_walk *walk,
                        struct pm_dns_record *out)
{
    size_t at = behind_name(dns, walk->off);
    size_t fixed = walk->section == PM_DNS_QUESTION ? 4 : 10;
    if (at == 0 || dns->len - at < fixed)
        return false;
    *out = (struct pm_dns_record){.section = (enum pm_dns_section)walk->section,
                                  .name_off = walk->off,
                                  .type = pm_get16(dns->bytes + at),
                                  .rrclass = pm_get16(dns->bytes + at + 2)};
    walk->off = at + fixed;
    if (walk->section == PM_DNS_QUESTION)
        return true;
    out->ttl = pm_get32(dns->bytes + at + 4);
    out->data_len = pm_get16(dns->bytes + at + 8);
    out->data_off = at + fixed;
    if (dns->len - out->data_off < out->data_len)
        return false;
    walk->off += out->data_len;
    return true;
}

bool pm_dns_next(const struct pm_dns *dns, struct pm_dns_walk *walk, struct pm_dns_record *out)
{
    if (walk->off == 0)
        walk->off = PM_DNS_HEADER;
    while (walk->section <= PM_DNS_ADDITIONAL && walk->taken == dns->count[walk->section]) {
        walk->section++;
        walk->taken = 0;
    }
    if (walk->section > PM_DNS_ADDITIONAL)
        return false;
    walk->taken++;
    if (read_record(dns, walk, out))
        return true;
    walk->section = PM_DNS_ADDITIONAL + 1; /* over is over */
    return false;
}

/* ------------------------------------------------------------------ names */

static size_t put_byte(uint8_t byte, uint8_t *text)
{
    if (byte >= 'A' && byte <= 'Z')
        byte = (uint8_t)(byte - 'A' + 'a');
    if (byte == '.' || byte == '\\') {
        text[0] = '\\';
        text[1] = byte;
        return 2;
    }
    if (byte > 0x20 && byte < 0x7f) {
        text[0] = byte;
        return 1;
    }
    text[0] = '\\';
    text[1] = (uint8_t)('0' + byte / 100);
    text[2] = (uint8_t)('0' + byte / 10 % 10);
    text[3] = (uint8_t)('0' + byte % 10);
    return 4;
}

size_t pm_dns_name(const struct pm_dns *dns, size_t off, uint8_t text[PM_DNS_NAME_TEXT])
{
    size_t len = 0, wire = 1, before = off; /* pointers lead to before the last stretch's begin */
    while (off < dns->len && dns->bytes[off] != 0) {
        uint8_t byte = dns->bytes[off];
        if (byte >= POINTER) {
            if (dns->len - off < 2)
                return 0;
            off = pm_get16(dns->bytes + off) & 0x3fffu;
            if (off >= before)
                return 0;
            before = off;
            continue;
        }
        wire += (size_t)byte + 1;
        if (byte > LABEL_MAX || wire > NAME_MAX || dns->len - off <= byte)
            return 0;
        if (len > 0)
            text[len++] = '.';
        for (size_t i = 1; i <= byte; i++)
            len += put_byte(dns->bytes[off + i], text + len);
        off += (size_t)byte + 1;
    }
    if (off >= dns->len)
        return 0;
    if (len == 0)
        text[len++] = '.';
    return len;
}
