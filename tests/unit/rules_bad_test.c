/* rules_bad_test.c - what is wrong with a rule file is told with its code and its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rules/rules.h"

/* A file with one fault. ' stands for ", and ` stands before the place that has to be told. */
struct bad {
    const char *code, *text;
};

#define MATCH(m)   "{'pktmod':1,'rules':[\n {'id':'a','match':" m ",'verdict':'drop'}]}"
#define VERDICT(v) "{'pktmod':1,'rules':[\n {'id':'a','match':{},'verdict':" v "}]}"
#define OPS(ops)   "{'pktmod':1,'rules':[\n {'id':'a','match':{},'rewrite':" ops "}]}"
#define REPLACE(r) OPS("[{'replace':" r "}]")
#define MORE(more) "{'pktmod':1,'rules':[\n {'id':'a','match':{},'verdict':'drop'," more "}]}"
#define TOP(more)  "{'pktmod':1,\n" more ",'rules':[]}"
#define SET(set)   TOP("'sets':{'s':" set "}")

static const struct bad syntax[] = {
    {"PKM104", "`"},
    {"PKM104", "  \n `"},
    {"PKM103", "`}"},
    {"PKM104", "`{"},
    {"PKM104", "{'pktmod':1,'rules':`["},
    {"PKM104", "`{'pktmod':1,'rules':[]"},
    {"PKM105", "{'pktmod':1,'rules':[]}`}"},
    {"PKM105", "{'pktmod':1,'rules':[]}\n\n `{}"},
    {"PKM105", "{'pktmod':1,'rules':[]} `,"},
    {"PKM103", "{'pktmod':1,'rules':[],'name':'a'`,}"},
    {"PKM103", "{`pktmod:1}"},
    {"PKM103", "{`'pktmod' 1}"},
    {"PKM103", "{`'pktmod'}"},
    {"PKM103", "{'pktmod':`}"},
    {"PKM103", "{'pktmod':`,}"},
    {"PKM103", "{'pktmod':1,`,}"},
    {"PKM103", "{`,}"},
    {"PKM103", "{'pktmod':1,'rules':[]`,}"},
    {"PKM103", "{'pktmod':1,'rules':[`,]}"},
    {"PKM103", "{'pktmod':1,'rules':[`}}"},
    {"PKM103", "{'pktmod':1,'rules':[] `]"},
    {"PKM103", "{'pktmod':1,'rules':`:[]}"},
    {"PKM103", "{'pktmod':`1 'rules':[]}"},
    {"PKM103", "{'pktmod':1,'name':'a`' 'rules':[]}"},
    {"PKM103", "{'pktmod':1,'rules':[]`;}"},
    {"PKM103", "{'pktmod':1,'rules':`(1)}"},
    {"PKM103", TOP("'name':`abc")},
    {"PKM103", MORE("'enabled':`False")},
    {"PKM103", MORE("'enabled':`yes")},
    {"PKM103", MATCH("{'ip.src':`None}")},
    {"PKM107", MATCH("{'ip.ttl':`01}")},
    {"PKM107", MATCH("{'ip.ttl':`-}")},
    {"PKM107", MATCH("{'ip.ttl':`+1}")},
    {"PKM107", MATCH("{'ip.ttl':`.5}")},
    {"PKM107", MATCH("{'ip.ttl':`5.}")},
    {"PKM107", MATCH("{'ip.ttl':`1e}")},
    {"PKM107", MATCH("{'ip.ttl':`0x40}")},
    {"PKM107", MATCH("{'ip.ttl':`1e999}")},
    {"PKM107", MATCH("{'ip.ttl':`-1e999}")},
    {"PKM107", MATCH("{'ip.ttl':`1000000000000000000000000000000000000000000000000000000000001}")},
    {"PKM107", MATCH("{'ip.src':`10.0.0.0/8}")},
    {"PKM107", MATCH("{'tcp.port':`80-90}")},
    {"PKM106", "`// hello\n{'pktmod':1,'rules':[]}"},
    {"PKM106", "{'pktmod':1,`/* a\n b */'rules':[]}"},
    {"PKM106", "{'pktmod':1,'rules':[]} `# end"},
    {"PKM106", "{'pktmod':1,'rules':[]} `/* end"},
    {"PKM108", TOP("'name':'a`\\u0000b'")},
    {"PKM108", TOP("'name':'a`\\ud800b'")},
    {"PKM108", TOP("'name':'`\\ud800\\u0041'")},
    {"PKM108", TOP("'name':'a`\\udc00'")},
    {"PKM108", TOP("'name':'a`\\xb'")},
    {"PKM108", TOP("'name':'a`\\u12g4'")},
    {"PKM108", TOP("'name':'a`\tb'")},
    {"PKM108", TOP("'name':'a`\001b'")},
    {"PKM108", TOP("'name':'\xe2\x82\xac`\\q'")},
    {"PKM104", TOP("'name':`'a\nb'")},
    {"PKM104", "{'pktmod':1,'rules':[],`'name}"},
    {"PKM102", TOP("'name':'a`\xff'")},
    {"PKM102", TOP("'name':'`\xe2'")},
    {"PKM102", TOP("'name':'`\xc0'")},
    {"PKM102", "`\xef\xbb\xbf{'pktmod':1,'rules':[]}"},
    {"PKM102", "`\xff\xfe{"},
    {"PKM102", "`\xfe\xff{"},
    {"PKM110", "{'pktmod':1,'rules':[],`'pktmod':1}"},
    {"PKM110", "{'pktmod':1,'rules':[],`'\\u0072ules':[]}"},
    {"PKM110", MATCH("{'ip.ttl':1,\n`'ip.ttl':2}")},
};

