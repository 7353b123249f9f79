/* witness.c - a packet that shows what lint says, judged by the engine that runs. */
#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lint.h"

#define INTERFACE_MAX 32u
#define PAYLOAD_MAX   64u

/* ------------------------------------------------------------------ picking */

static bool may_be(const struct box *box, unsigned side, uint64_t number)
{
    return box->sides[side] == NULL || pmr_numbers_have(box->sides[side], pmr_number(number));
}

/* The usual number where the box lets it be that, else a low one. */
static uint64_t pick(const struct box *box, unsigned side, uint64_t usual)
{
    const struct numbers *n = box->sides[side];

    if (may_be(box, side, usual) || n->count == 0)
        return usual;
    if (n->at[0].lo.low == 0 && pmr_number_compare(n->at[0].hi, pmr_number(0)) > 0)
        return 1;
    return n->at[0].lo.low;
}

static void put(uint8_t *out, unsigned count, uint64_t number)
{
    for (unsigned i = count; i-- > 0; number >>= 8)
        out[i] = (uint8_t)number;
}

static void pick_addr(const struct box *box, unsigned side, bool is6, bool is_home,
                      struct pm_addr *out)
{
    static const uint8_t usual4[2][4] = {{203, 0, 113, 9}, {10, 0, 0, 1}};
    static const uint8_t usual6[2][16] = {{0x20, 1, 0x0d, 0xb8, [15] = 9}, {0xfd, [15] = 1}};
    const struct numbers *n = box->sides[side];
    struct number usual =
        is6 ? (struct number){is_home ? UINT64_C(0xfd) << 56 : UINT64_C(0x20010db8) << 32,
                              is_home ? 1 : 9}
            : pmr_number(is_home ? 0x0a000001 : 0xcb007109);
    struct number picked;

    out->version = is6 ? 6 : 4;
    memcpy(out->bytes, is6 ? usual6[is_home] : usual4[is_home], is6 ? 16 : 4);
    if (n == NULL || n->count == 0 || pmr_numbers_have(n, usual))
        return;
    picked = n->at[0].lo;
    if (pmr_number_compare(n->at[0].lo, n->at[0].hi) < 0 && (picked.low & 1) == 0)
        picked.low++; /* not the address of the network */
    put(out->bytes, is6 ? 8 : 4, is6 ? picked.high : picked.low);
    if (is6)
        put(out->bytes + 8, 8, picked.low);
}

/* Flags that begin a connection rather than others. */
static uint16_t pick_flags(const struct box *box)
{
    static const uint16_t usual[] = {0x02, 0x12, 0x10, 0x18, 0x11, 0x04};

    for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++)
        if (may_be(box, PM_FIELD_TCP_FLAGS, usual[i]))
            return usual[i];
    return (uint16_t)pick(box, PM_FIELD_TCP_FLAGS, 0x02);
}

static void pick_l4(const struct box *box, bool is6, struct pm_ruletest_packet *p)
{
    bool tcp = (box->l4 & BOX_TCP) != 0, udp = !tcp && (box->l4 & BOX_UDP) != 0;

    p->proto = tcp ? PM_RULETEST_TCP : udp ? PM_RULETEST_UDP : PM_RULETEST_ICMP;
    if (tcp || udp) {
        p->src_port = (uint16_t)pick(box, tcp ? PM_FIELD_TCP_SRCPORT : PM_FIELD_UDP_SRCPORT, 40000);
        p->dst_port = (uint16_t)pick(box, tcp ? PM_FIELD_TCP_DSTPORT : PM_FIELD_UDP_DSTPORT, 80);
    }
    if (tcp) {
        p->flags = pick_flags(box);
        p->seq = (uint32_t)pick(box, PM_FIELD_TCP_SEQ, 1000);
        p->ack = (uint32_t)pick(box, PM_FIELD_TCP_ACK, 0);
        p->window = (uint16_t)pick(box, PM_FIELD_TCP_WINDOW, 64240);
    }
    if (tcp || udp)
        return;
    p->type = (uint8_t)pick(box, PM_FIELD_ICMP_TYPE, is6 ? 128 : 8);
    p->code = (uint8_t)pick(box, PM_FIELD_ICMP_CODE, 0);
}

