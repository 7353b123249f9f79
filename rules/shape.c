/* shape.c - the order that the keys of a rule file have in its canonical layout. */
#include "shape.h"

#include <string.h>

#define SHAPE(list) .keys = (list), .key_count = sizeof(list) / sizeof(list)[0]

/* ------------------------------------------------------------------ conditions */

static const struct shape field_test, cond;
static const struct shape conds = {.each = &cond};

/* In the order of the longest form of each: {"bytes", "offset", "depth", "nocase"}. */
static const struct shape_key field_test_keys[] = {
    {"not", &field_test}, {"eq", &field_test}, {"ne", &field_test}, {"gt", NULL},
    {"ge", NULL},         {"lt", NULL},        {"le", NULL},        {"mask", NULL},
    {"value", NULL},      {"bytes", NULL},     {"contains", NULL},  {"prefix", NULL},
    {"suffix", NULL},     {"regex", NULL},     {"offset", NULL},    {"depth", NULL},
    {"nocase", NULL},
};
static const struct shape field_test = {SHAPE(field_test_keys), .each = &field_test};

/* Fields, and these among them, stand as the author put them. */
static const struct shape_key cond_keys[] = {{"any", &conds}, {"all", &conds}, {"not", &cond}};
static const struct shape cond = {SHAPE(cond_keys), .each = &field_test, .keeps_order = true};

/* ------------------------------------------------------------------ verdicts */

static const struct shape_key delay_keys[] = {
    {"ms", NULL}, {"jitter_ms", NULL}, {"keep_order", NULL}, {"on_full", NULL}};
static const struct shape delay = {SHAPE(delay_keys)};

static const struct shape_key ask_keys[] = {{"timeout_ms", NULL},
                                            {"on_timeout", NULL},
                                            {"hold_packets", NULL},
                                            {"coalesce", NULL},
                                            {"remember_s", NULL}};
static const struct shape ask = {SHAPE(ask_keys)};

static const struct shape_key verdict_keys[] = {{"delay", &delay}, {"ask", &ask}, {"reject", NULL}};
static const struct shape verdict = {SHAPE(verdict_keys)};

/* ------------------------------------------------------------------ operations */

static const struct shape_key stretch_keys[] = {
    {"offset", NULL}, {"depth", NULL}, {"length", NULL}};
static const struct shape stretch = {SHAPE(stretch_keys)};

/* replace and delete */
static const struct shape_key find_keys[] = {
    {"find", NULL},   {"regex", NULL}, {"range", &stretch}, {"with", NULL},
    {"in", NULL},     {"max", NULL},   {"nocase", NULL},    {"within", &stretch},
    {"length", NULL}, {"pad", NULL},   {"max_match", NULL}};
static const struct shape find = {SHAPE(find_keys)};

static const struct shape_key insert_keys[] = {{"at", NULL}, {"bytes", NULL}, {"in", NULL}};
static const struct shape insert = {SHAPE(insert_keys)};

static const struct shape_key tcp_options_keys[] = {{"mss", NULL}, {"remove", NULL}};
static const struct shape tcp_options = {SHAPE(tcp_options_keys)};

static const struct shape_key edns_keys[] = {
    {"size", NULL}, {"remove_options", NULL}, {"remove", NULL}};
static const struct shape edns = {SHAPE(edns_keys)};
static const struct shape_key dns_keys[] = {{"respond", NULL},      {"answers", NULL},
                                            {"rcode", NULL},        {"ttl", NULL},
                                            {"remove_types", NULL}, {"edns", &edns}};
static const struct shape dns = {SHAPE(dns_keys)};

static const struct shape_key external_keys[] = {
    {"socket", NULL}, {"timeout_ms", NULL}, {"on_timeout", NULL}};
static const struct shape external = {SHAPE(external_keys)};

/* set and add: by name; they stand as the author put them */
static const struct shape http_lines = {.keeps_order = true};
static const struct shape_key http_keys[] = {
    {"set", &http_lines}, {"add", &http_lines}, {"remove", NULL}, {"status", NULL}, {"body", NULL}};
