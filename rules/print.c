/* print.c - diagnostics as text for people and as JSON for editors. */
#include <string.h>

#include "load.h"
#include "utf8.h"

/* Columns of a source line that are shown; of longer lines the part around the caret. */
#define SHOWN_COLUMNS 160u

/* ------------------------------------------------------------------ text */

struct colours {
    const char *error, *warning, *bold, *caret, *off;
};

static struct colours colours_of(bool colour)
{
    if (colour)
        return (struct colours){.error = "\033[1;31m",
                                .warning = "\033[1;35m",
                                .bold = "\033[1m",
                                .caret = "\033[1;32m",
                                .off = "\033[0m"};
    return (struct colours){.error = "", .warning = "", .bold = "", .caret = "", .off = ""};
}

/* Text of others may hold control characters; a terminal shall not see them. */
static void print_plain(const char *text, FILE *out)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;

        putc(c < 0x20 || c == 0x7f ? '?' : c, out);
    }
}

/* The part of a line that is shown: bytes from begin to end, of which the caret's stand from
 * caret to caret_end. */
struct window {
    size_t begin, caret, caret_end, end;
};

static size_t bytes_of(const char *line, size_t len, size_t from, size_t characters)
{
    while (characters-- > 0 && from < len)
        from += pmr_utf8_step(line + from, len - from, NULL);
    return from;
}

static struct window window_of(const struct pm_diagnostic *d)
{
    const char *line = d->source_line;
    size_t len = strlen(line), before = d->source_column - 1;
    struct window w = {.caret = bytes_of(line, len, 0, before)};
    size_t span = d->span < SHOWN_COLUMNS / 2 ? d->span : SHOWN_COLUMNS / 2;

    w.caret_end = bytes_of(line, len, w.caret, span);
    if (bytes_of(line, len, 0, SHOWN_COLUMNS) == len || w.caret_end < SHOWN_COLUMNS / 2)
        w.begin = 0;
    else if (before > SHOWN_COLUMNS / 3)
        w.begin = bytes_of(line, len, 0, before - SHOWN_COLUMNS / 3);
    w.end = bytes_of(line, len, w.begin, SHOWN_COLUMNS);
    return w;
}

/* Prints the characters, or what takes the same room: a tab for a tab, `fill` for all others. */
static void print_room(const char *text, size_t len, char fill, FILE *out)
{
    for (size_t at = 0; at < len;) {
        uint32_t code;
        unsigned width;

        at += pmr_utf8_step(text + at, len - at, &code);
        width = code == '\t' ? 0 : pmr_utf8_width(code);
        if (code == '\t')
            putc('\t', out);
        while (width-- > 0)
            putc(fill, out);
    }
}

static void print_line(const char *text, size_t len, FILE *out)
{
    for (size_t at = 0; at < len; at++) {
        unsigned char c = (unsigned char)text[at];

        putc((c < 0x20 && c != '\t') || c == 0x7f ? '?' : c, out);
    }
}

static void print_source(const struct pm_diagnostic *d, const struct colours *c, FILE *out)
{
    const char *line = d->source_line;
    struct window w = window_of(d);
    const char *dots = w.begin > 0 || d->source_column != d->column ? "..." : "";
    size_t first = bytes_of(line, w.caret_end, w.caret, 1);

    fprintf(out, "%5zu | %s", d->line, dots);
    print_line(line + w.begin, w.end - w.begin, out);
    fprintf(out, "%s\n      | %*s", w.end < strlen(line) ? "..." : "", (int)strlen(dots), "");
    print_room(line + w.begin, w.caret - w.begin, ' ', out);
    fprintf(out, "%s^", c->caret);
    /* a wide first character takes more than the caret */
    if (first > w.caret) {
        uint32_t code;

        pmr_utf8_step(line + w.caret, first - w.caret, &code);
        if (code != '\t' && pmr_utf8_width(code) == 2)
            putc('~', out);
        print_room(line + first, w.caret_end - first, '~', out);
    }
    fputs(c->off, out);
    if (d->suggestion != NULL) {
        putc(' ', out);
        print_plain(d->suggestion, out);
    }
    putc('\n', out);
}

/* A packet in a line of its own, so that it can be taken as it stands. */
static void print_witness(const struct pm_diagnostic *d, FILE *out)
{
    if (d->witness == NULL)
        return;
    fputs("      = packet: ", out);
    print_plain(d->witness, out);
    putc('\n', out);
}

