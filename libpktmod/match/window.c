/* window.c - finding any of many byte strings in one pass. */
#include "match/window.h"

#include <stdlib.h>
#include <string.h>

/* A window of a literal. */
struct entry {
    uint64_t window;
    uint32_t literal;
    uint32_t off; /* behind the literal's beginning */
};

struct pm_windows {
    const struct pm_needle *needles;
    uint32_t class;
    uint32_t width;        /* bytes of a window */
    uint32_t stride;       /* starts that one look at the text decides */
    uint32_t offset;       /* of the first window in each literal */
    uint64_t fold;         /* window = the low bytes of (eight bytes | fold) */
    uint64_t factor;       /* hash = window * factor, in whose top bits only the window counts */
    uint64_t begin_factor; /* as factor, for the bytes that a literal begins with */
    uint32_t map_log;      /* the top bits of a hash that are a place in the map */
    uint32_t bucket_shift; /* hash >> bucket_shift is a bucket */
    uint32_t buckets, entries_count;
    uint64_t *map;         /* bits; 1: some literal's window has this hash */
    uint64_t *begin_map;   /* the same for beginnings */
    uint32_t *begin;       /* buckets + 1: where each bucket's entries begin */
    struct entry *entries; /* in a bucket by beginning of the literal, then by literal */
};

/* The map has so many bits for each window that false alarms are rare. One of three sizes: far
 * within a first-level cache, just so, within a second-level cache; few, so that the loop over the
 * text knows them as constants. */
#define BITS_PER_WINDOW 128u
#define MAP_SMALL_LOG   16u
#define MAP_MIDDLE_LOG  18u
#define MAP_LARGE_LOG   21u
#define WIDTH_MOST      8u
#define OFFSETS         16u

/* The first byte lowest, whatever the machine; compilers make one load of it. */
static uint64_t read8(const uint8_t *p)
{
    uint32_t low = p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
    uint32_t high = p[4] | (uint32_t)p[5] << 8 | (uint32_t)p[6] << 16 | (uint32_t)p[7] << 24;
    return low | (uint64_t)high << 32;
}

static uint64_t read_width(const uint8_t *p, uint32_t width)
{
    uint64_t v = 0;
    for (uint32_t i = 0; i < width; i++)
        v |= (uint64_t)p[i] << (8 * i);
    return v;
}

/* Of the eight bytes only the first `width` matter: the factor moves the others out at the top. */
static uint64_t factor_for(size_t width)
{
    return (uint64_t)0x9e3779b97f4a7c15u << (64 - 8 * width);
}

static inline uint64_t hash(const struct pm_windows *w, uint64_t eight_bytes)
{
    return (eight_bytes | w->fold) * w->factor;
}

/* Inlined with the logarithm of the map's size known. */
static inline uint64_t map_has(const uint64_t *map, uint64_t hash, uint32_t log)
{
    return map[hash >> (64 - log + 6)] >> (hash >> (64 - log) & 63) & 1;
}

uint32_t pm_window_class(size_t len)
{
    static const uint8_t least[PM_WINDOW_CLASSES] = {8, 4, 3, 2, 1};
    uint32_t class = 0;
    while (least[class] > len)
        class ++;
    return class;
}

static bool belongs(const struct pm_windows *w, uint32_t needle)
{
    return pm_window_class(w->needles[needle].len) == w->class;
}

/* How often, about, one of the literals must be compared when windows begin at offset. */
static double cost_of(const struct pm_windows *w, uint32_t count, uint32_t offset)
{
    double sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (!belongs(w, i))
            continue;
        for (uint32_t off = offset; off < offset + w->stride; off++) {
            double product = 1;
            for (uint32_t j = 0; j < w->width; j++)
                product *= pm_byte_weight(w->needles[i].bytes[off + j]);
            sum += product;
        }
    }
    return sum;
}

static size_t shortest(const struct pm_windows *w, uint32_t count)
{
    size_t least = SIZE_MAX;
    for (uint32_t i = 0; i < count; i++)
        if (belongs(w, i) && w->needles[i].len < least)
            least = w->needles[i].len;
    return least;
}

/* Many literals have so many windows that text of their language has them everywhere; they do
 * better with longer and fewer ones. */
static size_t longest_stride(uint32_t count)
{
    return count <= 256 ? 4 : 2;
}

