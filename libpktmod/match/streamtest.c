/* streamtest.c - tests on streams, looked for in the bytes as they come. */
#include "match/streamtest.h"

#include "match/condtree.h"
#include "match/field.h"
#include "match/literal.h"
#include "match/reads.h"

#define LOW_BITS UINT64_C(0x5555555555555555)

/* ------------------------------------------------------------------ states */

uint32_t pm_streamtest_words(const struct pm_conds *c)
{
    return c->streams_count / 32 + (c->streams_count % 32 != 0);
}

static void put_state(uint64_t *states, uint32_t test, enum pm_stream_test_state state)
{
    uint32_t shift = 2 * (test % 32);
    states[test / 32] &= ~(UINT64_C(3) << shift);
    states[test / 32] |= (uint64_t)state << shift;
}

static bool is_positional(const struct pm_conds *c, const struct pm_value *value)
{
    if (value->kind == PM_VALUE_BYTES)
        return value->bytes.offset > 0 || value->bytes.depth != PM_NO_LIMIT;
    return value->kind == PM_VALUE_SET && pm_set_is_positional(c->sets[value->set]);
}

static uint32_t longest(const struct pm_conds *c, const struct pm_value *value, uint32_t window)
{
    if (value->kind == PM_VALUE_REGEX)
        return window + PM_REGEX_BEFORE;
    return value->kind == PM_VALUE_SET ? pm_set_longest(c->sets[value->set]) : value->bytes.len;
}

uint32_t pm_streamtest_tail(const struct pm_conds *c, uint32_t window)
{
    uint32_t most = 1;
    for (uint32_t i = 0; i < c->streams_count; i++) {
        uint32_t len = longest(c, &c->streams[i], window);
        most = len > most ? len : most;
    }
    return most - 1;
}

/* ------------------------------------------------------------------ the tests of a condition */

static bool tests_stream(const struct pm_node *node)
{
    return node->kind == PM_NODE_TEST && node->field == PM_FIELD_STREAM;
}

static void note_stream(void *context, const struct pm_node *node)
{
    *(bool *)context |= tests_stream(node);
}

/* What stands in a payload may stand in any fragment of it. */
static void note_payload(void *context, const struct pm_node *node)
{
    bool is_dns = pm_field_is_dns((enum pm_field)node->field);
    *(bool *)context |= is_dns || (node->kind == PM_NODE_TEST && node->field == PM_FIELD_PAYLOAD);
}

bool pm_cond_tests_stream(const struct pm_conds *c, pm_cond_id cond)
{
    bool any = false;
    pm_cond_visit_tests(c, cond, note_stream, &any);
    return any;
}

static void note_hello(void *context, const struct pm_node *node)
{
    *(bool *)context |= pm_field_is_hello((enum pm_field)node->field);
}

bool pm_cond_tests_hello(const struct pm_conds *c, pm_cond_id cond)
{
    bool any = false;
    pm_cond_visit_tests(c, cond, note_hello, &any);
    return any;
}

bool pm_cond_tests_payload(const struct pm_conds *c, pm_cond_id cond)
{
    bool any = false;
    pm_cond_visit_tests(c, cond, note_payload, &any);
    return any;
}

struct opening {
    const struct pm_conds *c;
    uint64_t *states;
    bool is_midstream;
};

static void open_tests(void *context, const struct pm_node *node)
{
    const struct opening *o = context;
    if (!tests_stream(node))
        return;
    struct pm_stream_stretch stretch = pm_node_streams(node);
    for (uint32_t i = stretch.first; i < stretch.first + stretch.count; i++) {
        bool is_lost = o->is_midstream && is_positional(o->c, &o->c->streams[i]);
        if (pm_streamtest_state(o->states, i) == PM_STREAM_TEST_CLOSED)
            put_state(o->states, i, is_lost ? PM_STREAM_TEST_DOUBT : PM_STREAM_TEST_OPEN);
    }
}

void pm_streamtest_open(const struct pm_conds *c, pm_cond_id cond, bool is_midstream,
                        uint64_t *states)
{
    struct opening o = {c, states, is_midstream};
    pm_cond_visit_tests(c, cond, open_tests, &o);
}

void pm_streamtest_lose_beginning(const struct pm_conds *c, uint64_t *states)
{
    for (uint32_t i = 0; i < c->streams_count; i++)
        if (pm_streamtest_state(states, i) == PM_STREAM_TEST_OPEN &&
            is_positional(c, &c->streams[i]))
            put_state(states, i, PM_STREAM_TEST_DOUBT);
}

/* OPEN and DOUBT have the low bit. */
void pm_streamtest_close(const struct pm_conds *c, uint64_t *states)
{
    for (uint32_t word = 0, words = pm_streamtest_words(c); word < words; word++) {
        uint64_t open = states[word] & LOW_BITS;
        states[word] &= ~(open | open << 1);
    }
}

bool pm_streamtest_is_open(const struct pm_conds *c, const uint64_t *states)
{
    uint64_t open = 0;
    for (uint32_t word = 0, words = pm_streamtest_words(c); word < words; word++)
        open |= states[word] & LOW_BITS;
    return open;
}

