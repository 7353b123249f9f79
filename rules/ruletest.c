/* ruletest.c - tests of a rule file: their kind, and what all kinds have. */
#include "ruletest.h"

#include <string.h>

#include "bytes.h"
#include "diagnostic.h"
#include "expect.h"
#include "file.h"
#include "instant.h"
#include "ruletests.h"

const char *pmr_ruletest_text(struct load *l, const struct node *n)
{
    if (!pmr_expect_filled(l, n, NODE_STRING))
        return NULL;
    return pmr_memory_copy(&l->rules->memory, pmr_node_text(n), strlen(pmr_node_text(n)));
}

bool pmr_ruletest_bytes(struct load *l, const struct node *n, struct pm_ruletest_bytes *out)
{
    struct bytes bytes = {.at = NULL};

    if (!pmr_bytes_of(l, n, &bytes))
        return false;
    out->at =
        (const uint8_t *)pmr_memory_copy(&l->rules->memory, (const char *)bytes.at, bytes.len);
    out->len = bytes.len;
    out->is_set = out->at != NULL;
    return out->is_set;
}

bool pmr_ruletest_number(struct load *l, const struct node *object, const char *key, int64_t most,
                         int64_t *out)
{
    const struct node *n = pmr_node_get(object, key);

    return n == NULL || pmr_expect_whole(l, n, 0, most, out);
}

/* ------------------------------------------------------------------ what comes in */

/* A Thursday: 2026-01-01T00:00:00Z. */
#define START_NS (UINT64_C(1767225600) * 1000000000u)

static void take_start(struct load *l, const struct node *test, struct pm_ruletest *out)
{
    const struct node *n = pmr_node_get(test, "start");
    struct complaint c = {.text = ""};

    out->start_ns = START_NS;
    if (n == NULL || !pmr_expect_kind(l, n, NODE_STRING))
        return;
    if (out->kind == PM_RULETEST_CAPTURE)
        pmr_fail_key(l, n, CODE_KEYS_CLASH, NULL, "the packets of a capture have their times");
    else if (!pmr_parse_instant(pmr_node_text(n), &out->start_ns, &c))
        pmr_fail(l, n, c.code, NULL, "%s", c.text);
}

/* Room is only for what may be a packet; with what cannot be one the file is refused anyway. */
static bool may_be_packet(const struct node *n)
{
    static const char *const kinds[] = {"tcp", "udp", "icmp", "frame"};

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (pmr_node_get(n, kinds[i]) != NULL)
            return true;
    return false;
}

static size_t count_of(const struct node *list, bool (*may_be)(const struct node *n))
{
    size_t count = 0;

    for (const struct node *n = pmr_node_first(list); n != NULL; n = pmr_node_next(n))
        count += may_be(n);
    return count;
}

static void take_packets(struct load *l, const struct node *list, struct pm_ruletest *out)
{
    struct pm_ruletest_packet *packets;
    size_t count = 0, whole = 0;
    uint64_t time_ns = 0;

    out->kind = PM_RULETEST_PACKETS;
    if (!pmr_expect_filled(l, list, NODE_LIST))
        return;
    packets =
        pmr_memory_array(&l->rules->memory, count_of(list, may_be_packet) + 1, sizeof *packets);
    if (packets == NULL)
        return;
    for (const struct node *n = pmr_node_first(list); n != NULL; n = pmr_node_next(n), count++) {
        struct pm_ruletest_packet none, *packet = may_be_packet(n) ? &packets[whole++] : &none;
        uint64_t before_ns = time_ns;

        *packet = (struct pm_ruletest_packet){.time_ns = before_ns + (count == 0 ? 0 : 1000000)};
        pmr_ruletest_packet_of(l, n, packet);
        time_ns = packet->time_ns;
        if (time_ns < before_ns)
            pmr_fail(l, n, CODE_RULETEST, NULL, "packets come in the order of their times");
    }
    out->packets = packets;
    out->packet_count = count;
}

