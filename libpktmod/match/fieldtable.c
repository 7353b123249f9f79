/* fieldtable.c - what fields there are: the language's table, by number and by name. */
#include <pktmod/policy.h>

#include <string.h>

enum { F = 1, S = 2, A = 4 };

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
                       .addable = ((flags)&A) != 0},

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
    {"tcp.flags.rst", PM_FIELD_TCP_FLAGS_RST},
    {"tcp.flags.psh", PM_FIELD_TCP_FLAGS_PSH},
    {"tcp.window_size_value", PM_FIELD_TCP_WINDOW},
    {"tcp.options.mss_val", PM_FIELD_TCP_MSS},
    {"icmpv6.type", PM_FIELD_ICMP_TYPE},
    {"icmpv6.code", PM_FIELD_ICMP_CODE},
};

const struct pm_field_info *pm_field_info(enum pm_field field)
{
    return &infos[field];
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
