/* reflect.c - the packets of a reflecting tunnel: whose they are and where they go; the contract is
 * in reflect.h. */
#include "tunnel-ext/reflect.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tunnel-ext/reflection.h"
#include "tunnel-ext/reply.h"
#include "tunnel-ext/sockaddr.h"

#define RAW_LINK   101u /* LINKTYPE_RAW: IP packets */
#define FLOWS_MOST 8192u
#define PROBE_PORT 7

/* ------------------------------------------------------------------ out */

static void write_parts(struct pm_reflect *r, const struct iovec *parts, int count, bool is_partial,
                        uint16_t gso_len)
{
    const struct pm_carrier *carrier = &r->config.carrier;
    if (is_partial)
        carrier->write_partial(carrier->context, parts, count, gso_len);
    else
        carrier->write(carrier->context, parts, count);
}

void pm_reflect_write(struct pm_reflect *r, const uint8_t *bytes, size_t len)
{
    struct iovec part = pm_part(bytes, len);
    r->config.carrier.write(r->config.carrier.context, &part, 1);
}

/* The packet under other ends: new headers, the old payload. */
static void write_redirected(struct pm_reflect *r, const struct pm_ippacket *packet,
                             const struct pm_end *src, const struct pm_end *dst)
{
    uint8_t headers[PM_HEADERS_MAX];
    size_t len = pm_ippacket_redirect(packet, src, dst, headers);
    if (len == 0) {
        r->config.stats->strays++;
        return;
    }
    struct iovec parts[2] = {{.iov_base = headers, .iov_len = len},
                             pm_part(packet->bytes + len, packet->len - len)};
    write_parts(r, parts, 2, packet->is_partial, packet->gso_len);
}

void pm_reflect_to_listener(struct pm_reflect *r, const struct pm_ippacket *packet, uint16_t n)
{
    bool is_4 = packet->version == 4;
    struct pm_end from = {.addr = is_4 ? r->config.addresses.peer4 : r->config.addresses.peer6,
                          .port = n};
    struct pm_end to = {.addr = is_4 ? r->config.addresses.own4 : r->config.addresses.own6,
                        .port = r->ports[is_4 ? 0 : 1]};
    write_redirected(r, packet, &from, &to);
}

static bool is_sent_on(struct pm_reflect *r, const struct pm_ippacket *packet)
{
    struct pm_tunnel_stats *stats = r->config.stats;
    if (packet->proto == PM_IP_UDP && !packet->is_fragment) {
        stats->datagrams++;
        return pm_datagrams_send(r->datagrams, packet, r->now_ns);
    }
    if (pm_echo_is_request(packet)) {
        stats->echoes++;
        return pm_echoes_send(r->echoes, packet, r->now_ns);
    }
    return false;
}

void pm_reflect_emit(struct pm_reflect *reflect, const struct pm_emitted *emitted, uint64_t now_ns)
{
    struct pm_ippacket packet;
    reflect->now_ns = now_ns;
    bool is_partial = emitted->csum == PM_CSUM_PARTIAL;
    if (emitted->dir == PM_DIR_IN) {
        struct iovec part = pm_part(emitted->data, emitted->len);
        write_parts(reflect, &part, 1, is_partial, emitted->gso_len);
        return;
    }
    if (!pm_ippacket_read(&packet, emitted->data, emitted->len)) {
        reflect->config.stats->strays++;
        return;
    }
    bool is_tcp = packet.proto == PM_IP_TCP && !packet.is_fragment;
    packet.is_partial = is_partial;
    packet.gso_len = emitted->gso_len;
    uint16_t n = (uint16_t)emitted->cookie;
    if (is_tcp && n == PM_FLOW_NONE) /* it tells of a reject */
        n = pm_flows_find(reflect->flows, &packet.src, &packet.dst);
    if (is_tcp && pm_flows_at(reflect->flows, n) != NULL)
        pm_reflect_to_listener(reflect, &packet, n);
    else if (is_tcp || !is_sent_on(reflect, &packet))
        reflect->config.stats->strays++;
}

/* To the listener a reset has the ends of its connection, as all that goes there. Of datagrams
 * nobody outside can be told: their sockets take no errors. */
