/* policy.h - how a program builds a policy: fields, conditions, rules, sets.
 *
 * A policy is made once with a builder, is immutable afterwards, and is shared by reference count.
 * The JSON loader (rules/) is one user of this door; a program may build its policy without JSON.
 *
 *     struct pm_builder *b = pm_builder_new();
 *     pm_cond_id telnet = pm_cond_test(b, PM_FIELD_TCP_DSTPORT, &(struct pm_value){
 *         .kind = PM_VALUE_RANGE, .range = {23, 23}}, 1);
 *     pm_builder_add_rule(b, &(struct pm_rule_spec){.id = "telnet", .match = telnet,
 *         .action = PM_ACTION_DROP});
 *     struct pm_policy *p = pm_builder_finish(b, &error);    // frees the builder
 *
 * Ownership: everything handed to the builder is copied. A builder call that runs out of memory
 * remembers it, the calls after it do nothing, and pm_builder_finish() reports it; so callers check
 * once, at the end.
 */
#ifndef PKTMOD_POLICY_H
#define PKTMOD_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How set-up can fail. Packets never fail; see enum pm_why in pktmod.h. */
enum pm_status {
    PM_OK,
    PM_NO_MEMORY,
    PM_INVALID, /* an argument is out of its range; the text says which */
};

struct pm_error {
    enum pm_status status;
    char text[256];
};

/* An address as it stands on the wire; IPv4 uses the first four bytes. */
struct pm_addr {
    uint8_t bytes[16];
    uint8_t version; /* 4 or 6 */
};

/* The addresses that begin with these bits: 0..32 or 0..128 of them. */
struct pm_prefix {
    struct pm_addr addr;
    uint8_t bits;
};

/* ------------------------------------------------------------------ fields */

/* Kinds of field, which say what values a test on it may have. */
enum pm_kind {
    PM_KIND_UINT,  /* RANGE, MASK, SET (port) */
    PM_KIND_FLAG,  /* RANGE over 0..1 */
    PM_KIND_ENUM,  /* RANGE; names in pm_field_info.names */
    PM_KIND_ADDR,  /* PREFIX, SET (cidr) */
    PM_KIND_MAC,   /* MAC */
    PM_KIND_TEXT,  /* BYTES against the whole text, SET (string), REGEX anywhere in it */
    PM_KIND_BYTES, /* BYTES anywhere in it, SET (bytes), REGEX anywhere in it */
    PM_KIND_BPF,   /* BPF */
};

/* Every field of the language: constant, Wireshark name, kind, largest value, flags.
 * F flow-constant: the same for all packets of one side of a flow
 * S a rewrite may set it          A a rewrite may add to it          N a nat may map it */
