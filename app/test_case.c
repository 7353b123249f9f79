/* test_case.c - reads case.json, and tells every fault of it with its line. */
#include "app/test_case.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "app/test_fields.h"
#include "rules/document.h"

#define RUN_NAME_MAX 64

static const char *const case_keys[] = {"answers", "shows",  "rules",  "in",        "views",
                                        "runs",    "ignore", "out",    "view",      "local",
                                        "mtu",     "seed",   "verify", "checksums", NULL};
static const char *const run_keys[] = {"answers", "out",    "view",      "local", "mtu",
                                       "seed",    "verify", "checksums", NULL};
static const char *const views[] = {"rewritten", "wire", "host", NULL};
static const char *const checksum_modes[] = {"auto", "verify", "ignore", NULL};
static const char *const excuses[] = {"open-loop", "any-headers", NULL};
static const char *const inputs[] = {"in.pcap", "in.pcapng", "in.flow"};

char *pm_case_path(const struct pm_case *c, const char *name)
{
    size_t cap = strlen(c->folder) + strlen(name) + 2;
    char *path = malloc(cap);
    if (path != NULL)
        snprintf(path, cap, "%s/%s", c->folder, name);
    return path;
}

void pm_case_expected(const struct pm_case_run *run, const char *stem, const char *suffix,
                      char name[PM_CASE_NAME])
{
    snprintf(name, PM_CASE_NAME, "expected/%s%s%s%s", stem, run->name[0] == '\0' ? "" : "-",
             run->name, suffix);
}

bool pm_case_ignores(const struct pm_case *c, const char *field)
{
    for (size_t i = 0; i < c->ignored_count; i++)
        if (strcmp(c->ignored[i], field) == 0)
            return true;
    return false;
}

/* ------------------------------------------------------------------ options of a run */

static void read_local(struct pm_document *d, const struct pm_node *value,
                       struct pm_replay_options *options)
{
    const char *text, *bad;
    options->local = (struct pm_local){0};
    if (!pm_document_text(d, value, &text) || pm_local_parse(&options->local, text, &bad))
        return;
    if (bad == NULL)
        pm_document_fail(d, value, NULL, "no memory");
    else
        pm_document_fail(d, value, "write addresses or prefixes: \"192.0.2.0/24,2001:db8::1\"",
                         "\"%.*s\" is no address and no prefix", (int)strcspn(bad, ","), bad);
}

static void read_mtu(struct pm_document *d, const struct pm_node *value,
                     struct pm_replay_options *options)
{
    int64_t mtu;
    if (!pm_document_whole(d, value, 0, 65535, &mtu))
        return;
    if (mtu != 0 && mtu < 68)
        pm_document_fail(d, value, NULL,
                         "an mtu is 0 (no limit) or at least 68, the least of IPv4");
    options->mtu = (uint32_t)mtu;
}

static void read_verify(struct pm_document *d, const struct pm_node *value,
                        struct pm_case_verify *verify)
{
    size_t excuse;
    *verify = (struct pm_case_verify){.is_asked = pm_node_kind(value) == PM_NODE_LIST};
    if (pm_node_kind(value) == PM_NODE_TEXT) {
        pm_document_filled(d, value, PM_NODE_TEXT); /* why it is not asked */
        return;
    }
    if (!verify->is_asked) {
        pm_document_fail(d, value,
                         "write [], [\"open-loop\"], [\"any-headers\"], or in words why pktmod "
                         "verify is not to be asked",
                         "verify is a list or a text");
        return;
    }
    for (const struct pm_node *word = pm_node_first(value); word != NULL; word = pm_node_next(word))
        if (pm_document_word(d, word, excuses, &excuse)) {
            verify->is_open_loop = verify->is_open_loop || excuse == 0;
            verify->any_headers = verify->any_headers || excuse == 1;
        }
}

