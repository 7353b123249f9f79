/* command_ctl.c - pktmod ctl: talks to a live run over its control socket. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <pktmod/version.h>

#include "app/arguments.h"
#include "app/command.h"
#include "app/json.h"
#include "rules/document.h"

#define DEFAULT_SOCKET "/run/pktmod/control.sock"
#define WORDS_MAX      4u

enum {
    OPT_CONTROL,
    OPT_JSON,
    OPT_PROMETHEUS,
    OPT_FOLLOW,
    OPT_FOR,
    OPT_LIMIT,
    OPT_HELP,
    OPT_VERSION,
    OPT_COUNT
};

static const struct pm_option table[OPT_COUNT] = {
    [OPT_CONTROL] = {"control", 0, true},
    [OPT_JSON] = {"json", 0, false},
    [OPT_PROMETHEUS] = {"prometheus", 0, false},
    [OPT_FOLLOW] = {"follow", 'f', false},
    [OPT_FOR] = {"for", 0, true},
    [OPT_LIMIT] = {"limit", 0, true},
    [OPT_HELP] = {"help", 'h', false},
    [OPT_VERSION] = {"version", 'V', false},
};

static const char help[] =
    "usage: pktmod ctl COMMAND [OPTION...]\n\n"
    "Talks to a pktmod run over its control socket.\n\n"
    "  status                  what runs, since when, and the questions that are open\n"
    "  stats                   counters; --prometheus in its text format\n"
    "  flows                   the flows of latest use; --limit N of them (default 100)\n"
    "  reload [RULES]          read the rules again, or others, and put them in force as a whole;\n"
    "                          flows go on. Bad rules change nothing\n"
    "  events -f               what happens from now on, as lines of JSON\n"
    "  answer ID allow|drop    answer a question; --for flow (default: the rest of its flow),\n"
    "                          --for rule (every later question of its rule), --for SECONDS\n"
    "                          (questions like it)\n"
    "  stop                    end the run, as SIGTERM does\n\n"
    "      --control PATH      its socket (default " DEFAULT_SOCKET ")\n"
    "      --json              the answer as it comes: one JSON object\n\n"
    "exit: 0 good, 1 refused, 2 bad usage or nobody there, 3 internal error\n";

struct ctl {
    const char *words[WORDS_MAX];
    size_t word_count;
    const char *socket, *answer_for, *limit;
    bool json, prometheus, follow;
};

/* ------------------------------------------------------------------ the request */

static bool is_number(const char *text)
{
    return *text != 0 && strlen(text) < 10 && strspn(text, "0123456789") == strlen(text);
}

static bool complain(const char *what, const char *value)
{
    pm_complain(PM_EXIT_BAD_INPUT, "ctl: %s: \"%s\"", what, value);
    return false;
}

static bool put_answer(struct pm_json *json, const struct ctl *ctl)
{
    if (ctl->word_count != 3) {
        pm_complain(PM_EXIT_BAD_INPUT, "ctl: usage: pktmod ctl answer ID allow|drop");
        return false;
    }
    if (!is_number(ctl->words[1]))
        return complain("the number of a question is expected", ctl->words[1]);
    pm_json_uint(json, "id", strtoull(ctl->words[1], NULL, 10));
    pm_json_text(json, "answer", ctl->words[2]);
    if (ctl->answer_for != NULL && is_number(ctl->answer_for))
        pm_json_uint(json, "for", strtoull(ctl->answer_for, NULL, 10));
    else if (ctl->answer_for != NULL)
        pm_json_text(json, "for", ctl->answer_for);
    return true;
}

static bool put_rules(struct pm_json *json, const struct ctl *ctl)
{
    char *path = realpath(ctl->words[1], NULL);
    if (path == NULL) {
        pm_complain(PM_EXIT_BAD_INPUT, "%s: %s", ctl->words[1], strerror(errno));
        return false;
    }
    pm_json_text(json, "rules", path);
    free(path);
    return true;
}