static const struct bad words[] = {
    {"PKM113", "`[]"},
    {"PKM113", "`1"},
    {"PKM114", "`{'rules':[]}"},
    {"PKM114", "`{'pktmod':1}"},
    {"PKM220", "{'pktmod':`2,'rules':[]}"},
    {"PKM113", "{'pktmod':`'1','rules':[]}"},
    {"PKM113", "{'pktmod':1,'rules':`{}}"},
    {"PKM113", "{'pktmod':1,'rules':[`1]}"},
    {"PKM111", TOP("`'Name':'x'")},
    {"PKM111", TOP("`'polcy':{}")},
    {"PKM113", TOP("'name':`1")},
    {"PKM113", TOP("'$schema':`1")},
    {"PKM113", TOP("'policy':`[]")},
    {"PKM113", TOP("'vars':`[]")},
    {"PKM113", TOP("'sets':`[]")},
    {"PKM113", TOP("'include':`'a.json'")},
    {"PKM208", TOP("'include':`[]")},
    {"PKM113", TOP("'tests':`{}")},
    {"PKM111", TOP("'policy':{`'defualt':'drop'}")},
    {"PKM203", TOP("'policy':{'default':`'pass'}")},
    {"PKM203", TOP("'policy':{'on_engine_error':`'pass'}")},
    {"PKM203", TOP("'policy':{'on_rewrite_refused':`'allow'}")},
    {"PKM203", TOP("'policy':{'on_tunnel_down':`'allow'}")},
    {"PKM203", TOP("'policy':{'on_midstream':`'verdict_only'}")},
    {"PKM113", TOP("'policy':{'bad_checksum':`true}")},
    {"PKM201", TOP("'policy':{'hold_ms':`600001}")},
    {"PKM201", TOP("'policy':{'hold_bytes':`-1}")},
    {"PKM201", TOP("'policy':{'flows':`0}")},
    {"PKM201", TOP("'policy':{'flows':`1e300}")},
    {"PKM202", TOP("'policy':{'flow_idle_s':`0.5}")},
    {"PKM113", TOP("'policy':{'delayed_packets':`'10'}")},
    {"PKM201", TOP("'policy':{'delayed_bytes':`0}")},
    {"PKM213", TOP("'vars':{`'a b':1}")},
    {"PKM113", TOP("'vars':{'a':`null}")},
    {"PKM113", TOP("'vars':{'a':[1,`{}]}")},
    {"PKM113", TOP("'vars':{'a':`'$b'}")},
    {"PKM208", TOP("'vars':{'a':`[]}")},
    {"PKM113", SET("`[]")},
    {"PKM114", SET("`{'values':['a']}")},
    {"PKM114", SET("`{'type':'cidr'}")},
    {"PKM203", SET("{'type':`'ip','values':['a']}")},
    {"PKM111", SET("{'type':'port',`'value':[1],'values':[1]}")},
    {"PKM208", SET("{'type':'port','values':`[]}")},
    {"PKM204", SET("{'type':'cidr','values':['10.0.0.0/8',`'10.0.0']}")},
    {"PKM113", SET("{'type':'cidr','values':[`10]}")},
    {"PKM201", SET("{'type':'port','values':[`65536]}")},
    {"PKM206", SET("{'type':'port','values':[`'http']}")},
    {"PKM222", SET("{'type':'domain','values':[`'a..b']}")},
    {"PKM208", SET("{'type':'string','values':[`'']}")},
    {"PKM207", SET("{'type':'bytes','values':[{'hex':`'0g'}]}")},
    {"PKM224", SET("{'type':'cidr','file':`'list.txt'}")},
    {"PKM213", "{'pktmod':1,'sets':{`'':{'type':'port','values':[1]}},'rules':[]}"},
    {"PKM224", TOP("'include':[`'a.json']")},
    {"PKM208", TOP("'include':[`'']")},
};

