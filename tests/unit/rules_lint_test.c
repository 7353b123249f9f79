/* rules_lint_test.c - what lint says is true, and is said word for word. */
#include <glob.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "app/check_judge.h"
#include "app/craft.h"
#include "app/ruletest_plan.h"
#include "rules/codes.h"
#include "rules/load.h"

static struct pm_rules *linted(const char *text, size_t len, enum pm_platform platform)
{
    struct pm_check_judge judge = {.now_ns = 0};
    const struct pm_check_options options = {
        .platform = platform, .judge = pm_check_judge, .context = &judge};
    struct pm_rules *rules = pm_rules_check_text(NULL, text, len, &options);

    pm_check_judge_end(&judge);
    assert_non_null(rules);
    return rules;
}

/* ------------------------------------------------------------------ stories */

/* A list as tests/language/bad.txt is one, with more that is told:
 *
 *     @platform macos                        first, where it is not for any
 *     {"pktmod":1, ... }
 *     --
 *     2:8+3 PKM301 "b" never decides: ... [put it before that rule]
 *     packet: { "ip": ... }                  that shows it
 *     note: routes into the tunnel: ...
 */
#define STORIES PKTMOD_SOURCE_DIR "/tests/language/lint.txt"

struct story {
    char text[8192], expected[8192];
    enum pm_platform platform;
    size_t line; /* where it begins */
};

static bool told_codes[CODE_COUNT];

static void append(char *to, size_t cap, const char *from)
{
    size_t len = strlen(to);

    assert_true(strlen(from) < cap - len);
    memcpy(to + len, from, strlen(from) + 1);
}

static enum pm_platform platform_named(const char *line)
{
    static const char *const names[] = {"@platform macos\n", "@platform linux\n",
                                        "@platform replay\n"};

    for (int i = 0; i < 3; i++)
        if (strcmp(line, names[i]) == 0)
            return (enum pm_platform)(i + 1);
    fail_msg("no platform: %s", line);
    return PM_PLATFORM_ANY;
}

/* False: there are no more. *at counts lines. */
static bool next_story(FILE *in, size_t *at, struct story *s)
{
    char line[4096];
    bool is_told = false;

    *s = (struct story){.line = *at + 1};
    while (fgets(line, sizeof line, in) != NULL && strcmp(line, "==\n") != 0) {
        ++*at;
        if (strncmp(line, "## ", 3) == 0)
            continue;
        if (strcmp(line, "--\n") == 0)
            is_told = true;
        else if (line[0] == '@')
            s->platform = platform_named(line);
        else
            append(is_told ? s->expected : s->text, sizeof s->text, line);
    }
    ++*at;
    return is_told;
}

static void note_code(const char *name)
{
    for (int code = 0; code < CODE_COUNT; code++)
        if (strcmp(pmr_code_name((enum code)code), name) == 0)
            told_codes[code] = true;
}

static void tell(const struct pm_rules *rules, char *told, size_t cap)
{
    char line[4096];

    told[0] = '\0';
    for (size_t i = 0; i < pm_rules_diagnostic_count(rules); i++) {
        const struct pm_diagnostic *d = pm_rules_diagnostic(rules, i);

        snprintf(line, sizeof line, "%zu:%zu+%zu %s %s", d->line, d->column, d->span, d->code,
                 d->message);
        append(told, cap, line);
        snprintf(line, sizeof line, d->suggestion == NULL ? "\n" : " [%s]\n", d->suggestion);
        append(told, cap, line);
        snprintf(line, sizeof line, "packet: %s\n", d->witness);
        append(told, cap, d->witness == NULL ? "" : line);
        note_code(d->code);
    }
    for (size_t i = 0; i < pm_rules_note_count(rules); i++) {
        snprintf(line, sizeof line, "note: %s\n", pm_rules_note(rules, i));
        append(told, cap, line);
    }
}

static bool is_lint(const char *code)
{
    return code[3] >= '3' && strcmp(code, "PKM500") != 0;
}

