/* diagnostic.c - telling the author what is wrong, and where. */
#include "diagnostic.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "utf8.h"

#define OFFERS_MAX 200000u /* names compared in one load; without an end that could take long */

static char *text_of(struct memory *m, const char *format, va_list list)
{
    va_list again;
    int len;
    char *text;

    va_copy(again, list);
    len = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (len < 0)
        return NULL;
    text = pmr_memory_take(m, (size_t)len + 1);
    if (text != NULL)
        vsnprintf(text, (size_t)len + 1, format, list);
    return text;
}

char *pmr_text(struct memory *m, const char *format, ...)
{
    va_list list;
    char *text;

    va_start(list, format);
    text = text_of(m, format, list);
    va_end(list);
    return text;
}

bool pmr_is_shown(const struct load *l)
{
    return l->rules->entry_count < PMR_SHOWN_MAX;
}

bool pmr_may_look(struct load *l, size_t count)
{
    if (!pmr_is_shown(l) || count > OFFERS_MAX - l->offers)
        return false;
    l->offers += (uint32_t)count;
    return true;
}

const char *pmr_did_you_mean(struct load *l, const char *best)
{
    return best == NULL ? NULL : pmr_text(&l->rules->memory, "did you mean \"%s\"?", best);
}

/* ------------------------------------------------------------------ quoting */

struct quote pmr_quote_bytes(const char *text, size_t len)
{
    struct quote quote;
    size_t used = 0, step;

    quote.text[used++] = '"';
    for (size_t at = 0; at < len; at += step) {
        uint32_t code;

        step = pmr_utf8_step(text + at, len - at, &code);
        if (used + step > sizeof quote.text - 6) {
            memcpy(quote.text + used, "...", 3);
            used += 3;
            break;
        }
        if (code < 0x20 || code == 0x7f || code == PMR_UTF8_BROKEN)
            quote.text[used] = '?';
        else
            memcpy(quote.text + used, text + at, step);
        used += code == PMR_UTF8_BROKEN ? 1 : step;
    }
    quote.text[used++] = '"';
    quote.text[used] = '\0';
    return quote;
}

struct quote pmr_quote(const char *text)
{
    return pmr_quote_bytes(text, strlen(text));
}

struct quote pmr_found(const struct node *n)
{
    struct quote quote = {.text = "null"};

    switch (pmr_node_kind(n)) {
    case NODE_NULL:
        break;
    case NODE_BOOL:
        snprintf(quote.text, sizeof quote.text, "%s", pmr_node_is_true(n) ? "true" : "false");
        break;
    case NODE_NUMBER:
        snprintf(quote.text, sizeof quote.text, "%.15g", pmr_node_number(n));
        break;
    case NODE_STRING:
        quote = pmr_quote(pmr_node_text(n));
        break;
    case NODE_LIST:
        snprintf(quote.text, sizeof quote.text, "a list");
        break;
    case NODE_OBJECT:
        snprintf(quote.text, sizeof quote.text, "an object");
        break;
    }
    return quote;
}

/* ------------------------------------------------------------------ keeping */

/* The line as text that can be printed: broken bytes become '?', one for one. */
static char *line_copy(struct memory *m, const char *line, size_t len)
{
    char *copy = pmr_memory_copy(m, line, len);

    for (size_t at = 0; copy != NULL && at < len;) {
        uint32_t code;
        size_t step = pmr_utf8_step(line + at, len - at, &code);

        if (code == PMR_UTF8_BROKEN || code == 0)
            copy[at] = '?';
        at += step;
    }
    return copy;
}

/* Of a line that is longer, LINE_BEFORE bytes before the place and what follows are kept. */
#define LINE_MAX_LEN 1024u
#define LINE_BEFORE  256u
#define SPAN_MAX     1024u /* bytes of what is underlined */

