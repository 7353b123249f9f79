/* view.c - looking at streams as their packets pass; the contract is in view.h. */
#include "engine/view.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "engine/filter.h"
#include "wire/checksum.h"

#define READ_BYTES    65536u /* looked at in one go */
#define SQUEEZE_TRIES 64u    /* views that give up bytes for another's */

struct view {
    struct pm_inorder bytes;
    struct pm_flow *flow;
    uint64_t hello_end; /* behind the last bytes that were taken for a hello */
    uint64_t settled;   /* nothing is looked for behind this position any more; 0: something is */
    uint32_t older, newer;
    uint8_t side;
    uint8_t queue;
    uint8_t doubt; /* enum pm_why: of tests in doubt */
    uint64_t states[];
};

/* ------------------------------------------------------------------ life */

static size_t view_size(const struct pm_policy *policy)
{
    return sizeof(struct view) + pm_streamtest_words(policy->conds) * sizeof(uint64_t);
}

static uint32_t tail_of(const struct pm_policy *policy)
{
    return pm_streamtest_tail(policy->conds, policy->settings.stream_match);
}

size_t pm_views_footprint(const struct pm_policy *policy)
{
    const struct pm_settings *s = &policy->settings;
    if (!policy->has_stream)
        return 0;
    return pm_pool_footprint(view_size(policy), s->streams) +
           pm_pending_footprint(s->stream_bytes) + tail_of(policy) + READ_BYTES;
}

bool pm_views_init(struct pm_views *views, const struct pm_policy *policy, bool is_used)
{
    const struct pm_settings *s = &policy->settings;
    for (int i = 0; i < PM_VIEW_QUEUES; i++)
        views->oldest[i] = views->newest[i] = PM_NIL;
    views->is_used = is_used;
    if (!is_used)
        return true;
    views->work_cap = tail_of(policy) + READ_BYTES;
    views->work = malloc(views->work_cap);
    return views->work && pm_pool_init(&views->pool, view_size(policy), s->streams) &&
           pm_inorder_store_init(&views->store, s->stream_bytes, s->stream_dir_bytes,
                                 tail_of(policy));
}

void pm_views_release(struct pm_views *views)
{
    if (!views->is_used)
        return;
    pm_pool_release(&views->pool);
    pm_inorder_store_release(&views->store);
    free(views->work);
}

/* ------------------------------------------------------------------ views in order of use */

static struct view *at(const struct pm_views *views, uint32_t index)
{
    return pm_pool_at(&views->pool, index);
}

static void dequeue(struct pm_views *views, struct view *v)
{
    if (v->older == PM_NIL)
        views->oldest[v->queue] = v->newer;
    else
        at(views, v->older)->newer = v->newer;
    if (v->newer == PM_NIL)
        views->newest[v->queue] = v->older;
    else
        at(views, v->newer)->older = v->older;
}

static void enqueue(struct pm_views *views, uint32_t index, enum pm_view_queue queue)
{
    struct view *v = at(views, index);
    v->queue = (uint8_t)queue;
    v->newer = PM_NIL;
    v->older = views->newest[queue];
    if (v->older == PM_NIL)
        views->oldest[queue] = index;
    else
        at(views, v->older)->newer = index;
    views->newest[queue] = index;
}

static void touch(struct pm_views *views, uint32_t index)
{
    struct view *v = at(views, index);
    dequeue(views, v);
    enqueue(views, index, pm_inorder_is_over(&v->bytes) ? PM_VIEW_OVER : PM_VIEW_OPEN);
}

static struct pm_view_side *side_of(struct pm_flow *flow, unsigned side)
{
    struct pm_filter_flow *own = pm_flow_own(flow);
    return &own->streams[side];
}

static struct view *view_of(const struct pm_views *views, const struct pm_view_side *side)
{
    return side->view ? at(views, side->view - 1) : NULL;
}

static void drop_view(struct pm_views *views, struct pm_view_side *side)
{
    struct view *v = view_of(views, side);
    if (!v)
        return;
    pm_inorder_clear(&v->bytes, &views->store);
    dequeue(views, v);
    pm_pool_put(&views->pool, side->view - 1);
    side->view = 0;
}

void pm_view_forget(struct pm_filter *f, struct pm_flow *flow)
{
    if (!f->views.is_used)
        return;
    drop_view(&f->views, side_of(flow, 0));
    drop_view(&f->views, side_of(flow, 1));
}