static void every_story_is_told_word_for_word(void **state)
{
    static struct story s;
    static char told[8192];
    FILE *in = fopen(STORIES, "rb");
    size_t at = 0, stories = 0, wrong = 0;

    (void)state;
    assert_non_null(in);
    for (; next_story(in, &at, &s); stories++) {
        struct pm_rules *rules = linted(s.text, strlen(s.text), s.platform);

        tell(rules, told, sizeof told);
        pm_rules_free(rules);
        if (strcmp(told, s.expected) == 0)
            continue;
        print_error("lint.txt:%zu: told\n%sexpected\n%s", s.line, told, s.expected);
        wrong++;
    }
    fclose(in);
    assert_int_equal(wrong, 0);
    assert_true(stories >= 60);
    for (int code = 0; code < CODE_COUNT; code++)
        if (is_lint(pmr_code_name((enum code)code)) && !told_codes[code] &&
            code != CODE_LINT_STOPPED)
            fail_msg("no story tells %s", pmr_code_name((enum code)code));
}

/* ------------------------------------------------------------------ the oracle */

#define RULES    7u
#define MEMBERS  3u
#define POLICIES 1500u
#define PACKETS  300u

/* A rule of the random policies: members of its match, as JSON. */
struct random_rule {
    char members[MEMBERS][96];
    unsigned count;
    const char *verdict;
    bool is_flow;
};

static uint64_t random_state = 7;

static uint32_t draw(uint32_t below)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(random_state >> 33) % below;
}

static void random_ports(char *out, size_t cap)
{
    uint32_t lo = 1 + draw(6), hi = lo + draw(4);

    switch (draw(4)) {
    case 0:
        snprintf(out, cap, "%" PRIu32, lo);
        break;
    case 1:
        snprintf(out, cap, "\"%" PRIu32 "-%" PRIu32 "\"", lo, hi);
        break;
    case 2:
        snprintf(out, cap, "[%" PRIu32 ", %" PRIu32 "]", lo, hi + 2);
        break;
    default:
        snprintf(out, cap, "{ \"not\": %" PRIu32 " }", lo);
    }
}

static void random_addr(char *out, size_t cap)
{
    uint32_t bits = draw(4), host = draw(8) >> bits << bits;

    if (draw(5) == 0)
        snprintf(out, cap, "\"2001:db8::%" PRIu32 "/%" PRIu32 "\"", host, 128 - bits);
    else if (draw(5) == 0)
        snprintf(out, cap, "{ \"not\": \"10.0.0.%" PRIu32 "/%" PRIu32 "\" }", host, 32 - bits);
    else
        snprintf(out, cap, "\"10.0.0.%" PRIu32 "/%" PRIu32 "\"", host, 32 - bits);
}

static void random_member(unsigned which, char *out, size_t cap)
{
    static const char *const ports[] = {"tcp.dstport", "tcp.srcport", "udp.dstport", "udp.port",
                                        "l4.dstport",  "l4.port",     "tcp.port"};
    static const char *const addrs[] = {"ip.src", "ip.dst", "ip.addr"};
    static const char *const others[] = {
        "\"dir\": \"out\"",
        "\"dir\": \"in\"",
        "\"ip.version\": 4",
        "\"ip.version\": 6",
        "\"ip.proto\": 6",
        "\"ip.proto\": [6, 17]",
        "\"ip.proto\": { \"ne\": 6 }",
        "\"tcp.flags.syn\": true",
        "\"tcp.flags\": \"S\"",
        "\"tcp.flags\": { \"mask\": 18, \"value\": 2 }",
        "\"ip.ttl\": { \"lt\": 3 }",
        "\"ip.ttl\": { \"ge\": 2 }",
        "\"icmp.type\": 8",
        "\"payload\": \"a\"",
        "\"payload\": { \"not\": \"a\" }",
        "\"ip.dsfield.dscp\": 1",
        "\"ip.dsfield\": \"0-7\"",
        "\"interface\": \"eth0\"",
        "\"interface\": { \"not\": \"eth0\" }",
        "\"flow.new\": true",
    };
    char value[64];

    if (which < 7) {
        random_ports(value, sizeof value);
        snprintf(out, cap, "\"%s\": %s", ports[which], value);
    } else if (which < 10) {
        random_addr(value, sizeof value);
        snprintf(out, cap, "\"%s\": %s", addrs[which - 7], value);
    } else {
        snprintf(out, cap, "%s", others[which - 10]);
    }
}

