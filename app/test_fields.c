/* test_fields.c - cuts a frame into its fields, along what verify's own reading of it found. */
#include "app/test_fields.h"

#include <stdio.h>
#include <string.h>

enum { LINK_ETHERNET = 1 };

struct field {
    const char *name;
    uint8_t off, len; /* behind the beginning of its header */
    enum pm_field_form form;
    enum pm_field_cause cause;
};

static const struct field ethernet[] = {
    {"eth.dst", 0, 6, PM_FIELD_BYTES, PM_CAUSE_ITSELF},
    {"eth.src", 6, 6, PM_FIELD_BYTES, PM_CAUSE_ITSELF},
    {NULL, 0, 0, PM_FIELD_BYTES, PM_CAUSE_ITSELF},
};

static const struct field ipv4[] = {
    {"ip.hdr_len", 0, 1, PM_FIELD_HEX, PM_CAUSE_ITSELF},
    {"ip.dsfield", 1, 1, PM_FIELD_HEX, PM_CAUSE_ITSELF},
    {"ip.len", 2, 2, PM_FIELD_NUMBER, PM_CAUSE_PACKET},
    {"ip.id", 4, 2, PM_FIELD_HEX, PM_CAUSE_ITSELF},
    {"ip.frag_offset", 6, 2, PM_FIELD_HEX, PM_CAUSE_ITSELF},
    {"ip.ttl", 8, 1, PM_FIELD_NUMBER, PM_CAUSE_ITSELF},
    {"ip.proto", 9, 1, PM_FIELD_NUMBER, PM_CAUSE_ITSELF},
    {"ip.checksum", 10, 2, PM_FIELD_HEX, PM_CAUSE_PACKET},
    {"ip.src", 12, 4, PM_FIELD_IP, PM_CAUSE_ITSELF},
    {"ip.dst", 16, 4, PM_FIELD_IP, PM_CAUSE_ITSELF},
    {NULL, 0, 0, PM_FIELD_BYTES, PM_CAUSE_ITSELF},
};

static const struct field ipv6[] = {
    {"ipv6.flow", 0, 4, PM_FIELD_HEX, PM_CAUSE_ITSELF},
    {"ipv6.plen", 4, 2, PM_FIELD_NUMBER, PM_CAUSE_PACKET},
    {"ipv6.nxt", 6, 1, PM_FIELD_NUMBER, PM_CAUSE_ITSELF},
    {"ipv6.hlim", 7, 1, PM_FIELD_NUMBER, PM_CAUSE_ITSELF},
    {"ipv6.src", 8, 16, PM_FIELD_IP, PM_CAUSE_ITSELF},
    {"ipv6.dst", 24, 16, PM_FIELD_IP, PM_CAUSE_ITSELF},
    {NULL, 0, 0, PM_FIELD_BYTES, PM_CAUSE_ITSELF},
};

static const struct field tcp[] = {
    {"tcp.srcport", 0, 2, PM_FIELD_NUMBER, PM_CAUSE_ITSELF},
    {"tcp.dstport", 2, 2, PM_FIELD_NUMBER, PM_CAUSE_ITSELF},
    {"tcp.seq", 4, 4, PM_FIELD_NUMBER, PM_CAUSE_STREAM},
    {"tcp.ack", 8, 4, PM_FIELD_NUMBER, PM_CAUSE_STREAM},
    {"tcp.hdr_len", 12, 1, PM_FIELD_HEX, PM_CAUSE_ITSELF},
    {"tcp.flags", 13, 1, PM_FIELD_HEX, PM_CAUSE_ITSELF},
    {"tcp.window_size", 14, 2, PM_FIELD_NUMBER, PM_CAUSE_ITSELF},
    {"tcp.checksum", 16, 2, PM_FIELD_HEX, PM_CAUSE_PACKET},
    {"tcp.urgent_pointer", 18, 2, PM_FIELD_NUMBER, PM_CAUSE_ITSELF},
    {NULL, 0, 0, PM_FIELD_BYTES, PM_CAUSE_ITSELF},
};

static const struct field udp[] = {
    {"udp.srcport", 0, 2, PM_FIELD_NUMBER, PM_CAUSE_ITSELF},
    {"udp.dstport", 2, 2, PM_FIELD_NUMBER, PM_CAUSE_ITSELF},
    {"udp.length", 4, 2, PM_FIELD_NUMBER, PM_CAUSE_PACKET},
    {"udp.checksum", 6, 2, PM_FIELD_HEX, PM_CAUSE_PACKET},
    {NULL, 0, 0, PM_FIELD_BYTES, PM_CAUSE_ITSELF},
};

static const struct field icmp[] = {
    {"icmp.type", 0, 1, PM_FIELD_NUMBER, PM_CAUSE_ITSELF},
    {"icmp.code", 1, 1, PM_FIELD_NUMBER, PM_CAUSE_ITSELF},
    {"icmp.checksum", 2, 2, PM_FIELD_HEX, PM_CAUSE_PACKET},
    {NULL, 0, 0, PM_FIELD_BYTES, PM_CAUSE_ITSELF},
};

