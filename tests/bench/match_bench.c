/* match_bench.c - how long matching takes: classifier lookups by number of rules, scans by number
 * of literals. Prints one line each; run.sh builds and runs it.
 */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "bench.h"
#include "match/classify.h"
#include "match/literal.h"
#include "match/vectorscan.h"

/* ------------------------------------------------------------------ rules */

/* What a rule fixes, and with it the packets that it is for. */
struct wanted {
    uint32_t src, dst;
    uint8_t src_bits, dst_bits, proto;
    uint16_t dst_port; /* 0: any */
};

static struct wanted wanted_by_chance(uint64_t *chance)
{
    struct wanted w = {.src = any(chance) << 1, .dst = any(chance) << 1, .proto = 6};
    uint32_t kind = any(chance) % 10;
    w.dst_bits = kind < 4 ? 24 : kind < 6 ? 32 : kind < 8 ? (uint8_t)(17 + any(chance) % 7) : 0;
    w.src_bits = kind == 3 ? 24 : kind > 6 ? 16 : 0;
    w.dst_port = kind % 2 ? (uint16_t)(1 + any(chance) % 2000) : 0;
    w.proto = kind == 5 ? 17 : 6;
    return w;
}

static void add_test(struct pm_conds *c, pm_cond_id *kids, size_t *count, enum pm_field field,
                     struct pm_value value)
{
    if (!pm_conds_test(c, field, &value, 1, &kids[(*count)++]))
        exit(1);
}

static struct pm_value prefix(uint32_t addr, uint8_t bits)
{
    struct pm_value value = {.kind = PM_VALUE_PREFIX, .prefix = {.bits = bits}};
    value.prefix.addr.version = 4;
    pm_put32(value.prefix.addr.bytes, addr);
    return value;
}

static struct pm_value number(uint32_t n)
{
    return (struct pm_value){.kind = PM_VALUE_RANGE, .range = {n, n}};
}

static pm_cond_id cond_of(struct pm_conds *c, const struct wanted *w)
{
    pm_cond_id kids[4], id;
    size_t count = 0;
    if (w->src_bits)
        add_test(c, kids, &count, PM_FIELD_IP_SRC, prefix(w->src, w->src_bits));
    if (w->dst_bits)
        add_test(c, kids, &count, PM_FIELD_IP_DST, prefix(w->dst, w->dst_bits));
    if (w->dst_port)
        add_test(c, kids, &count, w->proto == 6 ? PM_FIELD_TCP_DSTPORT : PM_FIELD_UDP_DSTPORT,
                 number(w->dst_port));
    else
        add_test(c, kids, &count, PM_FIELD_IP_PROTO, number(w->proto));
    if (!pm_conds_all(c, kids, count, &id))
        exit(1);
    return id;
}

/* ------------------------------------------------------------------ packets */

#define PACKETS 4096

/* The packet at hand is in the cache, as one that was just parsed; the others wait as bytes. */
struct sample {
    uint8_t bytes[40];
    struct pm_packet packet;
    struct pm_headers headers;
    struct pm_subject subject;
};

static void write_packet(uint8_t p[40], const struct wanted *w, uint64_t *chance)
{
    memset(p, 0, 40);
    p[0] = 0x45;
    p[3] = 40;
    p[8] = 64;
    p[9] = w->proto;
    pm_put32(p + 12, w->src_bits ? w->src : any(chance));
    pm_put32(p + 16, w->dst_bits ? w->dst : any(chance));
    pm_put16(p + 20, (uint16_t)(1024 + any(chance) % 60000));
    pm_put16(p + 22, w->dst_port ? w->dst_port : (uint16_t)any(chance));
    if (w->proto == 17)
        p[25] = 20;
    p[32] = 0x50;
}

/* Half of the packets are for one of the rules. */
static void write_packets(uint8_t (*packets)[40], const struct wanted *wanted, uint32_t rules,
                          uint64_t *chance)
{
    for (uint32_t i = 0; i < PACKETS; i++) {
        struct wanted stranger = wanted_by_chance(chance);
        write_packet(packets[i], i % 2 ? &stranger : &wanted[any(chance) % rules], chance);
    }
}