static const struct bad ruling[] = {
    {"PKM114", "{'pktmod':1,'rules':[`{'match':{},'verdict':'drop'}]}"},
    {"PKM114", "{'pktmod':1,'rules':[`{'id':'a','verdict':'drop'}]}"},
    {"PKM114", "{'pktmod':1,'rules':[`{'id':'a','match':{}}]}"},
    {"PKM113", "{'pktmod':1,'rules':[{'id':`7,'match':{},'verdict':'drop'}]}"},
    {"PKM213", "{'pktmod':1,'rules':[{'id':`'a b','match':{},'verdict':'drop'}]}"},
    {"PKM213", "{'pktmod':1,'rules':[{'id':`'','match':{},'verdict':'drop'}]}"},
    {"PKM213", "{'pktmod':1,'rules':[{'id':`'"
               "12345678901234567890123456789012345678901234567890123456789012345"
               "','match':{},'verdict':'drop'}]}"},
    {"PKM214", "{'pktmod':1,'rules':[{'id':'a','match':{},'verdict':'drop'},\n"
               "{'id':`'a','match':{},'verdict':'drop'}]}"},
    {"PKM111", MORE("`'Final':true")},
    {"PKM111", MORE("`'priority':1")},
    {"PKM113", MORE("'note':`1")},
    {"PKM113", MORE("'tags':`'x'")},
    {"PKM113", MORE("'tags':['x',`1]")},
    {"PKM113", MORE("'enabled':`'yes'")},
    {"PKM203", MORE("'mode':`'test'")},
    {"PKM203", MORE("'scope':`'host'")},
    {"PKM115", MORE("`'final':true")},
    {"PKM115", "{'pktmod':1,'rules':[`{'id':'a','match':{},'verdict':'drop','log_only':true}]}"},
    {"PKM115", "{'pktmod':1,'rules':[{'id':'a','match':{},'log_only':true,`'scope':'flow'}]}"},
    {"PKM203", "{'pktmod':1,'rules':[{'id':'a','match':{},'log_only':`false}]}"},
    {"PKM113", "{'pktmod':1,'rules':[{'id':'a','match':{},'log_only':`1}]}"},
    {"PKM203", VERDICT("`'deny'")},
    {"PKM113", VERDICT("`'delay'")},
    {"PKM113", VERDICT("`1")},
    {"PKM115", VERDICT("`{}")},
    {"PKM114", VERDICT("{'delay':`{}}")},
    {"PKM113", VERDICT("{'delay':`50}")},
    {"PKM111", VERDICT("{'delay':{'ms':1,`'jitter':1}}")},
    {"PKM201", VERDICT("{'delay':{'ms':`-1}}")},
    {"PKM202", VERDICT("{'delay':{'ms':`0.5}}")},
    {"PKM201", VERDICT("{'delay':{'ms':1,'jitter_ms':`3600001}}")},
    {"PKM113", VERDICT("{'delay':{'ms':1,'keep_order':`1}}")},
    {"PKM203", VERDICT("{'delay':{'ms':1,'on_full':`'allow'}}")},
    {"PKM208", OPS("`[]")},
    {"PKM113", OPS("`{}")},
    {"PKM113", OPS("[`'x']")},
    {"PKM115", OPS("[`{}]")},
    {"PKM115", OPS("[`{'set':{'ip.ttl':1},'add':{'ip.ttl':1}}]")},
    {"PKM111", OPS("[{'set':{'ip.ttl':1}},{'set':{'ip.ttl':1}},`{`'repalce':{}}]")},
    {"PKM114", REPLACE("`{'with':'b'}")},
    {"PKM114", REPLACE("`{'find':'b'}")},
    {"PKM208", REPLACE("{'find':`'','with':'b'}")},
    {"PKM208", REPLACE("{'find':`{'hex':''},'with':'b'}")},
    {"PKM207", REPLACE("{'find':{'hex':`'abc'},'with':'b'}")},
    {"PKM207", REPLACE("{'find':'a','with':{'base64':`'a'}}")},
    {"PKM207", REPLACE("{'find':'a','with':{'base64':`'YWJ='}}")},
    {"PKM115", REPLACE("{'find':'a','with':`{}}")},
    {"PKM115", REPLACE("{'find':'a','with':`{'hex':'','base64':''}}")},
    {"PKM111", REPLACE("{'find':'a','with':{'hex':'',`'text':''}}")},
    {"PKM113", REPLACE("{'find':`1,'with':'b'}")},
    {"PKM203", REPLACE("{'find':'a','with':'b','in':`'body'}")},
    {"PKM201", REPLACE("{'find':'a','with':'b','max':`0}")},
    {"PKM113", REPLACE("{'find':'a','with':'b','nocase':`'yes'}")},
    {"PKM208", REPLACE("{'find':'a','with':'b','within':`{}}")},
    {"PKM111", REPLACE("{'find':'a','with':'b','within':{'offset':1,`'length':3}}")},
    {"PKM201", REPLACE("{'find':'abc','with':'b','within':{'depth':`2}}")},
    {"PKM112", OPS("[{'set':{`'ip.tll':1}}]")},
    {"PKM208", OPS("[{'set':`{}}]")},
    {"PKM201", OPS("[{'set':{'ip.ttl':`256}}]")},
    {"PKM201", OPS("[{'add':{'ip.ttl':`-256}}]")},
    {"PKM113", OPS("[{'set':{'ip.ttl':`'1'}}]")},
    {"PKM217", OPS("[{'set':{`'tcp.seq':1}}]")},
    {"PKM217", OPS("[{'add':{`'ip.dsfield.ecn':1}}]")},
    {"PKM218", OPS("[{'set':{`'tcp.dstport':1}}]")},
    {"PKM218", OPS("[{'set':{`'l4.srcport':1}}]")},
    {"PKM218", OPS("[{'set':{`'ip.src':'10.0.0.1'}}]")},
    {"PKM205", OPS("[{'set':{'eth.src':`'aa-bb-cc-dd-ee-ff'}}]")},
};

#define ASK(more)   VERDICT("{'ask':{'timeout_ms':1,'on_timeout':'drop'," more "}}")
#define LIMIT(more) MORE("'limit':{'rate':'1/s'," more "}")
#define STREAM(more)                                                                               \
    "{'pktmod':1,'rules':[\n "                                                                     \
    "{'id':'a','match':{},'rewrite':[{'replace':{'find':'a','with':'b'}}]," more "}]}"

