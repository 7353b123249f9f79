/* create.c - writes the files of a case, and lets the case itself find out the rest. */
#include "app/create.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/input.h"
#include "app/json.h"
#include "app/test_judge.h"
#include "app/test_replay.h"
#include "app/text.h"
#include "app/whole.h"
#include "rules/rules.h"

#define FILES_MOST 8
#define MOST_TOLD  5

/* A case in the making, and what has been written of it. */
struct making {
    const struct pm_create *create;
    char *folder;
    char *files[FILES_MOST];
    unsigned file_count;
    bool made_parent;  /* the folder that the case stands in */
    const char *input; /* "in.pcap" */
    char *rules;       /* as case.json calls it; NULL: rules.json */
    struct pm_case_verify verify;
};

static enum pm_exit no_memory(void)
{
    return pm_complain(PM_EXIT_INTERNAL, "create: no memory");
}

static enum pm_exit cannot(const char *path, const char *what)
{
    return pm_complain(PM_EXIT_BAD_INPUT, "%s: cannot be %s: %s", path, what, strerror(errno));
}

/* ------------------------------------------------------------------ paths */

/* Both absolute and without links: how to get from a folder to a file. NULL: no memory. */
static char *way_to(const char *folder, const char *file)
{
    size_t same = 0;
    for (size_t i = 0; folder[i] == file[i] && folder[i] != '\0'; i++)
        if (folder[i] == '/')
            same = i + 1;
    size_t len = strlen(folder);
    if (strncmp(folder, file, len) == 0 && file[len] == '/')
        same = len + 1;
    struct pm_text way = {0};
    for (const char *p = folder + (same > len ? len : same); *p != '\0';) {
        pm_text_add(&way, "../");
        p += strcspn(p, "/");
        p += *p == '/';
    }
    pm_text_add(&way, "%s", file + same);
    if (way.no_memory)
        pm_text_free(&way);
    return way.at;
}

static char *below(const char *folder, const char *name)
{
    struct pm_text path = {0};
    pm_text_add(&path, "%s/%s", folder, name);
    return path.at;
}

/* ------------------------------------------------------------------ files */

static enum pm_exit put(struct making *making, const char *name, const void *bytes, size_t len)
{
    char *path = below(making->folder, name);
    if (path == NULL)
        return no_memory();
    making->files[making->file_count++] = path;
    return pm_whole_write(path, bytes, len) ? PM_EXIT_GOOD : cannot(path, "written");
}

static enum pm_exit copy(struct making *making, const char *from, const char *name)
{
    struct pm_whole whole;
    errno = ENOENT;
    if (!pm_whole_read(from, &whole) || !whole.is_there)
        return cannot(from, "read");
    enum pm_exit code = put(making, name, whole.bytes, whole.len);
    free(whole.bytes);
    return code;
}

static void put_views(struct pm_json *json, const char *views)
{
    pm_json_open(json, "views", '[');
    while (*views != '\0') {
        char view[64];
        int len = (int)strcspn(views, ",");
        snprintf(view, sizeof view, "%.*s", len, views);
        pm_json_text(json, NULL, view);
        views += len + (views[len] == ',');
    }
    pm_json_close(json, ']');
}

static void put_verify(struct pm_json *json, const struct pm_case_verify *verify)
{
    if (!verify->is_open_loop && !verify->any_headers)
        return;
    pm_json_open(json, "verify", '[');
    if (verify->is_open_loop)
        pm_json_text(json, NULL, "open-loop");
    if (verify->any_headers)
        pm_json_text(json, NULL, "any-headers");
    pm_json_close(json, ']');
}

static void put_members(struct pm_json *json, const struct making *making)
{
    const struct pm_create *create = making->create;
    pm_json_text(json, "shows", create->shows != NULL ? create->shows : create->name);
    if (making->rules != NULL)
        pm_json_text(json, "rules", making->rules);
    if (create->views != NULL)
        put_views(json, create->views);
    if (create->local != NULL)
        pm_json_text(json, "local", create->local);
    if (create->mtu != NULL)
        pm_json_uint(json, "mtu", strtoull(create->mtu, NULL, 10));
    if (create->checksums != NULL)
        pm_json_text(json, "checksums", create->checksums);
    if (create->seed != NULL)
        pm_json_uint(json, "seed", strtoull(create->seed, NULL, 10));
    put_verify(json, &making->verify);
}

static enum pm_exit put_case(struct making *making)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (out == NULL)
        return no_memory();
    struct pm_json json = {.out = out};
    pm_json_open(&json, NULL, '{');
    put_members(&json, making);
    pm_json_close(&json, '}');
    fclose(out);
    enum pm_exit code = put(making, PM_CASE_FILE, text, len);
    free(text);
    return code;
}

static void take_away(struct making *making)
{
    for (unsigned i = 0; i < making->file_count; i++)
        unlink(making->files[i]);
    rmdir(making->folder); /* stays if anything else is in it */
    if (making->made_parent)
        rmdir(making->create->folder);
}

/* ------------------------------------------------------------------ steps */

/* Complains, with all that the text says. */
static enum pm_exit refuse(const char *text, enum pm_exit code)
{
    fputs(text, stderr);
    return code;
}

