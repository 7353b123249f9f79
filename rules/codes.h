/* codes.h - the stable numbers of diagnostics.
 *
 * 1xx how the file is written, 2xx what it means, 3xx what can be reached, 4xx what the platform
 * can do, 5xx what it costs. A number keeps its meaning for ever; README.md lists them. */
#ifndef PMR_CODES_H
#define PMR_CODES_H

#define PMR_CODE_MAP(X)                                                                            \
    X(UNREADABLE, "PKM100", "the file cannot be read")                                             \
    X(TOO_LARGE, "PKM101", "the file is larger than 64 MiB")                                       \
    X(ENCODING, "PKM102", "the text is not plain UTF-8, or begins with a byte-order mark")         \
    X(SYNTAX, "PKM103", "something else is expected here")                                         \
    X(UNFINISHED, "PKM104", "the text ends, or a string does not, before it is complete")          \
    X(TRAILING, "PKM105", "there is more text behind the value")                                   \
    X(COMMENT, "PKM106", "JSON has no comments")                                                   \
    X(NUMBER, "PKM107", "that is not a JSON number, or too large for one")                         \
    X(STRING, "PKM108", "a string holds a character or an escape that JSON does not allow")        \
    X(DEPTH, "PKM109", "values are nested deeper than 64")                                         \
    X(REPEATED_KEY, "PKM110", "an object has the same key twice")                                  \
    X(UNKNOWN_KEY, "PKM111", "no such key in this object")                                         \
    X(UNKNOWN_FIELD, "PKM112", "no such field")                                                    \
    X(TYPE, "PKM113", "a value of another type is expected")                                       \
    X(MISSING_KEY, "PKM114", "a required key is missing")                                          \
    X(KEYS_CLASH, "PKM115", "keys that exclude each other, or that do not fit here")               \
    X(NOT_YET, "PKM116", "part of the language, but not of this version")                          \
    X(RANGE, "PKM201", "the number is out of range")                                               \
    X(INTEGRAL, "PKM202", "a whole number is expected")                                            \
    X(WORD, "PKM203", "none of the words that are possible here")                                  \
    X(ADDRESS, "PKM204", "not an address or addr/len")                                             \
    X(MAC, "PKM205", "not an Ethernet address")                                                    \
    X(INTERVAL, "PKM206", "not a range \"lo-hi\", or an empty one")                                \
    X(BYTES, "PKM207", "not hex or base64")                                                        \
    X(EMPTY, "PKM208", "empty where something is needed")                                          \
    X(UNKNOWN_VAR, "PKM209", "no such variable")                                                   \
    X(UNKNOWN_SET, "PKM210", "no such set")                                                        \
    X(SET_KIND, "PKM211", "the set holds another kind of value than the field")                    \
    X(TEST_KIND, "PKM212", "the field cannot be tested like that")                                 \
    X(NAME, "PKM213", "not a possible id or name")                                                 \
    X(REPEATED_ID, "PKM214", "two rules have the same id")                                         \
    X(REPEATED_NAME, "PKM215", "two variables or two sets have the same name")                     \
    X(BPF, "PKM216", "libpcap refuses the expression")                                             \
    X(NOT_SETTABLE, "PKM217", "the field cannot be set, or not be added to")                       \
    X(USE_NAT, "PKM218", "setting it would break TCP connections; that is what nat is for")        \
    X(INCLUDE, "PKM219", "files include each other in a circle, twice, or too deep")               \
    X(VERSION, "PKM220", "the file is for another version of the language")                        \
    X(SET_FILE, "PKM221", "the file of a set cannot be used")                                      \
    X(DOMAIN, "PKM222", "not a domain name")                                                       \
    X(LIMIT, "PKM223", "more than the loader takes")                                               \
    X(NO_FILES, "PKM224", "text that is not in a file may not name other files")                   \
    X(REFUSED, "PKM225", "the library refuses the policy")                                         \
    X(HOST_BITS, "PKM226", "warning: the address has bits behind its prefix length")               \
    X(NOT_RUN, "PKM227", "not told any more (tests in a rule file are run)")                       \
    X(REGEX, "PKM228", "a regex, or what its finds are replaced with, cannot be used")             \
    X(KEY_FIELD, "PKM229", "packets cannot be kept apart by the field")                            \
    X(RATE, "PKM230", "not a rate like \"10/s\"")                                                  \
    X(HOURS, "PKM231", "not a day or a time of day, or no time at all")                            \
    X(ZONE, "PKM232", "the time zone is not known, or its data cannot be used")                    \
    X(MODIFIER, "PKM233", "the modifier does not fit what the rule does")                          \
    X(LENGTH, "PKM234", "what is put in does not have the length that is asked for")               \
    X(HEADER, "PKM236", "not a header line or a status that an HTTP message may get")              \
    X(UNKNOWN_RULE, "PKM241", "no such rule")                                                      \
    X(RULETEST, "PKM242", "the test cannot be run as it stands")                                   \
    X(DOCUMENT, "PKM240", "a value of a file that is not a rule file cannot be used")              \
    X(SHADOWED, "PKM301", "an earlier rule decides about all packets of this one")                 \
    X(SHADOWED_TOGETHER, "PKM302", "earlier rules together decide about all packets of this one")  \
    X(BEHIND_ALL, "PKM303", "a rule for every packet stands before it")                            \
    X(PARTLY_SHADOWED, "PKM304", "an earlier rule overlaps crosswise and decides otherwise")       \
    X(NEVER_HOLDS, "PKM305", "no packet fits the conditions")                                      \
    X(ALWAYS_HOLDS, "PKM306", "the condition goes without saying beside the others")               \
    X(SWALLOWED, "PKM307", "another item of the list holds wherever this one does")                \
    X(VALUE_TWICE, "PKM308", "a value is in the list twice, or inside another one")                \
    X(UNUSED, "PKM309", "nothing uses the variable or the set")                                    \
    X(SET_TWICE, "PKM310", "two rewrites set the same field of the same packets")                  \
    X(NEVER_REWRITES, "PKM311", "verdicts keep all packets from being rewritten")                  \
    X(DISABLED_RULE, "PKM312", "a test expects something of a rule that is not enabled")           \
    X(LINT_STOPPED, "PKM399", "lint stopped before it had compared everything")                    \
    X(NO_REJECT, "PKM401", "the platform cannot tell senders of a reject")                         \
    X(DELAYED_POOL, "PKM402", "more packets are delayed than the platform holds")                  \
    X(NO_LOOPBACK, "PKM403", "the platform shows no loopback packets")                             \
    X(NO_LINK, "PKM404", "packets in the tunnel have no link header")                              \
    X(NO_INTERFACE, "PKM405", "there are no interface names to test")                              \
    X(NOT_CARRIED, "PKM406", "the tunnel does not carry the protocol")                             \
    X(REFLECTED, "PKM407", "the change does not leave the tunnel")                                 \
    X(DEFAULT_ROUTE, "PKM408", "a rewrite needs all traffic in the tunnel")                        \
    X(TUNNEL_DOWN, "PKM409", "while the tunnel is down, nothing is rewritten")                     \
    X(NO_ANSWERS, "PKM410", "nobody answers in a replay")                                          \
    X(NO_MEMORY, "PKM500", "not enough memory to load the file")                                   \
    X(OPEN_REGEX, "PKM501", "an expression begins with anything, and is tried at every byte")      \
    X(UNBOUNDED_REGEX, "PKM502", "an expression has no end of its own")                            \
    X(LONG_HOLD, "PKM503", "bytes wait longer than live senders do")                               \
    X(STALLS, "PKM504", "dropping data stalls a TCP connection")                                   \
    X(CIPHERTEXT, "PKM505", "what is looked for passes encrypted only")                            \
    X(MANY_REGEXES, "PKM506", "many expressions are tried on the same payloads")

enum code {
#define PMR_CODE_ENUM(id, name, text) CODE_##id,
    PMR_CODE_MAP(PMR_CODE_ENUM)
#undef PMR_CODE_ENUM
        CODE_COUNT
};

const char *pmr_code_name(enum code code);    /* "PKM112" */
const char *pmr_code_meaning(enum code code); /* one line, for lists */

#endif