static void begin_sample(struct sample *s, const uint8_t packet[40])
{
    memcpy(s->bytes, packet, 40);
    s->packet = (struct pm_packet){.data = s->bytes, .len = 40, .wire_len = 40, .link = 101};
    pm_headers_parse(101, s->bytes, 40, 40, &s->headers);
    s->subject = (struct pm_subject){.headers = &s->headers, .packet = &s->packet};
}

static void next_sample(struct sample *s, const uint8_t packet[40])
{
    memcpy(s->bytes, packet, 40);
    s->headers.ip_proto = packet[9];
    s->headers.src_port = pm_get16(packet + 20);
    s->headers.dst_port = pm_get16(packet + 22);
}

static uint32_t first_match(const struct pm_classifier *k, const struct pm_conds *c,
                            const pm_cond_id *conds, const struct pm_subject *s)
{
    struct pm_candidates walk;
    uint32_t rule;
    pm_candidates_begin(&walk, k, s, 0);
    while ((rule = pm_candidates_next(&walk)) != PM_NO_RULE)
        if (pm_cond_holds(c, conds[rule], s))
            break;
    return rule;
}

static void measure_rules(uint32_t rules)
{
    uint64_t chance = 1, hits = 0, lookups = 0;
    struct wanted *wanted = must(calloc(rules, sizeof *wanted));
    pm_cond_id *conds = must(calloc(rules, sizeof *conds));
    uint8_t(*packets)[40] = must(calloc(PACKETS, sizeof *packets));
    struct sample sample;
    struct pm_conds *c = must(pm_conds_new());
    double begun = now_s();
    for (uint32_t i = 0; i < rules; i++) {
        wanted[i] = wanted_by_chance(&chance);
        conds[i] = cond_of(c, &wanted[i]);
    }
    if (!pm_conds_seal(c))
        exit(1);
    double made = now_s();
    struct pm_classifier *k = must(pm_classifier_new(c, conds, rules));
    double built = now_s(), best = 1e9;
    write_packets(packets, wanted, rules, &chance);
    begin_sample(&sample, packets[0]);
    for (int round = 0; round < 40; round++) {
        double start = now_s();
        for (uint32_t i = 0; i < PACKETS; i++, lookups++) {
            next_sample(&sample, packets[i]);
            hits += first_match(k, c, conds, &sample.subject) != PM_NO_RULE;
        }
        double each = (now_s() - start) / PACKETS;
        best = each < best ? each : best;
    }
    printf("%7u rules: %6.1f ns per lookup (%2.0f%% hit), classifier built in %.1f ms, %.2f MB; "
           "conditions in %.1f ms, %.2f MB\n",
           rules, best * 1e9, 100.0 * (double)hits / (double)lookups, (built - made) * 1e3,
           (double)pm_classifier_footprint(k) / 1e6, (made - begun) * 1e3,
           (double)pm_conds_footprint(c) / 1e6);
    pm_classifier_free(k);
    pm_conds_free(c);
    free(packets);
    free(conds);
    free(wanted);
}

/* ------------------------------------------------------------------ literals */

#define TEXT  (8u << 20)
#define PIECE 1460u

/* Markup stands between the words as it is; the words are made of syllables. */
static const char *const markup[] = {
    "<div class=\"",
    "\">",
    "</div>\n",
    "<p>",
    "</p>\r\n",
    "<a href=\"http://www.",
    ".com/",
    ".html",
    "?id=",
    "&amp;",
    "{\"name\":\"",
    "\",\"list\":[",
    "],",
    "12",
    "2024-01-",
    "07:45",
    "0.5",
    "Content-Type: text/html\r\n",
    "HTTP/1.1 ",
    "200",
    "Cache-Control",
    "max-age=6",
    "\r\n\r\n",
};
static const char *const syllables[] = {
    "the",  "an",   "ing", "er",  "re",  "tion", "al",  "in",  "con", "de", "st",  "men", "pro",
    "ter",  "ly",   "com", "ver", "per", "is",   "ble", "or",  "na",  "ti", "mo",  "ra",  "ex",
    "lo",   "ship", "dis", "un",  "ca",  "po",   "si",  "ful", "ma",  "be", "out", "ap",  "hi",
    "ness", "gra",  "vi",  "tu",  "sub", "quo",  "wo",  "ke",  "jo",  "zy", "br",  "cl",  "fy",
};

