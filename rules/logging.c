/* logging.c - what a rule wants told of what it matched. */
#include "logging.h"

#include "diagnostic.h"
#include "expect.h"
#include "modifier.h"

#define PAYLOAD_BYTES     256 /* told of a payload without "max_bytes" */
#define PAYLOAD_BYTES_MAX 65535

static void take_level(struct load *l, const struct node *n, struct pm_log_spec *out)
{
    static const char *const words[] = {"info", "notice", "warning", "alert", NULL};
    size_t index;

    if (pmr_expect_word(l, n, words, &index))
        out->level = (enum pm_log_level)index;
}

static void take_payload(struct load *l, const struct node *n, struct pm_rule_spec *out)
{
    static const char *const words[] = {"none", "hex", "diff", NULL};
    size_t index;

    if (!pmr_expect_word(l, n, words, &index))
        return;
    out->log.payload = (enum pm_log_payload)index;
    if (out->log.payload == PM_LOG_DIFF && out->action != PM_ACTION_REWRITE)
        pmr_fail(l, n, CODE_KEYS_CLASH, "write \"hex\"",
                 "a \"diff\" is of what a rewrite changed; this rule changes nothing");
}

static void take_max_bytes(struct load *l, const struct node *log, struct pm_log_spec *out)
{
    const struct node *n = pmr_node_get(log, "max_bytes");
    uint64_t number = PAYLOAD_BYTES;

    if (n != NULL && out->payload == PM_LOG_NONE)
        pmr_fail_key(l, n, CODE_KEYS_CLASH, "add \"payload\": \"hex\"",
                     "\"max_bytes\" is of the payload, which is not told");
    if (pmr_take_number(l, log, "max_bytes", 1, PAYLOAD_BYTES_MAX, &number))
        out->max_bytes = out->payload == PM_LOG_NONE ? 0 : (uint32_t)number;
}

void pmr_logging_of(struct load *l, const struct node *n, struct pm_rule_spec *out)
{
    static const struct key keys[] = {
        {"level", false}, {"payload", false}, {"max_bytes", false}, {"rate", false}};
    const struct node *level = pmr_node_get(n, "level"), *payload = pmr_node_get(n, "payload"),
                      *rate = pmr_node_get(n, "rate");

    out->log.is_set = true;
    if (n->bad)
        return;
    if (pmr_node_kind(n) == NODE_BOOL) {
        out->log.is_off = !pmr_node_is_true(n);
        return;
    }
    if (pmr_node_kind(n) != NODE_OBJECT) {
        pmr_fail(l, n, CODE_TYPE, NULL, "expected true, false or an object, found %s",
                 pmr_found(n).text);
        return;
    }
    if (!pmr_expect_some(l, n, keys, 4, "\"log\""))
        return;
    if (level != NULL)
        take_level(l, level, &out->log);
    if (payload != NULL)
        take_payload(l, payload, out);
    take_max_bytes(l, n, &out->log);
    if (rate != NULL)
        pmr_rate_of(l, rate, &out->log.tokens, &out->log.per_ns);
}
