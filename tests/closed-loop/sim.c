/* sim.c - the course of one seed; the contract is in sim.h. */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>

#define SECOND      UINT64_C(1000000000)
#define LONGEST_NS  (3600 * SECOND)
#define MOST_EVENTS 3000000
#define STORY_SHOWN 60

struct sim;

/* The application at one end. */
struct app {
    struct sim *sim;
    int side;
    struct dice dice;
    uint64_t write_at_ns, read_at_ns;
    int64_t written;
    bool has_ended;
    int64_t checked; /* delivered bytes that were compared */
};

struct sim {
    struct plan plan;
    struct story story;
    struct links links;
    struct middle middle;
    struct tcp end[2];
    struct app app[2];
    int turn;
    uint64_t now_ns;
    const char *wrong;
    int wrong_side;
};

static void fail(struct sim *sim, int side, const char *wrong)
{
    if (!wrong || sim->wrong)
        return;
    sim->wrong = wrong;
    sim->wrong_side = side;
}

/* ------------------------------------------------------------------ the ends' world */

static void on_send(void *context, const uint8_t *packet, size_t len)
{
    struct app *app = context;
    struct sim *sim = app->sim;
    bool is_a = app->side == PLAN_A;
    story_packet(&sim->story, sim->now_ns, is_a ? STORY_A_SENDS : STORY_B_SENDS, packet, len, NULL);
    links_put(&sim->links, is_a ? LINK_A_TO_M : LINK_B_TO_M, sim->now_ns, packet, len);
}

static void on_complaint(void *context, const char *what)
{
    struct app *app = context;
    story_note(&app->sim->story, app->sim->now_ns, "%c: %s", 'A' + app->side, what);
    fail(app->sim, app->side, what);
}

/* ------------------------------------------------------------------ the applications */

static uint64_t draw_pause(struct app *app)
{
    uint64_t most = app->sim->plan.app[app->side].pause_ns;
    return most > 0 ? dice_below(&app->dice, most) : 0;
}

/* In turns: after the other wrote, this one has what that became. */
static bool may_write(const struct app *app)
{
    const struct sim *sim = app->sim;
    const struct app *other = &sim->app[1 - app->side];
    if (app->has_ended || sim->now_ns < app->write_at_ns)
        return false;
    if (sim->plan.talk == PLAN_TALK_FREELY || other->has_ended)
        return true;
    int64_t due = oracle_low(&sim->middle.watch[other->side].oracle, other->written);
    return sim->turn == app->side && tcp_delivered(&sim->end[app->side]) >= due;
}

static void write_some(struct app *app)
{
    struct sim *sim = app->sim;
    int64_t left = sim->plan.out_len[app->side] - app->written;
    int64_t most = sim->plan.app[app->side].write_len;
    most = most < left ? most : left;
    app->written += most > 0 ? (int64_t)dice_range(&app->dice, 1, (uint64_t)most) : 0;
    if (sim->plan.app[app->side].write_len == INT64_MAX)
        app->written = sim->plan.out_len[app->side];
    app->has_ended = app->written == sim->plan.out_len[app->side];
    app->write_at_ns = sim->now_ns + draw_pause(app);
    sim->turn = 1 - app->side;
    tcp_write(&sim->end[app->side], sim->now_ns, app->written, app->has_ended);
}

static bool is_stalled(const struct app *app)
{
    const struct plan_app *p = &app->sim->plan.app[app->side];
    return app->sim->now_ns - p->stall_at_ns < p->stall_ns;
}

static void read_some(struct app *app)
{
    struct sim *sim = app->sim;
    struct tcp *end = &sim->end[app->side];
    const struct plan_app *p = &sim->plan.app[app->side];
    int64_t unread = tcp_unread(end);
    if (unread <= 0 || sim->now_ns < app->read_at_ns || is_stalled(app))
        return;
    if (p->read_ns > 0 && unread > p->read_len)
        unread = p->read_len;
    app->read_at_ns = sim->now_ns + p->read_ns;
    tcp_read(end, sim->now_ns, unread);
}

static void check_delivered(struct app *app)
{
    struct sim *sim = app->sim;
    const struct watch *w = &sim->middle.watch[1 - app->side];
    const struct tcp *end = &sim->end[app->side];
    int64_t delivered = tcp_delivered(end);
    fail(sim, app->side, watch_delivered(w, end->in, app->checked, delivered));
    app->checked = delivered;
}