#define PM_FIELD_MAP(X)                                                                            \
    X(DIR, "dir", ENUM, 1, F)                                                                      \
    X(FLOW, "flow", ENUM, 1, F)                                                                    \
    X(FLOW_NEW, "flow.new", FLAG, 1, 0)                                                            \
    X(INTERFACE, "interface", TEXT, 0, 0)                                                          \
    X(BPF, "bpf", BPF, 0, 0)                                                                       \
    X(FRAME_LEN, "frame.len", UINT, 0xffffffffu, 0)                                                \
    X(ETH_SRC, "eth.src", MAC, 0, S)                                                               \
    X(ETH_DST, "eth.dst", MAC, 0, S)                                                               \
    X(ETH_TYPE, "eth.type", UINT, 0xffff, 0)                                                       \
    X(VLAN_ID, "vlan.id", UINT, 4095, F | S)                                                       \
    X(VLAN_PRIORITY, "vlan.priority", UINT, 7, S)                                                  \
    X(VLAN_DEI, "vlan.dei", FLAG, 1, S)                                                            \
    X(IP_VERSION, "ip.version", UINT, 15, F)                                                       \
    X(IP_SRC, "ip.src", ADDR, 0, F | S | N)                                                        \
    X(IP_DST, "ip.dst", ADDR, 0, F | S | N)                                                        \
    X(IP_ADDR, "ip.addr", ADDR, 0, F)                                                              \
    X(IP_PROTO, "ip.proto", UINT, 255, F)                                                          \
    X(IP_TTL, "ip.ttl", UINT, 255, S | A)                                                          \
    X(IP_DSFIELD, "ip.dsfield", UINT, 255, S | A)                                                  \
    X(IP_DSCP, "ip.dsfield.dscp", UINT, 63, S | A)                                                 \
    X(IP_ECN, "ip.dsfield.ecn", UINT, 3, S)                                                        \
    X(IP_ID, "ip.id", UINT, 0xffff, S | A)                                                         \
    X(IP_DF, "ip.flags.df", FLAG, 1, S)                                                            \
    X(IP_MF, "ip.flags.mf", FLAG, 1, 0)                                                            \
    X(IP_LEN, "ip.len", UINT, 0xffffffffu, 0)                                                      \
    X(IPV6_FLOW, "ipv6.flow", UINT, 0xfffff, S)                                                    \
    X(TCP_SRCPORT, "tcp.srcport", UINT, 0xffff, F | N)                                             \
    X(TCP_DSTPORT, "tcp.dstport", UINT, 0xffff, F | N)                                             \
    X(TCP_PORT, "tcp.port", UINT, 0xffff, F)                                                       \
    X(TCP_FLAGS, "tcp.flags", UINT, 0xfff, 0)                                                      \
    X(TCP_FLAGS_FIN, "tcp.flags.fin", FLAG, 1, 0)                                                  \
    X(TCP_FLAGS_SYN, "tcp.flags.syn", FLAG, 1, 0)                                                  \
    X(TCP_FLAGS_RST, "tcp.flags.reset", FLAG, 1, 0)                                                \
    X(TCP_FLAGS_PSH, "tcp.flags.push", FLAG, 1, S)                                                 \
    X(TCP_FLAGS_ACK, "tcp.flags.ack", FLAG, 1, 0)                                                  \
    X(TCP_FLAGS_URG, "tcp.flags.urg", FLAG, 1, 0)                                                  \
    X(TCP_FLAGS_ECE, "tcp.flags.ece", FLAG, 1, S)                                                  \
    X(TCP_FLAGS_CWR, "tcp.flags.cwr", FLAG, 1, S)                                                  \
    X(TCP_SEQ, "tcp.seq", UINT, 0xffffffffu, 0)                                                    \
    X(TCP_ACK, "tcp.ack", UINT, 0xffffffffu, 0)                                                    \
    X(TCP_WINDOW, "tcp.window_size", UINT, 0xffff, S | A)                                          \
    X(TCP_URGENT, "tcp.urgent_pointer", UINT, 0xffff, 0)                                           \
    X(TCP_MSS, "tcp.options.mss", UINT, 0xffff, 0)                                                 \
    X(TCP_LEN, "tcp.len", UINT, 0xffffffffu, 0)                                                    \
    X(UDP_SRCPORT, "udp.srcport", UINT, 0xffff, F | S | N)                                         \
    X(UDP_DSTPORT, "udp.dstport", UINT, 0xffff, F | S | N)                                         \
    X(UDP_PORT, "udp.port", UINT, 0xffff, F)                                                       \
    X(UDP_LENGTH, "udp.length", UINT, 0xffff, 0)                                                   \
    X(L4_SRCPORT, "l4.srcport", UINT, 0xffff, F | N)                                               \
    X(L4_DSTPORT, "l4.dstport", UINT, 0xffff, F | N)                                               \
    X(L4_PORT, "l4.port", UINT, 0xffff, F)                                                         \
    X(ICMP_TYPE, "icmp.type", UINT, 255, S)                                                        \
    X(ICMP_CODE, "icmp.code", UINT, 255, S)                                                        \
    X(ICMP_IDENT, "icmp.ident", UINT, 0xffff, S | N)                                               \
    X(ICMP_SEQ, "icmp.seq", UINT, 0xffff, S | A)                                                   \
    X(DNS_RESPONSE, "dns.flags.response", FLAG, 1, 0)                                              \
    X(DNS_RCODE, "dns.flags.rcode", UINT, 15, 0)                                                   \
    X(DNS_QRY_NAME, "dns.qry.name", TEXT, 0, D)                                                    \
    X(DNS_QRY_TYPE, "dns.qry.type", UINT, 0xffff, 0)                                               \
    X(DNS_A, "dns.a", ADDR, 0, 0)                                                                  \
    X(DNS_AAAA, "dns.aaaa", ADDR, 0, 0)                                                            \
    X(TLS_NAME, "tls.handshake.extensions_server_name", TEXT, 0, D)                                \
    X(TLS_ALPN, "tls.handshake.extensions_alpn_str", TEXT, 0, 0)                                   \
    X(TLS_VERSION, "tls.handshake.version", UINT, 0xffff, 0)                                       \
    X(TLS_SUPPORTED, "tls.handshake.extensions.supported_version", UINT, 0xffff, 0)                \
    X(TLS_EXTENSION, "tls.handshake.extension.type", UINT, 0xffff, 0)                              \
    X(TLS_JA3, "tls.handshake.ja3", TEXT, 0, 0)                                                    \
    X(TLS_JA4, "tls.handshake.ja4", TEXT, 0, 0)                                                    \
    X(HTTP_HOST, "http.host", TEXT, 0, 0)                                                          \
    X(HTTP_METHOD, "http.request.method", TEXT, 0, 0)                                              \
    X(HTTP_URI, "http.request.uri", TEXT, 0, 0)                                                    \
    X(HTTP_CODE, "http.response.code", UINT, 0xffff, 0)                                            \
    X(HTTP_USER_AGENT, "http.user_agent", TEXT, 0, 0)                                              \
    X(HTTP_HEADER, "http.header", TEXT, 0, 0)                                                      \
    X(PAYLOAD, "payload", BYTES, 0, 0)                                                             \
    X(STREAM, "stream", BYTES, 0, 0)

