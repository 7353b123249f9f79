/* classify.c - which of very many rules can hold for a packet: tuple space search.
 *
 *     tuples  [any: 0..1] [v4: 2..9] [v6: 10..12]     each has its part of map and slots
 *     map     0010000100...                           which hashes occur at all; stays in the cache
 *     slots   { tag, rule } { tag, -list } ...        a single rule stands in the slot itself
 *     lists   2: 3 17 | 3: 5 8 9 | ...                the others, each list ascending behind its
 *                                                     length
 *
 * All tuples are asked by the map first, without a branch; few of them are left for the slots. A
 * slot is known by 32 bits of the hash, not by its key: two keys that collide share a list, which
 * only makes candidates that do not hold. */
#include "match/classify.h"

#include <stdlib.h>

#include "match/tuple.h"

struct slot {
    uint32_t tag;
    uint32_t first; /* a rule; IS_LIST | where its list begins in lists; or EMPTY */
};

#define IS_LIST 0x80000000u
#define EMPTY   UINT32_MAX

/* Of all rules together; so all slots and places in lists can be counted. */
#define FILINGS_MOST (1u << 28)

struct tuple {
    uint64_t rest_mask;
    uint32_t slots_at, slot_mask; /* its part of slots */
    uint32_t map_at, map_mask;    /* its part of map: first word, bits less one */
    uint8_t src, dst;             /* prefix classes */
};

struct pm_classifier {
    const struct pm_conds *of;
    const pm_cond_id *conds; /* of each rule; not owned */
    struct slot *slots;
    uint32_t *lists;
    uint64_t *map;
    size_t slots_count, lists_count, map_words;
    uint32_t begin[4]; /* tuples of version code v: begin[v]..begin[v + 1]-1 */
    uint32_t src_classes[3], dst_classes[3]; /* bit masks, by version code */
    struct tuple tuples[PM_TUPLE_MAX];
};

/* ------------------------------------------------------------------ building */

/* One filing of a rule: first its hash, then its slot. */
struct record {
    union {
        uint64_t hash;
        size_t slot;
    };
    uint32_t tuple;
    uint32_t rule; /* PM_NO_RULE: the slot has the rule already */
};

/* What is known while building. A tuple that was given up is filed as `filed_as` says. */
struct plan {
    uint32_t filings[PM_TUPLE_CODES];
    uint16_t filed_as[PM_TUPLE_CODES];
    uint8_t tuple[PM_TUPLE_CODES];
    size_t total;
    struct record *records;
    uint32_t *slot_rules; /* how many, of each slot */
};

static void count_filings(struct plan *plan, const struct pm_conds *c, const pm_cond_id *conds,
                          uint32_t count)
{
    struct pm_filing filings[PM_FILINGS_MAX];
    for (uint32_t rule = 0; rule < count; rule++) {
        uint32_t n = pm_filings_of(c, conds[rule], filings);
        for (uint32_t i = 0; i < n; i++)
            plan->filings[pm_tuple_of(&filings[i])]++;
        plan->total += n;
    }
    for (uint32_t code = 0; code < PM_TUPLE_CODES; code++)
        plan->filed_as[code] = (uint16_t)code;
}

static uint32_t rarest_tuple(const struct plan *plan, uint32_t *in_use)
{
    uint32_t rarest = 0;
    *in_use = plan->filings[0] != 0;
    for (uint32_t code = 1; code < PM_TUPLE_CODES; code++) {
        if (!plan->filings[code])
            continue;
        ++*in_use;
        if (!rarest || plan->filings[code] < plan->filings[rarest])
            rarest = code;
    }
    return rarest;
}

/* Of the tuples in use with fewer bits, the one with most; tuple 0 is always there. */
static uint32_t next_best(const struct plan *plan, uint32_t given_up)
{
    uint32_t best = 0;
    for (uint32_t code = 1; code < PM_TUPLE_CODES; code++)
        if (code != given_up && plan->filings[code] && pm_tuple_is_within(code, given_up) &&
            pm_tuple_bits(code) > pm_tuple_bits(best))
            best = code;
    return best;
}

