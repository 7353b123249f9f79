/* verify_half.c - follows one direction of a connection through its segments. */
#include "app/verify_half.h"

#include <string.h>

/* Numbers farther off than this are of another connection, or of none. */
#define NEAR ((int64_t)1 << 30)

static int64_t distance(const struct pm_verify_half *half, uint32_t number)
{
    uint32_t end = half->base + (uint32_t)(half->end - PM_VERIFY_BASE);
    uint32_t apart = number - end;
    return apart < UINT32_C(1) << 31 ? (int64_t)apart : (int64_t)apart - ((int64_t)1 << 32);
}

bool pm_verify_half_is_near(const struct pm_verify_half *half, uint32_t number)
{
    int64_t apart = distance(half, number);
    return !half->has_base || (apart < NEAR && apart > -NEAR);
}

uint64_t pm_verify_half_pos(const struct pm_verify_half *half, uint32_t number)
{
    return (uint64_t)((int64_t)half->end + distance(half, number));
}

static void begin(struct pm_verify_half *half, uint32_t number)
{
    half->has_base = true;
    half->base = number;
    half->end = half->data_end = half->acked = PM_VERIFY_BASE;
}

static void take_syn(struct pm_verify_half *half, const struct pm_verify_packet *packet)
{
    if (!half->has_base)
        begin(half, packet->seq + 1);
    if (half->has_syn)
        return;
    half->has_syn = true;
    half->isn = packet->seq;
    half->syn_frame = packet->frame;
}

static void take_rst(struct pm_verify_half *half, const struct pm_verify_packet *packet,
                     uint64_t pos)
{
    if (half->has_rst)
        return;
    half->has_rst = true;
    half->rst_frame = packet->frame;
    half->rst_at_end = pos == half->end;
}

static void take_fin(struct pm_verify_half *half, const struct pm_verify_packet *packet,
                     uint64_t pos, struct pm_verify_sent *sent)
{
    if (half->has_fin) {
        sent->fin_moved = half->fin_pos != pos;
        return;
    }
    half->has_fin = true;
    half->fin_pos = pos;
    half->fin_frame = packet->frame;
}

/* Whether bytes that were acknowledged before they were seen come now. */
static bool closes_missing(struct pm_verify_half *half, uint64_t first, uint64_t last)
{
    bool comes = first < half->missing_end && last > half->missing_begin &&
                 !pm_verify_stream_is_sent(&half->stream, first, last);
    if (first >= half->missing_end || last >= half->missing_end)
        half->missing_begin = half->missing_end = 0;
    else if (comes)
        half->missing_begin = last;
    return comes;
}

static bool take_data(struct pm_verify_half *half, const struct pm_verify_packet *packet,
                      struct pm_verify_sent *sent)
{
    uint64_t first = sent->pos, last = first + packet->payload_len;
    if (packet->payload_len == 0)
        return true;
    sent->was_missing = closes_missing(half, first, last);
    half->data_end = last > half->data_end ? last : half->data_end;
    return pm_verify_stream_sent(&half->stream, first, last) &&
           pm_verify_stream_put(&half->stream, first, packet->bytes + packet->payload_off,
                                packet->payload_there, &sent->difference);
}

static void move_end(struct pm_verify_half *half, uint64_t last, uint64_t step)
{
    if (last <= half->end)
        return;
    half->end = last;
    half->grown_step = step;
}

static enum pm_verify_stand stand_of(const struct pm_verify_half *half, uint64_t first,
                                     uint64_t last, bool is_fin)
{
    if (!is_fin && first + 1 == half->end && last - first <= 1)
        return PM_VERIFY_PROBE;
    return last >= half->end ? PM_VERIFY_AT_END : PM_VERIFY_BEHIND;
}

static void note_jump(const struct pm_verify_half *half, struct pm_verify_sent *sent, bool is_empty)
{
    uint64_t known = half->acked > half->end ? half->acked : half->end;
    if (sent->pos <= known)
        return;
    sent->jump = sent->pos - half->end;
    sent->jump_is_empty = is_empty;
}

