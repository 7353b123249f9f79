/* shards.c - engines under locks, and the packets that wait in them.
 *
 * Order of locks: `change` (one policy at a time is put in force), then a shard's. Nothing of the
 * platform is called under a shard's lock. */
#include "filter-ext/shards/shards.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "filter-ext/shards/places.h"

#define BATCH 32u /* packets let go between two looks at a shard */

/* `before` is of the policy before, and is kept while packets wait in it. */
struct shard {
    pthread_mutex_t lock;
    struct pm_filter *filter, *before; /* filter NULL: the policy needs shard 0 alone */
    struct pm_policy *policy;          /* of filter; referenced */
    struct pm_policy *before_policy;
    uint32_t generation; /* of filter; before has the one below */
    struct pm_places places;
    struct pm_stats past; /* of engines that are no more */
    uint64_t held_full, not_kept, untold, cut_short;
    bool is_stopped;
};

struct pm_shards {
    struct pm_shards_config config;
    pthread_mutex_t change;
    atomic_uint used;          /* shards that packets are spread over */
    atomic_uint_fast64_t held; /* packets that wait, in all shards */
    atomic_uint_fast64_t held_bytes;
    atomic_uint_fast64_t held_cap, held_bytes_cap;
    atomic_uint_fast64_t after_stop;
    uint64_t policies;          /* under change */
    pthread_mutex_t references; /* of policies; a leaf */

    pthread_mutex_t calls_lock; /* with `ended`: for who waits until no call is inside */
    pthread_cond_t ended;
    atomic_uint calls;
    atomic_bool is_stopped;
    struct shard list[];
};

static void lock(pthread_mutex_t *mutex)
{
    int failed = pthread_mutex_lock(mutex);
    assert(failed == 0);
    (void)failed;
}

static void unlock(pthread_mutex_t *mutex)
{
    int failed = pthread_mutex_unlock(mutex);
    assert(failed == 0);
    (void)failed;
}

/* ------------------------------------------------------------------ sums */

static void add_stats(struct pm_stats *sum, const struct pm_stats *more)
{
    sum->packets += more->packets;
    sum->bytes += more->bytes;
    sum->allowed += more->allowed;
    sum->delayed += more->delayed;
    sum->dropped += more->dropped;
    sum->allowed_bytes += more->allowed_bytes;
    sum->dropped_bytes += more->dropped_bytes;
    sum->delayed_bytes += more->delayed_bytes;
    sum->rejected += more->rejected;
    sum->rejected_bytes += more->rejected_bytes;
    sum->asked += more->asked;
    sum->asked_bytes += more->asked_bytes;
    sum->asked_dropped += more->asked_dropped;
    sum->asked_dropped_bytes += more->asked_dropped_bytes;
    sum->held_dropped += more->held_dropped;
    sum->held_dropped_bytes += more->held_dropped_bytes;
    sum->replies += more->replies;
    sum->flows += more->flows;
    for (unsigned why = 0; why < PM_WHY_COUNT; why++)
        sum->why[why] += more->why[why];
}

static void sum_shard(struct shard *s, struct pm_shards_stats *out)
{
    add_stats(&out->filter, &s->past);
    if (s->before != NULL)
        add_stats(&out->filter, pm_filter_stats(s->before));
    if (s->filter != NULL) {
        const struct pm_stats *stats = pm_filter_stats(s->filter);
        add_stats(&out->filter, stats);
        out->filter.flows_now += stats->flows_now;
        out->filter.flows_max += stats->flows_max;
        out->shards++;
    }
    out->held_full += s->held_full;
    out->not_kept += s->not_kept;
    out->untold += s->untold;
    out->cut_short += s->cut_short;
}

void pm_shards_stats(struct pm_shards *shards, struct pm_shards_stats *out)
{
    *out = (struct pm_shards_stats){.held = atomic_load(&shards->held),
                                    .held_bytes = atomic_load(&shards->held_bytes),
                                    .after_stop = atomic_load(&shards->after_stop)};
    lock(&shards->change);
    out->policies = shards->policies;
    for (unsigned i = 0; i < shards->config.count; i++) {
        lock(&shards->list[i].lock);
        sum_shard(&shards->list[i], out);
        unlock(&shards->list[i].lock);
    }
    unlock(&shards->change);
}

/* ------------------------------------------------------------------ letting go */

struct leaving {
    void *kept;
    bool allow;
};

