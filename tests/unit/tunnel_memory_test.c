/* tunnel_memory_test.c - pools that fit into what they may take. */
#include "judge.h"

#include "tunnel-ext/memory.h"

static void nobody(void *context, const struct pm_emitted *emitted)
{
    (void)context;
    (void)emitted;
}

static struct pm_policy *policy_of(uint32_t flows)
{
    struct pm_error error;
    struct pm_builder *b = pm_builder_new();
    struct pm_settings settings = PM_SETTINGS_DEFAULT;
    settings.flows = flows;
    pm_builder_settings(b, &settings);
    talk_replace(b, "r", talk_flow(b, 0), "needle", "thread");
    struct pm_policy *policy = pm_builder_finish(b, &error);
    assert_non_null(policy);
    return policy;
}

static void all_engines_keep_within_it_and_use_most_of_it(void **state)
{
    struct pm_policy *policy = policy_of(65536);
    (void)state;
    for (uint64_t mib = 32; mib <= 1024; mib += 16) {
        struct pm_rewriter_config config = {.mode = PM_MODE_LIVE, .emit = nobody};
        uint64_t least, most = mib << 20;
        assert_true(pm_memory_fit(policy, most, &config, &least) || least > most);
        uint64_t taken = pm_filter_footprint(policy) + pm_rewriter_footprint(policy, &config);
        if (least > most)
            continue;
        assert_true(taken <= most);
        assert_true(mib < 64 || taken >= most - most / 8);
        assert_true(config.retain_dir_bytes <= config.retain_bytes);
    }
    pm_policy_unref(policy);
}

static void what_is_needed_at_least_is_enough(void **state)
{
    const uint32_t flows[] = {16, 1024, 65536, 1000000};
    (void)state;
    for (size_t i = 0; i < sizeof flows / sizeof flows[0]; i++) {
        struct pm_policy *policy = policy_of(flows[i]);
        struct pm_rewriter_config config = {.mode = PM_MODE_LIVE, .emit = nobody};
        uint64_t least, again;
        assert_false(pm_memory_fit(policy, 1000, &config, &least));
        assert_true(pm_memory_fit(policy, least + (UINT64_C(64) << 20), &config, &again));
        pm_policy_unref(policy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_engines_keep_within_it_and_use_most_of_it),
        cmocka_unit_test(what_is_needed_at_least_is_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
