/* flowdata.c - the words of a flow text that stand for bytes. */
#include "app/flowtoken.h"

#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------ bytes */

static bool has_room(struct pm_flow_line *line, struct pm_flow_bytes *bytes, size_t len)
{
    if (len <= bytes->cap - bytes->len)
        return true;
    size_t cap = bytes->cap * 2 > bytes->len + len ? bytes->cap * 2 : bytes->len + len;
    uint8_t *grown = cap > PM_TALK_BYTES * 2 ? NULL : realloc(bytes->at, cap);
    if (grown == NULL) {
        pm_flow_fail(line, NULL, "more than 64 MiB of data, or no memory for it");
        return false;
    }
    bytes->at = grown;
    bytes->cap = cap;
    return true;
}

static int hex_digit(char c)
{
    if (pm_flow_is_digit(c))
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that an escape stands for; *at is behind the backslash and moves on. -1: none. */
static int escaped(const char **at, const char *end)
{
    static const char names[] = "rnt0\"\\", values[] = "\r\n\t\0\"\\";
    char c = *at < end ? *(*at)++ : '\0';
    const char *name = c == '\0' ? NULL : strchr(names, c);
    if (name != NULL)
        return (unsigned char)values[name - names];
    if (c != 'x' || end - *at < 2)
        return -1;
    int high = hex_digit((*at)[0]), low = hex_digit((*at)[1]);
    *at += 2;
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

static bool add_string(struct pm_flow_line *line, struct pm_flow_bytes *out)
{
    const struct pm_flow_word *word = &line->words[line->at];
    const char *at = line->text + word->off + 1, *end = at + word->len - 2;
    if (!has_room(line, out, word->len))
        return false;
    while (at < end) {
        const char *begin = at;
        int byte = (unsigned char)*at++;
        if (byte == '\\')
            byte = escaped(&at, end);
        if (byte < 0) {
            pm_flow_fail_at(line, (size_t)(begin - line->text), 2,
                            "no such escape; there are \\r \\n \\t \\0 \\\" \\\\ and \\xNN");
            return false;
        }
        out->at[out->len++] = (uint8_t)byte;
    }
    return true;
}

static bool add_hex(struct pm_flow_line *line, size_t skip, struct pm_flow_bytes *out)
{
    const struct pm_flow_word *word = &line->words[line->at];
    const char *digits = line->text + word->off + skip;
    size_t len = word->len - skip;
    bool good = len % 2 == 0 && len > 0;
    if (!has_room(line, out, len))
        return false;
    for (size_t i = 0; i + 1 < len && good; i += 2) {
        int high = hex_digit(digits[i]), low = hex_digit(digits[i + 1]);
        good = high >= 0 && low >= 0;
        if (good)
            out->at[out->len++] = (uint8_t)(high << 4 | low);
    }
    if (!good)
        pm_flow_expected(line, "pairs of hex digits", NULL);
    return good;
}

/* Letters that tell where they stand: abc...z, a line feed before each 64th. */
static bool add_fill(struct pm_flow_line *line, struct pm_flow_bytes *out)
{
    struct pm_flow_text word = pm_flow_text(line);
    const char *at = word.text + strlen("fill:");
    uint64_t len;
    if (!pm_flow_read_number(&at, PM_TALK_BYTES, &len) || *at != '\0') {
        pm_flow_expected(line, "fill: and a number of bytes up to 67108864", NULL);
        return false;
    }
    if (!has_room(line, out, (size_t)len))
        return false;
    for (size_t i = 0; i < len; i++)
        out->at[out->len++] = i % 64 == 63 ? '\n' : (uint8_t)('a' + (i + i / 64) % 26);
    return true;
}

static bool add_open_file(struct pm_flow_line *line, FILE *in, struct pm_flow_bytes *out)
{
    size_t begin = out->len, got = 1;
    while (got > 0) {
        if (out->len - begin > PM_TALK_BYTES || !has_room(line, out, 65536))
            return false;
        got = fread(out->at + out->len, 1, 65536, in);
        out->len += got;
    }
    if (ferror(in))
        pm_flow_fail(line, NULL, "the file cannot be read");
    return !ferror(in);
}

static bool add_file(struct pm_flow_line *line, const char *folder, struct pm_flow_bytes *out)
{
    struct pm_flow_text word = pm_flow_text(line);
    const char *name = word.text + 1;
    char path[4096];
    const char *slash = folder == NULL || folder[0] == '\0' || name[0] == '/' ? "" : "/";
    if (folder == NULL || name[0] == '\0') {
        pm_flow_fail(line, NULL,
                     folder == NULL ? "files may not be named here"
                                    : "expected the name of a file behind @");
        return false;
    }
    int len = snprintf(path, sizeof path, "%s%s%s", name[0] == '/' ? "" : folder, slash, name);
    FILE *in = len < 0 || (size_t)len >= sizeof path ? NULL : fopen(path, "rb");
    if (in == NULL) {
        pm_flow_fail(line, NULL, "the file cannot be opened");
        return false;
    }
    bool good = add_open_file(line, in, out);
    fclose(in);
    return good;
}

static bool begins(const struct pm_flow_line *line, const char *with)
{
    const struct pm_flow_word *word = &line->words[line->at];
    return !pm_flow_line_ends(line) && !word->is_string && word->len >= strlen(with) &&
           memcmp(line->text + word->off, with, strlen(with)) == 0;
}

bool pm_flow_is_data(const struct pm_flow_line *line)
{
    return !pm_flow_line_ends(line) && (line->words[line->at].is_string || begins(line, "hex:") ||
                                        begins(line, "fill:") || begins(line, "@"));
}

static bool add_word(struct pm_flow_line *line, const char *folder, struct pm_flow_bytes *out)
{
    if (line->words[line->at].is_string)
        return add_string(line, out);
    if (begins(line, "hex:"))
        return add_hex(line, strlen("hex:"), out);
    return begins(line, "@") ? add_file(line, folder, out) : add_fill(line, out);
}

bool pm_flow_data(struct pm_flow_line *line, const char *folder, struct pm_flow_bytes *out)
{
    if (!pm_flow_is_data(line)) {
        pm_flow_expected(line, "data: \"text\", hex:, fill: or @file", NULL);
        return false;
    }
    for (; pm_flow_is_data(line); line->at++)
        if (!add_word(line, folder, out))
            return false;
    return true;
}