/* start: the byte of the line that d->column is about. */
static void keep_line(struct load *l, uint32_t order, struct pm_diagnostic *d, const char *line,
                      size_t len, size_t start)
{
    size_t begin = start > LINE_BEFORE ? start - LINE_BEFORE : 0;

    d->source_column = d->column;
    if (len > LINE_MAX_LEN) {
        while (begin > 0 && ((unsigned char)line[begin] & 0xc0) == 0x80)
            begin--;
        len = len - begin < LINE_MAX_LEN ? len - begin : LINE_MAX_LEN;
        d->source_column = pmr_utf8_count(line + begin, start - begin) + 1;
        d->source_line = line_copy(&l->rules->memory, line + begin, len);
        return;
    }
    if (l->last_line.text == NULL || l->last_line.order != order || l->last_line.line != d->line) {
        l->last_line.text = line_copy(&l->rules->memory, line, len);
        l->last_line.order = order;
        l->last_line.line = d->line;
    }
    d->source_line = l->last_line.text;
}

/* Counts one more; false: it is not shown any more. */
static bool is_room(struct pm_rules *rules, enum pm_severity severity)
{
    if (severity == PM_SEVERITY_ERROR)
        rules->error_count++;
    else
        rules->warning_count++;
    return rules->entry_count < PMR_SHOWN_MAX;
}

/* Takes over d, whose texts are lent until then. */
static void keep(struct load *l, uint32_t order, struct pm_diagnostic *d, enum code code,
                 const char *hint)
{
    struct pm_rules *rules = l->rules;
    struct entry *grown;

    d->code = pmr_code_name(code);
    d->suggestion = hint;
    grown = pmr_memory_grow(&rules->memory, rules->entries, rules->entry_count, &rules->entry_cap,
                            sizeof *grown);
    if (grown == NULL || d->message == NULL || d->pointer == NULL) {
        rules->memory.failed = true;
        return;
    }
    rules->entries = grown;
    rules->entries[rules->entry_count] =
        (struct entry){.shown = *d, .order = order, .number = (uint32_t)rules->entry_count};
    rules->entry_count++;
}

/* ------------------------------------------------------------------ places */

