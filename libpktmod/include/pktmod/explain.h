/* explain.h - why a packet gets what it gets: the engines, asked while they work.
 *
 *     static void tell(void *context, const struct pm_moment *moment)
 *     {
 *         struct pm_about_rule about;
 *         pm_moment_rule(moment, 3, &about);      what rule 3 makes of the packet
 *     }
 *     decision = pm_filter_explain(filter, &packet, now_ns, &(struct pm_explainer){tell, context});
 *
 * pm_filter_explain() does what pm_filter_decide() does, to the bit. In between, when all that
 * rules look at is known and none of them was asked yet, it calls the explainer: once, also where
 * the packet will not come before the rules; of a fragment that completes its datagram once more,
 * with the whole. In that call, and only there, every rule and every
 * condition may be asked what the engine would be told; asking counts nothing, draws nothing, takes
 * from no limit. So an explanation cannot differ from what happens.
 */
#ifndef PKTMOD_EXPLAIN_H
#define PKTMOD_EXPLAIN_H

#include <pktmod/pktmod.h>

/* DEPENDS: it cannot be told (a regex gave up at a limit; bytes of a stream went by unseen) or, of
 * a whole flow, it is not the same for every packet. */
enum pm_truth { PM_FALSE, PM_TRUE, PM_DEPENDS };

/* A packet between being read and being judged; lent for the call. */
struct pm_moment;

struct pm_explainer {
    void (*explain)(void *context, const struct pm_moment *moment);
    void *context;
};

/* explainer NULL: nobody asks. */
struct pm_decision pm_filter_explain(struct pm_filter *filter, const struct pm_packet *packet,
                                     uint64_t now_ns, const struct pm_explainer *explainer);
/* As pm_rewrite(). The explainer is called when the packet's flow is known and before its rules are
 * selected; for fragments of a datagram that waits for the rest, with the last one; not at all for
 * packets that no rule can rewrite because they cannot be read. Where the policy has dry-run rules
 * that rewrite, it is called for these first: then they, and then the others, are asked. */
enum pm_why pm_rewrite_explain(struct pm_rewriter *rewriter, const struct pm_packet *packet,
                               uint8_t *buffer, uint64_t now_ns,
                               const struct pm_explainer *explainer);

/* What the filter's view of the stream that the packet belongs to has seen, this packet included.
 */
struct pm_about_stream {
    bool is_tested;    /* some rule that may decide looks at this stream */
    bool is_midstream; /* its beginning was not seen */
    bool is_lost;      /* bytes went by unseen: there was no room */
    uint64_t in_order; /* bytes from the beginning, or from where looking began, without a gap */
    uint64_t highest;  /* and to the highest byte that came; more than in_order behind a gap */
};

struct pm_about_packet {
    uint64_t flow_id; /* within this engine; 0: none */
    uint64_t number;  /* packets of the flow before it */
    enum pm_dir dir;
    bool has_flow, to_server, is_new_flow;
    uint64_t now_ns;
    uint32_t latched;    /* filter: a rule of scope flow that decided before, for all of the flow */
    uint32_t followed;   /* filter: the rule that decided about the datagram's first fragment */
    bool follows;        /* it is a later fragment, and gets what the first one got */
    bool is_whole;       /* filter: the datagram that the packet at hand, a fragment, completes */
    enum pm_why refused; /* filter: it is dropped before any rule is asked; NONE */
    struct pm_about_stream stream; /* filter */
    const char
        *encrypted; /* rewriter: what hides the flow's text from edits: "TLS", ...; or NULL */
};

void pm_moment_packet(const struct pm_moment *moment, struct pm_about_packet *out);

/* A condition that the policy's builder made. */
struct pm_about_cond {
    enum pm_truth now;      /* whether it holds for this packet */
    enum pm_truth for_flow; /* and whether for every packet of this side of its flow. A test of the
                               stream that does not hold yet, but may with later bytes: DEPENDS */
    enum pm_why doubt;      /* where `now` is DEPENDS: why */
};

void pm_moment_cond(const struct pm_moment *moment, pm_cond_id cond, struct pm_about_cond *out);

/* What a field holds in this packet. */
#define PM_MOMENT_VALUES 4
#define PM_MOMENT_TEXT   1024 /* bytes of a text that does not stand in the packet as it is read */

struct pm_about_field {
    uint32_t count; /* values; 0: the packet has no such field */
    union {
        uint32_t number[PM_MOMENT_VALUES];     /* UINT, FLAG, ENUM */
        struct pm_addr addr[PM_MOMENT_VALUES]; /* ADDR */
        uint8_t mac[6];                        /* MAC */
        struct {
            const uint8_t *bytes; /* of the packet, or `text` below; NULL for `stream` */
            size_t len;
        } bytes; /* TEXT, BYTES */
    };
    bool has_more; /* there are more values */
    uint8_t text[PM_MOMENT_TEXT];
};

/* bpf has none: a program looks at the whole packet. */
void pm_moment_field(const struct pm_moment *moment, enum pm_field field,
                     struct pm_about_field *out);

/* In the order in which they are asked. */
enum pm_modifier_kind {
    PM_MODIFIER_NONE,
    PM_MODIFIER_WHEN,
    PM_MODIFIER_SAMPLE,
    PM_MODIFIER_COUNT,
    PM_MODIFIER_LIMIT,
    PM_MODIFIER_BEFORE /* one of them, when an earlier packet of the flow asked for all of it */
};

/* What the modifiers of a rule would answer, and the numbers that they go by: before this packet,
 * and those of a modifier behind the one that refuses are not worked out. */
struct pm_about_modifiers {
    bool are_set;
    enum pm_modifier_kind refused_by; /* NONE: the rule matches if its condition holds */
    bool is_kept; /* an edit of streams: an earlier packet asked for the whole flow; no numbers */
    int64_t local_s;  /* when: seconds since 1970 in the rule's time zone */
    bool is_drawn;    /* sample: by chance, not by number */
    uint64_t sampled; /* sample every: packets, or flows, that it was asked about */
    uint64_t counted, counted_in_flow; /* count: packets of the rule; let through in this flow */
    uint64_t tokens;                   /* limit: that are left for this packet's key */
    uint64_t refill_ns;                /* limit: until there is one; 0: there is */
};

struct pm_about_rule {
    bool is_asked; /* by this engine: filters ask verdict rules of their stage, rewriters others */
    pm_cond_id match;
    struct pm_about_cond cond; /* that */
    struct pm_about_modifiers modifiers;
};

void pm_moment_rule(const struct pm_moment *moment, uint32_t rule, struct pm_about_rule *out);

#endif