static const struct bad modifiers[] = {
    {"PKM113", VERDICT("`'reject'")},
    {"PKM203", VERDICT("{'reject':`'icmp'}")},
    {"PKM113", VERDICT("{'reject':`true}")},
    {"PKM115", VERDICT("`{'reject':'auto','delay':{'ms':1}}")},
    {"PKM113", VERDICT("`'ask'")},
    {"PKM113", VERDICT("{'ask':`1}")},
    {"PKM114", VERDICT("{'ask':`{'timeout_ms':1}}")},
    {"PKM114", VERDICT("{'ask':`{'on_timeout':'drop'}}")},
    {"PKM203", VERDICT("{'ask':{'timeout_ms':1,'on_timeout':`'reject'}}")},
    {"PKM201", VERDICT("{'ask':{'timeout_ms':`0,'on_timeout':'drop'}}")},
    {"PKM201", ASK("'hold_packets':`0")},
    {"PKM202", ASK("'remember_s':`0.5")},
    {"PKM111", ASK("`'remember':1")},
    {"PKM113", ASK("'coalesce':`'ip.dst'")},
    {"PKM208", ASK("'coalesce':`[]")},
    {"PKM112", ASK("'coalesce':[`'ip.destination']")},
    {"PKM116", ASK("'coalesce':[`'process.path']")},
    {"PKM229", ASK("'coalesce':[`'ip.addr']")},
    {"PKM229", ASK("'coalesce':[`'payload']")},
    {"PKM229", ASK("'coalesce':['ip.dst',`'ipv6.dst']")},
    {"PKM223", ASK("'coalesce':['ip.dst','ip.src','ip.ttl','ip.id',`'ip.proto']")},
    {"PKM203", MORE("'mode':`'dry_run'")},
    {"PKM203", MORE("'stage':`'rewritten'")},
    {"PKM115", STREAM("`'stage':'original'")},
    {"PKM115", "{'pktmod':1,'rules':[{'id':'a','match':{},'verdict':'allow',"
               "'stage':'after-rewrite',`'final':true}]}"},
    {"PKM113", MORE("'limit':`'10/s'")},
    {"PKM114", MORE("'limit':`{}")},
    {"PKM113", MORE("'limit':{'rate':`10}")},
    {"PKM230", MORE("'limit':{'rate':`'10'}")},
    {"PKM230", MORE("'limit':{'rate':`'10 / s'}")},
    {"PKM230", MORE("'limit':{'rate':`'10/d'}")},
    {"PKM230", MORE("'limit':{'rate':`'0/s'}")},
    {"PKM230", MORE("'limit':{'rate':`'99999999999/s'}")},
    {"PKM201", LIMIT("'burst':`0")},
    {"PKM203", LIMIT("'over':`'drop'")},
    {"PKM113", LIMIT("'per':`'flow'")},
    {"PKM115", LIMIT("'per':['ip.src',`'flow']")},
    {"PKM112", LIMIT("'per':[`'ip']")},
    {"PKM229", LIMIT("'per':[`'tcp.port']")},
    {"PKM229", LIMIT("'per':[`'bpf']")},
    {"PKM208", MORE("'sample':`{}")},
    {"PKM114", MORE("'sample':`{'by':'flow'}")},
    {"PKM115", MORE("'sample':`{'probability':0.5,'every':2}")},
    {"PKM201", MORE("'sample':{'probability':`0}")},
    {"PKM201", MORE("'sample':{'probability':`1.01}")},
    {"PKM113", MORE("'sample':{'probability':`'5%'}")},
    {"PKM201", MORE("'sample':{'every':`0}")},
    {"PKM202", MORE("'sample':{'every':`1.5}")},
    {"PKM203", MORE("'sample':{'every':2,'by':`'rule'}")},
    {"PKM115", MORE("'sample':{'every':2,`'seed':1}")},
    {"PKM201", MORE("'sample':{'probability':1,'seed':`-1}")},
    {"PKM208", MORE("'count':`{}")},
    {"PKM111", MORE("'count':{`'last':1}")},
    {"PKM201", MORE("'count':{'first':`0}")},
    {"PKM201", MORE("'count':{'max_per_flow':`0}")},
    {"PKM208", MORE("'when':`{}")},
    {"PKM114", MORE("'when':`{'tz':'UTC'}")},
    {"PKM113", MORE("'when':`'mon-fri'")},
    {"PKM231", MORE("'when':{'days':`'weekdays'}")},
    {"PKM231", MORE("'when':{'days':['mon',`'Tue']}")},
    {"PKM231", MORE("'when':{'days':['mon-wed',`'tue']}")},
    {"PKM208", MORE("'when':{'days':`[]}")},
    {"PKM113", MORE("'when':{'days':`1}")},
    {"PKM231", MORE("'when':{'from':`'8:00'}")},
    {"PKM231", MORE("'when':{'from':`'08:60'}")},
    {"PKM231", MORE("'when':{'to':`'24:01'}")},
    {"PKM231", MORE("'when':{'from':`'24:00'}")},
    {"PKM231", MORE("'when':{'from':'08:00','to':`'08:00'}")},
    {"PKM113", MORE("'when':{'from':`8}")},
    {"PKM232", MORE("'when':{'from':'08:00','tz':`'Europe/Berln'}")},
    {"PKM232", MORE("'when':{'from':'08:00','tz':`'../etc/passwd'}")},
    {"PKM232", MORE("'when':{'from':'08:00','tz':`'+2:00'}")},
    {"PKM232", MORE("'when':{'from':'08:00','tz':`'localtime'}")},
    {"PKM232", MORE("'when':{'from':'08:00','tz':`'Europe'}")},
    {"PKM113", MORE("'log':`1")},
    {"PKM208", MORE("'log':`{}")},
    {"PKM203", MORE("'log':{'level':`'error'}")},
    {"PKM203", MORE("'log':{'payload':`'text'}")},
    {"PKM115", MORE("'log':{'payload':`'diff'}")},
    {"PKM115", MORE("'log':{'level':'info',`'max_bytes':10}")},
    {"PKM201", MORE("'log':{'payload':'hex','max_bytes':`65536}")},
    {"PKM230", MORE("'log':{'rate':`'often'}")},
    {"PKM233", STREAM("`'sample':{'every':2}")},
    {"PKM233", STREAM("`'sample':{'probability':0.5,'by':'packet'}")},
    {"PKM233", STREAM("'count':{`'max_per_flow':2}")},
    {"PKM233", STREAM("`'limit':{'rate':'1/s','per':['flow']}")},
    {"PKM201", TOP("'policy':{'asks':`0}")},
    {"PKM201", TOP("'policy':{'answers':`0}")},
    {"PKM201", TOP("'policy':{'meters':`0}")},
    {"PKM201", TOP("'policy':{'reject_rate':`1000001}")},
};

#define REGEX(pattern) REPLACE("{'regex':" pattern ",'with':''}")
#define WITH(with)     REPLACE("{'regex':'(?<n>a)b','with':" with "}")

static const struct bad regexes[] = {
    {"PKM115", REPLACE("{'find':'a',`'regex':'a','with':'b'}")},
    {"PKM115", REPLACE("{'find':'a','with':'b',`'max_match':5}")},
    {"PKM114", REPLACE("`{'with':'b'}")},
    {"PKM114", REPLACE("`{'regex':'b'}")},
    {"PKM113", REGEX("`5")},
    {"PKM113", REGEX("`{'hex':'61'}")},
    {"PKM208", REGEX("`''")},
    {"PKM228", REGEX("'(a`'")},
    {"PKM228", REGEX("`'a*'")},
    {"PKM228", REGEX("`'(a)\\\\1'")},
    {"PKM228", REGEX("'a`\\\\Kb'")},
    {"PKM228", REGEX("'\\n\\u00e4\\u20ac\\ud83d\\ude00`\\\\Gb'")},
    {"PKM228", REGEX("'\303\244\342\202\254`(*SKIP)b'")},
    {"PKM228", REGEX("'\\t(?<=a`(?<=b))c'")},
    {"PKM228", WITH("'`$'")},
    {"PKM228", WITH("'\\u0041\\\"`$2'")},
    {"PKM228", WITH("'$1`$n$n'")},
    {"PKM228", WITH("'x${n}`${m}'")},
    {"PKM207", WITH("{'hex':`'2'}")},
    {"PKM201", REPLACE("{'regex':'a','with':'b','max_match':`0}")},
    {"PKM201", REPLACE("{'regex':'a','with':'b','max_match':`4097}")},
    {"PKM201", REPLACE("{'regex':'a','with':'b','in':'payload','max_match':`65537}")},
    {"PKM201", "{'pktmod':1,'policy':{'hold_bytes':100},'rules':[\n {'id':'a','match':{},'rewrite':"
               "[{'replace':{'regex':'a','with':'b','max_match':`101}}]}]}"},
};