static const struct shape http = {SHAPE(http_keys)};

/* corrupt, duplicate, truncate, segment, fragment */
static const struct shape_key impair_keys[] = {
    {"bits", NULL}, {"copies", NULL},       {"payload", NULL},     {"size", NULL}, {"order", NULL},
    {"fix", NULL},  {"fix_checksum", NULL}, {"probability", NULL}, {"seed", NULL}};
static const struct shape impair = {SHAPE(impair_keys)};

static const struct shape_key op_keys[] = {{"replace", &find},      {"insert", &insert},
                                           {"delete", &find},       {"set", NULL},
                                           {"add", NULL},           {"nat", NULL},
                                           {"corrupt", &impair},    {"tcp_options", &tcp_options},
                                           {"external", &external}, {"duplicate", &impair},
                                           {"truncate", &impair},   {"segment", &impair},
                                           {"fragment", &impair},   {"dns", &dns},
                                           {"http", &http}};
static const struct shape op = {SHAPE(op_keys)};
static const struct shape ops = {.each = &op};

/* ------------------------------------------------------------------ rules */

static const struct shape_key limit_keys[] = {
    {"rate", NULL}, {"burst", NULL}, {"per", NULL}, {"over", NULL}};
static const struct shape limit = {SHAPE(limit_keys)};

static const struct shape_key sample_keys[] = {
    {"probability", NULL}, {"every", NULL}, {"by", NULL}, {"seed", NULL}};
static const struct shape sample = {SHAPE(sample_keys)};

static const struct shape_key count_keys[] = {
    {"skip", NULL}, {"first", NULL}, {"max_per_flow", NULL}};
static const struct shape count = {SHAPE(count_keys)};

static const struct shape_key when_keys[] = {
    {"days", NULL}, {"from", NULL}, {"to", NULL}, {"tz", NULL}};
static const struct shape when = {SHAPE(when_keys)};

static const struct shape_key log_keys[] = {
    {"level", NULL}, {"payload", NULL}, {"max_bytes", NULL}, {"rate", NULL}};
static const struct shape logging = {SHAPE(log_keys)};

static const struct shape_key rule_keys[] = {
    {"id", NULL},       {"note", NULL},      {"tags", NULL},        {"enabled", NULL},
    {"mode", NULL},     {"match", &cond},    {"verdict", &verdict}, {"rewrite", &ops},
    {"log_only", NULL}, {"scope", NULL},     {"stage", NULL},       {"final", NULL},
    {"limit", &limit},  {"sample", &sample}, {"count", &count},     {"when", &when},
    {"log", &logging}};
static const struct shape rule = {SHAPE(rule_keys)};
static const struct shape rules = {.each = &rule, .is_spread = true};

/* ------------------------------------------------------------------ tests */

static const struct shape_key proto_keys[] = {
    {"srcport", NULL}, {"dstport", NULL}, {"type", NULL}, {"code", NULL},   {"rest", NULL},
    {"flags", NULL},   {"seq", NULL},     {"ack", NULL},  {"window", NULL}, {"payload", NULL}};
static const struct shape proto = {SHAPE(proto_keys)};

static const struct shape_key packet_keys[] = {
    {"time_ms", NULL}, {"dir", NULL},    {"interface", NULL}, {"vlan", NULL}, {"ip", NULL},
    {"ttl", NULL},     {"dscp", NULL},   {"id", NULL},        {"df", NULL},   {"tcp", &proto},
    {"udp", &proto},   {"icmp", &proto}, {"frame", NULL}};
static const struct shape packet = {SHAPE(packet_keys)};
static const struct shape packets = {.each = &packet};

static const struct shape_key stream_keys[] = {
    {"dir", NULL}, {"client", NULL}, {"server", NULL}, {"to_server", NULL}, {"to_client", NULL}};
static const struct shape stream = {SHAPE(stream_keys)};

static const struct shape_key hits_keys[] = {{"ge", NULL}, {"le", NULL}};
static const struct shape hits = {SHAPE(hits_keys)};
static const struct shape_key hit_keys[] = {{"hits", &hits}};
static const struct shape hit = {SHAPE(hit_keys)};
static const struct shape hit_rules = {.each = &hit};

