/* rules_good_test.c - rule files that are right load, and mean what they say. */
#define _XOPEN_SOURCE 700
#include <ftw.h>
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <pktmod/pktmod.h>

#include "rules/codes.h"
#include "rules/rules.h"
#include "rules/ruletest.h"
#include "rules/source.h"

/* ------------------------------------------------------------------ loading */

/* ' stands for " in text. */
static struct pm_rules *load(const char *name, const char *text)
{
    size_t len = strlen(text);
    char *copy = malloc(len + 1);
    struct pm_rules *rules;

    assert_non_null(copy);
    for (size_t i = 0; i <= len; i++)
        copy[i] = text[i] == '\'' ? '"' : text[i];
    rules = pm_rules_load_text(name, copy, len);
    free(copy);
    assert_non_null(rules);
    return rules;
}

static struct pm_rules *load_well(const char *text)
{
    struct pm_rules *rules = load(NULL, text);

    if (pm_rules_diagnostic_count(rules) > 0)
        pm_rules_print_text(rules, stderr, false);
    assert_int_equal(pm_rules_diagnostic_count(rules), 0);
    assert_non_null(pm_rules_policy(rules));
    return rules;
}

/* ------------------------------------------------------------------ packets */

struct bytes {
    uint8_t at[128];
    size_t len;
};

static void put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

/* IPv4 from 10.0.0.1 to 192.0.2.9; TCP with SYN, or UDP. Checksums are not looked at here. */
static struct bytes packet_of(uint8_t proto, uint16_t dst_port, const char *payload)
{
    static const uint8_t ip[20] = {0x45, 0, 0,  0, 0, 1, 0,   0, 64, 0,
                                   0,    0, 10, 0, 0, 1, 192, 0, 2,  9};
    size_t header = proto == 6 ? 20 : proto == 17 ? 8 : 0, len = strlen(payload);
    struct bytes p = {.len = sizeof ip + header + len};

    memcpy(p.at, ip, sizeof ip);
    put16(p.at + 2, (unsigned)p.len);
    p.at[9] = proto;
    if (header > 0) {
        put16(p.at + 20, 40000);
        put16(p.at + 22, dst_port);
    }
    if (proto == 6)
        memcpy(p.at + 32, "\x50\x02\x20\x00", 4);
    if (proto == 17)
        put16(p.at + 24, (unsigned)(header + len));
    memcpy(p.at + sizeof ip + header, payload, len);
    return p;
}

static struct pm_decision decision_on(const char *text, const struct bytes *p,
                                      const char *interface)
{
    struct pm_rules *rules = load_well(text);
    const struct pm_filter_config config = {.seed = 1};
    struct pm_error error;
    struct pm_filter *filter = pm_filter_new(pm_rules_policy(rules), &config, &error);
    struct pm_packet packet = {.data = p->at,
                               .len = p->len,
                               .wire_len = p->len,
                               .link = 101,
                               .dir = PM_DIR_OUT,
                               .csum = PM_CSUM_PARTIAL,
                               .interface = interface};
    struct pm_decision decision;

    assert_non_null(filter);
    pm_rules_free(rules); /* the filter keeps the policy */
    decision = pm_filter_decide(filter, &packet, 1);
    pm_filter_free(filter);
    return decision;
}

static enum pm_verdict verdict_on(const char *text, const struct bytes *p, const char *interface)
{
    return decision_on(text, p, interface).verdict;
}

/* Whether a rule with this match drops the packet. */
static bool matches(const char *match, const struct bytes *p)
{
    char text[1024];

    snprintf(text, sizeof text,
             "{'pktmod':1,'vars':{'web':[80,'8000-8100'],'one':23,'net':'10.0.0.0/8'},"
             "'sets':{'admin':{'type':'port','values':[22,'20-25']},"
             "'nets':{'type':'cidr','values':['192.0.2.0/28','2001:db8::/32']},"
             "'bad':{'type':'bytes','values':['virus',{'hex':'4d5a'}]},"
             "'ifs':{'type':'string','values':['eth0','eth1']}},"
             "'rules':[{'id':'a','match':%s,'verdict':'drop'}]}",
             match);
    return verdict_on(text, p, "eth0") == PM_DROP;
}

struct meaning {
    const char *match;
    bool telnet, dns, icmp; /* which of the three packets it holds for */
};

