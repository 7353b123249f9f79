/* tls.c - gathering a ClientHello and reading it; the contract is in tls.h. */
#include "proto/tls.h"

#include <string.h>

#include "base/bytes.h"
#include "proto/ja.h"

#define RECORD_HANDSHAKE 22
#define RECORD_MAJOR     3
#define RECORD_MAX       16384u
#define CLIENT_HELLO     1
#define RANDOM_LEN       32u

/* ------------------------------------------------------------------ gathering */

/* Each byte of a record's header is judged as it comes: what is no TLS is told at once. */
static bool header_may_be(const struct pm_tls_gather *g)
{
    const uint8_t *h = g->header;
    if (g->header_len == 1)
        return h[0] == RECORD_HANDSHAKE;
    if (g->header_len == 2)
        return h[1] == RECORD_MAJOR;
    if (g->header_len < sizeof g->header)
        return true;
    uint16_t len = pm_get16(h + 3);
    return len > 0 && len <= RECORD_MAX;
}

enum pm_tls_answer pm_tls_message_answer(const uint8_t *message, size_t len)
{
    if (len > 0 && message[0] != CLIENT_HELLO)
        return PM_TLS_NONE;
    if (len < PM_TLS_HEADER)
        return PM_TLS_MORE;
    uint32_t body = pm_get32(message) & 0xffffff;
    if (body > PM_TLS_MESSAGE_MAX - PM_TLS_HEADER)
        return PM_TLS_TOO_LONG;
    return len - PM_TLS_HEADER >= body ? PM_TLS_WHOLE : PM_TLS_MORE;
}

/* Of the record at hand; answers how many bytes it took. */
static size_t take_body(struct pm_tls_gather *g, uint8_t *message, const uint8_t *bytes, size_t len)
{
    size_t room = PM_TLS_MESSAGE_MAX - g->len;
    size_t part = len < g->record_left ? len : g->record_left;
    part = part < room ? part : room;
    memcpy(message + g->len, bytes, part);
    g->len += (uint32_t)part;
    g->record_left -= (uint16_t)part;
    return part;
}

enum pm_tls_answer pm_tls_gather(struct pm_tls_gather *g, uint8_t *message, const uint8_t *bytes,
                                 size_t len)
{
    size_t off = 0;
    while (off < len) {
        if (g->record_left > 0) {
            off += take_body(g, message, bytes + off, len - off);
            enum pm_tls_answer answer = pm_tls_message_answer(message, g->len);
            if (answer != PM_TLS_MORE)
                return answer;
            continue;
        }
        g->header[g->header_len++] = bytes[off++];
        if (!header_may_be(g))
            return PM_TLS_NONE;
        if (g->header_len == sizeof g->header) {
            g->record_left = pm_get16(g->header + 3);
            g->header_len = 0;
        }
    }
    return PM_TLS_MORE;
}

/* ------------------------------------------------------------------ reading */

/* Takes `want` bytes off the front. False: there are not so many. */
static bool cut(struct pm_tls_span *from, size_t want, struct pm_tls_span *out)
{
    if (want > from->len)
        return false;
    *out = (struct pm_tls_span){from->bytes, want};
    from->bytes += want;
    from->len -= want;
    return true;
}

/* Takes a length of `width` bytes, and so many bytes, off the front. */
static bool cut_counted(struct pm_tls_span *from, size_t width, struct pm_tls_span *out)
{
    struct pm_tls_span count;
    if (!cut(from, width, &count))
        return false;
    return cut(from, width == 1 ? count.bytes[0] : pm_get16(count.bytes), out);
}

/* A list of 16-bit numbers, and nothing else. */
static bool is_list(const struct pm_tls_span *span)
{
    return span->len % 2 == 0;
}