static const struct bad tests[] = {
    {"PKM113", MATCH("`[]")},
    {"PKM112", MATCH("{'dir':'out',`'tcp.dport':23}")},
    {"PKM112", MATCH("{`'TCP.port':23}")},
    {"PKM208", MATCH("{'any':`[]}")},
    {"PKM113", MATCH("{'all':`{}}")},
    {"PKM113", MATCH("{'any':[{},`1]}")},
    {"PKM113", MATCH("{'not':`[]}")},
    {"PKM112", MATCH("{'any':[{'not':{`'ip.srcc':'10.0.0.1'}}]}")},
    {"PKM203", MATCH("{'dir':`'both'}")},
    {"PKM113", MATCH("{'flow':`1}")},
    {"PKM113", MATCH("{'flow.new':`'true'}")},
    {"PKM201", MATCH("{'tcp.flags.syn':`2}")},
    {"PKM201", MATCH("{'tcp.port':`65536}")},
    {"PKM201", MATCH("{'tcp.port':`-1}")},
    {"PKM202", MATCH("{'tcp.port':`1.5}")},
    {"PKM206", MATCH("{'tcp.port':`'80'}")},
    {"PKM206", MATCH("{'tcp.port':`'90-80'}")},
    {"PKM206", MATCH("{'tcp.port':`'80-'}")},
    {"PKM206", MATCH("{'tcp.port':`' 80-90'}")},
    {"PKM206", MATCH("{'eth.type':`'0x800'}")},
    {"PKM201", MATCH("{'tcp.port':`'80-70000'}")},
    {"PKM113", MATCH("{'tcp.port':`null}")},
    {"PKM113", MATCH("{'tcp.port':`true}")},
    {"PKM208", MATCH("{'tcp.port':`[]}")},
    {"PKM113", MATCH("{'tcp.port':[80,`[81]]}")},
    {"PKM206", MATCH("{'tcp.port':[80,`'x']}")},
    {"PKM206", MATCH("{'ip.proto':`'tcp'}")},
    {"PKM203", MATCH("{'tcp.flags':`'SX'}")},
    {"PKM203", MATCH("{'tcp.flags':`'SS'}")},
    {"PKM208", MATCH("{'tcp.flags':`''}")},
    {"PKM204", MATCH("{'ip.src':`'10.0.0.256'}")},
    {"PKM204", MATCH("{'ip.src':`'10.0.0.0/33'}")},
    {"PKM204", MATCH("{'ip.src':`'2001:db8::/129'}")},
    {"PKM204", MATCH("{'ip.src':`'10.0.0.0/'}")},
    {"PKM204", MATCH("{'ip.src':`'example.com'}")},
    {"PKM113", MATCH("{'ip.src':`10}")},
    {"PKM205", MATCH("{'eth.src':`'aa:bb:cc:dd:ee'}")},
    {"PKM208", MATCH("{'interface':`''}")},
    {"PKM113", MATCH("{'interface':`1}")},
    {"PKM208", MATCH("{'payload':`''}")},
    {"PKM216", MATCH("{'bpf':`'tcp prot 1'}")},
#ifdef __linux__ /* elsewhere libpcap compiles it for some link types */
    {"PKM216", MATCH("{'bpf':`'inbound'}")},
#endif
    {"PKM208", MATCH("{'bpf':`' '}")},
    {"PKM209", MATCH("{'tcp.port':`'$web'}")},
    {"PKM209", MATCH("{'tcp.port':{'ge':`'$web'}}")},
    {"PKM210", MATCH("{'ip.src':`'@home'}")},
    {"PKM208", MATCH("{'tcp.port':`{}}")},
    {"PKM111", MATCH("{'tcp.port':{`'gte':5}}")},
    {"PKM111", MATCH("{'tcp.port':{'ge':5,`'most':6}}")},
    {"PKM111", MATCH("{'tcp.port':{'not':5,`'nto':6}}")},
    {"PKM115", MATCH("{'tcp.port':`{'eq':5,'ge':6}}")},
    {"PKM206", MATCH("{'tcp.port':`{'gt':5,'lt':6}}")},
    {"PKM206", MATCH("{'tcp.port':`{'gt':65535}}")},
    {"PKM212", MATCH("{'ip.src':`{'ge':5}}")},
    {"PKM212", MATCH("{'bpf':`{'eq':'tcp'}}")},
    {"PKM212", MATCH("{'ip.src':`{'mask':1,'value':1}}")},
    {"PKM114", MATCH("{'tcp.flags':`{'mask':1}}")},
    {"PKM114", MATCH("{'tcp.flags':`{'value':1}}")},
    {"PKM206", MATCH("{'tcp.flags':{'mask':2,'value':`3}}")},
    {"PKM201", MATCH("{'tcp.flags':{'mask':`65536,'value':0}}")},
    {"PKM212", MATCH("{'tcp.port':`{'bytes':'a'}}")},
    {"PKM208", MATCH("{'payload':{'bytes':`''}}")},
    {"PKM201", MATCH("{'payload':{'bytes':'abc','depth':`2}}")},
    {"PKM201", MATCH("{'payload':{'bytes':'abc','offset':`-1}}")},
    {"PKM111", MATCH("{'payload':{'bytes':'abc',`'within':1}}")},
    {"PKM115", MATCH("{'payload':`{'hex':'00'}}")},
    {"PKM115", MATCH("{'payload':`{'prefix':'a','suffix':'b'}}")},
    {"PKM113", MATCH("{'payload':{'contains':`{'hex':'00'}}}")},
    {"PKM113", MATCH("{'payload':{'contains':'a','nocase':`1}}")},
    {"PKM228", MATCH("{'payload':{'regex':`'a*'}}")},
    {"PKM228", MATCH("{'payload':{'regex':'a(b`'}}")},
    {"PKM208", MATCH("{'payload':{'regex':`''}}")},
    {"PKM113", MATCH("{'payload':{'regex':`{'hex':'61'}}}")},
    {"PKM111", MATCH("{'payload':{'regex':'a',`'depth':5}}")},
    {"PKM212", MATCH("{'tcp.port':`{'regex':'80'}}")},
};

