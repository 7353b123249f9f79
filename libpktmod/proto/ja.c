/* ja.c - fingerprints of TLS clients; the contract is in ja.h. */
#include "proto/ja.h"

#include <string.h>

#include "base/bytes.h"
#include "base/md5.h"
#include "base/sha256.h"

#define HASH_TEXT 12u /* hex digits of a digest in a JA4 */

static const char digits[] = "0123456789abcdef";

static void put_hex(uint8_t *out, const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        out[2 * i] = (uint8_t)digits[bytes[i] >> 4];
        out[2 * i + 1] = (uint8_t)digits[bytes[i] & 15];
    }
}

/* ------------------------------------------------------------------ JA3 */

/* Numbers with '-' between them. */
struct joined {
    struct pm_md5 *md5;
    bool has_some;
};

static void join(struct joined *j, uint16_t number)
{
    char text[5];
    size_t at = sizeof text;
    do {
        text[--at] = digits[number % 10];
        number /= 10;
    } while (number > 0);
    if (j->has_some)
        pm_md5_add(j->md5, "-", 1);
    pm_md5_add(j->md5, text + at, sizeof text - at);
    j->has_some = true;
}

static void join_list(struct pm_md5 *md5, const struct pm_tls_span *list)
{
    struct joined j = {.md5 = md5};
    pm_md5_add(md5, ",", 1);
    for (size_t off = 0; off < list->len; off += 2)
        if (!pm_tls_is_grease(pm_get16(list->bytes + off)))
            join(&j, pm_get16(list->bytes + off));
}

static void join_types(struct pm_md5 *md5, const struct pm_tls_hello *hello)
{
    struct joined j = {.md5 = md5};
    pm_md5_add(md5, ",", 1);
    for (size_t i = 0; i < hello->type_count; i++)
        if (!pm_tls_is_grease(hello->types[i]))
            join(&j, hello->types[i]);
}

static void join_bytes(struct pm_md5 *md5, const struct pm_tls_span *list)
{
    struct joined j = {.md5 = md5};
    pm_md5_add(md5, ",", 1);
    for (size_t off = 0; off < list->len; off++)
        join(&j, list->bytes[off]);
}

void pm_ja3(const struct pm_tls_lists *lists, struct pm_tls_hello *hello)
{
    struct pm_md5 md5;
    uint8_t digest[PM_MD5_LEN];
    pm_md5_begin(&md5);
    struct joined version = {.md5 = &md5};
    join(&version, hello->version);
    join_list(&md5, &lists->ciphers);
    join_types(&md5, hello);
    join_list(&md5, &lists->groups);
    join_bytes(&md5, &lists->formats);
    pm_md5_end(&md5, digest);
    put_hex(hello->ja3, digest, sizeof digest);
}

/* ------------------------------------------------------------------ JA4 */

/* Numbers in order of size. */
struct sorted {
    uint16_t numbers[PM_JA4_CIPHERS_MAX];
    size_t count;
};

_Static_assert(PM_JA4_CIPHERS_MAX >= PM_TLS_TYPES_MAX, "extensions have room to be sorted");

static void insert(struct sorted *s, uint16_t number)
{
    size_t at = s->count++;
    for (; at > 0 && s->numbers[at - 1] > number; at--)
        s->numbers[at] = s->numbers[at - 1];
    s->numbers[at] = number;
}

/* False: there are more than can be sorted. */
static bool sort_ciphers(const struct pm_tls_span *list, struct sorted *out)
{
    out->count = 0;
    for (size_t off = 0; off < list->len; off += 2) {
        uint16_t number = pm_get16(list->bytes + off);
        if (pm_tls_is_grease(number))
            continue;
        if (out->count == PM_JA4_CIPHERS_MAX)
            return false;
        insert(out, number);
    }
    return true;
}

/* All of them are counted, but two are told elsewhere in the JA4. */
static size_t sort_types(const struct pm_tls_hello *hello, struct sorted *out)
{
    size_t all = 0;
    out->count = 0;
    for (size_t i = 0; i < hello->type_count; i++) {
        uint16_t type = hello->types[i];
        all += !pm_tls_is_grease(type);
        if (!pm_tls_is_grease(type) && type != PM_TLS_SERVER_NAME && type != PM_TLS_ALPN)
            insert(out, type);
    }
    return all;
}

