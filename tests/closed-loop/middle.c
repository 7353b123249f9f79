/* middle.c - driving the engine; the contract is in middle.h. */
#include "middle.h"

#include <stdlib.h>
#include <string.h>

#define OWN_PER_CALL    4 /* an answer, and three duplicate ACKs for what came early */
#define MOST_OPTIONS    40
#define PIECES_PER_CALL 200 /* 64 in each direction, and those that waited */

/* ------------------------------------------------------------------ the policy */

/* Rules go on to know a connection by the ends it began with. */
static pm_cond_id condition(struct pm_builder *b, int side)
{
    uint16_t port = side == PLAN_A ? PLAN_PORT_A : PLAN_PORT_B;
    struct pm_value value = {.kind = PM_VALUE_RANGE, .range = {port, port}};
    return pm_cond_test(b, PM_FIELD_TCP_SRCPORT, &value, 1);
}

static void add_ops(struct pm_builder *b, int side, const char *id, const struct pm_op_spec *ops,
                    size_t count)
{
    pm_builder_add_rule(b, &(struct pm_rule_spec){.id = id,
                                                  .match = condition(b, side),
                                                  .action = PM_ACTION_REWRITE,
                                                  .ops = ops,
                                                  .op_count = count});
}

static void add_rule(struct pm_builder *b, int side, size_t i, const struct pm_op_spec *op)
{
    char id[] = {(char)('a' + side), (char)('A' + i), 0};
    add_ops(b, side, id, op, 1);
}

static struct pm_op_spec map_addr(enum pm_field field, const struct tcp_config *c,
                                  const uint8_t *bytes)
{
    struct pm_op_spec op = {.kind = PM_OP_NAT,
                            .set = {.field = field, .addr = {.version = (uint8_t)c->ip_version}}};
    memcpy(op.set.addr.bytes, bytes, c->ip_version == 4 ? 4 : 16);
    return op;
}

static struct pm_op_spec map_port(enum pm_field field, uint16_t port)
{
    return (struct pm_op_spec){.kind = PM_OP_NAT, .set = {.field = field, .number = port}};
}

/* A's packets go to what B has, and come from what B knows A by; the way back follows. */
static void add_mapping(struct pm_builder *b, const struct plan *plan)
{
    const struct tcp_config *c = &plan->tcp[PLAN_B];
    struct pm_op_spec ops[4];
    size_t count = 0;
    if (plan->mapped & PLAN_MAPS_SRC)
        ops[count++] = map_addr(PM_FIELD_IP_SRC, c, c->peer);
    if (plan->mapped & PLAN_MAPS_SRC_PORT)
        ops[count++] = map_port(PM_FIELD_TCP_SRCPORT, c->peer_port);
    if (plan->mapped & PLAN_MAPS_DST)
        ops[count++] = map_addr(PM_FIELD_IP_DST, c, c->own);
    if (plan->mapped & PLAN_MAPS_DST_PORT)
        ops[count++] = map_port(PM_FIELD_TCP_DSTPORT, c->own_port);
    if (count > 0)
        add_ops(b, PLAN_A, "map", ops, count);
}

static void add_option_edit(struct pm_builder *b, const struct plan *plan, int side)
{
    struct pm_op_spec op = {
        .kind = PM_OP_TCP_OPTIONS,
        .tcp_options = {.mss_max = plan->mss_max[side], .remove = plan->removed[side]}};
    if (plan->removed[side] || plan->mss_max[side])
        add_ops(b, side, side == PLAN_A ? "options-a" : "options-b", &op, 1);
}

static struct pm_op_spec op_of(const struct splice *s)
{
    uint64_t at = (uint64_t)s->at;
    if (s->taken > 0)
        return (struct pm_op_spec){.kind = PM_OP_DELETE,
                                   .delete = {.offset = at, .len = (uint64_t)s->taken}};
    return (struct pm_op_spec){.kind = PM_OP_INSERT,
                               .insert = {.at = at == 0 ? PM_AT_START : PM_AT_OFFSET,
                                          .offset = at,
                                          .bytes = s->bytes,
                                          .len = (uint32_t)s->len}};
}

