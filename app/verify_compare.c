/* verify_compare.c - holds a flow to what it was in the baseline, after each step and at the end.
 */
#include "app/verify.h"
#include "app/verify_place.h"

/* One direction of a flow in both captures. */
struct pair {
    struct pm_verify *verify;
    const struct pm_verify_half *was, *is;
    const struct pm_verify_anchors *anchors;
    char sender[PM_VERIFY_FLOW], receiver[PM_VERIFY_FLOW]; /* who sends; who acknowledges */
};

static struct pair pair_of(struct pm_verify *verify, const struct pm_verify_flow *flow,
                           unsigned dir)
{
    struct pair pair = {.verify = verify,
                        .was = &flow->takes[PM_VERIFY_IN].halves[dir],
                        .is = &flow->takes[PM_VERIFY_OUT].halves[dir],
                        .anchors = &flow->anchors[dir]};
    pm_verify_ends_name(&flow->ends, dir, pair.sender);
    pm_verify_ends_name(&flow->ends, dir ^ 1, pair.receiver);
    return pair;
}

#define ADD(pair, finding, frame, flow, ...)                                                       \
    pm_verify_findings_add(&(pair)->verify->findings, finding, frame, flow, __VA_ARGS__)

static bool is_unchanged(const struct pm_verify_flow *flow)
{
    const struct pm_verify_take *in = &flow->takes[PM_VERIFY_IN],
                                *out = &flow->takes[PM_VERIFY_OUT];
    return in->packets == out->packets && in->chain == out->chain;
}

/* In a replay every packet has its moment: something of its sender leaves then. */
static void compare_presence(const struct pair *pair)
{
    if (pair->was->step != pair->verify->step || pair->is->seen_step == pair->verify->step)
        return;
    ADD(pair, PM_VERIFY_PACKET_MISSING, 0, pair->sender,
        "nothing leaves when frame %llu of the baseline comes",
        (unsigned long long)pair->was->last_frame);
}

/* Who sent everything stays at the end: in either capture, its latest packet tells. */
static void compare_sequence(const struct pair *pair)
{
    const struct pm_verify_half *was = pair->was, *is = pair->is;
    if (was->step != pair->verify->step || is->step != pair->verify->step)
        return;
    if (was->stand != PM_VERIFY_AT_END || is->last_pos >= is->end)
        return;
    ADD(pair, PM_VERIFY_STALE_SEQUENCE, is->last_frame, pair->sender,
        "ends with number %lld, expected %lld, the end of what was sent",
        pm_verify_relative(is->last_pos) - 1, pm_verify_relative(is->end) - 1);
}

enum place { PLACE_GOOD, PLACE_LOW, PLACE_HIGH };

/* How `is` stands to the image of `was`, as far as that is known. Nothing is higher than what was
 * sent when it was said. */
static enum place place_of(const struct pair *pair, uint64_t was, uint64_t is, uint64_t *expected)
{
    uint64_t end = pair->is->ack.end, least, most;
    pm_verify_anchors_bound(pair->anchors, was, &least, &most);
    if (is < least && is < end) {
        *expected = least;
        return PLACE_LOW;
    }
    if (is > most) {
        *expected = most;
        return PLACE_HIGH;
    }
    if (!pm_verify_place_is_wrong(&pair->was->stream, was, &pair->is->stream, is, expected))
        return PLACE_GOOD;
    if (*expected > is)
        return is < end ? PLACE_LOW : PLACE_GOOD;
    return PLACE_HIGH;
}

static void compare_place(const struct pair *pair)
{
    const struct pm_verify_ack *was = &pair->was->ack, *is = &pair->is->ack;
    uint64_t expected;
    enum place place = place_of(pair, was->pos, is->pos, &expected);
    if (place == PLACE_GOOD)
        return;
    ADD(pair, place == PLACE_LOW ? PM_VERIFY_STALE_ACK : PM_VERIFY_EARLY_ACK, is->frame,
        pair->receiver, "acknowledges number %lld, expected %s %lld",
        pm_verify_relative(is->pos) - 1, place == PLACE_LOW ? "at least" : "at most",
        pm_verify_relative(expected) - 1);
}

static void compare_ack(const struct pair *pair)
{
    const struct pm_verify_ack *was = &pair->was->ack, *is = &pair->is->ack;
    bool covered = was->pos >= was->end;
    if (covered && pair->is->covered_step == pair->verify->step)
        return; /* what had waited may have left behind it, with an older header */
    if (covered)
        ADD(pair, PM_VERIFY_STALE_ACK, is->frame, pair->receiver,
            "acknowledges number %lld; in the baseline all that was sent, here that is %lld",
            pm_verify_relative(is->pos) - 1, pm_verify_relative(is->end) - 1);
    else
        compare_place(pair);
}

