/* event_line.c - writes the parts of an event; the contract is in event_line.h. */
#include "app/event_line.h"

#include <stdio.h>
#include <string.h>

#include "app/byteorder.h"
#include "app/communityid.h"
#include "app/report.h"

enum { ICMP = 1, TCP = 6, UDP = 17, ICMPV6 = 58, SCTP = 132 };

/* ------------------------------------------------------------------ header */

/* As Suricata writes them: microseconds and the offset of UTC. Where the capture is more exact,
 * three digits more. */
static void put_time(struct pm_json *json, const char *key, uint64_t ns)
{
    char text[PM_TIME_TEXT + 8];
    pm_report_time(ns, 'T', text);
    size_t len = strlen(text) - (ns % 1000 == 0 ? 3 : 0);
    snprintf(text + len, sizeof text - len, "+0000");
    pm_json_text(json, key, text);
}

static void put_proto(struct pm_json *json, uint8_t proto)
{
    static const struct {
        uint8_t proto;
        const char *name;
    } names[] = {{ICMP, "ICMP"}, {2, "IGMP"}, {TCP, "TCP"},          {UDP, "UDP"},  {47, "GRE"},
                 {50, "ESP"},    {51, "AH"},  {ICMPV6, "IPv6-ICMP"}, {SCTP, "SCTP"}};
    char number[8];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].proto == proto) {
            pm_json_text(json, "proto", names[i].name);
            return;
        }
    snprintf(number, sizeof number, "%u", proto);
    pm_json_text(json, "proto", number);
}

/* Who talks, of what kind; has_ports also for the type and code of ICMP. */
static bool ends_of(const struct pm_event_about *about, struct pm_community_flow *ends)
{
    const struct pm_verify_packet *p = about->packet;
    if (p != NULL && p->ends.version != 0) {
        bool is_icmp = p->kind == PM_VERIFY_ICMP && p->l4_off + 2 <= p->caplen;
        ends->src.version = ends->dst.version = p->ends.version;
        memcpy(ends->src.bytes, p->ends.addr[0], 16);
        memcpy(ends->dst.bytes, p->ends.addr[1], 16);
        ends->proto = p->ends.proto;
        ends->has_ports = p->kind == PM_VERIFY_TCP || p->kind == PM_VERIFY_UDP || is_icmp;
        ends->src_port = is_icmp ? p->bytes[p->l4_off] : p->ends.port[0];
        ends->dst_port = is_icmp ? p->bytes[p->l4_off + 1] : p->ends.port[1];
        return true;
    }
    if (about->flow == NULL)
        return false;
    const struct pm_endpoints *own = &about->flow->ends;
    bool is_icmp = about->flow->icmp_type >= 0;
    *ends = (struct pm_community_flow){
        .src = own->src,
        .dst = own->dst,
        .proto = own->ip_proto,
        .has_ports = own->has_ports || is_icmp,
        .src_port = is_icmp ? (uint16_t)about->flow->icmp_type : own->src_port,
        .dst_port = is_icmp ? (uint16_t)about->flow->icmp_code : own->dst_port,
    };
    return true;
}

/* SCTP has ports too, which the flows of the engine do not know. */
static void read_sctp_ports(const struct pm_event_about *about, struct pm_community_flow *ends)
{
    const struct pm_verify_packet *p = about->packet;
    if (p == NULL || p->kind != PM_VERIFY_IP || p->ends.proto != SCTP || p->l4_off + 4 > p->caplen)
        return;
    ends->has_ports = true;
    ends->src_port = pm_file_get16(p->bytes + p->l4_off, true);
    ends->dst_port = pm_file_get16(p->bytes + p->l4_off + 2, true);
}

static void put_ends(struct pm_json *json, const struct pm_event_about *about)
{
    struct pm_community_flow ends = {.proto = 0};
    char text[PM_ADDR_TEXT], id[PM_COMMUNITY_ID];
    if (!ends_of(about, &ends))
        return;
    read_sctp_ports(about, &ends);
    bool is_icmp = ends.proto == ICMP || ends.proto == ICMPV6;
    pm_addr_text(&ends.src, text);
    pm_json_text(json, "src_ip", text);
    if (ends.has_ports && !is_icmp)
        pm_json_uint(json, "src_port", ends.src_port);
    pm_addr_text(&ends.dst, text);
    pm_json_text(json, "dest_ip", text);
    if (ends.has_ports && !is_icmp)
        pm_json_uint(json, "dest_port", ends.dst_port);
    put_proto(json, ends.proto);
    pm_json_uint(json, "ip_v", ends.src.version);
    if (ends.has_ports && is_icmp) {
        pm_json_uint(json, "icmp_type", ends.src_port);
        pm_json_uint(json, "icmp_code", ends.dst_port);
    }
    pm_community_id(&ends, about->seed, id);
    pm_json_text(json, "community_id", id);
}

