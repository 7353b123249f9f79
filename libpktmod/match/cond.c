/* cond.c - evaluating compiled conditions, for one packet or for all packets of its flow. */
#include "base/prefetch.h"
#include "match/condtree.h"

#include <string.h>

#include "match/literal.h"
#include "match/needle.h"
#include "match/streamtest.h"

/* ------------------------------------------------------------------ one value */

static bool number_is(const struct pm_conds *c, const struct pm_value *value, uint32_t number)
{
    if (value->kind == PM_VALUE_RANGE)
        return number >= value->range.lo && number <= value->range.hi;
    if (value->kind == PM_VALUE_MASK)
        return (number & value->mask.mask) == value->mask.value;
    return value->kind == PM_VALUE_SET && pm_set_kind_of(c->sets[value->set]) == PM_SET_PORT &&
           pm_set_has_port(c->sets[value->set], number);
}

static bool prefix_is_equal(const uint8_t *a, const uint8_t *b, uint8_t bits)
{
    uint8_t rest = bits % 8, mask = (uint8_t)(0xff00u >> rest);
    return memcmp(a, b, bits / 8) == 0 && (!rest || ((a[bits / 8] ^ b[bits / 8]) & mask) == 0);
}

static bool addr_is(const struct pm_conds *c, const struct pm_value *value, uint8_t version,
                    const uint8_t *addr)
{
    if (value->kind == PM_VALUE_PREFIX)
        return value->prefix.addr.version == version &&
               prefix_is_equal(value->prefix.addr.bytes, addr, value->prefix.bits);
    return value->kind == PM_VALUE_SET && pm_set_kind_of(c->sets[value->set]) == PM_SET_CIDR &&
           pm_set_has_addr(c->sets[value->set], version, addr);
}

/* The value lies in the field from offset on, within depth bytes from there. */
static bool bytes_occur(const struct pm_value *value, const uint8_t *bytes, size_t len)
{
    if (value->bytes.offset > len)
        return false;
    bytes += value->bytes.offset;
    len -= value->bytes.offset;
    if (value->bytes.at_end)
        return value->bytes.len <= len &&
               pm_bytes_equal(value->bytes.bytes, bytes + (len - value->bytes.len),
                              value->bytes.len, value->bytes.nocase);
    if (value->bytes.depth != PM_NO_LIMIT && len > value->bytes.depth)
        len = value->bytes.depth;
    if (value->bytes.len == 0 || value->bytes.len > len)
        return value->bytes.len == 0;
    struct pm_literal literal = {value->bytes.bytes, value->bytes.len, value->bytes.nocase};
    return pm_literal_find(&literal, bytes, len, 0) < len;
}

static bool bytes_are(const struct pm_conds *c, struct pm_cond_room *room,
                      const struct pm_value *value, const uint8_t *bytes, size_t len)
{
    if (value->kind == PM_VALUE_BYTES && value->bytes.whole)
        return value->bytes.len == len &&
               pm_bytes_equal(value->bytes.bytes, bytes, len, value->bytes.nocase);
    if (value->kind == PM_VALUE_BYTES)
        return bytes_occur(value, bytes, len);
    if (value->kind != PM_VALUE_SET)
        return false;
    const struct pm_set *set = c->sets[value->set];
    if (pm_set_kind_of(set) == PM_SET_STRING)
        return pm_set_has_text(set, bytes, len);
    if (pm_set_kind_of(set) == PM_SET_DOMAIN)
        return pm_set_has_domain(set, bytes, len);
    return pm_set_kind_of(set) == PM_SET_BYTES &&
           pm_set_occurs_in(set, room ? room->scan : NULL, bytes, len);
}

static bool bpf_is(const struct pm_conds *c, const struct pm_value *value,
                   const struct pm_packet *packet)
{
    if (value->kind != PM_VALUE_BPF)
        return false;
    for (uint32_t i = c->bpfs[value->bpf]; i != UINT32_MAX; i = c->programs[i].next)
        if (c->programs[i].linktype == pm_bpf_link(packet->link))
            return pm_bpf_run(c->insns + c->programs[i].first, packet->data, packet->len,
                              packet->wire_len) != 0;
    return false;
}

