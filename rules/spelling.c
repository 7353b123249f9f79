/* spelling.c - the one way in which a text is spelled in a formatted file. */
#include "spelling.h"

#include <stdio.h>
#include <string.h>

#include "utf8.h"

/* Longest of one character: two halves of a surrogate pair, each \uXXXX. */
#define PIECE_MAX 16u

struct piece {
    char text[PIECE_MAX];
    size_t len;
};

static uint32_t unit_at(const char *hex)
{
    uint32_t unit = 0;

    for (size_t i = 0; i < 4; i++) {
        char c = hex[i];

        unit = unit * 16 + (uint32_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return unit;
}

/* What stands behind a backslash, and how long it is with it. */
static uint32_t unescape(const char *text, size_t *step)
{
    static const char letters[] = "bfnrt", values[] = "\b\f\n\r\t";
    const char *letter = strchr(letters, text[1]);
    uint32_t high;

    *step = 2;
    if (text[1] != 'u')
        return letter == NULL ? (uint32_t)text[1] : (uint32_t)values[letter - letters];
    *step = 6;
    high = unit_at(text + 2);
    if (high < 0xd800 || high > 0xdbff)
        return high;
    *step = 12;
    return 0x10000 + ((high - 0xd800) << 10) + (unit_at(text + 8) - 0xdc00);
}

static bool is_unseen(uint32_t code)
{
    static const struct {
        uint32_t first, last;
    } list[] = {{0x7f, 0xa0},     {0xad, 0xad},     {0x61c, 0x61c},    {0x180e, 0x180e},
                {0x2000, 0x200f}, {0x2028, 0x202f}, {0x205f, 0x206f},  {0x3000, 0x3000},
                {0xfeff, 0xfeff}, {0xfff9, 0xffff}, {0xe0000, 0xe0fff}};

    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++)
        if (code >= list[i].first && code <= list[i].last)
            return true;
    return code < 0x20;
}

/* A short escape, or \uXXXX once or twice. */
static void escape(struct piece *piece, uint32_t code)
{
    static const char letters[] = "bfnrt", values[] = "\b\f\n\r\t";
    const char *value = code < 0x20 && code != 0 ? strchr(values, (int)code) : NULL;
    int len;

    if (value != NULL)
        len = snprintf(piece->text, PIECE_MAX, "\\%c", letters[value - values]);
    else if (code < 0x10000)
        len = snprintf(piece->text, PIECE_MAX, "\\u%04x", (unsigned)code);
    else
        len = snprintf(piece->text, PIECE_MAX, "\\u%04x\\u%04x",
                       (unsigned)(0xd800 + ((code - 0x10000) >> 10)),
                       (unsigned)(0xdc00 + (code & 0x3ff)));
    piece->len = len < 0 ? 0 : (size_t)len;
}

static size_t encode(char *to, uint32_t code)
{
    if (code < 0x80) {
        to[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        to[0] = (char)(0xc0 | code >> 6);
        to[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        to[0] = (char)(0xe0 | code >> 12);
        to[1] = (char)(0x80 | (code >> 6 & 0x3f));
        to[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    to[0] = (char)(0xf0 | code >> 18);
    to[1] = (char)(0x80 | (code >> 12 & 0x3f));
    to[2] = (char)(0x80 | (code >> 6 & 0x3f));
    to[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}

/* The character at text, as it is to be spelled. Answers how many bytes of the source it has. */
static size_t next_piece(const char *text, size_t len, struct piece *piece)
{
    uint32_t code;
    size_t step;

    if (text[0] == '\\')
        code = unescape(text, &step);
    else
        step = pmr_utf8_step(text, len, &code);
    if (code == '"' || code == '\\') {
        piece->text[0] = '\\';
        piece->text[1] = (char)code;
        piece->len = 2;
    } else if (is_unseen(code)) {
        escape(piece, code);
    } else {
        piece->len = encode(piece->text, code);
    }
    return step;
}

void pmr_spelling_put(struct output *out, const char *text, size_t len)
{
    struct piece piece;

    pmr_output_put(out, "\"", 1);
    for (size_t at = 1; at + 1 < len;) {
        at += next_piece(text + at, len - 1 - at, &piece);
        pmr_output_put(out, piece.text, piece.len);
    }
    pmr_output_put(out, "\"", 1);
}

size_t pmr_spelling_width(const char *text, size_t len)
{
    struct piece piece;
    size_t width = 2;

    for (size_t at = 1; at + 1 < len;) {
        at += next_piece(text + at, len - 1 - at, &piece);
        width += piece.text[0] == '\\' ? piece.len : 1;
    }
    return width;
}