static void read_options(struct pm_document *d, const struct pm_node *object,
                         struct pm_case_run *run)
{
    struct pm_replay_options *options = &run->options;
    const struct pm_node *value;
    size_t word;
    int64_t seed;
    if ((value = pm_node_get(object, "view")) != NULL && pm_document_word(d, value, views, &word))
        options->view = (enum pm_view)word;
    if ((value = pm_node_get(object, "checksums")) != NULL &&
        pm_document_word(d, value, checksum_modes, &word))
        options->checksums = (enum pm_checksums)word;
    if ((value = pm_node_get(object, "seed")) != NULL &&
        pm_document_whole(d, value, 0, (int64_t)1 << 53, &seed))
        options->seed = (uint64_t)seed;
    if ((value = pm_node_get(object, "mtu")) != NULL)
        read_mtu(d, value, options);
    if ((value = pm_node_get(object, "answers")) != NULL &&
        pm_document_filled(d, value, PM_NODE_TEXT))
        options->answers = pm_document_path(d, value);
    if ((value = pm_node_get(object, "local")) != NULL)
        read_local(d, value, options);
    if ((value = pm_node_get(object, "verify")) != NULL)
        read_verify(d, value, &run->verify);
    if ((value = pm_node_get(object, "out")) != NULL)
        pm_document_bool(d, value, &run->writes);
}

/* ------------------------------------------------------------------ runs */

static struct pm_case_run *add_run(struct pm_case *c, const char *name)
{
    struct pm_case_run *run = &c->runs[c->run_count++];
    *run = c->base;
    run->name = name;
    return run;
}

/* Part of a file name. */
static void check_name(struct pm_document *d, const struct pm_node *run)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    const char *name = pm_node_key(run);
    size_t len = strlen(name);
    if (len == 0 || len > RUN_NAME_MAX || strspn(name, allowed) != len)
        pm_document_fail_key(d, run, "letters, digits, \"-\", \"_\" and \".\", at most 64",
                             "\"%s\" cannot be part of a file name", name);
}

static void read_views(struct pm_case *c, const struct pm_node *list)
{
    size_t view;
    for (const struct pm_node *word = pm_node_first(list); word != NULL;
         word = pm_node_next(word)) {
        if (!pm_document_word(c->document, word, views, &view))
            continue;
        for (size_t i = 0; i < c->run_count; i++)
            if (strcmp(c->runs[i].name, views[view]) == 0)
                pm_document_fail(c->document, word, NULL, "the view \"%s\" stands here twice",
                                 views[view]);
        add_run(c, views[view])->options.view = (enum pm_view)view;
    }
}

static void read_named(struct pm_case *c, const struct pm_node *object)
{
    for (const struct pm_node *run = pm_node_first(object); run != NULL; run = pm_node_next(run)) {
        if (!pm_document_expect(c->document, run, PM_NODE_OBJECT))
            continue;
        check_name(c->document, run);
        pm_document_keys(c->document, run, run_keys, "a run");
        read_options(c->document, run, add_run(c, pm_node_key(run)));
    }
}

static bool read_runs(struct pm_case *c, const struct pm_node *root)
{
    const struct pm_node *list = pm_node_get(root, "views"), *runs = pm_node_get(root, "runs");
    size_t count =
        (list == NULL ? 0 : pm_node_count(list)) + (runs == NULL ? 0 : pm_node_count(runs));
    c->runs = calloc(count + 1, sizeof *c->runs);
    if (c->runs == NULL)
        return false;
    c->base = (struct pm_case_run){
        .name = "",
        .options = {.rules = c->rules, .in = c->in, .mtu = 1500, .quiet = true},
        .verify = {.is_asked = true},
        .writes = true,
    };
    read_options(c->document, root, &c->base);
    if (list != NULL && runs != NULL)
        pm_document_fail_key(c->document, list, "give each of the runs its \"view\"",
                             "views and runs do not go together");
    else if (list != NULL && pm_document_filled(c->document, list, PM_NODE_LIST))
        read_views(c, list);
    else if (runs != NULL && pm_document_filled(c->document, runs, PM_NODE_OBJECT))
        read_named(c, runs);
    else if (list == NULL && runs == NULL)
        add_run(c, "");
    return true;
}

/* ------------------------------------------------------------------ the case */