static void give_up_tuples(struct plan *plan)
{
    uint32_t in_use;
    for (;;) {
        uint32_t rarest = rarest_tuple(plan, &in_use);
        if (in_use <= PM_TUPLE_MAX)
            return;
        uint32_t instead = next_best(plan, rarest);
        plan->filings[instead] += plan->filings[rarest];
        plan->filings[rarest] = 0;
        for (uint32_t code = 0; code < PM_TUPLE_CODES; code++)
            if (plan->filed_as[code] == rarest)
                plan->filed_as[code] = (uint16_t)instead;
    }
}

/* Slots are seldom read in vain, so they may stand close; bits of the map are, so they may not. */
#define BITS_PER_FILING 16u
#define WORD_BITS       64u

static uint32_t power_above(uint64_t n)
{
    uint32_t power = 1;
    while (power < n && power < 1u << 31)
        power *= 2;
    return power;
}

static uint32_t slots_for(uint32_t filings)
{
    return power_above(filings + filings / 4 + 1ull);
}

static uint32_t map_bits_for(uint32_t filings)
{
    uint32_t bits = power_above((uint64_t)filings * BITS_PER_FILING);
    return bits < WORD_BITS ? WORD_BITS : bits;
}

/* Codes ascend by version, so the tuples of a version stand together. */
static void lay_out_tuples(struct pm_classifier *k, struct plan *plan)
{
    uint32_t count = 0;
    for (uint32_t code = 0; code < PM_TUPLE_CODES; code++) {
        uint32_t version = pm_tuple_version(code);
        if (code % (1u << 9) == 0)
            k->begin[version] = count;
        if (!plan->filings[code])
            continue;
        struct tuple *tuple = &k->tuples[count];
        tuple->rest_mask = pm_tuple_rest_mask(code);
        tuple->slots_at = (uint32_t)k->slots_count;
        tuple->slot_mask = code ? slots_for(plan->filings[code]) - 1 : 0;
        uint32_t bits = map_bits_for(plan->filings[code]);
        tuple->map_at = (uint32_t)k->map_words;
        tuple->map_mask = bits - 1;
        tuple->src = (uint8_t)pm_tuple_src(code);
        tuple->dst = (uint8_t)pm_tuple_dst(code);
        k->slots_count += (size_t)tuple->slot_mask + 1;
        k->map_words += bits / WORD_BITS;
        k->src_classes[version] |= 1u << tuple->src;
        k->dst_classes[version] |= 1u << tuple->dst;
        plan->tuple[code] = (uint8_t)count++;
    }
    k->begin[3] = count;
}

static uint64_t hash_of(const struct tuple *tuple, const struct pm_filing *filing)
{
    struct pm_view_bits view;
    view.rest = (uint64_t)filing->proto << 32 | (uint32_t)filing->src_port << 16 | filing->dst_port;
    pm_view_addrs(&view, filing->version, filing->src, filing->dst, 1u << tuple->src,
                  1u << tuple->dst);
    return pm_tuple_hash(&view, tuple->src, tuple->dst, tuple->rest_mask);
}

static void make_records(struct pm_classifier *k, struct plan *plan, const struct pm_conds *c,
                         const pm_cond_id *conds, uint32_t count)
{
    struct pm_filing filings[PM_FILINGS_MAX];
    struct record *record = plan->records;
    for (uint32_t rule = 0; rule < count; rule++) {
        uint32_t n = pm_filings_of(c, conds[rule], filings);
        for (uint32_t i = 0; i < n; i++, record++) {
            record->tuple = plan->tuple[plan->filed_as[pm_tuple_of(&filings[i])]];
            record->hash = hash_of(&k->tuples[record->tuple], &filings[i]);
            record->rule = rule;
        }
    }
}

/* The slot of a hash, or the empty one where it would stand. */
static size_t slot_of(const struct pm_classifier *k, const struct tuple *tuple, uint64_t hash)
{
    uint32_t at = (uint32_t)hash & tuple->slot_mask, tag = (uint32_t)(hash >> 32);
    if (tuple->slot_mask == 0)
        return tuple->slots_at;
    const struct slot *slots = k->slots + tuple->slots_at;
    while (slots[at].first != EMPTY && slots[at].tag != tag)
        at = (at + 1) & tuple->slot_mask;
    return (size_t)tuple->slots_at + at;
}

