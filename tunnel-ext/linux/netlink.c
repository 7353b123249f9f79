/* netlink.c - rtnetlink messages, written and read by hand; the contract is in netlink.h.
 *
 *     nlmsghdr | ifinfomsg, ifaddrmsg, rtmsg or fib_rule_hdr | attribute | attribute ...
 */
#include "tunnel-ext/linux/netlink.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define OWN_PROTOCOL 112u /* who made a route or a rule: no number of iproute2's list */
#define ROOM         512u
#define ANSWER_ROOM  32768u

struct request {
    union {
        struct nlmsghdr header;
        uint8_t bytes[ROOM];
    };
};

int pm_netlink_open(void)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    struct timeval patience = {.tv_sec = 5, .tv_usec = 0};
    if (fd >= 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return fd;
}

/* ------------------------------------------------------------------ requests */

static void begin(struct request *r, uint16_t type, unsigned flags, const void *body, size_t len)
{
    memset(r, 0, sizeof *r);
    r->header.nlmsg_type = type;
    r->header.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
    r->header.nlmsg_len = (uint32_t)NLMSG_LENGTH(len);
    memcpy(r->bytes + NLMSG_HDRLEN, body, len);
}

static void put(struct request *r, uint16_t type, const void *value, size_t len)
{
    size_t at = NLMSG_ALIGN(r->header.nlmsg_len);
    struct rtattr attribute = {.rta_len = (uint16_t)RTA_LENGTH(len), .rta_type = type};
    memcpy(r->bytes + at, &attribute, sizeof attribute);
    memcpy(r->bytes + at + RTA_LENGTH(0), value, len);
    r->header.nlmsg_len = (uint32_t)(at + RTA_SPACE(len));
}

static void put_u32(struct request *r, uint16_t type, uint32_t value)
{
    put(r, type, &value, sizeof value);
}

static void put_addr(struct request *r, uint16_t type, const struct pm_addr *addr)
{
    put(r, type, addr->bytes, pm_addr_len(addr));
}

static uint8_t family_of(uint8_t version)
{
    return version == 4 ? AF_INET : AF_INET6;
}

static int send_to_kernel(int fd, struct nlmsghdr *message)
{
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    message->nlmsg_seq = 1;
    ssize_t n =
        sendto(fd, message, message->nlmsg_len, 0, (const struct sockaddr *)&kernel, sizeof kernel);
    return n < 0 ? errno : 0;
}

/* Sends it and waits for the acknowledgement. */
static int ask(int fd, struct nlmsghdr *message)
{
    union {
        struct nlmsghdr header;
        uint8_t bytes[4096];
    } answer;
    message->nlmsg_flags |= NLM_F_ACK;
    int error = send_to_kernel(fd, message);
    if (error != 0)
        return error;
    ssize_t n = recv(fd, &answer, sizeof answer, 0);
    if (n < (ssize_t)NLMSG_LENGTH(sizeof(struct nlmsgerr)))
        return n < 0 ? errno : EPROTO;
    if (answer.header.nlmsg_type != NLMSG_ERROR)
        return EPROTO;
    struct nlmsgerr told;
    memcpy(&told, answer.bytes + NLMSG_HDRLEN, sizeof told);
    return -told.error;
}

int pm_netlink_up(int fd, unsigned ifindex, uint32_t mtu)
{
    struct request r;
    struct ifinfomsg body = {.ifi_family = AF_UNSPEC,
                             .ifi_index = (int)ifindex,
                             .ifi_flags = IFF_UP,
                             .ifi_change = IFF_UP};
    begin(&r, RTM_NEWLINK, 0, &body, sizeof body);
    put_u32(&r, IFLA_MTU, mtu);
    put_u32(&r, IFLA_TXQLEN, 4096);
    return ask(fd, &r.header);
}

int pm_netlink_add_address(int fd, unsigned ifindex, const struct pm_prefix *own)
{
    struct request r;
    struct ifaddrmsg body = {.ifa_family = family_of(own->addr.version),
                             .ifa_prefixlen = own->bits,
                             .ifa_flags = own->addr.version == 6 ? IFA_F_NODAD : 0,
                             .ifa_scope = RT_SCOPE_UNIVERSE,
                             .ifa_index = ifindex};
    begin(&r, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &body, sizeof body);
    put_addr(&r, IFA_LOCAL, &own->addr);
    put_addr(&r, IFA_ADDRESS, &own->addr);
    return ask(fd, &r.header);
}