void pm_event_begin(struct pm_json *json, const struct pm_event_about *about)
{
    pm_json_open(json, NULL, '{');
    put_time(json, "timestamp", about->time_ns);
    if (about->flow != NULL)
        pm_json_uint(json, "flow_id", about->flow->id);
    if (about->interface != NULL)
        pm_json_text(json, "in_iface", about->interface);
    if (about->frame != 0)
        pm_json_uint(json, "pcap_cnt", about->frame);
    pm_json_text(json, "event_type", about->type);
    put_ends(json, about);
    if (about->flow != NULL && about->packet != NULL)
        pm_json_text(json, "direction", about->to_server ? "to_server" : "to_client");
}

void pm_event_end(struct pm_json *json)
{
    pm_json_close(json, '}');
}

/* ------------------------------------------------------------------ verdict */

static const char *verdict_name(enum pm_verdict verdict)
{
    static const char *const names[] = {[PM_ALLOW] = "allow",
                                        [PM_DROP] = "drop",
                                        [PM_DELAY] = "delay",
                                        [PM_REJECT] = "reject",
                                        [PM_ASK] = "ask"};
    return names[verdict];
}

void pm_event_put_verdict(struct pm_json *json, const struct pm_policy *policy,
                          const struct pm_event_verdict *verdict)
{
    pm_json_open(json, "verdict", '{');
    pm_json_text(json, "action", verdict_name(verdict->verdict));
    if (verdict->to_client || verdict->to_server) {
        const char *both = verdict->to_client && verdict->to_server ? "both" : NULL;
        const char *one = verdict->to_client ? "to_client" : "to_server";
        pm_json_text(json, "reject_target", both != NULL ? both : one);
        pm_json_open(json, "reject", '[');
        pm_json_text(json, NULL, verdict->is_reset ? "tcp-reset" : "icmp-prohib");
        pm_json_close(json, ']');
    }
    if (verdict->rule != PM_NO_RULE) {
        bool is_flow = pm_policy_rule_scope(policy, verdict->rule) == PM_SCOPE_FLOW;
        pm_json_text(json, "scope", is_flow ? "flow" : "packet");
        pm_json_text(json, "rule", pm_policy_rule_id(policy, verdict->rule));
    }
    pm_json_text(json, "reason", pm_why_name(verdict->why));
    pm_json_close(json, '}');
}

/* Suricata's 1 is the most severe. */
void pm_event_put_alert(struct pm_json *json, const struct pm_policy *policy, uint32_t rule,
                        bool is_blocked)
{
    enum pm_log_level level = pm_policy_rule_log(policy, rule)->level;
    pm_json_open(json, "alert", '{');
    pm_json_text(json, "action", is_blocked ? "blocked" : "allowed");
    pm_json_text(json, "signature", pm_policy_rule_id(policy, rule));
    pm_json_uint(json, "severity", 4u - (unsigned)level);
    pm_json_close(json, '}');
}

/* ------------------------------------------------------------------ drop */

static uint32_t get16(const struct pm_verify_packet *p, uint32_t at)
{
    return pm_file_get16(p->bytes + at, true);
}

static void put_ip(struct pm_json *json, const struct pm_verify_packet *p)
{
    uint32_t at = p->ip_off;
    if (p->ends.version == 4 && p->caplen >= at + 20) {
        pm_json_uint(json, "len", get16(p, at + 2));
        pm_json_uint(json, "tos", p->bytes[at + 1]);
        pm_json_uint(json, "ttl", p->bytes[at + 8]);
        pm_json_uint(json, "ipid", get16(p, at + 4));
    } else if (p->ends.version == 6 && p->caplen >= at + 40) {
        uint32_t word = pm_file_get32(p->bytes + at, true);
        pm_json_uint(json, "len", get16(p, at + 4));
        pm_json_uint(json, "tc", word >> 20 & 0xff);
        pm_json_uint(json, "hoplimit", p->bytes[at + 7]);
        pm_json_uint(json, "flowlbl", word & 0xfffff);
    }
}