static const struct bad operations[] = {
    {"PKM113", OPS("[{'insert':`'x'}]")},
    {"PKM114", OPS("[{'insert':`{'bytes':'x'}}]")},
    {"PKM114", OPS("[{'insert':`{'at':'start'}}]")},
    {"PKM203", OPS("[{'insert':{'at':`'begin','bytes':'x'}}]")},
    {"PKM113", OPS("[{'insert':{'at':`true,'bytes':'x'}}]")},
    {"PKM201", OPS("[{'insert':{'at':`-1,'bytes':'x'}}]")},
    {"PKM202", OPS("[{'insert':{'at':`0.5,'bytes':'x'}}]")},
    {"PKM208", OPS("[{'insert':{'at':0,'bytes':`''}}]")},
    {"PKM207", OPS("[{'insert':{'at':0,'bytes':{'hex':`'x'}}}]")},
    {"PKM203", OPS("[{'insert':{'at':0,'bytes':'x','in':`'packet'}}]")},
    {"PKM111", OPS("[{'insert':{'at':0,'bytes':'x',`'max':1}}]")},
    {"PKM113", OPS("[{'delete':`'x'}]")},
    {"PKM114", OPS("[{'delete':`{}}]")},
    {"PKM115", OPS("[{'delete':{'find':'a',`'regex':'a'}}]")},
    {"PKM115", OPS("[{'delete':{`'find':'a','range':{'length':1}}}]")},
    {"PKM115", OPS("[{'delete':{'range':{'length':1},`'nocase':true}}]")},
    {"PKM115", OPS("[{'delete':{'range':{'length':1},`'max':1}}]")},
    {"PKM115", OPS("[{'delete':{'find':'a',`'max_match':1}}]")},
    {"PKM111", OPS("[{'delete':{'find':'a',`'with':'b'}}]")},
    {"PKM208", OPS("[{'delete':{'find':`''}}]")},
    {"PKM228", OPS("[{'delete':{'regex':`'a*'}}]")},
    {"PKM113", OPS("[{'delete':{'range':`[1,2]}}]")},
    {"PKM114", OPS("[{'delete':{'range':`{'offset':1}}}]")},
    {"PKM201", OPS("[{'delete':{'range':{'length':`0}}}]")},
    {"PKM201", OPS("[{'delete':{'range':{'offset':`-1,'length':1}}}]")},
    {"PKM203", OPS("[{'delete':{'range':{'length':1},'in':`'flow'}}]")},
    {"PKM203", REPLACE("{'find':'a','with':'b','length':`'equal'}")},
    {"PKM234", REPLACE("{'find':'abc','with':`'ab','length':'same'}")},
    {"PKM234", REPLACE("{'find':'abc','with':`'abcd','length':'same'}")},
    {"PKM234", REPLACE("{'find':'abc','with':`'abcd','length':'pad'}")},
    {"PKM234", REPLACE("{'find':'abc','with':'ab','length':'pad','pad':`''}")},
    {"PKM234", REPLACE("{'find':'abc','with':'ab','length':'pad','pad':`{'hex':'2020'}}")},
    {"PKM115", REPLACE("{'find':'a','with':'b',`'pad':' '}")},
    {"PKM115", REPLACE("{'find':'a','with':'b','length':'same',`'pad':' '}")},
    {"PKM113", OPS("[{'nat':`'10.0.0.1'}]")},
    {"PKM208", OPS("[{'nat':`{}}]")},
    {"PKM112", OPS("[{'nat':{`'ip.source':'10.0.0.1'}}]")},
    {"PKM204", OPS("[{'nat':{'ip.src':`'10.0.0.0/8'}}]")},
    {"PKM113", OPS("[{'nat':{'ip.src':`1}}]")},
    {"PKM201", OPS("[{'nat':{'tcp.dstport':`0}}]")},
    {"PKM201", OPS("[{'nat':{'udp.srcport':`65536}}]")},
    {"PKM217", OPS("[{'nat':{`'tcp.port':80}}]")},
    {"PKM217", OPS("[{'nat':{`'ip.addr':'10.0.0.1'}}]")},
    {"PKM217", OPS("[{'nat':{`'ip.ttl':5}}]")},
    {"PKM209", OPS("[{'nat':{'ip.src':`'$me'}}]")},
    {"PKM217", OPS("[{'set':{`'ip.addr':'10.0.0.1'}}]")},
    {"PKM217", OPS("[{'set':{`'payload':'x'}}]")},
    {"PKM208", OPS("[{'tcp_options':`{}}]")},
    {"PKM113", OPS("[{'tcp_options':`[]}]")},
    {"PKM113", OPS("[{'tcp_options':{'mss':`1400}}]")},
    {"PKM114", OPS("[{'tcp_options':{'mss':`{}}}]")},
    {"PKM201", OPS("[{'tcp_options':{'mss':{'max':`0}}}]")},
    {"PKM201", OPS("[{'tcp_options':{'mss':{'max':`65536}}}]")},
    {"PKM111", OPS("[{'tcp_options':{'mss':{'max':1,`'min':1}}}]")},
    {"PKM208", OPS("[{'tcp_options':{'remove':`[]}}]")},
    {"PKM113", OPS("[{'tcp_options':{'remove':`'sack'}}]")},
    {"PKM203", OPS("[{'tcp_options':{'remove':['sack',`'mss']}}]")},
    {"PKM111", OPS("[{'tcp_options':{`'add':['sack']}}]")},
    {"PKM113", OPS("[{'external':`'/run/x'}]")},
    {"PKM114", OPS("[{'external':`{'timeout_ms':1,'on_timeout':'pass'}}]")},
    {"PKM114", OPS("[{'external':`{'socket':'/x','on_timeout':'pass'}}]")},
    {"PKM114", OPS("[{'external':`{'socket':'/x','timeout_ms':1}}]")},
    {"PKM203", OPS("[{'external':{'socket':'/x','timeout_ms':1,'on_timeout':`'allow'}}]")},
    {"PKM201", OPS("[{'external':{'socket':'/x','timeout_ms':`0,'on_timeout':'pass'}}]")},
    {"PKM208", OPS("[{'external':{'socket':`'','timeout_ms':1,'on_timeout':'pass'}}]")},
    {"PKM224", OPS("[{'external':{'socket':`'x','timeout_ms':1,'on_timeout':'pass'}}]")},
    {"PKM223", OPS("[{'external':{'socket':`'/"
                   "123456789012345678901234567890123456789012345678901234567890"
                   "1234567890123456789012345678901234567890123"
                   "','timeout_ms':1,'on_timeout':'pass'}}]")},
    {"PKM113", OPS("[{'corrupt':`true}]")},
    {"PKM201", OPS("[{'corrupt':{'bits':`0}}]")},
    {"PKM201", OPS("[{'corrupt':{'probability':`0}}]")},
    {"PKM201", OPS("[{'corrupt':{'probability':`2}}]")},
    {"PKM201", OPS("[{'corrupt':{'seed':`-1}}]")},
    {"PKM113", OPS("[{'corrupt':{'fix_checksum':`1}}]")},
    {"PKM111", OPS("[{'corrupt':{`'fix':true}}]")},
    {"PKM201", OPS("[{'duplicate':{'copies':`17}}]")},
    {"PKM111", OPS("[{'duplicate':{`'bits':1}}]")},
    {"PKM114", OPS("[{'truncate':`{}}]")},
    {"PKM201", OPS("[{'truncate':{'payload':`-1}}]")},
    {"PKM113", OPS("[{'truncate':{'payload':1,'fix':`'yes'}}]")},
    {"PKM114", OPS("[{'segment':`{}}]")},
    {"PKM201", OPS("[{'segment':{'size':`0}}]")},
    {"PKM111", OPS("[{'segment':{'size':1,`'probability':1}}]")},
    {"PKM114", OPS("[{'fragment':`{}}]")},
    {"PKM201", OPS("[{'fragment':{'size':`67}}]")},
    {"PKM203", OPS("[{'fragment':{'size':576,'order':`'random'}}]")},
    {"PKM111", OPS("[{`'drop':{}}]")},
};

