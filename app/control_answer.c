/* control_answer.c - reads a request and answers it; the contract is in control_answer.h. */
#include "app/control_answer.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "app/run_report.h"
#include "rules/document.h"

#define NS_PER_S UINT64_C(1000000000)
#define FLOWS    100

enum command { STATUS, STATS, FLOWS_OF, RELOAD, EVENTS, ANSWER, STOP };
enum format { JSON, TEXT, PROMETHEUS };

static const char *const command_names[] = {"status", "stats",  "flows", "reload",
                                            "events", "answer", "stop",  NULL};
static const char *const format_names[] = {"json", "text", "prometheus", NULL};

struct request {
    enum command command;
    enum format format;
    int64_t id, limit;
    bool allow;
    enum pm_answer_for answer_for;
    int64_t seconds;
    const char *rules; /* reload: another file; NULL: the same */
};

/* ------------------------------------------------------------------ answers */

static void begin(struct pm_json *json, bool ok)
{
    pm_json_open(json, NULL, '{');
    pm_json_uint(json, "pktmod", 1);
    pm_json_bool(json, "ok", ok);
}

static void fail(struct pm_json *json, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void fail(struct pm_json *json, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    begin(json, false);
    pm_json_text(json, "error", text);
    pm_json_close(json, '}');
}

static void succeed(struct pm_json *json)
{
    begin(json, true);
    pm_json_close(json, '}');
}

/* ------------------------------------------------------------------ reading */

static void read_for(struct pm_document *d, const struct pm_node *node, struct request *r)
{
    static const char *const words[] = {"flow", "rule", NULL};
    size_t word = 0;
    if (pm_node_kind(node) == PM_NODE_TEXT) {
        if (pm_document_word(d, node, words, &word))
            r->answer_for = word == 0 ? PM_FOR_FLOW : PM_FOR_RULE;
        return;
    }
    r->answer_for = PM_FOR_TIME;
    pm_document_whole(d, node, 1, 31536000, &r->seconds);
}

static void read_answer(struct pm_document *d, const struct pm_node *root, struct request *r)
{
    static const char *const answers[] = {"allow", "drop", NULL};
    const struct pm_node *id = pm_document_member(d, root, "id", "an answer");
    const struct pm_node *answer = pm_document_member(d, root, "answer", "an answer");
    const struct pm_node *answer_for = pm_node_get(root, "for");
    size_t word = 1;
    if (id != NULL)
        pm_document_whole(d, id, 1, INT64_C(1) << 53, &r->id);
    if (answer != NULL)
        pm_document_word(d, answer, answers, &word);
    r->allow = word == 0;
    if (answer_for != NULL)
        read_for(d, answer_for, r);
}

static void read_request(struct pm_document *d, const struct pm_node *root, struct request *r)
{
    static const char *const keys[] = {"pktmod", "command", "format", "id", "answer",
                                       "for",    "limit",   "rules",  NULL};
    int64_t version = 1;
    size_t word = 0;
    if (root == NULL || !pm_document_expect(d, root, PM_NODE_OBJECT))
        return;
    pm_document_keys(d, root, keys, "a request");
    const struct pm_node *number = pm_document_member(d, root, "pktmod", "a request");
    const struct pm_node *command = pm_document_member(d, root, "command", "a request");
    const struct pm_node *format = pm_node_get(root, "format");
    const struct pm_node *limit = pm_node_get(root, "limit");
    const struct pm_node *rules = pm_node_get(root, "rules");
    if (number != NULL)
        pm_document_whole(d, number, 1, 1, &version);
    if (command != NULL && pm_document_word(d, command, command_names, &word))
        r->command = (enum command)word;
    word = 0;
    if (format != NULL && pm_document_word(d, format, format_names, &word))
        r->format = (enum format)word;
    if (limit != NULL)
        pm_document_whole(d, limit, 1, PM_RUN_FLOWS_MAX, &r->limit);
    if (rules != NULL)
        pm_document_text(d, rules, &r->rules);
    if (r->command == ANSWER)
        read_answer(d, root, r);
    if (r->format == PROMETHEUS && r->command != STATS && format != NULL)
        pm_document_fail(d, format, NULL, "only stats have the format prometheus");
}

/* ------------------------------------------------------------------ doing */

static bool print(FILE *out, struct pm_run *run, const struct request *r)
{
    if (r->command == STATUS)
        pm_run_print_status(out, run);
    else if (r->command == FLOWS_OF)
        return pm_run_print_flows(out, run, (uint32_t)r->limit);
    else if (r->format == PROMETHEUS)
        pm_run_print_prometheus(out, run);
    else
        pm_run_print_stats(out, run);
    return true;
}

static void tell_text(struct pm_json *json, struct pm_run *run, const struct request *r)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    bool is_printed = out != NULL && print(out, run, r);
    if (out != NULL && fclose(out) != 0)
        is_printed = false;
    if (is_printed) {
        begin(json, true);
        pm_json_text(json, "text", text);
        pm_json_close(json, '}');
    } else {
        fail(json, "no memory");
    }
    free(text);
}