enum pm_field {
#define PM_FIELD_ENUM(id, name, kind, max, flags) PM_FIELD_##id,
    PM_FIELD_MAP(PM_FIELD_ENUM)
#undef PM_FIELD_ENUM
        PM_FIELD_COUNT
};

struct pm_field_info {
    const char *name; /* the Wireshark display-filter name */
    enum pm_kind kind;
    uint32_t max;             /* largest value of a UINT, FLAG or ENUM */
    const char *const *names; /* ENUM: NULL-terminated, value = index */
    bool flow_constant, settable, addable, mappable;
    bool is_domain; /* a TEXT that is a domain name: small ASCII letters, no dot at its end */
};

const struct pm_field_info *pm_field_info(enum pm_field field);

/* Why a set cannot write the field: a reason that ends the sentence "ip.len cannot be set: ...";
 * NULL: it can. */
const char *pm_field_unsettable(enum pm_field field);

/* Finds a field by its name or an alias (ipv6.src, ipv6.hlim, ...; "tcp.flags.rst" too).
 * False if there is none. */
bool pm_field_find(const char *name, enum pm_field *field);

/* ------------------------------------------------------------------ values and conditions */

enum pm_value_kind {
    PM_VALUE_RANGE,  /* lo <= field <= hi */
    PM_VALUE_MASK,   /* (field & mask) == value */
    PM_VALUE_PREFIX, /* the first `bits` bits of the address are equal (same IP version) */
    PM_VALUE_MAC,
    PM_VALUE_BYTES,
    PM_VALUE_SET, /* a set made with pm_builder_add_set */
    PM_VALUE_BPF, /* a program made with pm_builder_add_bpf */
    PM_VALUE_REGEX,
};

#define PM_NO_LIMIT UINT32_MAX

struct pm_value {
    enum pm_value_kind kind;
    union {
        struct {
            uint32_t lo, hi;
        } range;
        struct {
            uint32_t mask, value;
        } mask;
        struct {
            struct pm_addr addr;
            uint8_t bits; /* 0..32 or 0..128 */
        } prefix;
        uint8_t mac[6];
        struct {
            const uint8_t *bytes;
            uint32_t len;
            uint32_t offset; /* the occurrence begins at or after this byte of the field */
            uint32_t depth;  /* and lies within this many bytes from there; PM_NO_LIMIT */
            bool nocase;     /* ASCII letters only */
            bool whole;      /* TEXT fields: the field is exactly these bytes */
            bool at_end;     /* the field ends with these bytes; not in sets */
        } bytes;
        uint32_t set;
        uint32_t bpf;
        struct {
            const uint8_t *pattern; /* PCRE2's syntax; offsets and options stand in the pattern */
            uint32_t len;
            bool nocase;
        } regex;
    };
};

