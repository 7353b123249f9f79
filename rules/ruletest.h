/* ruletest.h - the tests that stand in a rule file: what comes in, and what is expected.
 *
 * They are checked when the file is loaded, and belong to what was loaded; whoever wants to run
 * them makes packets of them. Only tests of the file that is loaded are here, not those of files
 * that it includes.
 */
#ifndef PKTMOD_RULETEST_H
#define PKTMOD_RULETEST_H

#include "rules.h"

struct pm_ruletest_bytes {
    const uint8_t *at;
    size_t len;
    bool is_set;
};

enum pm_ruletest_proto { PM_RULETEST_TCP, PM_RULETEST_UDP, PM_RULETEST_ICMP, PM_RULETEST_FRAME };

/* A packet that comes in. */
struct pm_ruletest_packet {
    enum pm_ruletest_proto proto;
    bool is_in;       /* from the network to the host; else out */
    uint64_t time_ns; /* since the test's start */
    struct pm_addr src, dst;
    uint8_t ttl, dscp, type, code;
    uint16_t id, src_port, dst_port, flags, window, vlan;
    bool df, has_vlan;
    uint32_t seq, ack;
    const char *interface;            /* or NULL */
    struct pm_ruletest_bytes payload; /* FRAME: the whole Ethernet frame */
};

enum pm_ruletest_verdict {
    PM_RULETEST_ANY_VERDICT,
    PM_RULETEST_ALLOW,
    PM_RULETEST_DROP,
    PM_RULETEST_DELAY,
    PM_RULETEST_REJECT,
    PM_RULETEST_ASK
};

struct pm_ruletest_packet_expected {
    enum pm_ruletest_verdict verdict;
    bool has_rule;
    const char *rule;                 /* its id; NULL: none, the policy's default decided */
    struct pm_ruletest_bytes payload; /* of what leaves for it */
    bool has_leaves, leaves;          /* whether anything does */
    struct pm_policy *leaving;        /* drops what leaves and does not meet the condition that has
                                         the rule's id; NULL: none is stated */
};

/* How often a rule has to do something. */
struct pm_ruletest_hits {
    const char *rule; /* its id */
    uint64_t least, most;
};

/* How the bytes of a stream travel; the plain way is always one of them. */
enum {
    PM_RULETEST_EVERY_SPLIT = 1,
    PM_RULETEST_ONE_BYTE = 2,
    PM_RULETEST_RETRANSMIT_EACH = 4,
    PM_RULETEST_REORDER = 8,
};

/* Longest streams, both directions together, that are cut at every byte. */
#define PM_RULETEST_SPLIT_MAX 1024u

/* A TCP connection: handshake, all bytes to the server, all bytes to the client, end. */
struct pm_ruletest_stream {
    struct pm_addr client, server;
    uint16_t client_port, server_port;
    bool is_in;                        /* the client is on the network, the server is the host */
    struct pm_ruletest_bytes bytes[2]; /* to the server, to the client */
    unsigned modes;
};

/* What an answer is for, beside the packets that wait. */
enum pm_ruletest_for { PM_RULETEST_FOR_FLOW, PM_RULETEST_FOR_RULE, PM_RULETEST_FOR_TIME };

/* The answer to questions of a test: a question takes the first one that fits its rule and was not
 * used `times` times yet; without one it times out. */
struct pm_ruletest_answer {
    const char *rule; /* its id; NULL: any */
    bool is_allow;
    uint64_t after_ns; /* the question was asked */
    enum pm_ruletest_for answer_for;
    uint64_t duration_ns; /* FOR_TIME */
    uint64_t times;
};

enum pm_ruletest_kind { PM_RULETEST_PACKETS, PM_RULETEST_STREAM, PM_RULETEST_CAPTURE };

struct pm_ruletest {
    const char *name;
    const char *file;
    size_t line; /* where the test stands */
    enum pm_ruletest_kind kind;
    const struct pm_ruletest_packet *packets;
    size_t packet_count;
    struct pm_ruletest_stream stream;
    const char *capture; /* its path, as the system wants it */
    uint64_t start_ns;   /* of packets and streams, since 1970 */
    uint64_t seed;
    const struct pm_ruletest_answer *answers;
    size_t answer_count;
    const struct pm_ruletest_packet_expected *expected; /* one for each of packets; NULL: none */
    struct pm_ruletest_bytes streams[2];                /* as they leave */
    const struct pm_ruletest_hits *hits;
    size_t hit_count;
};

size_t pm_rules_test_count(const struct pm_rules *rules); /* 0 if there was any error */
const struct pm_ruletest *pm_rules_test(const struct pm_rules *rules, size_t index);

#endif