static void pick_interface(struct lint *x, const struct box *box, struct witness *w)
{
    const struct numbers *n = box->sides[PM_FIELD_INTERFACE];
    uint64_t number = n == NULL || n->count == 0 ? UINT64_MAX : n->at[0].lo.low;
    const char *text;

    if (number >= x->geometry.text_count || n->may_miss)
        return;
    text = x->geometry.text_list[number];
    if (strlen(text) >= INTERFACE_MAX)
        return;
    for (size_t i = 0; text[i] != '\0'; i++)
        if (text[i] < ' ' || text[i] > '~' || text[i] == '"' || text[i] == '\\')
            return;
    w->packet.interface = text;
}

/* ------------------------------------------------------------------ is it in the box? */

/* The number that the packet has there; false: none, or not known here. *is_missing then. */
static bool number_of(const struct witness *w, unsigned side, uint64_t *out, bool *is_missing)
{
    const struct pm_ruletest_packet *p = &w->packet;
    bool tcp = p->proto == PM_RULETEST_TCP, udp = p->proto == PM_RULETEST_UDP;
    bool is4 = p->src.version == 4;
    uint64_t l4_len = (tcp ? 20 : 8) + p->payload.len, ip_len = l4_len + (is4 ? 20 : 40);
    const struct {
        unsigned side;
        bool is_there;
        uint64_t number;
    } known[] = {
        {PM_FIELD_DIR, true, p->is_in},
        {PM_FIELD_FLOW_NEW, true, 1},
        {PM_FIELD_FRAME_LEN, true, ip_len + 14},
        {PM_FIELD_ETH_TYPE, true, is4 ? 0x0800 : 0x86dd},
        {PM_FIELD_IP_VERSION, true, p->src.version},
        {PM_FIELD_IP_PROTO, true,
         tcp   ? 6
         : udp ? 17
         : is4 ? 1
               : 58},
        {PM_FIELD_IP_TTL, true, p->ttl},
        {PM_FIELD_IP_DSFIELD, true, (uint64_t)p->dscp << 2},
        {PM_FIELD_IP_ID, is4, p->id},
        {PM_FIELD_IP_DF, is4, p->df},
        {PM_FIELD_IP_MF, is4, 0},
        {PM_FIELD_IP_LEN, true, ip_len},
        {PM_FIELD_TCP_SRCPORT, tcp, p->src_port},
        {PM_FIELD_TCP_DSTPORT, tcp, p->dst_port},
        {PM_FIELD_TCP_FLAGS, tcp, p->flags},
        {PM_FIELD_TCP_SEQ, tcp, p->seq},
        {PM_FIELD_TCP_ACK, tcp, p->ack},
        {PM_FIELD_TCP_WINDOW, tcp, p->window},
        {PM_FIELD_TCP_URGENT, tcp, 0},
        {PM_FIELD_TCP_MSS, false, 0},
        {PM_FIELD_TCP_LEN, tcp, p->payload.len},
        {PM_FIELD_UDP_SRCPORT, udp, p->src_port},
        {PM_FIELD_UDP_DSTPORT, udp, p->dst_port},
        {PM_FIELD_UDP_LENGTH, udp, l4_len},
        {PM_FIELD_ICMP_TYPE, !tcp && !udp, p->type},
        {PM_FIELD_ICMP_CODE, !tcp && !udp, p->code},
    };

    *is_missing = false;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i].side == side) {
            *out = known[i].number;
            *is_missing = !known[i].is_there;
            return known[i].is_there;
        }
    return false;
}

static bool fits_addr(const struct box *box, unsigned side, const struct pm_addr *addr)
{
    const struct numbers *n = box->sides[side];
    bool is6 = side == SIDE_SRC6 || side == SIDE_DST6;
    struct number number = {0, 0};

    if (n == NULL)
        return true;
    if (addr->version != (is6 ? 6 : 4))
        return n->may_miss;
    for (unsigned i = 0; i < (is6 ? 16u : 4u); i++) {
        number.high = number.high << 8 | number.low >> 56;
        number.low = number.low << 8 | addr->bytes[i];
    }
    return pmr_numbers_have(n, number);
}

