/* lexeme.c - the smallest pieces of a JSON text: space, strings, numbers, words. */
#include "lexeme.h"

#include <string.h>

#include "diagnostic.h"
#include "utf8.h"

#define NUMBER_MAX 60u /* characters; cJSON reads no more than 63 */

void pmr_complain(struct scanner *s, size_t start, size_t len, enum code code, const char *hint,
                  const char *message)
{
    struct stretch_of where = {.file = s->file, .n = s->around, .start = start, .len = len};

    pmr_fail_text(s->load, &where, code, hint, "%s", message);
}

static char peek(const struct scanner *s, size_t ahead)
{
    return ahead < s->len - s->at ? s->text[s->at + ahead] : '\0';
}

static void blank(struct scanner *s, size_t start, size_t end)
{
    for (size_t at = start; at < end; at++)
        if (s->mended[at] != '\n')
            s->mended[at] = ' ';
}

/* ------------------------------------------------------------------ space */

static size_t comment_end(const struct scanner *s)
{
    const char *from = s->text + s->at, *end;

    if (peek(s, 1) == '*') {
        for (size_t at = s->at + 2; at + 1 < s->len; at++)
            if (s->text[at] == '*' && s->text[at + 1] == '/')
                return at + 2;
        return s->len;
    }
    end = memchr(from, '\n', s->len - s->at);
    return end == NULL ? s->len : (size_t)(end - s->text);
}

static void skip_comment(struct scanner *s)
{
    size_t end = comment_end(s);

    pmr_complain(s, s->at, end - s->at, CODE_COMMENT, "write a \"note\" in the rule",
                 "JSON has no comments");
    blank(s, s->at, end);
    s->at = end;
}

void pmr_lexeme_space(struct scanner *s)
{
    while (s->at < s->len && !s->is_stopped) {
        char c = s->text[s->at];

        if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
            s->at++;
        else if (c == '#' || (c == '/' && (peek(s, 1) == '/' || peek(s, 1) == '*')))
            skip_comment(s);
        else
            return;
    }
}

/* ------------------------------------------------------------------ strings */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The value of \uXXXX so many bytes ahead; -1 if it is not one. */
static int32_t unit_at(const struct scanner *s, size_t ahead)
{
    int32_t unit = 0;

    if (peek(s, ahead) != '\\' || peek(s, ahead + 1) != 'u')
        return -1;
    for (size_t i = 2; i < 6; i++) {
        int digit = hex_digit(peek(s, ahead + i));

        if (digit < 0)
            return -1;
        unit = unit * 16 + digit;
    }
    return unit;
}

/* Complains of the next len bytes and puts spaces in their place. */
static void bad_piece(struct scanner *s, struct lexeme *lexeme, size_t len, enum code code,
                      const char *message)
{
    pmr_complain(s, s->at, len, code, NULL, message);
    memset(s->mended + s->at, ' ', len);
    s->at += len;
    lexeme->is_bad = true;
}

static void string_unit(struct scanner *s, struct lexeme *lexeme)
{
    int32_t unit = unit_at(s, 0);

    if (unit < 0) {
        bad_piece(s, lexeme, 2, CODE_STRING, "expected four hex digits behind \"\\u\"");
    } else if (unit == 0) {
        bad_piece(s, lexeme, 6, CODE_STRING,
                  "\"\\u0000\" is not allowed; write bytes as {\"hex\": ...}");
    } else if (unit >= 0xd800 && unit <= 0xdbff) {
        int32_t low = unit_at(s, 6);

        if (low >= 0xdc00 && low <= 0xdfff)
            s->at += 12;
        else
            bad_piece(s, lexeme, 6, CODE_STRING,
                      "half of a surrogate pair without its second half");
    } else if (unit >= 0xdc00 && unit <= 0xdfff) {
        bad_piece(s, lexeme, 6, CODE_STRING, "half of a surrogate pair without its first half");
    } else {
        s->at += 6;
    }
}

static void string_escape(struct scanner *s, struct lexeme *lexeme)
{
    char c = peek(s, 1);

    if (c == 'u')
        string_unit(s, lexeme);
    else if (c != '\0' && strchr("\"\\/bfnrt", c) != NULL)
        s->at += 2;
    else
        bad_piece(s, lexeme, 1, CODE_STRING,
                  "no such escape; a backslash itself is written \"\\\\\"");
}

