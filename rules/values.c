/* values.c - the values of a test in a form that is the same for lists that mean the same. */
#include "values.h"

#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ each value */

/* Bits of a number field, all of them set: its largest value is one less than a power of two. */
static void plain_mask(enum pm_field field, struct pm_value *v)
{
    uint32_t max = pm_field_info(field)->max, low = max & ~v->mask.mask, lo = v->mask.value;

    if ((low & (low + 1)) != 0 || (max & (max + 1)) != 0)
        return;
    *v = (struct pm_value){.kind = PM_VALUE_RANGE, .range = {lo, lo | low}};
}

static void plain_prefix(struct pm_value *v)
{
    unsigned len = v->prefix.addr.version == 4 ? 4 : 16;

    for (unsigned i = 0; i < sizeof v->prefix.addr.bytes; i++) {
        unsigned kept = v->prefix.bits <= 8 * i ? 0 : v->prefix.bits - 8 * i;
        unsigned mask = i >= len || kept == 0 ? 0 : kept >= 8 ? 0xff : 0xffu << (8 - kept);

        v->prefix.addr.bytes[i] &= (uint8_t)mask;
    }
}

static bool is_letter(uint8_t c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

/* Small letters where their size does not count; without letters it cannot. */
static void plain_bytes(struct memory *m, struct pm_value *v)
{
    uint8_t *small;
    bool has_letters = false;

    if (!v->bytes.nocase)
        return;
    small = (uint8_t *)pmr_memory_copy(m, (const char *)v->bytes.bytes, v->bytes.len);
    if (small == NULL)
        return;
    for (uint32_t i = 0; i < v->bytes.len; i++)
        if (is_letter(small[i])) {
            small[i] |= 0x20;
            has_letters = true;
        }
    v->bytes.bytes = small;
    v->bytes.nocase = has_letters;
}

static void plain(struct memory *m, enum pm_field field, struct pm_value *v)
{
    switch (v->kind) {
    case PM_VALUE_MASK:
        plain_mask(field, v);
        break;
    case PM_VALUE_PREFIX:
        plain_prefix(v);
        break;
    case PM_VALUE_BYTES:
        plain_bytes(m, v);
        break;
    case PM_VALUE_RANGE:
    case PM_VALUE_MAC:
    case PM_VALUE_SET:
    case PM_VALUE_BPF:
    case PM_VALUE_REGEX:
        break;
    }
}

/* ------------------------------------------------------------------ order */

static int order_numbers(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int order_texts(const uint8_t *a, uint32_t a_len, const uint8_t *b, uint32_t b_len)
{
    uint32_t len = a_len < b_len ? a_len : b_len;
    int order = len == 0 ? 0 : memcmp(a, b, len);

    return order != 0 ? order : order_numbers(a_len, b_len);
}

static int order_bytes(const struct pm_value *a, const struct pm_value *b)
{
    const uint32_t left[] = {a->bytes.offset, a->bytes.depth, a->bytes.nocase, a->bytes.whole,
                             a->bytes.at_end};
    const uint32_t right[] = {b->bytes.offset, b->bytes.depth, b->bytes.nocase, b->bytes.whole,
                              b->bytes.at_end};
    int order = order_texts(a->bytes.bytes, a->bytes.len, b->bytes.bytes, b->bytes.len);

    for (size_t i = 0; i < sizeof left / sizeof left[0] && order == 0; i++)
        order = order_numbers(left[i], right[i]);
    return order;
}

static int order_prefixes(const struct pm_value *a, const struct pm_value *b)
{
    int order = order_numbers(a->prefix.addr.version, b->prefix.addr.version);

    if (order == 0)
        order = memcmp(a->prefix.addr.bytes, b->prefix.addr.bytes, sizeof a->prefix.addr.bytes);
    return order != 0 ? order : order_numbers(a->prefix.bits, b->prefix.bits);
}

static int order_values(const void *left, const void *right)
{
    const struct pm_value *a = left, *b = right;
    int order = order_numbers(a->kind, b->kind);

    if (order != 0)
        return order;
    switch (a->kind) {
    case PM_VALUE_RANGE:
        order = order_numbers(a->range.lo, b->range.lo);
        return order != 0 ? order : order_numbers(a->range.hi, b->range.hi);
    case PM_VALUE_MASK:
        order = order_numbers(a->mask.mask, b->mask.mask);
        return order != 0 ? order : order_numbers(a->mask.value, b->mask.value);
    case PM_VALUE_PREFIX:
        return order_prefixes(a, b);
    case PM_VALUE_MAC:
        return memcmp(a->mac, b->mac, sizeof a->mac);
    case PM_VALUE_BYTES:
        return order_bytes(a, b);
    case PM_VALUE_SET:
        return order_numbers(a->set, b->set);
    case PM_VALUE_BPF:
        return order_numbers(a->bpf, b->bpf);
    case PM_VALUE_REGEX:
        order = order_texts(a->regex.pattern, a->regex.len, b->regex.pattern, b->regex.len);
        return order != 0 ? order : order_numbers(a->regex.nocase, b->regex.nocase);
    }
    return 0;
}

/* ------------------------------------------------------------------ joining */

/* Whether the prefix has all addresses of the other. */
static bool covers(const struct pm_value *wide, const struct pm_value *narrow)
{
    struct pm_value cut = *narrow;

    if (wide->prefix.addr.version != narrow->prefix.addr.version ||
        wide->prefix.bits > narrow->prefix.bits)
        return false;
    cut.prefix.bits = wide->prefix.bits;
    plain_prefix(&cut);
    return order_prefixes(wide, &cut) == 0;
}

/* Whether the two are the halves of a prefix, which replaces the first then. */
static bool join_halves(struct pm_value *first, const struct pm_value *second)
{
    struct pm_value whole = *first;

    if (first->prefix.bits != second->prefix.bits || first->prefix.bits == 0 ||
        order_prefixes(first, second) == 0)
        return false;
    whole.prefix.bits--;
    plain_prefix(&whole);
    if (!covers(&whole, first) || !covers(&whole, second))
        return false;
    *first = whole;
    return true;
}

/* Puts the next value of a sorted list behind those that are done; how many these are then. */
static size_t put(struct pm_value *done, size_t count, const struct pm_value *next)
{
    struct pm_value *last = count == 0 ? NULL : &done[count - 1];
    bool is_same_kind = last != NULL && last->kind == next->kind;

    if (is_same_kind && next->kind == PM_VALUE_RANGE &&
        (next->range.lo <= last->range.hi || next->range.lo - last->range.hi == 1)) {
        last->range.hi = last->range.hi > next->range.hi ? last->range.hi : next->range.hi;
        return count;
    }
    if (is_same_kind &&
        (order_values(last, next) == 0 || (next->kind == PM_VALUE_PREFIX && covers(last, next))))
        return count;
    done[count++] = *next;
    while (count > 1 && done[count - 1].kind == PM_VALUE_PREFIX &&
           done[count - 2].kind == PM_VALUE_PREFIX &&
           join_halves(&done[count - 2], &done[count - 1]))
        count--;
    return count;
}

size_t pmr_values_normal(struct memory *m, enum pm_field field, struct pm_value *values,
                         size_t count)
{
    size_t left = 0;

    for (size_t i = 0; i < count; i++)
        plain(m, field, &values[i]);
    if (count > 1)
        qsort(values, count, sizeof *values, order_values);
    for (size_t i = 0; i < count; i++) {
        struct pm_value next = values[i];

        left = put(values, left, &next);
    }
    return left;
}

bool pmr_values_are_all(enum pm_field field, const struct pm_value *values, size_t count)
{
    const struct pm_field_info *info = pm_field_info(field);
    bool is_number =
        info->kind == PM_KIND_UINT || info->kind == PM_KIND_FLAG || info->kind == PM_KIND_ENUM;

    return is_number && count > 0 && values[0].kind == PM_VALUE_RANGE && values[0].range.lo == 0 &&
           values[0].range.hi >= info->max;
}

/* ------------------------------------------------------------------ printing */

static void print_prefix(struct words *w, const struct pm_value *v)
{
    const uint8_t *b = v->prefix.addr.bytes;

    if (v->prefix.addr.version == 4)
        pmr_words_add(w, "%u.%u.%u.%u", b[0], b[1], b[2], b[3]);
    else
        for (unsigned i = 0; i < 16; i += 2)
            pmr_words_add(w, "%s%x", i == 0 ? "" : ":", (unsigned)b[i] << 8 | b[i + 1]);
    pmr_words_add(w, "/%u", v->prefix.bits);
}

static bool is_plain_text(const uint8_t *bytes, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++)
        if (bytes[i] < 0x20 || bytes[i] > 0x7e || bytes[i] == '"' || bytes[i] == '\\')
            return false;
    return true;
}

static void print_bytes(struct words *w, const struct pm_value *v)
{
    if (is_plain_text(v->bytes.bytes, v->bytes.len)) {
        pmr_words_add(w, "\"%.*s\"", (int)v->bytes.len, (const char *)v->bytes.bytes);
    } else {
        pmr_words_add(w, "hex ");
        pmr_words_hex(w, v->bytes.bytes, v->bytes.len);
    }
    if (v->bytes.offset != 0)
        pmr_words_add(w, " offset %u", (unsigned)v->bytes.offset);
    if (v->bytes.depth != PM_NO_LIMIT)
        pmr_words_add(w, " depth %u", (unsigned)v->bytes.depth);
    pmr_words_add(w, "%s%s%s", v->bytes.nocase ? " nocase" : "", v->bytes.whole ? " whole" : "",
                  v->bytes.at_end ? " at-end" : "");
}

void pmr_value_print(struct words *w, const struct pm_value *v)
{
    switch (v->kind) {
    case PM_VALUE_RANGE:
        pmr_words_add(w, "%u", (unsigned)v->range.lo);
        if (v->range.hi != v->range.lo)
            pmr_words_add(w, "-%u", (unsigned)v->range.hi);
        break;
    case PM_VALUE_MASK:
        pmr_words_add(w, "&%#x=%#x", (unsigned)v->mask.mask, (unsigned)v->mask.value);
        break;
    case PM_VALUE_PREFIX:
        print_prefix(w, v);
        break;
    case PM_VALUE_MAC:
        pmr_words_hex(w, v->mac, sizeof v->mac);
        break;
    case PM_VALUE_BYTES:
        print_bytes(w, v);
        break;
    case PM_VALUE_REGEX:
        pmr_words_add(w, "regex%s ", v->regex.nocase ? " nocase" : "");
        pmr_words_hex(w, v->regex.pattern, v->regex.len);
        break;
    case PM_VALUE_SET:
    case PM_VALUE_BPF:
        break;
    }
}

/* Two lanes of FNV-1a that begin differently and are stirred; for telling apart, not for secrets.
 */
void pmr_words_digest(struct words *w, const char *text, size_t len)
{
    uint64_t a = UINT64_C(0xcbf29ce484222325), b = UINT64_C(0x9e3779b97f4a7c15);

    for (size_t i = 0; i < len; i++) {
        a = (a ^ (uint8_t)text[i]) * UINT64_C(0x100000001b3);
        b = (b ^ (uint8_t)text[i]) * UINT64_C(0x100000001b3);
        b ^= b >> 29;
    }
    pmr_words_add(w, "#%016llx%016llx", (unsigned long long)a, (unsigned long long)b);
}