static bool put_request(struct pm_json *json, const struct ctl *ctl)
{
    const char *command = ctl->words[0];
    bool is_told = strcmp(command, "status") == 0 || strcmp(command, "stats") == 0 ||
                   strcmp(command, "flows") == 0;
    bool is_good = true;
    pm_json_open(json, NULL, '{');
    pm_json_uint(json, "pktmod", 1);
    pm_json_text(json, "command", command);
    if (is_told && !ctl->json)
        pm_json_text(json, "format", ctl->prometheus ? "prometheus" : "text");
    if (ctl->limit != NULL && !is_number(ctl->limit))
        is_good = complain("--limit takes a number", ctl->limit);
    else if (ctl->limit != NULL)
        pm_json_uint(json, "limit", strtoull(ctl->limit, NULL, 10));
    if (strcmp(command, "answer") == 0)
        is_good = put_answer(json, ctl) && is_good;
    else if (strcmp(command, "reload") == 0 && ctl->word_count == 2)
        is_good = put_rules(json, ctl) && is_good;
    else if (ctl->word_count > 1)
        is_good = complain("one word too many", ctl->words[1]);
    pm_json_close(json, '}');
    return is_good;
}

/* ------------------------------------------------------------------ the answer */

static enum pm_exit print_refusal(const struct pm_node *root, struct pm_document *d)
{
    const struct pm_node *error = pm_node_get(root, "error");
    const struct pm_node *diagnostics = pm_node_get(root, "diagnostics");
    const char *text = "refused";
    if (diagnostics != NULL && pm_document_text(d, diagnostics, &text))
        fputs(text, stderr);
    text = "refused";
    if (error != NULL)
        pm_document_text(d, error, &text);
    return pm_complain(PM_EXIT_DIFFERS, "ctl: %s", text);
}

static enum pm_exit print_answer(struct pm_document *d)
{
    const struct pm_node *root = pm_document_root(d);
    const struct pm_node *ok = root == NULL ? NULL : pm_node_get(root, "ok");
    const char *text = "";
    bool is_ok = false;
    if (ok == NULL || !pm_document_bool(d, ok, &is_ok))
        return pm_complain(PM_EXIT_INTERNAL, "ctl: the answer is no answer of pktmod");
    if (!is_ok)
        return print_refusal(root, d);
    if (pm_node_get(root, "text") != NULL && pm_document_text(d, pm_node_get(root, "text"), &text))
        fputs(text, stdout);
    return PM_EXIT_GOOD;
}

static enum pm_exit take_answer(const struct ctl *ctl, const char *line, size_t len)
{
    struct pm_document *d = pm_document_load_text("answer", line, len);
    enum pm_exit code = PM_EXIT_INTERNAL;
    if (d == NULL)
        return pm_complain(code, "ctl: no memory");
    if (ctl->json)
        printf("%.*s\n", (int)len, line);
    code = print_answer(d);
    pm_document_free(d);
    return code;
}

static enum pm_exit follow(FILE *in, char **line, size_t *cap)
{
    ssize_t len;
    while ((len = getline(line, cap, in)) > 0)
        if (fwrite(*line, 1, (size_t)len, stdout) != (size_t)len || fflush(stdout) != 0)
            return PM_EXIT_GOOD; /* nobody reads any more */
    return PM_EXIT_GOOD;
}

static enum pm_exit converse(const struct ctl *ctl, int fd, const struct pm_sink *request)
{
    char *line = NULL;
    size_t cap = 0;
    /* Who refuses us may have gone before we asked; what was said lies there to be read. */
    if (send(fd, request->buffer, request->len, MSG_NOSIGNAL) != (ssize_t)request->len &&
        errno != EPIPE)
        return pm_complain(PM_EXIT_BAD_INPUT, "ctl: %s: %s", ctl->socket, strerror(errno));
    FILE *in = fdopen(dup(fd), "r");
    ssize_t len = in == NULL ? -1 : getline(&line, &cap, in);
    enum pm_exit code = PM_EXIT_BAD_INPUT;
    if (len <= 0)
        pm_complain(code, "ctl: %s: the run ended without an answer", ctl->socket);
    else
        code = take_answer(ctl, line, (size_t)len - (line[len - 1] == '\n'));
    if (code == PM_EXIT_GOOD && in != NULL && strcmp(ctl->words[0], "events") == 0)
        code = follow(in, &line, &cap);
    if (in != NULL)
        fclose(in);
    free(line);
    return code;
}

