/* shrunken.c - the folder that a case is shrunk into. */
#include "app/shrunken.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/input.h"
#include "app/test_case.h"
#include "app/text.h"
#include "app/whole.h"

static char *joined(const char *a, const char *between, const char *b)
{
    struct pm_text text = {0};
    pm_text_add(&text, "%s%s%s", a, between, b);
    return text.at;
}

static enum pm_exit cannot(const char *path, const char *what)
{
    return pm_complain(PM_EXIT_BAD_INPUT, "%s: cannot be %s: %s", path, what, strerror(errno));
}

bool pm_shrunken_is_case(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* ------------------------------------------------------------------ copying */

/* Behind the string that begins at p, a quote. */
static const char *behind_string(const char *p)
{
    for (p++; *p != '\0' && *p != '"'; p++)
        if (*p == '\\' && p[1] != '\0')
            p++;
    return *p == '"' ? p + 1 : p;
}

/* Where the value of the outermost "in" begins, a quote; NULL: there is none. */
static const char *value_of_in(const char *json)
{
    unsigned depth = 0;
    for (const char *p = json; *p != '\0';) {
        if (*p == '"') {
            const char *end = behind_string(p);
            bool is_in = depth == 1 && end - p == 4 && memcmp(p, "\"in\"", 4) == 0;
            p = end;
            if (!is_in)
                continue;
            p += strspn(p, " \t\r\n");
            if (*p != ':')
                continue;
            p++;
            p += strspn(p, " \t\r\n");
            return *p == '"' ? p : NULL;
        }
        depth += *p == '{' || *p == '[';
        depth -= *p == '}' || *p == ']';
        p++;
    }
    return NULL;
}

/* case.json, which names the capture as it is called here, if it names one. */
static bool put_case_file(const char *path, const struct pm_whole *file, const char *in)
{
    const char *value = value_of_in(file->bytes);
    if (value == NULL)
        return pm_whole_write(path, file->bytes, file->len);
    struct pm_text text = {0};
    pm_text_add(&text, "%.*s\"%s\"%s", (int)(value - file->bytes), file->bytes, in,
                behind_string(value));
    bool good = !text.no_memory && pm_whole_write(path, pm_text_of(&text), text.len);
    pm_text_free(&text);
    return good;
}

static bool is_capture(const char *name)
{
    return strncmp(name, "in.", 3) == 0;
}

/* A plain file of the case; what is none is left out. */
static bool copy(const struct pm_shrunken *s, const char *from_folder, const char *name)
{
    char *from = joined(from_folder, "/", name), *to = joined(s->folder, "/", name);
    struct pm_whole file = {0};
    struct stat status;
    bool good = from != NULL && to != NULL && stat(from, &status) == 0;
    if (good && S_ISREG(status.st_mode) && !is_capture(name)) {
        good = pm_whole_read(from, &file);
        if (good && strcmp(name, PM_CASE_FILE) == 0)
            good = put_case_file(to, &file, strrchr(s->out, '/') + 1);
        else if (good)
            good = pm_whole_write(to, file.bytes, file.len);
    }
    if (!good)
        cannot(from == NULL ? name : from, "copied");
    free(file.bytes);
    free(from);
    free(to);
    return good;
}

static bool copy_all(const struct pm_shrunken *s, const char *from_folder)
{
    char **names;
    size_t count = pm_folder_names(from_folder, &names);
    bool good = true;
    for (size_t i = 0; i < count; i++) {
        good = good && copy(s, from_folder, names[i]);
        free(names[i]);
    }
    if (count > 0)
        free(names);
    return good;
}

/* ------------------------------------------------------------------ making */

static const char *suffix_of(const char *path)
{
    struct pm_capture *capture = pm_input_open(path, stderr);
    bool is_pcap = capture != NULL && pm_capture_error(capture) == NULL &&
                   pm_capture_format(capture) == PM_FORMAT_PCAP;
    pm_capture_close(capture);
    return is_pcap ? "in.pcap" : "in.pcapng";
}

static char *without_slash(const char *folder)
{
    size_t len = strlen(folder);
    while (len > 1 && folder[len - 1] == '/')
        len--;
    return strndup(folder, len);
}

static enum pm_exit make(struct pm_shrunken *s, const char *folder, const struct pm_case *c)
{
    s->folder = joined(folder, ".", "shrunk");
    s->in = strdup(c->in);
    s->rules = strdup(c->rules);
    s->failure =
        mmap(NULL, sizeof *s->failure, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANON, -1, 0);
    if (s->failure == MAP_FAILED)
        s->failure = NULL;
    s->out = s->folder == NULL || s->in == NULL ? NULL : joined(s->folder, "/", suffix_of(s->in));
    if (s->failure == NULL || s->out == NULL || s->rules == NULL)
        return pm_complain(PM_EXIT_INTERNAL, "shrink: no memory");
    if (mkdir(s->folder, 0777) != 0 && errno == EEXIST)
        return pm_complain(PM_EXIT_BAD_INPUT, "%s: is there already; remove it first", s->folder);
    s->is_made = access(s->folder, W_OK) == 0;
    if (!s->is_made)
        return cannot(s->folder, "made");
    return copy_all(s, folder) ? PM_EXIT_GOOD : PM_EXIT_BAD_INPUT;
}

enum pm_exit pm_shrunken_make(struct pm_shrunken *s, const char *folder)
{
    char *plain = without_slash(folder);
    struct pm_case *c = plain == NULL ? NULL : pm_case_load(plain, stderr);
    enum pm_exit code = c == NULL ? PM_EXIT_BAD_INPUT : make(s, plain, c);
    pm_case_free(c);
    free(plain);
    return code;
}

void pm_shrunken_undo(struct pm_shrunken *s)
{
    char **names;
    size_t count = s->is_made ? pm_folder_names(s->folder, &names) : 0;
    for (size_t i = 0; i < count; i++) {
        char *path = joined(s->folder, "/", names[i]);
        if (path != NULL)
            unlink(path);
        free(path);
        free(names[i]);
    }
    if (count > 0)
        free(names);
    if (s->is_made)
        rmdir(s->folder);
    s->is_made = false;
}

void pm_shrunken_free(struct pm_shrunken *s)
{
    if (s->failure != NULL)
        munmap(s->failure, sizeof *s->failure);
    free(s->folder);
    free(s->in);
    free(s->out);
    free(s->rules);
}

/* ------------------------------------------------------------------ telling */

static void describe(const struct pm_shrunken *s, const uint8_t *keeps, struct pm_text *text)
{
    const struct pm_shrink_failure *f = s->failure;
    if (!f->is_known) {
        pm_text_add(text, "the run crashes, or takes too long\n");
    } else if (f->kind == PM_SHRINK_FINDING) {
        pm_text_add(text, "pktmod verify finds %s, %s: %s\n", f->thing, f->flow, f->got);
        pm_text_add(text, "next: pktmod replay %s -r %s -w OUT; pktmod verify OUT --baseline %s\n",
                    s->rules, s->out, s->out);
    } else {
        uint64_t frame = pm_shrink_frame_in(keeps, f->frame);
        pm_text_add(text, "frame %" PRIu64 ", which was frame %" PRIu64 ", differs in: %s\n", frame,
                    f->frame, f->thing);
        pm_text_add(text, "  expected %s\n  got      %s\n", f->expected, f->got);
        pm_text_add(text, "next: pktmod explain %s -r %s --frame %" PRIu64 "\n", s->rules, s->out,
                    frame);
    }
}

enum pm_exit pm_shrunken_tell(const struct pm_shrunken *s, const uint8_t *keeps)
{
    struct pm_text text = {0};
    char *path = joined(s->folder, "/", "failure.txt");
    enum pm_exit code = PM_EXIT_GOOD;
    describe(s, keeps, &text);
    fputs(pm_text_of(&text), stdout);
    if (path == NULL || text.no_memory)
        code = pm_complain(PM_EXIT_INTERNAL, "shrink: no memory");
    else if (!pm_whole_write(path, pm_text_of(&text), text.len))
        code = cannot(path, "written");
    free(path);
    pm_text_free(&text);
    return code;
}
