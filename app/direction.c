/* direction.c - tells outgoing from incoming packets of a recording. */
#include "app/direction.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "app/byteorder.h"

enum { LINK_SLL = 113, LINK_SLL2 = 276 };

/* Digits only, at most 3; UINT_MAX-like answer for anything else. */
static unsigned read_bits(const char *text, unsigned most)
{
    unsigned bits = 0;
    size_t len = strlen(text);
    if (len == 0 || len > 3 || strspn(text, "0123456789") != len)
        return most + 1;
    for (size_t i = 0; i < len; i++)
        bits = bits * 10 + (unsigned)(text[i] - '0');
    return bits;
}

static bool parse_prefix(struct pm_prefix *prefix, const char *start, size_t len)
{
    char text[PM_ADDR_TEXT + 8];
    if (len >= sizeof text)
        return false;
    memcpy(text, start, len);
    text[len] = '\0';
    char *slash = strchr(text, '/');
    if (slash != NULL)
        *slash = '\0';
    memset(prefix, 0, sizeof *prefix);
    prefix->addr.version = strchr(text, ':') != NULL ? 6 : 4;
    unsigned most = prefix->addr.version == 6 ? 128 : 32;
    if (inet_pton(most == 128 ? AF_INET6 : AF_INET, text, prefix->addr.bytes) != 1)
        return false;
    unsigned bits = slash == NULL ? most : read_bits(slash + 1, most);
    prefix->bits = (uint8_t)bits;
    return bits <= most;
}

bool pm_local_parse(struct pm_local *local, const char *text, const char **bad)
{
    size_t most = 1;
    for (const char *p = text; *p != '\0'; p++)
        most += *p == ',' ? 1 : 0;
    struct pm_prefix *grown = realloc(local->prefixes, (local->count + most) * sizeof *grown);
    *bad = NULL;
    if (grown == NULL)
        return false;
    local->prefixes = grown;
    for (const char *p = text;; p++) {
        size_t len = strcspn(p, ",");
        *bad = p;
        if (!parse_prefix(&local->prefixes[local->count], p, len))
            return false;
        local->count++;
        p += len;
        if (*p == '\0')
            return true;
    }
}

void pm_local_free(struct pm_local *local)
{
    free(local->prefixes);
    *local = (struct pm_local){0};
}

static bool covers(const struct pm_prefix *prefix, const struct pm_addr *addr)
{
    unsigned whole = prefix->bits / 8u, rest = prefix->bits % 8u;
    if (prefix->addr.version != addr->version ||
        memcmp(prefix->addr.bytes, addr->bytes, whole) != 0)
        return false;
    return rest == 0 || (prefix->addr.bytes[whole] ^ addr->bytes[whole]) >> (8 - rest) == 0;
}

static bool is_local(const struct pm_local *local, const struct pm_addr *addr)
{
    for (size_t i = 0; i < local->count; i++)
        if (covers(&local->prefixes[i], addr))
            return true;
    return false;
}

static enum pm_dir by_address(const struct pm_local *local, const struct pm_packet *packet)
{
    struct pm_endpoints ends;
    if (!pm_packet_endpoints(packet, &ends))
        return PM_DIR_UNKNOWN;
    bool from = is_local(local, &ends.src), to = is_local(local, &ends.dst);
    if (from == to)
        return PM_DIR_UNKNOWN;
    return from ? PM_DIR_OUT : PM_DIR_IN;
}

/* Linux cooked packet types: to us, broadcast, multicast, to somebody else, from us. */
static enum pm_dir by_packet_type(const struct pm_record *record)
{
    unsigned type = 3;
    if (record->link == LINK_SLL && record->caplen >= 2)
        type = pm_file_get16(record->data, true);
    else if (record->link == LINK_SLL2 && record->caplen >= 11)
        type = record->data[10];
    if (type == 4)
        return PM_DIR_OUT;
    return type <= 2 ? PM_DIR_IN : PM_DIR_UNKNOWN;
}

enum pm_dir pm_direction_of(const struct pm_local *local, const struct pm_record *record,
                            const struct pm_packet *packet)
{
    enum pm_dir dir = PM_DIR_UNKNOWN;
    if (local->count > 0)
        dir = by_address(local, packet);
    if (dir == PM_DIR_UNKNOWN)
        dir = record->dir;
    if (dir == PM_DIR_UNKNOWN && (record->link == LINK_SLL || record->link == LINK_SLL2))
        dir = by_packet_type(record);
    return dir;
}
