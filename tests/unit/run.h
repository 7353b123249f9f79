/* run.h - for tests: a rewriter, what it is given and what leaves it, byte for byte. */
#ifndef PM_TESTS_RUN_H
#define PM_TESTS_RUN_H

#include "pieces.h"

#define RUN_OUT 96

struct run {
    struct pm_policy *policy;
    struct pm_rewriter *rewriter;
    struct piece out[RUN_OUT];
    struct pm_emitted told[RUN_OUT];
    size_t count;
    enum pm_why why;
};

static inline void run_emit(void *context, const struct pm_emitted *e)
{
    struct run *run = context;
    assert_true(run->count < RUN_OUT && e->len <= sizeof run->out[0].bytes);
    memcpy(run->out[run->count].bytes, e->data, e->len);
    run->out[run->count].len = e->len;
    run->told[run->count++] = *e;
}

static inline void run_begin(struct run *run, struct pm_builder *b,
                             struct pm_rewriter_config config)
{
    struct pm_error error;
    memset(run, 0, sizeof *run);
    run->policy = pm_builder_finish(b, &error);
    assert_non_null(run->policy);
    config.emit = run_emit;
    config.context = run;
    run->rewriter = pm_rewriter_new(run->policy, &config, &error);
    assert_non_null(run->rewriter);
}

static inline void run_end(struct run *run)
{
    pm_rewriter_flush(run->rewriter, 0);
    pm_rewriter_free(run->rewriter);
    pm_policy_unref(run->policy);
}

/* In a block of exactly its size; run->out has what came of it. */
static inline size_t run_send_at(struct run *run, const struct piece *p, uint64_t now_ns)
{
    uint8_t *exact = malloc(p->len);
    assert_non_null(exact);
    memcpy(exact, p->bytes, p->len);
    struct pm_packet packet = {.data = exact,
                               .len = p->len,
                               .wire_len = p->len,
                               .link = 101,
                               .dir = PM_DIR_UNKNOWN,
                               .cookie = p->cookie};
    run->count = 0;
    run->why = pm_rewrite(run->rewriter, &packet, exact, now_ns);
    free(exact);
    return run->count;
}

static inline size_t run_send(struct run *run, const struct piece *p)
{
    return run_send_at(run, p, 0);
}

static inline uint64_t run_counted(const struct run *run, enum pm_why why)
{
    return pm_rewriter_stats(run->rewriter)->why[why];
}

#endif