void pm_reflect_reply(struct pm_reflect *reflect, enum pm_dir dir, const uint8_t *bytes, size_t len,
                      uint64_t now_ns)
{
    struct pm_ippacket packet;
    uint16_t n = PM_FLOW_NONE;
    reflect->now_ns = now_ns;
    if (dir == PM_DIR_IN) {
        pm_reflect_write(reflect, bytes, len);
        return;
    }
    if (pm_ippacket_read(&packet, bytes, len) && packet.proto == PM_IP_TCP)
        n = pm_flows_find(reflect->flows, &packet.src, &packet.dst);
    if (pm_flows_at(reflect->flows, n) != NULL)
        pm_reflect_to_listener(reflect, &packet, n);
}

static struct pm_packet packet_of(const uint8_t *bytes, size_t len, enum pm_dir dir, uint16_t n)
{
    return (struct pm_packet){
        .data = bytes, .len = len, .wire_len = len, .link = RAW_LINK, .dir = dir, .cookie = n};
}

/* In the name of a flow or of none. */
static void judge(struct pm_reflect *r, uint8_t *bytes, size_t len, enum pm_dir dir, uint16_t n)
{
    struct pm_packet packet = packet_of(bytes, len, dir, n);
    pm_line_judge(r->line, &packet, bytes, r->now_ns);
}

/* The same of one as it came from the device, whose checksum may be partial. */
static void judge_read(struct pm_reflect *r, const struct pm_ippacket *read, uint8_t *bytes,
                       size_t len, enum pm_dir dir, uint16_t n)
{
    struct pm_packet packet = packet_of(bytes, len, dir, n);
    packet.csum = read->is_partial ? PM_CSUM_PARTIAL : PM_CSUM_ON_WIRE;
    packet.gso_len = read->gso_len;
    pm_line_judge(r->line, &packet, bytes, r->now_ns);
}

void pm_reflect_go_on(struct pm_reflect *r, struct pm_talk *talk, uint16_t n)
{
    struct pm_packet packet = packet_of(talk->syn, talk->syn_len, PM_DIR_OUT, n);
    packet.final = talk->final;
    packet.csum = talk->is_partial ? PM_CSUM_PARTIAL : PM_CSUM_ON_WIRE;
    pm_line_rewrite(r->line, &packet, talk->syn, r->now_ns);
}

/* ------------------------------------------------------------------ in */

static bool is_peer(const struct pm_reflect *r, const struct pm_addr *addr)
{
    return pm_addr_is_same(addr, addr->version == 4 ? &r->config.addresses.peer4
                                                    : &r->config.addresses.peer6);
}

static bool is_listener(const struct pm_reflect *r, const struct pm_ippacket *packet)
{
    const struct pm_end *src = &packet->src;
    bool is_4 = packet->version == 4;
    return packet->proto == PM_IP_TCP && !packet->is_fragment &&
           src->port == r->ports[is_4 ? 0 : 1] &&
           pm_addr_is_same(&src->addr,
                           is_4 ? &r->config.addresses.own4 : &r->config.addresses.own6);
}

static bool is_probe(const struct pm_reflect *r, const struct pm_tunnel_flow *flow)
{
    return is_peer(r, &flow->dst.addr);
}

/* T:L > P:n becomes d:dp > a:ap. False: nobody has n. */
static bool take_from_listener(struct pm_reflect *r, const struct pm_ippacket *packet,
                               uint8_t *bytes)
{
    const struct pm_tunnel_flow *flow = pm_flows_at(r->flows, packet->dst.port);
    uint8_t headers[PM_HEADERS_MAX];
    if (flow == NULL)
        return false;
    if (is_probe(r, flow)) {
        write_redirected(r, packet, &flow->dst, &flow->app);
        return true;
    }
    size_t len = pm_ippacket_redirect(packet, &flow->dst, &flow->app, headers);
    if (len == 0)
        return false;
    memcpy(bytes, headers, len);
    judge_read(r, packet, bytes, packet->len, PM_DIR_IN, packet->dst.port);
    return true;
}

static bool is_syn(const struct pm_ippacket *packet)
{
    return (packet->tcp_flags & (PM_TCP_SYN | PM_TCP_ACK | PM_TCP_RST)) == PM_TCP_SYN;
}

