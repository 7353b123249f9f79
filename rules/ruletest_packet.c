/* ruletest_packet.c - tests of a rule file: packets and streams that come in. */
#include <string.h>

#include "diagnostic.h"
#include "expect.h"
#include "notation.h"
#include "ruletests.h"

#define TIME_MS_MAX 86400000 /* a day */

/* ------------------------------------------------------------------ addresses */

static bool take_addr_text(struct load *l, const struct node *n, const char *text,
                           struct pm_addr *out)
{
    struct complaint c = {.text = ""};

    if (pmr_parse_addr(text, out, &c))
        return true;
    pmr_fail(l, n, c.code, NULL, "%s", c.text);
    return false;
}

/* "addr:port", "[addr]:port" */
static void take_end(struct load *l, const struct node *n, struct pm_addr *addr, uint16_t *port)
{
    const char *text, *colon;
    size_t len;
    unsigned value = 0;
    char room[64] = "";

    if (!pmr_expect_kind(l, n, NODE_STRING))
        return;
    text = pmr_node_text(n);
    colon = strrchr(text, ':');
    len = colon == NULL ? 0 : (size_t)(colon - text);
    for (const char *c = colon == NULL ? "" : colon + 1; *c >= '0' && *c <= '9' && value < 65536;
         c++)
        value = value * 10 + (unsigned)(*c - '0');
    if (colon == NULL || colon[1] == '\0' || colon[1 + strspn(colon + 1, "0123456789")] != '\0' ||
        value > 65535 || len >= sizeof room || len == 0) {
        pmr_fail(l, n, CODE_ADDRESS, NULL,
                 "expected address and port, \"192.0.2.1:80\" or \"[2001:db8::1]:80\", found %s",
                 pmr_found(n).text);
        return;
    }
    memcpy(room, text, len);
    if (room[0] == '[' && len > 2 && room[len - 1] == ']') {
        room[len - 1] = '\0';
        memmove(room, room + 1, len - 1);
    }
    *port = (uint16_t)value;
    take_addr_text(l, n, room, addr);
}

static void take_ip(struct load *l, const struct node *packet, struct pm_ruletest_packet *out)
{
    const struct node *list = pmr_node_get(packet, "ip"), *src, *dst;

    if (list == NULL || !pmr_expect_kind(l, list, NODE_LIST))
        return;
    if (pmr_node_count(list) != 2) {
        pmr_fail(l, list, CODE_RULETEST, "write [\"from\", \"to\"]",
                 "\"ip\" is a list of two addresses, from and to");
        return;
    }
    src = pmr_node_first(list);
    dst = pmr_node_next(src);
    if (!pmr_expect_kind(l, src, NODE_STRING) || !pmr_expect_kind(l, dst, NODE_STRING) ||
        !take_addr_text(l, src, pmr_node_text(src), &out->src) ||
        !take_addr_text(l, dst, pmr_node_text(dst), &out->dst))
        return;
    if (out->src.version != out->dst.version)
        pmr_fail(l, list, CODE_RULETEST, NULL, "both addresses are IPv4, or both IPv6");
}

/* ------------------------------------------------------------------ one packet */

static void take8(struct load *l, const struct node *object, const char *key, int64_t most,
                  uint8_t *out)
{
    int64_t value = *out;

    if (pmr_ruletest_number(l, object, key, most, &value))
        *out = (uint8_t)value;
}

static void take16(struct load *l, const struct node *object, const char *key, uint16_t *out)
{
    int64_t value = *out;

    if (pmr_ruletest_number(l, object, key, 65535, &value))
        *out = (uint16_t)value;
}

static void take32(struct load *l, const struct node *object, const char *key, uint32_t *out)
{
    int64_t value = *out;

    if (pmr_ruletest_number(l, object, key, UINT32_MAX, &value))
        *out = (uint32_t)value;
}

static void take_payload(struct load *l, const struct node *object, struct pm_ruletest_packet *out)
{
    const struct node *n = pmr_node_get(object, "payload");

    if (n == NULL || !pmr_ruletest_bytes(l, n, &out->payload) || out->payload.len <= 65000)
        return;
    pmr_fail(l, n, CODE_RANGE, NULL, "a packet of a test carries at most 65000 bytes, this one %zu",
             out->payload.len);
}