/* Before anything is written: rules that cannot be used make no case. */
static enum pm_exit check_rules(const struct making *making)
{
    struct pm_rules *rules = pm_rules_load(making->create->rules);
    if (rules == NULL)
        return no_memory();
    enum pm_exit code = pm_rules_policy(rules) == NULL ? PM_EXIT_BAD_INPUT : PM_EXIT_GOOD;
    if (code != PM_EXIT_GOOD)
        pm_rules_print_text(rules, stderr, pm_colour_wanted(stderr));
    pm_rules_free(rules);
    return code;
}

/* What the input is called in the case follows from what it is. */
static enum pm_exit name_input(struct making *making)
{
    making->input = "in.flow";
    if (pm_input_is_flow(making->create->in))
        return PM_EXIT_GOOD;
    struct pm_capture *capture = pm_capture_open(making->create->in);
    if (capture == NULL)
        return no_memory();
    const char *error = pm_capture_error(capture);
    enum pm_exit code = PM_EXIT_GOOD;
    if (error != NULL)
        code = pm_complain(PM_EXIT_BAD_INPUT, "%s", error);
    else
        making->input = pm_capture_format(capture) == PM_FORMAT_PCAP ? "in.pcap" : "in.pcapng";
    pm_capture_close(capture);
    return code;
}

static enum pm_exit make_folder(struct making *making)
{
    const struct pm_create *create = making->create;
    making->folder = below(create->folder, create->name);
    if (making->folder == NULL)
        return no_memory();
    making->made_parent = mkdir(create->folder, 0777) == 0;
    if (mkdir(making->folder, 0777) == 0)
        return PM_EXIT_GOOD;
    if (errno == EEXIST)
        return pm_complain(PM_EXIT_BAD_INPUT,
                           "%s: is there already; choose another name, or update it with "
                           "pktmod test --update",
                           making->folder);
    return cannot(making->folder, "made");
}

static enum pm_exit put_rules(struct making *making)
{
    if (making->create->copies_rules)
        return copy(making, making->create->rules, "rules.json");
    char *from = realpath(making->folder, NULL), *to = realpath(making->create->rules, NULL);
    if (from != NULL && to != NULL)
        making->rules = way_to(from, to);
    free(from);
    free(to);
    return making->rules == NULL ? cannot(making->create->rules, "found") : PM_EXIT_GOOD;
}

/* One run, to learn what pktmod verify has to be told. */
static bool learn(struct making *making, const struct pm_case *c, FILE *text)
{
    struct pm_rules *rules = pm_rules_load(c->rules);
    struct pm_policy *policy = rules == NULL ? NULL : pm_rules_policy(rules);
    struct pm_case_result result;
    bool good = policy != NULL;
    if (!good && rules != NULL)
        pm_rules_print_text(rules, text, false);
    if (good) {
        good = pm_case_replay(c, &c->runs[0], policy, &result, text);
        making->verify.is_open_loop = result.summary.delays_or_drops;
        making->verify.any_headers = result.summary.sets_headers;
        pm_case_result_free(&result);
    }
    pm_rules_free(rules);
    return good;
}

static enum pm_exit learn_and_put(struct making *making)
{
    char *bytes = NULL;
    size_t len = 0;
    enum pm_exit code = put_case(making);
    FILE *text = code == PM_EXIT_GOOD ? open_memstream(&bytes, &len) : NULL;
    if (text == NULL)
        return code == PM_EXIT_GOOD ? no_memory() : code;
    struct pm_case *c = pm_case_load(making->folder, text);
    bool good = c != NULL && learn(making, c, text);
    pm_case_free(c);
    fclose(text);
    code = good ? put_case(making) : refuse(bytes, PM_EXIT_BAD_INPUT);
    free(bytes);
    return code;
}

static enum pm_exit expect(struct making *making)
{
    const struct pm_test_options options = {.update = true, .most_told = MOST_TOLD};
    char *bytes = NULL;
    size_t len = 0;
    FILE *text = open_memstream(&bytes, &len);
    if (text == NULL)
        return no_memory();
    enum pm_test_status status = pm_case_test(making->folder, &options, text);
    fclose(text);
    printf("%s: made\n%s", making->folder, bytes);
    free(bytes);
    if (status == PM_TEST_PASS)
        printf("read %s/expected/summary*.txt: is this what should happen?\n", making->folder);
    return status == PM_TEST_PASS   ? PM_EXIT_GOOD
           : status == PM_TEST_FAIL ? PM_EXIT_DIFFERS
                                    : PM_EXIT_BAD_INPUT;
}

static enum pm_exit make(struct making *making)
{
    enum pm_exit code = check_rules(making);
    if (code == PM_EXIT_GOOD)
        code = name_input(making);
    if (code == PM_EXIT_GOOD)
        code = make_folder(making);
    if (code != PM_EXIT_GOOD)
        return code;
    code = put_rules(making);
    if (code == PM_EXIT_GOOD)
        code = copy(making, making->create->in, making->input);
    if (code == PM_EXIT_GOOD)
        code = learn_and_put(making);
    if (code != PM_EXIT_GOOD)
        take_away(making);
    else
        code = expect(making);
    return code;
}

enum pm_exit pm_create_case(const struct pm_create *create)
{
    struct making making = {.create = create};
    enum pm_exit code = make(&making);
    for (unsigned i = 0; i < making.file_count; i++)
        free(making.files[i]);
    free(making.rules);
    free(making.folder);
    return code;
}