static uint64_t *map_word(const struct pm_classifier *k, const struct tuple *tuple, uint64_t hash)
{
    return &k->map[tuple->map_at + ((uint32_t)hash & tuple->map_mask) / WORD_BITS];
}

/* Counts the rules of each slot; until the lists are made, `first` is the rule counted last. */
static void find_slots(struct pm_classifier *k, struct plan *plan)
{
    for (size_t i = 0; i < plan->total; i++) {
        struct record *record = &plan->records[i];
        uint64_t hash = record->hash;
        const struct tuple *tuple = &k->tuples[record->tuple];
        record->slot = slot_of(k, tuple, hash);
        *map_word(k, tuple, hash) |= (uint64_t)1 << hash % WORD_BITS;
        struct slot *slot = &k->slots[record->slot];
        if (slot->first == record->rule) {
            record->rule = PM_NO_RULE;
            continue;
        }
        slot->tag = (uint32_t)(hash >> 32);
        slot->first = record->rule;
        plan->slot_rules[record->slot]++;
    }
}

/* Gives each longer slot its list, and fills the lists from their ends: until then slot_rules tells
 * how many rules of a list are still to come. */
static bool make_lists(struct pm_classifier *k, struct plan *plan)
{
    for (size_t i = 0; i < k->slots_count; i++)
        if (plan->slot_rules[i] > 1)
            k->lists_count += plan->slot_rules[i] + (size_t)1;
    k->lists = malloc((k->lists_count ? k->lists_count : 1) * sizeof *k->lists);
    if (!k->lists)
        return false;
    uint32_t at = 0;
    for (size_t i = 0; i < k->slots_count; i++) {
        uint32_t rules = plan->slot_rules[i];
        if (rules < 2)
            continue;
        k->slots[i].first = IS_LIST | at;
        k->lists[at] = rules;
        at += rules + 1;
    }
    for (size_t i = plan->total; i-- > 0;) {
        const struct record *record = &plan->records[i];
        uint32_t first = k->slots[record->slot].first;
        if (record->rule != PM_NO_RULE && first & IS_LIST)
            k->lists[(first & ~IS_LIST) + plan->slot_rules[record->slot]--] = record->rule;
    }
    return true;
}

/* Room for everything that lay_out_tuples counted. */
static bool allocate(struct pm_classifier *k, struct plan *plan)
{
    size_t slots = k->slots_count ? k->slots_count : 1;
    k->slots = malloc(slots * sizeof *k->slots);
    k->map = calloc(k->map_words ? k->map_words : 1, sizeof *k->map);
    plan->slot_rules = calloc(slots, sizeof *plan->slot_rules);
    plan->records = malloc((plan->total ? plan->total : 1) * sizeof *plan->records);
    if (!k->slots || !k->map || !plan->slot_rules || !plan->records)
        return false;
    for (size_t i = 0; i < slots; i++)
        k->slots[i] = (struct slot){.first = EMPTY};
    return true;
}

static bool build(struct pm_classifier *k, struct plan *plan, const struct pm_conds *c,
                  const pm_cond_id *conds, uint32_t count)
{
    if (count > FILINGS_MOST)
        return false;
    count_filings(plan, c, conds, count);
    if (plan->total > FILINGS_MOST)
        return false;
    give_up_tuples(plan);
    lay_out_tuples(k, plan);
    if (!allocate(k, plan))
        return false;
    make_records(k, plan, c, conds, count);
    find_slots(k, plan);
    return make_lists(k, plan);
}

struct pm_classifier *pm_classifier_new(const struct pm_conds *c, const pm_cond_id *conds,
                                        uint32_t count)
{
    struct pm_classifier *k = calloc(1, sizeof *k);
    struct plan *plan = calloc(1, sizeof *plan);
    bool built = k && plan && build(k, plan, c, conds, count);
    if (built) {
        k->of = c;
        k->conds = conds;
    }
    if (plan) {
        free(plan->records);
        free(plan->slot_rules);
    }
    free(plan);
    if (built)
        return k;
    pm_classifier_free(k);
    return NULL;
}

void pm_classifier_free(struct pm_classifier *k)
{
    if (!k)
        return;
    free(k->slots);
    free(k->lists);
    free(k->map);
    free(k);
}