/* No field twice: the key would be. */
static bool has_key(const struct random_rule *rule, const char *member)
{
    size_t len = strcspn(member, ":");

    for (unsigned i = 0; i < rule->count; i++)
        if (strncmp(rule->members[i], member, len + 1) == 0)
            return true;
    return false;
}

static void random_rule(struct random_rule *rule)
{
    static const char *const verdicts[] = {"\"allow\"", "\"drop\"", "{ \"reject\": \"auto\" }"};
    unsigned wanted = draw(MEMBERS + 1);

    *rule = (struct random_rule){.verdict = verdicts[draw(3)], .is_flow = draw(4) == 0};
    if (draw(3) != 0 && wanted > 1)
        wanted = 1;
    for (unsigned i = 0; i < wanted; i++) {
        char member[96];

        random_member(draw(30), member, sizeof member);
        if (!has_key(rule, member))
            snprintf(rule->members[rule->count++], sizeof member, "%s", member);
    }
}

/* One rule a line: rule i stands in line i + 2. Member `without` of it is left out. */
static void write_policy(const struct random_rule *rules, size_t count, unsigned without,
                         const char *tests, char *out, size_t cap)
{
    size_t used = (size_t)snprintf(out, cap,
                                   "{\"pktmod\":1,\"policy\":{\"flow_idle_s\":1,"
                                   "\"flows\":64},\"rules\":[\n");

    for (size_t i = 0; i < count; i++) {
        const struct random_rule *r = &rules[i];
        bool is_first = true;

        used += (size_t)snprintf(out + used, cap - used, "%s{\"id\":\"r%zu\",\"match\":{",
                                 i == 0 ? "" : ",", i);
        for (unsigned j = 0; j < r->count; j++) {
            if (j == without)
                continue;
            used += (size_t)snprintf(out + used, cap - used, "%s%s", is_first ? "" : ",",
                                     r->members[j]);
            is_first = false;
        }
        used += (size_t)snprintf(out + used, cap - used, "},\"verdict\":%s%s}\n", r->verdict,
                                 r->is_flow ? ",\"scope\":\"flow\"" : "");
    }
    snprintf(out + used, cap - used, "]%s}", tests);
}

static struct pm_ruletest_packet random_packet(void)
{
    bool is6 = draw(5) == 0;
    struct pm_ruletest_packet p = {.proto = (enum pm_ruletest_proto)draw(3),
                                   .is_in = draw(2) == 0,
                                   .ttl = (uint8_t)(1 + draw(4)),
                                   .dscp = (uint8_t)draw(3),
                                   .type = draw(2) == 0 ? 8 : 3,
                                   .src_port = (uint16_t)(1 + draw(9)),
                                   .dst_port = (uint16_t)(1 + draw(9)),
                                   .flags = draw(2) == 0 ? 2 : (uint16_t)(1 + draw(31))};

    p.src = (struct pm_addr){.bytes = {10, 0, 0, (uint8_t)draw(8)}, .version = 4};
    p.dst = (struct pm_addr){.bytes = {10, 0, 0, (uint8_t)draw(8)}, .version = 4};
    if (is6) {
        p.src =
            (struct pm_addr){.bytes = {0x20, 1, 0x0d, 0xb8, [15] = (uint8_t)draw(8)}, .version = 6};
        p.dst = p.src;
        p.dst.bytes[15] = (uint8_t)draw(8);
    }
    p.interface = draw(3) == 0 ? "eth0" : draw(2) == 0 ? "eth1" : NULL;
    if (draw(3) == 0)
        p.payload = (struct pm_ruletest_bytes){(const uint8_t *)"xax", draw(4), true};
    return p;
}

