/* test_difference.c - compares packets field by field, and tells causes from consequences.
 *
 * Checksums and lengths follow from another field of their packet. Sequence numbers,
 * acknowledgements and SACK edges follow from an earlier packet of their connection, once one of
 * them differs.
 */
#include "app/test_difference.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdlib.h>

#include "app/pcapng_options.h"
#include "app/test_fields.h"

#define SHOWN_BYTES      16u
#define DIFFERENCES_MOST 10000u /* more help nobody */

/* A pair of packets, and what differs in it so far. */
struct pair {
    const struct pm_case *c;
    const struct pm_kept *expected, *got;
    struct pm_difference *difference;
    const char *told;                      /* the field that the difference tells of */
    const char *following[PM_FIELD_SPANS]; /* fields that follow from others, where one is told */
    unsigned following_count;
    bool is_ignored; /* a field that differs does not count */
    bool has_itself, has_stream, has_packet;
    bool is_resized; /* other packets' numbers follow */
};

/* ------------------------------------------------------------------ values */

static void add_bytes(struct pm_text *text, const char *who, const uint8_t *bytes, uint32_t len,
                      uint32_t at)
{
    uint32_t shown = len - at < SHOWN_BYTES ? len - at : SHOWN_BYTES;
    pm_text_add(text, "    %-8s %" PRIu32 " bytes", who, len);
    if (shown == 0) {
        pm_text_add(text, ", which end here\n");
        return;
    }
    pm_text_add(text, "%s", at > 0 ? " .." : "  ");
    for (uint32_t i = 0; i < shown; i++)
        pm_text_add(text, " %02x", bytes[at + i]);
    pm_text_add(text, "  ");
    for (uint32_t i = 0; i < shown; i++)
        pm_text_add(text, "%c",
                    bytes[at + i] >= 0x20 && bytes[at + i] < 0x7f ? bytes[at + i] : '.');
    pm_text_add(text, "\n");
}

static void add_value(struct pm_text *text, const struct pm_field_span *span, const uint8_t *bytes)
{
    char address[INET6_ADDRSTRLEN] = "";
    uint64_t number = 0;
    for (uint32_t i = 0; i < span->len && i < 8; i++)
        number = number << 8 | bytes[i];
    switch (span->form) {
    case PM_FIELD_NUMBER:
        pm_text_add(text, "%" PRIu64, number);
        return;
    case PM_FIELD_HEX:
        pm_text_add(text, "0x%0*" PRIx64, (int)span->len * 2, number);
        return;
    case PM_FIELD_IP:
        inet_ntop(span->len == 4 ? AF_INET : AF_INET6, bytes, address, sizeof address);
        pm_text_add(text, "%s", address);
        return;
    case PM_FIELD_BYTES:
        return;
    }
}

static uint32_t same_bytes(const uint8_t *a, uint32_t a_len, const uint8_t *b, uint32_t b_len)
{
    uint32_t least = a_len < b_len ? a_len : b_len, at = 0;
    while (at < least && a[at] == b[at])
        at++;
    return at;
}

static void tell_field(struct pm_text *text, const struct pair *pair,
                       const struct pm_field_span *expected, const struct pm_field_span *got)
{
    static const struct pm_field_span none = {.form = PM_FIELD_BYTES};
    const struct pm_field_span *e = expected == NULL ? &none : expected;
    const struct pm_field_span *g = got == NULL ? &none : got;
    const char *name = expected == NULL ? got->name : expected->name;
    const uint8_t *e_bytes = pair->expected->record.data + e->off;
    const uint8_t *g_bytes = pair->got->record.data + g->off;
    if (e->form != PM_FIELD_BYTES && g->form != PM_FIELD_BYTES) {
        pm_text_add(text, "%s is ", name);
        add_value(text, g, g_bytes);
        pm_text_add(text, ", expected ");
        add_value(text, e, e_bytes);
        pm_text_add(text, "\n");
        return;
    }
    uint32_t at = same_bytes(e_bytes, e->len, g_bytes, g->len);
    pm_text_add(text,
                "%s differs from byte %" PRIu32 " on (byte %" PRIu32
                " of the frame; the first is 0)\n",
                name, at, (got == NULL ? e->off : g->off) + at);
    add_bytes(text, "expected", e_bytes, e->len, at);
    add_bytes(text, "got", g_bytes, g->len, at);
}

/* ------------------------------------------------------------------ one field */

static void add_name(struct pm_text *text, const char *name)
{
    pm_text_add(text, "%s%s", text->len > 0 ? ", " : "", name);
}

static void add_following(struct pair *pair, const char *name)
{
    if (pair->following_count < PM_FIELD_SPANS)
        pair->following[pair->following_count++] = name;
}