/* ------------------------------------------------------------------ looking for one */

/* Where in the text a match may begin that was not found before. */
static size_t first_attempt(const struct pm_stream_text *text, uint32_t len)
{
    size_t old = text->len - text->fresh, reach = len > 0 ? len - 1 : 0;
    return old > reach ? old - reach : 0;
}

static enum pm_stream_test_state find_bytes(const struct pm_value *value,
                                            const struct pm_stream_text *text)
{
    uint64_t begin = text->offset + first_attempt(text, value->bytes.len);
    uint64_t end = text->offset + text->len, last = UINT64_MAX;
    begin = begin > value->bytes.offset ? begin : value->bytes.offset;
    if (value->bytes.depth != PM_NO_LIMIT)
        last = (uint64_t)value->bytes.offset + value->bytes.depth;
    uint64_t until = end < last ? end : last;
    if (value->bytes.len == 0 && until >= begin)
        return PM_STREAM_TEST_TRUE;
    if (until > begin && until - begin >= value->bytes.len) {
        struct pm_literal literal = {value->bytes.bytes, value->bytes.len, value->bytes.nocase};
        const uint8_t *bytes = text->bytes + (begin - text->offset);
        size_t len = (size_t)(until - begin);
        if (pm_literal_find(&literal, bytes, len, 0) < len)
            return PM_STREAM_TEST_TRUE;
    }
    return text->sure >= last ? PM_STREAM_TEST_CLOSED : PM_STREAM_TEST_OPEN;
}

static enum pm_stream_test_state find_set(const struct pm_set *set,
                                          const struct pm_stream_text *text)
{
    size_t from = first_attempt(text, pm_set_longest(set));
    bool found =
        pm_set_occurs_from(set, NULL, text->bytes + from, text->len - from, text->offset + from);
    return found ? PM_STREAM_TEST_TRUE : PM_STREAM_TEST_OPEN;
}

/* An attempt that is unfinished may stand before one that matches. */
static enum pm_stream_test_state find_regex(const struct pm_regex *regex, struct pm_cond_room *room,
                                            const struct pm_stream_text *text)
{
    static const uint8_t unknown[1];
    size_t from = first_attempt(text, text->window);
    const struct pm_regex_text seen = {.before = unknown,
                                       .before_len = text->is_beginning ? 0 : sizeof unknown,
                                       .bytes = text->bytes,
                                       .len = text->len,
                                       .may_follow = pm_regex_asks_ahead(regex) && !text->is_last,
                                       .window = text->window};
    struct pm_regex_hit hit = {.groups = room->groups};
    enum pm_regex_answer answer = pm_regex_find(regex, room->regex, &seen, from, &hit);
    while (answer == PM_REGEX_UNFINISHED) {
        from = hit.position > from ? hit.position + 1 : from + 1;
        answer = pm_regex_find(regex, room->regex, &seen, from, &hit);
    }
    room->limits += hit.limits;
    if (answer == PM_REGEX_FOUND)
        return PM_STREAM_TEST_TRUE;
    return hit.limits > 0 ? PM_STREAM_TEST_DOUBT : PM_STREAM_TEST_OPEN;
}

static enum pm_stream_test_state find(const struct pm_conds *c, struct pm_cond_room *room,
                                      const struct pm_value *value,
                                      const struct pm_stream_text *text)
{
    if (value->kind == PM_VALUE_REGEX)
        return find_regex(pm_value_regex(c, value), room, text);
    if (text->is_midstream && is_positional(c, value))
        return PM_STREAM_TEST_OPEN;
    if (value->kind == PM_VALUE_SET)
        return find_set(c->sets[value->set], text);
    return find_bytes(value, text);
}

/* ------------------------------------------------------------------ looking for all */

static enum pm_stream_found look_for(const struct pm_conds *c, struct pm_cond_room *room,
                                     const struct pm_stream_text *text, uint64_t *states,
                                     uint32_t test)
{
    enum pm_stream_test_state now = find(c, room, &c->streams[test], text);
    if (now == PM_STREAM_TEST_OPEN)
        return PM_STREAM_SAME;
    put_state(states, test, now);
    return now == PM_STREAM_TEST_DOUBT ? PM_STREAM_DOUBTFUL : PM_STREAM_CHANGED;
}

enum pm_stream_found pm_streamtest_search(const struct pm_conds *c, struct pm_cond_room *room,
                                          const struct pm_stream_text *text, uint64_t *states)
{
    enum pm_stream_found found = PM_STREAM_SAME;
    for (uint32_t word = 0, words = pm_streamtest_words(c); word < words; word++) {
        uint64_t open = states[word] & LOW_BITS; /* OPEN and DOUBT */
        for (uint32_t i = 0; open; open >>= 2, i++) {
            if (!(open & 1))
                continue;
            enum pm_stream_found one = look_for(c, room, text, states, 32 * word + i);
            found = one > found ? one : found;
        }
    }
    return found;
}