static bool fits(const struct lint *x, const struct box *box, const struct witness *w,
                 unsigned side)
{
    const struct numbers *n = box->sides[side];
    const struct pm_ruletest_packet *p = &w->packet;
    bool is_missing;
    uint64_t number;

    if (n == NULL)
        return true;
    if (side == PM_FIELD_IP_SRC || side == SIDE_SRC6)
        return fits_addr(box, side, &p->src);
    if (side == PM_FIELD_IP_DST || side == SIDE_DST6)
        return fits_addr(box, side, &p->dst);
    if (side == PM_FIELD_INTERFACE && p->interface == NULL)
        return n->may_miss;
    if (side == PM_FIELD_INTERFACE)
        return n->count > 0 && n->at[0].lo.low < x->geometry.text_count;
    /* who opens the connection is known where it begins */
    if (side == PM_FIELD_FLOW)
        return pmr_numbers_have(n, pmr_number(0)) &&
               (p->proto == PM_RULETEST_UDP || (p->proto == PM_RULETEST_TCP && p->flags == 2));
    if (number_of(w, side, &number, &is_missing))
        return pmr_numbers_have(n, pmr_number(number));
    return is_missing && n->may_miss;
}

/* Bytes that make the atom true, where that is plain to see. */
static bool pick_payload(struct lint *x, const struct box *box, struct pm_ruletest_packet *p)
{
    const struct atom *atom = box->atom_count == 1 && box->atoms[0] > 0
                                  ? &x->geometry.atom_list[box->atoms[0] - 1]
                                  : NULL;
    const struct pm_value *v = atom == NULL ? NULL : atom->value;

    if (v == NULL || atom->field != PM_FIELD_PAYLOAD || v->kind != PM_VALUE_BYTES ||
        v->bytes.offset > 0 || v->bytes.len > PAYLOAD_MAX)
        return false;
    p->payload = (struct pm_ruletest_bytes){v->bytes.bytes, v->bytes.len, true};
    for (uint32_t i = 0; i < v->bytes.len; i++) {
        uint8_t c = v->bytes.bytes[i];

        if (c < ' ' || c > '~' || c == '"' || c == '\\')
            return false; /* it is that, but cannot be shown as text */
    }
    return true;
}

/* Two ends are two, if possible. */
static void tell_ends_apart(const struct box *box, bool is6, struct pm_ruletest_packet *p)
{
    const struct numbers *n = box->sides[is6 ? (unsigned)SIDE_DST6 : (unsigned)PM_FIELD_IP_DST];
    uint8_t *last = &p->dst.bytes[is6 ? 15 : 3];

    if (memcmp(p->src.bytes, p->dst.bytes, is6 ? 16 : 4) != 0 || *last == UINT8_MAX)
        return;
    ++*last;
    if (n != NULL && !fits_addr(box, is6 ? SIDE_DST6 : PM_FIELD_IP_DST, &p->dst))
        --*last;
}

bool pmr_witness_of(struct lint *x, const struct box *box, struct witness *w)
{
    struct pm_ruletest_packet *p = &w->packet;
    bool is6 = (box->ip & BOX_V4) == 0;

    *w = (struct witness){.is_exact = true};
    if ((box->ip & (BOX_V4 | BOX_V6)) == 0 || (box->l4 & (BOX_TCP | BOX_UDP | BOX_ICMP)) == 0)
        return false;
    p->is_in = pick(box, PM_FIELD_DIR, 0) == 1;
    pick_addr(box, is6 ? SIDE_SRC6 : PM_FIELD_IP_SRC, is6, !p->is_in, &p->src);
    pick_addr(box, is6 ? SIDE_DST6 : PM_FIELD_IP_DST, is6, p->is_in, &p->dst);
    p->ttl = (uint8_t)pick(box, PM_FIELD_IP_TTL, 64);
    p->dscp = (uint8_t)(pick(box, PM_FIELD_IP_DSFIELD, 0) >> 2);
    p->id = (uint16_t)pick(box, PM_FIELD_IP_ID, 0);
    p->df = pick(box, PM_FIELD_IP_DF, 0) == 1;
    pick_l4(box, is6, p);
    tell_ends_apart(box, is6, p);
    pick_interface(x, box, w);
    if (box->atom_count > 0)
        w->is_exact = pick_payload(x, box, p);
    for (unsigned side = 0; side < SIDE_COUNT && w->is_exact; side++)
        w->is_exact = fits(x, box, w, side);
    w->is_exact = w->is_exact && p->flags <= 0xff;
    return true;
}