static void add_splices(struct pm_builder *b, const struct edits *edits, int side)
{
    for (size_t i = 0; i < edits->splice_count; i++) {
        struct pm_op_spec op = op_of(&edits->splices[i]);
        add_rule(b, side, i, &op);
    }
}

static void add_needles(struct pm_builder *b, const struct edits *edits, int side)
{
    for (size_t i = 0; i < edits->needle_count; i++) {
        const struct needle *n = &edits->needles[i];
        struct pm_op_spec op = {.kind = PM_OP_REPLACE,
                                .replace = {.find = n->find,
                                            .with = n->with,
                                            .find_len = (uint32_t)n->find_len,
                                            .with_len = (uint32_t)n->with_len,
                                            .within_depth = PM_NO_LIMIT}};
        add_rule(b, side, ORACLE_SPLICES + i, &op);
    }
}

static void add_rules(struct pm_builder *b, const struct plan *plan, int side)
{
    const struct edits *edits = &plan->edits[side];
    if (edits->needles_first)
        add_needles(b, edits, side);
    add_splices(b, edits, side);
    if (!edits->needles_first)
        add_needles(b, edits, side);
}

static struct pm_policy *make_policy(const struct plan *plan, struct pm_error *error)
{
    struct pm_settings settings = PM_SETTINGS_DEFAULT;
    struct pm_builder *b = pm_builder_new();
    if (!b)
        return NULL;
    settings.hold_ms = plan->hold_ms;
    settings.flows = 16;
    pm_builder_settings(b, &settings);
    add_rules(b, plan, PLAN_A);
    add_rules(b, plan, PLAN_B);
    add_mapping(b, plan);
    add_option_edit(b, plan, PLAN_A);
    add_option_edit(b, plan, PLAN_B);
    return pm_builder_finish(b, error);
}

/* ------------------------------------------------------------------ what the engine calls */

static void on_emit(void *context, const struct pm_emitted *e)
{
    struct middle *m = context;
    if (m->queued == MIDDLE_QUEUE) {
        m->wrong = "one packet made the engine send thousands";
        return;
    }
    struct middle_emitted *q = &m->queue[m->queued++];
    *q = (struct middle_emitted){.len = e->len,
                                 .side = e->dir == PM_DIR_OUT ? PLAN_A : PLAN_B,
                                 .gso_len = e->gso_len,
                                 .is_own = e->is_own,
                                 .is_late = e->is_late,
                                 .changed = e->changed};
    q->bytes = malloc(e->len);
    if (!q->bytes)
        abort();
    memcpy(q->bytes, e->data, e->len);
}

static void on_event(void *context, const struct pm_event *event)
{
    struct middle *m = context;
    if (m->event_count < sizeof m->events / sizeof *m->events)
        m->events[m->event_count++] = *event;
    else
        m->wrong = "one packet made the engine give up waiting many times";
}

/* ------------------------------------------------------------------ begin and end */

static void configure(struct middle *m)
{
    const struct plan *plan = m->plan;
    m->config = (struct pm_rewriter_config){
        .hash_key = {plan->seed, 1},
        .mode = PM_MODE_LIVE,
        .view = PM_VIEW_REWRITTEN,
        .checksums = PM_CHECKSUMS_VERIFY,
        .mtu = plan->mtu,
        .streams = 4,
        .retain_bytes = 704u << 10,
        .retain_dir_bytes = plan->retain_dir_bytes,
        .edits = 65536,
        .pending_bytes = 192u << 10,
        .pending_dir_bytes = plan->pending_dir_bytes,
        .waits = 8,
        .datagrams = 1,
        .source_datagrams = 1,
        .datagram_fragments = 2,
        .fragment_bytes = 4096,
        .clamp_mss = plan->clamp_mss,
        .emit = on_emit,
        .event = on_event,
        .context = m,
    };
}

bool middle_begin(struct middle *m, const struct plan *plan, struct links *links,
                  struct story *story, bool has_engine)
{
    struct pm_error error;
    memset(m, 0, sizeof *m);
    m->plan = plan;
    m->links = links;
    m->story = story;
    m->hash = UINT64_C(0xcbf29ce484222325);
    watch_begin(&m->watch[PLAN_A], plan, PLAN_A);
    watch_begin(&m->watch[PLAN_B], plan, PLAN_B);
    if (!has_engine)
        return true;
    m->policy = make_policy(plan, &error);
    if (!m->policy)
        return false;
    configure(m);
    m->footprint = pm_rewriter_footprint(m->policy, &m->config);
    m->rewriter = pm_rewriter_new(m->policy, &m->config, &error);
    return m->rewriter;
}