/* The line (from 0) that the byte is in. */
static size_t line_at(const struct file *file, size_t at)
{
    size_t low = 0, high = file->line_count;

    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;

        if (file->lines[middle] <= at)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static size_t line_len(const struct file *file, size_t line)
{
    size_t begin = file->lines[line];
    size_t end = line + 1 < file->line_count ? file->lines[line + 1] - 1 : file->len;

    if (end > begin && file->text[end - 1] == '\r')
        end--;
    return end - begin;
}

/* Columns are counted from the last place on that line, forward or back: a line may be long, and
 * have a thousand faults. */
static size_t column_at(struct load *l, const struct file *file, size_t line, size_t start)
{
    const char *text = file->text + file->lines[line];
    size_t from = 0, column = 1;

    if (l->last_place.file == file && l->last_place.line == line) {
        from = l->last_place.start;
        column = l->last_place.column;
    }
    column = start >= from ? column + pmr_utf8_count(text + from, start - from)
                           : column - pmr_utf8_count(text + start, from - start);
    l->last_place.file = file;
    l->last_place.line = line;
    l->last_place.start = start;
    l->last_place.column = column;
    return column;
}

static void place(struct load *l, const struct stretch_of *where, struct pm_diagnostic *d)
{
    const struct file *file = where->file;
    size_t line = line_at(file, where->start), begin = file->lines[line];
    size_t len = line_len(file, line), start = where->start - begin, end;

    start = start < len ? start : len;
    end = where->len < len - start ? start + where->len : len;
    end = end - start < SPAN_MAX ? end : start + SPAN_MAX;
    d->file = file->path;
    d->line = line + 1;
    d->column = column_at(l, file, line, start);
    d->span = pmr_utf8_count(file->text + begin + start, end - start);
    d->span = d->span == 0 ? 1 : d->span;
    d->pointer = where->n == NULL ? "" : pmr_node_pointer(&l->rules->memory, where->n);
    keep_line(l, file->order, d, file->text + begin, len, start);
}

const struct file *pmr_file_of(const struct load *l, const struct node *n)
{
    for (size_t i = 0; i < l->file_count; i++) {
        const struct file *file = l->files[i];

        if (file->node_count > 0 && n >= file->nodes && n < file->nodes + file->node_count)
            return file;
    }
    return NULL;
}

size_t pmr_line_of(const struct load *l, const struct node *n)
{
    return line_at(pmr_file_of(l, n), n->start) + 1;
}

struct source_of pmr_source_of(const struct load *l, const struct node *n)
{
    const struct file *file = pmr_file_of(l, n);

    return (struct source_of){.path = file->path,
                              .line = line_at(file, n->start) + 1,
                              .text = file->text + n->start,
                              .len = n->len};
}

static struct stretch_of stretch_of_value(const struct load *l, const struct node *n)
{
    const struct file *file = pmr_file_of(l, n);

    assert(file != NULL);
    return (struct stretch_of){.file = file, .n = n, .start = n->start, .len = n->len};
}

static struct stretch_of stretch_of_key(const struct load *l, const struct node *n)
{
    struct stretch_of where = stretch_of_value(l, n);

    if (n->key_start > 0) {
        where.start = n->key_start;
        where.len = pmr_node_key_len(n, where.file->text);
    }
    return where;
}

static unsigned hex_unit(const char *digits)
{
    unsigned unit = 0;

    for (size_t i = 0; i < 4; i++) {
        unsigned c = (unsigned char)digits[i];

        unit = unit * 16 + (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return unit;
}

/* Bytes of the file that spell the next character of a string, and of the text that they mean. The
 * scanner found nothing wrong with it. */
static size_t spelled_len(const char *at, size_t *meant)
{
    *meant = 1;
    if (*at != '\\')
        return 1;
    if (at[1] != 'u')
        return 2;
    unsigned unit = hex_unit(at + 2);
    bool is_pair = unit >= 0xd800 && unit <= 0xdbff;

    *meant = unit < 0x80 ? 1 : unit < 0x800 ? 2 : is_pair ? 4 : 3;
    return is_pair ? 12 : 6;
}

static struct stretch_of stretch_inside(const struct load *l, const struct node *n, size_t offset)
{
    struct stretch_of where = stretch_of_value(l, n);
    const char *text = where.file->text;
    size_t at = (size_t)n->start + 1, end = (size_t)n->start + n->len - 1, meant, spelled = 1;

    for (size_t passed = 0; at < end; at += spelled, passed += meant) {
        spelled = spelled_len(text + at, &meant);
        if (passed + meant > offset)
            break;
    }
    where.start = at;
    where.len = at < end ? spelled : 1;
    return where;
}

static void tell(struct load *l, enum pm_severity severity, const struct stretch_of *where,
                 enum code code, const char *hint, const char *message)
{
    struct pm_diagnostic d = {.severity = severity, .message = message};

    place(l, where, &d);
    keep(l, where->file->order, &d, code, hint);
}

static void tell_value(struct load *l, enum pm_severity severity, const struct node *n,
                       enum code code, const char *hint, const char *format, va_list list)
{
    const struct node *shown = l->via == NULL ? n : l->via;
    struct stretch_of where;
    const char *message;

    if (n->bad || shown->bad || !is_room(l->rules, severity))
        return;
    where = stretch_of_value(l, shown);
    message = text_of(&l->rules->memory, format, list);
    if (l->via != NULL && message != NULL)
        message = pmr_text(&l->rules->memory, "in %s: %s", pmr_quote(pmr_node_text(l->via)).text,
                           message);
    tell(l, severity, &where, code, hint, message);
}

void pmr_fail(struct load *l, const struct node *n, enum code code, const char *hint,
              const char *format, ...)
{
    va_list list;

    va_start(list, format);
    tell_value(l, PM_SEVERITY_ERROR, n, code, hint, format, list);
    va_end(list);
}

void pmr_warn(struct load *l, const struct node *n, enum code code, const char *hint,
              const char *format, ...)
{
    va_list list;

    va_start(list, format);
    tell_value(l, PM_SEVERITY_WARNING, n, code, hint, format, list);
    va_end(list);
}

static void tell_key(struct load *l, enum pm_severity severity, const struct node *n,
                     enum code code, const char *hint, const char *format, va_list list)
{
    struct stretch_of where;

    if (n->key_start == 0 || l->via != NULL) {
        tell_value(l, severity, n, code, hint, format, list);
        return;
    }
    if (n->bad_key || !is_room(l->rules, severity))
        return;
    where = stretch_of_key(l, n);
    tell(l, severity, &where, code, hint, text_of(&l->rules->memory, format, list));
}

void pmr_fail_key(struct load *l, const struct node *n, enum code code, const char *hint,
                  const char *format, ...)
{
    va_list list;

    va_start(list, format);
    tell_key(l, PM_SEVERITY_ERROR, n, code, hint, format, list);
    va_end(list);
}

void pmr_warn_key(struct load *l, const struct node *n, enum code code, const char *hint,
                  const char *format, ...)
{
    va_list list;

    va_start(list, format);
    tell_key(l, PM_SEVERITY_WARNING, n, code, hint, format, list);
    va_end(list);
}

void pmr_fail_inside(struct load *l, const struct node *n, size_t offset, enum code code,
                     const char *format, ...)
{
    struct stretch_of where;
    va_list list;

    if (n->bad || !is_room(l->rules, PM_SEVERITY_ERROR))
        return;
    where = stretch_inside(l, n, offset);
    va_start(list, format);
    tell(l, PM_SEVERITY_ERROR, &where, code, NULL, text_of(&l->rules->memory, format, list));
    va_end(list);
}

void pmr_fail_text(struct load *l, const struct stretch_of *where, enum code code, const char *hint,
                   const char *format, ...)
{
    va_list list;

    if (!is_room(l->rules, PM_SEVERITY_ERROR))
        return;
    va_start(list, format);
    tell(l, PM_SEVERITY_ERROR, where, code, hint, text_of(&l->rules->memory, format, list));
    va_end(list);
}

void pmr_fail_line(struct load *l, const struct line_of *where, enum code code, const char *hint,
                   const char *format, ...)
{
    struct pm_diagnostic d = {.severity = PM_SEVERITY_ERROR, .file = where->path, .pointer = ""};
    va_list list;

    if (!is_room(l->rules, d.severity))
        return;
    d.line = where->line == 0 ? 1 : where->line;
    d.column = 1;
    d.span = 1;
    if (where->line > 0) {
        d.column = pmr_utf8_count(where->text, where->start) + 1;
        d.span = pmr_utf8_count(where->text + where->start, where->span);
        d.span = d.span == 0 ? 1 : d.span;
        keep_line(l, where->order, &d, where->text, where->len, where->start);
    }
    va_start(list, format);
    d.message = text_of(&l->rules->memory, format, list);
    va_end(list);
    keep(l, where->order, &d, code, hint);
}

/* ------------------------------------------------------------------ order */

static int by_place(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;

    if (x->order != y->order)
        return x->order < y->order ? -1 : 1;
    if (x->shown.line != y->shown.line)
        return x->shown.line < y->shown.line ? -1 : 1;
    if (x->shown.column != y->shown.column)
        return x->shown.column < y->shown.column ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

void pmr_diagnostics_sort(struct pm_rules *rules)
{
    if (rules->entry_count > 1)
        qsort(rules->entries, rules->entry_count, sizeof *rules->entries, by_place);
}

void pmr_no_memory(struct load *l)
{
    struct pm_rules *rules = l->rules;

    rules->no_memory.shown =
        (struct pm_diagnostic){.severity = PM_SEVERITY_ERROR,
                               .code = pmr_code_name(CODE_NO_MEMORY),
                               .file = "",
                               .line = 1,
                               .column = 1,
                               .span = 1,
                               .pointer = "",
                               .message = "not enough memory to load the rules"};
    rules->error_count++;
}
