/* guard.c - joins rules, shards, alarm and clock. */
#include "filter-ext/shards/guard.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "filter-ext/shards/alarm.h"
#include "rules/rules.h"

struct pm_guard {
    struct pm_shards *shards;
    struct pm_shards_platform platform; /* as the caller gave it */
    struct pm_asked asked;
    struct pm_alarm alarm;
    pthread_mutex_t change; /* rules are loaded, and the guard is stopped, one at a time */
    bool is_stopped;        /* under change */
    atomic_uint own[PM_GUARD_OWN_MAX]; /* 0: none */
    atomic_uint_fast64_t own_packets, cut, refused;
};

/* ------------------------------------------------------------------ rules */

/* What of a diagnostic a log line can show. */
static void write_error(const struct pm_rules *rules, char *error, size_t cap)
{
    size_t used = 0;
    for (size_t i = 0; used < cap && i < pm_rules_diagnostic_count(rules); i++) {
        const struct pm_diagnostic *d = pm_rules_diagnostic(rules, i);
        if (d->severity != PM_SEVERITY_ERROR)
            continue;
        int len = snprintf(error + used, cap - used, "%s%s:%zu:%zu: error %s: %s",
                           used > 0 ? "\n" : "", d->file, d->line, d->column, d->code, d->message);
        used += len > 0 ? (size_t)len : 0;
    }
}

/* NULL with `error` filled. */
static struct pm_rules *load(const char *text, size_t len, char *error, size_t cap)
{
    struct pm_rules *rules = pm_rules_load_text(NULL, text, len);
    if (rules == NULL) {
        (void)snprintf(error, cap, "no memory to load the rules");
        return NULL;
    }
    if (pm_rules_policy(rules) != NULL)
        return rules;
    write_error(rules, error, cap);
    pm_rules_free(rules);
    return NULL;
}

static bool replace(struct pm_guard *guard, const char *text, size_t len, char *error, size_t cap)
{
    struct pm_error failed;
    struct pm_rules *rules = load(text, len, error, cap);
    if (rules == NULL)
        return false;
    bool ok = pm_shards_replace(guard->shards, pm_rules_policy(rules), &failed);
    if (!ok)
        (void)snprintf(error, cap, "%s", failed.text);
    pm_rules_free(rules);
    return ok;
}

bool pm_guard_replace(struct pm_guard *guard, const char *rules, size_t len, char *error,
                      size_t error_cap)
{
    bool ok = false;
    (void)pthread_mutex_lock(&guard->change);
    if (guard->is_stopped)
        (void)snprintf(error, error_cap, "the filter has stopped");
    else
        ok = replace(guard, rules, len, error, error_cap);
    (void)pthread_mutex_unlock(&guard->change);
    if (!ok)
        atomic_fetch_add(&guard->refused, 1);
    return ok;
}

/* ------------------------------------------------------------------ the platform */

static void let_go(void *context, void *kept, bool allow)
{
    const struct pm_guard *guard = context;
    guard->platform.let_go(guard->platform.context, kept, allow);
}

static void asked(void *context, const struct pm_shards_question *question)
{
    struct pm_guard *guard = context;
    pm_asked_add(&guard->asked, question);
    if (guard->platform.asked != NULL)
        guard->platform.asked(guard->platform.context, question);
}

size_t pm_guard_questions(struct pm_guard *guard, struct pm_shards_question *out, size_t cap)
{
    return pm_asked_list(&guard->asked, pm_alarm_now_ns(), out, cap);
}

/* ------------------------------------------------------------------ packets */

static uint64_t release(void *context, uint64_t now_ns)
{
    struct pm_guard *guard = context;
    return pm_shards_release(guard->shards, now_ns);
}

static bool is_own(const struct pm_guard *guard, uint32_t ifindex)
{
    for (unsigned i = 0; ifindex != 0 && i < PM_GUARD_OWN_MAX; i++) {
        if (atomic_load_explicit(&guard->own[i], memory_order_relaxed) == ifindex)
            return true;
    }
    return false;
}