typedef uint32_t pm_cond_id;
#define PM_COND_TRUE 0u /* matches everything */

enum pm_set_kind { PM_SET_CIDR, PM_SET_PORT, PM_SET_STRING, PM_SET_BYTES, PM_SET_DOMAIN };

/* One classic BPF instruction, as tcpdump -dd prints it. */
struct pm_bpf_insn {
    uint16_t code;
    uint8_t jt, jf;
    uint32_t k;
};

/* ------------------------------------------------------------------ rules */

enum pm_action {
    PM_ACTION_ALLOW,
    PM_ACTION_DROP,
    PM_ACTION_DELAY,
    PM_ACTION_LOG,
    PM_ACTION_REWRITE,
    PM_ACTION_REJECT,
    PM_ACTION_ASK
};

enum pm_scope { PM_SCOPE_PACKET, PM_SCOPE_FLOW };

/* When a verdict rule judges: the packet as its sender made it, or as rewriting left it. */
enum pm_stage { PM_STAGE_ORIGINAL, PM_STAGE_AFTER_REWRITE };

/* How a reject tells the ends. AUTO: a reset for TCP, else ICMP. */
enum pm_reject { PM_REJECT_AUTO, PM_REJECT_TCP_RESET, PM_REJECT_ICMP_ADMIN };

enum pm_op_kind {
    PM_OP_REPLACE,
    PM_OP_SET,
    PM_OP_ADD,
    PM_OP_INSERT,
    PM_OP_DELETE, /* of a range; deleting what is found is a replace with nothing */
    PM_OP_NAT,
    PM_OP_TCP_OPTIONS,
    PM_OP_EXTERNAL,
    PM_OP_HTTP,
    PM_OP_CORRUPT,
    PM_OP_DUPLICATE,
    PM_OP_TRUNCATE,
    PM_OP_SEGMENT,
    PM_OP_FRAGMENT,
    PM_OP_DNS,
    PM_OP_DNS_NAME /* a replace in the names of DNS messages */
};

/* Where a replace looks: AUTO is the stream for TCP and the payload for everything else. */
enum pm_where {
    PM_IN_AUTO,
    PM_IN_STREAM,
    PM_IN_PAYLOAD,
    PM_IN_HTTP_HEADER, /* the header lines of HTTP/1 messages */
    PM_IN_HTTP_BODY    /* their bodies, without the framing of chunks */
};

/* What is done to the header lines of a message that have the name. SET: the first gets the value,
 * others go; where there is none, one is added. */
enum pm_http_edit { PM_HTTP_SET, PM_HTTP_ADD, PM_HTTP_REMOVE };

struct pm_http_header {
    enum pm_http_edit edit;
    const char *name;  /* a token; not Content-Length, not Transfer-Encoding */
    const char *value; /* printable, no space at its ends; not of REMOVE */
};

/* Largest body that takes the place of another. */
#define PM_HTTP_BODY_MAX 65536u

/* What a replacement's length may be. SAME: one of another length is not made (a literal one is
 * refused); PAD: a shorter one is filled up behind its end, a longer one is not made. */
enum pm_length { PM_LENGTH_ANY, PM_LENGTH_SAME, PM_LENGTH_PAD };

/* Where an insert stands: before the first byte, behind the last one (of a stream: before its FIN),
 * or before byte `offset`. */
enum pm_insert_at { PM_AT_START, PM_AT_END, PM_AT_OFFSET };

/* What an external edit does when its client is gone or late: the bytes go on as they are, or the
 * flow carries no more of them. */
enum pm_on_timeout { PM_TIMEOUT_PASS, PM_TIMEOUT_DROP };