static void take_flags(struct load *l, const struct node *tcp, struct pm_ruletest_packet *out)
{
    const struct node *n = pmr_node_get(tcp, "flags");
    struct complaint c = {.text = ""};
    uint32_t flags = 0;

    out->flags = out->payload.len > 0 ? 0x18 : 0x10; /* PSH and ACK, ACK */
    if (n == NULL || !pmr_expect_kind(l, n, NODE_STRING))
        return;
    if (pmr_parse_tcp_flags(pmr_node_text(n), &flags, &c))
        out->flags = (uint16_t)flags;
    else
        pmr_fail(l, n, c.code, NULL, "%s", c.text);
}

static void take_tcp(struct load *l, const struct node *n, struct pm_ruletest_packet *out)
{
    static const struct key keys[] = {{"srcport", false}, {"dstport", false}, {"flags", false},
                                      {"seq", false},     {"ack", false},     {"window", false},
                                      {"payload", false}};

    out->proto = PM_RULETEST_TCP;
    out->src_port = 40000;
    out->window = 64240;
    out->seq = 1000;
    pmr_expect_keys(l, n, keys, 7, "a TCP packet");
    take16(l, n, "srcport", &out->src_port);
    if (pmr_expect_member(l, n, "dstport", "a TCP packet") != NULL)
        take16(l, n, "dstport", &out->dst_port);
    take16(l, n, "window", &out->window);
    take32(l, n, "seq", &out->seq);
    take32(l, n, "ack", &out->ack);
    take_payload(l, n, out);
    take_flags(l, n, out);
}

static void take_udp(struct load *l, const struct node *n, struct pm_ruletest_packet *out)
{
    static const struct key keys[] = {{"srcport", false}, {"dstport", false}, {"payload", false}};

    out->proto = PM_RULETEST_UDP;
    out->src_port = 40000;
    pmr_expect_keys(l, n, keys, 3, "a UDP packet");
    take16(l, n, "srcport", &out->src_port);
    if (pmr_expect_member(l, n, "dstport", "a UDP packet") != NULL)
        take16(l, n, "dstport", &out->dst_port);
    take_payload(l, n, out);
}

static void take_icmp(struct load *l, const struct node *n, struct pm_ruletest_packet *out)
{
    static const struct key keys[] = {
        {"type", false}, {"code", false}, {"payload", false}, {"rest", false}};

    out->proto = PM_RULETEST_ICMP;
    pmr_expect_keys(l, n, keys, 4, "an ICMP packet");
    if (pmr_expect_member(l, n, "type", "an ICMP packet") != NULL)
        take8(l, n, "type", 255, &out->type);
    take8(l, n, "code", 255, &out->code);
    take32(l, n, "rest", &out->seq);
    take_payload(l, n, out);
}

/* One of tcp, udp, icmp with "ip"; or a whole frame. */
static void take_proto(struct load *l, const struct node *packet, struct pm_ruletest_packet *out)
{
    static const struct {
        const char *key;
        void (*take)(struct load *l, const struct node *n, struct pm_ruletest_packet *out);
    } protos[] = {{"tcp", take_tcp}, {"udp", take_udp}, {"icmp", take_icmp}};
    const struct node *frame = pmr_node_get(packet, "frame");
    int count = frame != NULL;

    for (size_t i = 0; i < 3; i++)
        count += pmr_node_get(packet, protos[i].key) != NULL;
    if (count != 1) {
        pmr_fail(l, packet, CODE_KEYS_CLASH, NULL,
                 "a packet has one of \"tcp\", \"udp\", \"icmp\" and \"frame\"");
        return;
    }
    for (size_t i = 0; i < 3; i++) {
        const struct node *n = pmr_node_get(packet, protos[i].key);

        if (n != NULL && pmr_expect_kind(l, n, NODE_OBJECT))
            protos[i].take(l, n, out);
    }
    if (frame != NULL) {
        out->proto = PM_RULETEST_FRAME;
        if (pmr_ruletest_bytes(l, frame, &out->payload) && out->payload.len > 65000)
            pmr_fail(l, frame, CODE_RANGE, NULL, "a frame has at most 65000 bytes");
    } else {
        pmr_expect_member(l, packet, "ip", "a packet");
    }
}

static void take_dir(struct load *l, const struct node *object, bool *is_in)
{
    static const char *const words[] = {"out", "in", NULL};
    const struct node *n = pmr_node_get(object, "dir");
    size_t index;

    if (n != NULL && pmr_expect_word(l, n, words, &index))
        *is_in = index == 1;
}

