/* window.c - finding any of many byte strings in one pass. */
#include "match/window.h"

#include <stdlib.h>
#include <string.h>

struct entry {
    uint32_t window, literal;
};

struct pm_windows {
    const struct pm_needle *needles;
    uint32_t width;        /* bytes of a window */
    uint32_t offset;       /* where it begins in each literal */
    uint32_t mask, fold;   /* window = (four bytes & mask) | fold */
    uint32_t bit_shift;    /* hash >> bit_shift is a bit of the map */
    uint32_t bucket_shift; /* hash >> bucket_shift is a bucket */
    uint32_t buckets, entries_count;
    uint64_t *bits;
    uint32_t *begin;       /* buckets + 1: where each bucket's entries begin */
    struct entry *entries; /* in a bucket by ascending literal */
};

/* Eight and sixteen hash values per literal keep false alarms rare; the largest map still fits
 * into a second-level cache. */
#define BITS_LEAST 16u
#define BITS_MOST  21u
#define OFFSETS    16u

static uint32_t read4(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t read_width(const uint8_t *p, uint32_t width)
{
    uint32_t v = 0;
    for (uint32_t i = 0; i < width; i++)
        v |= (uint32_t)p[i] << (8 * i);
    return v;
}

static uint32_t hash(uint32_t window)
{
    return window * 0x9e3779b1u;
}

static bool belongs(const struct pm_needle *needle, uint32_t width)
{
    return width == PM_WINDOW_WIDTH ? needle->len >= width : needle->len == width;
}

/* How often, about, one of the literals must be compared when windows begin at offset. */
static uint64_t cost_of(const struct pm_needle *needles, uint32_t count, uint32_t width,
                        uint32_t offset)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (!belongs(&needles[i], width))
            continue;
        uint64_t product = 1;
        for (uint32_t j = 0; j < width; j++)
            product *= pm_byte_weight(needles[i].bytes[offset + j]);
        sum += product;
    }
    return sum;
}

static uint32_t best_offset(const struct pm_needle *needles, uint32_t count, uint32_t width)
{
    size_t least = OFFSETS + width - 1;
    for (uint32_t i = 0; i < count; i++)
        if (belongs(&needles[i], width) && needles[i].len < least)
            least = needles[i].len;
    uint32_t best = 0;
    uint64_t best_cost = cost_of(needles, count, width, 0);
    for (uint32_t offset = 1; offset + width <= least; offset++) {
        uint64_t cost = cost_of(needles, count, width, offset);
        if (cost < best_cost) {
            best = offset;
            best_cost = cost;
        }
    }
    return best;
}

static uint32_t log2_above(uint64_t n)
{
    uint32_t log = 0;
    while ((uint64_t)1 << log < n)
        log++;
    return log;
}

static void measure(struct pm_windows *w, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (belongs(&w->needles[i], w->width)) {
            w->entries_count++;
            if (w->needles[i].nocase)
                w->fold = 0x20202020u & w->mask;
        }
    uint32_t bits = log2_above((uint64_t)w->entries_count * 16);
    bits = bits < BITS_LEAST ? BITS_LEAST : bits > BITS_MOST ? BITS_MOST : bits;
    uint32_t bucket_bits = log2_above((uint64_t)w->entries_count * 2);
    bucket_bits = bucket_bits < 1 ? 1 : bucket_bits > 31 ? 31 : bucket_bits;
    w->bit_shift = 32 - bits;
    w->bucket_shift = 32 - bucket_bits;
    w->buckets = 1u << bucket_bits;
}

static uint32_t window_of(const struct pm_windows *w, const struct pm_needle *needle)
{
    return read_width(needle->bytes + w->offset, w->width) | w->fold;
}

/* Counts per bucket, turns counts into ends, fills backwards: ends become beginnings and a
 * bucket's literals stay in order. */
static void fill(struct pm_windows *w, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!belongs(&w->needles[i], w->width))
            continue;
        uint32_t h = hash(window_of(w, &w->needles[i])), bit = h >> w->bit_shift;
        w->bits[bit / 64] |= (uint64_t)1 << bit % 64;
        w->begin[h >> w->bucket_shift]++;
    }
    for (uint32_t i = 1; i <= w->buckets; i++)
        w->begin[i] += w->begin[i - 1];
    for (uint32_t i = count; i-- > 0;) {
        if (!belongs(&w->needles[i], w->width))
            continue;
        uint32_t window = window_of(w, &w->needles[i]);
        w->entries[--w->begin[hash(window) >> w->bucket_shift]] = (struct entry){window, i};
    }
}

