/* echoes.c - echo requests and their replies; the contract is in echoes.h. */
#include "tunnel-ext/echoes.h"

#include <fcntl.h>
#include <netinet/icmp6.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tunnel-ext/sockaddr.h"

#define LIFE_NS UINT64_C(30000000000)

enum { HEADER_LEN = 8, ID_OFF = 4 };
enum { REQUEST4 = 8, REPLY4 = 0, REQUEST6 = 128, REPLY6 = 129 };

struct conversation {
    struct pm_addr app, dst;
    uint16_t id; /* the program's */
    bool is_used;
    uint64_t used_ns;
};

struct pm_echoes {
    struct pm_echoes_config config;
    int sockets[2];
    struct conversation list[PM_ECHOES_MOST];
};

#ifdef __APPLE__
#define KIND SOCK_DGRAM /* which needs no rights there, and hears as a raw socket does */
#else
#define KIND SOCK_RAW
#endif

static int open_socket(const struct pm_carrier *carrier, uint8_t version, uint64_t tag)
{
    int fd =
        version == 4 ? socket(AF_INET, KIND, IPPROTO_ICMP) : socket(AF_INET6, KIND, IPPROTO_ICMPV6);
    if (fd < 0)
        return -1;
    if (version == 6) {
        struct icmp6_filter only;
        ICMP6_FILTER_SETBLOCKALL(&only);
        ICMP6_FILTER_SETPASS(REPLY6, &only);
        setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &only, sizeof only);
    }
    int flags = fcntl(fd, F_GETFL);
    if (fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 &&
        carrier->stay_outside(carrier->context, fd) && carrier->watch(carrier->context, fd, tag))
        return fd;
    close(fd);
    return -1;
}

static void open_both(struct pm_echoes *e)
{
    e->sockets[0] = open_socket(&e->config.carrier, 4, e->config.tags[0]);
    e->sockets[1] = open_socket(&e->config.carrier, 6, e->config.tags[1]);
}

static void close_both(const struct pm_echoes *e)
{
    for (int i = 0; i < 2; i++)
        if (e->sockets[i] >= 0)
            close(e->sockets[i]);
}

struct pm_echoes *pm_echoes_new(const struct pm_echoes_config *config)
{
    struct pm_echoes *e = calloc(1, sizeof *e);
    if (e == NULL)
        return NULL;
    e->config = *config;
    open_both(e);
    return e;
}

void pm_echoes_free(struct pm_echoes *echoes)
{
    if (echoes == NULL)
        return;
    close_both(echoes);
    free(echoes);
}

void pm_echoes_reopen(struct pm_echoes *echoes)
{
    close_both(echoes);
    open_both(echoes);
}

bool pm_echo_is_request(const struct pm_ippacket *packet)
{
    if (packet->is_fragment)
        return false;
    uint8_t type = packet->len > packet->l4_off ? packet->bytes[packet->l4_off] : 0;
    return packet->version == 4 ? packet->proto == PM_IP_ICMP && type == REQUEST4
                                : packet->proto == PM_IP_ICMP6 && type == REQUEST6;
}

/* Its own, or a free one, or one that is over. NULL: there is none. */
static struct conversation *place_for(struct pm_echoes *e, const struct pm_ippacket *packet,
                                      uint16_t id, uint64_t now_ns)
{
    struct conversation *place = NULL;
    for (uint32_t i = 0; i < PM_ECHOES_MOST; i++) {
        struct conversation *c = &e->list[i];
        bool is_over = !c->is_used || now_ns - c->used_ns > LIFE_NS;
        if (!is_over && c->id == id && pm_addr_is_same(&c->app, &packet->src.addr) &&
            pm_addr_is_same(&c->dst, &packet->dst.addr))
            return c;
        if (is_over && place == NULL)
            place = c;
    }
    return place;
}

bool pm_echoes_send(struct pm_echoes *echoes, const struct pm_ippacket *packet, uint64_t now_ns)
{
    const uint8_t *message = packet->bytes + packet->l4_off;
    size_t len = packet->len - packet->l4_off;
    uint16_t id = pm_wire_get16(message + ID_OFF);
    struct conversation *c = place_for(echoes, packet, id, now_ns);
    int fd = echoes->sockets[packet->version == 4 ? 0 : 1];
    if (c == NULL || fd < 0)
        return false;
    *c = (struct conversation){.app = packet->src.addr,
                               .dst = packet->dst.addr,
                               .id = id,
                               .is_used = true,
                               .used_ns = now_ns};
    uint8_t header[HEADER_LEN];
    memcpy(header, message, HEADER_LEN);
    pm_wire_put16(header + 2, 0);
    pm_wire_put16(header + ID_OFF, echoes->config.base + (unsigned)(c - echoes->list));
    uint64_t sum = pm_ipsum_add(0, header, HEADER_LEN);
    sum = pm_ipsum_add(sum, message + HEADER_LEN, len - HEADER_LEN);
    pm_wire_put16(header + 2, pm_ipsum_finish(sum)); /* of IPv6 the kernel makes it */
    struct pm_end dst = {.addr = packet->dst.addr, .port = 0};
    union pm_sockaddr to;
    socklen_t to_len = pm_sockaddr_of(&to, &dst);
    struct iovec parts[2] = {{.iov_base = header, .iov_len = HEADER_LEN},
                             pm_part(message + HEADER_LEN, len - HEADER_LEN)};
    struct msghdr out = {.msg_name = &to, .msg_namelen = to_len, .msg_iov = parts, .msg_iovlen = 2};
    return sendmsg(fd, &out, 0) >= 0;
}

/* A message from the network; others' replies come here too. */
static void hear(struct pm_echoes *e, const struct pm_addr *from, uint8_t *message, size_t len)
{
    uint8_t reply = from->version == 4 ? REPLY4 : REPLY6;
    if (len < HEADER_LEN || message[0] != reply)
        return;
    uint16_t number = (uint16_t)(pm_wire_get16(message + ID_OFF) - e->config.base);
    if (number >= PM_ECHOES_MOST)
        return;
    const struct conversation *c = &e->list[number];
    if (!c->is_used || !pm_addr_is_same(&c->dst, from))
        return;
    pm_wire_put16(message + ID_OFF, c->id);
    e->config.hear(e->config.context, from, &c->app, message, len);
}

void pm_echoes_work(struct pm_echoes *echoes, uint8_t version, uint8_t *room, size_t cap)
{
    for (;;) {
        union pm_sockaddr at = {.any = {.sa_family = AF_UNSPEC}};
        struct pm_end from;
        socklen_t at_len = sizeof at;
        ssize_t n = recvfrom(echoes->sockets[version == 4 ? 0 : 1], room, cap, 0, &at.any, &at_len);
        if (n < 0)
            return;
        size_t len = (size_t)n, off = version == 4 && len > 0 ? (room[0] & 15u) * 4u : 0;
        if (off <= len && pm_sockaddr_read(&at, &from))
            hear(echoes, &from.addr, room + off, len - off);
    }
}
