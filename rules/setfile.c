/* setfile.c - the values of a set, one on each line of a file. */
#include "setfile.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "diagnostic.h"
#include "expect.h"
#include "file.h"

#define FAULTS_MAX 20u /* told for each file */

struct reading {
    struct load *load;
    const struct set *set;
    FILE *in;
    const char *path;
    uint32_t order;
    size_t line, values, faults;
    char text[PMR_SET_LINE_MAX + 1];
    size_t len;
    bool is_too_long;
};

/* Reads a line without its end; false: there is none. Longer ones are cut. */
static bool next_line(struct reading *r)
{
    int c = getc_unlocked(r->in);

    if (c == EOF)
        return false;
    r->len = 0;
    r->is_too_long = false;
    for (; c != EOF && c != '\n'; c = getc_unlocked(r->in)) {
        if (r->len < PMR_SET_LINE_MAX)
            r->text[r->len++] = (char)c;
        else
            r->is_too_long = true;
    }
    r->text[r->len] = '\0';
    r->line++;
    return true;
}

static void fault(struct reading *r, const char *part, enum code code, const char *hint,
                  const char *what)
{
    struct line_of where = {.path = r->path,
                            .order = r->order,
                            .line = r->line,
                            .text = r->text,
                            .len = r->len,
                            .start = (size_t)(part - r->text),
                            .span = strlen(part)};
    struct load *l = r->load;

    if (++r->faults > FAULTS_MAX)
        return;
    if (hint != NULL)
        hint = hint[0] == '\0' ? NULL : pmr_text(&l->rules->memory, "%s", hint);
    pmr_fail_line(l, &where, code, hint, "%s", what);
}

/* Cuts space and comments off; what is left begins at the answer. */
static char *value_of(struct reading *r, char copy[PMR_SET_LINE_MAX + 1])
{
    bool has_comments = r->set->type != SET_STRING && r->set->type != SET_BYTES;
    size_t begin = 0, end = r->len;

    memcpy(copy, r->text, r->len + 1);
    begin = strspn(copy, " \t\r");
    if (copy[begin] == '#')
        end = begin;
    else if (has_comments)
        end = begin + strcspn(copy + begin, "#");
    while (end > begin && strchr(" \t\r", copy[end - 1]) != NULL)
        end--;
    copy[end] = '\0';
    return copy + begin;
}

static bool parse_bytes(const char *text, uint8_t *room, struct pm_value *out, struct complaint *c)
{
    size_t len = 0;

    if (strncmp(text, "hex:", 4) != 0 && strncmp(text, "base64:", 7) != 0)
        return pmr_set_parse(SET_BYTES, text, out, c);
    if (text[0] == 'h' ? !pmr_parse_hex(text + 4, room, &len, c)
                       : !pmr_parse_base64(text + 7 + strspn(text + 7, " \t"), room, &len, c))
        return false;
    if (len == 0) {
        c->code = CODE_EMPTY;
        strcpy(c->text, "a byte string to look for may not be empty");
        return false;
    }
    *out = (struct pm_value){.kind = PM_VALUE_BYTES,
                             .bytes = {.bytes = room, .len = (uint32_t)len, .depth = PM_NO_LIMIT}};
    return true;
}

static void take_line(struct reading *r)
{
    char copy[PMR_SET_LINE_MAX + 1];
    uint8_t room[PMR_SET_LINE_MAX + 1];
    const char *text = value_of(r, copy);
    const char *part = r->text + (text - copy);
    struct complaint c = {.text = ""};
    struct pm_value value;
    bool is_good;

    if (text[0] == '\0' && strlen(r->text) == r->len)
        return;
    r->values++;
    if (r->is_too_long || strlen(r->text) != r->len) {
        fault(r, r->text, CODE_SET_FILE, NULL,
              r->is_too_long ? "the line is longer than 4096 bytes" : "the line holds a NUL byte");
        return;
    }
    is_good = r->set->type == SET_BYTES ? parse_bytes(text, room, &value, &c)
                                        : pmr_set_parse(r->set->type, text, &value, &c);
    if (is_good)
        pmr_set_put(r->load, r->set, &value);
    else
        fault(r, part, c.code, c.hint, c.text);
}

static void read_lines(struct reading *r, const struct node *path)
{
    while (next_line(r))
        take_line(r);
    if (ferror(r->in))
        pmr_fail(r->load, path, CODE_SET_FILE, NULL, "%s: %s", pmr_quote(r->path).text,
                 strerror(errno));
    else if (r->faults > FAULTS_MAX)
        pmr_fail(r->load, path, CODE_SET_FILE, NULL, "%zu more lines of %s are wrong",
                 r->faults - FAULTS_MAX, pmr_quote(r->path).text);
    else if (r->values == 0)
        pmr_fail(r->load, path, CODE_EMPTY, NULL, "%s has no values", pmr_quote(r->path).text);
}

static bool is_plain_file(FILE *in)
{
    struct stat status;

    return fstat(fileno(in), &status) == 0 && S_ISREG(status.st_mode);
}

void pmr_setfile_read(struct load *l, const struct set *set, const struct node *path)
{
    struct reading r = {.load = l, .set = set, .order = l->opened};

    if (!pmr_expect_filled(l, path, NODE_STRING))
        return;
    if (!l->may_open) {
        pmr_fail(l, path, CODE_NO_FILES, NULL,
                 "text that is not in a file may not name other files");
        return;
    }
    r.path = pmr_file_path(l, path);
    r.path = r.path == NULL ? NULL : pmr_memory_copy(&l->rules->memory, r.path, strlen(r.path));
    if (r.path == NULL)
        return;
    l->opened++;
    r.in = fopen(r.path, "rb");
    if (r.in == NULL) {
        pmr_fail(l, path, CODE_SET_FILE, NULL, "%s: %s", pmr_quote(r.path).text, strerror(errno));
        return;
    }
    if (is_plain_file(r.in))
        read_lines(&r, path);
    else
        pmr_fail(l, path, CODE_SET_FILE, NULL, "%s is no plain file", pmr_quote(r.path).text);
    fclose(r.in);
}