static void forget_queue(struct middle *m)
{
    for (size_t i = 0; i < m->queued; i++)
        free(m->queue[i].bytes);
    m->queued = 0;
    m->event_count = 0;
}

void middle_end(struct middle *m)
{
    forget_queue(m);
    spans_free(&m->out_m);
    pm_rewriter_free(m->rewriter);
    pm_policy_unref(m->policy);
    watch_end(&m->watch[PLAN_A]);
    watch_end(&m->watch[PLAN_B]);
}

/* ------------------------------------------------------------------ what leaves */

static void note_hash(struct middle *m, const uint8_t *bytes, size_t len)
{
    uint64_t hash = m->hash ^ m->now_ns;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    m->hash = hash;
}

static void fail(struct middle *m, const char *wrong)
{
    if (wrong && !m->wrong)
        m->wrong = wrong;
}

static void check_out(struct middle *m, int side, const uint8_t *bytes, size_t len,
                      const struct watch_cause *cause)
{
    struct wire_segment s;
    enum wire_fault fault = wire_read(bytes, len, &s);
    if (fault != WIRE_OK) {
        if (!cause->is_same)
            fail(m, "the engine sent an unsound packet");
        return;
    }
    unsigned scale = plan_has_scale(m->plan) ? m->plan->tcp[side].scale : 0;
    m->payload_out += s.len;
    if (side == m->out_side && s.len > 0) {
        int64_t at = watch_offset(&m->watch[side], s.seq);
        spans_add(&m->out_m, at, at + (int64_t)s.len);
    }
    fail(m, watch_data_out(&m->watch[side], &s, cause));
    fail(m, watch_ack_out(&m->watch[1 - side], &s, cause, scale));
}

static void put_out(struct middle *m, int side, const uint8_t *bytes, size_t len,
                    const struct watch_cause *cause)
{
    const char *remark = cause->is_own    ? "own"
                         : cause->is_late ? "late"
                         : cause->is_same ? NULL
                                          : "changed";
    story_packet(m->story, m->now_ns, side == PLAN_A ? STORY_M_TO_B : STORY_M_TO_A, bytes, len,
                 remark);
    check_out(m, side, bytes, len, cause);
    note_hash(m, bytes, len);
    m->packets_out++;
    m->own_out += cause->is_own;
    m->bytes_out += len;
    links_put(m->links, side == PLAN_A ? LINK_M_TO_B : LINK_M_TO_A, m->now_ns, bytes, len);
}

/* What an adapter does with a super-packet. */
static void put_pieces(struct middle *m, const struct middle_emitted *e,
                       const struct watch_cause *cause)
{
    uint8_t packet[WIRE_MAX];
    struct wire_segment s;
    if (wire_read_partial(e->bytes, e->len, &s) != WIRE_OK || s.len <= e->gso_len) {
        put_out(m, e->side, e->bytes, e->len, cause);
        return;
    }
    for (size_t off = 0; off < s.len; off += e->gso_len) {
        struct wire_segment piece = s;
        bool is_last = s.len - off <= e->gso_len;
        piece.seq += (uint32_t)off;
        piece.data += off;
        piece.len = is_last ? s.len - off : e->gso_len;
        if (!is_last)
            piece.flags &= (uint8_t) ~(WIRE_PSH | WIRE_FIN);
        put_out(m, e->side, packet, wire_build(&piece, packet), cause);
    }
}

static void tell_events(struct middle *m)
{
    for (size_t i = 0; i < m->event_count; i++) {
        const struct pm_event *e = &m->events[i];
        int side = e->dir == PM_DIR_OUT ? PLAN_A : PLAN_B;
        m->releases++;
        story_note(m->story, m->now_ns, "M gives up waiting (%s): %llu bytes of %c before %llu",
                   pm_why_name(e->why), (unsigned long long)e->len, 'A' + side,
                   (unsigned long long)e->offset);
        fail(m, watch_release(&m->watch[side], (int64_t)e->offset, (int64_t)e->len,
                              e->why == PM_WHY_HOLD_TIMEOUT, m->now_ns));
    }
}

