/* dnswriter.c - a DNS message under construction; the contract is in dnswriter.h. */
#include "proto/dnswriter.h"

#include <string.h>

#include "base/bytes.h"

#define POINTER     0xc000u
#define POINTER_MAX 0x3fffu
#define LABELS_MAX  128u
#define PROBES      8u

void pm_dns_writer_begin(struct pm_dns_writer *w, uint8_t *bytes, size_t cap)
{
    *w = (struct pm_dns_writer){.bytes = bytes, .cap = cap};
}

void pm_dns_write(struct pm_dns_writer *w, const uint8_t *bytes, size_t len)
{
    if (w->is_full || len > w->cap - w->len) {
        w->is_full = true;
        return;
    }
    if (len > 0)
        memcpy(w->bytes + w->len, bytes, len);
    w->len += len;
}

void pm_dns_write16(struct pm_dns_writer *w, uint16_t number)
{
    uint8_t bytes[2];
    pm_put16(bytes, number);
    pm_dns_write(w, bytes, sizeof bytes);
}

void pm_dns_write32(struct pm_dns_writer *w, uint32_t number)
{
    uint8_t bytes[4];
    pm_put32(bytes, number);
    pm_dns_write(w, bytes, sizeof bytes);
}

/* ------------------------------------------------------------------ names */

/* Where each label of a name begins, and the hash of the labels from there on. */
struct stops {
    uint32_t count;
    uint8_t at[LABELS_MAX];
    uint32_t hash[LABELS_MAX];
};

static void find_stops(const struct pm_dns_labels *name, struct stops *stops)
{
    uint32_t hash = 2166136261u; /* FNV-1a */
    stops->count = 0;
    for (size_t at = 0; name->bytes[at] != 0; at += name->bytes[at] + 1u)
        stops->at[stops->count++] = (uint8_t)at;
    for (uint32_t i = stops->count; i-- > 0;) {
        const uint8_t *label = name->bytes + stops->at[i];
        for (uint32_t j = 0; j <= label[0]; j++)
            hash = (hash ^ label[j]) * 16777619u;
        stops->hash[i] = (hash ^ hash >> 15) % PM_DNS_SUFFIXES;
    }
}

/* What was written at `at` is exactly the rest of the name. Pointers that were written lead
 * backwards to labels. */
static bool is_written(const struct pm_dns_writer *w, size_t at, const uint8_t *rest)
{
    for (;;) {
        uint8_t len = w->bytes[at];
        if (len > PM_DNS_LABEL_MAX) {
            at = pm_get16(w->bytes + at) & POINTER_MAX;
            continue;
        }
        if (len != rest[0] || memcmp(w->bytes + at, rest, len + 1u) != 0)
            return false;
        if (len == 0)
            return true;
        at += len + 1u;
        rest += len + 1u;
    }
}

/* Where the name stands from that label on; 0: nowhere. */
static uint16_t place_of(const struct pm_dns_writer *w, const struct pm_dns_labels *name,
                         const struct stops *stops, uint32_t label)
{
    for (uint32_t i = 0; i < PROBES; i++) {
        uint16_t at = w->suffixes[(stops->hash[label] + i) % PM_DNS_SUFFIXES];
        if (at == 0)
            return 0;
        if (is_written(w, at, name->bytes + stops->at[label]))
            return at;
    }
    return 0;
}

static void keep_place(struct pm_dns_writer *w, uint32_t hash, size_t at)
{
    for (uint32_t i = 0; i < PROBES && at <= POINTER_MAX; i++) {
        uint16_t *place = &w->suffixes[(hash + i) % PM_DNS_SUFFIXES];
        if (*place != 0)
            continue;
        *place = (uint16_t)at;
        return;
    }
}

void pm_dns_write_name(struct pm_dns_writer *w, const struct pm_dns_labels *name, bool may_compress)
{
    struct stops stops;
    if (!may_compress) {
        pm_dns_write(w, name->bytes, name->len);
        return;
    }
    find_stops(name, &stops);
    size_t begin = w->len;
    uint32_t known = 0; /* labels before the pointer */
    uint16_t target = 0;
    while (known < stops.count && (target = place_of(w, name, &stops, known)) == 0)
        known++;
    pm_dns_write(w, name->bytes, target == 0 ? name->len : stops.at[known]);
    if (target != 0)
        pm_dns_write16(w, (uint16_t)(POINTER | target));
    for (uint32_t i = 0; i < known && !w->is_full; i++)
        keep_place(w, stops.hash[i], begin + stops.at[i]);
}