static size_t bits_size(const struct pm_windows *w)
{
    return ((size_t)1 << (32 - w->bit_shift)) / 8;
}

struct pm_windows *pm_windows_new(const struct pm_needle *needles, uint32_t count, uint32_t width)
{
    struct pm_windows *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->needles = needles;
    w->width = width;
    w->mask = width == 4 ? UINT32_MAX : (1u << 8 * width) - 1;
    w->offset = best_offset(needles, count, width);
    measure(w, count);
    w->bits = calloc(1, bits_size(w));
    w->begin = calloc((size_t)w->buckets + 1, sizeof *w->begin);
    w->entries = calloc(w->entries_count ? w->entries_count : 1, sizeof *w->entries);
    if (!w->bits || !w->begin || !w->entries) {
        pm_windows_free(w);
        return NULL;
    }
    fill(w, count);
    return w;
}

void pm_windows_free(struct pm_windows *w)
{
    if (!w)
        return;
    free(w->bits);
    free(w->begin);
    free(w->entries);
    free(w);
}

size_t pm_windows_footprint(const struct pm_windows *w)
{
    return sizeof *w + bits_size(w) + ((size_t)w->buckets + 1) * sizeof *w->begin +
           w->entries_count * sizeof *w->entries;
}

static bool is_chosen(const struct pm_choice *choice, uint32_t literal)
{
    if (!choice->list)
        return true;
    uint32_t low = 0, high = choice->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (choice->list[middle] < literal)
            low = middle + 1;
        else
            high = middle;
    }
    return low < choice->count && choice->list[low] == literal;
}

static bool bit_is_set(const struct pm_windows *w, uint32_t window)
{
    uint32_t bit = hash(window) >> w->bit_shift;
    return w->bits[bit / 64] >> bit % 64 & 1;
}

/* The text around one place: what a literal must be compared with. */
struct place {
    const uint8_t *text;
    size_t len, position;
    uint32_t window;
};

/* The first literal, at or after `least`, that begins here. */
static bool literal_at(const struct pm_windows *w, const struct pm_choice *choice,
                       const struct place *at, uint32_t least, uint32_t *literal)
{
    uint32_t bucket = hash(at->window) >> w->bucket_shift;
    for (uint32_t i = w->begin[bucket]; i < w->begin[bucket + 1]; i++) {
        const struct entry *entry = &w->entries[i];
        if (entry->window != at->window || entry->literal < least)
            continue;
        const struct pm_needle *needle = &w->needles[entry->literal];
        if (needle->len <= at->len - at->position &&
            pm_bytes_equal(at->text + at->position, needle->bytes, needle->len, needle->nocase) &&
            is_chosen(choice, entry->literal)) {
            *literal = entry->literal;
            return true;
        }
    }
    return false;
}

/* Skips starts whose window no literal has, four at a time while four more bytes can be read. */
static size_t skip_quickly(const struct pm_windows *w, const uint8_t *text, size_t len, size_t from)
{
    size_t room = w->offset + 8;
    if (len < room)
        return from;
    const uint8_t *p = text + w->offset;
    for (; from <= len - room; from += 4) {
        bool any = bit_is_set(w, (read4(p + from) & w->mask) | w->fold);
        any |= bit_is_set(w, (read4(p + from + 1) & w->mask) | w->fold);
        any |= bit_is_set(w, (read4(p + from + 2) & w->mask) | w->fold);
        any |= bit_is_set(w, (read4(p + from + 3) & w->mask) | w->fold);
        if (any)
            break;
    }
    return from;
}

struct pm_hit pm_windows_find(const struct pm_windows *w, const struct pm_choice *choice,
                              const uint8_t *text, size_t len, const struct pm_hit *from)
{
    struct pm_hit hit = {.position = from->position};
    size_t room = w->offset + w->width, quick_until = 0;
    for (; room <= len && hit.position <= len - room; hit.position++) {
        if (hit.position >= quick_until) {
            hit.position = skip_quickly(w, text, len, hit.position);
            quick_until = hit.position + 4;
            if (hit.position > len - room)
                break;
        }
        const uint8_t *p = text + hit.position + w->offset;
        struct place at = {text, len, hit.position, read_width(p, w->width) | w->fold};
        uint32_t least = hit.position == from->position ? from->literal : 0;
        if (bit_is_set(w, at.window) && literal_at(w, choice, &at, least, &hit.literal))
            return hit;
    }
    return (struct pm_hit){.position = len};
}
