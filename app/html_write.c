/* html_write.c - escapes text and lays out bytes; the contract is in html_write.h. */
#include "app/html_write.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "app/utf8.h"

#define ROW_BYTES 16u

void pm_html_put(struct pm_sink *sink, const char *markup)
{
    pm_sink_write(sink, markup, strlen(markup));
}

void pm_html_putf(struct pm_sink *sink, const char *format, ...)
{
    char line[512];
    va_list words;
    va_start(words, format);
    vsnprintf(line, sizeof line, format, words);
    va_end(words);
    pm_html_put(sink, line);
}

/* ------------------------------------------------------------------ text */

static void put_ascii(struct pm_sink *sink, unsigned char c)
{
    char picture[4] = {'\xe2', '\x90', (char)(0x80 + c), '\0'}; /* U+2400 + c */
    if (c == '&')
        pm_html_put(sink, "&amp;");
    else if (c == '<')
        pm_html_put(sink, "&lt;");
    else if (c == '>')
        pm_html_put(sink, "&gt;");
    else if (c == '"')
        pm_html_put(sink, "&quot;");
    else if (c == '\'')
        pm_html_put(sink, "&#39;");
    else if (c == 0x7f)
        pm_html_put(sink, "\xe2\x90\xa1"); /* U+2421 */
    else if (c < 0x20)
        pm_html_put(sink, picture);
    else
        pm_sink_write(sink, &c, 1);
}

static uint32_t code_point(const unsigned char *p, size_t len)
{
    uint32_t code = len == 2 ? p[0] & 0x1fu : len == 3 ? p[0] & 0x0fu : p[0] & 0x07u;
    for (size_t i = 1; i < len; i++)
        code = code << 6 | (p[i] & 0x3fu);
    return code;
}

/* C1 controls, marks and overrides of direction, line ends, noncharacters. */
static bool is_hidden(uint32_t code)
{
    return code < 0xa0 || code == 0x061c || (code >= 0x200b && code <= 0x200f) ||
           (code >= 0x2028 && code <= 0x202e) || (code >= 0x2060 && code <= 0x206f) ||
           code == 0xfeff || (code >= 0xfdd0 && code <= 0xfdef) || (code & 0xfffe) == 0xfffe;
}

void pm_html_text(struct pm_sink *sink, const char *text)
{
    const unsigned char *p = (const unsigned char *)text;
    while (*p != '\0') {
        size_t len = pm_utf8_len(p);
        if (len == 1)
            put_ascii(sink, *p);
        else if (len == 0 || is_hidden(code_point(p, len)))
            pm_html_put(sink, "\xef\xbf\xbd"); /* U+FFFD */
        else
            pm_sink_write(sink, p, len);
        p += len == 0 ? 1 : len;
    }
}

/* ------------------------------------------------------------------ numbers */

void pm_html_count(struct pm_sink *sink, uint64_t count)
{
    char digits[24];
    size_t len = (size_t)snprintf(digits, sizeof digits, "%" PRIu64, count);
    for (size_t i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            pm_sink_write(sink, ",", 1);
        pm_sink_write(sink, digits + i, 1);
    }
}

void pm_html_amount(struct pm_sink *sink, uint64_t count, const char *noun)
{
    pm_html_count(sink, count);
    pm_html_putf(sink, " %s%s", noun, count == 1 ? "" : "s");
}

static void trim_zeros(char *text)
{
    size_t len = strlen(text);
    while (len > 0 && text[len - 1] == '0')
        text[--len] = '\0';
    if (len > 0 && text[len - 1] == '.')
        text[len - 1] = '\0';
}

void pm_html_span_text(uint64_t span_ns, char text[PM_HTML_SPAN])
{
    static const struct {
        uint64_t ns;
        const char *name;
    } units[] = {{1000000000, "s"}, {1000000, "ms"}, {1000, "\xc2\xb5s"}, {1, "ns"}};
    unsigned unit = 0;
    while (unit < 3 && span_ns < units[unit].ns)
        unit++;
    uint64_t ns = units[unit].ns;
    snprintf(text, PM_HTML_SPAN, "%" PRIu64 ".%03" PRIu64, span_ns / ns, span_ns % ns * 1000 / ns);
    trim_zeros(text);
    size_t len = strlen(text);
    snprintf(text + len, PM_HTML_SPAN - len, " %s", units[unit].name);
}

void pm_html_seconds(struct pm_sink *sink, uint64_t ns)
{
    char text[PM_HTML_SPAN];
    snprintf(text, sizeof text, "%" PRIu64 ".%09" PRIu64, ns / 1000000000, ns % 1000000000);
    trim_zeros(text);
    pm_html_putf(sink, "%s s", text);
}

/* ------------------------------------------------------------------ bytes */

static bool is_marked(const struct pm_html_dump *dump, size_t i)
{
    return i >= dump->from && i < dump->to &&
           (dump->against == NULL || dump->against[i] != dump->bytes[i]);
}

static void put_byte(struct pm_sink *sink, uint8_t byte, bool as_hex)
{
    static const char digits[] = "0123456789abcdef";
    char hex[2] = {digits[byte >> 4], digits[byte & 15]};
    if (as_hex)
        pm_sink_write(sink, hex, 2);
    else if (byte < 0x20 || byte >= 0x7f)
        pm_html_put(sink, "\xc2\xb7"); /* U+00B7, a middle dot */
    else
        put_ascii(sink, byte);
}

/* One column of one row; spaces between marked bytes are marked too. */
static void put_column(struct pm_sink *sink, const struct pm_html_dump *dump, size_t row,
                       bool as_hex)
{
    size_t end = dump->len - row < ROW_BYTES ? dump->len : row + ROW_BYTES;
    bool is_open = false;
    for (size_t i = row; i < end; i++) {
        bool wants = is_marked(dump, i);
        if (is_open && !wants)
            pm_html_putf(sink, "</%s>", dump->mark);
        if (as_hex && i > row)
            pm_html_put(sink, (i - row) % 8 == 0 ? "  " : " ");
        if (!is_open && wants)
            pm_html_putf(sink, "<%s>", dump->mark);
        is_open = wants;
        put_byte(sink, dump->bytes[i], as_hex);
    }
    if (is_open)
        pm_html_putf(sink, "</%s>", dump->mark);
    size_t blank = ROW_BYTES - (end - row);
    if (as_hex)
        pm_html_putf(sink, "%*s", (int)(blank * 3 + (blank >= 8 ? 1 : 0)), "");
}

void pm_html_put_dump(struct pm_sink *sink, const struct pm_html_dump *dump)
{
    for (size_t row = 0; row < dump->len; row += ROW_BYTES) {
        pm_html_putf(sink, "%s<i>%8" PRIu64 "</i>  ", row > 0 ? "\n" : "", dump->offset + row);
        put_column(sink, dump, row, true);
        pm_html_put(sink, "  ");
        put_column(sink, dump, row, false);
    }
}
