/* plan.c - from a seed to a plan. Everything that varies is drawn here. */
#include "plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS         UINT64_C(1000000)
#define MOST_M     300000 /* bytes a stream may become */
#define MOST_EARLY 65536  /* bytes that may wait in the engine */
#define MOST_TINY  3000   /* bytes of a stream cut into tiny segments */

static uint8_t *allocate(size_t len)
{
    uint8_t *bytes = malloc(len > 0 ? len : 1);
    if (!bytes)
        abort();
    return bytes;
}

/* ------------------------------------------------------------------ rules */

enum growth { GROWTH_NONE, GROWTH_MORE, GROWTH_LESS, GROWTH_DELETE, GROWTH_SAME, GROWTH_HUGE };

static size_t draw_with_len(struct dice *d, enum growth growth, size_t find_len)
{
    switch (growth) {
    case GROWTH_NONE:
    case GROWTH_SAME:
        return find_len;
    case GROWTH_MORE:
        return find_len + dice_scale(d, 1, 200);
    case GROWTH_LESS:
        return dice_below(d, find_len);
    case GROWTH_DELETE:
        return 0;
    case GROWTH_HUGE:
        return dice_range(d, 2000, 20000);
    }
    return 0;
}

static void draw_needle(struct dice *d, struct needle *n, enum growth growth, uint8_t mark,
                        size_t longest, uint8_t letters)
{
    n->find_len = dice_scale(d, 1, longest);
    if (growth == GROWTH_HUGE && n->find_len < 3)
        n->find_len = 3;
    n->find = allocate(n->find_len);
    for (size_t i = 0; i < n->find_len; i++)
        n->find[i] = (uint8_t)('a' + dice_below(d, letters));
    n->with_len = draw_with_len(d, growth, n->find_len);
    n->with = allocate(n->with_len);
    for (size_t i = 0; i < n->with_len; i++) /* letters too, for what is put in is not searched */
        n->with[i] = (uint8_t)(dice_percent(d, 30) ? 'a' + dice_below(d, letters) : mark + i % 3);
}

/* Begins like another needle, and goes on in its own way. */
static void share_prefix(struct dice *d, struct needle *n, const struct needle *other)
{
    size_t most = n->find_len < other->find_len ? n->find_len : other->find_len;
    memcpy(n->find, other->find, dice_below(d, most + 1));
}

static enum growth draw_growth(struct dice *d)
{
    static const enum growth often[] = {GROWTH_MORE,   GROWTH_MORE, GROWTH_LESS, GROWTH_LESS,
                                        GROWTH_DELETE, GROWTH_SAME, GROWTH_HUGE, GROWTH_MORE};
    return often[dice_below(d, sizeof often / sizeof *often)];
}

static void draw_rules(struct plan *p, struct dice *d, int side, uint8_t letters)
{
    size_t count = dice_percent(d, 50) ? 1 : dice_range(d, 2, ORACLE_NEEDLES);
    size_t longest = dice_percent(d, 20) ? 300 : 12;
    bool is_mixed = dice_percent(d, 50), has_prefixes = dice_percent(d, 50);
    enum growth growth = draw_growth(d);
    for (size_t i = 0; i < count; i++) {
        struct needle *n = &p->edits[side].needles[i];
        draw_needle(d, n, is_mixed ? draw_growth(d) : growth, (uint8_t)('A' + 3 * i), longest,
                    letters);
        if (i > 0 && has_prefixes)
            share_prefix(d, n, &p->edits[side].needles[dice_below(d, i)]);
    }
    p->edits[side].needle_count = count;
}

/* ------------------------------------------------------------------ streams */

static int64_t draw_stream_len(struct dice *d)
{
    switch (dice_below(d, 20)) {
    case 0:
        return 0;
    case 1:
        return (int64_t)dice_range(d, 1, 3);
    case 2:
        return (int64_t)dice_range(d, 20000, 200000);
    default:
        return (int64_t)dice_scale(d, 10, 12000);
    }
}