static const struct bad later[] = {
    {"PKM116", MATCH("{`'process.path':'/bin/sh'}")},
    {"PKM116", MATCH("{`'dns.qry.name':'a'}")},
    {"PKM116", MATCH("{`'http.host':'a'}")},
    {"PKM116", MATCH("{`'tls.handshake.ja3':'a'}")},
    {"PKM116", OPS("[{`'http':{}}]")},
    {"PKM116", OPS("[{`'dns':{}}]")},
    {"PKM116", REPLACE("{'find':'a','with':'b','in':`'http.body'}")},
    {"PKM116", REPLACE("{'find':'a','with':'b','in':`'http.header'}")},
    {"PKM116", REPLACE("{'find':'a','with':'b','in':`'dns.name'}")},
};

/* Tests that stand in a file. */
#define TEST(test)                                                                                 \
    "{'pktmod':1,'rules':[{'id':'telnet','match':{},'verdict':'drop'}],'tests':[\n" test "]}"
#define EXPECT(expect)                                                                             \
    TEST("{'name':'t','packets':[{'ip':['10.0.0.1','10.0.0.2'],'udp':{'dstport':1}}],'expect'"     \
         ":" expect "}")

static const struct bad ruletests[] = {
    {"PKM113", TEST("`5")},
    {"PKM114",
     TEST("`{'stream':{'server':'10.0.0.1:80','to_server':'a'},'expect':{'to_server':'a'}}")},
    {"PKM115", TEST("`{'name':'t','expect':{'rules':{'telnet':{'hits':1}}}}")},
    {"PKM115",
     TEST("`{'name':'t','packets':[{'frame':'a'}],'capture':'a','expect':[{'leaves':true}]}")},
    {"PKM111",
     TEST("{'name':'t',`'packet':[],'packets':[{'frame':'a'}],'expect':[{'leaves':true}]}")},
    {"PKM208", TEST("{'name':'t','packets':`[],'expect':[]}")},
    {"PKM224", TEST("{'name':'t','capture':`'a','expect':{'rules':{'telnet':{'hits':1}}}}")},
    {"PKM242",
     TEST("{'name':'t','packets':[{'frame':'a'}],'expect':[{'leaves':true}]},\n{'name':`'t',"
          "'packets':[{'frame':'a'}],'expect':[{'leaves':true}]}")},
    {"PKM242", TEST("{'name':'t','packets':[{'frame':'a','time_ms':5},`{'frame':'a','time_ms':4}],"
                    "'expect':[{'leaves':true},{'leaves':true}]}")},
    {"PKM114", TEST("`{'name':'t','packets':[{'frame':'a'}]}")},
    {"PKM115",
     TEST("{'name':'t','packets':[`{'ip':['10.0.0.1','10.0.0.2']}],'expect':[{'leaves':true}]}")},
    {"PKM114", TEST("{'name':'t','packets':[`{'udp':{'dstport':1}}],'expect':[{'leaves':true}]}")},
    {"PKM204", TEST("{'name':'t','packets':[{'ip':['10.0.0.1',`'10.0.0'],'udp':{'dstport':1}}],"
                    "'expect':[{'leaves':true}]}")},
    {"PKM242", TEST("{'name':'t','packets':[{'ip':`['10.0.0.1'],'udp':{'dstport':1}}],"
                    "'expect':[{'leaves':true}]}")},
    {"PKM242", TEST("{'name':'t','packets':[{'ip':`['10.0.0.1','::1'],'udp':{'dstport':1}}],"
                    "'expect':[{'leaves':true}]}")},
    {"PKM201",
     TEST("{'name':'t','packets':[{'ip':['10.0.0.1','10.0.0.2'],'udp':{'dstport':`65536}}],"
          "'expect':[{'leaves':true}]}")},
    {"PKM203", EXPECT("[{'verdict':`'dorp'}]")},
    {"PKM241", EXPECT("[{'rule':`'telnt'}]")},
    {"PKM242", EXPECT("`[{'rule':null},{'rule':null}]")},
    {"PKM208", EXPECT("[`{}]")},
    {"PKM208", EXPECT("`{}")},
    {"PKM241", EXPECT("{'rules':{`'telnte':{'hits':1}}}")},
    {"PKM114", EXPECT("{'rules':{'telnet':`{}}}")},
    {"PKM201", EXPECT("{'rules':{'telnet':{'hits':`-1}}}")},
    {"PKM208", EXPECT("{'rules':{'telnet':{'hits':`{}}}}")},
    {"PKM242", EXPECT("{`'to_server':'a'}")},
    {"PKM204", TEST("{'name':'t','stream':{'server':`'10.0.0.1','to_server':'a'},'expect':"
                    "{'to_server':'a'}}")},
    {"PKM204", TEST("{'name':'t','stream':{'server':`'10.0.0.1:65536','to_server':'a'},'expect':"
                    "{'to_server':'a'}}")},
    {"PKM114", TEST("{'name':'t','stream':`{'server':'10.0.0.1:1'},'expect':{'to_server':'a'}}")},
    {"PKM242",
     TEST("{'name':'t','stream':`{'server':'[::1]:1','client':'10.0.0.1:1','to_server':'a'},"
          "'expect':{'to_server':'a'}}")},
    {"PKM203", TEST("{'name':'t','stream':{'server':'10.0.0.1:1','to_server':'a'},'resegment':"
                    "[`'every'],'expect':{'to_server':'a'}}")},
    {"PKM115", TEST("{'name':'t','packets':[{'frame':'a'}],`'resegment':['1-byte'],'expect':"
                    "[{'leaves':true}]}")},
    {"PKM203", TEST("{'name':'t','packets':[{'frame':'a'}],'answers':[`'yes'],'expect':"
                    "[{'leaves':true}]}")},
};