/* No packet may cause a crowd: what one brings in time, in both directions, and two answers. */
static void check_crowd(struct middle *m)
{
    size_t own = 0;
    for (size_t i = 0; i < m->queued; i++)
        own += m->queue[i].is_own;
    if (own > OWN_PER_CALL)
        fail(m, "more than four packets of its own for one packet");
    if (m->queued - own > PIECES_PER_CALL)
        fail(m, "one packet made the engine send a crowd");
}

/* Whether bytes that waited leave. Before a reset that means: nothing will follow them. */
static bool lets_go(const struct middle *m, int side)
{
    for (size_t i = 0; i < m->queued; i++)
        if (m->queue[i].side == side && m->queue[i].is_late)
            return true;
    return false;
}

/* Whether what leaves is what came, whose addresses may be mapped on the way. */
static bool is_as_it_came(const struct middle *m, const struct middle_emitted *e,
                          const struct wire_segment *in, const uint8_t *bytes, size_t len)
{
    static uint8_t mapped[WIRE_MAX], sent[WIRE_MAX];
    const struct tcp_config *to = &m->plan->tcp[1 - e->side];
    struct wire_segment s;
    if (!bytes || e->len != len)
        return false;
    if (!e->changed || !m->plan->mapped)
        return !e->changed && memcmp(e->bytes, bytes, len) == 0;
    if (!in || wire_read_partial(e->bytes, len, &s) != WIRE_OK)
        return !in; /* what was broken stays so: its receiver takes neither */
    struct wire_segment ends = {.src_port = to->peer_port, .dst_port = to->own_port};
    memcpy(ends.src, to->peer, sizeof ends.src);
    memcpy(ends.dst, to->own, sizeof ends.dst);
    memcpy(mapped, bytes, len);
    memcpy(sent, e->bytes, len);
    wire_readdress(mapped, len, &ends);
    wire_readdress(sent, len, &s);
    return memcmp(mapped, sent, len) == 0;
}

/* What the engine did in answer to `in` (NULL: to the time). */
static void take_answer(struct middle *m, const struct wire_segment *in, const uint8_t *bytes,
                        size_t len, int side)
{
    tell_events(m);
    check_crowd(m);
    if (in && (in->flags & WIRE_RST) && lets_go(m, side))
        fail(m, watch_reset(&m->watch[side]));
    for (size_t i = 0; i < m->queued; i++) {
        struct middle_emitted *e = &m->queue[i];
        bool is_same = e->side == side && is_as_it_came(m, e, in, bytes, len);
        if (!e->changed && !is_same)
            fail(m, "a packet that counts as unchanged is not what came");
        struct watch_cause cause = {
            .in = in, .is_same = is_same, .is_own = e->is_own, .is_late = e->is_late};
        m->emissions++;
        if (is_same && m->plan->offloads && side == PLAN_A && in)
            wire_complete_sum(e->bytes, e->len);
        if (e->gso_len > 0)
            put_pieces(m, e, &cause);
        else
            put_out(m, e->side, e->bytes, e->len, &cause);
    }
    forget_queue(m);
}

/* ------------------------------------------------------------------ what enters */

static void pass_plain(struct middle *m, const struct parcel *parcel, int side)
{
    struct pm_emitted e = {.data = parcel->bytes,
                           .len = parcel->len,
                           .dir = side == PLAN_A ? PM_DIR_OUT : PM_DIR_IN,
                           .gso_len = parcel->gso_len};
    on_emit(m, &e);
}

static enum pm_why rewrite(struct middle *m, const struct parcel *parcel, int side, bool is_partial)
{
    static uint8_t buffer[WIRE_MAX];
    memcpy(buffer, parcel->bytes, parcel->len);
    if (is_partial)
        wire_partial_sum(buffer, parcel->len);
    struct pm_packet packet = {.data = buffer,
                               .len = parcel->len,
                               .wire_len = parcel->len,
                               .link = 101,
                               .dir = side == PLAN_A ? PM_DIR_OUT : PM_DIR_IN,
                               .csum = is_partial ? PM_CSUM_PARTIAL : PM_CSUM_ON_WIRE,
                               .ifindex = (uint32_t)side + 1,
                               .cookie = m->packets_in,
                               .gso_len = parcel->gso_len};
    return pm_rewrite(m->rewriter, &packet, buffer, m->now_ns);
}