/* Letters, whole needles, and beginnings of needles: the last of all is often one of those. */
static int64_t put_piece(struct plan *p, struct dice *d, int side, int64_t at, uint8_t letters,
                         uint32_t density)
{
    int64_t left = p->out_len[side] - at;
    uint8_t *out = p->out[side] + at;
    if (p->edits[side].needle_count > 0 && dice_percent(d, density)) {
        const struct needle *n =
            &p->edits[side].needles[dice_below(d, p->edits[side].needle_count)];
        int64_t len = (int64_t)n->find_len;
        if (dice_percent(d, 40))
            len = (int64_t)dice_range(d, 1, n->find_len);
        len = len < left ? len : left;
        memcpy(out, n->find, (size_t)len);
        return len;
    }
    int64_t len = (int64_t)dice_scale(d, 1, density > 30 ? 8 : 2000);
    len = len < left ? len : left;
    for (int64_t i = 0; i < len; i++)
        out[i] = (uint8_t)(density > 30 ? 'a' + dice_below(d, letters) : dice_below(d, 256));
    return len;
}

static void fill_stream(struct plan *p, struct dice *d, int side, uint8_t letters)
{
    static const uint32_t densities[] = {90, 60, 40, 10, 2, 0};
    uint32_t density = densities[dice_below(d, sizeof densities / sizeof *densities)];
    p->out[side] = allocate((size_t)p->out_len[side]);
    for (int64_t at = 0; at < p->out_len[side];)
        at += put_piece(p, d, side, at, letters, density);
}

/* A stream that would become too long ends where it does; also one for a receiver that takes a
 * few bytes at a time. */
static void bound_stream(struct plan *p, int side)
{
    struct oracle k;
    int64_t most = 3000 + 500 * p->tcp[1 - side].buffer_len;
    most = most < MOST_M ? most : MOST_M;
    oracle_begin(&k, p->out[side], p->out_len[side], &p->edits[side]);
    while (p->out_len[side] > 0 && oracle_high(&k, p->out_len[side]) > most)
        p->out_len[side] = p->out_len[side] * 9 / 10;
    oracle_end(&k);
    struct edits *edits =
        &p->edits[side]; /* an insert that is left without its byte is not meant */
    while (edits->splice_count > 0 &&
           edits->splices[edits->splice_count - 1].at >= p->out_len[side])
        edits->splice_count--;
}

/* The most that one segment of the stream may become. */
static int64_t largest_image(const struct plan *p, int side)
{
    struct oracle k;
    int64_t most = 0, step = p->merges ? 60000 : p->mtu;
    oracle_begin(&k, p->out[side], p->out_len[side], &p->edits[side]);
    for (int64_t o = 0; o < p->out_len[side]; o += step / 4) {
        int64_t end = o + 2 * step < p->out_len[side] ? o + 2 * step : p->out_len[side];
        int64_t image = oracle_high(&k, end) - oracle_low(&k, o);
        most = image > most ? image : most;
    }
    oracle_end(&k);
    return most;
}

/* A limit that no single segment can break: that one's edits would be left out, and counted. */
static uint32_t draw_retain(const struct plan *p, struct dice *d)
{
    int64_t limit = (int64_t)dice_range(d, 64, 256) << 10;
    for (int side = 0; side < 2; side++)
        if (largest_image(p, side) > limit / 2)
            return 0;
    return (uint32_t)limit;
}

/* Of dice of their own, so that seeds without them stay what they were. */
static void draw_splices(struct plan *p, int side)
{
    struct dice d = dice_make(p->seed, 1 + (uint64_t)side);
    struct edits *edits = &p->edits[side];
    uint32_t often = edits->needle_count > 0 ? 25 : 50;
    size_t count = dice_percent(&d, often) ? dice_range(&d, 1, ORACLE_SPLICES) : 0;
    edits->needles_first = dice_percent(&d, 50);
    int64_t at = dice_percent(&d, 40) ? 0 : (int64_t)dice_scale(&d, 1, 5000);
    for (size_t i = 0; i < count && at < p->out_len[side]; i++) {
        struct splice *s = &edits->splices[edits->splice_count++];
        *s = (struct splice){.at = at};
        if (dice_percent(&d, 50)) {
            s->taken = (int64_t)dice_scale(&d, 1, 4000);
            at += s->taken;
        } else {
            s->len = dice_percent(&d, 10) ? dice_range(&d, 2000, 20000) : dice_scale(&d, 1, 300);
            s->bytes = allocate(s->len);
            for (size_t k = 0; k < s->len; k++)
                s->bytes[k] = (uint8_t)('0' + (k + i) % 10);
        }
        at += (int64_t)dice_scale(&d, 2, 3000);
    }
}