/* The rule that decides, by its index; PM_NO_RULE: none. */
static uint32_t judge(struct pm_filter *filter, const struct pm_ruletest_packet *p, uint64_t now_ns)
{
    static uint8_t frame[PM_CRAFT_FRAME_LEN];
    struct pm_packet packet = {.data = frame,
                               .link = 1,
                               .dir = p->is_in ? PM_DIR_IN : PM_DIR_OUT,
                               .interface = p->interface};

    packet.len = packet.wire_len = pm_ruletest_frame(p, frame);
    return pm_filter_decide(filter, &packet, now_ns).rule;
}

static struct pm_filter *filter_of(const struct pm_rules *rules)
{
    const struct pm_filter_config config = {.seed = 1};
    struct pm_error error;
    struct pm_filter *filter = pm_filter_new(pm_rules_policy(rules), &config, &error);

    assert_non_null(filter);
    return filter;
}

static struct pm_rules *load(const char *text)
{
    struct pm_rules *rules = pm_rules_load_text(NULL, text, strlen(text));

    assert_non_null(rules);
    if (pm_rules_policy(rules) == NULL)
        fail_msg("%s: %s", pm_rules_diagnostic(rules, 0)->message, text);
    return rules;
}

/* The packet that was shown is one that the rule alone would decide about. */
static void check_witness(const struct random_rule *rule, const char *witness)
{
    char text[4096], tests[1024];
    struct pm_rules *alone;
    struct pm_filter *filter;

    snprintf(tests, sizeof tests,
             ",\"tests\":[{\"name\":\"w\",\"packets\":[%s],\"expect\":[{\"rule\":\"r0\"}]}]",
             witness);
    write_policy(rule, 1, MEMBERS, tests, text, sizeof text);
    alone = load(text);
    filter = filter_of(alone);
    assert_int_equal(pm_rules_test_count(alone), 1);
    if (judge(filter, &pm_rules_test(alone, 0)->packets[0], 1) != 0)
        fail_msg("the packet does not match the rule: %s", text);
    pm_filter_free(filter);
    pm_rules_free(alone);
}

/* The condition that goes without saying changes nothing when it is taken out. */
static void check_redundant(const struct random_rule *rule, const char *pointer)
{
    char with[4096], without[4096];
    const char *key = strrchr(pointer, '/') + 1;
    struct pm_rules *a, *b;
    struct pm_filter *first, *second;
    unsigned member = 0;

    while (strncmp(rule->members[member] + 1, key, strlen(key)) != 0 ||
           rule->members[member][1 + strlen(key)] != '"')
        member++;
    write_policy(rule, 1, MEMBERS, "", with, sizeof with);
    write_policy(rule, 1, member, "", without, sizeof without);
    a = load(with);
    b = load(without);
    first = filter_of(a);
    second = filter_of(b);
    for (unsigned i = 0; i < PACKETS; i++) {
        struct pm_ruletest_packet p = random_packet();
        uint64_t now_ns = (i + 1) * UINT64_C(5000000000);

        if (judge(first, &p, now_ns) != judge(second, &p, now_ns))
            fail_msg("%s is not redundant: %s", key, with);
    }
    pm_filter_free(first);
    pm_filter_free(second);
    pm_rules_free(a);
    pm_rules_free(b);
}

struct counts {
    unsigned never, shown, redundant, partly;
};

/* Notes which rules are said never to decide. */
static void read_remarks(const struct pm_rules *checked, const struct random_rule *rules,
                         bool *is_never, struct counts *counts)
{
    for (size_t i = 0; i < pm_rules_diagnostic_count(checked); i++) {
        const struct pm_diagnostic *d = pm_rules_diagnostic(checked, i);
        size_t rule = d->line - 2;
        int code = atoi(d->code + 3);

        assert_true(rule < RULES);
        if (code == 301 || code == 302 || code == 303 || code == 305) {
            is_never[rule] = true;
            counts->never++;
        }
        /* and all behind it */
        for (size_t j = rule; code == 303 && j < RULES; j++)
            is_never[j] = true;
        if ((code == 301 || code == 302 || code == 304) && d->witness != NULL) {
            check_witness(&rules[rule], d->witness);
            counts->shown++;
        }
        counts->partly += code == 304;
        if (code == 306) {
            check_redundant(&rules[rule], d->pointer);
            counts->redundant++;
        }
    }
}

