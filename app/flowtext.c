/* flowtext.c - packets from a few lines of text: statements, one in a line.
 *
 *     start step wait link interface frame      of the whole text
 *     tcp udp icmp NAME ADDR > ADDR ...         begin a conversation
 *     NAME open, NAME > ..., NAME < ...         make its packets
 */
#include "app/flowtext.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "app/flowreader.h"

/* 2026-01-01T00:00:00Z */
#define START_NS (UINT64_C(1767225600) * 1000000000u)
#define STEP_NS  UINT64_C(1000000)

/* ------------------------------------------------------------------ of the whole text */

static bool before_packets(struct pm_flow_reader *r, const char *what)
{
    if (r->list->count == 0)
        return true;
    pm_flow_fail_before(r->line, NULL, "%s stands before the first packet", what);
    return false;
}

static bool take_start(struct pm_flow_reader *r)
{
    return before_packets(r, "\"start\"") && pm_flow_time(r->line, &r->clock.now_ns);
}

static bool take_step(struct pm_flow_reader *r)
{
    return pm_flow_duration(r->line, &r->clock.step_ns);
}

static bool take_wait(struct pm_flow_reader *r)
{
    uint64_t wait_ns;
    if (!pm_flow_duration(r->line, &wait_ns))
        return false;
    r->clock.now_ns += wait_ns;
    return true;
}

static bool take_link(struct pm_flow_reader *r)
{
    static const char *const words[] = {"ethernet", "raw", NULL};
    if (!before_packets(r, "\"link\""))
        return false;
    if (r->talk_count > 0) {
        pm_flow_fail_before(r->line, NULL, "\"link\" stands before the first conversation");
        return false;
    }
    if (pm_flow_take(r->line, "ethernet"))
        r->list->link = PM_CRAFT_ETHERNET;
    else if (pm_flow_take(r->line, "raw"))
        r->list->link = PM_CRAFT_RAW;
    else
        pm_flow_expected(r->line, "\"ethernet\" or \"raw\"", words);
    return r->line->at == 2;
}

static bool take_interface(struct pm_flow_reader *r)
{
    char name[PM_FLOW_NAME];
    if (!pm_flow_name(r->line, name))
        return false;
    if (pm_packetlist_interface(r->list, name, &r->interface))
        return true;
    pm_flow_fail_before(r->line, NULL, "there are at most %u interfaces", PM_PACKETLIST_INTERFACES);
    return false;
}

static bool take_dir(struct pm_flow_reader *r, enum pm_dir *dir)
{
    static const char *const words[] = {"in", "out", NULL};
    *dir = PM_DIR_UNKNOWN;
    if (pm_flow_take(r->line, "in"))
        *dir = PM_DIR_IN;
    else if (pm_flow_take(r->line, "out"))
        *dir = PM_DIR_OUT;
    else if (!pm_flow_is_data(r->line))
        pm_flow_expected(r->line, "\"in\", \"out\" or data", words);
    return *dir != PM_DIR_UNKNOWN || pm_flow_is_data(r->line);
}

static bool take_frame(struct pm_flow_reader *r)
{
    struct pm_flow_bytes bytes = {.at = NULL};
    struct pm_listed what = {.time_ns = r->clock.now_ns, .interface = r->interface};
    bool good = take_dir(r, &what.dir) && pm_flow_data(r->line, r->folder, &bytes);
    if (good && bytes.len > PM_CRAFT_FRAME_LEN) {
        pm_flow_fail_before(r->line, NULL, "a frame has at most %u bytes", PM_CRAFT_FRAME_LEN);
        good = false;
    }
    if (good) {
        what.len = what.wire_len = (uint32_t)bytes.len;
        pm_packetlist_add(r->list, &what, bytes.at);
        r->clock.now_ns += r->clock.step_ns;
    }
    free(bytes.at);
    return good;
}

/* ------------------------------------------------------------------ statements */

static const struct {
    const char *word;
    bool (*take)(struct pm_flow_reader *r);
} statements[] = {
    {"start", take_start}, {"step", take_step},           {"wait", take_wait},
    {"link", take_link},   {"interface", take_interface}, {"frame", take_frame},
};

#define STATEMENT_COUNT (sizeof statements / sizeof statements[0])

static void unknown(struct pm_flow_reader *r)
{
    const char *words[STATEMENT_COUNT + 4] = {"tcp", "udp", "icmp"};
    for (size_t i = 0; i < STATEMENT_COUNT; i++)
        words[3 + i] = statements[i].word;
    for (unsigned i = 0; i < r->talk_count; i++)
        if (pm_flow_word_is(r->line, r->talks[i].name))
            return; /* its own line is wrong, and told */
    pm_flow_expected(r->line, "a statement, or the name of a conversation", words);
}