/* ------------------------------------------------------------------ judging */

bool pmr_witness_judge(struct load *l, enum pm_stage stage, const struct witness *w, uint32_t *rule)
{
    const struct pm_check_options *options = &l->lint->options;
    struct pm_check_judged judged;

    if (options->judge == NULL ||
        !options->judge(options->context, l->rules->policy, stage, &w->packet, &judged) ||
        !judged.is_by_rule)
        return false;
    *rule = judged.rule;
    return true;
}

/* ------------------------------------------------------------------ as text */

void pmr_addr_text(const struct pm_addr *addr, char out[PMR_ADDR_TEXT])
{
    if (inet_ntop(addr->version == 4 ? AF_INET : AF_INET6, addr->bytes, out, PMR_ADDR_TEXT) == NULL)
        out[0] = '\0';
}

struct line {
    char text[640];
    size_t len;
};

static void say(struct line *line, const char *format, ...) PMR_PRINTF(2, 3);

static void say(struct line *line, const char *format, ...)
{
    va_list list;
    int len;

    va_start(list, format);
    len = vsnprintf(line->text + line->len, sizeof line->text - line->len, format, list);
    va_end(list);
    if (len > 0)
        line->len += (size_t)len;
    if (line->len >= sizeof line->text)
        line->len = sizeof line->text - 1;
}

static void say_tcp(struct line *line, const struct pm_ruletest_packet *p)
{
    static const char letters[] = "FSRPAUEC";

    say(line, "\"flags\": \"");
    for (unsigned i = 0; i < 8; i++)
        if ((p->flags >> i & 1) != 0)
            say(line, "%c", letters[i]);
    say(line, "\"");
    if (p->seq != 1000)
        say(line, ", \"seq\": %u", p->seq);
    if (p->ack != 0)
        say(line, ", \"ack\": %u", p->ack);
    if (p->window != 64240)
        say(line, ", \"window\": %u", p->window);
}

static void say_l4(struct line *line, const struct pm_ruletest_packet *p)
{
    bool tcp = p->proto == PM_RULETEST_TCP;

    if (p->proto == PM_RULETEST_ICMP) {
        say(line, ", \"icmp\": { \"type\": %u", p->type);
        if (p->code != 0)
            say(line, ", \"code\": %u", p->code);
    } else {
        say(line, ", \"%s\": { ", tcp ? "tcp" : "udp");
        if (p->src_port != 40000)
            say(line, "\"srcport\": %u, ", p->src_port);
        say(line, "\"dstport\": %u%s", p->dst_port, tcp ? ", " : "");
    }
    if (tcp)
        say_tcp(line, p);
    if (p->payload.len > 0)
        say(line, ", \"payload\": \"%.*s\"", (int)p->payload.len, (const char *)p->payload.at);
    say(line, " }");
}

const char *pmr_witness_text(struct load *l, const struct witness *w)
{
    const struct pm_ruletest_packet *p = &w->packet;
    struct line line = {.len = 0};
    char src[PMR_ADDR_TEXT], dst[PMR_ADDR_TEXT];

    pmr_addr_text(&p->src, src);
    pmr_addr_text(&p->dst, dst);
    say(&line, "{ ");
    if (p->is_in)
        say(&line, "\"dir\": \"in\", ");
    say(&line, "\"ip\": [\"%s\", \"%s\"]", src, dst);
    say_l4(&line, p);
    if (p->ttl != 64)
        say(&line, ", \"ttl\": %u", p->ttl);
    if (p->dscp != 0)
        say(&line, ", \"dscp\": %u", p->dscp);
    if (p->id != 0)
        say(&line, ", \"id\": %u", p->id);
    if (p->df)
        say(&line, ", \"df\": true");
    if (p->interface != NULL)
        say(&line, ", \"interface\": \"%s\"", p->interface);
    say(&line, " }");
    return pmr_memory_copy(&l->rules->memory, line.text, line.len);
}
