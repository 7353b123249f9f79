/* send.c - a stretch of the rewritten stream becomes segments, cut to size. */
#include "engine/live.h"

#include <string.h>

#include "base/bytes.h"

#define TCP_SEQ    4
#define TCP_FLAGS  13
#define TCP_URGENT 18

/* The urgent pointer counts from the part's own seq (RFC 6093: one past the urgent byte). */
static void set_urgent(const struct pm_rewriter *r, const struct pm_passage *p,
                       const struct pm_segment *s, uint8_t *tcp, uint64_t m)
{
    if (!(s->flags & PM_URG))
        return;
    uint64_t urgent_o = s->a + pm_get16(p->buffer + p->headers.l4_off + TCP_URGENT);
    uint64_t urgent_m = pm_log_image_high(&s->half->log, &r->store, urgent_o);
    bool fits = urgent_m > m && urgent_m - m <= UINT16_MAX;
    pm_put16(tcp + TCP_URGENT, fits ? (uint16_t)(urgent_m - m) : 0);
    if (!fits)
        tcp[TCP_FLAGS] &= (uint8_t)~PM_URG;
}

static void set_part_headers(const struct pm_rewriter *r, const struct pm_passage *p,
                             const struct pm_segment *s, uint64_t m, uint32_t part, bool is_last)
{
    const struct pm_headers *h = &p->headers;
    uint8_t *tcp = r->frame + h->l4_off;
    uint8_t flags = s->flags;
    memcpy(r->frame, p->buffer, h->payload_off);
    if (part > 0)
        flags &= (uint8_t)~PM_SYN;
    pm_put32(tcp + TCP_SEQ, (uint32_t)m - ((flags & PM_SYN) ? 1 : 0));
    if (!is_last)
        flags &= (uint8_t) ~(PM_PSH | PM_FIN);
    if (part > 0)
        flags &= (uint8_t)~PM_CWR;
    tcp[TCP_FLAGS] = flags;
    if (pm_is_live(r))
        pm_live_stamp(s->half, tcp);
    set_urgent(r, p, s, tcp, m);
    if (part > 0 && h->ip_version == 4) {
        /* Far from the numbers that the sender uses next. */
        uint8_t *id = r->frame + h->l3_off + 4;
        pm_put16(id, (uint16_t)(pm_get16(id) + 0x8000u + part));
    }
}

/* Who sends cuts it, so one super-packet carries many segments. */
static uint32_t super_room(const struct pm_rewriter *r, struct pm_passage *p, uint32_t room)
{
    const struct pm_headers *h = &p->headers;
    uint32_t most = PM_IP_MAX - (h->payload_off - h->l3_off);
    p->gso_len = 0;
    if (!pm_is_offloaded(r, p) || room == 0 || most < 2 * room)
        return room;
    p->gso_len = room;
    return most - most % room;
}

/* PSH and FIN stand on the last part, CWR on the first. An empty stretch is one empty segment.
 * Bytes of a gap that nobody has are stepped over. */
void pm_segment_send(struct pm_rewriter *r, struct pm_passage *p, const struct pm_segment *s)
{
    const struct pm_headers *h = &p->headers;
    const struct pm_log *log = &s->half->log;
    uint32_t room = super_room(r, p, pm_payload_room(r, p));
    bool is_empty = s->m_low >= s->m_high;
    uint64_t m = !is_empty && s->m_low < log->m_floor ? log->m_floor : s->m_low;
    uint32_t part = 0;
    bool is_ended = false;
    if (room == 0)
        room = 1;
    do {
        size_t want = m < s->m_high ? (size_t)(s->m_high - m) : 0;
        want = want < room ? want : room;
        size_t got = want == 0 ? 0
                               : pm_log_read(log, &r->store, m, want, s->data, s->a,
                                             (size_t)(s->b - s->a), r->frame + h->payload_off);
        uint64_t next = got == want ? m + got : pm_log_gap_end(log, &r->store, m + got);
        if (got > 0 || want == 0) {
            set_part_headers(r, p, s, m, part, m + got == s->m_high);
            pm_emit_frame(r, p, (uint32_t)got, part++);
        }
        is_ended = m + got == s->m_high;
        if (next == m)
            break;
        m = next;
    } while (m < s->m_high);
    if (is_ended || m != s->m_high || !(s->flags & PM_FIN))
        return;
    set_part_headers(r, p, s, m, part, true); /* a FIN right behind a gap */
    pm_emit_frame(r, p, 0, part);
}