static void take_place(struct load *l, const struct node *packet, struct pm_ruletest_packet *out)
{
    const struct node *interface = pmr_node_get(packet, "interface"),
                      *time = pmr_node_get(packet, "time_ms"), *df = pmr_node_get(packet, "df");
    int64_t time_ms;

    out->has_vlan = pmr_node_get(packet, "vlan") != NULL;
    if (time != NULL && pmr_expect_whole(l, time, 0, TIME_MS_MAX, &time_ms))
        out->time_ns = (uint64_t)time_ms * 1000000;
    if (df != NULL)
        pmr_expect_bool(l, df, &out->df);
    if (interface == NULL || (out->interface = pmr_ruletest_text(l, interface)) == NULL)
        return;
    if (strlen(out->interface) > 31)
        pmr_fail(l, interface, CODE_NAME, NULL, "an interface has a name of at most 31 bytes");
}

void pmr_ruletest_packet_of(struct load *l, const struct node *n, struct pm_ruletest_packet *out)
{
    static const struct key keys[] = {
        {"dir", false},   {"ip", false},      {"tcp", false},       {"udp", false}, {"icmp", false},
        {"ttl", false},   {"dscp", false},    {"id", false},        {"df", false},  {"vlan", false},
        {"frame", false}, {"time_ms", false}, {"interface", false},
    };

    out->ttl = 64;
    if (!pmr_expect_kind(l, n, NODE_OBJECT))
        return;
    pmr_expect_keys(l, n, keys, sizeof keys / sizeof keys[0], "a packet");
    take_dir(l, n, &out->is_in);
    take_ip(l, n, out);
    take8(l, n, "ttl", 255, &out->ttl);
    take8(l, n, "dscp", 63, &out->dscp);
    take16(l, n, "id", &out->id);
    take16(l, n, "vlan", &out->vlan);
    take_place(l, n, out);
    take_proto(l, n, out);
}

/* ------------------------------------------------------------------ a stream */

void pmr_ruletest_stream_of(struct load *l, const struct node *n, struct pm_ruletest_stream *out)
{
    static const struct key keys[] = {{"client", false},
                                      {"server", false},
                                      {"dir", false},
                                      {"to_server", false},
                                      {"to_client", false}};
    static const char *const ways[] = {"to_server", "to_client"};
    const struct node *client, *server;

    if (!pmr_expect_kind(l, n, NODE_OBJECT))
        return;
    pmr_expect_keys(l, n, keys, 5, "a stream");
    take_dir(l, n, &out->is_in);
    server = pmr_expect_member(l, n, "server", "a stream");
    if (server != NULL)
        take_end(l, server, &out->server, &out->server_port);
    client = pmr_node_get(n, "client");
    out->client_port = 40000;
    out->client = (struct pm_addr){.bytes = {10, 0, 0, 1}, .version = 4};
    if (out->server.version == 6)
        out->client = (struct pm_addr){.bytes = {0xfd, [15] = 1}, .version = 6};
    if (client != NULL)
        take_end(l, client, &out->client, &out->client_port);
    if (server != NULL && out->server.version != 0 && out->client.version != out->server.version)
        pmr_fail(l, n, CODE_RULETEST, NULL, "both addresses are IPv4, or both IPv6");
    for (unsigned i = 0; i < 2; i++)
        if (pmr_node_get(n, ways[i]) != NULL)
            pmr_ruletest_bytes(l, pmr_node_get(n, ways[i]), &out->bytes[i]);
    if (pmr_node_get(n, ways[0]) == NULL && pmr_node_get(n, ways[1]) == NULL)
        pmr_fail(l, n, CODE_MISSING_KEY, NULL, "a stream needs \"to_server\" or \"to_client\"");
}

void pmr_ruletest_modes_of(struct load *l, const struct node *n, struct pm_ruletest_stream *stream)
{
    static const char *const words[] = {"every-split", "1-byte", "retransmit-each", "reorder",
                                        NULL};
    size_t index, len = stream->bytes[0].len + stream->bytes[1].len;

    if (!pmr_expect_filled(l, n, NODE_LIST))
        return;
    for (const struct node *m = pmr_node_first(n); m != NULL; m = pmr_node_next(m)) {
        if (!pmr_expect_word(l, m, words, &index))
            continue;
        stream->modes |= 1u << index;
        if (index == 0 && len > PM_RULETEST_SPLIT_MAX)
            pmr_fail(l, m, CODE_RANGE, NULL,
                     "\"every-split\" is for streams of at most %u bytes, this one has %zu",
                     PM_RULETEST_SPLIT_MAX, len);
    }
}