/* Bytes go by unseen from here on. */
static void lose_side(struct pm_filter *f, struct pm_flow *flow, struct pm_view_side *side)
{
    side->state = PM_VIEW_LOST;
    if (side == side_of(flow, flow->client) && pm_hello_is_awaited(flow))
        pm_hello_lose(f, flow, PM_WHY_VIEWS_FULL);
}

/* A stream whose receiver has all of it makes room for another one. */
static uint32_t take_index(struct pm_filter *f)
{
    struct pm_views *views = &f->views;
    uint32_t index = pm_pool_take(&views->pool), over = views->oldest[PM_VIEW_OVER];
    if (index != PM_NIL || over == PM_NIL)
        return index;
    struct view *v = at(views, over);
    struct pm_view_side *side = side_of(v->flow, v->side);
    lose_side(f, v->flow, side);
    drop_view(views, side);
    return pm_pool_take(&views->pool);
}

/* ------------------------------------------------------------------ which rules want it */

static void forget_verdict(struct pm_flow *flow, unsigned side)
{
    struct pm_filter_flow *own = pm_flow_own(flow);
    own->cache[side].is_known = 0;
}

/* The rule, which may decide about the flow, tests what the stream of its client begins with. */
static void want_hello(struct pm_flow *flow, const struct pm_rule *rule)
{
    struct pm_view_side *client = side_of(flow, flow->client);
    pm_hello_want(flow);
    if (client->state == PM_VIEW_UNASKED || client->state == PM_VIEW_UNWANTED)
        client->state = PM_VIEW_WANTED;
    client->decides |= !pm_rule_watches(rule);
}

/* Calls for each rule that may decide about the side and tests the stream. states may be NULL. */
static void ask_rules(struct pm_filter *f, struct pm_trial *t, struct pm_view_side *side,
                      uint64_t *states)
{
    const struct pm_policy *policy = f->policy;
    struct pm_rule_walk walk;
    uint32_t position;
    pm_rule_walk_begin(&walk, f->verdicts, &t->subject, 0);
    while ((position = pm_rule_walk_next(&walk)) != PM_NO_RULE) {
        const struct pm_rule *rule = &policy->rules[f->verdicts->rules[position]];
        if ((!rule->tests_stream && !rule->tests_hello) ||
            pm_cond_for_flow(policy->conds, rule->match, &t->subject) == PM_FALSE)
            continue;
        if (rule->tests_hello)
            want_hello(t->tracked.flow, rule);
        if (!rule->tests_stream)
            continue;
        side->state = PM_VIEW_WANTED;
        side->decides |= !pm_rule_watches(rule);
        if (states)
            pm_streamtest_open(policy->conds, rule->match, side->is_midstream, states);
    }
}

static void ask_side(struct pm_filter *f, struct pm_trial *t, struct pm_view_side *side)
{
    if (side->is_asked)
        return;
    side->is_asked = true;
    if (side->state == PM_VIEW_UNASKED)
        side->state = PM_VIEW_UNWANTED;
    if (!pm_verdict_is_settled(f, t))
        ask_rules(f, t, side, NULL);
}

/* NULL: there is no room for another. */
static struct view *begin_view(struct pm_filter *f, struct pm_trial *t, struct pm_view_side *side,
                               uint32_t seq)
{
    struct pm_views *views = &f->views;
    uint32_t index = take_index(f);
    if (index == PM_NIL)
        return NULL;
    struct view *v = at(views, index);
    memset(v, 0, views->pool.object_size);
    if (!side->has_seq) {
        side->is_midstream = true;
        side->seq = seq;
        side->has_seq = true;
    }
    v->flow = t->tracked.flow;
    v->side = (uint8_t)t->tracked.side;
    v->doubt = PM_WHY_MIDSTREAM;
    pm_inorder_begin(&v->bytes, side->seq, side->is_midstream);
    v->bytes.is_confirmed = side->is_confirmed;
    side->view = index + 1;
    enqueue(views, index, PM_VIEW_OPEN);
    ask_rules(f, t, side, v->states);
    return v;
}

/* ------------------------------------------------------------------ looking */