static void draw_streams(struct plan *p, struct dice *d)
{
    uint32_t sides = (uint32_t)dice_below(d, 10); /* rules: 0 none, 1-3 A, 4-5 B, else both */
    uint8_t letters[2];
    for (int side = 0; side < 2; side++) {
        bool is_ruled = side == PLAN_A ? (sides >= 1 && sides <= 3) || sides > 5 : sides > 3;
        letters[side] = (uint8_t)dice_range(d, 2, 4);
        if (is_ruled)
            draw_rules(p, d, side, letters[side]);
        p->out_len[side] = draw_stream_len(d);
    }
    for (int side = 0; side < 2; side++) {
        if (p->tcp[side].cut == TCP_CUT_TINY && p->out_len[side] > MOST_TINY)
            p->out_len[side] = MOST_TINY;
        fill_stream(p, d, side, letters[side]);
        draw_splices(p, side);
        bound_stream(p, side);
    }
}

/* ------------------------------------------------------------------ ends */

static uint32_t draw_iss(struct dice *d)
{
    if (dice_percent(d, 60))
        return (uint32_t)-dice_range(d, 1, 5000);
    return (uint32_t)dice_next(d);
}

static int64_t draw_buffer(struct dice *d)
{
    switch (dice_below(d, 4)) {
    case 0:
        return (int64_t)dice_range(d, 1, 1500);
    case 1:
        return (int64_t)dice_range(d, 1500, 20000);
    default:
        return (int64_t)dice_range(d, 20000, 250000);
    }
}

static void draw_options(struct tcp_config *c, struct dice *d)
{
    c->use_mss_option = dice_percent(d, 90);
    c->use_ts = dice_percent(d, 60);
    c->use_sack = dice_percent(d, 70);
    c->use_dsack = dice_percent(d, 50);
    c->use_scale = dice_percent(d, 70);
    c->scale = (uint8_t)dice_range(d, 0, c->buffer_len > 65535 ? 9 : 4);
    while (c->scale > 0 && c->buffer_len >> c->scale < 8)
        c->scale--;
    c->nagle = dice_percent(d, 50);
    c->ts_start = dice_percent(d, 30) ? (uint32_t)-dice_range(d, 1, 3000) : (uint32_t)dice_next(d);
}

static void draw_end(struct plan *p, struct dice *d, int side)
{
    struct tcp_config *c = &p->tcp[side];
    c->df = dice_percent(d, 70);
    c->ttl = (uint8_t)dice_range(d, 30, 128);
    c->tos = dice_percent(d, 30) ? (uint8_t)dice_below(d, 256) : 0;
    c->own_port = side == PLAN_A ? PLAN_PORT_A : PLAN_PORT_B;
    c->peer_port = side == PLAN_A ? PLAN_PORT_B : PLAN_PORT_A;
    for (int i = 0; i < 16; i++)
        c->own[i] = (uint8_t)(c->ip_version == 4 && i > 3 ? 0 : 10 + i + side);
    for (int i = 0; i < 16; i++)
        c->peer[i] = (uint8_t)(c->ip_version == 4 && i > 3 ? 0 : 10 + i + 1 - side);
    c->iss = draw_iss(d);
    c->buffer_len = draw_buffer(d);
    draw_options(c, d);
    uint32_t largest = p->mtu - (c->ip_version == 4 ? 40 : 60);
    c->mss = (uint16_t)(dice_percent(d, 70) ? largest : dice_range(d, 88, largest));
    c->delack_ns = dice_percent(d, 25) ? 0 : dice_range(d, 5, 70) * MS;
    c->keepalive_ns = dice_percent(d, 20) ? dice_range(d, 100, 3000) * MS : 0;
    c->keepalive_has_byte = dice_percent(d, 50);
    c->probe_is_below = dice_percent(d, 50);
    c->cut = dice_percent(d, 50)   ? TCP_CUT_FULL
             : dice_percent(d, 70) ? TCP_CUT_RANDOM
                                   : TCP_CUT_TINY;
    c->recuts = dice_percent(d, 50);
    c->rto_max_ns = dice_range(d, 2000, 6000) * MS;
    c->time_wait_ns = 120000 * MS;
}