/* True: it is the first of its rank, so far the one to tell. */
static bool count_field(struct pair *pair, const char *name, enum pm_field_cause cause)
{
    bool is_first = false;
    switch (cause) {
    case PM_CAUSE_ITSELF:
        is_first = !pair->has_itself;
        pair->has_itself = true;
        if (!is_first)
            add_name(&pair->difference->also, name);
        break;
    case PM_CAUSE_STREAM:
        is_first = !pair->has_itself && !pair->has_stream;
        pair->has_stream = true;
        add_following(pair, name);
        break;
    case PM_CAUSE_PACKET:
        is_first = !pair->has_itself && !pair->has_stream && !pair->has_packet;
        pair->has_packet = true;
        add_following(pair, name);
        break;
    }
    if (is_first)
        pair->told = name;
    return is_first;
}

static void tell_following(struct pair *pair)
{
    for (unsigned i = 0; i < pair->following_count; i++)
        if (pair->following[i] != pair->told)
            add_name(&pair->difference->follows, pair->following[i]);
}

static void see_field(struct pair *pair, const struct pm_field_span *expected,
                      const struct pm_field_span *got)
{
    const struct pm_field_span *any = expected == NULL ? got : expected;
    bool is_same = expected != NULL && got != NULL && expected->len == got->len &&
                   memcmp(pair->expected->record.data + expected->off,
                          pair->got->record.data + got->off, got->len) == 0;
    if (is_same)
        return;
    if (pm_case_ignores(pair->c, any->name)) {
        pair->is_ignored = true;
        return;
    }
    if (any->cause == PM_CAUSE_ITSELF &&
        (expected == NULL || got == NULL || expected->len != got->len))
        pair->is_resized = true;
    if (!count_field(pair, any->name, any->cause))
        return;
    pm_text_free(&pair->difference->text);
    tell_field(&pair->difference->text, pair, expected, got);
}

static const struct pm_field_span *find(const struct pm_field_span *spans, unsigned count,
                                        const char *name)
{
    for (unsigned i = 0; i < count; i++)
        if (strcmp(spans[i].name, name) == 0)
            return &spans[i];
    return NULL;
}

static void see_fields(struct pair *pair)
{
    struct pm_field_span e[PM_FIELD_SPANS], g[PM_FIELD_SPANS];
    unsigned e_count = pm_fields_of(&pair->expected->packet, pair->expected->record.link, e);
    unsigned g_count = pm_fields_of(&pair->got->packet, pair->got->record.link, g);
    for (unsigned i = 0; i < e_count; i++)
        see_field(pair, &e[i], find(g, g_count, e[i].name));
    for (unsigned i = 0; i < g_count; i++)
        if (find(e, e_count, g[i].name) == NULL)
            see_field(pair, NULL, &g[i]);
}

/* ------------------------------------------------------------------ around the bytes */

static void see_frame(struct pair *pair, const char *name, enum pm_field_cause cause,
                      const struct pm_text *expected, const struct pm_text *got)
{
    if (strcmp(pm_text_of(expected), pm_text_of(got)) == 0)
        return;
    if (pm_case_ignores(pair->c, name)) {
        pair->is_ignored = true;
        return;
    }
    if (!count_field(pair, name, cause))
        return;
    pm_text_free(&pair->difference->text);
    pm_text_add(&pair->difference->text, "%s is %s, expected %s\n", name, pm_text_of(got),
                pm_text_of(expected));
}

static void see_time(struct pair *pair)
{
    struct pm_text texts[2] = {{0}, {0}};
    uint64_t times[2] = {pair->expected->record.time_ns, pair->got->record.time_ns};
    for (unsigned i = 0; i < 2; i++)
        pm_text_add(&texts[i], "%" PRIu64 ".%09" PRIu64, times[i] / 1000000000u,
                    times[i] % 1000000000u);
    see_frame(pair, "frame.time", PM_CAUSE_ITSELF, &texts[0], &texts[1]);
    pm_text_free(&texts[0]);
    pm_text_free(&texts[1]);
}

/* Where the same bytes are there, the lengths that the record tells. */
static void see_lengths(struct pair *pair)
{
    struct pm_text texts[2] = {{0}, {0}};
    const struct pm_record *e = &pair->expected->record, *g = &pair->got->record;
    if (e->caplen == g->caplen) {
        pm_text_add(&texts[0], "%" PRIu32, e->origlen);
        pm_text_add(&texts[1], "%" PRIu32, g->origlen);
        see_frame(pair, "frame.len", PM_CAUSE_ITSELF, &texts[0], &texts[1]);
    }
    pm_text_free(&texts[0]);
    pm_text_free(&texts[1]);
}