static void search(struct pm_filter *f, struct view *v, const struct pm_inorder_run *run,
                   bool is_last)
{
    const struct pm_stream_text text = {.bytes = f->views.work,
                                        .len = run->len,
                                        .fresh = run->fresh,
                                        .offset = run->offset,
                                        .sure = v->bytes.acked - v->bytes.begin,
                                        .is_beginning = run->is_beginning,
                                        .is_midstream = v->bytes.is_midstream,
                                        .is_last = is_last,
                                        .window = f->policy->settings.stream_match};
    enum pm_stream_found found = pm_streamtest_search(f->policy->conds, f->room, &text, v->states);
    if (found == PM_STREAM_SAME)
        return;
    forget_verdict(v->flow, v->side);
    if (found == PM_STREAM_DOUBTFUL)
        v->doubt = PM_WHY_REGEX_LIMIT;
}

static bool begins_with_hello(const struct view *v)
{
    return v->side == v->flow->client && pm_hello_is_awaited(v->flow);
}

static void show_hello(struct pm_filter *f, struct view *v, const struct pm_inorder_run *run)
{
    size_t old = run->len - run->fresh;
    v->hello_end = v->bytes.next;
    pm_hello_take(f, v->flow, run->offset + old, f->views.work + old, run->fresh);
}

/* Of the client's stream: whether it is known what it begins with, and nothing can change that. */
static void confirm_hello(struct view *v)
{
    if (v->side == v->flow->client && v->bytes.acked >= v->hello_end)
        pm_hello_confirm(v->flow);
}

static void look(struct pm_filter *f, struct view *v)
{
    struct pm_views *views = &f->views;
    struct pm_inorder_run run;
    while (pm_inorder_read(&v->bytes, &views->store, views->work, views->work_cap, &run)) {
        if (begins_with_hello(v))
            show_hello(f, v, &run);
        search(f, v, &run, false);
    }
    if (pm_inorder_read_end(&v->bytes, &views->store, views->work, views->work_cap, &run))
        search(f, v, &run, true);
    pm_inorder_trim(&v->bytes, &views->store);
}

/* ------------------------------------------------------------------ acknowledgements */

static void note_ack_of_view(struct pm_filter *f, struct pm_view_side *side, uint32_t ack)
{
    struct view *v = view_of(&f->views, side);
    bool was_midstream = v->bytes.is_midstream;
    uint64_t given_up;
    do {
        given_up = pm_inorder_ack(&v->bytes, &f->views.store, ack);
        f->stats.why[PM_WHY_GAP] += given_up > 0;
        if (given_up > 0 && begins_with_hello(v))
            pm_hello_lose(f, v->flow, PM_WHY_GAP);
        look(f, v);
    } while (given_up > 0);
    if (begins_with_hello(v) && pm_inorder_is_over(&v->bytes))
        pm_hello_end(f, v->flow);
    confirm_hello(v);
    if (v->bytes.is_midstream && !was_midstream)
        pm_streamtest_lose_beginning(f->policy->conds, v->states);
    touch(&f->views, side->view - 1);
}

/* The side has sent nothing yet that was looked at, and the other end says where it goes on. */
static void note_first_ack(struct pm_view_side *side, uint32_t ack)
{
    if (side->is_confirmed)
        return;
    side->is_midstream = !side->has_seq;
    side->seq = ack;
    side->has_seq = side->is_confirmed = true;
}

/* The receiver took a SYN that came in the middle of what seemed to go on: all begins anew. */
static void restart(struct pm_filter *f, struct pm_trial *t, uint32_t ack)
{
    struct pm_flow *flow = t->tracked.flow;
    for (unsigned i = 0; i < 2; i++) {
        struct pm_view_side *side = side_of(flow, i);
        drop_view(&f->views, side);
        side->has_seq = side->has_syn = side->is_confirmed = side->is_midstream = false;
        side->state = side->state == PM_VIEW_LOST ? PM_VIEW_WANTED : side->state;
        forget_verdict(flow, i);
    }
    pm_hello_restart(f, flow);
    struct pm_view_side *peer = side_of(flow, 1 - t->tracked.side);
    peer->seq = ack;
    peer->has_seq = peer->is_confirmed = true;
}

static void note_ack(struct pm_filter *f, struct pm_trial *t)
{
    const struct pm_headers *h = &t->headers;
    struct pm_view_side *peer = side_of(t->tracked.flow, 1 - t->tracked.side);
    uint32_t ack = pm_get32(pm_l4(h) + 8);
    if (!(h->tcp_flags & PM_ACK) || (h->tcp_flags & PM_RST))
        return;
    if ((h->tcp_flags & PM_SYN) && peer->has_syn && peer->syn == ack)
        restart(f, t, ack);
    else if (peer->view)
        note_ack_of_view(f, peer, ack);
    else
        note_first_ack(peer, ack);
}

