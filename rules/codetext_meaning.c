/* codetext_meaning.c - what codes 2xx mean: what the file says. */
#include "codetext.h"

const struct code_text pmr_texts_meaning[] = {
    {CODE_RANGE,
     "The number is smaller or larger than anything that can stand here; the message tells "
     "the limits.",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"ip.ttl\": 300 },\n"
     "      \"verdict\": \"drop\" } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"ip.ttl\": 255 },\n"
     "      \"verdict\": \"drop\" } ] }"},
    {CODE_INTEGRAL, "Only whole numbers can stand here.",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"ip.ttl\": 1.5 },\n"
     "      \"verdict\": \"drop\" } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"ip.ttl\": 2 },\n"
     "      \"verdict\": \"drop\" } ] }"},
    {CODE_WORD, "Only the words of the message are possible here; they are written in lower case.",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": 23 },\n"
     "      \"verdict\": \"deny\" } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": 23 },\n"
     "      \"verdict\": \"drop\" } ] }"},
    {CODE_ADDRESS,
     "Addresses are written as numbers, with a prefix length if a network is meant: names "
     "would mean something else on every machine.",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"ip.dst\": \"localhost\" },\n"
     "      \"verdict\": \"drop\" } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"ip.dst\": \"127.0.0.1\" },\n"
     "      \"verdict\": \"drop\" } ] }"},
    {CODE_MAC, "Ethernet addresses are six pairs of hex digits with colons between them.",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"eth.src\": \"02-00-00-00-00-01\" },\n"
     "      \"verdict\": \"drop\" } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"eth.src\": \"02:00:00:00:00:01\" },\n"
     "      \"verdict\": \"drop\" } ] }"},
    {CODE_INTERVAL,
     "A range is \"lo-hi\" with lo not larger than hi. Several comparisons in one object "
     "have to leave some number.",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": \"90-80\" },\n"
     "      \"verdict\": \"drop\" } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": \"80-90\" },\n"
     "      \"verdict\": \"drop\" } ] }"},
    {CODE_BYTES,
     "Bytes are hex digits in pairs, which may have spaces between them, or base64 with "
     "its padding.",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"udp.dstport\": 53, \"payload\": { \"bytes\": { "
     "\"hex\": \"abc\" } } },\n"
     "      \"verdict\": \"drop\" } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"udp.dstport\": 53, \"payload\": { \"bytes\": { "
     "\"hex\": \"0a bc\" } } },\n"
     "      \"verdict\": \"drop\" } ] }"},
    {CODE_EMPTY,
     "An empty list, text or object matches nothing or everything, depending on how one "
     "reads it. Only \"match\" may be {}: every packet.",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": [] },\n"
     "      \"verdict\": \"drop\" } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": 23 },\n"
     "      \"verdict\": \"drop\" } ] }"},
    {CODE_UNKNOWN_VAR,
     "A text that begins with $ names a variable of \"vars\". A text that only looks like "
     "one is written { \"bytes\": \"$text\" }.",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": \"$telnet\" },\n"
     "      \"verdict\": \"drop\" } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"vars\": { \"telnet\": 23 },\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": \"$telnet\" },\n"
     "      \"verdict\": \"drop\" } ] }"},
    {CODE_UNKNOWN_SET,
     "A text that begins with @ names a set of \"sets\". A text that only looks like one "
     "is written { \"bytes\": \"@text\" }.",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": \"@admin\" },\n"
     "      \"verdict\": \"drop\" } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"sets\": { \"admin\": { \"type\": \"port\", \"values\": [22, 23] } },\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": \"@admin\" },\n"
     "      \"verdict\": \"drop\" } ] }"},
    {CODE_SET_KIND,
     "A set has a type: cidr for addresses, port for numbers, string for texts as a whole, "
     "bytes for what is found in a payload.",
     "{ \"pktmod\": 1,\n"
     "  \"sets\": { \"admin\": { \"type\": \"port\", \"values\": [22, 23] } },\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"ip.dst\": \"@admin\" },\n"
     "      \"verdict\": \"drop\" } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"sets\": { \"admin\": { \"type\": \"port\", \"values\": [22, 23] } },\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": \"@admin\" },\n"
     "      \"verdict\": \"drop\" } ] }"},
    {CODE_TEST_KIND,
     "Numbers are compared and masked, texts are searched, addresses are in networks; the "
     "test does not fit what the field is.",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": { \"contains\": \"2\" } },\n"
     "      \"verdict\": \"drop\" } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": \"20-29\" },\n"
     "      \"verdict\": \"drop\" } ] }"},
    {CODE_NAME,
     "Ids and names have 1 to 64 of the letters A-Z a-z, digits, dot, underscore and "
     "minus: they stand in logs, file names and command lines.",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"no telnet\", \"match\": { \"tcp.dstport\": 23 },\n"
     "      \"verdict\": \"drop\" } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"no-telnet\", \"match\": { \"tcp.dstport\": 23 },\n"
     "      \"verdict\": \"drop\" } ] }"},
    {CODE_REPEATED_ID, "Reports and logs tell rules apart by their ids, over all included files.",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": 23 },\n"
     "      \"verdict\": \"drop\" },\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": 2323 },\n"
     "      \"verdict\": \"drop\" } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": 23 },\n"
     "      \"verdict\": \"drop\" },\n"
     "    { \"id\": \"b\", \"match\": { \"tcp.dstport\": 2323 },\n"
     "      \"verdict\": \"drop\" } ] }"},
    {CODE_REPEATED_NAME,
     "Variables share one space of names over all included files, and so do sets. This "
     "happens where an included file defines a name that is there already.",
     NULL, NULL},
    {CODE_BPF,
     "libpcap compiles the expression as tcpdump does, and told why it cannot. Addresses "
     "and ports are written as numbers.",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"bpf\": \"tcp prot 23\" },\n"
     "      \"verdict\": \"drop\" } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"bpf\": \"tcp port 23\" },\n"
     "      \"verdict\": \"drop\" } ] }"},
    {CODE_NOT_SETTABLE,
     "Lengths, checksums and the like follow by themselves, and some fields say what the "
     "rest of the packet is: they cannot be set.",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"udp.dstport\": 53 },\n"
     "      \"rewrite\": [ { \"set\": { \"ip.len\": 100 } } ] } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"udp.dstport\": 53 },\n"
     "      \"rewrite\": [ { \"set\": { \"ip.ttl\": 9 } } ] } ] }"},
    {CODE_USE_NAT,
     "A TCP connection lives between two addresses and ports. Setting one in a direction "
     "would break it; nat maps the answers back as well.",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": 80 },\n"
     "      \"rewrite\": [ { \"set\": { \"ip.dst\": \"192.0.2.1\" } } ] } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": 80 },\n"
     "      \"rewrite\": [ { \"nat\": { \"ip.dst\": \"192.0.2.1\" } } ] } ] }"},
    {CODE_INCLUDE,
     "Files include each other at most 16 deep, each of them once, and not in a circle.", NULL,
     NULL},
    {CODE_VERSION, "\"pktmod\" is the version of the language that the file is written in: 1.",
     "{ \"pktmod\": 2, \"rules\": [] }", "{ \"pktmod\": 1, \"rules\": [] }"},
    {CODE_SET_FILE,
     "The file of a set has one value a line. The message has the line of that file; a "
     "path is relative to the rule file.",
     NULL, NULL},
    {CODE_DOMAIN,
     "Domain names are labels of letters, digits and minus with dots between them; other "
     "scripts in their xn-- form.",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"dns.qry.name\": \"exa mple.org\" },\n"
     "      \"verdict\": \"drop\" } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"dns.qry.name\": \"example.org\" },\n"
     "      \"verdict\": \"drop\" } ] }"},
    {CODE_LIMIT,
     "The loader takes bounded amounts of everything: 16384 values in a test, so many "
     "files and rules. Long lists are sets.",
     NULL, NULL},
    {CODE_NO_FILES,
     "The rules came as text, not from a file, so there is no folder that a path could "
     "start from.",
     NULL, NULL},
    {CODE_REFUSED,
     "The loader found no fault, but the library does not take the policy; its reason "
     "stands in the message.",
     NULL, NULL},
    {CODE_HOST_BITS,
     "The address has bits behind its prefix length. They are ignored: 10.0.0.1/8 is "
     "10.0.0.0/8. It is a warning since another length may have been meant.",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"ip.dst\": \"10.1.2.3/8\" },\n"
     "      \"verdict\": \"drop\" } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"ip.dst\": \"10.0.0.0/8\" },\n"
     "      \"verdict\": \"drop\" } ] }"},
    {CODE_NOT_RUN, "Not told any more: tests in a rule file are run by pktmod test.", NULL, NULL},
    {CODE_REGEX,
     "PCRE2 refuses the expression, or what it finds would depend on more than the bytes "
     "at hand: expressions that match no bytes at all, \\K, \\G, long look-behinds.",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": 80 },\n"
     "      \"rewrite\": [ { \"replace\": { \"regex\": \"a*\", \"with\": \"b\" } } ] } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": 80 },\n"
     "      \"rewrite\": [ { \"replace\": { \"regex\": \"a+\", \"with\": \"b\" } } ] } ] }"},
    {CODE_HEADER,
     "Header names are tokens, values have no control characters, and what says how long a "
     "message is follows the message: no rule sets Content-Length or Transfer-Encoding. A "
     "status without a body, such as 204, is not set either: the response may have one.",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.port\": 80 },\n"
     "      \"rewrite\": [ { \"http\": { \"set\": { \"Content-Length\": \"5\" } } } ] } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.port\": 80 },\n"
     "      \"rewrite\": [ { \"http\": { \"set\": { \"X-Length\": \"5\" } } } ] } ] }"},
    {CODE_KEY_FIELD,
     "Limits and questions keep packets apart by up to four fields that have one value in "
     "every packet of a kind; a payload or a field with two values is no such key.",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": {},\n"
     "      \"verdict\": \"drop\", \"limit\": { \"rate\": \"5/s\", \"per\": [\"payload\"] "
     "} } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": {},\n"
     "      \"verdict\": \"drop\", \"limit\": { \"rate\": \"5/s\", \"per\": [\"ip.src\"] } "
     "} ] }"},
    {CODE_RATE, "A rate is a whole number, a slash, and s, min or h.",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": {},\n"
     "      \"verdict\": \"drop\", \"limit\": { \"rate\": \"5 per second\" } } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": {},\n"
     "      \"verdict\": \"drop\", \"limit\": { \"rate\": \"5/s\" } } ] }"},
    {CODE_HOURS,
     "Days are mon to sun, times of day \"08:00\" or \"08:00:30\", and what is left must "
     "be some time.",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": {},\n"
     "      \"verdict\": \"drop\", \"when\": { \"from\": \"8 am\" } } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": {},\n"
     "      \"verdict\": \"drop\", \"when\": { \"from\": \"08:00\", \"to\": \"18:00\" } } ] }"},
    {CODE_ZONE,
     "Zones are \"UTC\", an offset like \"+02:00\", or a name like \"Europe/Berlin\" that "
     "the time zone data of this machine has.",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": {},\n"
     "      \"verdict\": \"drop\", \"when\": { \"days\": [\"sat\"], \"tz\": \"CEST+1\" } } "
     "] }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": {},\n"
     "      \"verdict\": \"drop\", \"when\": { \"days\": [\"sat\"], \"tz\": \"+02:00\" } } "
     "] }"},
    {CODE_MODIFIER,
     "A rule that edits a TCP stream is asked once for each flow: a segment that is sent "
     "again has to get what the first one got. So it cannot be sampled packet by packet.",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": 80 },\n"
     "      \"rewrite\": [ { \"replace\": { \"find\": \"a\", \"with\": \"b\" } } ],\n"
     "      \"sample\": { \"every\": 10 } } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": 80 },\n"
     "      \"rewrite\": [ { \"replace\": { \"find\": \"a\", \"with\": \"b\" } } ],\n"
     "      \"sample\": { \"every\": 10, \"by\": \"flow\" } } ] }"},
    {CODE_LENGTH,
     "With \"length\": \"same\" what is put in is as long as what was found, with \"pad\" "
     "at most so long.",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": 80 },\n"
     "      \"rewrite\": [ { \"replace\": { \"find\": \"abc\", \"with\": \"d\", "
     "\"length\": \"same\" } } ] } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": 80 },\n"
     "      \"rewrite\": [ { \"replace\": { \"find\": \"abc\", \"with\": \"d\", "
     "\"length\": \"pad\" } } ] } ] }"},
    {CODE_UNKNOWN_RULE,
     "A test names a rule that the file does not have; often the rule was renamed.",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": 23 },\n"
     "      \"verdict\": \"drop\" } ],\n"
     "  \"tests\": [ { \"name\": \"t\",\n"
     "    \"packets\": [ { \"ip\": [\"10.0.0.1\", \"10.0.0.2\"], \"tcp\": { \"dstport\": "
     "23 } } ],\n"
     "    \"expect\": [ { \"rule\": \"telnet\" } ] } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": 23 },\n"
     "      \"verdict\": \"drop\" } ],\n"
     "  \"tests\": [ { \"name\": \"t\",\n"
     "    \"packets\": [ { \"ip\": [\"10.0.0.1\", \"10.0.0.2\"], \"tcp\": { \"dstport\": "
     "23 } } ],\n"
     "    \"expect\": [ { \"rule\": \"a\" } ] } ] }"},
    {CODE_RULETEST,
     "What the test describes cannot be run: other numbers of packets and expectations, "
     "addresses of two versions, ...",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": 23 },\n"
     "      \"verdict\": \"drop\" } ],\n"
     "  \"tests\": [ { \"name\": \"t\",\n"
     "    \"packets\": [ { \"ip\": [\"10.0.0.1\", \"10.0.0.2\"], \"tcp\": { \"dstport\": "
     "23 } } ],\n"
     "    \"expect\": [ { \"rule\": \"a\" }, { \"rule\": \"a\" } ] } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": 23 },\n"
     "      \"verdict\": \"drop\" } ],\n"
     "  \"tests\": [ { \"name\": \"t\",\n"
     "    \"packets\": [ { \"ip\": [\"10.0.0.1\", \"10.0.0.2\"], \"tcp\": { \"dstport\": "
     "23 } } ],\n"
     "    \"expect\": [ { \"rule\": \"a\" } ] } ] }"},
    {CODE_DOCUMENT,
     "A case, a file of answers or another JSON file of pktmod has a value that cannot be "
     "used; the message says which and why.",
     NULL, NULL},
};

const size_t pmr_texts_meaning_count = sizeof pmr_texts_meaning / sizeof pmr_texts_meaning[0];
