/* message.c - the words between pktmod and a client; the contract is in message.h. */
#include "tunnel-ext/message.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ------------------------------------------------------------------ reading */

static struct pm_message wrong(void)
{
    return (struct pm_message){.kind = PM_MESSAGE_WRONG};
}

/* Decimal digits up to the end of the word. */
static bool read_number(const char *word, size_t len, uint64_t *number)
{
    *number = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned digit = (unsigned)(word[i] - '0');
        if (digit > 9 || *number > (UINT64_MAX - digit) / 10)
            return false;
        *number = *number * 10 + digit;
    }
    return len > 0;
}

/* key=number at *at, and the space behind it. Every key stands where it has to. */
static bool take_number(const char **at, const char *end, const char *key, uint64_t *number)
{
    size_t key_len = strlen(key);
    const char *word = *at;
    if ((size_t)(end - word) <= key_len || memcmp(word, key, key_len) != 0)
        return false;
    word += key_len;
    const char *stop = memchr(word, ' ', (size_t)(end - word));
    if (stop == NULL)
        stop = end;
    *at = stop < end ? stop + 1 : end;
    return read_number(word, (size_t)(stop - word), number);
}

static struct pm_message read_answer(const struct pm_buffer *in, const char *at, const char *end)
{
    struct pm_message m = {.kind = PM_MESSAGE_ANSWER};
    uint64_t len;
    if (!take_number(&at, end, "stream=", &m.stream) ||
        !take_number(&at, end, "offset=", &m.offset) || !take_number(&at, end, "take=", &m.take) ||
        !take_number(&at, end, "len=", &len) || at != end || len > PM_MESSAGE_BYTES)
        return wrong();
    size_t line = (size_t)((const uint8_t *)end - pm_buffer_at(in)) + 1;
    if (pm_buffer_len(in) - line < len)
        return (struct pm_message){.kind = PM_MESSAGE_PARTIAL};
    m.bytes = pm_buffer_at(in) + line;
    m.len = (size_t)len;
    m.size = line + m.len;
    return m;
}

struct pm_message pm_message_read(const struct pm_buffer *in)
{
    size_t len = pm_buffer_len(in), most = len < PM_MESSAGE_LINE ? len : PM_MESSAGE_LINE;
    const char *line = (const char *)pm_buffer_at(in);
    const char *end = len == 0 ? NULL : memchr(line, '\n', most);
    if (end == NULL)
        return len < PM_MESSAGE_LINE ? (struct pm_message){.kind = PM_MESSAGE_PARTIAL} : wrong();
    size_t line_len = (size_t)(end - line);
    if (line_len > 7 && memcmp(line, "answer ", 7) == 0)
        return read_answer(in, line + 7, end);
    struct pm_message m = {.kind = PM_MESSAGE_SYNC, .size = line_len + 1};
    const char *at = line + 5;
    bool is_sync = line_len > 5 && memcmp(line, "sync ", 5) == 0 &&
                   take_number(&at, end, "n=", &m.n) && at == end;
    return is_sync ? m : wrong();
}

/* ------------------------------------------------------------------ writing */

#define LINE_CAP 512

static bool put_line(struct pm_buffer *out, const char *line, int len, size_t more)
{
    return len > 0 && len < LINE_CAP && pm_buffer_reserve(out, (size_t)len + more) &&
           pm_buffer_put(out, line, (size_t)len);
}

bool pm_message_write_data(struct pm_buffer *out, const struct pm_external_data *data,
                           const char *rule)
{
    char line[LINE_CAP], src[PM_ADDR_TEXT], dst[PM_ADDR_TEXT];
    if (data->is_gone) {
        int len = snprintf(line, sizeof line, "gone stream=%" PRIu64 "\n", data->stream);
        return put_line(out, line, len, 0);
    }
    pm_addr_text(&data->ends.src, src);
    pm_addr_text(&data->ends.dst, dst);
    int len = snprintf(line, sizeof line,
                       "data stream=%" PRIu64 " offset=%" PRIu64
                       " len=%zu end=%d dir=%s to=%s src=%s sport=%u dst=%s dport=%u flow=%" PRIu64
                       " rule=%s\n",
                       data->stream, data->offset, data->len, data->is_end,
                       data->dir == PM_DIR_IN ? "in" : "out", data->to_server ? "server" : "client",
                       src, data->ends.src_port, dst, data->ends.dst_port, data->flow_id, rule);
    return put_line(out, line, len, data->len) && pm_buffer_put(out, data->bytes, data->len);
}

bool pm_message_write_sync(struct pm_buffer *out, uint64_t n)
{
    char line[LINE_CAP];
    return put_line(out, line, snprintf(line, sizeof line, "sync n=%" PRIu64 "\n", n), 0);
}