/* ------------------------------------------------------------------ segments */

static void note_syn(const struct pm_views *views, struct pm_view_side *side, uint32_t first)
{
    const struct view *v = view_of(views, side);
    if (!v && !side->is_confirmed) {
        side->seq = first;
        side->has_seq = true;
        side->is_midstream = false;
        return;
    }
    if ((v ? (uint32_t)v->bytes.begin : side->seq) == first)
        return;
    side->syn = first;
    side->has_syn = true;
}

/* The oldest give up what they keep for comparing only. */
static void make_room(struct pm_filter *f)
{
    struct pm_views *views = &f->views;
    for (int queue = PM_VIEW_QUEUES - 1; queue >= 0; queue--) {
        uint32_t index = views->oldest[queue];
        for (uint32_t i = 0; i < SQUEEZE_TRIES && index != PM_NIL; i++) {
            struct view *v = at(views, index);
            f->stats.why[PM_WHY_RETAIN_FULL] += pm_inorder_squeeze(&v->bytes, &views->store);
            index = v->newer;
        }
    }
}

static enum pm_why why_of(enum pm_inorder_answer answer)
{
    switch (answer) {
    case PM_INORDER_TAKEN:
        break;
    case PM_INORDER_DIFFERS:
        return PM_WHY_OVERLAP_DIFFERS;
    case PM_INORDER_UNPLACED:
        return PM_WHY_UNPLACED;
    case PM_INORDER_FORGOTTEN:
        return PM_WHY_FORGOTTEN;
    case PM_INORDER_FULL:
        return PM_WHY_STREAM_FULL;
    }
    return PM_WHY_NONE;
}

static enum pm_why take_bytes(struct pm_filter *f, struct pm_trial *t, struct view *v,
                              uint32_t first)
{
    struct pm_inorder_store *store = &f->views.store;
    const struct pm_headers *h = &t->headers;
    const uint8_t *bytes = h->data + h->payload_off;
    bool is_lenient = !f->policy->settings.engine_error_drop;
    uint64_t kept = v->bytes.kept;
    enum pm_inorder_answer answer =
        pm_inorder_put(&v->bytes, store, first, bytes, h->payload_len, is_lenient);
    if (answer == PM_INORDER_FULL) {
        f->stats.why[PM_WHY_RETAIN_FULL] += pm_inorder_squeeze(&v->bytes, store);
        make_room(f);
        answer = pm_inorder_put(&v->bytes, store, first, bytes, h->payload_len, is_lenient);
    }
    f->stats.why[PM_WHY_RETAIN_FULL] += v->bytes.kept > kept;
    look(f, v);
    return why_of(answer);
}

/* The flow's verdict is there for good, and no rule watches beside it. */
static bool is_latched(const struct pm_filter *f, const struct pm_trial *t)
{
    return pm_filter_own(t)->latched && !f->verdicts->has_watchers;
}

/* Whether the rest of the stream may be what it likes: all tests are decided, or the flow's verdict
 * is, and no other bytes can come in place of those that decided. */
static bool is_settled(const struct pm_filter *f, const struct pm_trial *t, struct view *v)
{
    if (is_latched(f, t))
        pm_streamtest_close(f->policy->conds, v->states);
    bool is_open = pm_streamtest_is_open(f->policy->conds, v->states) ||
                   (begins_with_hello(v) && !is_latched(f, t));
    if (v->settled == 0 && !is_open)
        v->settled = v->bytes.next;
    return v->settled > 0 && v->bytes.acked >= v->settled;
}

/* The segment's bytes and its FIN. */
static enum pm_why take_segment(struct pm_filter *f, struct pm_trial *t, struct pm_view_side *side)
{
    const struct pm_headers *h = &t->headers;
    bool is_syn = h->tcp_flags & PM_SYN, is_fin = h->tcp_flags & PM_FIN;
    uint32_t first = pm_get32(pm_l4(h) + 4) + is_syn;
    if (is_syn)
        note_syn(&f->views, side, first);
    if (side->state == PM_VIEW_LOST || (h->payload_len == 0 && !(is_fin && side->view)))
        return PM_WHY_NONE;
    struct view *v = view_of(&f->views, side);
    if (!v && is_latched(f, t))
        return PM_WHY_NONE;
    v = v ? v : begin_view(f, t, side, first);
    if (!v) {
        if (!pm_view_drops(f, t, PM_WHY_VIEWS_FULL))
            lose_side(f, t->tracked.flow, side);
        return PM_WHY_VIEWS_FULL;
    }
    if (is_fin)
        pm_inorder_fin(&v->bytes, first + h->payload_len);
    if (is_settled(f, t, v)) {
        pm_inorder_skip(&v->bytes, &f->views.store, first, h->payload_len);
        return PM_WHY_NONE;
    }
    enum pm_why why = take_bytes(f, t, v, first);
    touch(&f->views, side->view - 1);
    if (why != PM_WHY_NONE)
        return why;
    if (h->is_fragment)
        return PM_WHY_FRAGMENT;
    return h->payload_len > 0 && (h->tcp_flags & PM_URG) ? PM_WHY_URGENT_DOUBT : PM_WHY_NONE;
}