enum pm_shards_answer pm_guard_decide(struct pm_guard *guard, const struct pm_guard_frame *frame,
                                      void *call)
{
    if (is_own(guard, frame->ifindex)) {
        atomic_fetch_add_explicit(&guard->own_packets, 1, memory_order_relaxed);
        return PM_SHARDS_ALLOW;
    }
    uint64_t release_ns;
    uint16_t link = pm_start_link(frame->kind, frame->interface, frame->bytes, frame->len);
    struct pm_packet packet = {
        .data = frame->bytes,
        .len = frame->len,
        .wire_len = pm_start_wire_len(link, frame->bytes, frame->len),
        .link = link,
        .dir = frame->dir,
        .csum = PM_CSUM_PARTIAL, /* offloaded sums are not made for a filter's copy */
        .ifindex = frame->ifindex,
        .interface = frame->interface,
    };
    if (packet.wire_len > packet.len)
        atomic_fetch_add_explicit(&guard->cut, 1, memory_order_relaxed);
    enum pm_shards_answer answer =
        pm_shards_decide(guard->shards, &packet, call, pm_alarm_now_ns(), &release_ns);
    if (answer == PM_SHARDS_HELD)
        pm_alarm_set(&guard->alarm, release_ns);
    return answer;
}

bool pm_guard_reply(struct pm_guard *guard, uint64_t id, bool allow, enum pm_answer_for answer_for,
                    uint64_t duration_ns)
{
    bool ok = pm_shards_reply(guard->shards, id, allow, answer_for, duration_ns, pm_alarm_now_ns());
    if (ok) {
        pm_asked_remove(&guard->asked, id);
        pm_alarm_set(&guard->alarm, 0);
    }
    return ok;
}

void pm_guard_set_own(struct pm_guard *guard, const uint32_t *ifindex, size_t count)
{
    for (size_t i = 0; i < PM_GUARD_OWN_MAX; i++)
        atomic_store(&guard->own[i], i < count ? ifindex[i] : 0);
}

/* ------------------------------------------------------------------ life */

static bool start(struct pm_guard *guard, const struct pm_guard_config *config, const char *text,
                  size_t len, char *error, size_t cap)
{
    struct pm_error failed;
    struct pm_shards_config shards = {
        .count = config->shards,
        .filter = {.seed = config->seed,
                   .hash_key = {config->hash_key[0], config->hash_key[1]},
                   .stage = PM_STAGE_ORIGINAL,
                   .wall_ns = config->wall_ns},
        .platform = {.keep = config->platform.keep,
                     .let_go = let_go,
                     .asked = asked,
                     .context = guard},
    };
    guard->platform = config->platform;
    struct pm_rules *rules = load(text, len, error, cap);
    if (rules == NULL)
        return false;
    guard->shards = pm_shards_new(pm_rules_policy(rules), &shards, &failed);
    pm_rules_free(rules);
    if (guard->shards == NULL) {
        (void)snprintf(error, cap, "%s", failed.text);
        return false;
    }
    if (pm_alarm_start(&guard->alarm, release, guard))
        return true;
    (void)snprintf(error, cap, "no thread could be made for packets that wait");
    pm_shards_free(guard->shards);
    return false;
}

struct pm_guard *pm_guard_new(const struct pm_guard_config *config, const char *rules, size_t len,
                              char *error, size_t error_cap)
{
    struct pm_guard *guard = calloc(1, sizeof *guard);
    if (guard == NULL || pthread_mutex_init(&guard->change, NULL) != 0 ||
        !pm_asked_init(&guard->asked)) {
        (void)snprintf(error, error_cap, "out of memory");
        free(guard);
        return NULL;
    }
    if (start(guard, config, rules, len, error, error_cap))
        return guard;
    pm_asked_free(&guard->asked);
    (void)pthread_mutex_destroy(&guard->change);
    free(guard);
    return NULL;
}

void pm_guard_stop(struct pm_guard *guard)
{
    (void)pthread_mutex_lock(&guard->change);
    if (!guard->is_stopped) {
        guard->is_stopped = true;
        pm_shards_stop(guard->shards);
        pm_alarm_stop(&guard->alarm);
    }
    (void)pthread_mutex_unlock(&guard->change);
}

void pm_guard_free(struct pm_guard *guard)
{
    if (guard == NULL)
        return;
    pm_shards_free(guard->shards);
    pm_asked_free(&guard->asked);
    (void)pthread_mutex_destroy(&guard->change);
    free(guard);
}

void pm_guard_stats(struct pm_guard *guard, struct pm_guard_stats *out)
{
    pm_shards_stats(guard->shards, &out->shards);
    out->own = atomic_load(&guard->own_packets);
    out->cut = atomic_load(&guard->cut);
    out->refused = atomic_load(&guard->refused);
}