size_t pm_classifier_footprint(const struct pm_classifier *k)
{
    return sizeof *k + k->slots_count * sizeof *k->slots + k->lists_count * sizeof *k->lists +
           k->map_words * sizeof *k->map;
}

/* ------------------------------------------------------------------ looking up */

static void add_list(struct pm_candidates *walk, const struct slot *slot, uint32_t from)
{
    const uint32_t *next = &slot->first, *end = next + 1;
    if (slot->first & IS_LIST) {
        next = walk->classifier->lists + (slot->first & ~IS_LIST) + 1;
        end = next + next[-1];
    }
    size_t skipped = 0, rest = (size_t)(end - next);
    while (from && skipped < rest) {
        size_t middle = skipped + (rest - skipped) / 2;
        if (next[middle] < from)
            skipped = middle + 1;
        else
            rest = middle;
    }
    if (next + skipped == end)
        return;
    pm_cond_prefetch(walk->classifier->of, walk->classifier->conds[next[skipped]]);
    walk->next[walk->lists] = next + skipped;
    walk->end[walk->lists++] = end;
}

/* Tuples that may know the packet, and its hash for each of them. */
struct asked {
    uint64_t hash[PM_TUPLE_MAX];
    uint8_t tuple[PM_TUPLE_MAX];
    uint32_t count;
};

static void ask_tuples(struct asked *asked, const struct pm_classifier *k,
                       const struct pm_view_bits *view, uint32_t version)
{
    for (uint32_t i = k->begin[version]; i < k->begin[version + 1]; i++) {
        const struct tuple *tuple = &k->tuples[i];
        uint64_t hash = pm_tuple_hash(view, tuple->src, tuple->dst, tuple->rest_mask);
        asked->hash[asked->count] = hash;
        asked->tuple[asked->count] = (uint8_t)i;
        asked->count += (uint32_t)(*map_word(k, tuple, hash) >> hash % WORD_BITS & 1);
    }
}

/* What a packet lacks shows as 0; that may make a candidate in vain, never miss one. */
static void view_packet(const struct pm_classifier *k, const struct pm_headers *h,
                        struct pm_view_bits *view)
{
    bool v4 = h->ip_version == 4;
    const uint8_t *src = pm_l3(h) + (v4 ? 12 : 8);
    view->rest = (uint64_t)h->ip_proto << 32;
    if (h->parse == PM_PARSE_L4 && (h->ip_proto == PM_PROTO_TCP || h->ip_proto == PM_PROTO_UDP))
        view->rest |= (uint32_t)h->src_port << 16 | h->dst_port;
    pm_view_addrs(view, h->ip_version, src, src + (v4 ? 4 : 16), k->src_classes[v4 ? 1 : 2],
                  k->dst_classes[v4 ? 1 : 2]);
}

void pm_candidates_begin(struct pm_candidates *walk, const struct pm_classifier *k,
                         const struct pm_subject *s, uint32_t from)
{
    const struct pm_headers *h = s->headers;
    struct pm_view_bits view;
    struct asked asked;
    asked.count = 0;
    view.src[0] = view.dst[0] = view.rest = 0;
    bool is_ip = h->parse != PM_PARSE_NOT_IP && h->parse != PM_PARSE_BAD_L3;
    if (is_ip) {
        view_packet(k, h, &view);
        ask_tuples(&asked, k, &view, h->ip_version == 4 ? 1 : 2);
    }
    ask_tuples(&asked, k, &view, 0);
    walk->classifier = k;
    walk->lists = 0;
    walk->last = PM_NO_RULE;
    for (uint32_t i = 0; i < asked.count; i++) {
        const struct tuple *tuple = &k->tuples[asked.tuple[i]];
        const struct slot *slot = &k->slots[slot_of(k, tuple, asked.hash[i])];
        if (slot->first != EMPTY)
            add_list(walk, slot, from);
    }
}

uint32_t pm_candidates_next(struct pm_candidates *walk)
{
    uint32_t least = PM_NO_RULE;
    for (uint32_t i = 0; i < walk->lists; i++) {
        const uint32_t **next = &walk->next[i];
        if (*next != walk->end[i] && **next == walk->last)
            ++*next;
        if (*next != walk->end[i] && **next < least)
            least = **next;
    }
    walk->last = least;
    return least;
}