/* Sequences of bytes between and behind the headers. */
static const struct field tcp_options = {"tcp.options", 0, 0, PM_FIELD_BYTES, PM_CAUSE_STREAM};
static const struct field ip_options = {"ip.options", 0, 0, PM_FIELD_BYTES, PM_CAUSE_ITSELF};
static const struct field ipv6_extensions = {"ipv6.exthdrs", 0, 0, PM_FIELD_BYTES, PM_CAUSE_ITSELF};
static const struct field link_rest = {"link", 0, 0, PM_FIELD_BYTES, PM_CAUSE_ITSELF};
static const struct field payloads[] = {
    [PM_VERIFY_OTHER] = {"frame.data", 0, 0, PM_FIELD_BYTES, PM_CAUSE_ITSELF},
    [PM_VERIFY_IP] = {"ip.data", 0, 0, PM_FIELD_BYTES, PM_CAUSE_ITSELF},
    [PM_VERIFY_FRAGMENT] = {"ip.fragment", 0, 0, PM_FIELD_BYTES, PM_CAUSE_ITSELF},
    [PM_VERIFY_TCP] = {"tcp.payload", 0, 0, PM_FIELD_BYTES, PM_CAUSE_ITSELF},
    [PM_VERIFY_UDP] = {"udp.payload", 0, 0, PM_FIELD_BYTES, PM_CAUSE_ITSELF},
    [PM_VERIFY_ICMP] = {"icmp.data", 0, 0, PM_FIELD_BYTES, PM_CAUSE_ITSELF},
};
static const struct field padding = {"frame.padding", 0, 0, PM_FIELD_BYTES, PM_CAUSE_PACKET};

static const char *const of_frames[] = {"frame.time", "frame.len", "frame.cap_len",
                                        "frame.comment"};

/* ------------------------------------------------------------------ cutting */

struct cut {
    const struct pm_verify_packet *packet;
    struct pm_field_span *spans;
    unsigned count;
    uint32_t at; /* all before it is in spans */
};

/* Bytes up to `end`, as far as the capture has them. */
static void take(struct cut *cut, const struct field *field, uint32_t end)
{
    if (end > cut->packet->caplen)
        end = cut->packet->caplen;
    if (end <= cut->at || cut->count == PM_FIELD_SPANS)
        return;
    cut->spans[cut->count++] =
        (struct pm_field_span){field->name, cut->at, end - cut->at, field->form, field->cause};
    cut->at = end;
}

static void take_header(struct cut *cut, const struct field *fields, uint32_t off)
{
    for (; fields->name != NULL && cut->at == off + fields->off; fields++)
        take(cut, fields, off + fields->off + fields->len);
}

static void take_link(struct cut *cut, uint16_t link)
{
    if (link == LINK_ETHERNET)
        take_header(cut, ethernet, 0);
    take(cut, &link_rest, cut->packet->ip_off);
}

static void take_ip(struct cut *cut)
{
    const struct pm_verify_packet *p = cut->packet;
    bool is_ipv4 = p->ends.version == 4;
    take_header(cut, is_ipv4 ? ipv4 : ipv6, p->ip_off);
    take(cut, is_ipv4 ? &ip_options : &ipv6_extensions, p->l4_off);
}

static void take_l4(struct cut *cut)
{
    const struct pm_verify_packet *p = cut->packet;
    if (p->kind == PM_VERIFY_TCP) {
        take_header(cut, tcp, p->l4_off);
        take(cut, &tcp_options, p->payload_off);
    } else if (p->kind == PM_VERIFY_UDP) {
        take_header(cut, udp, p->l4_off);
    } else if (p->kind == PM_VERIFY_ICMP) {
        take_header(cut, icmp, p->l4_off);
    }
}

unsigned pm_fields_of(const struct pm_verify_packet *packet, uint16_t link,
                      struct pm_field_span spans[PM_FIELD_SPANS])
{
    struct cut cut = {.packet = packet, .spans = spans};
    if (packet->ends.version != 0) {
        take_link(&cut, link);
        take_ip(&cut);
        take_l4(&cut);
        take(&cut, &payloads[packet->kind], packet->ip_off + packet->ip_len);
        take(&cut, &padding, packet->caplen);
    }
    take(&cut, &payloads[PM_VERIFY_OTHER], packet->caplen);
    return cut.count;
}

/* ------------------------------------------------------------------ names */

#define LISTS 6

/* The i-th of all names, or NULL. */
static const char *name_at(size_t i)
{
    static const struct field *const lists[LISTS] = {ethernet, ipv4, ipv6, tcp, udp, icmp};
    static const struct field *const others[] = {&link_rest, &ip_options, &ipv6_extensions,
                                                 &tcp_options, &padding};
    for (size_t list = 0; list < LISTS; list++)
        for (const struct field *field = lists[list]; field->name != NULL; field++)
            if (i-- == 0)
                return field->name;
    if (i < sizeof others / sizeof others[0])
        return others[i]->name;
    i -= sizeof others / sizeof others[0];
    if (i < sizeof payloads / sizeof payloads[0])
        return payloads[i].name;
    i -= sizeof payloads / sizeof payloads[0];
    return i < sizeof of_frames / sizeof of_frames[0] ? of_frames[i] : NULL;
}

bool pm_field_is_known(const char *name)
{
    const char *known;
    for (size_t i = 0; (known = name_at(i)) != NULL; i++)
        if (strcmp(known, name) == 0)
            return true;
    return false;
}

void pm_field_print_names(FILE *out)
{
    const char *name;
    size_t column = 0;
    for (size_t i = 0; (name = name_at(i)) != NULL; i++) {
        size_t len = strlen(name) + 2;
        if (column == 0 || column + len > 80) {
            fputs(column == 0 ? "  " : "\n  ", out);
            column = 2;
        }
        fprintf(out, "%s%s", name, name_at(i + 1) == NULL ? "\n" : ", ");
        column += len;
    }
}
