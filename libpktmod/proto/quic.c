/* quic.c - opening a client's Initial packets and gathering what their CRYPTO frames carry; the
 * contract is in quic.h. */
#include "proto/quic.h"

#include <string.h>

#include "base/bytes.h"
#include "base/sha256.h"

#define LONG_HEADER 0x80
#define FIXED_BIT   0x40
#define VERSION_1   UINT32_C(0x00000001)
#define VERSION_2   UINT32_C(0x6b3343cf)
#define SAMPLE_OFF  4u /* behind the beginning of the packet's number */
#define LABEL_MAX   40u

struct span {
    const uint8_t *bytes;
    size_t len;
};

/* ------------------------------------------------------------------ headers */

/* One packet of a datagram. */
struct packet {
    const uint8_t *bytes;
    size_t number_off; /* where its number stands; what follows is sealed */
    size_t len;
    uint32_t version;
    bool is_initial;
    struct span id;
};

static bool cut(struct span *from, size_t want, struct span *out)
{
    if (want > from->len)
        return false;
    *out = (struct span){from->bytes, want};
    from->bytes += want;
    from->len -= want;
    return true;
}

/* The two highest bits of the first byte say how many follow (RFC 9000 section 16). */
static bool cut_varint(struct span *from, uint64_t *out)
{
    struct span bytes;
    if (from->len == 0 || !cut(from, (size_t)1 << (from->bytes[0] >> 6), &bytes))
        return false;
    *out = bytes.bytes[0] & 0x3f;
    for (size_t i = 1; i < bytes.len; i++)
        *out = *out << 8 | bytes.bytes[i];
    return true;
}

static bool cut_counted(struct span *from, uint64_t want, struct span *out)
{
    return want <= from->len && cut(from, (size_t)want, out);
}

static bool cut_id(struct span *from, struct span *out)
{
    struct span len;
    return cut(from, 1, &len) && len.bytes[0] <= PM_QUIC_ID_MAX && cut(from, len.bytes[0], out);
}

/* Types of long headers: Initial, 0-RTT, Handshake, Retry; version 2 counts from 1. */
static unsigned type_of(uint8_t first, uint32_t version)
{
    unsigned type = first >> 4 & 3;
    return version == VERSION_2 ? (type + 3) & 3 : type;
}

/* The packet with a long header that `rest` begins with, and takes it off. */
static bool cut_packet(struct span *rest, struct packet *out)
{
    struct span whole = *rest, first, version, scid, token;
    uint64_t len;
    if (!cut(rest, 1, &first) ||
        (first.bytes[0] & (LONG_HEADER | FIXED_BIT)) != (LONG_HEADER | FIXED_BIT) ||
        !cut(rest, 4, &version))
        return false;
    out->version = pm_get32(version.bytes);
    unsigned type = type_of(first.bytes[0], out->version);
    if ((out->version != VERSION_1 && out->version != VERSION_2) || type == 3 ||
        !cut_id(rest, &out->id) || !cut_id(rest, &scid))
        return false;
    out->is_initial = type == 0;
    if (out->is_initial && (!cut_varint(rest, &len) || !cut_counted(rest, len, &token)))
        return false;
    if (!cut_varint(rest, &len) || len > rest->len)
        return false;
    out->bytes = whole.bytes;
    out->number_off = (size_t)(rest->bytes - whole.bytes);
    out->len = out->number_off + (size_t)len;
    rest->bytes += len;
    rest->len -= (size_t)len;
    return true;
}

bool pm_quic_may_be_initial(const uint8_t *bytes, size_t len)
{
    if (len < 5 || (bytes[0] & (LONG_HEADER | FIXED_BIT)) != (LONG_HEADER | FIXED_BIT))
        return false;
    uint32_t version = pm_get32(bytes + 1);
    return (version == VERSION_1 || version == VERSION_2) && type_of(bytes[0], version) == 0;
}

bool pm_quic_is_initial(const uint8_t *datagram, size_t len)
{
    struct span rest = {datagram, len};
    struct packet packet;
    return len >= PM_QUIC_LEAST && cut_packet(&rest, &packet) && packet.is_initial;
}

/* ------------------------------------------------------------------ keys */

struct keys {
    uint8_t key[PM_AES_KEY], nonce[PM_GCM_NONCE], mask[PM_AES_KEY];
};

/* HKDF-Expand-Label (RFC 8446 section 7.1), without a context. */
static void expand(const uint8_t secret[PM_SHA256_LEN], const char *label, uint8_t *out, size_t len)
{
    static const char before[] = "tls13 ";
    uint8_t info[LABEL_MAX];
    size_t label_len = strlen(label), before_len = sizeof before - 1;
    pm_put16(info, (uint16_t)len);
    info[2] = (uint8_t)(before_len + label_len);
    memcpy(info + 3, before, before_len);
    memcpy(info + 3 + before_len, label, label_len);
    info[3 + before_len + label_len] = 0;
    pm_hkdf_expand(secret, info, 4 + before_len + label_len, out, len);
}

static void derive(uint32_t version, const struct span *id, struct keys *out)
{
    static const uint8_t salt_1[] = {0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17,
                                     0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a};
    static const uint8_t salt_2[] = {0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93,
                                     0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9};
    bool is_2 = version == VERSION_2;
    uint8_t secret[PM_SHA256_LEN], client[PM_SHA256_LEN];
    pm_hmac_sha256(is_2 ? salt_2 : salt_1, sizeof salt_1, id->bytes, id->len, secret);
    expand(secret, "client in", client, sizeof client);
    expand(client, is_2 ? "quicv2 key" : "quic key", out->key, sizeof out->key);
    expand(client, is_2 ? "quicv2 iv" : "quic iv", out->nonce, sizeof out->nonce);
    expand(client, is_2 ? "quicv2 hp" : "quic hp", out->mask, sizeof out->mask);
}