static const struct meaning meanings[] = {
    {"{}", 1, 1, 1},
    {"{'tcp.dstport':23}", 1, 0, 0},
    {"{'tcp.dstport':[22,'$one']}", 1, 0, 0},
    {"{'tcp.dstport':{'not':23}}", 0, 1, 1},
    {"{'tcp.dstport':{'ne':23}}", 0, 0, 0},
    {"{'tcp.dstport':{'ne':24}}", 1, 0, 0},
    {"{'tcp.dstport':{'ne':[23,24]}}", 0, 0, 0},
    {"{'tcp.dstport':{'eq':'$one'}}", 1, 0, 0},
    {"{'tcp.dstport':{'gt':22,'lt':24}}", 1, 0, 0},
    {"{'tcp.dstport':{'ge':24}}", 0, 0, 0},
    {"{'tcp.dstport':{'le':'$one'}}", 1, 0, 0},
    {"{'tcp.dstport':'$web'}", 0, 0, 0},
    {"{'tcp.dstport':'@admin'}", 1, 0, 0},
    {"{'tcp.dstport':[{'not':'@admin'},5]}", 0, 1, 1},
    {"{'tcp.port':'23-23'}", 1, 0, 0},
    {"{'l4.dstport':'20-60'}", 1, 1, 0},
    {"{'any':[{'tcp.dstport':23},{'udp.dstport':53}]}", 1, 1, 0},
    {"{'all':[{'l4.dstport':23},{'ip.proto':17}]}", 0, 0, 0},
    {"{'not':{'ip.proto':6}}", 0, 1, 1},
    {"{'ip.proto':[6,17],'not':{'udp.dstport':53}}", 1, 0, 0},
    {"{'ip.src':'10.0.0.1'}", 1, 1, 1},
    {"{'ip.src':'$net','ip.dst':'@nets'}", 1, 1, 1},
    {"{'ip.addr':'192.0.2.8/31'}", 1, 1, 1},
    {"{'ip.addr':'192.0.2.8'}", 0, 0, 0},
    {"{'ip.src':'::/0'}", 0, 0, 0},
    {"{'dir':'out'}", 1, 1, 1},
    {"{'dir':'in'}", 0, 0, 0},
    {"{'tcp.flags':'S'}", 1, 0, 0},
    {"{'tcp.flags':'SA'}", 0, 0, 0},
    {"{'tcp.flags':2}", 1, 0, 0},
    {"{'tcp.flags':{'mask':18,'value':2}}", 1, 0, 0},
    {"{'tcp.flags.syn':true}", 1, 0, 0},
    {"{'tcp.flags.ack':0}", 1, 0, 0},
    {"{'interface':'eth0'}", 1, 1, 1},
    {"{'interface':'eth'}", 0, 0, 0},
    {"{'interface':{'prefix':'eth'}}", 1, 1, 1},
    {"{'interface':{'prefix':'th'}}", 0, 0, 0},
    {"{'interface':{'suffix':'TH0','nocase':true}}", 1, 1, 1},
    {"{'interface':{'suffix':'th'}}", 0, 0, 0},
    {"{'interface':{'contains':'th'}}", 1, 1, 1},
    {"{'interface':'@ifs'}", 1, 1, 1},
    {"{'payload':'virus'}", 0, 1, 0},
    {"{'payload':'@bad'}", 0, 1, 0},
    {"{'payload':{'bytes':'VIRUS'}}", 0, 0, 0},
    {"{'payload':{'bytes':'VIRUS','nocase':true}}", 0, 1, 0},
    {"{'payload':{'bytes':{'hex':'76:69'},'offset':2,'depth':2}}", 0, 1, 0},
    {"{'payload':{'bytes':{'hex':'7669'},'offset':3}}", 0, 0, 0},
    {"{'payload':{'bytes':{'base64':'dmk='},'depth':3}}", 0, 0, 0},
    {"{'payload':{'prefix':'a '}}", 0, 1, 0},
    {"{'payload':{'suffix':'virus'}}", 0, 1, 0},
    {"{'payload':{'suffix':'viru'}}", 0, 0, 0},
    {"{'payload':['nothing',{'contains':'vir'}]}", 0, 1, 0},
    {"{'payload':{'regex':'^a .iru'}}", 0, 1, 0},
    {"{'payload':{'regex':'VIRUS'}}", 0, 0, 0},
    {"{'payload':{'regex':'VI[A-Z]US$','nocase':true}}", 0, 1, 0},
    {"{'payload':{'not':{'regex':'virus'}}}", 1, 0, 1},
    {"{'interface':[{'regex':'^en'},{'regex':'^eth\\\\d$'}]}", 1, 1, 1},
    {"{'bpf':'tcp dst port 23'}", 1, 0, 0},
    {"{'bpf':['udp','icmp']}", 0, 1, 1},
    {"{'frame.len':{'lt':36}}", 0, 1, 1},
    {"{'ip.ttl':64}", 1, 1, 1},
};

static void conditions_hold_for_the_packets_they_name(void **state)
{
    struct bytes telnet = packet_of(6, 23, ""), dns = packet_of(17, 53, "a virus"),
                 icmp = packet_of(1, 0, "\x08");

    (void)state;
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++) {
        const struct meaning *m = &meanings[i];
        bool on_telnet = matches(m->match, &telnet), on_dns = matches(m->match, &dns),
             on_icmp = matches(m->match, &icmp);

        if (on_telnet != m->telnet || on_dns != m->dns || on_icmp != m->icmp)
            fail_msg("%s: telnet %d, dns %d, icmp %d", m->match, on_telnet, on_dns, on_icmp);
    }
}

static void verdicts_do_what_they_say(void **state)
{
    struct bytes p = packet_of(6, 23, "");

    (void)state;
    assert_int_equal(verdict_on("{'pktmod':1,'rules':[]}", &p, NULL), PM_ALLOW);
    assert_int_equal(verdict_on("{'pktmod':1,'policy':{'default':'drop'},'rules':[]}", &p, NULL),
                     PM_DROP);
    assert_int_equal(verdict_on("{'pktmod':1,'rules':[{'id':'a','match':{},'log_only':true},"
                                "{'id':'b','enabled':false,'match':{},'verdict':'drop'},"
                                "{'id':'c','match':{},'verdict':{'delay':{'ms':5}}},"
                                "{'id':'d','match':{},'verdict':'drop'}]}",
                                &p, NULL),
                     PM_DELAY);
}

static void delays_are_in_milliseconds(void **state)
{
    struct bytes p = packet_of(6, 23, "");
    struct pm_decision plain, drawn;

    (void)state;
    plain = decision_on("{'pktmod':1,'rules':[{'id':'a','match':{},'verdict':{'delay':{'ms':7}}}]}",
                        &p, NULL);
    assert_true(plain.release_ns == 7000001);
    drawn = decision_on("{'pktmod':1,'rules':[{'id':'a','match':{},'verdict':"
                        "{'delay':{'ms':7,'jitter_ms':3}}}]}",
                        &p, NULL);
    assert_true(drawn.release_ns != plain.release_ns);
    assert_in_range(drawn.release_ns, 4000001, 10000001);
}

/* ------------------------------------------------------------------ rewriting */

static void keep_emitted(void *context, const struct pm_emitted *emitted)
{
    struct bytes *out = context;

    assert_true(emitted->len <= sizeof out->at);
    memcpy(out->at, emitted->data, emitted->len);
    out->len = emitted->len;
}

static struct bytes rewritten(const char *ops, const char *payload)
{
    struct bytes p = packet_of(17, 53, payload), out = {.len = 0};
    const struct pm_rewriter_config config = {
        .checksums = PM_CHECKSUMS_IGNORE, .emit = keep_emitted, .context = &out};
    struct pm_packet packet = {
        .data = p.at, .len = p.len, .wire_len = p.len, .link = 101, .dir = PM_DIR_OUT};
    struct pm_rewriter *rewriter;
    struct pm_error error;
    struct pm_rules *rules;
    char text[1024];

