/* encrypted.c - flows whose text cannot be edited because it is encrypted: told by their first
 * bytes, counted, and else treated as all others. The contract is in rewriter.h. */
#include <string.h>

#include "base/bytes.h"
#include "engine/rewriter.h"
#include "proto/quic.h"

#define RECORD_HEADER 5u
#define RECORD_MAX    (16384u + 2048u) /* of TLS 1.2 with its additions; RFC 5246 section 6.2.3 */

/* A record of any kind: of flows that are seen from their middle on too. */
static bool is_tls(const uint8_t *bytes, size_t len)
{
    return len >= RECORD_HEADER && bytes[0] >= 20 && bytes[0] <= 23 && bytes[1] == 3 &&
           bytes[2] <= 4 && pm_get16(bytes + 3) > 0 && pm_get16(bytes + 3) <= RECORD_MAX;
}

static bool is_ssh(const uint8_t *bytes, size_t len)
{
    return len >= 4 && memcmp(bytes, "SSH-", 4) == 0;
}

static enum pm_cipher cipher_of(const struct pm_headers *h, const uint8_t *bytes, size_t len)
{
    if (h->ip_proto == PM_PROTO_UDP)
        return pm_quic_may_be_initial(bytes, len) ? PM_CIPHER_QUIC : PM_CIPHER_NONE;
    if (h->ip_proto != PM_PROTO_TCP)
        return PM_CIPHER_NONE;
    return is_tls(bytes, len) ? PM_CIPHER_TLS : is_ssh(bytes, len) ? PM_CIPHER_SSH : PM_CIPHER_NONE;
}

void pm_encrypted_look(const struct pm_passage *p)
{
    const struct pm_headers *h = &p->headers;
    struct pm_rewriter_flow *own = pm_rewriter_own(p);
    uint8_t side = (uint8_t)(1u << p->tracked.side);
    if ((own->cipher_looked & side) || h->parse != PM_PARSE_L4 || h->payload_len == 0)
        return;
    own->cipher_looked |= side;
    if (own->cipher == PM_CIPHER_NONE)
        own->cipher = (uint8_t)cipher_of(h, p->buffer + h->payload_off, h->payload_len);
}

void pm_encrypted_count(struct pm_rewriter *r, const struct pm_passage *p)
{
    const struct pm_selection *s = &p->selection;
    struct pm_rewriter_flow *own = pm_rewriter_own(p);
    bool edits_text =
        s->has_replace || s->has_regex || s->has_splice || s->has_datagram || s->external;
    if (own->cipher == PM_CIPHER_NONE || own->cipher_told || !edits_text)
        return;
    own->cipher_told = true;
    pm_count_why(r, PM_WHY_ENCRYPTED);
}

const char *pm_encrypted_name(const struct pm_passage *p)
{
    static const char *const names[] = {NULL, "TLS", "SSH", "QUIC"};
    return p->tracked.flow ? names[pm_rewriter_own(p)->cipher] : NULL;
}
