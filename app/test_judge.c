/* test_judge.c - every run of a case: replay, compare or update, verify; then what is left over. */
#include "app/test_judge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/command.h"
#include "app/test_explain.h"
#include "app/verify.h"
#include "app/whole.h"
#include "rules/rules.h"

/* A case on its way. */
struct judge {
    const struct pm_case *c;
    const struct pm_test_options *options;
    FILE *text;
    enum pm_format format; /* of the input */
    bool failed, broken;   /* something else came out; it could not be run */
};

static void complain(struct judge *judge, const char *path, const char *what)
{
    fprintf(judge->text, "%s: %s: %s\n", path, what, strerror(errno));
    judge->broken = true;
}

static void update(struct judge *judge, const char *name, const struct pm_whole *old,
                   const void *bytes, size_t len)
{
    if (old->is_there && old->len == len && memcmp(old->bytes, bytes, len) == 0)
        return;
    char *folder = pm_case_path(judge->c, "expected"), *path = pm_case_path(judge->c, name);
    errno = ENOMEM;
    if (folder == NULL || path == NULL || (mkdir(folder, 0777) != 0 && errno != EEXIST) ||
        !pm_whole_write(path, bytes, len))
        complain(judge, path == NULL ? name : path, "cannot be written");
    else
        fprintf(judge->text, "%s %s\n", old->is_there ? "updated" : "new", name);
    free(folder);
    free(path);
}

/* ------------------------------------------------------------------ one run */

/* Reads both expectations; the capture's name depends on the format of the input. */
static bool read_expected(struct judge *judge, const char *name, struct pm_whole *file)
{
    char *path = pm_case_path(judge->c, name);
    bool good = path != NULL && pm_whole_read(path, file);
    if (!good)
        complain(judge, path == NULL ? name : path, "cannot be read");
    free(path);
    return good;
}

static bool is_same(const struct pm_whole *file, const void *bytes, size_t len)
{
    return file->is_there && file->len == len && (len == 0 || memcmp(file->bytes, bytes, len) == 0);
}

static void tell_missing(struct judge *judge, const char *name, const struct pm_whole *file)
{
    if (file->is_there)
        return;
    fprintf(judge->text, "%s is not there\n  pktmod test --update %s   writes it\n", name,
            judge->c->folder);
    judge->failed = true;
}

/* Summary and capture against what is expected of them. True: differences are told. */
static bool compare(struct judge *judge, const struct pm_case_run *run,
                    const struct pm_case_result *result)
{
    char summary_name[PM_CASE_NAME], out_name[PM_CASE_NAME];
    struct pm_whole summary = {0}, out = {0};
    bool differs = false;
    const struct pm_sink *sink = &result->writer.sink;
    pm_case_expected(run, "summary", ".txt", summary_name);
    pm_case_expected(run, "out", pm_case_suffix(result->format), out_name);
    if (read_expected(judge, summary_name, &summary) &&
        (!run->writes || read_expected(judge, out_name, &out))) {
        struct pm_explain explain = {
            .c = judge->c,
            .run = run,
            .result = result,
            .summary = summary.is_there ? summary.bytes : NULL,
            .out = out.is_there && !is_same(&out, sink->buffer, sink->len) ? out.bytes : NULL,
            .out_len = out.len,
            .out_name = out_name,
            .most = judge->options->most_told,
            .is_update = judge->options->update,
        };
        differs = pm_explain(&explain, judge->text);
        if (judge->options->update) {
            update(judge, summary_name, &summary, pm_text_of(&result->text), result->text.len);
            if (run->writes)
                update(judge, out_name, &out, sink->buffer, sink->len);
        } else {
            judge->failed = judge->failed || differs;
            tell_missing(judge, summary_name, &summary);
            if (run->writes)
                tell_missing(judge, out_name, &out);
        }
    }
    free(summary.bytes);
    free(out.bytes);
    return differs;
}