/* DEPENDS: an attempt was given up at a limit, and no other one matched. */
static enum pm_truth regex_matches(const struct pm_regex *regex, struct pm_cond_room *room,
                                   const uint8_t *bytes, size_t len)
{
    const struct pm_regex_text text = {.bytes = bytes, .len = len, .window = PM_REGEX_WINDOW_MAX};
    struct pm_regex_hit hit = {.groups = room->groups};
    enum pm_regex_answer answer = pm_regex_find(regex, room->regex, &text, 0, &hit);
    room->limits += hit.limits;
    if (answer == PM_REGEX_FOUND)
        return PM_TRUE;
    if (hit.limits == 0)
        return PM_FALSE;
    room->doubt = PM_WHY_REGEX_LIMIT;
    return PM_DEPENDS;
}

/* For all kinds of value but regexes. */
static bool value_holds(const struct pm_conds *c, struct pm_cond_room *room, enum pm_kind kind,
                        const struct pm_value *value, const struct pm_reading *reading)
{
    for (uint32_t i = 0; i < reading->count; i++) {
        bool holds = false;
        switch (kind) {
        case PM_KIND_UINT:
        case PM_KIND_FLAG:
        case PM_KIND_ENUM:
            holds = number_is(c, value, reading->number[i]);
            break;
        case PM_KIND_ADDR:
            holds = addr_is(c, value, reading->addr_version, reading->addr[i]);
            break;
        case PM_KIND_MAC:
            holds = value->kind == PM_VALUE_MAC && memcmp(value->mac, reading->mac, 6) == 0;
            break;
        case PM_KIND_TEXT:
        case PM_KIND_BYTES:
            holds = bytes_are(c, room, value, reading->bytes.bytes, reading->bytes.len);
            break;
        case PM_KIND_BPF:
            break;
        }
        if (holds)
            return true;
    }
    return false;
}

/* ------------------------------------------------------------------ one test */

static enum pm_truth value_truth(const struct pm_conds *c, enum pm_kind kind,
                                 const struct pm_value *value, const struct pm_reading *reading,
                                 const struct pm_subject *s)
{
    if (value->kind == PM_VALUE_REGEX)
        return regex_matches(pm_value_regex(c, value), s->room, reading->bytes.bytes,
                             reading->bytes.len);
    return value_holds(c, s->room, kind, value, reading) ? PM_TRUE : PM_FALSE;
}

static enum pm_truth stream_truth(const struct pm_node *node, const struct pm_subject *s)
{
    struct pm_stream_stretch tests = pm_node_streams(node);
    const struct pm_stream_state *stream = s->stream;
    bool is_in_doubt = !stream->states && stream->doubt != PM_WHY_NONE;
    for (uint32_t i = 0; i < tests.count && stream->states; i++) {
        enum pm_stream_test_state state = pm_streamtest_state(stream->states, tests.first + i);
        if (state == PM_STREAM_TEST_TRUE)
            return PM_TRUE;
        is_in_doubt = is_in_doubt || state == PM_STREAM_TEST_DOUBT;
    }
    if (!is_in_doubt)
        return PM_FALSE;
    s->room->doubt = stream->doubt;
    return PM_DEPENDS;
}

/* Once true it stays true; once closed, false. */
static enum pm_truth stream_for_flow(const struct pm_node *node, const struct pm_subject *s)
{
    struct pm_stream_stretch tests = pm_node_streams(node);
    if (!s->stream || !s->stream->states)
        return PM_DEPENDS;
    enum pm_truth truth = PM_FALSE;
    for (uint32_t i = 0; i < tests.count; i++) {
        enum pm_stream_test_state state = pm_streamtest_state(s->stream->states, tests.first + i);
        if (state == PM_STREAM_TEST_TRUE)
            return PM_TRUE;
        truth = state == PM_STREAM_TEST_CLOSED ? truth : PM_DEPENDS;
    }
    return truth;
}

