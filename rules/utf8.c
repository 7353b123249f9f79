/* utf8.c - walking over UTF-8 text that may be broken. */
#include "utf8.h"

/* Length of a sequence by its first byte, and the smallest code point it may carry. */
static size_t sequence_len(uint8_t first, uint32_t *least)
{
    if (first >= 0xc2 && first <= 0xdf) {
        *least = 0x80;
        return 2;
    }
    if (first >= 0xe0 && first <= 0xef) {
        *least = 0x800;
        return 3;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        *least = 0x10000;
        return 4;
    }
    return 0;
}

static uint32_t decode(const char *text, size_t len, size_t *step)
{
    uint8_t first = (uint8_t)text[0];
    uint32_t least = 0, code;
    size_t need = sequence_len(first, &least);

    *step = 1;
    if (first < 0x80)
        return first;
    if (need == 0 || need > len)
        return PMR_UTF8_BROKEN;
    code = first & (0xffu >> (need + 1));
    for (size_t i = 1; i < need; i++) {
        if (((uint8_t)text[i] & 0xc0) != 0x80)
            return PMR_UTF8_BROKEN;
        code = code << 6 | ((uint8_t)text[i] & 0x3f);
    }
    if (code < least || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return PMR_UTF8_BROKEN;
    *step = need;
    return code;
}

size_t pmr_utf8_step(const char *text, size_t len, uint32_t *code)
{
    size_t step;
    uint32_t found = decode(text, len, &step);

    if (code != NULL)
        *code = found;
    return step;
}

size_t pmr_utf8_count(const char *text, size_t len)
{
    size_t count = 0;

    for (size_t at = 0; at < len; count++)
        at += pmr_utf8_step(text + at, len - at, NULL);
    return count;
}

struct stretch {
    uint32_t first, last;
};

static bool is_in(const struct stretch *list, size_t count, uint32_t code)
{
    for (size_t i = 0; i < count; i++)
        if (code >= list[i].first && code <= list[i].last)
            return true;
    return false;
}

/* The blocks of Unicode (UAX 11, general category Mn/Me/Cf) that are whole or nearly whole of one
 * width; good enough to place a caret. */
unsigned pmr_utf8_width(uint32_t code)
{
    static const struct stretch zero[] = {
        {0x0300, 0x036f}, {0x0483, 0x0489},   {0x0591, 0x05bd}, {0x0610, 0x061a}, {0x064b, 0x065f},
        {0x0e31, 0x0e31}, {0x0e34, 0x0e3a},   {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff}, {0x200b, 0x200f},
        {0x202a, 0x202e}, {0x2060, 0x2064},   {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f},
        {0xfeff, 0xfeff}, {0xe0100, 0xe01ef},
    };
    static const struct stretch wide[] = {
        {0x1100, 0x115f},   {0x2e80, 0x303e},   {0x3041, 0x33ff},   {0x3400, 0x4dbf},
        {0x4e00, 0x9fff},   {0xa000, 0xa4cf},   {0xa960, 0xa97f},   {0xac00, 0xd7a3},
        {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff00, 0xff60},   {0xffe0, 0xffe6},
        {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd},
    };

    if (code < 0x300)
        return 1;
    if (is_in(zero, sizeof zero / sizeof zero[0], code))
        return 0;
    return is_in(wide, sizeof wide / sizeof wide[0], code) ? 2 : 1;
}