static void add_comments(struct pm_text *text, const struct pm_record *record)
{
    struct pm_ng_options options = {record->options, record->options_len, record->big};
    struct pm_ng_option option;
    while (pm_ng_next_option(&options, &option))
        if (option.code == PM_NG_OPT_COMMENT)
            pm_text_add(text, "%s\"%.*s\"", text->len > 0 ? " and " : "", (int)option.len,
                        (const char *)option.value);
    if (text->len == 0)
        pm_text_add(text, "none");
}

static void see_comments(struct pair *pair)
{
    struct pm_text texts[2] = {{0}, {0}};
    add_comments(&texts[0], &pair->expected->record);
    add_comments(&texts[1], &pair->got->record);
    see_frame(pair, "frame.comment", PM_CAUSE_PACKET, &texts[0], &texts[1]);
    pm_text_free(&texts[0]);
    pm_text_free(&texts[1]);
}

/* The record differs, and none of what is known: another option, an interface. */
static void see_rest(struct pair *pair)
{
    const struct pm_record *e = &pair->expected->record, *g = &pair->got->record;
    bool is_same = e->raw_len == g->raw_len && memcmp(e->raw, g->raw, e->raw_len) == 0;
    if (is_same || pair->is_ignored || pair->has_itself || pair->has_stream || pair->has_packet)
        return;
    uint32_t at = same_bytes(e->raw, e->raw_len, g->raw, g->raw_len);
    pair->has_itself = true;
    pm_text_add(&pair->difference->text,
                "the record around the packet differs from byte %" PRIu32 " on\n", at);
    add_bytes(&pair->difference->text, "expected", e->raw, e->raw_len, at);
    add_bytes(&pair->difference->text, "got", g->raw, g->raw_len, at);
}

/* ------------------------------------------------------------------ the list */

struct shifted {
    uint64_t flow;
    size_t difference;
};

struct search {
    struct pm_differences *found;
    const struct pm_case *c;
    const struct pm_summary *summary;
    struct shifted *shifted;
    size_t shifted_count, shifted_cap;
};

static bool grow(void **list, size_t *cap, size_t count, size_t size)
{
    if (count < *cap)
        return true;
    size_t more = *cap == 0 ? 64 : *cap * 2;
    void *grown = realloc(*list, more * size);
    if (grown == NULL)
        return false;
    *list = grown;
    *cap = more;
    return true;
}

static struct pm_difference *add_difference(struct search *search)
{
    struct pm_differences *found = search->found;
    void *list = found->list;
    bool good = grow(&list, &found->cap, found->count, sizeof *found->list);
    found->list = list;
    if (!good) {
        found->no_memory = true;
        return NULL;
    }
    found->list[found->count] = (struct pm_difference){0};
    return &found->list[found->count++];
}

static void drop_last(struct search *search)
{
    struct pm_difference *last = &search->found->list[--search->found->count];
    pm_text_free(&last->text);
    pm_text_free(&last->also);
    pm_text_free(&last->follows);
}

static struct shifted *shift_of(struct search *search, uint64_t flow)
{
    for (size_t i = 0; i < search->shifted_count; i++)
        if (search->shifted[i].flow == flow)
            return &search->shifted[i];
    return NULL;
}

static void shift(struct search *search, uint64_t flow)
{
    void *list = search->shifted;
    if (flow == 0 || shift_of(search, flow) != NULL)
        return;
    bool good = grow(&list, &search->shifted_cap, search->shifted_count, sizeof *search->shifted);
    search->shifted = list;
    if (good)
        search->shifted[search->shifted_count++] = (struct shifted){flow, search->found->count - 1};
    else
        search->found->no_memory = true;
}

static void fold(struct search *search, struct shifted *under, uint64_t frame)
{
    struct pm_differences *found = search->found;
    void *list = found->folded;
    found->list[under->difference].later++;
    bool good = grow(&list, &found->folded_cap, found->folded_count, sizeof *found->folded);
    found->folded = list;
    if (good)
        found->folded[found->folded_count++] = frame;
    else
        found->no_memory = true;
}

/* The frame that a packet left for. */
static uint64_t frame_of(const struct search *search, const struct pm_kept *got)
{
    uint64_t number = got->record.frame;
    return number <= search->summary->left ? search->summary->frames[number - 1] : 0;
}

/* The frame that was recorded when a packet should have left. */
static uint64_t frame_at(const struct search *search, const struct pm_kept *expected)
{
    const struct pm_summary *summary = search->summary;
    if (expected == NULL)
        return 0;
    for (size_t i = 0; i < summary->count; i++)
        if (summary->lines[i].recorded_ns == expected->record.time_ns &&
            summary->lines[i].parts == 0)
            return i + 1;
    for (size_t i = 0; i < summary->count; i++)
        if (summary->lines[i].recorded_ns == expected->record.time_ns)
            return i + 1;
    return 0;
}