bool pm_verify_half_send(struct pm_verify_half *half, const struct pm_verify_packet *packet,
                         uint64_t step, struct pm_verify_sent *sent)
{
    *sent = (struct pm_verify_sent){0};
    bool is_syn = (packet->flags & PM_VERIFY_SYN) != 0,
         is_rst = (packet->flags & PM_VERIFY_RST) != 0;
    bool is_fin = (packet->flags & PM_VERIFY_FIN) != 0 && !is_rst;
    if (is_rst && !half->has_base)
        return true;
    if (!is_syn && !half->has_base)
        begin(half, packet->seq);
    if (!pm_verify_half_is_near(half, packet->seq)) {
        sent->is_far = true;
        return true;
    }
    if (is_syn)
        take_syn(half, packet);
    sent->pos = pm_verify_half_pos(half, packet->seq + (is_syn ? 1 : 0));
    if (is_rst) {
        take_rst(half, packet, sent->pos);
        return true;
    }
    uint64_t first = sent->pos, last = first + packet->payload_len + (is_fin ? 1 : 0);
    enum pm_verify_stand stand = stand_of(half, first, last, is_fin);
    bool is_garbage = stand == PM_VERIFY_PROBE && packet->payload_len == 1;
    note_jump(half, sent, first == last);
    if (!is_garbage && !take_data(half, packet, sent))
        return false;
    if (is_fin)
        take_fin(half, packet, first + packet->payload_len, sent);
    if (first < last)
        move_end(half, last, step);
    half->repeats += sent->difference.count > 0 ? 1 : 0;
    half->step = step;
    half->stand = stand;
    half->last_pos = last;
    half->last_frame = packet->frame;
    return true;
}

static void take_sack(struct pm_verify_half *half, const struct pm_verify_packet *packet,
                      struct pm_verify_acknowledged *result)
{
    half->ack.sack_count = 0;
    for (unsigned i = 0; i < packet->sack_count; i++) {
        uint32_t left = packet->sack[i][0], right = packet->sack[i][1];
        if (!pm_verify_half_is_near(half, left) || !pm_verify_half_is_near(half, right))
            continue;
        uint64_t *block = half->ack.sack[half->ack.sack_count++];
        block[0] = pm_verify_half_pos(half, left);
        block[1] = pm_verify_half_pos(half, right);
        if (block[0] >= block[1])
            result->empty = (int)half->ack.sack_count - 1;
        else if (block[1] > half->end)
            result->outside = (int)half->ack.sack_count - 1;
    }
}

void pm_verify_half_acknowledge(struct pm_verify_half *half, const struct pm_verify_packet *packet,
                                uint64_t step, struct pm_verify_acknowledged *result)
{
    *result = (struct pm_verify_acknowledged){.outside = -1, .empty = -1};
    if (!half->has_base)
        begin(half, packet->ack);
    if (!pm_verify_half_is_near(half, packet->ack)) {
        result->is_far = true;
        return;
    }
    uint64_t pos = pm_verify_half_pos(half, packet->ack);
    half->ack.step = step;
    half->ack.frame = packet->frame;
    half->ack.pos = pos;
    half->ack.end = half->end;
    if (pos >= half->end)
        half->covered_step = step;
    if (pos > half->end && pos > half->acked) {
        uint64_t known = half->acked > half->end ? half->acked : half->end;
        result->ahead = pos - known;
        half->ahead++;
        half->missing_begin = known;
        half->missing_end = pos;
        half->missing_frame = packet->frame;
        half->missing_ns = packet->time_ns;
    }
    result->is_return = pos < half->acked;
    half->returns += result->is_return ? 1 : 0;
    if (pos > half->acked) {
        half->acked = pos;
        half->acked_step = step;
    }
    take_sack(half, packet, result);
    half->sacks_outside += result->outside >= 0 ? 1 : 0;
}

void pm_verify_half_free(struct pm_verify_half *half)
{
    pm_verify_stream_free(&half->stream);
}