static bool take_statement(struct pm_flow_reader *r)
{
    for (size_t i = 0; i < STATEMENT_COUNT; i++)
        if (pm_flow_take(r->line, statements[i].word))
            return statements[i].take(r);
    if (pm_flow_take(r->line, "tcp"))
        return pm_flow_take_talk(r, PM_CRAFT_TCP);
    if (pm_flow_take(r->line, "udp"))
        return pm_flow_take_talk(r, PM_CRAFT_UDP);
    if (pm_flow_take(r->line, "icmp"))
        return pm_flow_take_talk(r, PM_CRAFT_ICMP);
    for (unsigned i = 0; i < r->talk_count; i++)
        if (!r->talks[i].is_bad && pm_flow_take(r->line, r->talks[i].name))
            return pm_flow_take_packets(r, &r->talks[i]);
    unknown(r);
    return false;
}

/* False: there is no sense in reading on. */
static bool take_line(struct pm_flow_reader *r)
{
    struct pm_flow_line *line = r->line;
    if (!pm_flow_line_cut(line) || pm_flow_line_ends(line))
        return true;
    if (take_statement(r) && !pm_flow_line_ends(line))
        pm_flow_expected(line, "the end of the line", NULL);
    if (!r->list->is_full)
        return true;
    line->at = 0;
    pm_flow_fail(line, NULL, "this makes more than %zu packets, or 256 MiB of them",
                 PM_PACKETLIST_MAX);
    return false;
}

static bool lacks_memory(const struct pm_flow_reader *r)
{
    bool lacks = r->list->no_memory;
    for (unsigned i = 0; i < r->talk_count; i++)
        lacks = lacks || r->talks[i].talk.no_memory;
    return lacks;
}

static void take_lines(struct pm_flow_reader *r, const char *text, size_t len)
{
    struct pm_flow_line *line = r->line;
    for (size_t at = 0; at < len;) {
        const char *end = memchr(text + at, '\n', len - at);
        size_t line_len = end == NULL ? len - at : (size_t)(end - text) - at;
        line->text = text + at;
        line->len = line_len > 0 && text[at + line_len - 1] == '\r' ? line_len - 1 : line_len;
        line->number++;
        if (!take_line(r))
            return;
        at += line_len + 1;
    }
}

/* ------------------------------------------------------------------ the door */

static size_t fail_whole(const char *name, const char *why, FILE *errors)
{
    if (errors != NULL)
        fprintf(errors, "%s: error: %s\n", name, why);
    return 1;
}

size_t pm_flowtext_read(const char *name, const char *folder, const char *text, size_t len,
                        struct pm_packetlist *list, FILE *errors)
{
    struct pm_flow_line *line = calloc(1, sizeof *line);
    struct pm_flow_reader r = {.line = line,
                               .folder = folder,
                               .talks = calloc(PM_FLOW_TALKS, sizeof *r.talks),
                               .list = list,
                               .clock = {.now_ns = START_NS, .step_ns = STEP_NS}};
    size_t count = 1;
    list->link = PM_CRAFT_ETHERNET;
    if (line != NULL && r.talks != NULL && len <= PM_FLOWTEXT_MAX) {
        line->name = name;
        line->errors = errors;
        take_lines(&r, text, len);
        count = line->error_count;
        if (count > PM_FLOW_ERRORS && errors != NULL)
            fprintf(errors, "%s: %zu more errors are not shown\n", name, count - PM_FLOW_ERRORS);
        if (count == 0 && lacks_memory(&r))
            count = fail_whole(name, "no memory", errors);
    } else {
        fail_whole(name, len > PM_FLOWTEXT_MAX ? "the text is larger than 16 MiB" : "no memory",
                   errors);
    }
    for (unsigned i = 0; i < r.talk_count; i++)
        pm_talk_free(&r.talks[i].talk);
    free(r.talks);
    free(line);
    return count;
}

static char *read_all(FILE *in, size_t *len)
{
    char *text = malloc(PM_FLOWTEXT_MAX + 1);
    if (text == NULL)
        return NULL;
    *len = fread(text, 1, PM_FLOWTEXT_MAX + 1, in);
    return text;
}

static size_t load(const char *path, FILE *in, struct pm_packetlist *list, FILE *errors)
{
    size_t len = 0, count;
    char *text = read_all(in, &len), *folder = strdup(path);
    const char *slash = strrchr(path, '/');
    if (text != NULL && folder != NULL && !ferror(in)) {
        folder[slash == NULL ? 0 : slash == path ? 1 : slash - path] = '\0';
        count = pm_flowtext_read(path, folder, text, len, list, errors);
    } else {
        count = fail_whole(path, ferror(in) ? strerror(errno) : "no memory", errors);
    }
    free(folder);
    free(text);
    return count;
}

size_t pm_flowtext_load(const char *path, struct pm_packetlist *list, FILE *errors)
{
    if (strcmp(path, "-") == 0)
        return load(path, stdin, list, errors);
    FILE *in = fopen(path, "rb");
    if (in == NULL)
        return fail_whole(path, strerror(errno), errors);
    size_t count = load(path, in, list, errors);
    fclose(in);
    return count;
}