/* ------------------------------------------------------------------ the packet */

/* No receiver takes what has a wrong checksum. But where the first one of a side is wrong, they are
 * not filled in, and say nothing. */
static bool is_sound(const struct pm_trial *t, struct pm_view_side *side)
{
    if (side->sum_is_void || t->packet->csum == PM_CSUM_PARTIAL)
        return true;
    bool is_wrong = pm_check_l4(&t->headers) == PM_SUM_WRONG;
    if (!side->sum_is_known)
        side->sum_is_void = is_wrong;
    side->sum_is_known = true;
    return !is_wrong || side->sum_is_void;
}

static void show_state(struct pm_filter *f, struct pm_trial *t, const struct pm_view_side *side)
{
    const struct view *v = view_of(&f->views, side);
    t->stream = (struct pm_stream_state){.states = NULL, .doubt = PM_WHY_NONE};
    if (v)
        t->stream = (struct pm_stream_state){.states = v->states, .doubt = (enum pm_why)v->doubt};
    else if (side->state == PM_VIEW_LOST)
        t->stream.doubt = PM_WHY_VIEWS_FULL;
    t->subject.stream = &t->stream;
}

static bool is_tcp(const struct pm_trial *t)
{
    return t->headers.parse == PM_PARSE_L4 && t->headers.ip_proto == PM_PROTO_TCP;
}

static bool is_wanted(const struct pm_trial *t)
{
    const struct pm_filter_flow *own = pm_filter_own(t);
    return own->streams[0].state != PM_VIEW_UNWANTED || own->streams[1].state != PM_VIEW_UNWANTED;
}

enum pm_why pm_view_take(struct pm_filter *f, struct pm_trial *t)
{
    if (!f->views.is_used || !is_tcp(t))
        return PM_WHY_NONE;
    t->stream = (struct pm_stream_state){.states = NULL, .doubt = PM_WHY_FLOWS_FULL};
    t->subject.stream = &t->stream;
    if (!t->tracked.flow) {
        t->told = PM_WHY_FLOWS_FULL;
        return PM_WHY_NONE;
    }
    struct pm_view_side *side = side_of(t->tracked.flow, t->tracked.side);
    enum pm_why why = PM_WHY_NONE;
    t->stream.doubt = PM_WHY_NONE;
    ask_side(f, t, side);
    if (is_wanted(t) && is_sound(t, side)) {
        note_ack(f, t);
        if (side->state != PM_VIEW_UNWANTED)
            why = take_segment(f, t, side);
    }
    show_state(f, t, side);
    return why;
}

bool pm_view_drops(const struct pm_filter *f, const struct pm_trial *t, enum pm_why why)
{
    if (why == PM_WHY_NONE || !side_of(t->tracked.flow, t->tracked.side)->decides)
        return false;
    return why == PM_WHY_OVERLAP_DIFFERS || f->policy->settings.engine_error_drop;
}

void pm_view_about(const struct pm_filter *f, const struct pm_trial *t, struct pm_about_stream *out)
{
    *out = (struct pm_about_stream){.is_tested = false};
    if (!f->views.is_used || !is_tcp(t) || !t->tracked.flow)
        return;
    const struct pm_view_side *side = side_of(t->tracked.flow, t->tracked.side);
    const struct view *v = view_of(&f->views, side);
    out->is_tested = side->state == PM_VIEW_WANTED || side->state == PM_VIEW_LOST;
    out->is_lost = side->state == PM_VIEW_LOST;
    out->is_midstream = side->is_midstream;
    if (!v)
        return;
    out->in_order = v->bytes.next - v->bytes.begin;
    out->highest = v->bytes.end > v->bytes.next ? v->bytes.end - v->bytes.begin : out->in_order;
}
