/* accept.c - which live segments may touch a stream (RFC 9293 section 3.10.7, RFC 7323 section 5,
 * RFC 5961). What a receiver might refuse teaches nothing and does not travel on. */
#include "base/bytes.h"
#include "base/seq.h"
#include "engine/live.h"
#include "engine/wait.h"
#include "wire/tcpopt.h"

#define TCP_SEQ      4
#define WINDOW_SLACK (64u << 10)
#define FARTHEST     (UINT64_C(1) << 30)
#define TS_LIFE_NS   (UINT64_C(24) * 86400 * 1000000000) /* a timestamp older says nothing */

static const uint8_t *tcp_of(const struct pm_passage *p)
{
    return p->buffer + p->headers.l4_off;
}

/* ------------------------------------------------------------------ SYN */

static void note_option(struct pm_syn *syn, const struct pm_tcpopt *option)
{
    const uint8_t *value = option->tcp + option->off + 2;
    if (option->kind == PM_OPT_MSS && option->len == 4)
        syn->mss = pm_get16(value);
    else if (option->kind == PM_OPT_SACK_OK && option->len == 2)
        syn->has_sack = true;
    else if (option->kind == PM_OPT_TIMESTAMPS && option->len == 10)
        syn->has_timestamps = true;
    else if (option->kind == PM_OPT_WSCALE && option->len == 3) {
        syn->has_wscale = true;
        syn->wscale = value[0] < 14 ? value[0] : 14; /* RFC 7323 section 2.3 */
    }
}

struct pm_syn pm_live_read_syn(const uint8_t *tcp)
{
    struct pm_syn syn = {.is_seen = true};
    struct pm_tcpopt option;
    pm_tcpopt_begin(&option, tcp);
    while (pm_tcpopt_next(&option))
        note_option(&syn, &option);
    return syn;
}

/* ------------------------------------------------------------------ timestamps */

static bool is_older(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}

bool pm_live_timestamps(const uint8_t *tcp, uint32_t *tsval, uint32_t *tsecr)
{
    struct pm_tcpopt option;
    pm_tcpopt_begin(&option, tcp);
    while (pm_tcpopt_next(&option)) {
        if (option.kind != PM_OPT_TIMESTAMPS || option.len != 10)
            continue;
        *tsval = pm_get32(tcp + option.off + 2);
        *tsecr = pm_get32(tcp + option.off + 6);
        return true;
    }
    return false;
}

void pm_live_stamp(struct pm_half *half, uint8_t *tcp)
{
    struct pm_tcpopt option;
    pm_tcpopt_begin(&option, tcp);
    while (half->live.has_tsval && pm_tcpopt_next(&option)) {
        if (option.kind != PM_OPT_TIMESTAMPS || option.len != 10)
            continue;
        pm_put32(tcp + option.off + 2, half->live.tsval);
        pm_put32(tcp + option.off + 6, half->live.tsecr);
        half->live.stamped = half->live.tsval;
        half->live.has_stamped = true;
    }
}

bool pm_live_is_overtaken(const struct pm_half *half, const uint8_t *tcp)
{
    uint32_t tsval, tsecr;
    return half->live.has_stamped && pm_live_timestamps(tcp, &tsval, &tsecr) &&
           is_older(tsval, half->live.stamped);
}

bool pm_live_has_timestamps(const struct pm_rewriter_flow *flow)
{
    return flow->syn[0].has_timestamps && flow->syn[1].has_timestamps;
}

static bool is_outdated(const struct pm_rewriter *r, const struct pm_passage *p,
                        const struct pm_segment *s)
{
    const struct pm_live *live = &s->half->live;
    uint32_t tsval, tsecr;
    return live->has_ts_recent && !(s->flags & (PM_RST | PM_SYN)) &&
           pm_live_has_timestamps(pm_rewriter_own(p)) &&
           r->now_ns - live->ts_recent_ns < TS_LIFE_NS &&
           pm_live_timestamps(tcp_of(p), &tsval, &tsecr) && is_older(tsval, live->ts_recent - 1);
}

void pm_live_note_timestamps(struct pm_rewriter *r, const struct pm_passage *p,
                             const struct pm_segment *s)
{
    struct pm_live *live = &s->half->live;
    uint32_t tsval, tsecr;
    if (!pm_live_timestamps(tcp_of(p), &tsval, &tsecr))
        return;
    if (!live->has_tsval || !is_older(tsval, live->tsval)) {
        live->tsval = tsval;
        live->tsecr = tsecr;
        live->has_tsval = true;
    }
    bool is_next = !s->half->is_active || s->a <= s->half->log.o_end;
    if (is_next && (!live->has_ts_recent || !is_older(tsval, live->ts_recent))) {
        live->ts_recent = tsval;
        live->ts_recent_ns = r->now_ns;
        live->has_ts_recent = true;
    }
}

/* ------------------------------------------------------------------ position */

static bool has_bad_options(const uint8_t *tcp)
{
    struct pm_tcpopt option;
    pm_tcpopt_begin(&option, tcp);
    while (pm_tcpopt_next(&option))
        ;
    return option.is_malformed;
}

static bool is_out_of_window(const struct pm_segment *s)
{
    const struct pm_live *live = &s->half->live;
    const struct pm_log *log = &s->half->log;
    if (s->a >= log->o_end + FARTHEST || s->b + FARTHEST <= log->o_end)
        return true;
    return live->has_edge && s->a > live->told_edge_o + WINDOW_SLACK;
}

/* A reset counts only where its receiver could take it (RFC 5961 section 3.2). */
static bool is_wild_reset(const struct pm_segment *s)
{
    const struct pm_live *live = &s->half->live;
    uint64_t edge = live->told_edge_o > s->half->log.o_end ? live->told_edge_o : s->half->log.o_end;
    return live->has_edge && (s->a < live->told_o || s->a > edge + 1);
}

enum pm_why pm_live_refusal(const struct pm_rewriter *r, const struct pm_passage *p,
                            const struct pm_segment *s)
{
    if (has_bad_options(tcp_of(p)))
        return PM_WHY_BAD_OPTIONS;
    if (p->headers.payload_off > PM_WAIT_HEADERS)
        return PM_WHY_UNSUPPORTED;
    if (!s->half->is_active || (s->flags & PM_SYN))
        return PM_WHY_NONE;
    if (is_out_of_window(s) || ((s->flags & PM_RST) && is_wild_reset(s)))
        return PM_WHY_OUT_OF_WINDOW;
    return is_outdated(r, p, s) ? PM_WHY_OLD_TIMESTAMP : PM_WHY_NONE;
}