/* The text without its mark; where the mark stood. */
struct marked {
    char text[2048];
    size_t len, line, column;
};

static void unmark(const char *from, struct marked *out)
{
    size_t line = 1, column = 1;

    *out = (struct marked){.len = 0};
    for (; *from != '\0'; from++) {
        if (*from == '`') {
            out->line = line;
            out->column = column;
            continue;
        }
        assert_true(out->len < sizeof out->text - 1);
        out->text[out->len++] = *from == '\'' ? '"' : *from;
        line += *from == '\n';
        if (*from == '\n')
            column = 1;
        else if (((unsigned char)*from & 0xc0) != 0x80)
            column++;
    }
}

/* Whether it is told as it should be; prints what is told else. */
static bool is_told(const struct bad *bad)
{
    struct marked marked;
    struct pm_rules *loaded;
    const struct pm_diagnostic *d;
    bool is_good;

    unmark(bad->text, &marked);
    loaded = pm_rules_load_text(NULL, marked.text, marked.len);
    assert_non_null(loaded);
    d = pm_rules_diagnostic(loaded, 0);
    is_good = d != NULL && pm_rules_diagnostic_count(loaded) == 1 &&
              strcmp(d->code, bad->code) == 0 && d->line == marked.line &&
              d->column == marked.column && d->span >= 1 && strlen(d->message) > 0 &&
              d->message[strlen(d->message) - 1] != '.' && pm_rules_error_count(loaded) == 1 &&
              pm_rules_policy(loaded) == NULL;
    if (!is_good) {
        pm_rules_print_text(loaded, stderr, false);
        print_error("expected only %s at %zu:%zu of %s\n", bad->code, marked.line, marked.column,
                    bad->text);
    }
    pm_rules_free(loaded);
    return is_good;
}

static void check_all(const struct bad *table, size_t count)
{
    size_t good = 0;

    for (size_t i = 0; i < count; i++)
        good += is_told(&table[i]);
    assert_int_equal(good, count);
}

#define CHECK_ALL(table) check_all(table, sizeof(table) / sizeof(table)[0])

static void text_that_is_no_strict_json_is_refused(void **state)
{
    (void)state;
    CHECK_ALL(syntax);
}

static void wrong_words_of_the_file_are_refused(void **state)
{
    (void)state;
    CHECK_ALL(words);
}

static void wrong_rules_are_refused(void **state)
{
    (void)state;
    CHECK_ALL(ruling);
}

static void wrong_regexes_are_told_to_the_character(void **state)
{
    (void)state;
    CHECK_ALL(regexes);
}

static void wrong_verdicts_and_modifiers_are_refused(void **state)
{
    (void)state;
    CHECK_ALL(modifiers);
}

static void wrong_tests_in_a_file_are_refused(void **state)
{
    (void)state;
    CHECK_ALL(ruletests);
}

static void wrong_tests_are_refused(void **state)
{
    (void)state;
    CHECK_ALL(tests);
}

static void wrong_operations_are_refused(void **state)
{
    (void)state;
    CHECK_ALL(operations);
}

static void what_later_versions_have_is_recognised_and_refused(void **state)
{
    (void)state;
    CHECK_ALL(later);
}

int main(void)
{
    const struct CMUnitTest group[] = {
        cmocka_unit_test(text_that_is_no_strict_json_is_refused),
        cmocka_unit_test(wrong_words_of_the_file_are_refused),
        cmocka_unit_test(wrong_rules_are_refused),
        cmocka_unit_test(wrong_regexes_are_told_to_the_character),
        cmocka_unit_test(wrong_verdicts_and_modifiers_are_refused),
        cmocka_unit_test(wrong_tests_are_refused),
        cmocka_unit_test(wrong_tests_in_a_file_are_refused),
        cmocka_unit_test(wrong_operations_are_refused),
        cmocka_unit_test(what_later_versions_have_is_recognised_and_refused),
    };

    return cmocka_run_group_tests(group, NULL, NULL);
}
