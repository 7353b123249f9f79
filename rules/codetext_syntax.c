/* codetext_syntax.c - what codes 1xx mean: how the file is written. */
#include "codetext.h"

const struct code_text pmr_texts_syntax[] = {
    {CODE_UNREADABLE,
     "The file is not there, is a folder, or may not be read by this user. Nothing of it "
     "was looked at.",
     NULL, NULL},
    {CODE_TOO_LARGE,
     "A rule file has at most 64 MiB. Long lists of addresses or ports belong into set "
     "files (\"file\" of a set), which may be of any length.",
     NULL, NULL},
    {CODE_ENCODING,
     "Rule files are UTF-8 without a byte-order mark. Editors that write UTF-16, or begin "
     "files with a mark, can be told not to. What is shown here begins with the mark.",
     "\xef\xbb\xbf"
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": 23 },\n"
     "      \"verdict\": \"drop\" } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": 23 },\n"
     "      \"verdict\": \"drop\" } ] }"},
    {CODE_SYNTAX,
     "The text is no JSON: a comma too many or too few, a key without quotes, a wrong "
     "bracket. The place is where reading could not go on; the cause may stand just before "
     "it.",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": 23 },\n"
     "      \"verdict\": \"drop\" }, ] }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": 23 },\n"
     "      \"verdict\": \"drop\" } ] }"},
    {CODE_UNFINISHED,
     "The file ends while a bracket or a string is still open. Usually something was cut "
     "off, or a closing bracket is missing far above.",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": 23 },\n"
     "      \"verdict\": \"drop\" } ] ",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": 23 },\n"
     "      \"verdict\": \"drop\" } ] }"},
    {CODE_TRAILING,
     "A file holds one value, and that has ended. A closing bracket too many is the usual "
     "cause.",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": 23 },\n"
     "      \"verdict\": \"drop\" } ] } }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": 23 },\n"
     "      \"verdict\": \"drop\" } ] }"},
    {CODE_COMMENT,
     "JSON has no comments, and other programs would refuse the file too. Every rule may "
     "have a \"note\".",
     "{ \"pktmod\": 1,\n"
     "  // no telnet\n"
     "  \"rules\": [] }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": 23 },\n"
     "      \"note\": \"no telnet\", \"verdict\": \"drop\" } ] }"},
    {CODE_NUMBER,
     "JSON numbers are decimal, without a leading zero or plus, and fit a double. Ranges "
     "and addresses are texts: \"80-90\".",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"ip.ttl\": 064 },\n"
     "      \"verdict\": \"drop\" } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"ip.ttl\": 64 },\n"
     "      \"verdict\": \"drop\" } ] }"},
    {CODE_STRING,
     "Control characters are written \\n, \\t or \\u0009 in a string, a backslash is \\\\, "
     "and \\u0000 is not allowed. In a regex that means \\\\d for \\d.",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"payload\": { \"regex\": \"\\d+\" } },\n"
     "      \"verdict\": { \"reject\": \"auto\" } } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"payload\": { \"regex\": \"\\\\d+\" } },\n"
     "      \"verdict\": { \"reject\": \"auto\" } } ] }"},
    {CODE_DEPTH,
     "Values nest at most 64 deep. A condition that needs more can be written flatter: "
     "lists in a test mean \"any of\", members of an object \"all of\".",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"not\": { \"not\": { \"not\": { \"not\": { "
     "\"not\": { \"not\": { \"not\": { \"not\": { \"not\": { \"not\": { \"not\": { "
     "\"not\": { \"not\": { \"not\": { \"not\": { \"not\": { \"not\": { \"not\": { "
     "\"not\": { \"not\": { \"not\": { \"not\": { \"not\": { \"not\": { \"not\": { "
     "\"not\": { \"not\": { \"not\": { \"not\": { \"not\": { \"not\": { \"not\": { "
     "\"not\": { \"not\": { \"not\": { \"not\": { \"not\": { \"not\": { \"not\": { "
     "\"not\": { \"not\": { \"not\": { \"not\": { \"not\": { \"not\": { \"not\": { "
     "\"not\": { \"not\": { \"not\": { \"not\": { \"not\": { \"not\": { \"not\": { "
     "\"not\": { \"not\": { \"not\": { \"not\": { \"not\": { \"not\": { \"not\": { "
     "\"not\": { \"not\": { \"not\": { \"not\": { \"not\": { \"not\": { \"not\": { "
     "\"not\": { \"not\": { \"not\": {} } } } } } } } } } } } } } } } } } } } } } } } } } "
     "} } } } } } } } } } } } } } } } } } } } } } } } } } } } } } } } } } } } } } } } } } "
     "} } },\n"
     "      \"verdict\": \"drop\" } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"not\": { \"tcp.dstport\": 23 } },\n"
     "      \"verdict\": \"drop\" } ] }"},
    {CODE_REPEATED_KEY,
     "An object may have a key once; many JSON readers silently keep only the last one, so "
     "that a condition would be lost. Several values go into a list; the same field twice "
     "goes into \"all\".",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": 23, \"tcp.dstport\": 2323 },\n"
     "      \"verdict\": \"drop\" } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": [23, 2323] },\n"
     "      \"verdict\": \"drop\" } ] }"},
    {CODE_UNKNOWN_KEY,
     "No such key is known here. It is not ignored, since a misspelled key would make a "
     "rule do more, or less, than was meant.",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": 23 },\n"
     "      \"verdikt\": \"drop\", \"verdict\": \"drop\" } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": 23 },\n"
     "      \"verdict\": \"drop\" } ] }"},
    {CODE_UNKNOWN_FIELD,
     "Fields have the names of Wireshark's display filters. The manual lists them.",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dport\": 23 },\n"
     "      \"verdict\": \"drop\" } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": 23 },\n"
     "      \"verdict\": \"drop\" } ] }"},
    {CODE_TYPE,
     "The value is of another JSON type than is needed here: a text for a number, a list "
     "where one value stands, ...",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": \"tcp\",\n"
     "      \"verdict\": \"drop\" } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": 23 },\n"
     "      \"verdict\": \"drop\" } ] }"},
    {CODE_MISSING_KEY,
     "Without this key it is not clear what is meant. Every rule needs an id, a match "
     "(which may be {}), and one of verdict, rewrite and log_only.",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [ { \"match\": {}, \"verdict\": \"drop\" } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": 23 },\n"
     "      \"verdict\": \"drop\" } ] }"},
    {CODE_KEYS_CLASH,
     "Two keys say different things, or a key does not fit beside the others. A rule does "
     "one thing; two things are two rules.",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": 23 },\n"
     "      \"verdict\": \"drop\", \"log_only\": true } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": 23 },\n"
     "      \"log_only\": true },\n"
     "    { \"id\": \"b\", \"match\": { \"tcp.dstport\": 23 },\n"
     "      \"verdict\": \"drop\" } ] }"},
    {CODE_NOT_YET,
     "The language has it, this version does not. It is refused rather than ignored, so "
     "that a file never does less than it says.",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"process.path\": \"/bin/nc\" },\n"
     "      \"verdict\": \"drop\" } ] }",
     "{ \"pktmod\": 1,\n"
     "  \"rules\": [\n"
     "    { \"id\": \"a\", \"match\": { \"tcp.dstport\": 80 },\n"
     "      \"verdict\": \"drop\" } ] }"},
};

const size_t pmr_texts_syntax_count = sizeof pmr_texts_syntax / sizeof pmr_texts_syntax[0];