static void draw_app(struct plan *p, struct dice *d, int side)
{
    struct plan_app *a = &p->app[side];
    a->pause_ns = dice_percent(d, 50) ? 0 : dice_scale(d, 1, 300) * MS;
    a->write_len = dice_percent(d, 50) ? INT64_MAX : (int64_t)dice_scale(d, 1, 4000);
    if (p->out_len[side] / a->write_len > 300)
        a->write_len = p->out_len[side] / 300;
    a->read_ns = dice_percent(d, 70) ? 0 : dice_scale(d, 1, 100) * MS;
    a->read_len = (int64_t)dice_scale(d, 1000, 100000);
    a->stall_at_ns = dice_range(d, 0, 2000) * MS;
    a->stall_ns = dice_percent(d, 20) ? dice_range(d, 50, 8000) * MS : 0;
    a->abort_ns = dice_percent(d, 4) ? dice_range(d, 1, 3000) * MS : TCP_NEVER;
}

/* ------------------------------------------------------------------ the network */

static void draw_link(struct plan *p, struct dice *d, struct plan_link *l)
{
    l->delay_ns = dice_scale(d, 1, 60) * MS + dice_below(d, MS);
    if (p->is_calm)
        return;
    l->jitter_ns = dice_percent(d, 50) ? 0 : dice_range(d, 1, 2 * l->delay_ns);
    l->is_rarely_jittered = dice_percent(d, 70);
    l->loss = dice_percent(d, 40) ? 0 : (uint32_t)dice_scale(d, 5, 150);
    l->repeat = dice_percent(d, 60) ? 0 : (uint32_t)dice_scale(d, 5, 150);
    l->corrupt = dice_percent(d, 60) ? 0 : (uint32_t)dice_scale(d, 5, 60);
    l->split = dice_percent(d, 70) ? 0 : (uint32_t)dice_scale(d, 50, 500);
    l->outage_at_ns = dice_range(d, 0, 1500) * MS;
    l->outage_ns = dice_percent(d, 15) ? dice_range(d, 10, 3000) * MS : 0;
}

/* ------------------------------------------------------------------ header edits */

/* These have dice of their own too. */
#define DICE_MAPPED  40
#define DICE_OPTIONS 41

/* Nobody can map a connection that both ends open: B's SYN comes from what nothing stands for yet.
 */
static void draw_mapping(struct plan *p)
{
    struct dice d = dice_make(p->seed, DICE_MAPPED);
    struct tcp_config *b = &p->tcp[PLAN_B];
    if (p->both_open || !dice_percent(&d, 25))
        return;
    p->mapped = (uint32_t)dice_range(&d, 1, 15);
    size_t last = b->ip_version == 4 ? 3 : 15;
    if (p->mapped & PLAN_MAPS_SRC)
        b->peer[last] = (uint8_t)(b->peer[last] + 100);
    if (p->mapped & PLAN_MAPS_DST)
        b->own[last] = (uint8_t)(b->own[last] + 100);
    if (p->mapped & PLAN_MAPS_SRC_PORT)
        b->peer_port = (uint16_t)dice_range(&d, 1024, 65535);
    if (p->mapped & PLAN_MAPS_DST_PORT)
        b->own_port = (uint16_t)dice_range(&d, 1, 65535);
}

