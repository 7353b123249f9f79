/* codetext_lint.c - what codes 3xx to 5xx mean: what is hardly meant, and what it costs. */
#include "codetext.h"

const struct code_text pmr_texts_lint[] = {
    {CODE_SHADOWED,
     "The first rule that matches decides. An earlier rule matches everything that this "
     "one does, so it never gets a packet. Either the order is wrong, or the rule is left "
     "over. The packet that is shown is one that both match; the filter was asked.",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"low\", \"match\": { \"tcp.dstport\": \"1-1023\" },\n"
     "      \"verdict\": \"allow\" },\n"
     "    { \"id\": \"telnet\", \"match\": { \"tcp.dstport\": 23 },\n"
     "      \"verdict\": \"drop\" } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"telnet\", \"match\": { \"tcp.dstport\": 23 },\n"
     "      \"verdict\": \"drop\" },\n"
     "    { \"id\": \"low\", \"match\": { \"tcp.dstport\": \"1-1023\" },\n"
     "      \"verdict\": \"allow\" } ] }"},
    {CODE_SHADOWED_TOGETHER,
     "No single rule takes all of this one's packets, but several before it do together, "
     "so it never decides.",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"low\", \"match\": { \"tcp.dstport\": \"1-500\" },\n"
     "      \"verdict\": \"allow\" },\n"
     "    { \"id\": \"high\", \"match\": { \"tcp.dstport\": \"501-1023\" },\n"
     "      \"verdict\": \"allow\" },\n"
     "    { \"id\": \"middle\", \"match\": { \"tcp.dstport\": \"490-510\" },\n"
     "      \"verdict\": \"drop\" } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"middle\", \"match\": { \"tcp.dstport\": \"490-510\" },\n"
     "      \"verdict\": \"drop\" },\n"
     "    { \"id\": \"low\", \"match\": { \"tcp.dstport\": \"1-1023\" },\n"
     "      \"verdict\": \"allow\" } ] }"},
    {CODE_BEHIND_ALL,
     "A rule with an empty match takes every packet. Nothing behind it is ever asked, so "
     "it stands last; or it is \"policy\": { \"default\": ... }.",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"rest\", \"match\": {},\n"
     "      \"verdict\": \"allow\" },\n"
     "    { \"id\": \"telnet\", \"match\": { \"tcp.dstport\": 23 },\n"
     "      \"verdict\": \"drop\" } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"telnet\", \"match\": { \"tcp.dstport\": 23 },\n"
     "      \"verdict\": \"drop\" },\n"
     "    { \"id\": \"rest\", \"match\": {},\n"
     "      \"verdict\": \"allow\" } ] }"},
    {CODE_PARTLY_SHADOWED,
     "The two rules name overlapping values of the same field and decide differently. An "
     "exception inside a rule, or two rules about different fields, are common and not "
     "told; an overlap like this is seldom meant. The packet that is shown gets the "
     "earlier verdict.",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": \"1-1000\" },\n"
     "      \"verdict\": \"allow\" },\n"
     "    { \"id\": \"b\", \"match\": { \"tcp.dstport\": \"500-2000\" },\n"
     "      \"verdict\": \"drop\" } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": \"1-1000\" },\n"
     "      \"verdict\": \"allow\" },\n"
     "    { \"id\": \"b\", \"match\": { \"tcp.dstport\": \"1001-2000\" },\n"
     "      \"verdict\": \"drop\" } ] }"},
    {CODE_NEVER_HOLDS,
     "All members of a match have to hold at once. A packet is TCP or UDP, IPv4 or IPv6; "
     "it has one port to and one port from. What was meant is probably \"any\".",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": 53, \"udp.dstport\": 53 },\n"
     "      \"verdict\": \"drop\" } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"any\": [ { \"tcp.dstport\": 53 }, { "
     "\"udp.dstport\": 53 } ] },\n"
     "      \"verdict\": \"drop\" } ] }"},
    {CODE_ALWAYS_HOLDS,
     "Wherever the conditions beside it hold, this one does too, so it changes nothing. It "
     "may be left over, or another value was meant. ip.proto and ip.version are not told "
     "of: they only say what the others imply.",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"ip.src\": \"10.1.2.3\", \"ip.addr\": "
     "\"10.0.0.0/8\" },\n"
     "      \"verdict\": \"drop\" } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"ip.src\": \"10.1.2.3\" },\n"
     "      \"verdict\": \"drop\" } ] }"},
    {CODE_SWALLOWED,
     "An item of \"any\" adds nothing, since another one holds for all its packets.",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"any\": [ { \"tcp.dstport\": \"1-1023\" }, { "
     "\"tcp.dstport\": 80 } ] },\n"
     "      \"verdict\": \"drop\" } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": \"1-1023\" },\n"
     "      \"verdict\": \"drop\" } ] }"},
    {CODE_VALUE_TWICE,
     "A value stands in the list twice, or inside a range or network that is there too. It "
     "does no harm, but often another value was meant.",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": [80, 443, 80] },\n"
     "      \"verdict\": \"drop\" } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": [80, 443] },\n"
     "      \"verdict\": \"drop\" } ] }"},
    {CODE_UNUSED,
     "No rule of the file uses the name. Either a rule is missing, or it is left over. "
     "Names of included files are not told of.",
     "{ \"pktmod\": 1,\n"
     "  \"vars\": { \"mail\": 25 },\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": 25 },\n"
     "      \"verdict\": \"drop\" } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"vars\": { \"mail\": 25 },\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": \"$mail\" },\n"
     "      \"verdict\": \"drop\" } ] }"},
    {CODE_SET_TWICE,
     "All rewrites that match apply, in the order of the file: the last value counts. "
     "Where the later rule matches all that the earlier one does, the earlier one is for "
     "nothing. A general rule and a narrower one behind it are an exception, and not told.",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"net\", \"match\": { \"ip.dst\": \"192.0.2.0/24\" },\n"
     "      \"rewrite\": [ { \"set\": { \"ip.ttl\": 3 } } ] },\n"
     "    { \"id\": \"rest\", \"match\": {},\n"
     "      \"rewrite\": [ { \"set\": { \"ip.ttl\": 9 } } ] } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"rest\", \"match\": {},\n"
     "      \"rewrite\": [ { \"set\": { \"ip.ttl\": 9 } } ] },\n"
     "    { \"id\": \"net\", \"match\": { \"ip.dst\": \"192.0.2.0/24\" },\n"
     "      \"rewrite\": [ { \"set\": { \"ip.ttl\": 3 } } ] } ] }"},
    {CODE_NEVER_REWRITES,
     "A packet that is dropped or rejected is not rewritten, and neither is one that an "
     "allow with \"final\" lets pass. All packets of this rule are such ones.",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"no-web\", \"match\": { \"tcp.dstport\": 80 },\n"
     "      \"verdict\": \"drop\" },\n"
     "    { \"id\": \"swap\", \"match\": { \"tcp.dstport\": 80, \"dir\": \"out\" },\n"
     "      \"rewrite\": [ { \"replace\": { \"find\": \"one\", \"with\": \"two\" } } ] } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"no-web\", \"match\": { \"tcp.dstport\": 80, \"ip.dst\": "
     "\"192.0.2.1\" },\n"
     "      \"verdict\": \"drop\" },\n"
     "    { \"id\": \"swap\", \"match\": { \"tcp.dstport\": 80, \"dir\": \"out\" },\n"
     "      \"rewrite\": [ { \"replace\": { \"find\": \"one\", \"with\": \"two\" } } ] } ] }"},
    {CODE_DISABLED_RULE,
     "The test expects a verdict or hits of a rule with \"enabled\": false, which is left "
     "out: the test cannot succeed.",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": 23 },\n"
     "      \"verdict\": \"drop\", \"enabled\": false } ],\n"
     "  \"tests\": [ { \"name\": \"t\",\n"
     "    \"packets\": [ { \"ip\": [\"10.0.0.1\", \"10.0.0.2\"], \"tcp\": { \"dstport\": "
     "23 } } ],\n"
     "    \"expect\": [ { \"rule\": \"a\" } ] } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": 23 },\n"
     "      \"verdict\": \"drop\" } ],\n"
     "  \"tests\": [ { \"name\": \"t\",\n"
     "    \"packets\": [ { \"ip\": [\"10.0.0.1\", \"10.0.0.2\"], \"tcp\": { \"dstport\": "
     "23 } } ],\n"
     "    \"expect\": [ { \"rule\": \"a\" } ] } ] }"},
    {CODE_LINT_STOPPED,
     "Comparing rules takes time that grows with their number, so lint does a bounded "
     "amount of it. What was told is right; there may be more. Fewer ranges and lists in "
     "rules, or several files, help.",
     NULL, NULL},
    {CODE_NO_REJECT,
     "NEFilterPacketProvider can allow, drop or delay a packet, but has no way to send "
     "one. A reject becomes a drop, and the sender waits until it times out.",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": 25 },\n"
     "      \"verdict\": { \"reject\": \"auto\" } } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": 25 },\n"
     "      \"verdict\": \"drop\" } ] }"},
    {CODE_DELAYED_POOL,
     "macOS keeps a pool of 8192 packets for each interface; packets that are delayed or "
     "wait for an answer take from it, and when it is empty the kernel drops others.",
     "{ \"pktmod\": 1,\n"
     "  \"policy\": { \"delayed_packets\": 8000 },\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"udp.dstport\": 53 },\n"
     "      \"verdict\": { \"delay\": { \"ms\": 100 } } } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"policy\": { \"delayed_packets\": 1000 },\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"udp.dstport\": 53 },\n"
     "      \"verdict\": { \"delay\": { \"ms\": 100 } } } ] }"},
    {CODE_NO_LOOPBACK,
     "Packet filters of macOS are attached to Ethernet, utun and ipsec interfaces only; "
     "what goes over lo0 is never seen.",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"ip.dst\": \"127.0.0.0/8\" },\n"
     "      \"verdict\": \"drop\" } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"ip.dst\": \"192.0.2.0/24\" },\n"
     "      \"verdict\": \"drop\" } ] }"},
    {CODE_NO_LINK,
     "Packets that are rewritten come through a tunnel interface, and begin with IP. There "
     "is no Ethernet header, and no VLAN tag, to test or to set.",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"ip.dst\": \"192.0.2.0/24\" },\n"
     "      \"rewrite\": [ { \"set\": { \"eth.dst\": \"02:00:00:00:00:01\" } } ] } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"ip.dst\": \"192.0.2.0/24\" },\n"
     "      \"rewrite\": [ { \"set\": { \"ip.ttl\": 9 } } ] } ] }"},
    {CODE_NO_INTERFACE,
     "In the tunnel every packet has the tunnel's interface, whichever it will leave by; "
     "and a capture names interfaces only if it is a pcapng file.",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"interface\": \"eth0\", \"ip.dst\": "
     "\"192.0.2.0/24\" },\n"
     "      \"rewrite\": [ { \"set\": { \"ip.ttl\": 9 } } ] } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"dir\": \"out\", \"ip.dst\": \"192.0.2.0/24\" },\n"
     "      \"rewrite\": [ { \"set\": { \"ip.ttl\": 9 } } ] } ] }"},
    {CODE_NOT_CARRIED,
     "On an end host what is rewritten goes on through ordinary sockets. They carry TCP, "
     "UDP and ICMP echo; other protocols need a machine that forwards.",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"ip.proto\": 47, \"ip.dst\": \"192.0.2.0/24\" },\n"
     "      \"rewrite\": [ { \"set\": { \"ip.ttl\": 9 } } ] } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"ip.proto\": 17, \"ip.dst\": \"192.0.2.0/24\" },\n"
     "      \"rewrite\": [ { \"set\": { \"ip.ttl\": 9 } } ] } ] }"},
    {CODE_REFLECTED,
     "On an end host the tunnel ends a TCP connection and opens one of its own to the "
     "server, so TCP options, windows and segment borders are those of the kernel. The "
     "change is seen by the application, not by the network.",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"ip.dst\": \"192.0.2.0/24\" },\n"
     "      \"rewrite\": [ { \"tcp_options\": { \"mss\": { \"max\": 1200 } } } ] } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"ip.dst\": \"192.0.2.0/24\" },\n"
     "      \"rewrite\": [ { \"replace\": { \"find\": \"one\", \"with\": \"two\" } } ] } ] }"},
    {CODE_DEFAULT_ROUTE,
     "Only what a rule may rewrite is led into the tunnel. A rule without a destination "
     "may rewrite anything, so everything has to go through it, which costs time and "
     "carries less than the plain way.",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": 80 },\n"
     "      \"rewrite\": [ { \"replace\": { \"find\": \"one\", \"with\": \"two\" } } ] } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": 80, \"ip.dst\": \"192.0.2.0/24\" },\n"
     "      \"rewrite\": [ { \"replace\": { \"find\": \"one\", \"with\": \"two\" } } ] } ] }"},
    {CODE_TUNNEL_DOWN,
     "While the tunnel starts, stops or has failed, packets take their usual way and no "
     "rule rewrites them. Where something must never leave as it is, \"on_tunnel_down\": "
     "\"drop\" keeps it back.",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"ip.dst\": \"192.0.2.0/24\" },\n"
     "      \"rewrite\": [ { \"replace\": { \"find\": \"one\", \"with\": \"two\" } } ] } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"policy\": { \"on_tunnel_down\": \"drop\" },\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"ip.dst\": \"192.0.2.0/24\" },\n"
     "      \"rewrite\": [ { \"replace\": { \"find\": \"one\", \"with\": \"two\" } } ] } ] }"},
    {CODE_NO_ANSWERS,
     "Nobody is there to answer while a capture is replayed, so on_timeout decides about "
     "every packet. pktmod replay --answers FILE plays answers from a file.",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"udp.dstport\": 53 },\n"
     "      \"verdict\": { \"ask\": { \"timeout_ms\": 1000, \"on_timeout\": \"drop\" } } } "
     "] }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"udp.dstport\": 53 },\n"
     "      \"verdict\": \"drop\" } ] }"},
    {CODE_NO_MEMORY, "There was not enough memory to load the file. Nothing is loaded in part.",
     NULL, NULL},
    {CODE_OPEN_REGEX,
     "An expression that begins with .* is tried at every byte of every payload, each time "
     "to the end of the line, and in a stream everything before a match waits. Finds are "
     "looked for anywhere, so the .* is not needed.",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"udp.dstport\": 514, \"payload\": { \"regex\": "
     "\".*password=\" } },\n"
     "      \"verdict\": \"drop\" } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"udp.dstport\": 514, \"payload\": { \"regex\": "
     "\"password=\" } },\n"
     "      \"verdict\": \"drop\" } ] }"},
    {CODE_UNBOUNDED_REGEX,
     "What the expression matches has no end of its own, so it is cut where \"max_match\" "
     "ends: at 1024 bytes if it is not said. A longer match is not made, and counted as "
     "match_too_long.",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": 80 },\n"
     "      \"rewrite\": [ { \"replace\": { \"regex\": \"<b>[\\\\s\\\\S]*</b>\", \"with\": "
     "\"\" } } ] } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": 80 },\n"
     "      \"rewrite\": [ { \"replace\": { \"regex\": \"<b>[^<]*</b>\", \"with\": \"\" } "
     "} ] } ] }"},
    {CODE_LONG_HOLD,
     "Bytes that may still become a match wait for what follows, and are not acknowledged. "
     "A live sender repeats them after about a second, and gives up in the end. For "
     "replays of slow captures a long hold_ms is fine: --platform replay.",
     "{ \"pktmod\": 1,\n"
     "  \"policy\": { \"hold_ms\": 60000 },\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": 80 },\n"
     "      \"rewrite\": [ { \"replace\": { \"find\": \"one\", \"with\": \"two\" } } ] } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"policy\": { \"hold_ms\": 100 },\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": 80 },\n"
     "      \"rewrite\": [ { \"replace\": { \"find\": \"one\", \"with\": \"two\" } } ] } ] }"},
    {CODE_STALLS,
     "Dropping a segment for what is in it does not end the connection: its sender sends "
     "it again, for minutes, and it is dropped again. A reject ends it at once, and both "
     "ends know.",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": 80, \"payload\": \"forbidden\" },\n"
     "      \"verdict\": \"drop\" } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": 80, \"payload\": \"forbidden\" },\n"
     "      \"verdict\": { \"reject\": \"auto\" } } ] }"},
    {CODE_CIPHERTEXT,
     "On these ports TLS, SSH or QUIC is spoken. What is looked for is there only in "
     "encrypted form, so it is never found. Names in TLS hellos are an exception, for "
     "verdicts.",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": 443 },\n"
     "      \"rewrite\": [ { \"replace\": { \"find\": \"secret\", \"with\": \"\" } } ] } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": 80 },\n"
     "      \"rewrite\": [ { \"replace\": { \"find\": \"secret\", \"with\": \"\" } } ] } ] }"},
    {CODE_MANY_REGEXES,
     "Every expression that gets as far is tried on every payload, one after the other. "
     "Fixed texts in a set of type bytes are looked for all at once, however many they are.",
     NULL, NULL},
};

const size_t pmr_texts_lint_count = sizeof pmr_texts_lint / sizeof pmr_texts_lint[0];
