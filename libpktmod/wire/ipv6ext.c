/* ipv6ext.c - from the fixed IPv6 header to what it carries. */
#include "wire/ipv6ext.h"

#include "base/bytes.h"

enum ext {
    EXT_HOP_BY_HOP = 0,
    EXT_ROUTING = 43,
    EXT_FRAGMENT = 44,
    EXT_ESP = 50,
    EXT_AH = 51,
    EXT_DESTINATION = 60,
    EXT_MOBILITY = 135,
    EXT_HIP = 139,
    EXT_SHIM6 = 140,
};

enum option {
    OPT_PAD1 = 0,
    OPT_JUMBO = 0xc2,
    OPT_HOME_ADDRESS = 0xc9, /* RFC 6275: checksums are over this source, not the one in front */
};

#define FRAGMENT_LEN 8

/* Looks for an option in a hop-by-hop or destination header of that whole length. */
static const uint8_t *find_option(const uint8_t *ext, size_t ext_len, uint8_t kind,
                                  bool *is_malformed)
{
    *is_malformed = false;
    size_t off = 2;
    while (off < ext_len) {
        if (ext[off] == OPT_PAD1) {
            off++;
            continue;
        }
        if (ext_len - off < 2 || ext[off + 1] > ext_len - off - 2) {
            *is_malformed = true;
            return NULL;
        }
        if (ext[off] == kind)
            return ext + off;
        off += 2u + ext[off + 1];
    }
    return NULL;
}

uint32_t pm_ipv6ext_jumbo_len(const uint8_t *ext, size_t len)
{
    if (len < 8 || (size_t)(ext[1] + 1) * 8 > len)
        return 0;
    bool is_malformed;
    const uint8_t *option = find_option(ext, (size_t)(ext[1] + 1) * 8, OPT_JUMBO, &is_malformed);
    return option != NULL && option[1] == 4 ? pm_get32(option + 2) : 0;
}

/* Length of the extension header at ext (8 bytes can be read); 0: that type is none. */
static uint32_t ext_len(uint8_t type, const uint8_t *ext)
{
    switch (type) {
    case EXT_HOP_BY_HOP:
    case EXT_ROUTING:
    case EXT_DESTINATION:
    case EXT_MOBILITY:
    case EXT_HIP:
    case EXT_SHIM6:
        return (ext[1] + 1u) * 8;
    case EXT_FRAGMENT:
        return FRAGMENT_LEN;
    case EXT_AH:
        return (ext[1] + 2u) * 4;
    default:
        return 0;
    }
}

bool pm_ipv6ext_is(uint8_t type)
{
    static const uint8_t any[FRAGMENT_LEN];
    return ext_len(type, any) != 0;
}

static void note_fragment(struct pm_headers *h, const uint8_t *ext)
{
    uint16_t word = pm_get16(ext + 2);
    bool has_offset = (word & 0xfff8) != 0;
    if (!has_offset && (word & 1) == 0)
        return;                                                /* atomic (RFC 6946) */
    h->is_unmodifiable = h->is_unmodifiable || h->is_fragment; /* a fragment of a fragment */
    h->is_first_fragment = !has_offset;
    h->is_fragment = true;
    h->fragment_off = h->l4_off;
}

/* False: a jumbo length beside an ordinary one. */
static bool note_hop_by_hop(struct pm_headers *h, const uint8_t *ext, uint32_t len)
{
    bool is_malformed;
    bool has_jumbo = find_option(ext, len, OPT_JUMBO, &is_malformed) != NULL;
    bool is_jumbo = h->ip_len > PM_IPV6_FIXED_LEN + UINT16_MAX;
    h->is_unmodifiable = h->is_unmodifiable || is_malformed || has_jumbo;
    return !has_jumbo || is_jumbo;
}

static void note_destination(struct pm_headers *h, const uint8_t *ext, uint32_t len)
{
    bool is_malformed;
    if (find_option(ext, len, OPT_HOME_ADDRESS, &is_malformed) != NULL || is_malformed)
        h->is_unmodifiable = true;
}

static bool note_ext(struct pm_headers *h, const uint8_t *ext, uint32_t len)
{
    switch (h->ip_proto) {
    case EXT_HOP_BY_HOP:
        return note_hop_by_hop(h, ext, len);
    case EXT_DESTINATION:
        note_destination(h, ext, len);
        return true;
    case EXT_ROUTING:
        h->is_unmodifiable = h->is_unmodifiable || ext[3] != 0; /* segments left */
        return true;
    case EXT_AH:
        h->is_unmodifiable = true;
        return true;
    case EXT_FRAGMENT:
        note_fragment(h, ext);
        return true;
    default:
        return true;
    }
}

bool pm_ipv6ext_walk(struct pm_headers *h)
{
    for (unsigned count = 0; pm_ipv6ext_is(h->ip_proto); count++) {
        const uint8_t *ext = h->data + h->l4_off;
        uint32_t room = h->end - h->l4_off;
        if (count == PM_IPV6_EXT_MAX || room < 8)
            return false;
        uint32_t len = ext_len(h->ip_proto, ext);
        if (len > room || !note_ext(h, ext, len))
            return false;
        h->ip_proto = ext[0];
        h->l4_off += len;
        if (h->is_fragment && !h->is_first_fragment)
            return true;
    }
    h->is_unmodifiable = h->is_unmodifiable || h->ip_proto == EXT_ESP;
    return true;
}

uint32_t pm_ipv6ext_next_field(const uint8_t *l3, uint32_t off)
{
    uint32_t field = 6, at = PM_IPV6_FIXED_LEN;
    while (at < off) {
        uint32_t len = ext_len(l3[field], l3 + at);
        field = at;
        at += len;
    }
    return field;
}