static int dial(const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    errno = ENAMETOOLONG;
    if (strlen(path) >= sizeof to.sun_path)
        return -1;
    memcpy(to.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof to) == 0)
        return fd;
    int why = errno;
    close(fd);
    errno = why;
    return -1;
}

static enum pm_exit run(const struct ctl *ctl)
{
    struct pm_sink request;
    struct pm_json json = {.sink = &request};
    enum pm_exit code = PM_EXIT_BAD_INPUT;
    pm_sink_open_memory(&request);
    if (put_request(&json, ctl)) {
        int fd = dial(ctl->socket);
        if (fd >= 0)
            code = converse(ctl, fd, &request);
        else
            pm_complain(code, "ctl: %s: %s; does pktmod run there?", ctl->socket, strerror(errno));
        if (fd >= 0)
            close(fd);
    }
    free(request.buffer);
    return code;
}

/* ------------------------------------------------------------------ the command line */

static bool take(struct ctl *ctl, int found, const char *value)
{
    switch (found) {
    case OPT_CONTROL:
        ctl->socket = value;
        return true;
    case OPT_JSON:
        return ctl->json = true;
    case OPT_PROMETHEUS:
        return ctl->prometheus = true;
    case OPT_FOLLOW:
        return ctl->follow = true;
    case OPT_FOR:
        ctl->answer_for = value;
        return true;
    case OPT_LIMIT:
        ctl->limit = value;
        return true;
    default:
        if (ctl->word_count == WORDS_MAX)
            return complain("one word too many", value);
        ctl->words[ctl->word_count++] = value;
        return true;
    }
}

static bool is_known(const char *command)
{
    static const char *const names[] = {"status", "stats",  "flows", "reload",
                                        "events", "answer", "stop"};
    size_t count = sizeof names / sizeof names[0];
    for (size_t i = 0; i < count; i++)
        if (strcmp(command, names[i]) == 0)
            return true;
    const char *meant = pm_suggestion(command, names, count);
    if (meant != NULL)
        pm_complain(PM_EXIT_BAD_INPUT, "ctl: unknown command \"%s\"; did you mean \"%s\"?", command,
                    meant);
    else
        pm_complain(PM_EXIT_BAD_INPUT, "ctl: unknown command \"%s\"; see pktmod ctl --help",
                    command);
    return false;
}

static bool is_whole(const struct ctl *ctl)
{
    const char *wrong = NULL;
    if (ctl->word_count == 0)
        wrong = "no command; see pktmod ctl --help";
    else if (!is_known(ctl->words[0]))
        return false;
    else if (ctl->prometheus && strcmp(ctl->words[0], "stats") != 0)
        wrong = "--prometheus is for stats";
    else if (ctl->follow != (strcmp(ctl->words[0], "events") == 0))
        wrong = ctl->follow ? "-f is for events" : "events are told as they happen: events -f";
    if (wrong != NULL)
        pm_complain(PM_EXIT_BAD_INPUT, "ctl: %s", wrong);
    return wrong == NULL;
}

enum pm_exit pm_command_ctl(int argc, char *const argv[])
{
    struct pm_arguments arguments = {"ctl", table, OPT_COUNT, argv, argc, 1, false};
    struct ctl ctl = {.words = {""}, .socket = DEFAULT_SOCKET};
    const char *value;
    int found;
    while ((found = pm_arguments_next(&arguments, &value)) != PM_ARGUMENT_END) {
        if (found == OPT_HELP)
            fputs(help, stdout);
        else if (found == OPT_VERSION)
            printf("pktmod %s\n", pm_version());
        if (found == OPT_HELP || found == OPT_VERSION)
            return PM_EXIT_GOOD;
        if (found == PM_ARGUMENT_BAD || !take(&ctl, found, value))
            return PM_EXIT_BAD_INPUT;
    }
    return is_whole(&ctl) ? run(&ctl) : PM_EXIT_BAD_INPUT;
}