static void what_is_said_of_random_policies_is_true(void **state)
{
    static struct random_rule rules[RULES];
    static char text[16384];
    struct counts counts = {0};

    (void)state;
    for (unsigned round = 0; round < POLICIES; round++) {
        bool is_never[RULES] = {false};
        struct pm_rules *checked;
        struct pm_filter *filter;
        uint64_t now_ns = 1;

        for (size_t i = 0; i < RULES; i++)
            random_rule(&rules[i]);
        write_policy(rules, RULES, MEMBERS, "", text, sizeof text);
        checked = linted(text, strlen(text), PM_PLATFORM_ANY);
        assert_non_null(pm_rules_policy(checked));
        read_remarks(checked, rules, is_never, &counts);
        filter = filter_of(checked);
        for (unsigned i = 0; i < PACKETS; i++) {
            struct pm_ruletest_packet p = random_packet();
            uint32_t rule;

            now_ns += draw(2) == 0 ? UINT64_C(5000000000) : 1000;
            rule = judge(filter, &p, now_ns);
            if (rule < RULES && is_never[rule])
                fail_msg("r%u decides, though it is said that it never does: %s", rule, text);
        }
        pm_filter_free(filter);
        pm_rules_free(checked);
    }
    /* it says enough for that to mean something */
    print_message("never %u, packets %u, redundant %u, partly %u\n", counts.never, counts.shown,
                  counts.redundant, counts.partly);
    assert_true(counts.never > POLICIES / 2);
    assert_true(counts.shown > POLICIES / 4);
    assert_true(counts.redundant > POLICIES / 50);
    assert_true(counts.partly > POLICIES / 100);
}

/* ------------------------------------------------------------------ completeness */

/* A rule again, behind itself, is found whatever its condition. */
static void a_copy_of_a_rule_is_never_reached(void **state)
{
    unsigned missed = 0, tried = 0;

    (void)state;
    for (unsigned round = 0; round < 500; round++) {
        struct random_rule rules[2];
        char text[2048];
        struct pm_rules *checked;
        bool is_found = false;

        random_rule(&rules[0]);
        rules[1] = rules[0];
        write_policy(rules, 2, MEMBERS, "", text, sizeof text);
        checked = linted(text, strlen(text), PM_PLATFORM_ANY);
        for (size_t i = 0; i < pm_rules_diagnostic_count(checked); i++) {
            const struct pm_diagnostic *d = pm_rules_diagnostic(checked, i);
            int code = atoi(d->code + 3);

            is_found = is_found || (d->line == 3 && (code == 301 || code == 303 || code == 305));
        }
        tried++;
        missed += !is_found;
        pm_rules_free(checked);
    }
    print_message("missed %u of %u\n", missed, tried);
    /* a packet cannot be made for each of them: one with a payload, of a new flow, ... */
    assert_true(missed < tried / 5);
}

/* ------------------------------------------------------------------ many rules */

static void many_rules_take_no_longer_than_they_should(void **state)
{
    enum { COUNT = 20000 };
    char *text = malloc(COUNT * 128u), *to = text;
    struct pm_rules *checked;

    (void)state;
    assert_non_null(text);
    to += sprintf(to, "{\"pktmod\":1,\"rules\":[");
    for (unsigned i = 0; i < COUNT; i++)
        to += sprintf(
            to, "%s{\"id\":\"r%u\",\"match\":{\"ip.dst\":\"10.%u.%u.%u\"},\"verdict\":\"drop\"}",
            i == 0 ? "" : ",", i, i / 65536, i / 256 % 256, i % 256);
    to += sprintf(to, ",{\"id\":\"last\",\"match\":{\"ip.dst\":\"10.0.77.3\",\"tcp.dstport\":5},"
                      "\"verdict\":\"allow\"}]}");
    checked = linted(text, (size_t)(to - text), PM_PLATFORM_ANY);
    assert_int_equal(pm_rules_diagnostic_count(checked), 1);
    assert_string_equal(pm_rules_diagnostic(checked, 0)->code, "PKM301");
    assert_non_null(strstr(pm_rules_diagnostic(checked, 0)->message, "\"r19715\""));
    pm_rules_free(checked);
    free(text);
}

