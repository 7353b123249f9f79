/* flowtalk.c - conversations of a flow text: how they begin, datagrams, ICMP. */
#include <stdlib.h>
#include <string.h>

#include "app/flowreader.h"

/* ------------------------------------------------------------------ a conversation begins */

static struct pm_flow_talk *talk_named(struct pm_flow_reader *r, const char *name)
{
    for (unsigned i = 0; i < r->talk_count; i++)
        if (strcmp(r->talks[i].name, name) == 0)
            return &r->talks[i];
    return NULL;
}

static bool take_ends(struct pm_flow_reader *r, struct pm_craft *craft)
{
    bool has_ports = craft->proto != PM_CRAFT_ICMP;
    if (!pm_flow_addr(r->line, has_ports, &craft->src, &craft->src_port))
        return false;
    if (!pm_flow_take(r->line, ">")) {
        pm_flow_expected(r->line, "\">\"", NULL);
        return false;
    }
    if (!pm_flow_addr(r->line, has_ports, &craft->dst, &craft->dst_port))
        return false;
    if (craft->src.version == craft->dst.version)
        return true;
    pm_flow_fail_before(r->line, NULL, "both addresses are IPv4, or both IPv6");
    return false;
}

/* What a line may say of all packets of a conversation. */
struct manner {
    struct pm_craft craft;
    uint64_t mss, isn[2];
    bool has_isn, is_incoming, has_timestamps, has_sack;
};

static bool take_vlan(struct pm_flow_reader *r, struct pm_craft *craft)
{
    if (craft->vlan_count == PM_CRAFT_VLANS || r->list->link != PM_CRAFT_ETHERNET) {
        pm_flow_fail_before(r->line, NULL, "at most two VLAN tags, on link ethernet");
        return false;
    }
    return pm_flow_take_number16(r, 0, 4095, &craft->vlan[craft->vlan_count++]);
}

static bool take_manner(struct pm_flow_reader *r, struct manner *m)
{
    static const char *const words[] = {"incoming", "vlan", "ttl",        "dscp", "mss",
                                        "window",   "isn",  "timestamps", "sack", NULL};
    struct pm_flow_line *line = r->line;
    if (pm_flow_take(line, "incoming"))
        return m->is_incoming = true;
    if (pm_flow_take(line, "vlan"))
        return take_vlan(r, &m->craft);
    if (pm_flow_take(line, "ttl"))
        return pm_flow_take_number8(r, 255, 0, &m->craft.ttl);
    if (pm_flow_take(line, "dscp"))
        return pm_flow_take_number8(r, 63, 2, &m->craft.tos);
    if (pm_flow_take(line, "mss"))
        return pm_flow_number(line, 1, 65000, &m->mss);
    if (pm_flow_take(line, "window"))
        return pm_flow_take_number16(r, 0, 65535, &m->craft.window);
    if (pm_flow_take(line, "isn"))
        return m->has_isn = pm_flow_pair(line, UINT32_MAX, ',', m->isn);
    if (pm_flow_take(line, "timestamps"))
        return m->has_timestamps = true;
    if (pm_flow_take(line, "sack"))
        return m->has_sack = true;
    pm_flow_expected(line, "a property of the conversation", words);
    return false;
}

static void begin_talk(struct pm_flow_reader *r, struct pm_talk *talk, const struct manner *m)
{
    struct pm_craft craft = m->craft;
    if (craft.proto == PM_CRAFT_ICMP && craft.src.version == 6)
        craft.proto = PM_CRAFT_ICMPV6;
    pm_talk_begin(talk, &craft, r->list, &r->clock);
    talk->mss = (uint16_t)m->mss;
    talk->first_dir = m->is_incoming ? PM_DIR_IN : PM_DIR_OUT;
    talk->has_timestamps = m->has_timestamps;
    talk->has_sack = m->has_sack;
    talk->interface = r->interface;
    for (unsigned i = 0; i < 2 && m->has_isn; i++)
        talk->ends[i].isn = (uint32_t)m->isn[i];
}

static struct manner usual_manner(const struct pm_flow_reader *r, uint8_t proto)
{
    return (struct manner){.craft = {.link = r->list->link,
                                     .src_mac = {2, 0, 0, 0, 0, 1},
                                     .dst_mac = {2, 0, 0, 0, 0, 2},
                                     .ttl = 64,
                                     .id = 1,
                                     .proto = proto,
                                     .window = 64240},
                           .mss = 1460};
}

bool pm_flow_take_talk(struct pm_flow_reader *r, uint8_t proto)
{
    struct manner m = usual_manner(r, proto);
    char name[PM_FLOW_NAME];
    if (!pm_flow_name(r->line, name))
        return false;
    if (talk_named(r, name) != NULL || r->talk_count == PM_FLOW_TALKS) {
        pm_flow_fail_before(r->line, NULL,
                            talk_named(r, name) != NULL
                                ? "a conversation with this name stands before"
                                : "there are at most 1024 conversations");
        return false;
    }
    struct pm_flow_talk *named = &r->talks[r->talk_count++];
    *named = (struct pm_flow_talk){.is_bad = true};
    memcpy(named->name, name, sizeof name);
    if (!take_ends(r, &m.craft))
        return false;
    while (!pm_flow_line_ends(r->line))
        if (!take_manner(r, &m))
            return false;
    begin_talk(r, &named->talk, &m);
    named->is_bad = false;
    return true;
}