/* Half of the shortest literal goes to the stride, the other half and a bit to the window. */
static void choose_windows(struct pm_windows *w, uint32_t count)
{
    size_t least = shortest(w, count), stride = least < 4 ? 1 : least / 2 - 1;
    stride = stride < longest_stride(count) ? stride : longest_stride(count);
    w->stride = (uint32_t)stride;
    size_t width = least - stride + 1;
    w->width = width < WIDTH_MOST ? (uint32_t)width : WIDTH_MOST;
    w->factor = factor_for(w->width);
    w->begin_factor = factor_for(least < WIDTH_MOST ? least : WIDTH_MOST);
    size_t spare = least - stride + 1 - w->width;
    double best_cost = cost_of(w, count, 0);
    for (uint32_t offset = 1; offset <= spare && offset < OFFSETS; offset++) {
        double cost = cost_of(w, count, offset);
        if (cost < best_cost) {
            w->offset = offset;
            best_cost = cost;
        }
    }
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
        if (belongs(w, i)) {
            w->entries_count += w->stride;
            if (w->needles[i].nocase)
                w->fold = 0x2020202020202020u;
        }
    uint32_t log = log2_above((uint64_t)w->entries_count * BITS_PER_WINDOW);
    w->map_log = log <= MAP_SMALL_LOG    ? MAP_SMALL_LOG
                 : log <= MAP_MIDDLE_LOG ? MAP_MIDDLE_LOG
                                         : MAP_LARGE_LOG;
    uint32_t bucket_log = log2_above((uint64_t)w->entries_count * 2);
    bucket_log = bucket_log > 31 ? 31 : bucket_log;
    w->bucket_shift = 64 - bucket_log;
    w->buckets = 1u << bucket_log;
}

static size_t map_size(const struct pm_windows *w)
{
    return (size_t)1 << (w->map_log - 3);
}

static uint64_t window_at(const struct pm_windows *w, const uint8_t *p)
{
    unsigned unused_bits = (64 - 8 * (unsigned)w->width) & 63; /* width is 1 to 8 */
    return read_width(p, w->width) | (w->fold & UINT64_MAX >> unused_bits);
}

static void put_in_map(const struct pm_windows *w, uint64_t *map, uint64_t hash)
{
    uint64_t place = hash >> (64 - w->map_log);
    map[place / 64] |= (uint64_t)1 << place % 64;
}

static uint64_t begin_hash(const struct pm_windows *w, const struct pm_needle *needle)
{
    uint32_t width = needle->len < WIDTH_MOST ? (uint32_t)needle->len : WIDTH_MOST;
    return (read_width(needle->bytes, width) | w->fold) * w->begin_factor;
}

static struct entry entry_of(const struct pm_windows *w, uint32_t literal, uint32_t off)
{
    uint64_t window = window_at(w, w->needles[literal].bytes + off);
    return (struct entry){window, literal, off};
}

/* Counts per bucket, turns counts into ends, fills backwards: ends become beginnings, and what is
 * filled last, the latest offset of the first literal, comes first. */
static void fill(struct pm_windows *w, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t off = 0; off < w->stride && belongs(w, i); off++) {
            uint64_t h = hash(w, entry_of(w, i, w->offset + off).window);
            put_in_map(w, w->map, h);
            put_in_map(w, w->begin_map, begin_hash(w, &w->needles[i]));
            w->begin[h >> w->bucket_shift]++;
        }
    for (uint32_t i = 1; i <= w->buckets; i++)
        w->begin[i] += w->begin[i - 1];
    for (uint32_t off = 0; off < w->stride; off++)
        for (uint32_t i = count; i-- > 0;) {
            if (!belongs(w, i))
                continue;
            struct entry entry = entry_of(w, i, w->offset + off);
            w->entries[--w->begin[hash(w, entry.window) >> w->bucket_shift]] = entry;
        }
}

