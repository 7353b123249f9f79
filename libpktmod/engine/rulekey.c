/* rulekey.c - keys of what a rule counts; the contract is in rulekey.h. */
#include "engine/rulekey.h"

#include <string.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "match/field.h"

/* The second half of a key is hashed under another one. */
#define OTHER_HALF UINT64_C(0x706b746d6b657932)

#define VALUE_MAX 16u
#define FIELD_MAX (1 + PM_FIELD_VALUES * VALUE_MAX)
#define KEY_MAX   (2 + 8 + 8 + PM_KEY_FIELDS * FIELD_MAX)

struct writer {
    const uint64_t *hash_key;
    uint8_t bytes[KEY_MAX];
    size_t len;
};

static void put(struct writer *w, const void *bytes, size_t len)
{
    memcpy(w->bytes + w->len, bytes, len);
    w->len += len;
}

static void put32(struct writer *w, uint32_t number)
{
    uint8_t bytes[4];
    pm_put32(bytes, number);
    put(w, bytes, sizeof bytes);
}

static void put64(struct writer *w, uint64_t number)
{
    put32(w, (uint32_t)(number >> 32));
    put32(w, (uint32_t)number);
}

static struct pm_key hash(const uint64_t hash_key[2], const void *bytes, size_t len)
{
    const uint64_t other[2] = {hash_key[0] ^ OTHER_HALF, hash_key[1]};
    return (struct pm_key){.a = pm_hash(hash_key, bytes, len), .b = pm_hash(other, bytes, len)};
}

static void put_numbers(struct writer *w, const struct pm_reading *r)
{
    bool is_swapped = r->count == 2 && r->number[1] < r->number[0];
    for (uint32_t i = 0; i < r->count; i++)
        put32(w, r->number[is_swapped ? 1 - i : i]);
}

static void put_addrs(struct writer *w, const struct pm_reading *r)
{
    size_t len = r->addr_version == 4 ? 4 : 16;
    bool is_swapped = r->count == 2 && memcmp(r->addr[1], r->addr[0], len) < 0;
    for (uint32_t i = 0; i < r->count; i++)
        put(w, r->addr[is_swapped ? 1 - i : i], len);
}

static void put_field(struct writer *w, const struct pm_subject *s, enum pm_field field)
{
    struct pm_reading r;
    pm_field_read(s, field, &r);
    uint8_t count = (uint8_t)r.count;
    put(w, &count, 1);
    if (r.count == 0)
        return;
    switch (pm_field_info(field)->kind) {
    case PM_KIND_UINT:
    case PM_KIND_FLAG:
    case PM_KIND_ENUM:
        put_numbers(w, &r);
        break;
    case PM_KIND_ADDR:
        put_addrs(w, &r);
        break;
    case PM_KIND_MAC:
        put(w, r.mac, 6);
        break;
    case PM_KIND_TEXT:
    case PM_KIND_BYTES: {
        struct pm_key of_bytes = hash(w->hash_key, r.bytes.bytes, r.bytes.len);
        put64(w, of_bytes.a);
        put64(w, of_bytes.b);
        break;
    }
    case PM_KIND_BPF:
        break;
    }
}

struct pm_key pm_rule_key(const uint64_t hash_key[2], enum pm_key_use use, uint64_t kin,
                          const struct pm_key_spec *spec, const struct pm_subject *s,
                          const struct pm_flow *flow)
{
    struct writer w = {.hash_key = hash_key, .len = 0};
    uint8_t head[2] = {(uint8_t)use, (uint8_t)spec->per};
    put(&w, head, sizeof head);
    put64(&w, kin);
    if (spec->per == PM_PER_FLOW)
        put64(&w, flow ? flow->id : 0);
    for (uint32_t i = 0; spec->per == PM_PER_FIELDS && i < spec->field_count; i++)
        put_field(&w, s, spec->fields[i]);
    return hash(hash_key, w.bytes, w.len);
}