/* Whether it is known what hello the flow has, if any. */
static bool hello_is_told(const struct pm_subject *s)
{
    return !s->hello || s->hello->tls || s->hello->doubt == PM_WHY_NONE;
}

/* Of any of the values, for what was read so far. */
static enum pm_truth values_truth(const struct pm_conds *c, const struct pm_node *node,
                                  const struct pm_reading *reading, const struct pm_subject *s)
{
    enum pm_kind kind = pm_field_info((enum pm_field)node->field)->kind;
    const struct pm_value *values = pm_node_values(node);
    enum pm_truth truth = PM_FALSE;
    for (uint32_t i = 0; i < node->count && reading->count && truth != PM_TRUE; i++) {
        enum pm_truth of_value = value_truth(c, kind, &values[i], reading, s);
        truth = of_value == PM_FALSE ? truth : of_value;
    }
    return truth;
}

static enum pm_truth holds_for_packet(const struct pm_conds *c, const struct pm_node *node,
                                      const struct pm_subject *s)
{
    enum pm_field field = (enum pm_field)node->field;
    enum pm_kind kind = pm_field_info(field)->kind;
    const struct pm_value *values = pm_node_values(node);
    struct pm_reading reading;
    if (kind == PM_KIND_BPF) {
        for (uint32_t i = 0; i < node->count; i++)
            if (bpf_is(c, &values[i], s->packet))
                return PM_TRUE;
        return node->kind == PM_NODE_PRESENT ? PM_TRUE : PM_FALSE;
    }
    if (pm_field_is_hello(field) && !hello_is_told(s)) {
        s->room->doubt = s->hello->doubt;
        return PM_DEPENDS;
    }
    if (pm_field_is_http(field) && !s->http && s->is_http_open && pm_field_fits_flow(s, field))
        return PM_DEPENDS;
    pm_field_read(s, field, &reading);
    if (node->kind == PM_NODE_PRESENT)
        return reading.count ? PM_TRUE : PM_FALSE;
    if (field == PM_FIELD_STREAM)
        return reading.count ? stream_truth(node, s) : PM_FALSE;
    enum pm_truth truth = values_truth(c, node, &reading, s);
    while (reading.has_more && truth != PM_TRUE) {
        pm_field_read_more(s, field, &reading);
        enum pm_truth of_more = values_truth(c, node, &reading, s);
        truth = of_more == PM_FALSE ? truth : of_more;
    }
    return truth;
}

/* Ports are constant, but a packet whose L4 header cannot be read says nothing of its flow's; and
 * of a later fragment nothing is known that follows from the flow. */
static bool is_told(const struct pm_subject *s, enum pm_field field)
{
    const struct pm_headers *h = s->headers;
    if (h->parse == PM_PARSE_L4)
        return true;
    bool is_of_flow = field == PM_FIELD_FLOW || field == PM_FIELD_DIR;
    return !pm_field_needs_l4(field) && !(is_of_flow && h->is_fragment);
}

static enum pm_truth holds_for_flow(const struct pm_conds *c, const struct pm_node *node,
                                    const struct pm_subject *s)
{
    enum pm_field field = (enum pm_field)node->field;
    if (!s->has_flow)
        return PM_DEPENDS;
    if (!pm_field_fits_flow(s, field))
        return PM_FALSE;
    if (field == PM_FIELD_STREAM && node->kind == PM_NODE_TEST && is_told(s, field))
        return stream_for_flow(node, s);
    bool is_constant =
        pm_field_info(field)->flow_constant ||
        (pm_field_is_hello(field) && s->hello && s->hello->is_sure && hello_is_told(s));
    if (!is_constant || !is_told(s, field))
        return PM_DEPENDS;
    return holds_for_packet(c, node, s);
}

