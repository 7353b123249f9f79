/* main.c - what an embedder writes: load a policy, ask the filter about one packet. */
#include <pktmod/pktmod.h>
#include <pktmod/rules.h>
#include <string.h>

static const char rules_text[] =
    "{\"pktmod\": 1, \"rules\": [{\"id\": \"ping\", \"match\": {\"icmp.type\": 8},"
    " \"verdict\": \"drop\"}]}";

/* IP 192.0.2.1 > 192.0.2.2: ICMP echo request, id 0, seq 0, length 8 */
static const uint8_t ping[28] = {0x45, 0, 0,   28, 0, 0, 0, 0, 64,   1,    0xf6, 0xdb, 192, 0,
                                 2,    1, 192, 0,  2, 2, 8, 0, 0xf7, 0xff, 0,    0,    0,   0};

static enum pm_verdict judge(struct pm_policy *policy)
{
    const struct pm_filter_config config = {.seed = 1, .hash_key = {2, 3}};
    const struct pm_packet packet = {
        .data = ping, .len = sizeof ping, .wire_len = sizeof ping, .link = 101, .dir = PM_DIR_OUT};
    struct pm_error error;
    struct pm_filter *filter = pm_filter_new(policy, &config, &error);
    const enum pm_verdict verdict =
        filter ? pm_filter_decide(filter, &packet, 0).verdict : PM_ALLOW;
    pm_filter_free(filter);
    return verdict;
}

int main(void)
{
    struct pm_rules *rules = pm_rules_load_text("consumer", rules_text, strlen(rules_text));
    if (!rules || !pm_rules_policy(rules)) {
        return 1;
    }
    const enum pm_verdict verdict = judge(pm_rules_policy(rules));
    pm_rules_free(rules);
    return verdict == PM_DROP && strcmp(pm_version(), PM_VERSION) == 0 ? 0 : 1;
}
