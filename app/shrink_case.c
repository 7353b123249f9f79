/* shrink_case.c - how a regression case fails, and whether a part of its capture fails so, too. */
#include "app/shrink_case.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "app/test_difference.h"
#include "app/test_judge.h"
#include "app/test_replay.h"
#include "app/whole.h"
#include "rules/rules.h"

#define OUTCOME_COLUMN 58u /* of a line of a summary: behind who it is and its size */

/* A run of the case on the part. */
struct trial {
    const struct pm_case *c;
    const struct pm_case_run *run;
    const struct pm_case_result *result;
    struct pm_whole summary, out; /* expected */
    struct pm_packets expected, got;
    FILE *complaints;
};

uint64_t pm_shrink_frame_in(const uint8_t *keeps, uint64_t frame)
{
    uint64_t number = 0;
    for (uint64_t i = 0; keeps != NULL && i < frame; i++)
        number += keeps[i] != 0;
    return keeps == NULL ? frame : number;
}

/* ------------------------------------------------------------------ lines of summaries */

/* The line of a frame without its number; false: there is none. */
static bool line_of(const char *text, uint64_t frame, char line[PM_SHRINK_LINE])
{
    for (uint64_t at = 0; at < frame && text != NULL; at++) {
        text = strchr(text, '\n');
        text = text == NULL ? NULL : text + 1;
    }
    line[0] = '\0';
    if (text == NULL || *text == '\0' || *text == '\n')
        return false;
    text += strspn(text, " ");
    text += strspn(text, "0123456789");
    text += strspn(text, " ");
    snprintf(line, PM_SHRINK_LINE, "%.*s", (int)strcspn(text, "\n"), text);
    return true;
}

static uint64_t frames_in(const char *text)
{
    uint64_t count = 0;
    char line[PM_SHRINK_LINE];
    while (line_of(text, count + 1, line))
        count++;
    return count;
}

/* Where the verdict stands. */
static size_t verdict_at(const char *line)
{
    static const char *const verdicts[] = {"allow", "drop", "delay", "reject", "ask"};
    size_t len = strlen(line);
    for (size_t at = OUTCOME_COLUMN; at < len; at++)
        for (size_t i = 0; i < sizeof verdicts / sizeof verdicts[0]; i++)
            if (line[at - 1] == ' ' && strncmp(line + at, verdicts[i], strlen(verdicts[i])) == 0)
                return at;
    return len;
}

static size_t span_of(const char *text, const char *until)
{
    return strcspn(text, until);
}

static bool same_span(const char *a, const char *b, const char *until)
{
    size_t len = span_of(a, until);
    return len == span_of(b, until) && memcmp(a, b, len) == 0;
}

/* In what two lines of the same frame differ first; NULL: in nothing. */
static const char *thing_of(const char *expected, const char *got)
{
    const char *e = expected + verdict_at(expected), *g = got + verdict_at(got);
    if (strcmp(expected, got) == 0)
        return NULL;
    if (!same_span(e, g, " ;"))
        return "verdict";
    if (!same_span(e, g, ";"))
        return "rule";
    return strcmp(e, g) != 0 ? "edits" : "packets that leave";
}

/* The same but for where edits stand in their streams, and for the spaces before columns. */
static bool says_the_same(const char *a, const char *b)
{
    while (*a != '\0' && *b != '\0') {
        if (*a != *b)
            return false;
        bool is_place = *a == '@';
        a++;
        b++;
        while (is_place && isdigit((unsigned char)*a))
            a++;
        while (is_place && isdigit((unsigned char)*b))
            b++;
    }
    return *a == *b;
}

/* ------------------------------------------------------------------ packets */

static bool read_all(struct pm_packets *packets, const void *bytes, size_t len)
{
    struct pm_capture *capture = pm_capture_open_bytes("out", bytes, len);
    bool good = capture != NULL && pm_packets_read(packets, capture);
    pm_capture_close(capture);
    return good;
}

static uint64_t frame_of(const struct trial *t, const struct pm_kept *got)
{
    const struct pm_summary *summary = &t->result->summary;
    uint64_t number = got->record.frame;
    return number <= summary->left ? summary->frames[number - 1] : 0;
}

/* The field in which two packets differ first; "packet": one of them is not there. False: in none
 * that counts. */