/* A segment of no connection: nothing is made for it. */
static void reset(struct pm_reflect *r, const struct pm_ippacket *packet)
{
    uint8_t reply[PM_REPLY_ROOM];
    if (!(packet->tcp_flags & PM_TCP_RST))
        pm_reflect_write(r, reply, pm_tunnel_reset(packet, reply));
}

/* A segment of a program, which may pass. */
static bool take_tcp(struct pm_reflect *r, const struct pm_ippacket *packet,
                     const struct pm_packet *judged, uint8_t *bytes)
{
    uint16_t n = pm_flows_find(r->flows, &packet->src, &packet->dst);
    const struct pm_tunnel_flow *flow = pm_flows_at(r->flows, n);
    bool is_known = flow != NULL && (flow->state != PM_FLOW_CLOSED || !is_syn(packet));
    if (!is_known && !is_syn(packet)) {
        reset(r, packet);
        return false;
    }
    if (!is_known) {
        pm_talk_dial(r, packet, judged->final);
    } else if (flow->state != PM_FLOW_DIALLING) {
        struct pm_packet known = *judged;
        known.cookie = n;
        pm_line_rewrite(r->line, &known, bytes, r->now_ns);
    } else if (packet->tcp_flags & PM_TCP_RST) {
        pm_talk_end(r, n, true);
    }
    return true;
}

void pm_reflect_pass(struct pm_reflect *reflect, const struct pm_packet *packet, uint8_t *buffer,
                     uint64_t now_ns)
{
    struct pm_ippacket ip;
    bool is_good = true;
    reflect->now_ns = now_ns;
    bool is_segment = packet->dir == PM_DIR_OUT &&
                      pm_ippacket_read(&ip, packet->data, packet->len) && ip.proto == PM_IP_TCP &&
                      !ip.is_fragment;
    if (is_segment) {
        ip.is_partial = packet->csum == PM_CSUM_PARTIAL;
        ip.gso_len = packet->gso_len;
        is_good = take_tcp(reflect, &ip, packet, buffer);
    } else {
        pm_line_rewrite(reflect->line, packet, buffer, now_ns);
    }
    if (!is_good)
        reflect->config.stats->strays++;
}

/* To P nobody sends but the self-test. */
static bool take_for_peer(struct pm_reflect *r, const struct pm_ippacket *packet)
{
    if (packet->proto != PM_IP_TCP || packet->is_fragment)
        return false;
    uint16_t n = pm_flows_find(r->flows, &packet->src, &packet->dst);
    bool is_probe = is_syn(packet) && r->probe >= 0 && !r->has_passed;
    if (n != PM_FLOW_NONE)
        pm_reflect_to_listener(r, packet, n);
    else if (is_probe)
        pm_talk_probe(r, packet);
    return n != PM_FLOW_NONE || is_probe;
}

static bool is_group(const struct pm_addr *addr)
{
    return addr->version == 4 ? addr->bytes[0] >= 224 : addr->bytes[0] == 0xff;
}

static bool is_carried(const struct pm_ippacket *packet)
{
    return packet->proto == PM_IP_TCP || packet->proto == PM_IP_UDP || pm_echo_is_request(packet);
}

/* T itself, or another address of its network: only the kernel speaks there. */
static bool is_own_network(const struct pm_reflect *r, const struct pm_addr *addr)
{
    const struct pm_addresses *a = &r->config.addresses;
    struct pm_prefix own = {.addr = addr->version == 4 ? a->own4 : a->own6,
                            .bits = addr->version == 4 ? PM_OWN4_BITS : PM_OWN6_BITS};
    return own.addr.version == addr->version && pm_prefix_holds(&own, addr);
}

/* What it is part of, once it is whole. */
static bool take_fragment(struct pm_reflect *r, const struct pm_ippacket *fragment)
{
    struct pm_ippacket packet;
    uint8_t *whole;
    bool is_lost;
    size_t len = pm_joints_take(r->joints, fragment, r->now_ns, &whole, &is_lost);
    if (len == 0)
        return !is_lost;
    if (!pm_ippacket_read(&packet, whole, len) || packet.is_fragment || !is_carried(&packet))
        return false;
    judge(r, whole, len, PM_DIR_OUT, PM_FLOW_NONE);
    return true;
}