/* ------------------------------------------------------------------ the tree */

/* A node on the way down, whose children from `next` on are still to be asked. */
struct frame {
    const pm_cond_id *next, *end;
    enum pm_node_kind kind;
    enum pm_truth truth; /* of the children so far */
};

typedef enum pm_truth test_fn(const struct pm_conds *c, const struct pm_node *node,
                              const struct pm_subject *s);

static bool is_test(const struct pm_node *node)
{
    return node->kind == PM_NODE_TEST || node->kind == PM_NODE_PRESENT;
}

static struct frame enter(const struct pm_node *node)
{
    return (struct frame){.next = pm_node_kids(node),
                          .end = pm_node_kids(node) + node->count,
                          .kind = (enum pm_node_kind)node->kind,
                          .truth = node->kind == PM_NODE_ANY ? PM_FALSE : PM_TRUE};
}

/* Takes a child's answer into account; children that cannot change the outcome are left out. */
static void take(struct frame *frame, enum pm_truth child)
{
    if (frame->kind == PM_NODE_NOT) {
        frame->truth = child == PM_DEPENDS ? PM_DEPENDS : child == PM_TRUE ? PM_FALSE : PM_TRUE;
        return;
    }
    enum pm_truth decisive = frame->kind == PM_NODE_ALL ? PM_FALSE : PM_TRUE;
    if (child == decisive)
        frame->next = frame->end;
    if (child == decisive || child == PM_DEPENDS)
        frame->truth = child;
}

/* Inlined with the test known. */
static inline enum pm_truth evaluate(const struct pm_conds *c, pm_cond_id cond,
                                     const struct pm_subject *s, test_fn *test)
{
    struct frame stack[PM_COND_DEPTH];
    uint32_t depth = 0;
    const struct pm_node *node = pm_node_at(c, cond);
    if (is_test(node))
        return test(c, node, s);
    stack[0] = enter(node);
    for (;;) {
        struct frame *top = &stack[depth];
        if (top->next == top->end) {
            if (depth-- == 0)
                return top->truth;
            take(&stack[depth], top->truth);
            continue;
        }
        node = pm_node_at(c, *top->next++);
        if (is_test(node))
            take(top, test(c, node, s));
        else
            stack[++depth] = enter(node);
    }
}

enum pm_truth pm_cond_truth(const struct pm_conds *c, pm_cond_id cond, const struct pm_subject *s)
{
    return evaluate(c, cond, s, holds_for_packet);
}

enum pm_truth pm_cond_for_flow(const struct pm_conds *c, pm_cond_id cond,
                               const struct pm_subject *s)
{
    return evaluate(c, cond, s, holds_for_flow);
}

void pm_cond_prefetch(const struct pm_conds *c, pm_cond_id cond)
{
    const uint64_t *cell = c->cells + cond;
    pm_prefetch(cell);
    pm_prefetch(cell - 8);
    pm_prefetch(cell - 16);
}

static void visit_test(const struct pm_conds *c, const struct pm_node *node,
                       pm_cond_visit_fn *visit, void *context)
{
    if (node->kind == PM_NODE_TEST)
        visit(context, (enum pm_field)node->field, pm_node_values(node), node->count, c);
}

void pm_cond_required(const struct pm_conds *c, pm_cond_id cond, pm_cond_visit_fn *visit,
                      void *context)
{
    struct frame stack[PM_COND_DEPTH];
    const struct pm_node *node = pm_node_at(c, cond);
    visit_test(c, node, visit, context);
    if (node->kind != PM_NODE_ALL)
        return;
    uint32_t depth = 1;
    stack[0] = enter(node);
    while (depth) {
        struct frame *top = &stack[depth - 1];
        if (top->next == top->end) {
            depth--;
            continue;
        }
        node = pm_node_at(c, *top->next++);
        visit_test(c, node, visit, context);
        if (node->kind == PM_NODE_ALL)
            stack[depth++] = enter(node);
    }
}