static void draw_option_edits(struct plan *p)
{
    struct dice d = dice_make(p->seed, DICE_OPTIONS);
    if (!dice_percent(&d, 20))
        return;
    p->removed[PLAN_A] = (uint32_t)dice_below(&d, 8); /* PM_TCPOPT_WSCALE, SACK, TIMESTAMPS */
    p->removed[PLAN_B] = p->both_open ? p->removed[PLAN_A] : (uint32_t)dice_below(&d, 8);
    for (int side = 0; side < 2; side++)
        p->mss_max[side] = dice_percent(&d, 50) ? (uint16_t)dice_range(&d, 536, 1460) : 0;
}

/* These two are never taken off an answer: its sender would use them (rules/README.md). */
static bool is_offered(const struct plan *p, enum pm_tcp_option option)
{
    return (p->removed[PLAN_A] & option) == 0;
}

bool plan_has_timestamps(const struct plan *p)
{
    return p->tcp[PLAN_A].use_ts && p->tcp[PLAN_B].use_ts && is_offered(p, PM_TCPOPT_TIMESTAMPS);
}

bool plan_has_scale(const struct plan *p)
{
    return p->tcp[PLAN_A].use_scale && p->tcp[PLAN_B].use_scale && is_offered(p, PM_TCPOPT_WSCALE);
}

void plan_forget_rules(struct plan *p)
{
    const struct tcp_config *a = &p->tcp[PLAN_A];
    struct tcp_config *b = &p->tcp[PLAN_B];
    memcpy(b->own, a->peer, sizeof b->own);
    memcpy(b->peer, a->own, sizeof b->peer);
    b->own_port = a->peer_port;
    b->peer_port = a->own_port;
    p->mapped = 0;
    for (int side = 0; side < 2; side++) {
        p->edits[side].needle_count = p->edits[side].splice_count = 0;
        p->removed[side] = p->mss_max[side] = 0;
    }
}

void plan_make(struct plan *p, uint64_t seed)
{
    struct dice d = dice_make(seed, 0);
    static const uint32_t mtus[] = {1500, 1500, 1500, 576, 1280, 9000};
    memset(p, 0, sizeof *p);
    p->seed = seed;
    p->mtu = mtus[dice_below(&d, sizeof mtus / sizeof *mtus)];
    p->tcp[0].ip_version = p->tcp[1].ip_version = dice_percent(&d, 60) ? 4 : 6;
    p->is_calm = dice_percent(&d, 25);
    p->hold_ms = (uint32_t)dice_range(&d, 5, 100);
    for (int side = 0; side < 2; side++)
        draw_end(p, &d, side);
    draw_streams(p, &d);
    for (int side = 0; side < 2; side++) {
        draw_app(p, &d, side);
        draw_link(p, &d, &p->to_m[side]);
        draw_link(p, &d, &p->from_m[side]);
    }
    p->talk = dice_percent(&d, 30) ? PLAN_TALK_IN_TURNS : PLAN_TALK_FREELY;
    p->both_open = dice_percent(&d, 10);
    p->clamp_mss = dice_percent(&d, 20);
    p->merges = dice_percent(&d, 20);
    p->offloads = dice_percent(&d, 15);
    p->retain_dir_bytes = dice_percent(&d, 15) ? draw_retain(p, &d) : 0;
    p->pending_dir_bytes =
        dice_percent(&d, 10) ? (uint32_t)dice_range(&d, 4, 32) << 10 : MOST_EARLY;
    draw_mapping(p);
    draw_option_edits(p);
}

void plan_free(struct plan *p)
{
    for (int side = 0; side < 2; side++) {
        for (size_t i = 0; i < ORACLE_SPLICES; i++)
            free(p->edits[side].splices[i].bytes);
        for (size_t i = 0; i < ORACLE_NEEDLES; i++) {
            free(p->edits[side].needles[i].find);
            free(p->edits[side].needles[i].with);
        }
        free(p->out[side]);
    }
    memset(p, 0, sizeof *p);
}

/* ------------------------------------------------------------------ telling */