static void run_app(struct app *app)
{
    struct sim *sim = app->sim;
    struct tcp *end = &sim->end[app->side];
    uint64_t abort_ns = sim->plan.app[app->side].abort_ns;
    check_delivered(app);
    if (end->state == TCP_CLOSED)
        return;
    if (abort_ns <= sim->now_ns && !end->was_reset) {
        story_note(&sim->story, sim->now_ns, "%c resets", 'A' + app->side);
        tcp_abort(end, sim->now_ns);
        return;
    }
    while (may_write(app))
        write_some(app);
    read_some(app);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* When the application wants to be asked again, whatever arrives. */
static uint64_t app_next_ns(const struct app *app)
{
    const struct sim *sim = app->sim;
    const struct plan_app *p = &sim->plan.app[app->side];
    const struct tcp *end = &sim->end[app->side];
    uint64_t next = UINT64_MAX;
    if (end->state == TCP_CLOSED)
        return next;
    if (!app->has_ended && app->write_at_ns > sim->now_ns)
        next = app->write_at_ns;
    if (p->abort_ns > sim->now_ns)
        next = earlier(next, p->abort_ns);
    if (tcp_unread(end) > 0)
        next = earlier(next, is_stalled(app) ? p->stall_at_ns + p->stall_ns : app->read_at_ns);
    return next;
}

/* ------------------------------------------------------------------ the course */

static void begin(struct sim *sim, uint64_t seed, const struct sim_options *options)
{
    plan_make(&sim->plan, seed);
    if (!options->has_engine)
        plan_forget_rules(&sim->plan);
    sim->story.count = 0;
    sim->story.is_loud = options->is_loud;
    links_begin(&sim->links, &sim->plan);
    sim->now_ns = 0;
    sim->wrong = NULL;
    sim->turn = PLAN_A;
    for (int side = 0; side < 2; side++) {
        struct app *app = &sim->app[side];
        *app = (struct app){.sim = sim, .side = side, .dice = dice_make(seed, 3 + (uint64_t)side)};
        struct tcp_world world = {.send = on_send, .complain = on_complaint, .context = app};
        tcp_begin(&sim->end[side], &sim->plan.tcp[side], &world,
                  dice_make(seed, 5 + (uint64_t)side), sim->plan.out[side],
                  sim->plan.out_len[side]);
        sim->story.isn[side] = sim->plan.tcp[side].iss + 1;
    }
    if (!middle_begin(&sim->middle, &sim->plan, &sim->links, &sim->story, options->has_engine))
        fail(sim, -1, "the engine could not be made");
    if (sim->plan.both_open)
        tcp_connect(&sim->end[PLAN_B], 0);
    else
        tcp_listen(&sim->end[PLAN_B]);
    tcp_connect(&sim->end[PLAN_A], 0);
}

static uint64_t next_ns(const struct sim *sim)
{
    uint64_t next = earlier(links_next_ns(&sim->links), middle_next_ns(&sim->middle));
    for (int side = 0; side < 2; side++) {
        next = earlier(next, tcp_next_ns(&sim->end[side]));
        next = earlier(next, app_next_ns(&sim->app[side]));
    }
    return next;
}

static void deliver(struct sim *sim)
{
    struct parcel *p = links_take(&sim->links);
    if (p->way == LINK_A_TO_M || p->way == LINK_B_TO_M) {
        middle_arrive(&sim->middle, sim->now_ns, p);
    } else {
        int side = p->way == LINK_M_TO_A ? PLAN_A : PLAN_B;
        story_packet(&sim->story, sim->now_ns, side == PLAN_A ? STORY_A_GETS : STORY_B_GETS,
                     p->bytes, p->len, NULL);
        tcp_arrive(&sim->end[side], sim->now_ns, p->bytes, p->len);
    }
    free(p);
}

static void step(struct sim *sim)
{
    if (middle_next_ns(&sim->middle) <= sim->now_ns)
        middle_due(&sim->middle, sim->now_ns);
    else if (links_next_ns(&sim->links) <= sim->now_ns)
        deliver(sim);
    for (int side = 0; side < 2; side++) {
        if (tcp_next_ns(&sim->end[side]) <= sim->now_ns)
            tcp_due(&sim->end[side], sim->now_ns);
        run_app(&sim->app[side]);
    }
    fail(sim, -1, sim->middle.wrong);
}

static bool was_aborted(const struct sim *sim)
{
    return sim->end[0].was_reset || sim->end[1].was_reset;
}

static bool is_over(const struct sim *sim)
{
    if (links_next_ns(&sim->links) != UINT64_MAX || middle_next_ns(&sim->middle) != UINT64_MAX)
        return false;
    return tcp_is_finished(&sim->end[0]) && tcp_is_finished(&sim->end[1]);
}

static void check_end(struct sim *sim)
{
    for (int side = 0; side < 2; side++) {
        const struct tcp *end = &sim->end[side];
        const struct watch *w = &sim->middle.watch[1 - side];
        int64_t delivered = tcp_delivered(end);
        fail(sim, side, watch_delivered(w, end->in, 0, delivered));
        if (was_aborted(sim))
            continue;
        if (!tcp_is_finished(end))
            fail(sim, side, "it did not close");
        if (delivered != w->oracle.m_len)
            fail(sim, side, "not everything was delivered");
    }
    const struct tcp_counts *a = &sim->end[0].counts, *b = &sim->end[1].counts;
    bool is_smooth = sim->plan.is_calm && a->probes + b->probes + a->shut + b->shut == 0;
    if (is_smooth && a->fast + b->fast > 0)
        fail(sim, -1, "a fast retransmission though nothing was lost or overtaken");
    fail(sim, -1, middle_check_end(&sim->middle));
}

static struct sim_result result_of(const struct sim *sim)
{
    const struct middle *m = &sim->middle;
    struct sim_result r = {.wrong = sim->wrong,
                           .wrong_side = sim->wrong_side,
                           .hash = m->hash,
                           .packets_in = m->packets_in,
                           .packets_out = m->packets_out,
                           .own_out = m->own_out,
                           .releases = m->releases,
                           .ended_ns = sim->now_ns,
                           .is_calm = sim->plan.is_calm,
                           .was_aborted = was_aborted(sim)};
    for (int side = 0; side < 2; side++) {
        const struct tcp_counts *c = &sim->end[side].counts;
        r.resent_bytes += c->resent_bytes;
        r.timeouts += c->timeouts;
        r.fast += c->fast;
        r.probes += c->probes;
        r.sent_bytes += (uint64_t)sim->plan.out_len[side];
    }
    return r;
}

static void tell_failure(const struct sim *sim)
{
    printf("\n");
    plan_tell(&sim->plan);
    if (!sim->story.is_loud)
        story_tell(&sim->story, STORY_SHOWN);
    if (sim->wrong_side < 0)
        printf("FAILED at the engine: %s\n", sim->wrong);
    else
        printf("FAILED at %c: %s\n", 'A' + sim->wrong_side, sim->wrong);
    for (int side = 0; side < 2; side++) {
        const struct watch *w = &sim->middle.watch[side];
        printf("  from %c (%s): original %lld, with the engine %lld; rewritten %lld, sent %lld, "
               "acknowledged %lld, edge %lld, delivered %lld\n",
               'A' + side, tcp_state_name(sim->end[side].state), (long long)w->oracle.o_len,
               (long long)watch_frontier(w), (long long)w->oracle.m_len, (long long)w->emitted_m,
               (long long)w->una_m, (long long)w->edge_m,
               (long long)tcp_delivered(&sim->end[1 - side]));
    }
}

static void end(struct sim *sim)
{
    middle_end(&sim->middle);
    links_end(&sim->links);
    tcp_end(&sim->end[0]);
    tcp_end(&sim->end[1]);
    plan_free(&sim->plan);
}

struct sim_result sim_run(uint64_t seed, const struct sim_options *options)
{
    struct sim *sim = calloc(1, sizeof *sim);
    if (!sim)
        abort();
    begin(sim, seed, options);
    uint64_t events = 0;
    bool is_quiet = false;
    while (!sim->wrong && !is_over(sim) && !is_quiet) {
        uint64_t next = next_ns(sim);
        is_quiet = next == UINT64_MAX;
        if (!is_quiet && next > sim->now_ns)
            sim->now_ns = next;
        if (++events > MOST_EVENTS)
            fail(sim, -1, "the packets do not end");
        if (sim->now_ns > LONGEST_NS && was_aborted(sim))
            break;
        if (sim->now_ns > LONGEST_NS)
            fail(sim, -1, "no progress within an hour");
        if (!is_quiet && !sim->wrong)
            step(sim);
    }
    if (!sim->wrong)
        check_end(sim);
    struct sim_result result = result_of(sim);
    if (sim->wrong)
        tell_failure(sim);
    end(sim);
    free(sim);
    return result;
}