static bool is_file(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && !S_ISDIR(about.st_mode);
}

/* The capture that stands in the folder. */
static void find_input(struct pm_case *c, const struct pm_node *root)
{
    const char *other = NULL;
    for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
        char *path = pm_case_path(c, inputs[i]);
        if (path != NULL && is_file(path) && c->usual_in == NULL) {
            c->usual_in = path;
            other = inputs[i];
            continue;
        }
        if (path != NULL && is_file(path))
            pm_document_fail(c->document, root, "name one of them with \"in\"",
                             "both %s and %s stand here", other, inputs[i]);
        free(path);
    }
    if (c->usual_in == NULL)
        pm_document_fail(c->document, root, "or name the capture with \"in\"",
                         "no capture: in.pcap, in.pcapng and in.flow are not here");
    c->in = c->usual_in;
}

static const char *path_of(struct pm_case *c, const struct pm_node *value)
{
    if (!pm_document_filled(c->document, value, PM_NODE_TEXT))
        return NULL;
    return pm_document_path(c->document, value);
}

static void read_paths(struct pm_case *c, const struct pm_node *root)
{
    const struct pm_node *rules = pm_node_get(root, "rules"), *in = pm_node_get(root, "in");
    c->usual_rules = pm_case_path(c, "rules.json");
    c->rules = rules == NULL ? c->usual_rules : path_of(c, rules);
    if (in != NULL)
        c->in = path_of(c, in);
    else
        find_input(c, root);
}

static bool read_ignored(struct pm_case *c, const struct pm_node *list)
{
    const char *name;
    if (list == NULL || !pm_document_filled(c->document, list, PM_NODE_LIST))
        return true;
    c->ignored = calloc(pm_node_count(list), sizeof *c->ignored);
    if (c->ignored == NULL)
        return false;
    for (const struct pm_node *field = pm_node_first(list); field != NULL;
         field = pm_node_next(field)) {
        if (!pm_document_text(c->document, field, &name))
            continue;
        if (!pm_field_is_known(name))
            pm_document_fail(c->document, field, "see pktmod test --help",
                             "\"%s\" is no field that test compares", name);
        c->ignored[c->ignored_count++] = name;
    }
    return true;
}

static bool read_case(struct pm_case *c, const struct pm_node *root)
{
    struct pm_document *d = c->document;
    if (!pm_document_expect(d, root, PM_NODE_OBJECT))
        return true;
    pm_document_keys(d, root, case_keys, "a case");
    const struct pm_node *shows = pm_document_member(d, root, "shows", "a case");
    if (shows != NULL && pm_document_filled(d, shows, PM_NODE_TEXT))
        pm_document_text(d, shows, &c->shows);
    read_paths(c, root);
    return read_ignored(c, pm_node_get(root, "ignore")) && read_runs(c, root);
}

struct pm_case *pm_case_load(const char *folder, FILE *complaints)
{
    struct pm_case *c = calloc(1, sizeof *c);
    char *path = NULL;
    bool good = c != NULL && (c->folder = strdup(folder)) != NULL &&
                (path = pm_case_path(c, PM_CASE_FILE)) != NULL &&
                (c->document = pm_document_load(path)) != NULL;
    const struct pm_node *root = good ? pm_document_root(c->document) : NULL;
    good = good && (root == NULL || read_case(c, root));
    free(path);
    if (!good)
        fputs("no memory\n", complaints);
    if (good && pm_document_error_count(c->document) == 0)
        return c;
    if (good)
        pm_document_print_text(c->document, complaints, false);
    pm_case_free(c);
    return NULL;
}

void pm_case_free(struct pm_case *c)
{
    if (c == NULL)
        return;
    for (size_t i = 0; i < c->run_count; i++)
        if (c->runs[i].options.local.prefixes != c->base.options.local.prefixes)
            pm_local_free(&c->runs[i].options.local);
    pm_local_free(&c->base.options.local);
    pm_document_free(c->document);
    free(c->runs);
    free(c->ignored);
    free(c->usual_rules);
    free(c->usual_in);
    free(c->folder);
    free(c);
}