static bool field_of(const struct trial *t, const struct pm_kept *expected,
                     const struct pm_kept *got, char field[64])
{
    struct pm_kept one_e, one_g;
    struct pm_packets e = {.list = &one_e}, g = {.list = &one_g};
    struct pm_differences found = {0};
    if (expected != NULL) {
        one_e = *expected;
        e.count = 1;
    }
    if (got != NULL) {
        one_g = *got;
        g.count = 1;
    }
    pm_differences_find(&found, t->c, &t->result->summary, &e, &g);
    bool differs = found.count > 0;
    if (differs) {
        const char *text = pm_text_of(&found.list[0].text);
        snprintf(field, 64, "%.*s", (int)strcspn(text, " "), text);
    }
    pm_differences_free(&found);
    return differs;
}

/* The nth packet that leaves for a frame, from 0; NULL: fewer do. */
static const struct pm_kept *nth_of(const struct trial *t, uint64_t frame, uint32_t nth)
{
    for (size_t i = 0; i < t->got.count; i++)
        if (frame_of(t, &t->got.list[i]) == frame && nth-- == 0)
            return &t->got.list[i];
    return NULL;
}

/* ------------------------------------------------------------------ finding out */

static uint64_t first_line(const struct trial *t, const struct pm_differences *differences)
{
    const char *got = pm_text_of(&t->result->text);
    uint64_t e_count = frames_in(t->summary.bytes), g_count = frames_in(got);
    char e[PM_SHRINK_LINE], g[PM_SHRINK_LINE];
    for (uint64_t frame = 1; frame <= e_count && frame <= g_count; frame++) {
        line_of(t->summary.bytes, frame, e);
        line_of(got, frame, g);
        if (strcmp(e, g) != 0 && !pm_differences_fold(differences, frame))
            return frame;
    }
    return 0;
}

static void take_lines(const struct trial *t, uint64_t frame, struct pm_shrink_failure *failure)
{
    line_of(t->summary.bytes, frame, failure->expected);
    line_of(pm_text_of(&t->result->text), frame, failure->got);
    failure->frame = frame;
}

/* The first pair of packets that differ, of the frame. */
static void take_packet(const struct trial *t, uint64_t frame, struct pm_shrink_failure *failure)
{
    struct pm_pairing pairing = {.expected = &t->expected, .got = &t->got};
    const struct pm_kept *e, *g;
    uint32_t nth = 0;
    while (pm_pairing_next(&pairing, &e, &g)) {
        bool is_of_frame = g != NULL && frame_of(t, g) == frame;
        bool may_be = is_of_frame || (g == NULL && e != NULL);
        if (may_be && field_of(t, e, g, failure->thing)) {
            failure->expected_at = e == NULL ? 0 : (uint64_t)(e - t->expected.list) + 1;
            failure->nth = nth;
            failure->is_known = true;
            return;
        }
        nth += is_of_frame;
    }
}

static bool find_difference(const struct trial *t, struct pm_shrink_failure *failure)
{
    struct pm_differences differences = {0};
    if (t->out.is_there)
        pm_differences_find(&differences, t->c, &t->result->summary, &t->expected, &t->got);
    uint64_t line = first_line(t, &differences), packet = 0;
    for (size_t i = 0; i < differences.count && packet == 0; i++)
        packet = differences.list[i].frame;
    pm_differences_free(&differences);
    if (line != 0 && (packet == 0 || line <= packet)) {
        take_lines(t, line, failure);
        failure->kind = PM_SHRINK_SUMMARY;
        const char *thing = thing_of(failure->expected, failure->got);
        snprintf(failure->thing, sizeof failure->thing, "%s", thing == NULL ? "" : thing);
        failure->is_known = true;
    } else if (packet != 0) {
        take_lines(t, packet, failure);
        failure->kind = PM_SHRINK_PACKET;
        take_packet(t, packet, failure);
    }
    return failure->is_known;
}

/* Looks for a finding of that name in that flow; with an unknown failure for any. */
static bool meets_finding(const struct trial *t, struct pm_shrink_failure *failure)
{
    struct pm_verify verify = {.no_memory = false};
    bool is_found = false;
    if (!t->run->verify.is_asked || t->result->is_damaged)
        return false;
    if (pm_case_verify(t->c, t->run, t->result, 1000, &verify, t->complaints)) {
        for (size_t i = 0; i < verify.findings.shown_count && !is_found; i++) {
            const struct pm_verify_shown *shown = &verify.findings.shown[i];
            const char *name = pm_verify_finding_name(shown->finding);
            if (shown->is_note)
                continue;
            is_found = !failure->is_known || (strcmp(name, failure->thing) == 0 &&
                                              strcmp(shown->flow, failure->flow) == 0);
            if (is_found && !failure->is_known) {
                failure->kind = PM_SHRINK_FINDING;
                snprintf(failure->thing, sizeof failure->thing, "%s", name);
                snprintf(failure->flow, sizeof failure->flow, "%s", shown->flow);
                snprintf(failure->got, sizeof failure->got, "%s", shown->text);
            }
        }
    }
    failure->is_known = failure->is_known || is_found;
    pm_verify_end(&verify);
    return is_found;
}