static void no_longer_held(struct pm_shards *shards, size_t len)
{
    atomic_fetch_sub(&shards->held, 1);
    atomic_fetch_sub(&shards->held_bytes, len);
}

static void let_go(const struct pm_shards *shards, const struct leaving *list, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        shards->config.platform.let_go(shards->config.platform.context, list[i].kept,
                                       list[i].allow);
}

static void decide_place(struct pm_shards *shards, struct shard *s, const struct pm_due *due,
                         struct leaving *list, unsigned *count)
{
    size_t len = 0;
    bool allow = due->verdict == PM_ALLOW;
    void *kept = pm_places_decide(&s->places, due->cookie, allow, &len);
    if (kept == NULL)
        return;
    no_longer_held(shards, len);
    list[(*count)++] = (struct leaving){.kept = kept, .allow = allow};
}

/* Locked. At most BATCH that are due, in their order; those of the policy before first. */
static unsigned take_due(struct pm_shards *shards, struct shard *s, uint64_t now_ns,
                         struct leaving list[BATCH])
{
    unsigned count = 0;
    struct pm_due due;
    while (count < BATCH && s->before != NULL && pm_filter_due(s->before, now_ns, &due))
        decide_place(shards, s, &due, list, &count);
    while (count < BATCH && s->filter != NULL && pm_filter_due(s->filter, now_ns, &due))
        decide_place(shards, s, &due, list, &count);
    return count;
}

/* An engine that is not needed any more, with its policy. */
struct old {
    struct pm_filter *filter;
    struct pm_policy *policy;
};

/* Locked. */
static struct old take_before(struct shard *s)
{
    struct old old = {.filter = s->before, .policy = s->before_policy};
    if (s->before != NULL)
        add_stats(&s->past, pm_filter_stats(s->before));
    s->before = NULL;
    s->before_policy = NULL;
    return old;
}