static void tell_link(const char *name, const struct plan_link *l)
{
    printf("  %s: %.1f ms", name, (double)l->delay_ns / 1e6);
    if (l->jitter_ns)
        printf(", up to %.1f later%s", (double)l->jitter_ns / 1e6,
               l->is_rarely_jittered ? " (rarely)" : "");
    if (l->loss || l->repeat || l->corrupt || l->split)
        printf(", per thousand: lost %u, twice %u, corrupt %u, cut %u", l->loss, l->repeat,
               l->corrupt, l->split);
    if (l->outage_ns)
        printf(", nothing from %.3f s for %.3f s", (double)l->outage_at_ns / 1e9,
               (double)l->outage_ns / 1e9);
    printf("\n");
}

static void tell_end(const struct plan *p, int side)
{
    static const char *const cuts[] = {"full", "random", "tiny"};
    const struct tcp_config *c = &p->tcp[side];
    printf("  %c: %lld bytes, iss %u, mss %u%s, buffer %lld, scale %d, %s%s%s, segments %s%s",
           'A' + side, (long long)p->out_len[side], c->iss, c->mss,
           c->use_mss_option ? "" : " (untold)", (long long)c->buffer_len,
           c->use_scale ? c->scale : -1, c->use_ts ? "ts " : "", c->use_sack ? "sack " : "",
           c->nagle ? "nagle" : "", cuts[c->cut], c->recuts ? ", recut" : "");
    if (p->app[side].abort_ns != TCP_NEVER)
        printf(", resets at %.3f s", (double)p->app[side].abort_ns / 1e9);
    printf("\n");
    for (size_t i = 0; i < p->edits[side].needle_count; i++) {
        const struct needle *n = &p->edits[side].needles[i];
        printf("     \"%.*s\"%s (%zu) -> %zu bytes\n", (int)(n->find_len > 40 ? 40 : n->find_len),
               (const char *)n->find, n->find_len > 40 ? "..." : "", n->find_len, n->with_len);
    }
    if (p->edits[side].splice_count > 0 && p->edits[side].needles_first)
        printf("     before any of\n");
    for (size_t i = 0; i < p->edits[side].splice_count; i++) {
        const struct splice *s = &p->edits[side].splices[i];
        printf("     at %lld: %lld bytes out, %zu in\n", (long long)s->at, (long long)s->taken,
               s->len);
    }
}

static void tell_option_edits(const struct plan *p)
{
    for (int side = 0; side < 2; side++)
        printf("  off %c's SYNs:%s%s%s; mss at most %u (0: any)\n", 'A' + side,
               p->removed[side] & PM_TCPOPT_WSCALE ? " scale" : "",
               p->removed[side] & PM_TCPOPT_SACK ? " sack" : "",
               p->removed[side] & PM_TCPOPT_TIMESTAMPS ? " ts" : "", p->mss_max[side]);
}

void plan_tell(const struct plan *p)
{
    printf("seed %llu: IPv%u, mtu %u, hold %u ms%s%s%s%s%s%s\n", (unsigned long long)p->seed,
           p->tcp[0].ip_version, p->mtu, p->hold_ms, p->is_calm ? ", calm" : "",
           p->both_open ? ", both open" : "", p->talk == PLAN_TALK_IN_TURNS ? ", in turns" : "",
           p->merges ? ", super-packets" : "", p->offloads ? ", offload" : "",
           p->clamp_mss ? ", clamp" : "");
    if (p->retain_dir_bytes || p->pending_dir_bytes != MOST_EARLY)
        printf("  limits (0: none): retain %u, pending %u\n", p->retain_dir_bytes,
               p->pending_dir_bytes);
    if (p->mapped)
        printf("  mapped:%s%s%s%s\n", p->mapped & PLAN_MAPS_SRC ? " src" : "",
               p->mapped & PLAN_MAPS_SRC_PORT ? " srcport" : "",
               p->mapped & PLAN_MAPS_DST ? " dst" : "",
               p->mapped & PLAN_MAPS_DST_PORT ? " dstport" : "");
    if (p->removed[0] || p->removed[1] || p->mss_max[0] || p->mss_max[1])
        tell_option_edits(p);
    tell_end(p, PLAN_A);
    tell_end(p, PLAN_B);
    tell_link("A to M", &p->to_m[0]);
    tell_link("M to A", &p->from_m[0]);
    tell_link("B to M", &p->to_m[1]);
    tell_link("M to B", &p->from_m[1]);
}
