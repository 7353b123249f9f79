/* fieldtable.c - what fields there are: the language's table, by number and by name. */
#include <pktmod/policy.h>

#include <string.h>

enum { F = 1, S = 2, A = 4, N = 8, D = 16 };

static const char *const dir_names[] = {"out", "in", NULL};
static const char *const flow_names[] = {"to_server", "to_client", NULL};

#define NAMES_OF(id)                                                                               \
    (PM_FIELD_##id == PM_FIELD_DIR ? dir_names : PM_FIELD_##id == PM_FIELD_FLOW ? flow_names : NULL)
#define INFO(id, text, what, largest, flags)                                                       \
    [PM_FIELD_##id] = {.name = (text),                                                             \
                       .kind = PM_KIND_##what,                                                     \
                       .max = (largest),                                                           \
                       .names = NAMES_OF(id),                                                      \
                       .flow_constant = ((flags)&F) != 0,                                          \
                       .settable = ((flags)&S) != 0,                                               \
                       .addable = ((flags)&A) != 0,                                                \
                       .mappable = ((flags)&N) != 0,                                               \
                       .is_domain = ((flags)&D) != 0},

static const struct pm_field_info infos[PM_FIELD_COUNT] = {PM_FIELD_MAP(INFO)};

/* Other names Wireshark has for the same bytes. One set of fields serves IPv4 and IPv6. */
static const struct {
    const char *name;
    enum pm_field field;
} aliases[] = {
    {"ipv6.src", PM_FIELD_IP_SRC},
    {"ipv6.dst", PM_FIELD_IP_DST},
    {"ipv6.addr", PM_FIELD_IP_ADDR},
    {"ipv6.hlim", PM_FIELD_IP_TTL},
    {"ipv6.nxt", PM_FIELD_IP_PROTO},
    {"ip.tos", PM_FIELD_IP_DSFIELD},
    {"ipv6.tclass", PM_FIELD_IP_DSFIELD},
    {"ipv6.tclass.dscp", PM_FIELD_IP_DSCP},
    {"ipv6.tclass.ecn", PM_FIELD_IP_ECN},
    {"tcp.flags.rst", PM_FIELD_TCP_FLAGS_RST},
    {"tcp.flags.psh", PM_FIELD_TCP_FLAGS_PSH},
    {"tcp.window_size_value", PM_FIELD_TCP_WINDOW},
    {"tcp.options.mss_val", PM_FIELD_TCP_MSS},
    {"icmpv6.type", PM_FIELD_ICMP_TYPE},
    {"icmpv6.code", PM_FIELD_ICMP_CODE},
    {"icmpv6.echo.identifier", PM_FIELD_ICMP_IDENT},
    {"icmpv6.echo.sequence_number", PM_FIELD_ICMP_SEQ},
};

const struct pm_field_info *pm_field_info(enum pm_field field)
{
    return &infos[field];
}

const char *pm_field_unsettable(enum pm_field field)
{
    static const char whole[] = "it stands for several fields; name the one";
    static const char given[] = "it is not a part of the packet";
    static const char follows[] = "it follows from the packet's bytes";
    static const char numbers[] = "the connection's numbers belong to its two ends";
    static const char begins[] = "it begins or ends the connection";
    static const char ports[] = "the answers would not find their way back; use nat";
    if (infos[field].settable)
        return NULL;
    if (field >= PM_FIELD_HTTP_HOST && field <= PM_FIELD_HTTP_HEADER)
        return "use http";
    if (field >= PM_FIELD_TLS_NAME && field <= PM_FIELD_TLS_JA4)
        return "both ends have signed what the hello says";
    switch ((int)field) {
    case PM_FIELD_IP_ADDR:
    case PM_FIELD_UDP_PORT:
    case PM_FIELD_TCP_FLAGS:
        return whole;
    case PM_FIELD_FRAME_LEN:
    case PM_FIELD_IP_LEN:
    case PM_FIELD_IP_MF:
    case PM_FIELD_TCP_LEN:
    case PM_FIELD_UDP_LENGTH:
        return follows;
    case PM_FIELD_ETH_TYPE:
    case PM_FIELD_IP_VERSION:
    case PM_FIELD_IP_PROTO:
        return "what follows would be read as something else";
    case PM_FIELD_TCP_SEQ:
    case PM_FIELD_TCP_ACK:
        return numbers;
    case PM_FIELD_TCP_FLAGS_FIN:
    case PM_FIELD_TCP_FLAGS_SYN:
    case PM_FIELD_TCP_FLAGS_RST:
    case PM_FIELD_TCP_FLAGS_ACK:
        return begins;
    case PM_FIELD_TCP_FLAGS_URG:
    case PM_FIELD_TCP_URGENT:
        return "it says where urgent data ends, which only its sender knows";
    case PM_FIELD_TCP_MSS:
        return "use tcp_options";
    case PM_FIELD_TCP_SRCPORT:
    case PM_FIELD_TCP_DSTPORT:
    case PM_FIELD_TCP_PORT:
    case PM_FIELD_L4_SRCPORT:
    case PM_FIELD_L4_DSTPORT:
    case PM_FIELD_L4_PORT:
        return ports;
    case PM_FIELD_DNS_RESPONSE:
    case PM_FIELD_DNS_RCODE:
    case PM_FIELD_DNS_QRY_NAME:
    case PM_FIELD_DNS_QRY_TYPE:
    case PM_FIELD_DNS_A:
    case PM_FIELD_DNS_AAAA:
        return "DNS messages are read, but not edited yet";
    case PM_FIELD_PAYLOAD:
        return "use replace";
    default:
        return given;
    }
}

bool pm_field_find(const char *name, enum pm_field *field)
{
    for (int i = 0; i < PM_FIELD_COUNT; i++)
        if (strcmp(infos[i].name, name) == 0) {
            *field = (enum pm_field)i;
            return true;
        }
    for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++)
        if (strcmp(aliases[i].name, name) == 0) {
            *field = aliases[i].field;
            return true;
        }
    return false;
}