/* TCP options that a tcp_options op takes off, as bits; the MSS stays, it has mss_max. */
enum pm_tcp_option {
    PM_TCPOPT_WSCALE = 1u << 0,
    PM_TCPOPT_SACK = 1u << 1, /* SACK-permitted and SACK */
    PM_TCPOPT_TIMESTAMPS = 1u << 2,
    PM_TCPOPT_FASTOPEN = 1u << 3,
    PM_TCPOPT_MPTCP = 1u << 4,
    PM_TCPOPT_UNKNOWN = 1u << 5 /* every kind that is not named here and is no EOL, NOP or MSS */
};

/* A number that is set; or, with is_most, lowered to where it is higher. */
struct pm_dns_number {
    bool is_set, is_most;
    uint32_t value;
};

/* A record to answer a DNS query with: an address, or with version 0 an alias (CNAME). */
struct pm_dns_answer {
    struct pm_addr addr;
    const uint8_t *name; /* of the alias: text, labels with dots between them */
    uint32_t name_len;
};

/* Of 2^32: a probability of 1. */
#define PM_ALWAYS (UINT64_C(1) << 32)

struct pm_op_spec {
    enum pm_op_kind kind;
    union {
        struct {
            const uint8_t *find, *with;
            uint32_t find_len, with_len; /* find_len >= 1 */
            enum pm_where where;
            uint32_t max; /* per packet (payload) or per direction of a flow (stream); 0: all */
            bool nocase;
            uint32_t within_offset, within_depth; /* as offset and depth of a BYTES value */
            bool is_regex;      /* find is a pattern as PCRE2 has them, with may have $1, ${name} */
            uint32_t max_match; /* regex: bytes that an attempt to match sees; see below */
            enum pm_length length;
            uint8_t pad; /* what PAD fills up with */
        } replace;
        struct {
            enum pm_field field;
            int64_t number;      /* UINT, FLAG: the value, or the summand */
            struct pm_addr addr; /* ADDR */
            uint8_t mac[6];      /* MAC */
        } set;                   /* SET, ADD; NAT: ip.src, ip.dst, and ports (tcp. udp. l4.) */
        struct {
            enum pm_insert_at at;
            uint64_t offset;
            const uint8_t *bytes;
            uint32_t len; /* >= 1 */
            enum pm_where where;
        } insert;
        struct {
            uint64_t offset, len; /* bytes [offset, offset + len); len >= 1 */
            enum pm_where where;
        } delete;
        struct {
            uint16_t mss_max; /* 0: the MSS stays */
            uint32_t remove;  /* bits of enum pm_tcp_option */
        } tcp_options;
        struct {
            const struct pm_http_header *headers;
            uint32_t header_count;
            uint16_t status; /* of responses: 200..599, not 204, 205 or 304; 0: stays */
            bool has_body;
            const uint8_t *body;
            uint32_t body_len; /* at most PM_HTTP_BODY_MAX */
        } http;
        struct {
            const char *socket; /* whom to ask; only the adapter reads it */
            uint32_t timeout_ms;
            enum pm_on_timeout on_timeout;
        } external;
        struct {
            uint64_t probability; /* of PM_ALWAYS, drawn for each packet that leaves */
            uint64_t seed;
            uint32_t amount;  /* CORRUPT: bits to flip; DUPLICATE: copies; TRUNCATE: bytes of
                                 payload that stay; SEGMENT: largest payload; FRAGMENT: largest
                                 IP packet */
            bool fix;         /* CORRUPT: checksums fit again; TRUNCATE: lengths and checksums do */
            bool is_reversed; /* FRAGMENT: last one first */
        } impair;
        struct {
            bool respond;     /* queries over UDP are answered, and not sent on */
            bool has_answers; /* what answers hold becomes these, as far as their question asks
                                 for them */
            bool has_rcode, remove_edns;
            uint8_t rcode;            /* 0..15 */
            struct pm_dns_number ttl; /* seconds, of all records */
            struct pm_dns_number edns_size;
            const struct pm_dns_answer *answers;
            uint32_t answer_count;
            const uint16_t *remove_types; /* not OPT */
            uint32_t type_count;
            const uint16_t *remove_options; /* of EDNS */
            uint32_t option_count;
        } dns;
        struct {
            const uint8_t *find, *with; /* domain names as text; an empty `with` takes out */
            uint32_t find_len, with_len;
        } dns_name;
    };
};

