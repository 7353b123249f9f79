/* scene.h - for tests: a filter with a rule about a stream, and a client that speaks through it. */
#ifndef PM_TESTS_SCENE_H
#define PM_TESTS_SCENE_H

#include "engine/filter.h"
#include "talk.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define ISN          1000u

struct scene {
    struct pm_policy *policy;
    struct pm_filter *filter;
    uint64_t now_ns;
    uint32_t isn[2]; /* of client and server */
    uint16_t port;   /* of the client */
};

static inline struct pm_value text(const char *bytes, uint32_t offset, uint32_t depth, bool nocase)
{
    return (struct pm_value){.kind = PM_VALUE_BYTES,
                             .bytes = {.bytes = (const uint8_t *)bytes,
                                       .len = (uint32_t)strlen(bytes),
                                       .offset = offset,
                                       .depth = depth,
                                       .nocase = nocase}};
}

static inline struct pm_value regex(const char *pattern)
{
    return (struct pm_value){
        .kind = PM_VALUE_REGEX,
        .regex = {.pattern = (const uint8_t *)pattern, .len = (uint32_t)strlen(pattern)}};
}

static inline void begin_builder(struct scene *s, struct pm_builder *b)
{
    struct pm_error error;
    struct pm_filter_config config = {.hash_key = {1, 2}};
    *s = (struct scene){.isn = {ISN, 5000}, .port = 40000};
    s->policy = pm_builder_finish(b, &error);
    if (!s->policy)
        fail_msg("%s", error.text);
    s->filter = pm_filter_new(s->policy, &config, &error);
    assert_non_null(s->filter);
}

static inline void begin_with(struct scene *s, struct pm_value value, enum pm_action action,
                              const struct pm_settings *settings)
{
    struct pm_builder *b = pm_builder_new();
    pm_builder_settings(b, settings);
    pm_builder_add_rule(
        b, &(struct pm_rule_spec){
               .id = "r", .match = pm_cond_test(b, PM_FIELD_STREAM, &value, 1), .action = action});
    begin_builder(s, b);
}

static inline void begin(struct scene *s, struct pm_value value, enum pm_action action)
{
    begin_with(s, value, action, &PM_SETTINGS_DEFAULT);
}

static inline void end(struct scene *s)
{
    pm_filter_free(s->filter);
    pm_policy_unref(s->policy);
}

static inline uint64_t counted(const struct scene *s, enum pm_why why)
{
    return pm_filter_stats(s->filter)->why[why];
}

static inline uint64_t hits(const struct scene *s)
{
    return pm_filter_rule_stats(s->filter, 0)->packets;
}

static inline struct pm_decision send(struct scene *s, struct talk_packet p)
{
    static uint8_t ip[TALK_PACKET];
    p.client_port = s->port;
    size_t len = talk_build(&p, ip);
    struct pm_packet packet = {
        .data = ip, .len = len, .wire_len = len, .link = 101, .dir = PM_DIR_UNKNOWN};
    return pm_filter_decide(s->filter, &packet, s->now_ns++);
}

static inline struct pm_decision syn(struct scene *s, int from_server, uint32_t ack)
{
    return send(s, (struct talk_packet){.from_server = from_server,
                                        .flags = (uint8_t)(TALK_SYN | (from_server ? TALK_ACK : 0)),
                                        .seq = s->isn[from_server],
                                        .ack = ack});
}

static inline void handshake(struct scene *s)
{
    syn(s, 0, 0);
    syn(s, 1, s->isn[0] + 1);
    send(s, (struct talk_packet){.flags = TALK_ACK, .seq = s->isn[0] + 1, .ack = s->isn[1] + 1});
}

/* Bytes of the client's stream from `offset` on. */
static inline struct talk_packet part(const struct scene *s, uint32_t offset, const char *bytes)
{
    return (struct talk_packet){.flags = TALK_ACK,
                                .seq = s->isn[0] + 1 + offset,
                                .ack = s->isn[1] + 1,
                                .payload = (const uint8_t *)bytes,
                                .payload_len = strlen(bytes)};
}

static inline struct pm_decision say(struct scene *s, uint32_t offset, const char *bytes)
{
    return send(s, part(s, offset, bytes));
}

static inline void ack(struct scene *s, uint32_t offset)
{
    send(s, (struct talk_packet){.from_server = 1,
                                 .flags = TALK_ACK,
                                 .seq = s->isn[1] + 1,
                                 .ack = s->isn[0] + 1 + offset});
}

static inline struct pm_value word(void)
{
    return text("attack", 0, PM_NO_LIMIT, false);
}

#endif