/* ------------------------------------------------------------------ no false alarms */

/* Files of ours that lint has something to say of, and rightly: each shows just that. */
static bool is_known(const char *path, const char *code)
{
    static const struct {
        const char *end, *code;
    } known[] = {
        {"/stream-condition.json", "PKM504"},
        {"/stream-drop/rules.json", "PKM504"},
        {"/after-rewrite/rules.json", "PKM504"},
    };

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        size_t len = strlen(path), end = strlen(known[i].end);

        if (len > end && strcmp(path + len - end, known[i].end) == 0 &&
            strcmp(code, known[i].code) == 0)
            return true;
    }
    return false;
}

static size_t look_at_files(const char *pattern)
{
    glob_t found;
    size_t count;

    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    count = found.gl_pathc;
    for (size_t i = 0; i < count; i++) {
        struct pm_check_judge judge = {.now_ns = 0};
        const struct pm_check_options options = {.judge = pm_check_judge, .context = &judge};
        struct pm_rules *rules = pm_rules_check(found.gl_pathv[i], &options);

        pm_check_judge_end(&judge);
        assert_non_null(rules);
        for (size_t j = 0; j < pm_rules_diagnostic_count(rules); j++) {
            const struct pm_diagnostic *d = pm_rules_diagnostic(rules, j);

            if (is_lint(d->code) && !is_known(found.gl_pathv[i], d->code))
                fail_msg("%s:%zu: %s %s", d->file, d->line, d->code, d->message);
        }
        pm_rules_free(rules);
    }
    globfree(&found);
    return count;
}

static void examples_and_cases_give_no_false_alarm(void **state)
{
    (void)state;
    assert_true(look_at_files(PKTMOD_SOURCE_DIR "/rules/examples/*.json") >= 30);
    assert_true(look_at_files(PKTMOD_SOURCE_DIR "/tests/cases/*/rules.json") >= 50);
}

/* ------------------------------------------------------------------ no memory */

static void without_memory_lint_says_so_or_is_silent(void **state)
{
    static const char text[] =
        "{\"pktmod\":1,\"vars\":{\"v\":1},\"rules\":["
        "{\"id\":\"a\",\"match\":{\"tcp.dstport\":[1,\"1-9\"],\"interface\":\"e\"},\"verdict\":"
        "\"allow\"},"
        "{\"id\":\"b\",\"match\":{\"tcp.dstport\":5,\"interface\":\"e\",\"payload\":\"x\"},"
        "\"verdict\":\"drop\"},"
        "{\"id\":\"c\",\"match\":{\"any\":[{\"ip.addr\":\"10.0.0.0/8\"},{\"tcp.flags.syn\":true}]},"
        "\"rewrite\":[{\"set\":{\"ip.ttl\":3}},{\"set\":{\"ip.ttl\":4}}]}]}";
    size_t wanted = 0;

    (void)state;
    for (size_t budget = 0; wanted == 0; budget++) {
        struct pm_check_judge judge = {.now_ns = 0};
        const struct pm_check_options options = {
            .platform = PM_PLATFORM_LINUX, .judge = pm_check_judge, .context = &judge};
        size_t left = budget;
        struct pm_rules *rules = pmr_check(NULL, text, sizeof text - 1, &left, &options);

        pm_check_judge_end(&judge);
        if (rules != NULL && pm_rules_policy(rules) != NULL) {
            assert_true(pm_rules_warning_count(rules) >= 5);
            wanted = budget;
        } else if (rules != NULL) {
            assert_true(pm_rules_error_count(rules) > 0);
        }
        pm_rules_free(rules);
        assert_true(budget < 10000);
    }
    print_message("%zu requests\n", wanted);
}

/* ------------------------------------------------------------------ codes, explained */