/* ------------------------------------------------------------------ the same way */

static bool fails_so(const struct trial *t, const uint8_t *keeps, struct pm_shrink_failure *failure)
{
    char got[PM_SHRINK_LINE], field[64];
    if (failure->kind == PM_SHRINK_FINDING)
        return meets_finding(t, failure);
    if (keeps != NULL && keeps[failure->frame - 1] == 0)
        return false;
    uint64_t frame = pm_shrink_frame_in(keeps, failure->frame);
    if (!line_of(pm_text_of(&t->result->text), frame, got) || !says_the_same(got, failure->got))
        return false;
    if (failure->kind == PM_SHRINK_SUMMARY) {
        const char *thing = thing_of(failure->expected, got);
        return thing != NULL && strcmp(thing, failure->thing) == 0;
    }
    const struct pm_kept *g = nth_of(t, frame, failure->nth);
    const struct pm_kept *e = failure->expected_at == 0 || failure->expected_at > t->expected.count
                                  ? NULL
                                  : &t->expected.list[failure->expected_at - 1];
    return (e != NULL || g != NULL) && field_of(t, e, g, field) &&
           strcmp(field, failure->thing) == 0;
}

/* ------------------------------------------------------------------ a run */

static bool read_expected(struct trial *t)
{
    char name[PM_CASE_NAME];
    const struct pm_sink *sink = &t->result->writer.sink;
    pm_case_expected(t->run, "summary", ".txt", name);
    char *path = pm_case_path(t->c, name);
    bool good = path != NULL && pm_whole_read(path, &t->summary);
    free(path);
    if (!good || !t->run->writes)
        return good;
    pm_case_expected(t->run, "out", pm_case_suffix(t->result->format), name);
    path = pm_case_path(t->c, name);
    good = path != NULL && pm_whole_read(path, &t->out) &&
           (!t->out.is_there || read_all(&t->expected, t->out.bytes, t->out.len)) &&
           read_all(&t->got, sink->buffer, sink->len);
    free(path);
    return good;
}

static enum pm_shrink_try try_run(struct trial *t, const uint8_t *keeps,
                                  struct pm_shrink_failure *failure)
{
    enum pm_shrink_try answer = PM_SHRINK_CANNOT;
    if (!read_expected(t))
        fputs("what is expected cannot be read\n", t->complaints);
    else if (failure->is_known)
        answer = fails_so(t, keeps, failure) ? PM_SHRINK_FAILS : PM_SHRINK_PASSES;
    else
        answer = find_difference(t, failure) || meets_finding(t, failure) ? PM_SHRINK_FAILS
                                                                          : PM_SHRINK_PASSES;
    pm_packets_free(&t->expected);
    pm_packets_free(&t->got);
    free(t->summary.bytes);
    free(t->out.bytes);
    return answer;
}

static enum pm_shrink_try try_runs(struct pm_case *c, struct pm_policy *policy,
                                   const uint8_t *keeps, struct pm_shrink_failure *failure,
                                   FILE *complaints)
{
    size_t first = failure->is_known ? failure->run : 0;
    size_t end = failure->is_known ? failure->run + 1 : c->run_count;
    enum pm_shrink_try answer = PM_SHRINK_PASSES;
    for (size_t i = first; i < end && answer == PM_SHRINK_PASSES; i++) {
        struct pm_case_result result;
        struct trial t = {.c = c, .run = &c->runs[i], .result = &result, .complaints = complaints};
        failure->run = i;
        answer = pm_case_replay(c, t.run, policy, &result, complaints) ? try_run(&t, keeps, failure)
                                                                       : PM_SHRINK_CANNOT;
        pm_case_result_free(&result);
    }
    return answer;
}

enum pm_shrink_try pm_shrink_case_try(const char *folder, const char *part, const uint8_t *keeps,
                                      struct pm_shrink_failure *failure, FILE *complaints)
{
    enum pm_shrink_try answer = PM_SHRINK_CANNOT;
    struct pm_case *c = pm_case_load(folder, complaints);
    struct pm_rules *rules = c == NULL ? NULL : pm_rules_load(c->rules);
    struct pm_policy *policy = rules == NULL ? NULL : pm_rules_policy(rules);
    if (rules != NULL && policy == NULL)
        pm_rules_print_text(rules, complaints, false);
    if (policy != NULL) {
        if (part != NULL)
            c->in = part;
        answer = try_runs(c, policy, keeps, failure, complaints);
    }
    pm_rules_free(rules);
    pm_case_free(c);
    return answer;
}