static void take_capture(struct load *l, const struct node *n, struct pm_ruletest *out)
{
    const char *path;

    out->kind = PM_RULETEST_CAPTURE;
    if (!pmr_expect_filled(l, n, NODE_STRING))
        return;
    if (!l->may_open) {
        pmr_fail(l, n, CODE_NO_FILES, NULL, "text that is not in a file may not name a capture");
        return;
    }
    path = pmr_file_path(l, n);
    if (path != NULL)
        out->capture = pmr_memory_copy(&l->rules->memory, path, strlen(path));
}

static void take_input(struct load *l, const struct node *test, struct pm_ruletest *out)
{
    const struct node *packets = pmr_node_get(test, "packets"),
                      *stream = pmr_node_get(test, "stream"),
                      *capture = pmr_node_get(test, "capture"),
                      *modes = pmr_node_get(test, "resegment");

    if ((packets != NULL) + (stream != NULL) + (capture != NULL) != 1) {
        pmr_fail(l, test, CODE_KEYS_CLASH, NULL,
                 "a test has one of \"packets\", \"stream\" and \"capture\"");
        return;
    }
    if (packets != NULL)
        take_packets(l, packets, out);
    if (capture != NULL)
        take_capture(l, capture, out);
    if (stream != NULL) {
        out->kind = PM_RULETEST_STREAM;
        pmr_ruletest_stream_of(l, stream, &out->stream);
    }
    if (modes != NULL && stream == NULL)
        pmr_fail_key(l, modes, CODE_KEYS_CLASH, NULL, "only a \"stream\" can be cut otherwise");
    else if (modes != NULL)
        pmr_ruletest_modes_of(l, modes, &out->stream);
}

/* ------------------------------------------------------------------ one test */

/* Names stand in reports and are asked for, so each is there once. */
static void take_name(struct load *l, const struct node *test, struct names *names,
                      struct pm_ruletest *out)
{
    const struct node *n = pmr_expect_member(l, test, "name", "a test");

    if (n == NULL || (out->name = pmr_ruletest_text(l, n)) == NULL)
        return;
    if (pmr_names_put(names, &l->memory, out->name, n) != NULL)
        pmr_fail(l, n, CODE_RULETEST, NULL, "another test has the name %s before",
                 pmr_found(n).text);
}

static void take_test(struct load *l, const struct node *test, struct names *names,
                      struct pm_ruletest *out)
{
    static const struct key keys[] = {
        {"name", false},      {"note", false},   {"packets", false}, {"stream", false},
        {"capture", false},   {"expect", false}, {"seed", false},    {"answers", false},
        {"resegment", false}, {"start", false},
    };
    const struct node *note, *answers, *expect;
    int64_t seed = 0;

    if (!pmr_expect_kind(l, test, NODE_OBJECT))
        return;
    pmr_expect_keys(l, test, keys, sizeof keys / sizeof keys[0], "a test");
    out->file = l->files[0]->path;
    out->line = pmr_line_of(l, test);
    take_name(l, test, names, out);
    note = pmr_node_get(test, "note");
    if (note != NULL)
        pmr_expect_kind(l, note, NODE_STRING);
    take_input(l, test, out);
    take_start(l, test, out);
    if (pmr_ruletest_number(l, test, "seed", INT64_C(1) << 53, &seed))
        out->seed = (uint64_t)seed;
    answers = pmr_node_get(test, "answers");
    if (answers != NULL)
        pmr_ruletest_answers_of(l, answers, out);
    expect = pmr_expect_member(l, test, "expect", "a test");
    if (expect != NULL)
        pmr_ruletest_expect_of(l, expect, out);
}

static bool may_be_test(const struct node *n)
{
    return pmr_node_get(n, "name") != NULL && pmr_node_get(n, "expect") != NULL;
}

void pmr_ruletests_of(struct load *l, const struct node *list)
{
    struct names names = {.slots = NULL};
    struct pm_ruletest *tests;

    if (!pmr_expect_kind(l, list, NODE_LIST))
        return;
    tests = pmr_memory_array(&l->rules->memory, count_of(list, may_be_test) + 1, sizeof *tests);
    if (tests == NULL)
        return;
    for (const struct node *n = pmr_node_first(list); n != NULL; n = pmr_node_next(n)) {
        struct pm_ruletest none = {.name = NULL};

        take_test(l, n, &names, may_be_test(n) ? &tests[l->rules->test_count++] : &none);
    }
    l->rules->tests = tests;
}