static const struct shape_key seen_keys[] = {
    {"verdict", NULL}, {"rule", NULL}, {"leaves", &cond}, {"payload", NULL}};
static const struct shape seen = {SHAPE(seen_keys)};
static const struct shape seen_list = {.each = &seen};

/* An object, or a list of what is expected of packets. */
static const struct shape_key expect_keys[] = {
    {"packets", &seen_list}, {"to_server", NULL}, {"to_client", NULL}, {"rules", &hit_rules}};
static const struct shape expect = {SHAPE(expect_keys), .each = &seen};

static const struct shape_key answer_keys[] = {
    {"rule", NULL}, {"answer", NULL}, {"after_ms", NULL}, {"for", NULL}, {"times", NULL}};
static const struct shape answer = {SHAPE(answer_keys)};
static const struct shape answers = {.each = &answer};

static const struct shape_key test_keys[] = {
    {"name", NULL},        {"note", NULL},      {"seed", NULL},    {"start", NULL},
    {"packets", &packets}, {"stream", &stream}, {"capture", NULL}, {"resegment", NULL},
    {"answers", &answers}, {"expect", &expect}};
static const struct shape test = {SHAPE(test_keys)};
static const struct shape tests = {.each = &test, .is_spread = true};

/* ------------------------------------------------------------------ the file */

static const struct shape_key policy_keys[] = {{"default", NULL},
                                               {"on_engine_error", NULL},
                                               {"on_rewrite_refused", NULL},
                                               {"on_midstream", NULL},
                                               {"on_incomplete", NULL},
                                               {"on_tunnel_down", NULL},
                                               {"bad_checksum", NULL},
                                               {"hold_bytes", NULL},
                                               {"hold_ms", NULL},
                                               {"flows", NULL},
                                               {"flow_idle_s", NULL},
                                               {"delayed_packets", NULL},
                                               {"delayed_bytes", NULL},
                                               {"asks", NULL},
                                               {"answers", NULL},
                                               {"meters", NULL},
                                               {"reject_rate", NULL},
                                               {"streams", NULL},
                                               {"stream_bytes", NULL},
                                               {"stream_dir_bytes", NULL},
                                               {"stream_match", NULL},
                                               {"hello_ms", NULL},
                                               {"hellos", NULL}};
static const struct shape policy = {SHAPE(policy_keys)};

static const struct shape_key set_keys[] = {{"type", NULL}, {"file", NULL}, {"values", NULL}};
static const struct shape set = {SHAPE(set_keys)};
static const struct shape sets = {.each = &set};

static const struct shape_key file_keys[] = {
    {"$schema", NULL}, {"pktmod", NULL},  {"name", NULL},    {"policy", &policy}, {"vars", NULL},
    {"sets", &sets},   {"include", NULL}, {"rules", &rules}, {"tests", &tests}};
static const struct shape_key file_keys_include_last[] = {
    {"$schema", NULL}, {"pktmod", NULL},  {"name", NULL},    {"policy", &policy}, {"vars", NULL},
    {"sets", &sets},   {"rules", &rules}, {"include", NULL}, {"tests", &tests}};

const struct shape *pmr_shape_file(bool include_is_last)
{
    static const struct shape file = {SHAPE(file_keys), .is_spread = true};
    static const struct shape file_include_last = {SHAPE(file_keys_include_last),
                                                   .is_spread = true};

    return include_is_last ? &file_include_last : &file;
}

const struct shape_key *pmr_shape_key(const struct shape *shape, const char *name)
{
    for (size_t i = 0; shape != NULL && i < shape->key_count; i++)
        if (strcmp(shape->keys[i].name, name) == 0)
            return &shape->keys[i];
    return NULL;
}

const struct shape *pmr_shape_member(const struct shape *shape, const char *name)
{
    const struct shape_key *key = pmr_shape_key(shape, name);

    if (shape == NULL)
        return NULL;
    return key != NULL ? key->value : shape->each;
}