/* ------------------------------------------------------------------ opening */

/* The first byte and the number are hidden by a mask that follows from the sealed bytes. Answers
 * the length of the header with its number, in the clear in `header`; 0: it is too short. */
static size_t unmask(const struct pm_quic_room *room, const struct packet *p,
                     const struct keys *keys, uint8_t *header, uint8_t nonce[PM_GCM_NONCE])
{
    uint8_t mask[PM_AES_BLOCK];
    if (p->len - p->number_off < SAMPLE_OFF + PM_AES_BLOCK ||
        !pm_quiccrypt_block(room->crypt, keys->mask, p->bytes + p->number_off + SAMPLE_OFF, mask))
        return 0;
    memcpy(header, p->bytes, p->number_off + SAMPLE_OFF);
    header[0] ^= mask[0] & 0x0f;
    size_t number_len = (header[0] & 3u) + 1;
    memcpy(nonce, keys->nonce, PM_GCM_NONCE);
    for (size_t i = 0; i < number_len; i++) {
        header[p->number_off + i] ^= mask[1 + i];
        nonce[PM_GCM_NONCE - number_len + i] ^= header[p->number_off + i];
    }
    return p->number_off + number_len;
}

/* The frames of the packet, in room->text. */
static bool open_with(const struct pm_quic_room *room, const struct packet *p,
                      const struct span *id, struct span *frames)
{
    struct keys keys;
    uint8_t nonce[PM_GCM_NONCE], *header = room->text;
    derive(p->version, id, &keys);
    size_t header_len = unmask(room, p, &keys, header, nonce);
    if (header_len == 0 || p->len - header_len < PM_GCM_TAG)
        return false;
    const struct pm_sealed sealed = {.key = keys.key,
                                     .nonce = nonce,
                                     .aad = header,
                                     .aad_len = header_len,
                                     .bytes = p->bytes + header_len,
                                     .len = p->len - header_len};
    *frames = (struct span){header + header_len, sealed.len - PM_GCM_TAG};
    return pm_quiccrypt_open(room->crypt, &sealed, header + header_len);
}

/* A server that asks for a Retry gives the client another id, and with it other keys. */
static bool open_packet(struct pm_quic_gather *g, const struct pm_quic_room *room,
                        const struct packet *p, struct span *frames)
{
    const struct span known = {g->id, g->id_len};
    if (p->len > PM_QUIC_PACKETS)
        return false;
    if (g->has_id && open_with(room, p, &known, frames))
        return true;
    if (!open_with(room, p, &p->id, frames))
        return false;
    memcpy(g->id, p->id.bytes, p->id.len);
    g->id_len = (uint8_t)p->id.len;
    g->has_id = true;
    return true;
}

/* ------------------------------------------------------------------ frames */

static bool has_byte(const struct pm_quic_gather *g, size_t off)
{
    return g->has[off / 8] >> off % 8 & 1;
}

/* False: there is another byte in that place. */
static bool put_bytes(struct pm_quic_gather *g, uint8_t *message, uint64_t off,
                      const struct span *bytes)
{
    for (size_t i = 0; i < bytes->len && off + i < PM_TLS_MESSAGE_MAX; i++) {
        size_t at = (size_t)off + i;
        if (has_byte(g, at) && message[at] != bytes->bytes[i])
            return false;
        message[at] = bytes->bytes[i];
        g->has[at / 8] |= (uint8_t)(1u << at % 8);
    }
    while (g->len < PM_TLS_MESSAGE_MAX && has_byte(g, g->len))
        g->len++;
    return true;
}

/* Largest, delay, ranges: a count, the first, then pairs; of kind 3 three counters (section 19.3).
 */
static bool skip_ack(struct span *rest, bool has_counters)
{
    uint64_t largest, delay, count, number;
    if (!cut_varint(rest, &largest) || !cut_varint(rest, &delay) || !cut_varint(rest, &count) ||
        !cut_varint(rest, &number) || count > rest->len)
        return false;
    for (uint64_t i = 0; i < 2 * count + (has_counters ? 3 : 0); i++)
        if (!cut_varint(rest, &number))
            return false;
    return true;
}

enum frame { FRAME_DONE, FRAME_BAD, FRAME_OTHER };

/* OTHER: nothing behind it is of use. */
static enum frame take_frame(struct pm_quic_gather *g, uint8_t *message, struct span *rest)
{
    uint64_t type, off, len;
    struct span bytes;
    if (!cut_varint(rest, &type))
        return FRAME_OTHER;
    if (type <= 1) /* PADDING, PING */
        return FRAME_DONE;
    if (type == 2 || type == 3)
        return skip_ack(rest, type == 3) ? FRAME_DONE : FRAME_OTHER;
    if (type != 6 || !cut_varint(rest, &off) || !cut_varint(rest, &len) ||
        !cut_counted(rest, len, &bytes))
        return FRAME_OTHER;
    return put_bytes(g, message, off, &bytes) ? FRAME_DONE : FRAME_BAD;
}

enum pm_tls_answer pm_quic_gather(struct pm_quic_gather *g, uint8_t *message,
                                  const struct pm_quic_room *room, const uint8_t *datagram,
                                  size_t len)
{
    struct span rest = {datagram, len}, frames;
    struct packet packet;
    while (cut_packet(&rest, &packet)) {
        if (!packet.is_initial || !open_packet(g, room, &packet, &frames))
            continue;
        enum frame frame = FRAME_DONE;
        while (frames.len > 0 && frame == FRAME_DONE)
            frame = take_frame(g, message, &frames);
        if (frame == FRAME_BAD)
            return PM_TLS_BAD;
    }
    return pm_tls_message_answer(message, g->len);
}