/* Whether the block of OUT can be the image of that block of IN. */
static bool can_be(const struct pair *pair, unsigned was, unsigned is)
{
    const struct pm_verify_ack *in = &pair->was->ack, *out = &pair->is->ack;
    uint64_t expected;
    if (in->sack[was][0] >= in->pos && out->sack[is][0] < out->pos)
        return false;
    for (unsigned edge = 0; edge < 2; edge++)
        if (place_of(pair, in->sack[was][edge], out->sack[is][edge], &expected) != PLACE_GOOD)
            return false;
    return true;
}

static void compare_sack(const struct pair *pair)
{
    const struct pm_verify_ack *in = &pair->was->ack, *out = &pair->is->ack;
    for (unsigned i = 0; i < out->sack_count; i++) {
        bool can = false;
        for (unsigned k = 0; k < in->sack_count && !can; k++)
            can = can_be(pair, k, i);
        if (!can)
            ADD(pair, PM_VERIFY_SACK_MISPLACED, out->frame, pair->receiver,
                "block %lld-%lld is not what any block of the baseline became",
                pm_verify_relative(out->sack[i][0]), pm_verify_relative(out->sack[i][1]));
    }
}

/* Where both captures end now, if there is no gap that would make it doubtful. */
static void add_anchor(struct pm_verify *verify, struct pm_verify_flow *flow, unsigned dir)
{
    const struct pm_verify_half *was = &flow->takes[PM_VERIFY_IN].halves[dir];
    const struct pm_verify_half *is = &flow->takes[PM_VERIFY_OUT].halves[dir];
    bool has_grown = was->grown_step == verify->step || is->grown_step == verify->step;
    if (!has_grown || !was->has_base || !is->has_base || was->stream.run_count > 1)
        return;
    if (!pm_verify_anchors_add(&flow->anchors[dir], was->end, is->end, &was->stream, &is->stream))
        verify->no_memory = true;
}

void pm_verify_compare_step(struct pm_verify *verify, struct pm_verify_flow *flow)
{
    if (flow->kind != PM_VERIFY_TCP || verify->options->is_open_loop || is_unchanged(flow))
        return;
    for (unsigned dir = 0; dir < 2; dir++) {
        struct pair pair = pair_of(verify, flow, dir);
        if (pair.was->is_doubtful)
            continue;
        add_anchor(verify, flow, dir);
        compare_presence(&pair);
        compare_sequence(&pair);
        if (pair.was->ack.step != verify->step || pair.is->ack.step != verify->step)
            continue;
        compare_ack(&pair);
        compare_sack(&pair);
    }
}

static void compare_syn(const struct pair *pair)
{
    const struct pm_verify_half *was = pair->was, *is = pair->is;
    if (was->has_syn && !is->has_syn && !pair->verify->options->is_open_loop)
        ADD(pair, PM_VERIFY_SYN_MISSING, 0, pair->sender, "the baseline has it in frame %llu",
            (unsigned long long)was->syn_frame);
    if (!was->has_syn && is->has_syn)
        ADD(pair, PM_VERIFY_SYN_ADDED, is->syn_frame, pair->sender, "the baseline has no SYN");
    if (was->has_syn && is->has_syn && was->isn != is->isn)
        ADD(pair, PM_VERIFY_ISN_CHANGED, is->syn_frame, pair->sender,
            "begins with number %u, expected %u", is->isn, was->isn);
}

/* Without a SYN the first number that is seen begins the stream, and it is not rewritten. */
static void compare_base(const struct pair *pair)
{
    const struct pm_verify_half *was = pair->was, *is = pair->is;
    if (was->has_syn || is->has_syn || !was->has_base || !is->has_base || was->base == is->base ||
        pair->verify->options->is_open_loop)
        return;
    ADD(pair, PM_VERIFY_ISN_CHANGED, 0, pair->sender, "the first number is %u, expected %u",
        is->base, was->base);
}

static void compare_fin(const struct pair *pair)
{
    const struct pm_verify_half *was = pair->was, *is = pair->is;
    if (was->has_fin && !is->has_fin && !pair->verify->options->is_open_loop)
        ADD(pair, PM_VERIFY_FIN_MISSING, 0, pair->sender, "the baseline has it in frame %llu",
            (unsigned long long)was->fin_frame);
    if (!was->has_fin && is->has_fin)
        ADD(pair, PM_VERIFY_FIN_ADDED, is->fin_frame, pair->sender, "the baseline has no FIN");
    if (was->has_fin && is->has_fin && was->fin_pos >= was->data_end && is->fin_pos < is->data_end)
        ADD(pair, PM_VERIFY_FIN_MOVED, is->fin_frame, pair->sender,
            "stands behind number %lld, but data goes up to %lld",
            pm_verify_relative(is->fin_pos) - 1, pm_verify_relative(is->data_end) - 1);
}