static void string_char(struct scanner *s, struct lexeme *lexeme)
{
    uint32_t code;
    size_t step = pmr_utf8_step(s->text + s->at, s->len - s->at, &code);

    if (code == PMR_UTF8_BROKEN)
        bad_piece(s, lexeme, 1, CODE_ENCODING, "this byte is not UTF-8");
    else if (code == '\\')
        string_escape(s, lexeme);
    else if (code == '\t')
        bad_piece(s, lexeme, 1, CODE_STRING, "a tab in a string is written \"\\t\"");
    else if (code < 0x20)
        bad_piece(s, lexeme, 1, CODE_STRING,
                  "a control character in a string is written \"\\u00..\"");
    else
        s->at += step;
}

struct lexeme pmr_lexeme_string(struct scanner *s)
{
    struct lexeme lexeme = {.kind = NODE_STRING};
    size_t start = s->at++;

    while (s->at < s->len && s->text[s->at] != '"' && s->text[s->at] != '\n' &&
           !(s->text[s->at] == '\r' && peek(s, 1) == '\n'))
        string_char(s, &lexeme);
    if (s->at == s->len || s->text[s->at] != '"') {
        pmr_complain(s, start, s->at - start, CODE_UNFINISHED,
                     "a line break in a string is written \"\\n\"",
                     "the string does not end on its line");
        s->is_stopped = true;
        lexeme.is_bad = true;
        return lexeme;
    }
    s->at++;
    return lexeme;
}

/* ------------------------------------------------------------------ numbers and words */

static size_t digits(const char *text, size_t len, size_t at)
{
    while (at < len && text[at] >= '0' && text[at] <= '9')
        at++;
    return at;
}

/* What is wrong with it, or NULL. RFC 8259, section 6. */
static const char *number_fault(const char *text, size_t len)
{
    size_t at = len > 0 && text[0] == '-' ? 1 : 0, begin = at;

    at = digits(text, len, at);
    if (at == begin)
        return "a number begins with a digit";
    if (text[begin] == '0' && at - begin > 1)
        return "a number does not begin with 0";
    if (at < len && text[at] == '.') {
        begin = ++at;
        at = digits(text, len, at);
        if (at == begin)
            return "expected digits behind the point";
    }
    if (at < len && (text[at] == 'e' || text[at] == 'E')) {
        at++;
        at += at < len && (text[at] == '+' || text[at] == '-');
        begin = at;
        at = digits(text, len, at);
        if (at == begin)
            return "expected digits behind the e";
    }
    if (at < len)
        return "that is not a number; text stands in double quotes";
    return len > NUMBER_MAX ? "the number has too many digits" : NULL;
}

static bool is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* Addresses and ranges without quotes are taken for one piece: 10.0.0.0/8, fe80::1, 80-90. */
static size_t piece_end(const struct scanner *s)
{
    size_t at = s->at;

    while (at < s->len && s->text[at] != '\0' &&
           (is_word_char(s->text[at]) || strchr("+-./", s->text[at]) != NULL ||
            (s->text[at] == ':' && at + 1 < s->len && is_word_char(s->text[at + 1]))))
        at++;
    return at;
}

/* A bad number or word becomes 0. */
static void mend_as_zero(struct scanner *s, size_t start)
{
    blank(s, start, s->at);
    s->mended[start] = '0';
}

struct lexeme pmr_lexeme_number(struct scanner *s)
{
    struct lexeme lexeme = {.kind = NODE_NUMBER};
    size_t start = s->at;
    const char *fault;

    s->at = piece_end(s);
    fault = number_fault(s->text + start, s->at - start);
    if (fault == NULL)
        return lexeme;
    pmr_complain(s, start, s->at - start, CODE_NUMBER, NULL, fault);
    mend_as_zero(s, start);
    lexeme.is_bad = true;
    return lexeme;
}

static bool is_word(const char *text, size_t len, const char *word)
{
    if (len != strlen(word))
        return false;
    for (size_t i = 0; i < len; i++)
        if ((text[i] | 0x20) != word[i])
            return false;
    return true;
}

struct lexeme pmr_lexeme_word(struct scanner *s)
{
    static const struct {
        const char *word;
        enum node_kind kind;
    } words[] = {{"true", NODE_BOOL}, {"false", NODE_BOOL}, {"null", NODE_NULL}};
    size_t start = s->at, len;
    const char *hint = NULL;

    s->at = piece_end(s);
    len = s->at - start;
    for (size_t i = 0; i < 3 && hint == NULL; i++) {
        if (len == strlen(words[i].word) && memcmp(s->text + start, words[i].word, len) == 0)
            return (struct lexeme){.kind = words[i].kind};
        if (is_word(s->text + start, len, words[i].word))
            hint = pmr_text(&s->load->rules->memory, "write %s", words[i].word);
    }
    pmr_complain(s, start, len, CODE_SYNTAX, hint,
                 "expected true, false, or text in double quotes");
    mend_as_zero(s, start);
    return (struct lexeme){.kind = NODE_NUMBER, .is_bad = true};
}