/* False: it is nobody's. */
static bool take(struct pm_reflect *r, uint8_t *bytes, size_t len, bool is_partial,
                 uint16_t gso_len)
{
    struct pm_ippacket packet;
    if (!pm_ippacket_read(&packet, bytes, len) || is_group(&packet.dst.addr))
        return false;
    packet.is_partial = is_partial;
    packet.gso_len = gso_len;
    bool is_for_peer = is_peer(r, &packet.dst.addr);
    if (is_for_peer && is_listener(r, &packet))
        return take_from_listener(r, &packet, bytes);
    if (is_for_peer)
        return take_for_peer(r, &packet);
    if (is_own_network(r, &packet.dst.addr))
        return false;
    if (packet.is_fragment)
        return take_fragment(r, &packet);
    if (is_carried(&packet))
        judge_read(r, &packet, bytes, len, PM_DIR_OUT, PM_FLOW_NONE);
    return is_carried(&packet);
}

void pm_reflect_take(struct pm_reflect *reflect, uint8_t *bytes, size_t len, uint64_t now_ns)
{
    reflect->now_ns = now_ns;
    if (!take(reflect, bytes, len, false, 0))
        reflect->config.stats->strays++;
}

void pm_reflect_take_partial(struct pm_reflect *reflect, uint8_t *bytes, size_t len,
                             uint16_t gso_len, uint64_t now_ns)
{
    reflect->now_ns = now_ns;
    if (!take(reflect, bytes, len, true, gso_len))
        reflect->config.stats->strays++;
}

/* ------------------------------------------------------------------ what sockets hear */

static void on_datagram(void *context, const struct pm_end *from, const struct pm_end *to,
                        const uint8_t *payload, size_t len)
{
    struct pm_reflect *r = context;
    uint8_t packet[PM_DATAGRAM_HEADERS + 65536];
    size_t off = pm_tunnel_datagram(from, to, payload, len, packet);
    if (off == 0)
        return;
    memcpy(packet + off, payload, len);
    judge(r, packet, off + len, PM_DIR_IN, PM_FLOW_NONE);
}

static void on_failure(void *context, const struct pm_end *from, const struct pm_end *to,
                       enum pm_unreachable how, const uint8_t *payload, size_t len)
{
    struct pm_reflect *r = context;
    uint8_t bytes[PM_DATAGRAM_HEADERS + PM_REPLY_ROOM], reply[PM_REPLY_ROOM];
    struct pm_ippacket packet;
    len = len < PM_REPLY_ROOM ? len : PM_REPLY_ROOM;
    size_t off = pm_tunnel_datagram(from, to, payload, len, bytes);
    memcpy(bytes + off, payload, len);
    if (pm_ippacket_read(&packet, bytes, off + len))
        pm_reflect_write(r, reply, pm_tunnel_unreachable(&packet, how, reply));
}

static void on_echo(void *context, const struct pm_addr *from, const struct pm_addr *to,
                    uint8_t *message, size_t len)
{
    struct pm_reflect *r = context;
    uint8_t packet[PM_DATAGRAM_HEADERS + 65536];
    if (len > 65535 - PM_DATAGRAM_HEADERS)
        return;
    size_t off = pm_tunnel_echo(from, to, message, len, packet);
    memcpy(packet + off, message, len);
    judge(r, packet, off + len, PM_DIR_IN, PM_FLOW_NONE);
}

void pm_reflect_work(struct pm_reflect *reflect, uint64_t tag, unsigned can, uint64_t now_ns)
{
    uint32_t number = (uint32_t)tag;
    reflect->now_ns = now_ns;
    switch ((enum pm_tag)(tag >> 32)) {
    case PM_TAG_LISTENER:
        pm_talk_accept(reflect, reflect->listeners[number == 4 ? 0 : 1]);
        break;
    case PM_TAG_ACCEPTED:
        pm_talk_work(reflect, (uint16_t)number, 0, can);
        break;
    case PM_TAG_DIALLED:
        pm_talk_work(reflect, (uint16_t)number, 1, can);
        break;
    case PM_TAG_DATAGRAMS:
        pm_datagrams_work(reflect->datagrams, number, now_ns, reflect->room, sizeof reflect->room);
        break;
    case PM_TAG_ECHOES:
        pm_echoes_work(reflect->echoes, (uint8_t)number, reflect->room, sizeof reflect->room);
        break;
    }
}