/* Frequent syllables come first, and so do the frequent words. */
static uint32_t rather_low(uint64_t *chance, uint32_t bound)
{
    return (uint32_t)((uint64_t)(any(chance) % bound) * (any(chance) % bound) / bound);
}

static size_t write_word(uint8_t *word, uint64_t word_number)
{
    uint64_t chance = word_number * 77;
    size_t len = 0;
    for (uint32_t n = 1 + any(&chance) % 4; n > 0; n--)
        for (const char *s = syllables[rather_low(&chance, sizeof syllables / sizeof *syllables)];
             *s; s++)
            word[len++] = (uint8_t)*s;
    return len;
}

#define VOCABULARY 8000u

static void write_text(uint8_t *text, uint64_t *chance)
{
    size_t at = 0;
    while (at < TEXT - 64) {
        const char *tag = markup[any(chance) % (sizeof markup / sizeof *markup)];
        for (; any(chance) % 6 && at < TEXT - 64; text[at++] = ' ')
            at += write_word(text + at, rather_low(chance, VOCABULARY));
        for (; *tag && at < TEXT; tag++)
            text[at++] = (uint8_t)*tag;
    }
    memset(text + at, '\n', TEXT - at);
}

/* Eight to sixteen letters of words as they stand in the text, most of them not there. */
static uint32_t write_literal(uint8_t *bytes, uint64_t *chance)
{
    size_t len = 0;
    while (len < 8)
        len += write_word(bytes + len, VOCABULARY / 2 + any(chance));
    return (uint32_t)(len < 16 ? len : 16);
}

static uint32_t write_token(uint8_t *bytes, uint64_t *chance)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-_";
    uint32_t len = 8 + any(chance) % 9;
    for (uint32_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)letters[any(chance) % (sizeof letters - 1)];
    return len;
}

#define LITERAL_ROOM 48

/* With the words of the text, or with letters by chance. */
static void measure_literals(const uint8_t *text, uint32_t count, bool nocase, bool strange)
{
    uint64_t chance = 5, hits = 0;
    struct pm_literal *list = must(calloc(count, sizeof *list));
    uint8_t *bytes = must(malloc((size_t)count * LITERAL_ROOM));
    for (uint32_t i = 0; i < count; i++) {
        uint8_t *literal = bytes + (size_t)i * LITERAL_ROOM;
        list[i] = (struct pm_literal){
            literal, strange ? write_token(literal, &chance) : write_literal(literal, &chance),
            nocase};
    }
    struct pm_literals *set = must(pm_literals_new(list, count));
    struct pm_vectorscan_room *room = NULL;
    if (!pm_literals_fit(&room, set))
        exit(1);
    double best = 1e9;
    for (int round = 0; round < 5; round++) {
        double start = now_s();
        for (size_t at = 0; at < TEXT; at += PIECE) {
            struct pm_scan scan;
            struct pm_hit hit;
            pm_scan_begin(&scan, set, room, NULL, 0, text + at,
                          TEXT - at < PIECE ? TEXT - at : PIECE);
            for (; pm_scan_next(&scan, &hit); hits++)
                pm_scan_skip(&scan, hit.position + list[hit.literal].len);
        }
        double took = now_s() - start;
        best = took < best ? took : best;
    }
    printf("%7u literals%s%s: %5.2f GB/s in pieces of %u bytes, %.2f hits per kB, %.2f MB\n", count,
           strange ? " of chance" : "", nocase ? ", nocase" : "", TEXT / best / 1e9, PIECE,
           (double)hits / 5 / (TEXT / 1e3), (double)pm_literals_footprint(set) / 1e6);
    pm_vectorscan_room_free(room);
    pm_literals_free(set);
    free(bytes);
    free(list);
}

int main(void)
{
    static const uint32_t rules[] = {10, 1000, 100000},
                          literals[] = {1, 2, 5, 10, 100, 1000, 10000};
    uint64_t chance = 9;
    uint8_t *text = must(malloc(TEXT));
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        measure_rules(rules[i]);
    write_text(text, &chance);
    for (size_t i = 0; i < sizeof literals / sizeof literals[0]; i++) {
        measure_literals(text, literals[i], false, false);
        measure_literals(text, literals[i], true, false);
        measure_literals(text, literals[i], false, true);
    }
    free(text);
    return 0;
}
