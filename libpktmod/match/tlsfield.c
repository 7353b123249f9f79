/* tlsfield.c - reading the fields of the TLS hello that a flow began with. */
#include "match/tlsfield.h"

#include "proto/tls.h"

static void put_number(struct pm_reading *out, uint32_t number)
{
    out->number[out->count++] = number;
}

static void put_text(struct pm_reading *out, const uint8_t *text, size_t len)
{
    out->bytes.bytes = text;
    out->bytes.len = len;
    out->count = len > 0;
}

static void read_numbers(const uint16_t *numbers, uint32_t count, struct pm_reading *out)
{
    while (out->next < count && out->count < PM_FIELD_VALUES)
        put_number(out, numbers[out->next++]);
    out->has_more = out->next < count;
}

/* One entry at a time: a reading has one text. */
static void read_alpn(const struct pm_tls_hello *hello, struct pm_reading *out)
{
    if (out->next >= hello->alpn_len)
        return;
    uint8_t len = hello->alpn[out->next];
    put_text(out, hello->alpn + out->next + 1, len);
    out->next += 1u + len;
    out->has_more = out->next < hello->alpn_len;
}

void pm_tlsfield_read(const struct pm_subject *s, enum pm_field field, struct pm_reading *out)
{
    const struct pm_tls_hello *hello = s->hello ? s->hello->tls : NULL;
    if (!hello)
        return;
    switch ((int)field) {
    case PM_FIELD_TLS_NAME:
        put_text(out, hello->name, hello->name_len);
        break;
    case PM_FIELD_TLS_ALPN:
        read_alpn(hello, out);
        break;
    case PM_FIELD_TLS_VERSION:
        put_number(out, hello->version);
        break;
    case PM_FIELD_TLS_SUPPORTED:
        read_numbers(hello->versions, hello->version_count, out);
        break;
    case PM_FIELD_TLS_EXTENSION:
        read_numbers(hello->types, hello->type_count, out);
        break;
    case PM_FIELD_TLS_JA3:
        put_text(out, hello->ja3, PM_TLS_JA3_LEN);
        break;
    case PM_FIELD_TLS_JA4:
        put_text(out, hello->ja4, hello->ja4_len);
        break;
    default:
        break;
    }
}