/* max_match is 1..PM_MAX_MATCH, and no more than hold_bytes unless only payloads are looked at.
 * 0: 1024, or hold_bytes where that is less. */
#define PM_MAX_MATCH 65536u

/* What is wrong with an edit or a value, and where: at a byte of with (in_with), else of find or of
 * the pattern. */
struct pm_op_fault {
    bool in_with;
    size_t offset;
    char text[160];
};

/* Whether pm_builder_add_rule will take the edit; for who wants to know more of a regex than the
 * builder's one line. True also where memory is too short to tell. */
bool pm_op_check(const struct pm_op_spec *op, struct pm_op_fault *fault);

/* Whether pm_cond_test will take the value for that field; as pm_op_check. Kinds that the field
 * cannot have are the caller's mistake and not found here. */
bool pm_value_check(enum pm_field field, const struct pm_value *value, struct pm_op_fault *fault);

/* Fields whose values make a key: of a limit, of an ask. */
#define PM_KEY_FIELDS 4

enum pm_per { PM_PER_RULE, PM_PER_FLOW, PM_PER_FIELDS };

/* Modifiers: a rule that is over its limit, not sampled, beyond its count or outside its hours did
 * not match. They are asked in the order when, sample, count, limit, after `match` held. Rules that
 * edit a stream are asked once for each flow, so that a repeated segment gets what the first one
 * got. */
struct pm_modifiers {
    struct {
        uint32_t tokens; /* so many packets in per_ns; 0: no limit */
        uint64_t per_ns;
        uint32_t burst; /* tokens that can be saved up; 0: as many as `tokens` */
        enum pm_per per;
        enum pm_field fields[PM_KEY_FIELDS];
        uint8_t field_count;
        bool over_matches; /* the rule matches what is over the limit, else what is within it */
    } limit;
    struct {
        bool is_set;          /* a probability of 0 counts too: the rule never matches */
        uint64_t probability; /* of PM_ALWAYS; 0 with every 0, and not is_set: no sampling */
        uint32_t every;       /* the first of so many, and so on */
        bool by_flow;
        uint64_t seed; /* beside the engine's */
    } sample;
    struct {
        bool has_first;
        uint64_t skip, first;  /* of the packets that matched: not the first `skip`, then `first` */
        uint64_t max_per_flow; /* 0: any number */
    } count;
    struct {
        bool is_set;
        uint8_t days;          /* bit 0: Monday; bit 6: Sunday; 0: all */
        uint32_t from_s, to_s; /* of the day, to_s not included; to_s <= from_s: over midnight, and
                                  the day is that of from_s; both 0: all day */
        uint32_t zone;         /* of pm_builder_add_zone; PM_UTC */
    } when;
};

#define PM_UTC UINT32_MAX

/* Most rules with modifiers that edit streams or nat: the answer of each is kept with the flow. */
#define PM_FLOW_ANSWERS 1024u

/* What a rule wants told of what it matched; the engines hand it on to who writes events. */
enum pm_log_payload { PM_LOG_NONE, PM_LOG_HEX, PM_LOG_DIFF };
enum pm_log_level { PM_LOG_INFO, PM_LOG_NOTICE, PM_LOG_WARNING, PM_LOG_ALERT };

struct pm_log_spec {
    bool is_set;
    bool is_off; /* "log": false */
    enum pm_log_level level;
    enum pm_log_payload payload;
    uint32_t max_bytes; /* of payload */
    uint32_t tokens;    /* so many events in per_ns; 0: all */
    uint64_t per_ns;
};

struct pm_rule_spec {
    const char *id; /* [A-Za-z0-9._-]{1,64}, unique */
    pm_cond_id match;
    enum pm_action action;
    enum pm_scope scope; /* verdict rules */
    enum pm_stage stage; /* verdict rules */
    bool final;          /* ALLOW: the packet also skips rewriting */
    bool is_dry_run;     /* counted and told, but changes nothing and does not end the search */
    struct pm_modifiers modifiers;
    struct pm_log_spec log;
    enum pm_reject reject;
    struct {
        uint64_t timeout_ns;
        bool timeout_drop;     /* else allow */
        uint32_t hold_packets; /* of a question; 0: 8 */
        uint64_t remember_ns;  /* an answer holds for new questions with the same key */
        enum pm_field coalesce[PM_KEY_FIELDS];
        uint8_t coalesce_count; /* 0: the flow is the key */
    } ask;
    struct {
        uint64_t delay_ns;
        uint64_t jitter_ns;  /* uniform in -jitter..+jitter, the sum never below 0 */
        bool keep_order;     /* packets of the same flow and side do not overtake */
        bool drop_when_full; /* else the oldest delayed packet is released early */
    } delay;
    const struct pm_op_spec *ops; /* REWRITE */
    size_t op_count;
};