/* ------------------------------------------------------------------ datagrams */

static bool take_datagram(struct pm_flow_reader *r, struct pm_flow_talk *named, unsigned from)
{
    struct pm_flow_bytes bytes = {.at = NULL};
    struct pm_talk_extra extra = {0};
    bool has_data = named->talk.ends[0].craft.proto == PM_CRAFT_UDP || pm_flow_is_data(r->line);
    bool good = !has_data || pm_flow_data(r->line, r->folder, &bytes);
    if (good && bytes.len > 65000) {
        pm_flow_fail_before(r->line, NULL, "a datagram has at most 65000 bytes, this one %zu",
                            bytes.len);
        good = false;
    }
    good = good && pm_flow_take_extras(r, &extra, false);
    if (good)
        pm_talk_datagram(&named->talk, from, bytes.at, bytes.len, &extra);
    free(bytes.at);
    return good;
}

static bool take_udp(struct pm_flow_reader *r, struct pm_flow_talk *named, unsigned from)
{
    if (pm_flow_take(r->line, "icmp"))
        return pm_flow_take_error(r, named, from);
    return take_datagram(r, named, from);
}

bool pm_flow_take_error(struct pm_flow_reader *r, struct pm_flow_talk *named, unsigned from)
{
    struct pm_talk_extra extra = {0};
    uint64_t pair[2], rest = 0;
    if (!pm_flow_pair(r->line, 255, '/', pair))
        return false;
    if (pm_flow_take(r->line, "mtu") && !pm_flow_number(r->line, 0, UINT16_MAX, &rest))
        return false;
    if (!pm_flow_take_extras(r, &extra, false))
        return false;
    if (pm_talk_error(&named->talk, from, (uint8_t)pair[0], (uint8_t)pair[1], (uint32_t)rest,
                      &extra))
        return true;
    r->line->at = 2;
    pm_flow_fail(r->line, NULL, "the other end has sent nothing that this error could be about");
    return false;
}

/* Sets type, code and the rest of the header. */
static bool take_icmp_head(struct pm_flow_reader *r, struct pm_craft *craft)
{
    static const char *const words[] = {"echo", "reply", "type", "icmp", NULL};
    bool is_v6 = craft->src.version == 6, is_echo = pm_flow_take(r->line, "echo");
    uint64_t pair[2], rest = 0;
    craft->code = 0;
    if (is_echo || pm_flow_take(r->line, "reply")) {
        if (!pm_flow_pair(r->line, 65535, '/', pair))
            return false;
        craft->type = is_echo ? (is_v6 ? 128 : 8) : (is_v6 ? 129 : 0);
        craft->rest = (uint32_t)(pair[0] << 16 | pair[1]);
        return true;
    }
    if (!pm_flow_take(r->line, "type")) {
        pm_flow_expected(r->line, "\"echo\", \"reply\", \"type\" or \"icmp\"", words);
        return false;
    }
    if (!pm_flow_pair(r->line, 255, '/', pair))
        return false;
    if (pm_flow_take(r->line, "rest") && !pm_flow_number(r->line, 0, UINT32_MAX, &rest))
        return false;
    craft->type = (uint8_t)pair[0];
    craft->code = (uint8_t)pair[1];
    craft->rest = (uint32_t)rest;
    return true;
}

static bool take_icmp(struct pm_flow_reader *r, struct pm_flow_talk *named, unsigned from)
{
    if (pm_flow_take(r->line, "icmp"))
        return pm_flow_take_error(r, named, from);
    return take_icmp_head(r, &named->talk.ends[from].craft) && take_datagram(r, named, from);
}

/* ------------------------------------------------------------------ statements */

bool pm_flow_take_packets(struct pm_flow_reader *r, struct pm_flow_talk *named)
{
    static const char *const words[] = {"open", NULL};
    uint8_t proto = named->talk.ends[0].craft.proto;
    unsigned from = 0;
    if (proto == PM_CRAFT_TCP && pm_flow_take(r->line, "open")) {
        pm_talk_open(&named->talk);
        return true;
    }
    if (pm_flow_take(r->line, "<")) {
        from = 1;
    } else if (!pm_flow_take(r->line, ">")) {
        pm_flow_expected(
            r->line, proto == PM_CRAFT_TCP ? "\"open\", \">\" or \"<\"" : "\">\" or \"<\"", words);
        return false;
    }
    if (proto == PM_CRAFT_TCP)
        return pm_flow_take_tcp(r, named, from);
    return proto == PM_CRAFT_UDP ? take_udp(r, named, from) : take_icmp(r, named, from);
}