int pm_netlink_add_route(int fd, uint32_t table, const struct pm_prefix *to, unsigned ifindex)
{
    struct request r;
    struct rtmsg body = {.rtm_family = family_of(to->addr.version),
                         .rtm_dst_len = to->bits,
                         .rtm_protocol = OWN_PROTOCOL,
                         .rtm_scope = ifindex != 0 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
                         .rtm_type = ifindex != 0 ? RTN_UNICAST : RTN_THROW};
    begin(&r, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &body, sizeof body);
    put_u32(&r, RTA_TABLE, table);
    if (to->bits > 0)
        put_addr(&r, RTA_DST, &to->addr);
    if (ifindex != 0)
        put_u32(&r, RTA_OIF, ifindex);
    return ask(fd, &r.header);
}

int pm_netlink_add_rule(int fd, const struct pm_netlink_rule *rule)
{
    struct request r;
    uint8_t own = OWN_PROTOCOL;
    struct fib_rule_hdr body = {.family = family_of(rule->version),
                                .src_len = rule->from != NULL ? rule->from->bits : 0,
                                .dst_len = rule->to != NULL ? rule->to->bits : 0,
                                .action = rule->table != 0   ? FR_ACT_TO_TBL
                                          : rule->go_to != 0 ? FR_ACT_GOTO
                                                             : FR_ACT_NOP};
    begin(&r, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, &body, sizeof body);
    put_u32(&r, FRA_PRIORITY, rule->priority);
    put(&r, FRA_PROTOCOL, &own, 1);
    if (body.src_len > 0)
        put_addr(&r, FRA_SRC, &rule->from->addr);
    if (body.dst_len > 0)
        put_addr(&r, FRA_DST, &rule->to->addr);
    if (rule->interface != NULL)
        put(&r, FRA_IIFNAME, rule->interface, strlen(rule->interface) + 1);
    if (rule->mark != 0) {
        put_u32(&r, FRA_FWMARK, rule->mark);
        put_u32(&r, FRA_FWMASK, UINT32_MAX);
    }
    if (rule->ip_proto != 0)
        put(&r, FRA_IP_PROTO, &rule->ip_proto, 1);
    if (rule->table != 0)
        put_u32(&r, FRA_TABLE, rule->table);
    else if (rule->go_to != 0)
        put_u32(&r, FRA_GOTO, rule->go_to);
    return ask(fd, &r.header);
}

/* ------------------------------------------------------------------ lists */

/* One whole message of a list. False ends the walk. */
typedef bool message_fn(void *context, const struct nlmsghdr *message);

/* Walks the messages in `len` bytes. False: the list is over. */
static bool walk(const uint8_t *bytes, size_t len, message_fn *visit, void *context)
{
    size_t at = 0;
    while (len - at >= sizeof(struct nlmsghdr)) {
        const struct nlmsghdr *message = (const void *)(bytes + at);
        if (message->nlmsg_len < NLMSG_HDRLEN || message->nlmsg_len > len - at)
            return false;
        if (message->nlmsg_type == NLMSG_DONE || message->nlmsg_type == NLMSG_ERROR)
            return false;
        if (!visit(context, message))
            return false;
        size_t size = NLMSG_ALIGN(message->nlmsg_len);
        at += size < len - at ? size : len - at;
    }
    return true;
}

/* A socket of its own: a walk that ends early leaves the rest of the list unread. */
static void list(uint16_t type, uint8_t version, message_fn *visit, void *context)
{
    union {
        struct nlmsghdr header;
        uint8_t bytes[ANSWER_ROOM];
    } answer;
    struct request r;
    struct rtmsg body = {.rtm_family = family_of(version)};
    int fd = pm_netlink_open();
    begin(&r, type, NLM_F_DUMP, &body, sizeof body);
    if (fd >= 0 && send_to_kernel(fd, &r.header) == 0)
        for (;;) {
            ssize_t n = recv(fd, &answer, sizeof answer, 0);
            if (n <= 0 || !walk(answer.bytes, (size_t)n, visit, context))
                break;
        }
    if (fd >= 0)
        close(fd);
}