static void print_diagnostic(const struct pm_diagnostic *d, const struct colours *c, FILE *out)
{
    bool is_error = d->severity == PM_SEVERITY_ERROR;

    fputs(c->bold, out);
    if (d->file[0] != '\0') {
        print_plain(d->file, out);
        fprintf(out, ":%zu:%zu: ", d->line, d->column);
    }
    fprintf(out, "%s%s%s %s: ", is_error ? c->error : c->warning, is_error ? "error" : "warning",
            c->off, d->code);
    print_plain(d->message, out);
    putc('\n', out);
    if (d->source_line != NULL) {
        print_source(d, c, out);
    } else if (d->suggestion != NULL) {
        fputs("      | ", out);
        print_plain(d->suggestion, out);
        putc('\n', out);
    }
    print_witness(d, out);
}

static size_t shown(const struct pm_rules *rules, enum pm_severity severity)
{
    size_t count = 0;

    for (size_t i = 0; i < pm_rules_diagnostic_count(rules); i++)
        count += pm_rules_diagnostic(rules, i)->severity == severity;
    return count;
}

void pm_rules_print_text(const struct pm_rules *rules, FILE *out, bool colour)
{
    struct colours c = colours_of(colour);
    size_t hidden = rules->error_count - shown(rules, PM_SEVERITY_ERROR);

    for (size_t i = 0; i < pm_rules_diagnostic_count(rules); i++)
        print_diagnostic(pm_rules_diagnostic(rules, i), &c, out);
    if (hidden > 0)
        fprintf(out, "%zu more errors are not shown\n", hidden);
    hidden = rules->warning_count - shown(rules, PM_SEVERITY_WARNING);
    if (hidden > 0)
        fprintf(out, "%zu more warnings are not shown\n", hidden);
}

/* ------------------------------------------------------------------ JSON */

static void print_string(const char *text, FILE *out)
{
    size_t len = strlen(text), step;

    putc('"', out);
    for (size_t at = 0; at < len; at += step) {
        uint32_t code;

        step = pmr_utf8_step(text + at, len - at, &code);
        if (code == PMR_UTF8_BROKEN)
            fputs("\\ufffd", out);
        else if (code == '"' || code == '\\')
            fprintf(out, "\\%c", (char)code);
        else if (code < 0x20 || code == 0x7f)
            fprintf(out, "\\u%04x", (unsigned)code);
        else
            fwrite(text + at, 1, step, out);
    }
    putc('"', out);
}

static void print_member(const char *key, const char *text, FILE *out)
{
    fprintf(out, ",\n     \"%s\": ", key);
    if (text == NULL)
        fputs("null", out);
    else
        print_string(text, out);
}

static void print_json_diagnostic(const struct pm_diagnostic *d, FILE *out)
{
    fprintf(out, "    {\"severity\": \"%s\", \"code\": \"%s\"",
            d->severity == PM_SEVERITY_ERROR ? "error" : "warning", d->code);
    print_member("file", d->file, out);
    fprintf(out, ", \"line\": %zu, \"column\": %zu, \"span\": %zu", d->line, d->column, d->span);
    print_member("pointer", d->pointer, out);
    print_member("message", d->message, out);
    print_member("suggestion", d->suggestion, out);
    print_member("source_line", d->source_line, out);
    if (d->source_line != NULL)
        fprintf(out, ", \"source_column\": %zu", d->source_column);
    if (d->related_file != NULL) {
        fputs(",\n     \"related\": {\"file\": ", out);
        print_string(d->related_file, out);
        fprintf(out, ", \"line\": %zu}", d->related_line);
    }
    if (d->witness != NULL)
        fprintf(out, ",\n     \"witness\": %s", d->witness);
    putc('}', out);
}

void pm_rules_print_json(const struct pm_rules *rules, FILE *out)
{
    size_t count = pm_rules_diagnostic_count(rules);

    fprintf(out, "{\"errors\": %zu, \"warnings\": %zu,\n \"diagnostics\": [", rules->error_count,
            rules->warning_count);
    for (size_t i = 0; i < count; i++) {
        fputs(i == 0 ? "\n" : ",\n", out);
        print_json_diagnostic(pm_rules_diagnostic(rules, i), out);
    }
    putc(']', out);
    for (size_t i = 0; i < rules->note_count; i++) {
        fputs(i == 0 ? ",\n \"notes\": [\n    " : ",\n    ", out);
        print_string(rules->notes[i], out);
    }
    fputs(rules->note_count > 0 ? "]}\n" : "}\n", out);
}