/* The engine took the segment for one of the stream. */
static bool is_accepted(enum pm_why why)
{
    return why == PM_WHY_NONE || why == PM_WHY_EDITED || why == PM_WHY_FOLLOWED ||
           why == PM_WHY_ANSWERED || why == PM_WHY_HELD || why == PM_WHY_WINDOW_CLOSED ||
           why == PM_WHY_FORGOTTEN;
}

void middle_arrive(struct middle *m, uint64_t now_ns, const struct parcel *parcel)
{
    int side = parcel->way == LINK_A_TO_M ? PLAN_A : PLAN_B;
    static uint8_t as_given[WIRE_MAX];
    struct wire_segment s;
    m->now_ns = now_ns;
    m->packets_in++;
    m->bytes_in += parcel->len;
    memcpy(as_given, parcel->bytes, parcel->len);
    note_hash(m, parcel->bytes, parcel->len);
    bool is_sound = wire_read(parcel->bytes, parcel->len, &s) == WIRE_OK;
    bool is_partial = is_sound && m->plan->offloads && side == PLAN_A && m->rewriter;
    if (is_partial)
        wire_partial_sum(as_given, parcel->len);
    if (is_sound) {
        watch_data_in(&m->watch[side], &s, now_ns);
        watch_ack_in(&m->watch[1 - side], &s);
    }
    const char *remark = parcel->gso_len ? "super-packet" : NULL;
    int64_t sent_m = m->watch[side].emitted_m;
    enum pm_why why = PM_WHY_NONE;
    m->out_side = side;
    m->out_m.count = 0;
    if (m->rewriter) {
        why = rewrite(m, parcel, side, is_partial);
        remark = why == PM_WHY_NONE ? remark : pm_why_name(why);
    } else {
        pass_plain(m, parcel, side);
    }
    story_packet(m->story, now_ns, side == PLAN_A ? STORY_A_TO_M : STORY_B_TO_M, parcel->bytes,
                 parcel->len, remark);
    take_answer(m, is_sound ? &s : NULL, as_given, parcel->len, side);
    if (is_sound && is_accepted(why))
        fail(m, watch_repeated(&m->watch[side], &s, &m->out_m, sent_m));
}

uint64_t middle_next_ns(const struct middle *m)
{
    return m->rewriter ? pm_rewriter_next_ns(m->rewriter) : UINT64_MAX;
}

void middle_due(struct middle *m, uint64_t now_ns)
{
    m->now_ns = now_ns;
    m->timer_calls++;
    pm_rewriter_due(m->rewriter, now_ns);
    take_answer(m, NULL, NULL, 0, 0);
    if (pm_rewriter_next_ns(m->rewriter) <= now_ns)
        fail(m, "the engine's deadline does not pass");
}

/* Packets leave for packets that came, for bytes that do not fit into those, and for the time. */
static bool is_storm(const struct middle *m)
{
    int64_t room = m->watch[0].receiver_room < m->watch[1].receiver_room
                       ? m->watch[0].receiver_room
                       : m->watch[1].receiver_room;
    uint64_t least = room > 2 * MOST_OPTIONS ? (uint64_t)(room - MOST_OPTIONS) : 1;
    return m->packets_out > 2 * m->packets_in + m->timer_calls + m->payload_out / least + 64;
}

const char *middle_check_end(const struct middle *m)
{
    if (!m->rewriter)
        return NULL;
    if (is_storm(m))
        return "more packets left than what came can explain";
    const struct pm_stats *stats = pm_rewriter_stats(m->rewriter);
    if (stats->packets != m->packets_in || stats->bytes != m->bytes_in)
        return "the counters of what entered are wrong";
    if (stats->emitted != m->emissions)
        return "the counter of what left is wrong";
    if (pm_rewriter_footprint(m->policy, &m->config) != m->footprint)
        return "the footprint changed";
    if (pm_rewriter_next_ns(m->rewriter) != UINT64_MAX)
        return "something waits though both ends are done";
    return NULL;
}
