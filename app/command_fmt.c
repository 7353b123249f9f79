/* command_fmt.c - pktmod fmt: rule files in their canonical layout. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pktmod/version.h>

#include "app/arguments.h"
#include "app/command.h"
#include "app/whole.h"
#include "rules/document.h"

enum { OPT_CHECK, OPT_HELP, OPT_VERSION };

static const struct pm_option options[] = {
    [OPT_CHECK] = {"check", 0, false},
    [OPT_HELP] = {"help", 'h', false},
    [OPT_VERSION] = {"version", 'V', false},
};

static const char help[] =
    "usage: pktmod fmt [--check] RULES...\n\n"
    "Lays rule files out in the one canonical way, in place: two spaces for each step in, on one\n"
    "line what fits in 100 characters, the keys of rules in the order of the manual. Rules, "
    "fields\n"
    "and values keep their order, numbers their digits, and empty lines between rules stay. What\n"
    "the rules mean does not change. A file that is no JSON is left as it is, and told why. - is\n"
    "standard input, and goes to standard output.\n\n"
    "  --check  changes nothing, names the files that are laid out otherwise\n\n"
    "exit: 0 good, 1 --check: a file is laid out otherwise, 2 a file is no JSON, or cannot be "
    "read\n"
    "or written\n";

struct fmt {
    bool only_checks, is_told;
    size_t files;
};

static bool is_stdin(const char *path)
{
    return strcmp(path, "-") == 0;
}

/* NULL: complained. */
static struct pm_document *read_stdin(void)
{
    struct pm_whole whole;
    if (!pm_whole_take(stdin, &whole)) {
        pm_complain(PM_EXIT_BAD_INPUT, "standard input cannot be read: %s", strerror(errno));
        return NULL;
    }
    struct pm_document *document = pm_document_load_text("<stdin>", whole.bytes, whole.len);
    free(whole.bytes);
    if (document == NULL)
        pm_complain(PM_EXIT_INTERNAL, "fmt: no memory");
    return document;
}

static enum pm_exit put(const char *path, const char *text, size_t len, bool is_same)
{
    if (is_stdin(path)) {
        fwrite(text, 1, len, stdout);
        return PM_EXIT_GOOD;
    }
    if (is_same)
        return PM_EXIT_GOOD;
    if (!pm_whole_replace(path, text, len))
        return pm_complain(PM_EXIT_BAD_INPUT, "%s: cannot be written: %s", path, strerror(errno));
    printf("%s: formatted\n", path);
    return PM_EXIT_GOOD;
}

static enum pm_exit format(const struct fmt *fmt, const char *path,
                           const struct pm_document *document)
{
    size_t len = 0, source_len = 0;
    const char *source = pm_document_source(document, &source_len);
    char *text = pm_document_canonical(document, &len);
    enum pm_exit code = PM_EXIT_GOOD;
    if (text == NULL || source == NULL) {
        free(text);
        return pm_complain(PM_EXIT_INTERNAL, "%s: no memory", path);
    }
    bool is_same = len == source_len && memcmp(text, source, len) == 0;
    if (!fmt->only_checks) {
        code = put(path, text, len, is_same);
    } else if (!is_same) {
        printf("%s: not in canonical layout; pktmod fmt would change it\n", path);
        code = PM_EXIT_DIFFERS;
    }
    free(text);
    return code;
}

static enum pm_exit format_file(struct fmt *fmt, const char *path)
{
    fmt->files++;
    struct pm_document *document = is_stdin(path) ? read_stdin() : pm_document_load(path);
    if (document == NULL)
        return PM_EXIT_BAD_INPUT;
    enum pm_exit code = PM_EXIT_BAD_INPUT;
    size_t errors = pm_document_error_count(document);
    if (errors == 0 && pm_document_root(document) != NULL)
        code = format(fmt, path, document);
    pm_document_print_text(document, stderr, pm_colour_wanted(stderr));
    if (errors > 0)
        fprintf(stderr, "%s: %zu error%s; left as it is\n", path, errors, errors == 1 ? "" : "s");
    pm_document_free(document);
    return code;
}

/* Options count wherever they stand, so they are read before the first file. */
static enum pm_exit read_options(struct fmt *fmt, struct pm_arguments arguments)
{
    const char *value;
    for (;;) {
        switch (pm_arguments_next(&arguments, &value)) {
        case OPT_CHECK:
            fmt->only_checks = true;
            break;
        case OPT_HELP:
            fputs(help, stdout);
            fmt->is_told = true;
            return PM_EXIT_GOOD;
        case OPT_VERSION:
            printf("pktmod %s\n", pm_version());
            fmt->is_told = true;
            return PM_EXIT_GOOD;
        case PM_ARGUMENT_WORD:
            break;
        case PM_ARGUMENT_END:
            return PM_EXIT_GOOD;
        default:
            return PM_EXIT_BAD_INPUT;
        }
    }
}

enum pm_exit pm_command_fmt(int argc, char *const argv[])
{
    struct fmt fmt = {.files = 0};
    struct pm_arguments arguments = {.command = "fmt",
                                     .options = options,
                                     .option_count = sizeof options / sizeof options[0],
                                     .argv = argv,
                                     .argc = argc,
                                     .at = 1};
    enum pm_exit worst = read_options(&fmt, arguments);
    if (worst != PM_EXIT_GOOD || fmt.is_told)
        return worst;
    const char *value;
    int found;
    while ((found = pm_arguments_next(&arguments, &value)) != PM_ARGUMENT_END) {
        enum pm_exit code = found == PM_ARGUMENT_WORD ? format_file(&fmt, value) : PM_EXIT_GOOD;
        worst = code > worst ? code : worst;
    }
    if (fmt.files == 0)
        return pm_complain(PM_EXIT_BAD_INPUT,
                           "fmt: no rule file named; usage: pktmod fmt [--check] RULES...");
    return worst;
}