static void tell(struct pm_json *json, struct pm_run *run, const struct request *r)
{
    if (r->format != JSON) {
        tell_text(json, run, r);
        return;
    }
    begin(json, true);
    if (r->command == STATUS)
        pm_run_put_status(json, run);
    else if (r->command == STATS)
        pm_run_put_stats(json, run);
    else
        pm_run_put_flows(json, run, (uint32_t)r->limit);
    pm_json_close(json, '}');
}

static void reload(struct pm_json *json, struct pm_run *run, const struct request *r)
{
    char *wrong;
    if (pm_run_reload(run, r->rules == NULL ? run->options->rules : r->rules, &wrong)) {
        succeed(json);
        return;
    }
    begin(json, false);
    pm_json_text(json, "error", "the rules were refused; the ones before stay in force");
    pm_json_text(json, "diagnostics", wrong == NULL ? "no memory\n" : wrong);
    pm_json_close(json, '}');
    free(wrong);
}

static void answer(struct pm_json *json, struct pm_run *run, const struct request *r)
{
    bool is_open = false;
    for (unsigned i = 0; i < run->worker_count && !is_open; i++) {
        pm_worker_lock(run->workers[i]);
        is_open = pm_worker_answer(run->workers[i], (uint64_t)r->id, r->allow, r->answer_for,
                                   (uint64_t)r->seconds * NS_PER_S);
        pm_worker_unlock(run->workers[i]);
    }
    if (!is_open && run->tunnel.tunnel != NULL) {
        pm_tunnel_lock(run->tunnel.tunnel);
        is_open = pm_tunnel_answer_ask(run->tunnel.tunnel, (uint64_t)r->id, r->allow, r->answer_for,
                                       (uint64_t)r->seconds * NS_PER_S);
        pm_tunnel_unlock(run->tunnel.tunnel);
    }
    if (is_open)
        succeed(json);
    else
        fail(json, "no open question has the id %lld", (long long)r->id);
}

static bool act(struct pm_json *json, struct pm_run *run, const struct request *r)
{
    switch (r->command) {
    case STATUS:
    case STATS:
    case FLOWS_OF:
        tell(json, run, r);
        return false;
    case RELOAD:
        reload(json, run, r);
        return false;
    case EVENTS:
        if (run->options->events != NULL) {
            succeed(json);
            return true;
        }
        fail(json, "this run makes no events; start it with --events FILE, or --events none");
        return false;
    case ANSWER:
        answer(json, run, r);
        return false;
    case STOP:
        run->must_stop = true;
        succeed(json);
        return false;
    }
    return false;
}

bool pm_control_answer(struct pm_run *run, const char *line, size_t len, struct pm_sink *out)
{
    struct pm_json json = {.sink = out};
    struct request r = {.limit = FLOWS, .answer_for = PM_FOR_FLOW};
    struct pm_document *d = pm_document_load_text("request", line, len);
    bool wants_events = false;
    if (d == NULL) {
        fail(&json, "no memory");
        return false;
    }
    read_request(d, pm_document_root(d), &r);
    if (pm_document_error_count(d) > 0) {
        const struct pm_diagnostic *first = pm_document_diagnostic(d, 0);
        fail(&json, "%s%s%s", first == NULL ? "no request" : first->message,
             first == NULL || first->suggestion == NULL ? "" : "; ",
             first == NULL || first->suggestion == NULL ? "" : first->suggestion);
    } else {
        wants_events = act(&json, run, &r);
    }
    pm_document_free(d);
    return wants_events;
}