static void take_alone(struct search *search, const struct pm_kept *expected,
                       const struct pm_kept *got)
{
    struct pm_difference *d = add_difference(search);
    const struct pm_kept *any = expected == NULL ? got : expected;
    if (d == NULL || any == NULL)
        return;
    d->is_only_expected = got == NULL;
    d->frame = got == NULL ? frame_at(search, expected) : frame_of(search, got);
    char flow[PM_VERIFY_FLOW];
    pm_verify_ends_name(&any->packet.ends, 0, flow);
    pm_text_add(&d->text, "packet %" PRIu64 " of %s (%s, %" PRIu32 " bytes) %s\n",
                any->record.frame, got == NULL ? "those expected" : "those written", flow,
                any->record.origlen, got == NULL ? "did not leave" : "was not expected");
    shift(search, any->packet.payload_len > 0 ? any->flow : 0);
}

static void take_pair(struct search *search, const struct pm_kept *expected,
                      const struct pm_kept *got)
{
    const struct pm_record *e = &expected->record, *g = &got->record;
    if (e->raw_len == g->raw_len && memcmp(e->raw, g->raw, e->raw_len) == 0)
        return;
    struct pair pair = {
        .c = search->c, .expected = expected, .got = got, .difference = add_difference(search)};
    if (pair.difference == NULL)
        return;
    pair.difference->frame = frame_of(search, got);
    see_fields(&pair);
    see_time(&pair);
    see_lengths(&pair);
    see_comments(&pair);
    see_rest(&pair);
    tell_following(&pair);
    struct shifted *under = shift_of(search, expected->flow);
    bool follows_ignored = pair.is_ignored && !pair.has_itself && !pair.has_stream;
    bool follows_stream = !pair.has_itself && pair.has_stream && under != NULL;
    bool differs = pair.has_itself || pair.has_stream || pair.has_packet;
    if (follows_stream)
        fold(search, under, pair.difference->frame);
    if (!differs || follows_ignored || follows_stream)
        drop_last(search);
    else if (pair.is_resized || pair.has_stream)
        shift(search, expected->flow);
}

static int by_frame(const void *a, const void *b)
{
    const struct pm_difference *one = a, *other = b;
    if (one->frame != other->frame)
        return one->frame < other->frame ? -1 : 1;
    return 0;
}

static int by_number(const void *a, const void *b)
{
    uint64_t one = *(const uint64_t *)a, other = *(const uint64_t *)b;
    return one < other ? -1 : one > other;
}

/* Keeps the order of those with the same frame. */
static void sort_differences(struct pm_differences *found)
{
    for (size_t i = 1; i < found->count; i++)
        for (size_t at = i; at > 0 && by_frame(&found->list[at - 1], &found->list[at]) > 0; at--) {
            struct pm_difference moved = found->list[at];
            found->list[at] = found->list[at - 1];
            found->list[at - 1] = moved;
        }
    if (found->folded_count > 0)
        qsort(found->folded, found->folded_count, sizeof *found->folded, by_number);
}

void pm_differences_find(struct pm_differences *differences, const struct pm_case *c,
                         const struct pm_summary *summary, const struct pm_packets *expected,
                         const struct pm_packets *got)
{
    struct pm_pairing pairing = {.expected = expected, .got = got};
    struct search search = {.found = differences, .c = c, .summary = summary};
    const struct pm_kept *e, *g;
    *differences = (struct pm_differences){.is_around = expected->around != got->around};
    while (!differences->no_memory && pm_pairing_next(&pairing, &e, &g)) {
        differences->is_cut = differences->count == DIFFERENCES_MOST;
        if (differences->is_cut)
            break;
        if (e == NULL || g == NULL)
            take_alone(&search, e, g);
        else
            take_pair(&search, e, g);
    }
    free(search.shifted);
    sort_differences(differences);
}

void pm_differences_free(struct pm_differences *differences)
{
    for (size_t i = 0; i < differences->count; i++) {
        pm_text_free(&differences->list[i].text);
        pm_text_free(&differences->list[i].also);
        pm_text_free(&differences->list[i].follows);
    }
    free(differences->list);
    free(differences->folded);
    *differences = (struct pm_differences){0};
}

bool pm_differences_fold(const struct pm_differences *differences, uint64_t frame)
{
    return differences->folded_count > 0 &&
           bsearch(&frame, differences->folded, differences->folded_count,
                   sizeof *differences->folded, by_number) != NULL;
}