/* ------------------------------------------------------------------ policy-wide settings */

enum pm_midstream { PM_MIDSTREAM_VERDICT_ONLY, PM_MIDSTREAM_REWRITE, PM_MIDSTREAM_DROP };

/* Data of a flow whose hello is not complete, where a rule's outcome hangs on that. */
enum pm_incomplete { PM_INCOMPLETE_HOLD, PM_INCOMPLETE_ALLOW, PM_INCOMPLETE_DROP };

#define PM_HELLOS_MAX (1u << 20)

struct pm_settings {
    bool default_drop;         /* no verdict rule matched */
    bool engine_error_drop;    /* a pool is full, a packet cannot be parsed */
    bool rewrite_refused_drop; /* an edit that cannot be made safely */
    bool bad_checksum_drop;
    bool tunnel_down_drop;
    enum pm_midstream midstream;
    enum pm_incomplete on_incomplete;
    uint32_t hello_ms; /* longest that packets wait for a hello to be complete */
    uint32_t hellos;   /* most hellos that flows keep; at a time a sixteenth may be incomplete */
    uint32_t hold_bytes, hold_ms;
    uint32_t flows;           /* most flows tracked at a time */
    uint32_t flow_idle_s;     /* an idle flow may be forgotten after this */
    uint32_t delayed_packets; /* most packets delayed at a time, or waiting for an answer */
    uint32_t delayed_bytes;
    uint32_t asks;             /* most questions that are open at a time */
    uint32_t answers;          /* most answers remembered */
    uint32_t meters;           /* most keys that limits and counts keep apart */
    uint32_t reject_rate;      /* most packets a second that tell of a reject */
    uint32_t streams;          /* most directions of TCP flows that `stream` conditions look at */
    uint32_t stream_bytes;     /* of them kept: early ones, and what is not acknowledged; in all */
    uint32_t stream_dir_bytes; /* and per direction */
    uint32_t stream_match;     /* bytes that an attempt of a regex on a stream sees;
                                  1..PM_MAX_MATCH */
};

#define PM_SETTINGS_DEFAULT                                                                        \
    ((struct pm_settings){.hello_ms = 1000,                                                        \
                          .hellos = 4096,                                                          \
                          .hold_bytes = 4096,                                                      \
                          .hold_ms = 50,                                                           \
                          .flows = 65536,                                                          \
                          .flow_idle_s = 3600,                                                     \
                          .delayed_packets = 1024,                                                 \
                          .delayed_bytes = 4u << 20,                                               \
                          .asks = 256,                                                             \
                          .answers = 4096,                                                         \
                          .meters = 65536,                                                         \
                          .reject_rate = 100,                                                      \
                          .streams = 8192,                                                         \
                          .stream_bytes = 64u << 20,                                               \
                          .stream_dir_bytes = 256u << 10,                                          \
                          .stream_match = 1024})

/* ------------------------------------------------------------------ the builder */

struct pm_builder;
struct pm_policy;

struct pm_builder *pm_builder_new(void); /* NULL: no memory */
void pm_builder_free(struct pm_builder *b);

void pm_builder_settings(struct pm_builder *b, const struct pm_settings *settings);

/* True when the field holds at least one of the values. A packet that has no such field fails the
 * test. Fields with two values (ip.addr, tcp.port, ...) hold a value if either is it. */
pm_cond_id pm_cond_test(struct pm_builder *b, enum pm_field field, const struct pm_value *values,
                        size_t count);