    snprintf(
        text, sizeof text,
        "{'pktmod':1,'vars':{'n':9},'rules':[{'id':'a','match':{'udp.port':53},'rewrite':%s}]}",
        ops);
    rules = load_well(text);
    rewriter = pm_rewriter_new(pm_rules_policy(rules), &config, &error);
    assert_non_null(rewriter);
    pm_rules_free(rules);
    pm_rewrite(rewriter, &packet, p.at, 1);
    pm_rewriter_free(rewriter);
    return out;
}

static void replacing_does_what_its_keys_say(void **state)
{
    static const struct {
        const char *replace, *before, *after;
    } cases[] = {
        {"'find':'a','with':'bcd'", "xaxa", "xbcdxbcd"},
        {"'find':'a','with':''", "xaxa", "xx"},
        {"'find':{'hex':'61'},'with':{'base64':'Yg=='}", "xaxa", "xbxb"},
        {"'find':'a','with':'b','max':1", "xaxa", "xbxa"},
        {"'find':'a','with':'b','max':1,'in':'payload'", "xaxa", "xbxa"},
        {"'find':'a','with':'b','in':'stream'", "xaxa", "xaxa"},
        {"'find':'A','with':'b'", "xaxA", "xaxb"},
        {"'find':'A','with':'b','nocase':true", "xaxA", "xbxb"},
        {"'find':'a','with':'b','within':{'offset':2}", "xaxa", "xaxb"},
        {"'find':'a','with':'b','within':{'depth':3}", "xaxa", "xbxa"},
        {"'find':'a','with':'b','within':{'offset':1,'depth':1}", "xaxa", "xbxa"},
        {"'find':'a','with':'$0$1${x}$$'", "xa", "x$0$1${x}$$"},
        {"'regex':'[ab]+','with':'.'", "xabxa", "x.x."},
        {"'regex':'(\\\\w)=(?<v>\\\\d+)','with':'${v}=$1 $$$&'", "k=12;", "12=k $k=12;"},
        {"'regex':'a','with':{'hex':'242431'}", "xa", "x$$1"},
        {"'regex':'a','with':{'base64':'JDE='},'in':'payload'", "xa", "x$1"},
        {"'regex':'A','with':'b'", "xaxA", "xaxb"},
        {"'regex':'A','with':'b','nocase':true", "xaxA", "xbxb"},
        {"'regex':'a.','with':'b','max':1", "xaxaxa", "xbaxa"},
        {"'regex':'a','with':'b','in':'stream'", "xaxa", "xaxa"},
        {"'regex':'a+','with':'b','within':{'offset':2}", "aaaa", "aab"},
        {"'regex':'a+','with':'b','within':{'offset':1,'depth':2}", "xaaxa", "xbxa"},
        {"'regex':'a+','with':'b','within':{'depth':4}", "xaaaaxa", "xaaaaxa"},
        {"'regex':'a+','with':'b','max_match':3", "xaaaaxa", "xbbxb"},
        {"'regex':'^a','with':'b'", "aa", "ba"},
        {"'regex':'\\\\ba','with':'b'", "aa aa", "ba ba"},
        {"'regex':'(.)\\\\1','with':'$1','in':'payload'", "xaabbc", "xabc"},
        {"'find':'ab','with':'c','length':'pad'", "xaby", "xc y"},
        {"'find':'ab','with':'c','length':'pad','pad':{'hex':'2e'}", "xaby", "xc.y"},
        {"'find':'ab','with':'cd','length':'same'", "xaby", "xcdy"},
        {"'regex':'a+','with':'bc','length':'same'", "xaya.aa", "xaya.bc"},
        {"'regex':'a+','with':'bc','length':'pad','pad':'-'", "aaa.a.aa", "bc-.a.bc"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char ops[256];
        struct bytes out;

        snprintf(ops, sizeof ops, "[{'replace':{%s}}]", cases[i].replace);
        out = rewritten(ops, cases[i].before);
        if (out.len != 28 + strlen(cases[i].after) ||
            memcmp(out.at + 28, cases[i].after, out.len - 28) != 0)
            fail_msg("%s: %.*s", cases[i].replace, (int)out.len - 28, (const char *)out.at + 28);
    }
}

static void inserting_and_deleting_do_what_their_keys_say(void **state)
{
    static const struct {
        const char *op, *before, *after;
    } cases[] = {
        {"'insert':{'at':'start','bytes':'ab'}", "xy", "abxy"},
        {"'insert':{'at':'end','bytes':{'hex':'61'}}", "xy", "xya"},
        {"'insert':{'at':1,'bytes':{'base64':'YQ=='}}", "xy", "xay"},
        {"'insert':{'at':1,'bytes':'a','in':'payload'}", "xy", "xay"},
        {"'insert':{'at':1,'bytes':'a','in':'stream'}", "xy", "xy"},
        {"'delete':{'find':'a'}", "xaya", "xy"},
        {"'delete':{'find':'A','nocase':true,'max':1}", "xaya", "xya"},
        {"'delete':{'find':'a','within':{'offset':2}}", "xaya", "xay"},
        {"'delete':{'regex':'a+'}", "xaayaa", "xy"},
        {"'delete':{'range':{'length':2}}", "abc", "c"},
        {"'delete':{'range':{'offset':1,'length':1}}", "abc", "ac"},
        {"'delete':{'range':{'offset':1,'length':9}}", "abc", "a"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char ops[256];
        struct bytes out;

        snprintf(ops, sizeof ops, "[{%s}]", cases[i].op);
        out = rewritten(ops, cases[i].before);
        if (out.len != 28 + strlen(cases[i].after) ||
            memcmp(out.at + 28, cases[i].after, out.len - 28) != 0)
            fail_msg("%s: %.*s", cases[i].op, (int)out.len - 28, (const char *)out.at + 28);
    }
}

static void setting_and_adding_reach_their_fields(void **state)
{
    struct bytes out = rewritten("[{'set':{'ip.ttl':'$n','ip.dsfield.dscp':46,'ip.flags.df':true,"
                                 "'udp.dstport':54,'ip.dst':'192.0.2.1'}},{'add':{'ip.id':-1}},"
                                 "{'replace':{'find':'a','with':'b'}}]",
                                 "a");

    (void)state;
    assert_int_equal(out.len, 29);
    assert_int_equal(out.at[1], 46 << 2);
    assert_int_equal(out.at[5], 0); /* ip.id was 1 */
    assert_int_equal(out.at[6], 0x40);
    assert_int_equal(out.at[8], 9);
    assert_memory_equal(out.at + 16, "\xc0\x00\x02\x01", 4);
    assert_int_equal(out.at[23], 54);
    assert_int_equal(out.at[28], 'b');
}

static void settings_arrive_in_the_policy(void **state)
{
    struct pm_rules *rules =
        load_well("{'pktmod':1,'name':'n','$schema':'s','policy':{'on_engine_error':'drop',"
                  "'on_rewrite_refused':'drop','on_tunnel_down':'drop','on_midstream':'rewrite',"
                  "'bad_checksum':'drop','hold_bytes':1,'hold_ms':2,'flows':3,'flow_idle_s':4,"
                  "'delayed_packets':5,'delayed_bytes':6,'asks':7,'answers':8,'meters':9,"
                  "'reject_rate':10,'streams':11,'stream_bytes':12,'stream_dir_bytes':13,"
                  "'stream_match':14},'rules':[]}");
    const struct pm_settings *s = pm_policy_settings(pm_rules_policy(rules));

    (void)state;
    assert_string_equal(pm_rules_name(rules), "n");
    assert_false(s->default_drop);
    assert_true(s->engine_error_drop && s->rewrite_refused_drop && s->tunnel_down_drop &&
                s->bad_checksum_drop);
    assert_int_equal(s->midstream, PM_MIDSTREAM_REWRITE);
    assert_int_equal(s->hold_bytes, 1);
    assert_int_equal(s->hold_ms, 2);
    assert_int_equal(s->flows, 3);
    assert_int_equal(s->flow_idle_s, 4);
    assert_int_equal(s->delayed_packets, 5);
    assert_int_equal(s->delayed_bytes, 6);
    assert_int_equal(s->asks, 7);
    assert_int_equal(s->answers, 8);
    assert_int_equal(s->meters, 9);
    assert_int_equal(s->reject_rate, 10);
    assert_int_equal(s->streams, 11);
    assert_int_equal(s->stream_bytes, 12);
    assert_int_equal(s->stream_dir_bytes, 13);
    assert_int_equal(s->stream_match, 14);
    pm_rules_free(rules);
}

static void addresses_may_be_set_where_tcp_is_left_out(void **state)
{
    static const struct {
        const char *match;
        bool is_good;
    } cases[] = {
        {"{}", false},
        {"{'ip.proto':17}", true},
        {"{'ip.proto':[1,17]}", true},
        {"{'ip.proto':[6,17]}", false},
        {"{'ip.proto':'5-7'}", false},
        {"{'ip.proto':{'not':6}}", true},
        {"{'ip.proto':{'ne':6}}", true},
        {"{'ip.proto':{'ne':17}}", false},
        {"{'ip.proto':{'gt':6}}", true},
        {"{'ip.proto':{'mask':1,'value':1}}", true},
        {"{'not':{'ip.proto':6}}", true},
        {"{'not':{'ip.proto':6,'ip.ttl':5}}", false},
        {"{'not':{'ip.proto':17}}", false},
        {"{'udp.port':53}", true},
        {"{'udp.port':{'ne':53}}", true},
        {"{'udp.port':{'not':53}}", false},
        {"{'icmp.type':8}", true},
        {"{'any':[{'udp.port':53},{'icmp.type':8}]}", true},
        {"{'any':[{'udp.port':53},{'ip.ttl':8}]}", false},
        {"{'all':[{'ip.ttl':8},{'udp.port':53}]}", true},
        {"{'bpf':'udp'}", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[256];
        struct pm_rules *rules;
        bool is_good;

        snprintf(text, sizeof text,
                 "{'pktmod':1,'rules':[{'id':'a','match':%s,'rewrite':["
                 "{'set':{'ip.src':'10.0.0.7'}}]}]}",
                 cases[i].match);
        rules = load(NULL, text);
        is_good = pm_rules_policy(rules) != NULL;
        if (!is_good)
            assert_string_equal(pm_rules_diagnostic(rules, 0)->code, "PKM218");
        pm_rules_free(rules);
        if (is_good != cases[i].is_good)
            fail_msg("%s: %d", cases[i].match, is_good);
    }
}

static void strict_text_with_all_that_json_has_loads(void **state)
{
    struct pm_rules *rules = load_well(
        "\r\n\t {'pktmod' : 1.0e0 , 'name':'\\u00e9\\ud83d\\ude00\\n\\/\\\\ \xf0\x9f\x98\x80',\r\n"
        "'vars':{},'rules':[ ] } \n");

    (void)state;
    assert_string_equal(pm_rules_name(rules), "\xc3\xa9\xf0\x9f\x98\x80\n/\\ \xf0\x9f\x98\x80");
    pm_rules_free(rules);
}

static void nesting_ends_at_64(void **state)
{
    char text[1024] = "{'pktmod':1,'rules':[{'id':'a','match':";
    struct pm_rules *rules;
    size_t head = strlen(text);

    (void)state;
    for (int depth = 60; depth <= 62; depth++) { /* and three levels around */
        char *at = text + head;

        for (int i = 1; i < depth; i++)
            at += sprintf(at, "{'not':");
        at += sprintf(at, "{}");
        for (int i = 1; i < depth; i++)
            *at++ = '}';
        strcpy(at, ",'verdict':'drop'}]}");
        rules = load(NULL, text);
        assert_int_equal(pm_rules_error_count(rules), depth > 61);
        if (depth > 61)
            assert_string_equal(pm_rules_diagnostic(rules, 0)->code, "PKM109");
        pm_rules_free(rules);
    }
}

static void warnings_do_not_refuse_a_file(void **state)
{
    struct pm_rules *rules = load(NULL, "{'pktmod':1,'rules':[{'id':'a','match':{'ip.src':"
                                        "'10.0.0.1/8'},'verdict':'drop'}]}");

    (void)state;
    assert_non_null(pm_rules_policy(rules));
    assert_int_equal(pm_rules_error_count(rules), 0);
    assert_int_equal(pm_rules_diagnostic_count(rules), 1);
    assert_string_equal(pm_rules_diagnostic(rules, 0)->code, "PKM226");
    assert_string_equal(pm_rules_diagnostic(rules, 0)->suggestion, "the network is \"10.0.0.0/8\"");
    pm_rules_free(rules);
}

/* ------------------------------------------------------------------ tests in a file */

static void tests_of_a_file_are_there_as_they_stand(void **state)
{
    struct pm_rules *rules = load(
        NULL, "{'pktmod':1,'rules':[{'id':'a','match':{},'verdict':'drop'},"
              "{'id':'q','match':{},'verdict':{'ask':{'timeout_ms':1,'on_timeout':'drop'}}}],"
              "'tests':["
              "{'name':'p','seed':7,'start':'2026-03-01T00:30:00+01:00','packets':[{'dir':'in'"
              ",'ip':['10.0.0.1','10.0.0.2'],'ttl':3,\n"
              "'udp':{'dstport':53,'payload':'x'}},{'frame':{'hex':'0011'},'time_ms':5}],\n"
              "'expect':[{'verdict':'drop','rule':'a'},{'rule':null,'leaves':{'ip.ttl':3,'not'"
              ":{'udp.port':9}}}]},\n"
              "{'name':'s','stream':{'server':'[2001:db8::1]:443','to_client':'hi'},\n"
              "'resegment':['1-byte','reorder'],'answers':['drop',{'answer':'allow','after_ms':2,"
              "'rule':'q','for':60,'times':3},{'answer':'allow','for':'rule'}],\n"
              "'expect':{'to_client':'ho','rules':{'a':{'hits':{'ge':2}}}}}]}");
    const struct pm_ruletest *t = pm_rules_test(rules, 0);

    (void)state;
    assert_int_equal(pm_rules_diagnostic_count(rules), 0);
    assert_int_equal(pm_rules_test_count(rules), 2);
    assert_null(pm_rules_test(rules, 2));
    assert_string_equal(t->name, "p");
    assert_int_equal(t->line, 1);
    assert_int_equal(t->seed, 7);
    /* `date -u -d 2026-02-28T23:30:00Z +%s` */
    assert_int_equal(t->start_ns / 1000000000, 1772321400);
    assert_int_equal(t->kind, PM_RULETEST_PACKETS);
    assert_int_equal(t->packet_count, 2);
    assert_true(t->packets[0].is_in);
    assert_int_equal(t->packets[0].ttl, 3);
    assert_int_equal(t->packets[0].dst.bytes[3], 2);
    assert_int_equal(t->packets[0].dst_port, 53);
    assert_int_equal(t->packets[1].proto, PM_RULETEST_FRAME);
    assert_int_equal(t->packets[1].time_ns, 5000000);
    assert_memory_equal(t->packets[1].payload.at, "\0\x11", 2);
    assert_int_equal(t->expected[0].verdict, PM_RULETEST_DROP);
    assert_string_equal(t->expected[0].rule, "a");
    assert_true(t->expected[1].has_rule && t->expected[1].rule == NULL && t->expected[1].leaves);
    assert_null(t->expected[0].leaving);
    assert_int_equal(pm_policy_rule_count(t->expected[1].leaving), 2);
    assert_string_equal(pm_policy_rule_id(t->expected[1].leaving, 0), "ip.ttl");
    assert_string_equal(pm_policy_rule_id(t->expected[1].leaving, 1), "not");
    t = pm_rules_test(rules, 1);
    assert_int_equal(t->kind, PM_RULETEST_STREAM);
    assert_int_equal(t->stream.server_port, 443);
    assert_int_equal(t->stream.client.version, 6);
    assert_int_equal(t->stream.modes, PM_RULETEST_ONE_BYTE | PM_RULETEST_REORDER);
    assert_false(t->stream.bytes[0].is_set);
    assert_int_equal(t->stream.bytes[1].len, 2);
    assert_memory_equal(t->streams[1].at, "ho", 2);
    assert_int_equal(t->hits[0].least, 2);
    assert_int_equal(t->answer_count, 3);
    assert_true(!t->answers[0].is_allow && t->answers[1].is_allow);
    assert_null(t->answers[0].rule);
    assert_int_equal(t->answers[0].times, 1);
    assert_string_equal(t->answers[1].rule, "q");
    assert_int_equal(t->answers[1].after_ns, 2000000);
    assert_int_equal(t->answers[1].answer_for, PM_RULETEST_FOR_TIME);
    assert_int_equal(t->answers[1].duration_ns, UINT64_C(60000000000));
    assert_int_equal(t->answers[1].times, 3);
    assert_int_equal(t->answers[2].answer_for, PM_RULETEST_FOR_RULE);
    pm_rules_free(rules);
}

/* ------------------------------------------------------------------ places */

static void rules_are_kept_as_they_stand_where_somebody_asks(void **state)
{
    static const char path[] = PKTMOD_SOURCE_DIR "/tests/explanations/rules.json";
    struct pm_rules *rules = pm_rules_load_traced(path), *plain = pm_rules_load(path);
    const struct pm_source_rule *rule = pm_rules_source(rules, 1);

    (void)state;
    assert_int_equal(pm_rules_source_count(plain), 0);
    assert_int_equal(pm_rules_source_count(rules), 6);
    assert_null(pm_rules_source(rules, 6));
    assert_false(pm_rules_source(rules, 0)->is_enabled);
    assert_string_equal(rule->id, "telnet");
    assert_string_equal(rule->file, path);
    assert_true(rule->is_enabled);
    assert_int_equal(rule->rule, 0);
    assert_int_equal(rule->line, 6);
    /* all: a test, a test, not: all: a test */
    assert_int_equal(rule->item_count, 6);
    assert_int_equal(rule->items[0].kind, PM_SOURCE_ALL);
    assert_int_equal(rule->items[0].size, 6);
    assert_int_equal(rule->items[2].kind, PM_SOURCE_TEST);
    assert_int_equal(rule->items[2].field, PM_FIELD_TCP_DSTPORT);
    assert_int_equal(rule->items[2].line, 8);
    assert_string_equal(rule->items[2].text, "\"tcp.dstport\": 23");
    assert_int_equal(rule->items[3].kind, PM_SOURCE_NOT);
    assert_int_equal(rule->items[3].size, 3);
    assert_string_equal(rule->items[5].text,
                        "\"ip.dst\": \"$intranet\" = [\"10.0.0.0/8\", \"192.168.0.0/16\"]");
    assert_non_null(pm_rules_source(rules, 2)->modifiers[PM_SOURCE_LIMIT]);
    assert_int_equal(pm_rules_source(rules, 4)->items[1].kind, PM_SOURCE_ANY);
    pm_rules_free(rules);
    pm_rules_free(plain);
}

/* ------------------------------------------------------------------ files */

static int folder_make(void **state)
{
    char *folder = strdup("/tmp/pktmod-rules-XXXXXX");

    *state = folder;
    return folder == NULL || mkdtemp(folder) == NULL ? -1 : 0;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status;
    (void)type;
    (void)place;
    return remove(path);
}

static int folder_remove(void **state)
{
    int failed = nftw(*state, remove_one, 8, FTW_DEPTH | FTW_PHYS);

    free(*state);
    return failed;
}

static void write_text(const char *folder, const char *name, const char *text)
{
    char path[256];
    FILE *out;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    out = fopen(path, "wb");
    assert_non_null(out);
    for (; *text != '\0'; text++)
        putc(*text == '\'' ? '"' : *text, out);
    assert_int_equal(fclose(out), 0);
}

static struct pm_rules *load_file(const char *folder, const char *name)
{
    char path[256];
    struct pm_rules *rules;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    rules = pm_rules_load(path);
    assert_non_null(rules);
    return rules;
}

/* Every diagnostic as "file:line:column code", from the folder on. */
static void assert_told(const char *folder, const char *name, const char *expected)
{
    struct pm_rules *rules = load_file(folder, name);
    char told[2048] = "";

    for (size_t i = 0; i < pm_rules_diagnostic_count(rules); i++) {
        const struct pm_diagnostic *d = pm_rules_diagnostic(rules, i);
        const char *file =
            strncmp(d->file, folder, strlen(folder)) == 0 ? d->file + strlen(folder) + 1 : d->file;

        snprintf(told + strlen(told), sizeof told - strlen(told), "%s:%zu:%zu %s\n", file, d->line,
                 d->column, d->code);
    }
    pm_rules_free(rules);
    assert_string_equal(told, expected);
}

static void included_rules_come_where_include_stands(void **state)
{
    static const char *const ids[] = {"a1", "b1", "c1", "m1"};
    struct pm_rules *rules;

    write_text(*state, "main.json",
               "{'pktmod':1,'include':['a.json','c.json'],'rules':[{'id':'m1',"
               "'match':{'ip.src':'$b','tcp.port':'@p'},'verdict':'drop'}]}");
    write_text(*state, "a.json",
               "{'rules':[{'id':'a1','match':{},'verdict':'drop'}],"
               "'include':['b.json']}");
    write_text(*state, "b.json",
               "{'vars':{'b':'10.0.0.0/8'},'sets':{'p':{'type':'port','values':"
               "[1]}},'rules':[{'id':'b1','match':{},'verdict':'drop'}]}");
    write_text(*state, "c.json", "{'pktmod':1,'rules':[{'id':'c1','match':{},'verdict':'drop'}]}");
    rules = load_file(*state, "main.json");
    assert_int_equal(pm_rules_diagnostic_count(rules), 0);
    assert_int_equal(pm_policy_rule_count(pm_rules_policy(rules)), 4);
    for (uint32_t i = 0; i < 4; i++)
        assert_string_equal(pm_policy_rule_id(pm_rules_policy(rules), i), ids[i]);
    pm_rules_free(rules);
}

static void faults_of_included_files_are_told_there(void **state)
{
    write_text(*state, "main.json",
               "{'pktmod':1,'include':['a.json','none.json','a.json'],\n"
               "'vars':{'x':1},'sets':{'s':{'type':'port','values':[1]}},\n"
               "'rules':[{'id':'r','match':{'tcp.prt':1},'verdict':'drop'}]}");
    write_text(*state, "a.json",
               "{'pktmod':2,'policy':{},'include':['main.json'],\n"
               "'vars':{'x':2},'sets':{'s':{'type':'port','values':[1]}},\n"
               "'rules':[{'id':'r','match':{},'verdict':'dorp'}]}");
    assert_told(*state, "main.json",
                "main.json:1:33 PKM100\n"
                "main.json:1:45 PKM219\n"
                "main.json:3:16 PKM214\n"
                "main.json:3:29 PKM112\n"
                "a.json:1:11 PKM220\n"
                "a.json:1:13 PKM115\n"
                "a.json:1:36 PKM219\n"
                "a.json:2:9 PKM215\n"
                "a.json:2:24 PKM215\n"
                "a.json:3:41 PKM203\n");
}

static void a_file_that_includes_itself_is_refused(void **state)
{
    struct pm_rules *rules;

    write_text(*state, "self.json", "{'pktmod':1,'include':['./self.json'],'rules':[]}");
    assert_told(*state, "self.json", "self.json:1:24 PKM219\n");
    rules = load_file(*state, "self.json");
    assert_non_null(strstr(pm_rules_diagnostic(rules, 0)->message, "in a circle"));
    pm_rules_free(rules);
}

static void includes_nest_no_deeper_than_16(void **state)
{
    struct pm_rules *rules;
    char name[32], text[128];

    for (int i = 0; i <= 17; i++) {
        snprintf(name, sizeof name, "%d.json", i);
        snprintf(text, sizeof text, "{'pktmod':1,'include':['%d.json'],'rules':[]}", i + 1);
        write_text(*state, name, text);
    }
    write_text(*state, "18.json", "{}");
    assert_told(*state, "0.json", "16.json:1:24 PKM219\n");
    rules = load_file(*state, "2.json");
    assert_int_equal(pm_rules_error_count(rules), 0);
    pm_rules_free(rules);
}

static void sets_are_read_from_files(void **state)
{
    struct bytes p = packet_of(17, 53, "a virus");
    char name[256];
    struct pm_rules *rules;

    write_text(*state, "nets.txt", "# networks\r\n\r\n  192.0.2.0/24 # one\r\n2001:db8::/32\r\n");
    write_text(*state, "ports.txt", "53\n60-70\n\n# end");
    write_text(*state, "names.txt", "example.com\n*.example.org\n");
    write_text(*state, "words.txt", "hex: 00 01\nbase64: dmly\n");
    write_text(*state, "main.json",
               "{'pktmod':1,'sets':{'n':{'type':'cidr','file':'nets.txt','values':['::1']},"
               "'p':{'type':'port','file':'ports.txt'},'d':{'type':'domain','file':'names.txt'},"
               "'w':{'type':'bytes','file':'words.txt'}},'rules':[{'id':'a','match':"
               "{'ip.dst':'@n','udp.port':'@p','payload':'@w'},'verdict':'drop'}]}");
    snprintf(name, sizeof name, "%s/main.json", (const char *)*state);
    rules = pm_rules_load(name);
    if (pm_rules_diagnostic_count(rules) > 0)
        pm_rules_print_text(rules, stderr, false);
    assert_non_null(pm_rules_policy(rules));
    {
        const struct pm_filter_config config = {.seed = 1};
        struct pm_error error;
        struct pm_filter *filter = pm_filter_new(pm_rules_policy(rules), &config, &error);
        const struct pm_packet packet = {
            .data = p.at, .len = p.len, .wire_len = p.len, .link = 101, .dir = PM_DIR_OUT};

        assert_int_equal(pm_filter_decide(filter, &packet, 1).verdict, PM_DROP);
        pm_filter_free(filter);
    }
    pm_rules_free(rules);
}

static void faults_of_set_files_are_told_with_their_lines(void **state)
{
    char many[4096] = "";

    for (int i = 0; i < 30; i++)
        strcat(many, "x\n");
    write_text(*state, "nets.txt", "10.0.0.0/8\n\n  10.0.0 # no\n");
    write_text(*state, "empty.txt", "# nothing\n");
    write_text(*state, "many.txt", many);
    write_text(*state, "names.txt", "a..b\n");
    write_text(*state, "words.txt", "good\nhex: 0\nbase64: !\nhex:\n");
    write_text(*state, "main.json",
               "{'pktmod':1,'rules':[],'sets':{\n"
               "'a':{'type':'cidr','file':'nets.txt'},\n"
               "'b':{'type':'string','file':'empty.txt'},\n"
               "'c':{'type':'domain','file':'names.txt'},\n"
               "'d':{'type':'bytes','file':'words.txt'},\n"
               "'e':{'type':'port','file':'none.txt'},\n"
               "'f':{'type':'port','file':'.'}}}");
    assert_told(*state, "main.json",
                "main.json:3:29 PKM208\n"
                "main.json:6:27 PKM221\n"
                "main.json:7:27 PKM221\n"
                "nets.txt:3:3 PKM204\n"
                "names.txt:1:1 PKM222\n"
                "words.txt:2:1 PKM207\n"
                "words.txt:3:1 PKM207\n"
                "words.txt:4:1 PKM208\n");
    write_text(*state, "many.json",
               "{'pktmod':1,'rules':[],'sets':{\n"
               "'a':{'type':'port','file':'many.txt'}}}");
    {
        struct pm_rules *rules = load_file(*state, "many.json");

        assert_int_equal(pm_rules_diagnostic_count(rules), 21);
        assert_non_null(strstr(pm_rules_diagnostic(rules, 0)->message, "10 more lines"));
        assert_int_equal(pm_rules_diagnostic(rules, 20)->line, 20);
        pm_rules_free(rules);
    }
}

static void sets_of_the_wrong_type_are_refused(void **state)
{
    struct pm_rules *rules =
        load(NULL, "{'pktmod':1,'sets':{'d':{'type':'domain','values':['example.com']}},\n"
                   "'rules':[{'id':'a','match':{'tcp.port':'@d','ip.src':'@d','payload':'@d',\n"
                   "'dir':'@d','eth.src':'@d','bpf':'@d'},'verdict':'drop'}]}");

    (void)state;
    assert_int_equal(pm_rules_error_count(rules), 6);
    for (size_t i = 0; i < 6; i++)
        assert_string_equal(pm_rules_diagnostic(rules, i)->code, "PKM211");
    pm_rules_free(rules);
}

static void what_a_variable_holds_is_told_where_it_is_used(void **state)
{
    struct pm_rules *rules =
        load(NULL, "{'pktmod':1,'vars':{'v':[80,'10.0.0.1']},'rules':[{'id':'a',\n"
                   "'match':{'tcp.port':'$v','ip.src':[ '$v' ]},'verdict':'drop'}]}");

    (void)state;
    assert_int_equal(pm_rules_error_count(rules), 2);
    assert_int_equal(pm_rules_diagnostic(rules, 0)->column, 21);
    assert_string_equal(pm_rules_diagnostic(rules, 0)->message,
                        "in \"$v\": expected a number or \"lo-hi\", found \"10.0.0.1\"");
    assert_int_equal(pm_rules_diagnostic(rules, 1)->column, 37);
    assert_string_equal(pm_rules_diagnostic(rules, 1)->message,
                        "in \"$v\": expected a text, found 80");
    pm_rules_free(rules);
}

static void files_that_cannot_be_read_are_told(void **state)
{
    assert_told(*state, "none.json", "none.json:1:1 PKM100\n");
    assert_told(*state, ".", ".:1:1 PKM100\n");
}

static void files_over_64_mib_are_refused(void **state)
{
    char path[256];
    FILE *out;

    snprintf(path, sizeof path, "%s/large.json", (const char *)*state);
    out = fopen(path, "wb");
    assert_non_null(out);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(truncate(path, (64L << 20) + 1), 0);
    assert_told(*state, "large.json", "large.json:1:1 PKM101\n");
}

static void every_example_loads_without_a_word(void **state)
{
    glob_t found;

    (void)state;
    assert_int_equal(glob(PKTMOD_SOURCE_DIR "/rules/examples/*.json", 0, NULL, &found), 0);
    assert_true(found.gl_pathc >= 10);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct pm_rules *rules = pm_rules_load(found.gl_pathv[i]);

        if (pm_rules_diagnostic_count(rules) > 0)
            pm_rules_print_text(rules, stderr, false);
        assert_int_equal(pm_rules_diagnostic_count(rules), 0);
        assert_non_null(pm_rules_policy(rules));
        assert_non_null(pm_rules_name(rules));
        assert_true(pm_policy_rule_count(pm_rules_policy(rules)) > 0);
        pm_rules_free(rules);
    }
    globfree(&found);
}

/* ------------------------------------------------------------------ the manual */

static char *manual(void)
{
    FILE *in = fopen(PKTMOD_SOURCE_DIR "/rules/README.md", "rb");
    char *text = calloc(1, 100000);

    assert_non_null(in);
    assert_non_null(text);
    assert_true(fread(text, 1, 99999, in) < 99999);
    fclose(in);
    return text;
}

/* A piece of the manual: a file, or a line with a rule or a "match" of one. */
static void try_piece(const char *piece, size_t len)
{
    char text[4096];
    const char *head = "{ \"pktmod\": 1, \"rules\": [", *tail = "] }";
    struct pm_rules *rules;

    if (strncmp(piece, "{ \"pktmod\"", 10) == 0)
        head = tail = "";
    if (strncmp(piece, "\"match\"", 7) == 0) {
        head = "{ \"pktmod\": 1, \"rules\": [{ \"id\": \"x\", \"log_only\": true, ";
        tail = "}] }";
    }
    snprintf(text, sizeof text, "%s%.*s%s", head, (int)len, piece, tail);
    rules = pm_rules_load_text(NULL, text, strlen(text));
    if (pm_rules_diagnostic_count(rules) > 0)
        pm_rules_print_text(rules, stderr, false);
    assert_int_equal(pm_rules_diagnostic_count(rules), 0);
    pm_rules_free(rules);
}

static void every_piece_of_the_manual_loads(void **state)
{
    char *text = manual(), *at = text;
    size_t pieces = 0;

    (void)state;
    while ((at = strstr(at, "\n```json\n")) != NULL) {
        char *end = strstr(at += 9, "\n```");

        assert_non_null(end);
        while (at < end) {
            bool is_file = strncmp(at, "{ \"pktmod\"", 10) == 0;
            size_t len = is_file ? (size_t)(end - at) : strcspn(at, "\n");

            try_piece(at, len);
            at += len + 1;
            pieces++;
        }
    }
    assert_true(pieces > 25);
    free(text);
}

static void the_manual_lists_every_code_and_every_field(void **state)
{
    char *text = manual(), line[256];

    (void)state;
    for (int i = 0; i < CODE_COUNT; i++) {
        snprintf(line, sizeof line, "\n| %s | %s |\n", pmr_code_name((enum code)i),
                 pmr_code_meaning((enum code)i));
        if (strstr(text, line) == NULL)
            fail_msg("%s is not in the manual, or otherwise", line);
    }
    for (int i = 0; i < PM_FIELD_COUNT; i++) {
        const char *name = pm_field_info((enum pm_field)i)->name;
        bool is_flag = strncmp(name, "tcp.flags.", 10) == 0;

        snprintf(line, sizeof line, "`%s`",
                 is_flag && strcmp(name, "tcp.flags.fin") != 0 ? name + 9 : name);
        if (strstr(text, line) == NULL)
            fail_msg("%s is not in the manual", line);
    }
    free(text);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_make, folder_remove)

int main(void)
{
    const struct CMUnitTest group[] = {
        cmocka_unit_test(conditions_hold_for_the_packets_they_name),
        cmocka_unit_test(verdicts_do_what_they_say),
        cmocka_unit_test(delays_are_in_milliseconds),
        cmocka_unit_test(replacing_does_what_its_keys_say),
        cmocka_unit_test(inserting_and_deleting_do_what_their_keys_say),
        cmocka_unit_test(setting_and_adding_reach_their_fields),
        cmocka_unit_test(settings_arrive_in_the_policy),
        cmocka_unit_test(addresses_may_be_set_where_tcp_is_left_out),
        cmocka_unit_test(strict_text_with_all_that_json_has_loads),
        cmocka_unit_test(nesting_ends_at_64),
        cmocka_unit_test(warnings_do_not_refuse_a_file),
        cmocka_unit_test(tests_of_a_file_are_there_as_they_stand),
        cmocka_unit_test(rules_are_kept_as_they_stand_where_somebody_asks),
        WITH_FOLDER(included_rules_come_where_include_stands),
        WITH_FOLDER(faults_of_included_files_are_told_there),
        WITH_FOLDER(a_file_that_includes_itself_is_refused),
        WITH_FOLDER(includes_nest_no_deeper_than_16),
        WITH_FOLDER(sets_are_read_from_files),
        WITH_FOLDER(faults_of_set_files_are_told_with_their_lines),
        cmocka_unit_test(sets_of_the_wrong_type_are_refused),
        cmocka_unit_test(what_a_variable_holds_is_told_where_it_is_used),
        WITH_FOLDER(files_that_cannot_be_read_are_told),
        WITH_FOLDER(files_over_64_mib_are_refused),
        cmocka_unit_test(every_example_loads_without_a_word),
        cmocka_unit_test(every_piece_of_the_manual_loads),
        cmocka_unit_test(the_manual_lists_every_code_and_every_field),
    };

    return cmocka_run_group_tests(group, NULL, NULL);
}