struct pm_windows *pm_windows_new(const struct pm_needle *needles, uint32_t count, uint32_t class)
{
    struct pm_windows *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->needles = needles;
    w->class = class;
    choose_windows(w, count);
    measure(w, count);
    w->map = calloc(1, map_size(w));
    w->begin_map = calloc(1, map_size(w));
    w->begin = calloc((size_t)w->buckets + 1, sizeof *w->begin);
    w->entries = calloc((size_t)w->entries_count + 1, sizeof *w->entries);
    if (!w->map || !w->begin_map || !w->begin || !w->entries) {
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
    free(w->map);
    free(w->begin_map);
    free(w->begin);
    free(w->entries);
    free(w);
}

size_t pm_windows_footprint(const struct pm_windows *w)
{
    return sizeof *w + 2 * map_size(w) + ((size_t)w->buckets + 1) * sizeof *w->begin +
           w->entries_count * sizeof *w->entries;
}

bool pm_choice_has(const struct pm_choice *choice, uint32_t literal)
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

/* What is looked for in which text, and how far the search has come. */
struct search {
    const struct pm_windows *windows;
    const struct pm_choice *choice;
    const uint8_t *text;
    size_t len;
    const struct pm_hit *from;
    size_t look; /* where the next window is read */
};

static bool begins_at(const struct search *s, const struct pm_needle *needle, size_t position)
{
    return needle->len <= s->len - position &&
           pm_bytes_equal(s->text + position, needle->bytes, needle->len, needle->nocase);
}

/* The first hit, not before `from`, that has the window here. */
static bool hit_at(const struct search *s, uint64_t window, struct pm_hit *hit)
{
    const struct pm_windows *w = s->windows;
    uint64_t bucket = hash(w, window) >> w->bucket_shift;
    for (uint32_t i = w->begin[bucket]; i < w->begin[bucket + 1]; i++) {
        const struct entry *entry = &w->entries[i];
        size_t position = s->look - entry->off;
        if (entry->window == window &&
            (position > s->from->position || entry->literal >= s->from->literal) &&
            begins_at(s, &w->needles[entry->literal], position) &&
            pm_choice_has(s->choice, entry->literal)) {
            *hit = (struct pm_hit){entry->literal, position};
            return true;
        }
    }
    return false;
}

/* Whether a literal may begin where it must to have its window at p. Inlined as the caller. */
static inline bool may_begin(const struct pm_windows *w, const uint8_t *p, uint32_t log)
{
    uint64_t any = 0;
    for (uint32_t i = 0; i < w->stride; i++) {
        uint64_t begin = read8(p - w->offset - i) | w->fold;
        any |= map_has(w->begin_map, begin * w->begin_factor, log);
    }
    return any;
}

/* Looks at four windows at a time while all the bytes can be read: how far the first goes that a
 * literal may have, or how far they went. Inlined with the logarithm of the maps' size known. */
static inline size_t skip_with_maps(const struct search *s, uint32_t log)
{
    const struct pm_windows *w = s->windows;
    const uint64_t *map = w->map, fold = w->fold, factor = w->factor;
    size_t stride = w->stride, room = 3 * stride + 8, look = s->look;
    if (room > s->len || look > s->len - room)
        return look;
    const uint8_t *p = s->text + look, *last = s->text + (s->len - room);
    while (p <= last) {
        uint64_t first = map_has(map, (read8(p) | fold) * factor, log);
        uint64_t second = map_has(map, (read8(p + stride) | fold) * factor, log);
        uint64_t third = map_has(map, (read8(p + 2 * stride) | fold) * factor, log);
        uint64_t fourth = map_has(map, (read8(p + 3 * stride) | fold) * factor, log);
        if (!(first | second | third | fourth)) {
            p += 4 * stride;
            continue;
        }
        p += first ? 0 : second ? stride : third ? 2 * stride : 3 * stride;
        if (may_begin(w, p, log))
            break;
        p += stride;
    }
    return (size_t)(p - s->text);
}

static void skip_quickly(struct search *s)
{
    uint32_t log = s->windows->map_log;
    s->look = log == MAP_SMALL_LOG    ? skip_with_maps(s, MAP_SMALL_LOG)
              : log == MAP_MIDDLE_LOG ? skip_with_maps(s, MAP_MIDDLE_LOG)
                                      : skip_with_maps(s, MAP_LARGE_LOG);
}

struct pm_hit pm_windows_find(const struct pm_windows *w, const struct pm_choice *choice,
                              const uint8_t *text, size_t len, const struct pm_hit *from)
{
    struct search s = {w, choice, text, len, from, from->position + w->offset + w->stride - 1};
    struct pm_hit hit;
    for (skip_quickly(&s); w->width <= len && s.look <= len - w->width; skip_quickly(&s)) {
        uint64_t window = window_at(w, text + s.look);
        if (map_has(w->map, hash(w, window), w->map_log) && hit_at(&s, window, &hit))
            return hit;
        s.look += w->stride;
    }
    return (struct pm_hit){.position = len};
}