void pm_reflect_tick(struct pm_reflect *reflect, uint64_t now_ns)
{
    reflect->now_ns = now_ns;
    pm_talk_tick(reflect);
    pm_datagrams_tick(reflect->datagrams, now_ns);
    if (reflect->has_passed && reflect->probe >= 0) {
        close(reflect->probe);
        reflect->probe = -1;
    }
}

void pm_reflect_move(struct pm_reflect *reflect, bool is_gone, uint64_t now_ns)
{
    reflect->now_ns = now_ns;
    pm_datagrams_forget(reflect->datagrams);
    pm_echoes_reopen(reflect->echoes);
    if (is_gone)
        pm_talk_end_all(reflect);
}

/* ------------------------------------------------------------------ life */

static bool open_listener(struct pm_reflect *r, int i, const struct pm_addr *own, char *error,
                          size_t error_cap)
{
    const struct pm_carrier *carrier = &r->config.carrier;
    if (own->version == 0)
        return true;
    r->listeners[i] = pm_talk_listen(r, own, &r->ports[i]);
    if (r->listeners[i] >= 0 &&
        carrier->watch(carrier->context, r->listeners[i], pm_tag_of(PM_TAG_LISTENER, own->version)))
        return true;
    snprintf(error, error_cap, "the tunnel's listener: %s", strerror(errno));
    return false;
}

static bool open_parts(struct pm_reflect *r, char *error, size_t error_cap)
{
    struct pm_datagrams_config datagrams = {.carrier = r->config.carrier,
                                            .tag = pm_tag_of(PM_TAG_DATAGRAMS, 0),
                                            .context = r,
                                            .hear = on_datagram,
                                            .fail = on_failure};
    struct pm_echoes_config echoes = {
        .carrier = r->config.carrier,
        .tags = {pm_tag_of(PM_TAG_ECHOES, 4), pm_tag_of(PM_TAG_ECHOES, 6)},
        .base = (uint16_t)r->config.hash_key[0],
        .context = r,
        .hear = on_echo};
    r->flows = pm_flows_new(FLOWS_MOST, r->config.hash_key);
    r->datagrams = pm_datagrams_new(&datagrams);
    r->echoes = pm_echoes_new(&echoes);
    r->joints = pm_joints_new();
    if (r->flows == NULL || r->datagrams == NULL || r->echoes == NULL || r->joints == NULL) {
        snprintf(error, error_cap, "no memory");
        return false;
    }
    return open_listener(r, 0, &r->config.addresses.own4, error, error_cap) &&
           open_listener(r, 1, &r->config.addresses.own6, error, error_cap);
}

struct pm_reflect *pm_reflect_new(const struct pm_reflect_config *config, char *error,
                                  size_t error_cap)
{
    struct pm_reflect *r = calloc(1, sizeof *r);
    if (r == NULL) {
        snprintf(error, error_cap, "no memory");
        return NULL;
    }
    r->config = *config;
    r->listeners[0] = r->listeners[1] = r->probe = -1;
    if (open_parts(r, error, error_cap))
        return r;
    pm_reflect_free(r);
    return NULL;
}

void pm_reflect_free(struct pm_reflect *reflect)
{
    if (reflect == NULL)
        return;
    if (reflect->flows != NULL)
        pm_talk_end_all(reflect);
    const int fds[] = {reflect->listeners[0], reflect->listeners[1], reflect->probe};
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    pm_flows_free(reflect->flows);
    pm_datagrams_free(reflect->datagrams);
    pm_echoes_free(reflect->echoes);
    pm_joints_free(reflect->joints);
    free(reflect);
}

void pm_reflect_serve(struct pm_reflect *reflect, struct pm_line *line)
{
    reflect->line = line;
}

int pm_reflect_probe(struct pm_reflect *reflect)
{
    const struct pm_carrier *carrier = &reflect->config.carrier;
    struct pm_end to = {.addr = reflect->config.addresses.peer4, .port = PROBE_PORT};
    union pm_sockaddr at;
    socklen_t len = pm_sockaddr_of(&at, &to);
    int fd = reflect->probe = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) != 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 ||
        !carrier->stay_inside(carrier->context, fd))
        return errno;
    return connect(fd, &at.any, len) == 0 || errno == EINPROGRESS ? 0 : errno;
}

bool pm_reflect_has_passed(const struct pm_reflect *reflect)
{
    return reflect->has_passed;
}