static bool is_told(const char *text, const char *code)
{
    bool is_found = false;

    for (int platform = PM_PLATFORM_ANY; platform <= PM_PLATFORM_REPLAY; platform++) {
        struct pm_rules *rules = linted(text, strlen(text), (enum pm_platform)platform);

        for (size_t i = 0; i < pm_rules_diagnostic_count(rules); i++)
            is_found = is_found || strcmp(pm_rules_diagnostic(rules, i)->code, code) == 0;
        pm_rules_free(rules);
    }
    return is_found;
}

/* What a file alone cannot show: other files, sizes, memory; or what takes a long file. */
static bool needs_more_than_a_file(int code)
{
    switch (code) {
    case CODE_UNREADABLE:
    case CODE_TOO_LARGE:
    case CODE_REPEATED_NAME:
    case CODE_INCLUDE:
    case CODE_SET_FILE:
    case CODE_LIMIT:
    case CODE_NO_FILES:
    case CODE_REFUSED:
    case CODE_NOT_RUN:
    case CODE_DOCUMENT:
    case CODE_NO_MEMORY:
    case CODE_LINT_STOPPED:
    case CODE_MANY_REGEXES:
        return true;
    default:
        return false;
    }
}

static void every_code_is_explained_by_a_wrong_and_a_right_example(void **state)
{
    (void)state;
    assert_int_equal(pm_code_count(), CODE_COUNT);
    for (int i = 0; i < CODE_COUNT; i++) {
        struct pm_code_text text = pm_code_text((size_t)i);

        assert_true(strlen(text.why) > strlen(text.meaning) / 2);
        assert_ptr_not_equal(text.why, text.meaning);
        if (needs_more_than_a_file(i)) {
            assert_null(text.wrong);
            continue;
        }
        assert_non_null(text.wrong);
        assert_non_null(text.right);
        if (!is_told(text.wrong, text.name))
            fail_msg("%s is not told of its wrong example: %s", text.name, text.wrong);
        if (is_told(text.right, text.name))
            fail_msg("%s is told of its right example: %s", text.name, text.right);
    }
}

/* And the right ones are files that load. */
static void right_examples_have_no_errors(void **state)
{
    (void)state;
    for (size_t i = 0; i < pm_code_count(); i++) {
        const char *right = pm_code_text(i).right;
        struct pm_rules *rules;

        if (right == NULL)
            continue;
        rules = linted(right, strlen(right), PM_PLATFORM_ANY);
        if (pm_rules_diagnostic_count(rules) > 0)
            fail_msg("%s: %s: %s", pm_code_text(i).name, pm_rules_diagnostic(rules, 0)->message,
                     right);
        pm_rules_free(rules);
    }
}

static void codes_are_found_by_what_people_write(void **state)
{
    static const char *const good[] = {"PKM301", "pkm301", "301", "Pkm301"};
    static const char *const bad[] = {"",     "PKM",     "PKM3", "xyz",
                                      "301x", "PKM 301", "-301", "PKM-301"};
    size_t index, nearest;

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(pm_code_find(good[i], &index, &nearest));
        assert_string_equal(pm_code_text(index).name, "PKM301");
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(pm_code_find(bad[i], &index, &nearest));
    assert_false(pm_code_find("PKM318", &index, &nearest));
    assert_string_equal(pm_code_text(nearest).name, "PKM312");
}

int main(void)
{
    const struct CMUnitTest group[] = {
        cmocka_unit_test(every_story_is_told_word_for_word),
        cmocka_unit_test(what_is_said_of_random_policies_is_true),
        cmocka_unit_test(a_copy_of_a_rule_is_never_reached),
        cmocka_unit_test(many_rules_take_no_longer_than_they_should),
        cmocka_unit_test(examples_and_cases_give_no_false_alarm),
        cmocka_unit_test(without_memory_lint_says_so_or_is_silent),
        cmocka_unit_test(every_code_is_explained_by_a_wrong_and_a_right_example),
        cmocka_unit_test(right_examples_have_no_errors),
        cmocka_unit_test(codes_are_found_by_what_people_write),
    };

    return cmocka_run_group_tests(group, NULL, NULL);
}
