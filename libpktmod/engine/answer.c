/* answer.c - the packets that only pktmod can send: acknowledgements of bytes that leave nothing to
 * be acknowledged, duplicate ACKs for bytes that wait here, probes of a closed window. */
#include <string.h>

#include "base/bytes.h"
#include "engine/live.h"
#include "engine/wait.h"
#include "wire/tcpopt.h"

#define TCP_SEQ        4
#define TCP_ACK        8
#define TCP_OFFSET     12
#define TCP_FIXED      20
#define TIMESTAMPS_LEN 12 /* with two NOPs in front */
#define BLOCK_LEN      8
#define OPTIONS_MAX    40
#define ECN_MASK       3u

/* ------------------------------------------------------------------ options */

static uint32_t put_timestamps(uint8_t *at, const struct pm_half *from, const struct pm_half *to)
{
    at[0] = at[1] = PM_OPT_NOP;
    at[2] = PM_OPT_TIMESTAMPS;
    at[3] = 10;
    pm_put32(at + 4, from->live.tsval);
    pm_put32(at + 8, to->live.tsval);
    return TIMESTAMPS_LEN;
}

static uint32_t put_sack(uint8_t *at, uint32_t room, const struct pm_answer *answer)
{
    uint32_t count = (room - 4) / BLOCK_LEN;
    count = count < answer->sack_count ? count : answer->sack_count;
    if (count == 0)
        return 0;
    at[0] = at[1] = PM_OPT_NOP;
    at[2] = PM_OPT_SACK;
    at[3] = (uint8_t)(2 + count * BLOCK_LEN);
    for (uint32_t i = 0; i < count; i++) {
        pm_put32(at + 4 + i * BLOCK_LEN, (uint32_t)answer->sack[i].begin);
        pm_put32(at + 8 + i * BLOCK_LEN, (uint32_t)answer->sack[i].end);
    }
    return 4 + count * BLOCK_LEN;
}

/* ------------------------------------------------------------------ the packet */

/* An answer is no data: never ECN-capable (RFC 3168 section 6.1.4). */
static void clear_ecn(const struct pm_headers *h, uint8_t *frame)
{
    uint8_t *ip = frame + h->l3_off;
    if (h->ip_version == 4)
        ip[1] &= (uint8_t)~ECN_MASK;
    else
        ip[1] &= (uint8_t) ~(ECN_MASK << 4);
}

/* Of a direction without a log the end as it was seen. */
static uint64_t next_m(const struct pm_half *half)
{
    return half->live.sent_m + (half->is_active && half->fin_sent ? 1 : 0);
}

static void write_tcp(const struct pm_stream *stream, const struct pm_answer *answer,
                      const struct pm_rewriter_flow *flow, struct pm_headers *h, uint8_t *frame)
{
    const struct pm_half *from = &stream->half[answer->from];
    const struct pm_half *to = &stream->half[1 - answer->from];
    uint8_t *tcp = frame + h->l4_off;
    uint32_t len = TCP_FIXED;
    if (pm_live_has_timestamps(flow) && from->live.has_tsval)
        len += put_timestamps(tcp + len, from, to);
    if (answer->sack_count > 0)
        len += put_sack(tcp + len, TCP_FIXED + OPTIONS_MAX - len, answer);
    pm_put32(tcp + TCP_SEQ, (uint32_t)next_m(from) - (answer->is_probe ? 1 : 0));
    pm_put32(tcp + TCP_ACK, (uint32_t)to->live.told_o);
    tcp[TCP_OFFSET] = (uint8_t)(len / 4 << 4);
    tcp[TCP_OFFSET + 1] = PM_ACK;
    pm_put16(tcp + 14, pm_live_told_window(flow, to, answer->from));
    pm_put16(tcp + 18, 0);
    h->payload_off = h->l4_off + len;
    h->payload_len = 0;
}

void pm_live_answer(struct pm_rewriter *r, struct pm_stream *stream, const struct pm_answer *answer)
{
    const struct pm_half *from = &stream->half[answer->from];
    const struct pm_half *to = &stream->half[1 - answer->from];
    uint8_t headers[PM_WAIT_HEADERS + OPTIONS_MAX];
    struct pm_packet packet;
    struct pm_passage p;
    if (!from->wait || !to->live.has_ack)
        return;
    pm_wait_passage(r, from, headers, &packet, &p);
    p.is_own = true;
    write_tcp(stream, answer, pm_rewriter_own(&p), &p.headers, headers);
    clear_ecn(&p.headers, headers);
    memcpy(r->frame, headers, p.headers.payload_off);
    pm_emit_frame(r, &p, 0, 0);
}

/* ------------------------------------------------------------------ early bytes */

bool pm_live_has_sack(const struct pm_rewriter_flow *flow)
{
    return flow->syn[0].has_sack && flow->syn[1].has_sack;
}

#define STRETCHES 16

/* The one that the segment belongs to comes first (RFC 2018 section 4). */
static void bring_forward(struct pm_stretch *list, uint32_t count, uint64_t o)
{
    for (uint32_t i = 1; i < count; i++) {
        if (o < list[i].begin || o >= list[i].end)
            continue;
        struct pm_stretch first = list[i];
        memmove(list + 1, list, i * sizeof *list);
        list[0] = first;
        return;
    }
}

void pm_live_answer_early(struct pm_rewriter *r, struct pm_flow *flow, unsigned receiver,
                          uint64_t o)
{
    struct pm_stretch list[STRETCHES];
    struct pm_answer answer = {.from = receiver, .sack = list};
    const struct pm_rewriter_flow *own = pm_flow_own(flow);
    struct pm_stream *stream = pm_stream_at(r, own->stream);
    const struct pm_half *half = &stream->half[1 - receiver];
    uint64_t frontier = half->log.o_end;
    if (pm_live_has_sack(own)) {
        answer.sack_count =
            pm_pending_stretches(&half->pending, &r->pieces, frontier, list, STRETCHES);
        if (answer.sack_count > 0 && list[0].begin == frontier) /* a held tail is not early */
            memmove(list, list + 1, --answer.sack_count * sizeof *list);
        bring_forward(list, answer.sack_count, o);
    }
    pm_live_answer(r, stream, &answer);
}