/* Not locked: much memory goes. */
static void forget(struct pm_shards *shards, struct old old)
{
    if (old.policy == NULL)
        return;
    lock(&shards->references);
    pm_filter_free(old.filter);
    pm_policy_unref(old.policy);
    unlock(&shards->references);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Locked. */
static uint64_t next_of(const struct shard *s)
{
    uint64_t next_ns = s->filter == NULL ? UINT64_MAX : pm_filter_next_ns(s->filter);
    return s->before == NULL ? next_ns : earlier(next_ns, pm_filter_next_ns(s->before));
}

static uint64_t release_shard(struct pm_shards *shards, struct shard *s, uint64_t now_ns)
{
    struct leaving list[BATCH];
    unsigned count;
    uint64_t next_ns;
    do {
        struct old old = {.filter = NULL};
        lock(&s->lock);
        count = take_due(shards, s, now_ns, list);
        if (s->before != NULL && pm_filter_next_ns(s->before) == UINT64_MAX)
            old = take_before(s);
        next_ns = next_of(s);
        unlock(&s->lock);
        forget(shards, old);
        let_go(shards, list, count);
    } while (count == BATCH);
    return next_ns;
}

uint64_t pm_shards_release(struct pm_shards *shards, uint64_t now_ns)
{
    uint64_t next_ns = UINT64_MAX;
    for (unsigned i = 0; i < shards->config.count; i++)
        next_ns = earlier(next_ns, release_shard(shards, &shards->list[i], now_ns));
    return next_ns;
}

/* ------------------------------------------------------------------ judging */

/* Of both ends, either way round; no secret of the engine's is in it, only who is spread where. */
static uint64_t mix(const struct pm_addr *addr, uint64_t key)
{
    uint64_t high, low;
    memcpy(&high, addr->bytes, sizeof high);
    memcpy(&low, addr->bytes + sizeof high, sizeof low);
    uint64_t h = (high ^ key) * UINT64_C(0x9e3779b97f4a7c15);
    h = (h ^ (h >> 29) ^ low) * UINT64_C(0xbf58476d1ce4e5b9);
    return h ^ (h >> 32);
}

static unsigned shard_of(const struct pm_shards *shards, const struct pm_packet *packet)
{
    struct pm_endpoints ends;
    unsigned used = atomic_load(&shards->used);
    if (used == 1 || !pm_packet_endpoints(packet, &ends))
        return 0;
    uint64_t key = shards->config.filter.hash_key[0] ^ shards->config.filter.hash_key[1];
    uint64_t sum = mix(&ends.src, key) + mix(&ends.dst, key);
    return (unsigned)((sum ^ (sum >> 17)) % used);
}

/* The policy may have become one of a single shard meanwhile. */
static struct shard *lock_shard(struct pm_shards *shards, unsigned index)
{
    struct shard *s = &shards->list[index];
    lock(&s->lock);
    if (index == 0 || s->filter != NULL)
        return s;
    unlock(&s->lock);
    lock(&shards->list[0].lock);
    return &shards->list[0];
}

/* Room for one more among all that wait; taken, if there is. */
static bool reserve_room(struct pm_shards *shards, size_t len)
{
    uint64_t held = atomic_fetch_add(&shards->held, 1);
    uint64_t bytes = atomic_fetch_add(&shards->held_bytes, len);
    uint64_t bytes_cap = atomic_load(&shards->held_bytes_cap);
    if (held < atomic_load(&shards->held_cap) && bytes <= bytes_cap && len <= bytes_cap - bytes)
        return true;
    no_longer_held(shards, len);
    return false;
}

/* Locked. */
static uint64_t question_id(const struct shard *s, uint64_t ask_id)
{
    return (uint64_t)s->generation << 32 | (uint32_t)ask_id;
}

/* What a call takes with it out of the lock. */
struct judged {
    struct pm_decision decision;
    uint64_t cookie;
    bool is_asked;
    struct pm_shards_question question;
};

/* Locked. */
static void note_question(const struct shard *s, const struct pm_packet *packet,
                          struct judged *judged)
{
    const struct pm_decision *d = &judged->decision;
    judged->is_asked = true;
    judged->question =
        (struct pm_shards_question){.id = question_id(s, d->ask_id), .until_ns = d->release_ns};
    size_t len = strlen(pm_policy_rule_id(s->policy, d->rule));
    assert(len < sizeof judged->question.rule);
    memcpy(judged->question.rule, pm_policy_rule_id(s->policy, d->rule), len + 1);
    (void)pm_packet_endpoints(packet, &judged->question.ends);
}

/* Locked. */
static enum pm_shards_answer on_engine_error(const struct shard *s)
{
    return pm_policy_settings(s->policy)->engine_error_drop ? PM_SHARDS_DROP : PM_SHARDS_ALLOW;
}

/* Locked. */
static enum pm_shards_answer hold(struct pm_shards *shards, struct shard *s,
                                  const struct pm_packet *packet, struct judged *judged)
{
    if (judged->decision.is_new_ask)
        note_question(s, packet, judged);
    if (judged->cookie != 0)
        pm_places_take(&s->places, packet->len);
    if (judged->cookie != 0 && reserve_room(shards, packet->len))
        return PM_SHARDS_HELD;
    if (judged->cookie != 0)
        pm_places_give_up(&s->places, judged->cookie);
    s->held_full++;
    return on_engine_error(s);
}

/* Locked. */
static enum pm_shards_answer judge(struct pm_shards *shards, struct shard *s,
                                   const struct pm_packet *packet, uint64_t now_ns,
                                   struct judged *judged)
{
    struct pm_packet numbered = *packet;
    judged->cookie = pm_places_next(&s->places);
    numbered.cookie = judged->cookie;
    judged->decision = pm_filter_decide(s->filter, &numbered, now_ns);
    switch (judged->decision.verdict) {
    case PM_ALLOW:
        return PM_SHARDS_ALLOW;
    case PM_REJECT:
        s->untold++;
        return PM_SHARDS_DROP;
    case PM_DROP:
        return PM_SHARDS_DROP;
    case PM_DELAY:
    case PM_ASK:
        break;
    }
    return hold(shards, s, packet, judged);
}

/* Not locked: the platform is asked. */
static enum pm_shards_answer keep(struct pm_shards *shards, struct shard *s, uint64_t cookie,
                                  void *call, size_t len)
{
    enum pm_shards_answer answer = PM_SHARDS_HELD;
    struct leaving now = {.kept = shards->config.platform.keep(call), .allow = false};
    bool is_due = false;
    lock(&s->lock);
    if (now.kept == NULL) {
        s->not_kept++;
        pm_places_give_up(&s->places, cookie);
        answer = on_engine_error(s);
    } else {
        is_due = pm_places_keep(&s->places, cookie, now.kept, &now.allow);
    }
    unlock(&s->lock);
    if (is_due || now.kept == NULL)
        no_longer_held(shards, len);
    if (is_due)
        let_go(shards, &now, 1);
    return answer;
}

static enum pm_shards_answer decide(struct pm_shards *shards, const struct pm_packet *packet,
                                    void *call, uint64_t now_ns, uint64_t *release_ns)
{
    struct judged judged = {.cookie = 0};
    struct shard *s = lock_shard(shards, shard_of(shards, packet));
    if (s->is_stopped) {
        unlock(&s->lock);
        atomic_fetch_add(&shards->after_stop, 1);
        return PM_SHARDS_ALLOW;
    }
    enum pm_shards_answer answer = judge(shards, s, packet, now_ns, &judged);
    *release_ns = next_of(s); /* a full queue may have let an older one go */
    unlock(&s->lock);

    if (answer == PM_SHARDS_HELD)
        answer = keep(shards, s, judged.cookie, call, packet->len);
    if (judged.is_asked && shards->config.platform.asked != NULL)
        shards->config.platform.asked(shards->config.platform.context, &judged.question);
    return answer;
}

/* The call that pm_shards_stop() may wait for has ended. */
static void end_call(struct pm_shards *shards)
{
    if (atomic_fetch_sub(&shards->calls, 1) != 1 || !atomic_load(&shards->is_stopped))
        return;
    lock(&shards->calls_lock);
    (void)pthread_cond_broadcast(&shards->ended);
    unlock(&shards->calls_lock);
}

enum pm_shards_answer pm_shards_decide(struct pm_shards *shards, const struct pm_packet *packet,
                                       void *call, uint64_t now_ns, uint64_t *release_ns)
{
    atomic_fetch_add(&shards->calls, 1);
    *release_ns = UINT64_MAX;
    enum pm_shards_answer answer = decide(shards, packet, call, now_ns, release_ns);
    end_call(shards);
    return answer;
}

bool pm_shards_reply(struct pm_shards *shards, uint64_t id, bool allow,
                     enum pm_answer_for answer_for, uint64_t duration_ns, uint64_t now_ns)
{
    struct shard *s = &shards->list[0]; /* who asks has one shard */
    uint32_t generation = (uint32_t)(id >> 32), ask_id = (uint32_t)id;
    bool ok = false;
    lock(&s->lock);
    struct pm_filter *filter = NULL;
    if (generation == s->generation)
        filter = s->filter;
    else if (generation + 1 == s->generation)
        filter = s->before;
    if (filter != NULL && !s->is_stopped)
        ok = pm_filter_answer(filter, ask_id, allow, answer_for, duration_ns, now_ns);
    unlock(&s->lock);
    return ok;
}

/* ------------------------------------------------------------------ policies */

/* What one shard gets of a new policy, made before anything is changed. */
struct next {
    struct pm_filter *filters[PM_SHARDS_MAX];
    unsigned used;
};

static bool make_filters(const struct pm_shards *shards, struct pm_policy *policy,
                         struct next *next, struct pm_error *error)
{
    next->used = pm_policy_spans_flows(policy) ? 1 : shards->config.count;
    for (unsigned i = 0; i < next->used; i++) {
        next->filters[i] = pm_filter_new(policy, &shards->config.filter, error);
        if (next->filters[i] != NULL)
            continue;
        while (i-- > 0)
            pm_filter_free(next->filters[i]);
        return false;
    }
    return true;
}

/* Ends every wait in the engines of a shard that are not to be kept. */
static void cut_short(struct pm_shards *shards, struct shard *s)
{
    struct leaving list[BATCH];
    struct pm_due due;
    unsigned count;
    do {
        lock(&s->lock);
        count = 0;
        while (count < BATCH && s->before != NULL && pm_filter_due(s->before, UINT64_MAX, &due)) {
            decide_place(shards, s, &due, list, &count);
            s->cut_short++;
        }
        unlock(&s->lock);
        let_go(shards, list, count);
    } while (count == BATCH);
}

/* `adopts`: the shard gets the packets that it got before, so that its flows go on. */
static void put_in_force(struct pm_shards *shards, struct shard *s, struct pm_policy *policy,
                         struct pm_filter *filter, bool adopts)
{
    lock(&shards->references);
    (void)pm_policy_ref(policy);
    unlock(&shards->references);

    lock(&s->lock);
    struct old old = take_before(s);
    if (adopts && filter != NULL && s->filter != NULL)
        pm_filter_adopt(filter, s->filter);
    s->before = s->filter;
    s->before_policy = s->policy;
    s->filter = filter;
    s->policy = policy;
    s->generation++;
    unlock(&s->lock);
    forget(shards, old);
}

/* Places for packets of two policies. */
static bool reserve(struct pm_shards *shards, const struct pm_settings *settings)
{
    bool ok = true;
    for (unsigned i = 0; ok && i < shards->config.count; i++) {
        lock(&shards->list[i].lock);
        ok = pm_places_grow(&shards->list[i].places, 2 * settings->delayed_packets);
        unlock(&shards->list[i].lock);
    }
    return ok;
}

static bool fail_memory(struct pm_error *error)
{
    *error = (struct pm_error){.status = PM_NO_MEMORY, .text = "out of memory"};
    return false;
}

bool pm_shards_replace(struct pm_shards *shards, struct pm_policy *policy, struct pm_error *error)
{
    const struct pm_settings *settings = pm_policy_settings(policy);
    struct next next;
    if (!reserve(shards, settings))
        return fail_memory(error);
    lock(&shards->change);
    unsigned used = atomic_load(&shards->used);
    lock(&shards->references);
    bool ok = make_filters(shards, policy, &next, error);
    unlock(&shards->references);
    if (!ok) {
        unlock(&shards->change);
        return false;
    }
    if (next.used == 1) /* before any engine is gone, so that shard 0 is there for all */
        atomic_store(&shards->used, 1);
    atomic_store(&shards->held_cap, settings->delayed_packets);
    atomic_store(&shards->held_bytes_cap, settings->delayed_bytes);
    for (unsigned i = 0; i < shards->config.count; i++) {
        cut_short(shards, &shards->list[i]);
        put_in_force(shards, &shards->list[i], policy, i < next.used ? next.filters[i] : NULL,
                     next.used == used);
    }
    atomic_store(&shards->used, next.used);
    shards->policies++;
    unlock(&shards->change);
    return true;
}

/* ------------------------------------------------------------------ life */

static bool make_locks(struct pm_shards *shards)
{
    bool ok = pthread_mutex_init(&shards->change, NULL) == 0 &&
              pthread_mutex_init(&shards->references, NULL) == 0 &&
              pthread_mutex_init(&shards->calls_lock, NULL) == 0 &&
              pthread_cond_init(&shards->ended, NULL) == 0;
    for (unsigned i = 0; ok && i < shards->config.count; i++)
        ok = pthread_mutex_init(&shards->list[i].lock, NULL) == 0;
    return ok;
}

struct pm_shards *pm_shards_new(struct pm_policy *policy, const struct pm_shards_config *config,
                                struct pm_error *error)
{
    unsigned count = config->count == 0 ? PM_SHARDS_DEFAULT : config->count;
    assert(count <= PM_SHARDS_MAX);
    struct pm_shards *shards = calloc(1, sizeof *shards + count * sizeof shards->list[0]);
    if (shards == NULL) {
        (void)fail_memory(error);
        return NULL;
    }
    shards->config = *config;
    shards->config.count = count;
    atomic_init(&shards->used, 1);
    if (!make_locks(shards)) {
        free(shards);
        (void)fail_memory(error);
        return NULL;
    }
    if (!pm_shards_replace(shards, policy, error)) {
        pm_shards_free(shards);
        return NULL;
    }
    return shards;
}

static void stop_shard(struct pm_shards *shards, struct shard *s)
{
    lock(&s->lock);
    s->is_stopped = true;
    unlock(&s->lock);
    (void)release_shard(shards, s, UINT64_MAX);
}

void pm_shards_stop(struct pm_shards *shards)
{
    atomic_store(&shards->is_stopped, true);
    lock(&shards->change);
    for (unsigned i = 0; i < shards->config.count; i++)
        stop_shard(shards, &shards->list[i]);
    unlock(&shards->change);
    lock(&shards->calls_lock);
    while (atomic_load(&shards->calls) > 0)
        (void)pthread_cond_wait(&shards->ended, &shards->calls_lock);
    unlock(&shards->calls_lock);
}

void pm_shards_free(struct pm_shards *shards)
{
    if (shards == NULL)
        return;
    for (unsigned i = 0; i < shards->config.count; i++) {
        struct shard *s = &shards->list[i];
        assert(s->places.used == 0);
        forget(shards, take_before(s));
        pm_filter_free(s->filter);
        pm_policy_unref(s->policy);
        pm_places_free(&s->places);
        (void)pthread_mutex_destroy(&s->lock);
    }
    (void)pthread_cond_destroy(&shards->ended);
    (void)pthread_mutex_destroy(&shards->calls_lock);
    (void)pthread_mutex_destroy(&shards->references);
    (void)pthread_mutex_destroy(&shards->change);
    free(shards);
}
