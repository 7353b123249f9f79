/* flowtoken.c - a line of a flow text as words, and the values that they stand for. */
#include "app/flowtoken.h"

#include <stdarg.h>
#include <string.h>

#include "app/arguments.h"

/* ------------------------------------------------------------------ complaints */

/* Characters: bytes that do not continue a UTF-8 sequence. */
static size_t columns(const char *text, size_t len)
{
    size_t count = 0;
    for (size_t i = 0; i < len; i++)
        count += ((unsigned char)text[i] & 0xc0) != 0x80;
    return count;
}

static void print_plain(FILE *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        putc((c < 0x20 && c != '\t') || c == 0x7f ? '?' : c, out);
    }
}

static void print_caret(const struct pm_flow_line *line, size_t off, size_t len, const char *hint)
{
    fprintf(line->errors, "%5zu | ", line->number);
    print_plain(line->errors, line->text, line->len);
    fputs("\n      | ", line->errors);
    for (size_t i = 0; i < off; i++)
        if (((unsigned char)line->text[i] & 0xc0) != 0x80)
            putc(line->text[i] == '\t' ? '\t' : ' ', line->errors);
    putc('^', line->errors);
    for (size_t i = columns(line->text + off, len); i > 1; i--)
        putc('~', line->errors);
    if (hint != NULL)
        fprintf(line->errors, " %s", hint);
    putc('\n', line->errors);
}

static void complain(struct pm_flow_line *line, size_t off, size_t len, const char *hint,
                     const char *format, va_list list)
{
    if (++line->error_count > PM_FLOW_ERRORS || line->errors == NULL)
        return;
    fprintf(line->errors, "%s:%zu:%zu: error: ", line->name, line->number,
            columns(line->text, off) + 1);
    vfprintf(line->errors, format, list);
    putc('\n', line->errors);
    print_caret(line, off, len, hint);
}

static void complain_word(struct pm_flow_line *line, unsigned at, const char *hint,
                          const char *format, va_list list)
{
    if (at < line->count)
        complain(line, line->words[at].off, line->words[at].len, hint, format, list);
    else
        complain(line, line->len, 0, hint, format, list);
}

void pm_flow_fail_at(struct pm_flow_line *line, size_t off, size_t len, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    complain(line, off, len, NULL, format, list);
    va_end(list);
}

void pm_flow_fail(struct pm_flow_line *line, const char *hint, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    complain_word(line, line->at, hint, format, list);
    va_end(list);
}

void pm_flow_fail_before(struct pm_flow_line *line, const char *hint, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    complain_word(line, line->at - 1, hint, format, list);
    va_end(list);
}

/* The next word for a message, not too long, with a NUL. */
struct shown {
    char text[64];
};

static struct shown shown_word(const struct pm_flow_line *line)
{
    struct shown shown = {.text = "the end of the line"};
    if (pm_flow_line_ends(line))
        return shown;
    const struct pm_flow_word *word = &line->words[line->at];
    const char *quote = word->is_string ? "" : "\"";
    int len = word->len < 40 ? (int)word->len : 40;
    snprintf(shown.text, sizeof shown.text, "%s%.*s%s%s", quote, len, line->text + word->off,
             (size_t)len < word->len ? "..." : "", quote);
    for (char *c = shown.text; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    return shown;
}

void pm_flow_expected(struct pm_flow_line *line, const char *what, const char *const *words)
{
    char word[64] = "", hint[96];
    const char *near = NULL;
    size_t count = 0;
    if (!pm_flow_line_ends(line) && line->words[line->at].len < sizeof word)
        memcpy(word, line->text + line->words[line->at].off, line->words[line->at].len);
    while (words != NULL && words[count] != NULL)
        count++;
    if (word[0] != '\0' && count > 0)
        near = pm_suggestion(word, words, count);
    if (near != NULL)
        snprintf(hint, sizeof hint, "did you mean \"%s\"?", near);
    pm_flow_fail(line, near == NULL ? NULL : hint, "expected %s, found %s", what,
                 shown_word(line).text);
}

/* ------------------------------------------------------------------ words */

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

/* Behind the closing quote, or len + 1 if there is none. */
static size_t string_end(const char *text, size_t at, size_t len)
{
    for (at++; at < len && text[at] != '"'; at++)
        if (text[at] == '\\')
            at++;
    return at + 1;
}

bool pm_flow_line_cut(struct pm_flow_line *line)
{
    line->count = line->at = 0;
    for (size_t at = 0; at < line->len;) {
        size_t begin = at;
        bool is_string = line->text[at] == '"';
        if (is_space(line->text[at])) {
            at++;
            continue;
        }
        if (line->text[at] == '#')
            return true;
        if (is_string)
            at = string_end(line->text, at, line->len);
        else
            while (at < line->len && !is_space(line->text[at]) && line->text[at] != '"')
                at++;
        if (at > line->len) {
            pm_flow_fail_at(line, begin, line->len - begin, "the string does not end in this line");
            return false;
        }
        if (line->count == PM_FLOW_WORDS) {
            pm_flow_fail_at(line, begin, at - begin, "a line has at most %u words", PM_FLOW_WORDS);
            return false;
        }
        line->words[line->count++] = (struct pm_flow_word){begin, at - begin, is_string};
    }
    return true;
}

bool pm_flow_word_is(const struct pm_flow_line *line, const char *word)
{
    const struct pm_flow_word *next = &line->words[line->at];
    return !pm_flow_line_ends(line) && !next->is_string && next->len == strlen(word) &&
           memcmp(line->text + next->off, word, next->len) == 0;
}

bool pm_flow_take(struct pm_flow_line *line, const char *word)
{
    if (!pm_flow_word_is(line, word))
        return false;
    line->at++;
    return true;
}

struct pm_flow_text pm_flow_text(const struct pm_flow_line *line)
{
    struct pm_flow_text out = {.text = ""};
    if (pm_flow_line_ends(line))
        return out;
    const struct pm_flow_word *word = &line->words[line->at];
    const char *begin = line->text + word->off;
    if (word->is_string || word->len >= sizeof out.text || memchr(begin, 0, word->len) != NULL)
        return out;
    memcpy(out.text, begin, word->len);
    out.text[word->len] = '\0';
    return out;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool pm_flow_name(struct pm_flow_line *line, char out[PM_FLOW_NAME])
{
    struct pm_flow_text word = pm_flow_text(line);
    size_t len = strlen(word.text);
    bool good = len > 0 && len < PM_FLOW_NAME && is_letter(word.text[0]);
    for (size_t i = 0; i < len; i++)
        good = good && (is_letter(word.text[i]) || pm_flow_is_digit(word.text[i]) ||
                        word.text[i] == '-' || word.text[i] == '_');
    if (!good) {
        pm_flow_expected(line, "a name (letters, digits, - and _; at most 31)", NULL);
        return false;
    }
    memcpy(out, word.text, len + 1);
    line->at++;
    return true;
}