static uint8_t small(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

/* The list may have one name of each kind, and kind 0 is a host's; servers read the first. */
static bool read_name(struct pm_tls_span body, struct pm_tls_hello *out)
{
    struct pm_tls_span list, kind, name;
    if (!cut_counted(&body, 2, &list) || body.len > 0 || !cut(&list, 1, &kind) ||
        !cut_counted(&list, 2, &name) || kind.bytes[0] != 0 || list.len > 0)
        return false;
    if (name.len > 0 && name.bytes[name.len - 1] == '.')
        name.len--;
    if (name.len == 0 || name.len > PM_TLS_NAME_MAX)
        return false;
    out->name_len = (uint8_t)name.len;
    for (size_t i = 0; i < name.len; i++)
        out->name[i] = small(name.bytes[i]);
    return true;
}

static bool read_alpn(struct pm_tls_span body, struct pm_tls_hello *out)
{
    struct pm_tls_span list, entry;
    if (!cut_counted(&body, 2, &list) || body.len > 0 || list.len == 0 ||
        list.len > PM_TLS_ALPN_MAX)
        return false;
    memcpy(out->alpn, list.bytes, list.len);
    out->alpn_len = (uint8_t)list.len;
    while (list.len > 0)
        if (!cut_counted(&list, 1, &entry) || entry.len == 0)
            return false;
    return true;
}

static bool read_versions(struct pm_tls_span body, struct pm_tls_hello *out)
{
    struct pm_tls_span list;
    if (!cut_counted(&body, 1, &list) || body.len > 0 || !is_list(&list) ||
        list.len / 2 > PM_TLS_VERSIONS_MAX)
        return false;
    out->version_count = (uint8_t)(list.len / 2);
    for (size_t i = 0; i < out->version_count; i++)
        out->versions[i] = pm_get16(list.bytes + 2 * i);
    return true;
}

static bool read_list(struct pm_tls_span body, size_t width, struct pm_tls_span *out)
{
    return cut_counted(&body, width, out) && body.len == 0;
}

static bool read_extension(uint16_t type, struct pm_tls_span body, struct pm_tls_lists *lists,
                           struct pm_tls_hello *out)
{
    switch (type) {
    case PM_TLS_SERVER_NAME:
        return read_name(body, out);
    case PM_TLS_ALPN:
        return read_alpn(body, out);
    case PM_TLS_SUPPORTED_VERSIONS:
        return read_versions(body, out);
    case PM_TLS_GROUPS:
        return read_list(body, 2, &lists->groups) && is_list(&lists->groups);
    case PM_TLS_POINT_FORMATS:
        return read_list(body, 1, &lists->formats);
    case PM_TLS_SIGNATURES:
        return read_list(body, 2, &lists->signatures) && is_list(&lists->signatures);
    default:
        return true;
    }
}

static bool has_type(const struct pm_tls_hello *hello, uint16_t type)
{
    for (uint32_t i = 0; i < hello->type_count; i++)
        if (hello->types[i] == type)
            return true;
    return false;
}

static bool read_extensions(struct pm_tls_span all, struct pm_tls_lists *lists,
                            struct pm_tls_hello *out)
{
    while (all.len > 0) {
        struct pm_tls_span type, body;
        if (!cut(&all, 2, &type) || !cut_counted(&all, 2, &body) ||
            out->type_count == PM_TLS_TYPES_MAX)
            return false;
        uint16_t number = pm_get16(type.bytes);
        if (has_type(out, number) || !read_extension(number, body, lists, out))
            return false;
        out->types[out->type_count++] = number;
    }
    return true;
}

bool pm_tls_hello_read(const uint8_t *message, size_t len, bool is_quic, struct pm_tls_hello *out)
{
    struct pm_tls_lists lists = {.is_quic = is_quic};
    struct pm_tls_span version, skipped, extensions = {NULL, 0};
    memset(out, 0, sizeof *out);
    if (pm_tls_message_answer(message, len) != PM_TLS_WHOLE)
        return false;
    struct pm_tls_span rest = {message + PM_TLS_HEADER, pm_get32(message) & 0xffffff};
    if (!cut(&rest, 2, &version) || !cut(&rest, RANDOM_LEN, &skipped) ||
        !cut_counted(&rest, 1, &skipped) || !cut_counted(&rest, 2, &lists.ciphers) ||
        !is_list(&lists.ciphers) || !cut_counted(&rest, 1, &skipped))
        return false;
    out->version = pm_get16(version.bytes);
    if (rest.len > 0 && (!cut_counted(&rest, 2, &extensions) || rest.len > 0))
        return false;
    if (!read_extensions(extensions, &lists, out))
        return false;
    pm_ja3(&lists, out);
    pm_ja4(&lists, out);
    return true;
}