pm_cond_id pm_cond_present(struct pm_builder *b, enum pm_field field);
pm_cond_id pm_cond_all(struct pm_builder *b, const pm_cond_id *conds, size_t count);
pm_cond_id pm_cond_any(struct pm_builder *b, const pm_cond_id *conds, size_t count);
pm_cond_id pm_cond_not(struct pm_builder *b, pm_cond_id cond);

/* A set is filled value by value, so that a file of millions of lines needs no second copy.
 * CIDR sets take PREFIX values, PORT sets RANGE values, STRING, BYTES and DOMAIN sets BYTES values.
 * A DOMAIN set holds a name that is one of its values or lies below one; letters are small. */
uint32_t pm_builder_add_set(struct pm_builder *b, enum pm_set_kind kind);
void pm_set_add(struct pm_builder *b, uint32_t set, const struct pm_value *value);

/* A BPF expression, compiled once for every link type it can be compiled for. Packets of another
 * link type fail the test. */
uint32_t pm_builder_add_bpf(struct pm_builder *b);
void pm_bpf_add(struct pm_builder *b, uint32_t bpf, uint16_t linktype,
                const struct pm_bpf_insn *insns, size_t count);

/* A time zone: from each time on, seconds east of UTC; before the first, its offset too. Ascending.
 */
struct pm_zone_step {
    int64_t from_s; /* since 1970-01-01 00:00 UTC */
    int32_t offset_s;
};

uint32_t pm_builder_add_zone(struct pm_builder *b, const struct pm_zone_step *steps, size_t count);

void pm_builder_add_rule(struct pm_builder *b, const struct pm_rule_spec *spec);

/* Bytes of a stream that what is tested of it so far may reach back; the setting stream_dir_bytes
 * has to be more. */
uint32_t pm_builder_stream_tail(const struct pm_builder *b);

/* Compiles. Always frees the builder. NULL on failure, with *error filled. */
struct pm_policy *pm_builder_finish(struct pm_builder *b, struct pm_error *error);

struct pm_policy *pm_policy_ref(struct pm_policy *policy);
void pm_policy_unref(struct pm_policy *policy); /* NULL is fine */

size_t pm_policy_rule_count(const struct pm_policy *policy);
const char *pm_policy_rule_id(const struct pm_policy *policy, uint32_t rule);
enum pm_action pm_policy_rule_action(const struct pm_policy *policy, uint32_t rule);
enum pm_scope pm_policy_rule_scope(const struct pm_policy *policy, uint32_t rule);
bool pm_policy_rule_is_dry_run(const struct pm_policy *policy, uint32_t rule);
const struct pm_log_spec *pm_policy_rule_log(const struct pm_policy *policy, uint32_t rule);
/* The op'th edit of a rewrite rule. */
enum pm_op_kind pm_policy_op_kind(const struct pm_policy *policy, uint32_t rule, uint32_t op);
uint32_t pm_policy_op_count(const struct pm_policy *policy, uint32_t rule);
/* Whom a rewrite rule hands its streams to; NULL: nobody. */
const char *pm_policy_rule_socket(const struct pm_policy *policy, uint32_t rule);
/* The addresses that every packet of the rule has at one of its ends, as far as its condition names
 * them outright (ip.dst, ip.src, ip.addr; not through sets, any or not). Fills at most cap of them
 * and answers how many there are; 0: packets of any address may match. */
size_t pm_policy_rule_prefixes(const struct pm_policy *policy, uint32_t rule, struct pm_prefix *out,
                               size_t cap);
/* Some verdict rule judges at that stage. */
bool pm_policy_has_stage(const struct pm_policy *policy, enum pm_stage stage);
const struct pm_settings *pm_policy_settings(const struct pm_policy *policy);
bool pm_policy_rewrites(const struct pm_policy *policy); /* it has at least one rewrite rule */
/* Some rule tests the TLS hello of flows. */
bool pm_policy_tests_hello(const struct pm_policy *policy);
/* Some rule counts or asks over flows (modifiers, questions): engines that share the packets among
 * themselves by flow would each count for itself. */
bool pm_policy_spans_flows(const struct pm_policy *policy);
/* Some rule, or bad_checksum, looks behind the headers; else a filter may be given only these, as
 * of a truncated capture. */
bool pm_policy_reads_payload(const struct pm_policy *policy);

#endif