/* A RST that its receiver would not have taken need not leave. */
static void compare_rst(const struct pair *pair)
{
    const struct pm_verify_half *was = pair->was, *is = pair->is;
    if (was->has_rst && was->rst_at_end && !is->has_rst && !pair->verify->options->is_open_loop)
        ADD(pair, PM_VERIFY_RST_MISSING, 0, pair->sender, "the baseline has it in frame %llu",
            (unsigned long long)was->rst_frame);
    if (!was->has_rst && is->has_rst)
        ADD(pair, PM_VERIFY_RST_ADDED, is->rst_frame, pair->sender, "the baseline has no RST");
    if (was->has_rst && is->has_rst && was->rst_at_end && !is->rst_at_end)
        ADD(pair, PM_VERIFY_RST_MOVED, is->rst_frame, pair->sender,
            "does not stand at the end of what was sent, as in the baseline");
}

/* The end of a stream that was acknowledged stays so, unless it only left afterwards. */
static void compare_last_ack(const struct pair *pair)
{
    const struct pm_verify_half *was = pair->was, *is = pair->is;
    bool was_all = was->has_base && was->acked >= was->end;
    if (!was_all || is->acked >= is->end || is->grown_step > was->acked_step)
        return;
    if (is->ack.step >= was->acked_step)
        return; /* told when that acknowledgement passed */
    ADD(pair, PM_VERIFY_STALE_ACK, 0, pair->receiver,
        "acknowledges up to number %lld at last; in the baseline everything, here that is %lld",
        pm_verify_relative(is->acked) - 1, pm_verify_relative(is->end) - 1);
}

static void compare_stream(struct pm_verify *verify, const struct pm_verify_flow *flow)
{
    for (unsigned dir = 0; dir < 2; dir++) {
        struct pair pair = pair_of(verify, flow, dir);
        compare_syn(&pair);
        if (pair.was->is_doubtful) {
            ADD(&pair, PM_VERIFY_NOT_COMPARED, 0, pair.sender,
                "has packets in the baseline that no receiver would take, or not whole");
            continue;
        }
        compare_base(&pair);
        compare_fin(&pair);
        compare_rst(&pair);
        if (!verify->options->is_open_loop)
            compare_last_ack(&pair);
    }
}

static void compare_counts(struct pm_verify *verify, const struct pm_verify_flow *flow)
{
    for (unsigned dir = 0; dir < 2; dir++) {
        struct pair pair = pair_of(verify, flow, dir);
        unsigned long long was = pair.was->packets, is = pair.is->packets;
        if (is < was && !verify->options->is_open_loop)
            ADD(&pair, PM_VERIFY_PACKET_MISSING, 0, pair.sender,
                "%llu packets, in the baseline %llu", is, was);
        if (is > was)
            ADD(&pair, PM_VERIFY_PACKET_ADDED, 0, pair.sender, "%llu packets, in the baseline %llu",
                is, was);
    }
}

void pm_verify_compare_end(struct pm_verify *verify, const struct pm_verify_flow *flow)
{
    const struct pm_verify_options *options = verify->options;
    uint64_t was = flow->takes[PM_VERIFY_IN].packets, is = flow->takes[PM_VERIFY_OUT].packets;
    if (is_unchanged(flow) || flow->kind == PM_VERIFY_FRAGMENT)
        return; /* what fragments carry is a flow of its own */
    char name[PM_VERIFY_FLOW];
    pm_verify_ends_name(&flow->ends, flow->takes[is == 0 ? 0 : 1].halves[0].packets == 0, name);
    bool may_have_moved = options->any_headers && flow->kind != PM_VERIFY_TCP;
    if ((is == 0 || was == 0) && may_have_moved)
        return;
    if (is == 0 && !options->is_open_loop)
        pm_verify_findings_add(&verify->findings, PM_VERIFY_FLOW_MISSING, 0, name,
                               "%llu packets in the baseline, none here", (unsigned long long)was);
    if (was == 0)
        pm_verify_findings_add(&verify->findings, PM_VERIFY_FLOW_ADDED, 0, name,
                               "%llu packets here, none in the baseline", (unsigned long long)is);
    if (is == 0 || was == 0)
        return;
    if (flow->kind == PM_VERIFY_TCP)
        compare_stream(verify, flow);
    else
        compare_counts(verify, flow);
}
