/* settings.c - "policy": what holds for the whole file. */
#include "settings.h"

#include <string.h>

#include "expect.h"

static const char *const allow_or_drop[] = {"allow", "drop", NULL};
static const char *const pass_or_drop[] = {"pass", "drop", NULL};
static const char *const midstreams[] = {"verdict-only", "rewrite", "drop", NULL};

static const char *const incompletes[] = {"hold", "allow", "drop", NULL};

static void take_choice(struct load *l, const struct node *policy, const char *key,
                        const char *const *words, bool *out)
{
    const struct node *n = pmr_node_get(policy, key);
    size_t index;

    if (n != NULL && pmr_expect_word(l, n, words, &index))
        *out = index == 1;
}

static void take_limit(struct load *l, const struct node *policy, const char *key, int64_t least,
                       int64_t most, uint32_t *out)
{
    const struct node *n = pmr_node_get(policy, key);
    int64_t number;

    if (n != NULL && pmr_expect_whole(l, n, least, most, &number))
        *out = (uint32_t)number;
}

static void take_midstream(struct load *l, const struct node *policy, enum pm_midstream *out)
{
    const struct node *n = pmr_node_get(policy, "on_midstream");
    size_t index;

    if (n != NULL && pmr_expect_word(l, n, midstreams, &index))
        *out = (enum pm_midstream)index;
}

static void take_incomplete(struct load *l, const struct node *policy, enum pm_incomplete *out)
{
    const struct node *n = pmr_node_get(policy, "on_incomplete");
    size_t index;

    if (n != NULL && pmr_expect_word(l, n, incompletes, &index))
        *out = (enum pm_incomplete)index;
}

void pmr_settings_of(struct load *l, const struct node *policy, struct pm_settings *out)
{
    static const struct key keys[] = {
        {"default", false},
        {"on_engine_error", false},
        {"on_rewrite_refused", false},
        {"on_tunnel_down", false},
        {"on_midstream", false},
        {"on_incomplete", false},
        {"bad_checksum", false},
        {"hold_bytes", false},
        {"hold_ms", false},
        {"flows", false},
        {"flow_idle_s", false},
        {"delayed_packets", false},
        {"delayed_bytes", false},
        {"asks", false},
        {"answers", false},
        {"meters", false},
        {"reject_rate", false},
        {"streams", false},
        {"stream_bytes", false},
        {"stream_dir_bytes", false},
        {"stream_match", false},
        {"hello_ms", false},
        {"hellos", false},
    };

    if (!pmr_expect_kind(l, policy, NODE_OBJECT))
        return;
    pmr_expect_keys(l, policy, keys, sizeof keys / sizeof keys[0], "\"policy\"");
    take_choice(l, policy, "default", allow_or_drop, &out->default_drop);
    take_choice(l, policy, "on_engine_error", allow_or_drop, &out->engine_error_drop);
    take_choice(l, policy, "on_rewrite_refused", pass_or_drop, &out->rewrite_refused_drop);
    take_choice(l, policy, "on_tunnel_down", pass_or_drop, &out->tunnel_down_drop);
    take_choice(l, policy, "bad_checksum", pass_or_drop, &out->bad_checksum_drop);
    take_midstream(l, policy, &out->midstream);
    take_incomplete(l, policy, &out->on_incomplete);
    take_limit(l, policy, "hold_bytes", 0, 1 << 30, &out->hold_bytes);
    take_limit(l, policy, "hold_ms", 0, 600000, &out->hold_ms);
    take_limit(l, policy, "flows", 1, 1 << 24, &out->flows);
    take_limit(l, policy, "flow_idle_s", 1, 31536000, &out->flow_idle_s);
    take_limit(l, policy, "delayed_packets", 1, 1 << 24, &out->delayed_packets);
    take_limit(l, policy, "delayed_bytes", 1, 1 << 30, &out->delayed_bytes);
    take_limit(l, policy, "asks", 1, 1 << 20, &out->asks);
    take_limit(l, policy, "answers", 1, 1 << 24, &out->answers);
    take_limit(l, policy, "meters", 1, 1 << 24, &out->meters);
    take_limit(l, policy, "reject_rate", 1, 1000000, &out->reject_rate);
    take_limit(l, policy, "streams", 1, 1 << 24, &out->streams);
    take_limit(l, policy, "stream_bytes", 1, 1 << 30, &out->stream_bytes);
    take_limit(l, policy, "stream_dir_bytes", 1, 1 << 30, &out->stream_dir_bytes);
    take_limit(l, policy, "stream_match", 1, PM_MAX_MATCH, &out->stream_match);
    take_limit(l, policy, "hello_ms", 0, 600000, &out->hello_ms);
    take_limit(l, policy, "hellos", 1, PM_HELLOS_MAX, &out->hellos);
}