bool pm_case_verify(const struct pm_case *c, const struct pm_case_run *run,
                    const struct pm_case_result *result, size_t most, struct pm_verify *verify,
                    FILE *text)
{
    const struct pm_verify_options options = {
        .out = "out",
        .baseline = c->in,
        .mtu = run->options.mtu,
        .has_mtu = true,
        .checksums = run->options.checksums,
        .most = most,
        .is_open_loop = run->verify.is_open_loop,
        .any_headers = run->verify.any_headers,
        .quiet = true,
    };
    *verify = (struct pm_verify){.options = &options, .flows = {.checksums = options.checksums}};
    struct pm_capture *in = pm_case_capture(c, text);
    struct pm_capture *out =
        pm_capture_open_bytes("out", result->writer.sink.buffer, result->writer.sink.len);
    bool good =
        in != NULL && out != NULL && pm_verify_findings_init(&verify->findings, most, false);
    if (good) {
        struct pm_progress progress;
        pm_progress_start(&progress, true);
        pm_verify_run(verify, out, in, &progress);
        good = !verify->no_memory;
    }
    if (!good)
        fputs("verify: no memory\n", text);
    verify->options = NULL; /* they end here */
    pm_capture_close(in);
    pm_capture_close(out);
    return good;
}

static void verify(struct judge *judge, const struct pm_case_run *run,
                   const struct pm_case_result *result, bool is_folded)
{
    struct pm_verify all;
    if (!pm_case_verify(judge->c, run, result, judge->options->most_told, &all, judge->text)) {
        judge->broken = true;
    } else if (all.findings.findings > 0) {
        pm_explain_findings(&all.findings, judge->c, run, is_folded, judge->text);
        judge->failed = true;
    }
    pm_verify_end(&all);
}

static void do_run(struct judge *judge, const struct pm_case_run *run, struct pm_policy *policy)
{
    struct pm_case_result result;
    bool good = pm_case_replay(judge->c, run, policy, &result, judge->text);
    if (!good)
        judge->broken = true;
    judge->format = result.format;
    bool is_told = good && compare(judge, run, &result) && !judge->options->update;
    if (good && run->verify.is_asked && !result.is_damaged)
        verify(judge, run, &result, is_told);
    pm_case_result_free(&result);
}

/* ------------------------------------------------------------------ left over */

/* Whether a run makes a file of this name. */
static bool is_of_a_run(const struct judge *judge, const char *file)
{
    const struct pm_case *c = judge->c;
    char name[PM_CASE_NAME];
    for (size_t i = 0; i < c->run_count; i++) {
        const struct pm_case_run *run = &c->runs[i];
        pm_case_expected(run, "summary", ".txt", name);
        if (strcmp(strchr(name, '/') + 1, file) == 0)
            return true;
        pm_case_expected(run, "out", pm_case_suffix(judge->format), name);
        if (run->writes && strcmp(strchr(name, '/') + 1, file) == 0)
            return true;
    }
    return false;
}

static void tell_stale(struct judge *judge, const char *folder, const char *file)
{
    char path[4096];
    if (!judge->options->update) {
        fprintf(judge->text, "expected/%s belongs to no run\n", file);
        judge->failed = true;
        return;
    }
    snprintf(path, sizeof path, "%s/%s", folder, file);
    if (unlink(path) == 0)
        fprintf(judge->text, "removed expected/%s\n", file);
    else
        complain(judge, path, "cannot be removed");
}

static void find_stale(struct judge *judge)
{
    char **names;
    char *folder = pm_case_path(judge->c, "expected");
    size_t count = folder == NULL ? 0 : pm_folder_names(folder, &names);
    for (size_t i = 0; i < count; i++) {
        if (!is_of_a_run(judge, names[i]))
            tell_stale(judge, folder, names[i]);
        free(names[i]);
    }
    if (count > 0)
        free(names);
    free(folder);
}

/* ------------------------------------------------------------------ all */

static void with_rules(struct judge *judge)
{
    struct pm_rules *rules = pm_rules_load(judge->c->rules);
    if (rules == NULL) {
        fputs("no memory\n", judge->text);
        judge->broken = true;
        return;
    }
    struct pm_policy *policy = pm_rules_policy(rules);
    if (policy == NULL) {
        pm_rules_print_text(rules, judge->text, false);
        judge->broken = true;
    }
    for (size_t i = 0; policy != NULL && i < judge->c->run_count; i++)
        do_run(judge, &judge->c->runs[i], policy);
    pm_rules_free(rules);
}

enum pm_test_status pm_case_test(const void *folder, const struct pm_test_options *options,
                                 FILE *text)
{
    struct pm_case *c = pm_case_load(folder, text);
    if (c == NULL)
        return PM_TEST_ERROR;
    struct judge judge = {.c = c, .options = options, .text = text};
    with_rules(&judge);
    if (!judge.broken)
        find_stale(&judge);
    pm_case_free(c);
    return judge.broken ? PM_TEST_ERROR : judge.failed ? PM_TEST_FAIL : PM_TEST_PASS;
}
