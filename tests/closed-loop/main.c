/* main.c - closed_loop: two TCP ends and the rewriter between them, seed by seed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

#define TWICE_EVERY 64 /* one seed in so many runs twice, and must be the same */

static const char usage[] =
    "usage: closed_loop [--seed N | --seeds A-B] [--verbose] [--plain] [--keep-going]\n"
    "  --seed N      one seed, with what kind of run it is\n"
    "  --seeds A-B   all of them; the first that fails tells its story and ends the run\n"
    "  --verbose     tell every packet\n"
    "  --plain       without the engine: the two ends alone\n"
    "  --keep-going  go on behind failing seeds, and count them\n";

struct request {
    uint64_t first, last;
    struct sim_options options;
    bool keeps_going, is_single;
};

struct totals {
    uint64_t seeds, failed, packets_in, packets_out, own_out, releases, aborted;
    uint64_t calm, calm_bytes, calm_resent, calm_fast, calm_timeouts, probes;
};

static bool read_range(const char *text, uint64_t *first, uint64_t *last)
{
    char *end;
    *first = *last = strtoull(text, &end, 10);
    if (end == text)
        return false;
    if (*end == '-') {
        text = end + 1;
        *last = strtoull(text, &end, 10);
    }
    return *end == 0 && end != text && *first <= *last;
}

static bool read_request(int argc, char **argv, struct request *r)
{
    *r = (struct request){.first = 1, .last = 1000, .options = {.has_engine = true}};
    for (int i = 1; i < argc; i++) {
        bool takes_range = strcmp(argv[i], "--seed") == 0 || strcmp(argv[i], "--seeds") == 0;
        if (takes_range && i + 1 < argc) {
            if (!read_range(argv[++i], &r->first, &r->last))
                return false;
            r->is_single = r->first == r->last;
        } else if (strcmp(argv[i], "--verbose") == 0) {
            r->options.is_loud = true;
        } else if (strcmp(argv[i], "--plain") == 0) {
            r->options.has_engine = false;
        } else if (strcmp(argv[i], "--keep-going") == 0) {
            r->keeps_going = true;
        } else {
            return false;
        }
    }
    return true;
}

static void add(struct totals *t, const struct sim_result *r)
{
    t->seeds++;
    t->failed += r->wrong != NULL;
    t->packets_in += r->packets_in;
    t->packets_out += r->packets_out;
    t->own_out += r->own_out;
    t->releases += r->releases;
    t->aborted += r->was_aborted;
    t->probes += r->probes;
    if (!r->is_calm)
        return;
    t->calm++;
    t->calm_bytes += r->sent_bytes;
    t->calm_resent += r->resent_bytes;
    t->calm_fast += r->fast;
    t->calm_timeouts += r->timeouts;
}

static void tell(const struct totals *t)
{
    printf("%llu seeds, %llu failed, %llu reset; packets %llu in, %llu out, %llu own; "
           "%llu holds given up, %llu probes\n",
           (unsigned long long)t->seeds, (unsigned long long)t->failed,
           (unsigned long long)t->aborted, (unsigned long long)t->packets_in,
           (unsigned long long)t->packets_out, (unsigned long long)t->own_out,
           (unsigned long long)t->releases, (unsigned long long)t->probes);
    printf("%llu of them calm: %llu bytes, %llu sent again, %llu timeouts, %llu fast "
           "retransmissions\n",
           (unsigned long long)t->calm, (unsigned long long)t->calm_bytes,
           (unsigned long long)t->calm_resent, (unsigned long long)t->calm_timeouts,
           (unsigned long long)t->calm_fast);
}

static bool run_seed(const struct request *request, uint64_t seed, struct totals *totals)
{
    struct sim_result result = sim_run(seed, &request->options);
    if (!result.wrong && seed % TWICE_EVERY == 0) {
        struct sim_result again = sim_run(seed, &request->options);
        if (again.hash != result.hash || again.packets_out != result.packets_out) {
            printf("FAILED: seed %llu is not the same twice\n", (unsigned long long)seed);
            result.wrong = "not the same twice";
        }
    }
    add(totals, &result);
    if (result.wrong)
        printf("seed %llu failed: %s\n", (unsigned long long)seed, result.wrong);
    return !result.wrong;
}

int main(int argc, char **argv)
{
    struct request request;
    struct totals totals = {0};
    if (!read_request(argc, argv, &request)) {
        fputs(usage, stderr);
        return 2;
    }
    if (request.is_single) {
        struct plan plan;
        plan_make(&plan, request.first);
        plan_tell(&plan);
        plan_free(&plan);
    }
    for (uint64_t seed = request.first; seed <= request.last; seed++)
        if (!run_seed(&request, seed, &totals) && !request.keeps_going)
            break;
    tell(&totals);
    return totals.failed > 0;
}