/* A number among the attributes of a message, of len bytes, or `otherwise`. */
static uint32_t attribute(const struct nlmsghdr *message, uint16_t type, size_t len,
                          uint32_t otherwise)
{
    const uint8_t *bytes = (const uint8_t *)message;
    size_t at = NLMSG_SPACE(sizeof(struct rtmsg)), end = message->nlmsg_len;
    while (at <= end && end - at >= sizeof(struct rtattr)) {
        struct rtattr found;
        memcpy(&found, bytes + at, sizeof found);
        if (found.rta_len < RTA_LENGTH(0) || found.rta_len > end - at)
            break;
        if (found.rta_type == type && found.rta_len == RTA_LENGTH(len)) {
            otherwise = len == 1 ? bytes[at + RTA_LENGTH(0)] : 0;
            if (len == sizeof otherwise)
                memcpy(&otherwise, bytes + at + RTA_LENGTH(0), len);
            break;
        }
        at += RTA_ALIGN(found.rta_len);
    }
    return otherwise;
}

_Static_assert(sizeof(struct rtmsg) == sizeof(struct fib_rule_hdr), "one walk for both");

static bool is_of_table(const struct nlmsghdr *message, uint32_t table)
{
    struct rtmsg body;
    if (message->nlmsg_len < NLMSG_LENGTH(sizeof body))
        return false;
    memcpy(&body, (const uint8_t *)message + NLMSG_HDRLEN, sizeof body);
    return attribute(message, RTA_TABLE, 4, body.rtm_table) == table;
}

_Static_assert((int)RTA_TABLE == (int)FRA_TABLE, "one reader for both");

struct cleaning {
    int fd, error;
    uint32_t table;
};

/* Sends it back as what is to be deleted; as `ip route flush` does. */
static void remove_message(struct cleaning *c, const struct nlmsghdr *message, uint16_t type)
{
    union {
        struct nlmsghdr header;
        uint8_t bytes[4096];
    } copy;
    if (message->nlmsg_len > sizeof copy)
        return;
    memcpy(copy.bytes, message, message->nlmsg_len);
    copy.header.nlmsg_type = type;
    copy.header.nlmsg_flags = NLM_F_REQUEST;
    copy.header.nlmsg_pid = 0;
    int error = ask(c->fd, &copy.header);
    if (error != 0 && error != ENOENT && error != ESRCH)
        c->error = error;
}

static bool remove_route(void *context, const struct nlmsghdr *message)
{
    struct cleaning *c = context;
    struct rtmsg body;
    if (!is_of_table(message, c->table))
        return true;
    memcpy(&body, (const uint8_t *)message + NLMSG_HDRLEN, sizeof body);
    if (body.rtm_protocol == OWN_PROTOCOL)
        remove_message(c, message, RTM_DELROUTE);
    return true;
}

static bool remove_rule(void *context, const struct nlmsghdr *message)
{
    struct cleaning *c = context;
    if (attribute(message, FRA_PROTOCOL, 1, 0) == OWN_PROTOCOL)
        remove_message(c, message, RTM_DELRULE);
    return true;
}

int pm_netlink_clean(int fd, uint32_t table)
{
    struct cleaning c = {.fd = fd, .table = table};
    for (uint8_t version = 4; version <= 6; version += 2) {
        list(RTM_GETRULE, version, remove_rule, &c);
        list(RTM_GETROUTE, version, remove_route, &c);
    }
    return c.error;
}

struct search {
    uint32_t table;
    bool is_used;
};

static bool look_for_device(void *context, const struct nlmsghdr *message)
{
    struct search *search = context;
    if (is_of_table(message, search->table) && attribute(message, RTA_OIF, 4, 0) != 0)
        search->is_used = true;
    return !search->is_used;
}

bool pm_netlink_is_used(uint32_t table)
{
    struct search search = {.table = table, .is_used = false};
    for (uint8_t version = 4; version <= 6; version += 2)
        list(RTM_GETROUTE, version, look_for_device, &search);
    return search.is_used;
}