static void add_hex(struct pm_sha256 *sha, char before, uint16_t number)
{
    uint8_t bytes[2], text[5] = {(uint8_t)before};
    pm_put16(bytes, number);
    put_hex(text + 1, bytes, sizeof bytes);
    pm_sha256_add(sha, before ? text : text + 1, before ? 5 : 4);
}

static void add_sorted(struct pm_sha256 *sha, const struct sorted *s)
{
    for (size_t i = 0; i < s->count; i++)
        add_hex(sha, i > 0 ? ',' : 0, s->numbers[i]);
}

/* The beginning of the digest; zeros where the list is empty. */
static void put_hash(uint8_t *out, struct pm_sha256 *sha, bool is_empty)
{
    uint8_t digest[PM_SHA256_LEN];
    pm_sha256_end(sha, digest);
    if (is_empty)
        memset(digest, 0, sizeof digest);
    put_hex(out, digest, HASH_TEXT / 2);
}

static void put_count(uint8_t *out, size_t count)
{
    count = count < 99 ? count : 99;
    out[0] = (uint8_t)digits[count / 10];
    out[1] = (uint8_t)digits[count % 10];
}

static uint16_t highest_version(const struct pm_tls_hello *hello)
{
    uint16_t highest = 0;
    for (size_t i = 0; i < hello->version_count; i++)
        if (!pm_tls_is_grease(hello->versions[i]) && hello->versions[i] > highest)
            highest = hello->versions[i];
    return highest ? highest : hello->version;
}

static const char *name_of_version(uint16_t version)
{
    switch (version) {
    case 0x0304:
        return "13";
    case 0x0303:
        return "12";
    case 0x0302:
        return "11";
    case 0x0301:
        return "10";
    case 0x0300:
        return "s3";
    case 0x0002:
        return "s2";
    default:
        return "00";
    }
}

static bool is_alphanumeric(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* The first and the last character of the first protocol; of other bytes, of their hex. */
static void put_alpn(uint8_t *out, const struct pm_tls_hello *hello)
{
    if (hello->alpn_len == 0) {
        memset(out, '0', 2);
        return;
    }
    uint8_t first = hello->alpn[1], last = hello->alpn[hello->alpn[0]];
    bool is_text = is_alphanumeric(first) && is_alphanumeric(last);
    out[0] = is_text ? first : (uint8_t)digits[first >> 4];
    out[1] = is_text ? last : (uint8_t)digits[last & 15];
}

static bool has_name(const struct pm_tls_hello *hello)
{
    for (size_t i = 0; i < hello->type_count; i++)
        if (hello->types[i] == PM_TLS_SERVER_NAME)
            return true;
    return false;
}

void pm_ja4(const struct pm_tls_lists *lists, struct pm_tls_hello *hello)
{
    struct sorted sorted;
    struct pm_sha256 sha;
    uint8_t *out = hello->ja4;
    if (!sort_ciphers(&lists->ciphers, &sorted))
        return;
    hello->ja4_len = PM_TLS_JA4_LEN;
    out[0] = lists->is_quic ? 'q' : 't';
    memcpy(out + 1, name_of_version(highest_version(hello)), 2);
    out[3] = has_name(hello) ? 'd' : 'i';
    put_count(out + 4, sorted.count);
    pm_sha256_begin(&sha);
    add_sorted(&sha, &sorted);
    out[10] = out[11 + HASH_TEXT] = '_';
    put_hash(out + 11, &sha, sorted.count == 0);

    put_count(out + 6, sort_types(hello, &sorted));
    put_alpn(out + 8, hello);
    pm_sha256_begin(&sha);
    add_sorted(&sha, &sorted);
    bool has_signatures = false;
    for (size_t off = 0; off < lists->signatures.len; off += 2) {
        uint16_t number = pm_get16(lists->signatures.bytes + off);
        if (pm_tls_is_grease(number))
            continue;
        add_hex(&sha, has_signatures ? ',' : '_', number);
        has_signatures = true;
    }
    put_hash(out + 12 + HASH_TEXT, &sha, sorted.count == 0);
}