static void put_tcp(struct pm_json *json, const struct pm_verify_packet *p)
{
    static const struct {
        const char *name;
        uint8_t flag;
    } flags[] = {{"syn", PM_VERIFY_SYN}, {"ack", PM_VERIFY_ACK}, {"psh", PM_VERIFY_PSH},
                 {"rst", PM_VERIFY_RST}, {"urg", PM_VERIFY_URG}, {"fin", PM_VERIFY_FIN}};
    pm_json_uint(json, "tcpseq", p->seq);
    pm_json_uint(json, "tcpack", p->ack);
    pm_json_uint(json, "tcpwin", p->window);
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        pm_json_bool(json, flags[i].name, (p->flags & flags[i].flag) != 0);
}

void pm_event_put_drop(struct pm_json *json, const struct pm_verify_packet *packet, enum pm_why why)
{
    uint32_t there = packet->caplen > packet->l4_off ? packet->caplen - packet->l4_off : 0;
    pm_json_open(json, "drop", '{');
    put_ip(json, packet);
    if (packet->kind == PM_VERIFY_TCP)
        put_tcp(json, packet);
    if (packet->kind == PM_VERIFY_UDP && there >= 8)
        pm_json_uint(json, "udplen", get16(packet, packet->l4_off + 4));
    if (packet->kind == PM_VERIFY_ICMP && there >= 8) {
        pm_json_uint(json, "icmp_id", get16(packet, packet->l4_off + 4));
        pm_json_uint(json, "icmp_seq", get16(packet, packet->l4_off + 6));
    }
    pm_json_text(json, "reason", pm_why_name(why));
    pm_json_close(json, '}');
}

/* ------------------------------------------------------------------ flow */

static const char *flow_state(const struct pm_event_flow *flow)
{
    const uint8_t *seen = flow->tcp_flags;
    if (flow->ends.ip_proto == TCP && flow->ends.has_ports) {
        if (((seen[0] | seen[1]) & PM_VERIFY_RST) || (seen[0] & seen[1] & PM_VERIFY_FIN))
            return "closed";
        if (!flow->is_midstream && !(seen[0] & seen[1] & PM_VERIFY_SYN))
            return "new";
    }
    bool both = flow->packets[PM_TO_SERVER] > 0 && flow->packets[PM_TO_CLIENT] > 0;
    return both ? "established" : "new";
}

static void put_flags(struct pm_json *json, const char *key, uint8_t flags)
{
    char text[4];
    snprintf(text, sizeof text, "%02x", flags);
    pm_json_text(json, key, text);
}

static void put_tcp_flags(struct pm_json *json, const struct pm_event_flow *flow)
{
    static const char *const names[8] = {"fin", "syn", "rst", "psh", "ack", "urg", "ecn", "cwr"};
    uint8_t all = flow->tcp_flags[PM_TO_SERVER] | flow->tcp_flags[PM_TO_CLIENT];
    pm_json_open(json, "tcp", '{');
    put_flags(json, "tcp_flags", all);
    put_flags(json, "tcp_flags_ts", flow->tcp_flags[PM_TO_SERVER]);
    put_flags(json, "tcp_flags_tc", flow->tcp_flags[PM_TO_CLIENT]);
    for (unsigned bit = 0; bit < 8; bit++)
        if (all >> bit & 1)
            pm_json_bool(json, names[bit], true);
    pm_json_close(json, '}');
}

void pm_event_put_flow(struct pm_json *json, const struct pm_event_flow *flow, const char *reason)
{
    pm_json_open(json, "flow", '{');
    pm_json_uint(json, "pkts_toserver", flow->packets[PM_TO_SERVER]);
    pm_json_uint(json, "pkts_toclient", flow->packets[PM_TO_CLIENT]);
    pm_json_uint(json, "bytes_toserver", flow->bytes[PM_TO_SERVER]);
    pm_json_uint(json, "bytes_toclient", flow->bytes[PM_TO_CLIENT]);
    put_time(json, "start", flow->start_ns);
    put_time(json, "end", flow->last_ns);
    pm_json_uint(json, "age", flow->last_ns / 1000000000u - flow->start_ns / 1000000000u);
    pm_json_text(json, "state", flow_state(flow));
    pm_json_text(json, "reason", reason);
    pm_json_bool(json, "alerted", flow->is_alerted);
    pm_json_close(json, '}');
    if (flow->ends.ip_proto == TCP && flow->ends.has_ports)
        put_tcp_flags(json, flow);
}
