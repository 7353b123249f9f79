/* shrink.c - first whole flows go, then single packets, as long as the rest fails like the whole.
 */
#include "app/shrink.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "app/command.h"
#include "app/ddmin.h"
#include "app/input.h"
#include "app/interrupt.h"
#include "app/writer.h"

/* Both ends of a flow, the smaller one first. */
struct flow_key {
    struct pm_addr ends[2];
    uint16_t ports[2];
    uint8_t proto;
};

struct search {
    struct pm_shrink *shrink;
    size_t *flow_of; /* of each packet, counted from 0 */
    size_t cap;
    struct flow_key *flows;
    size_t *slots; /* hash of a key to its flow; SIZE_MAX: free */
    size_t flow_cap, slot_cap;
    uint8_t *keeps;     /* packets of the part at hand */
    uint8_t *best;      /* of the smallest part that failed so far */
    uint8_t *has_flows; /* while flows go: those of the part at hand */
    bool is_by_flow, is_broken, no_memory;
};

/* ------------------------------------------------------------------ flows */

/* Padding is zero, too: keys are compared as bytes. */
static void read_key(const struct pm_record *record, struct flow_key *key)
{
    struct pm_packet packet = {.data = record->data,
                               .len = record->caplen,
                               .wire_len = record->origlen,
                               .link = record->link,
                               .dir = PM_DIR_UNKNOWN};
    struct pm_endpoints ends;
    memset(key, 0, sizeof *key);
    if (!pm_packet_endpoints(&packet, &ends))
        return;
    int order = memcmp(ends.src.bytes, ends.dst.bytes, sizeof ends.src.bytes);
    bool is_turned = order > 0 || (order == 0 && ends.src_port > ends.dst_port);
    memcpy(key->ends[is_turned].bytes, ends.src.bytes, sizeof ends.src.bytes);
    memcpy(key->ends[!is_turned].bytes, ends.dst.bytes, sizeof ends.dst.bytes);
    key->ends[0].version = key->ends[1].version = ends.src.version;
    key->ports[is_turned] = ends.src_port;
    key->ports[!is_turned] = ends.dst_port;
    key->proto = ends.ip_proto;
}

static size_t hash_of(const struct flow_key *key)
{
    const uint8_t *bytes = (const uint8_t *)key;
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < sizeof *key; i++)
        hash = (hash ^ bytes[i]) * UINT64_C(1099511628211);
    return (size_t)(hash ^ hash >> 32);
}

static bool is_same_end(const struct pm_addr *a, const struct pm_addr *b)
{
    return a->version == b->version && memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

static bool is_same_flow(const struct flow_key *a, const struct flow_key *b)
{
    return is_same_end(&a->ends[0], &b->ends[0]) && is_same_end(&a->ends[1], &b->ends[1]) &&
           a->ports[0] == b->ports[0] && a->ports[1] == b->ports[1] && a->proto == b->proto;
}

static size_t *slot_of(struct search *s, const struct flow_key *key)
{
    size_t at = hash_of(key) & (s->slot_cap - 1);
    while (s->slots[at] != SIZE_MAX && !is_same_flow(&s->flows[s->slots[at]], key))
        at = (at + 1) & (s->slot_cap - 1);
    return &s->slots[at];
}

/* Twice as many slots as there may be flows. */
static bool grow_flows(struct search *s)
{
    if (s->shrink->flows < s->flow_cap)
        return true;
    size_t cap = s->flow_cap == 0 ? 64 : s->flow_cap * 2;
    struct flow_key *flows = realloc(s->flows, cap * sizeof *flows);
    if (flows != NULL)
        s->flows = flows;
    size_t *slots = realloc(s->slots, 2 * cap * sizeof *slots);
    if (slots != NULL)
        s->slots = slots;
    if (flows == NULL || slots == NULL)
        return false;
    s->flow_cap = cap;
    s->slot_cap = 2 * cap;
    for (size_t i = 0; i < s->slot_cap; i++)
        s->slots[i] = SIZE_MAX;
    for (size_t i = 0; i < s->shrink->flows; i++)
        *slot_of(s, &s->flows[i]) = i;
    return true;
}

static bool see_packet(struct search *s, const struct pm_record *record)
{
    struct flow_key key;
    read_key(record, &key);
    if (s->shrink->packets == s->cap) {
        size_t cap = s->cap == 0 ? 1024 : s->cap * 2;
        size_t *grown = realloc(s->flow_of, cap * sizeof *grown);
        if (grown == NULL)
            return false;
        s->flow_of = grown;
        s->cap = cap;
    }
    if (!grow_flows(s))
        return false;
    size_t *slot = slot_of(s, &key);
    if (*slot == SIZE_MAX) {
        s->flows[s->shrink->flows] = key;
        *slot = s->shrink->flows++;
    }
    s->flow_of[s->shrink->packets++] = *slot;
    return true;
}

/* ------------------------------------------------------------------ reading and writing */

static struct pm_capture *open_in(const struct pm_shrink *shrink)
{
    struct pm_capture *capture = pm_input_open(shrink->in, stderr);
    if (capture != NULL && pm_capture_error(capture) != NULL) {
        pm_complain(PM_EXIT_BAD_INPUT, "%s", pm_capture_error(capture));
        pm_capture_close(capture);
        return NULL;
    }
    return capture;
}

static bool see_all(struct search *s)
{
    struct pm_capture *capture = open_in(s->shrink);
    struct pm_record record;
    enum pm_step step;
    if (capture == NULL)
        return false;
    while ((step = pm_capture_next(capture, &record)) == PM_STEP_PACKET || step == PM_STEP_BLOCK) {
        bool is_much = s->shrink->packets == PM_SHRINK_PACKETS;
        if (step == PM_STEP_BLOCK)
            continue;
        if (is_much || !see_packet(s, &record)) {
            s->no_memory = !is_much;
            break;
        }
    }
    if (step == PM_STEP_PACKET && !s->no_memory)
        pm_complain(PM_EXIT_BAD_INPUT, "%s: more than %zu packets; shrink cannot hold them",
                    s->shrink->in, PM_SHRINK_PACKETS);
    if (step == PM_STEP_BAD)
        pm_complain(PM_EXIT_BAD_INPUT, "%s", pm_capture_error(capture));
    pm_capture_close(capture);
    return step == PM_STEP_END;
}

static void put_part(struct search *s, struct pm_capture *capture, struct pm_writer *writer)
{
    struct pm_record record;
    enum pm_step step;
    while ((step = pm_capture_next(capture, &record)) == PM_STEP_PACKET || step == PM_STEP_BLOCK)
        if (step == PM_STEP_BLOCK)
            pm_writer_put_block(writer, &record);
        else if (s->keeps[record.frame - 1])
            pm_writer_put_raw(writer, &record);
}

/* The packets that `keeps` names, into the output. */
static bool write_part(struct search *s)
{
    const char *inputs[] = {s->shrink->in};
    struct pm_capture *capture = open_in(s->shrink);
    struct pm_writer writer;
    if (capture == NULL)
        return false;
    int why = 0;
    if (!pm_writer_open(&writer, s->shrink->out, capture, 0, inputs, 1)) {
        why = errno;
    } else {
        put_part(s, capture, &writer);
        why = pm_writer_close(&writer);
    }
    pm_capture_close(capture);
    if (why == EEXIST)
        pm_complain(PM_EXIT_BAD_INPUT, "%s: is the input; the output would destroy it",
                    s->shrink->out);
    else if (why != 0)
        pm_complain(PM_EXIT_BAD_INPUT, "%s: cannot be written: %s", s->shrink->out, strerror(why));
    return why == 0;
}

/* ------------------------------------------------------------------ searching */

static void keep(struct search *s, const size_t *items, size_t count)
{
    memset(s->keeps, 0, s->shrink->packets);
    if (!s->is_by_flow) {
        for (size_t i = 0; i < count; i++)
            s->keeps[items[i]] = 1;
        return;
    }
    memset(s->has_flows, 0, s->shrink->flows);
    for (size_t i = 0; i < count; i++)
        s->has_flows[items[i]] = 1;
    for (size_t i = 0; i < s->shrink->packets; i++)
        s->keeps[i] = s->has_flows[s->flow_of[i]];
}

static bool fails(void *context, const size_t *items, size_t count)
{
    struct search *s = context;
    if (s->is_broken)
        return false;
    keep(s, items, count);
    s->is_broken = !write_part(s);
    int came = s->is_broken ? -1 : s->shrink->outcome(s->shrink->context);
    s->is_broken = came < 0;
    if (came < 0 || came != s->shrink->wanted)
        return false;
    memcpy(s->best, s->keeps, s->shrink->packets);
    return true;
}

static size_t all_items(size_t *items, size_t count)
{
    for (size_t i = 0; i < count; i++)
        items[i] = i;
    return count;
}

/* Packets of the flows that were kept. */
static size_t items_of_flows(const struct search *s, size_t *items)
{
    size_t count = 0;
    for (size_t i = 0; i < s->shrink->packets; i++)
        if (s->keeps[i])
            items[count++] = i;
    return count;
}

static void count_left(struct search *s)
{
    struct pm_shrink *shrink = s->shrink;
    memset(s->has_flows, 0, shrink->flows);
    shrink->packets_left = shrink->flows_left = 0;
    for (size_t i = 0; i < shrink->packets; i++) {
        if (!s->keeps[i])
            continue;
        shrink->packets_left++;
        shrink->flows_left += !s->has_flows[s->flow_of[i]];
        s->has_flows[s->flow_of[i]] = 1;
    }
}

static void search_all(struct search *s, size_t *items, size_t *room)
{
    struct pm_shrink *shrink = s->shrink;
    struct pm_ddmin ddmin = {.fails = fails, .context = s, .tries_max = shrink->tries_max};
    s->is_by_flow = true;
    shrink->flows_left = pm_ddmin(&ddmin, items, all_items(items, shrink->flows), room);
    keep(s, items, shrink->flows_left);
    s->is_by_flow = false;
    shrink->packets_left = pm_ddmin(&ddmin, items, items_of_flows(s, items), room);
    keep(s, items, shrink->packets_left);
    shrink->tries = ddmin.tries;
    shrink->is_short = ddmin.tries == ddmin.tries_max;
    if (s->is_broken && pm_interrupted() != 0) {
        memcpy(s->keeps, s->best, shrink->packets);
        shrink->is_interrupted = shrink->is_short = true;
        s->is_broken = false;
        count_left(s);
    }
    if (!s->is_broken)
        s->is_broken = !write_part(s);
}

static enum pm_shrunk search(struct search *s)
{
    struct pm_shrink *shrink = s->shrink;
    size_t most = shrink->packets + shrink->flows + 1;
    size_t *items = malloc(most * sizeof *items), *room = malloc(most * sizeof *room);
    enum pm_shrunk answer = PM_SHRUNK;
    s->keeps = malloc(most);
    s->has_flows = malloc(most);
    s->best = malloc(most);
    if (items == NULL || room == NULL || s->keeps == NULL || s->has_flows == NULL ||
        s->best == NULL) {
        answer = PM_SHRUNK_NO_MEMORY;
    } else {
        memset(s->keeps, 1, most);
        memset(s->best, 1, most);
        shrink->keeps = s->keeps;
        s->is_broken = !write_part(s);
        shrink->wanted = s->is_broken ? 0 : shrink->outcome(shrink->context);
        s->is_broken = s->is_broken || shrink->wanted < 0;
        if (shrink->wanted == 0)
            answer = PM_SHRUNK_GOOD;
        else if (shrink->wanted > 0 && shrink->wanted != PM_SHRINK_NOT_RUN)
            search_all(s, items, room);
    }
    if (s->is_broken)
        answer = PM_SHRUNK_BAD;
    free(items);
    free(room);
    return answer;
}

enum pm_shrunk pm_shrink(struct pm_shrink *shrink)
{
    struct search s = {.shrink = shrink};
    enum pm_shrunk answer = see_all(&s) ? search(&s) : PM_SHRUNK_BAD;
    if (s.no_memory)
        answer = PM_SHRUNK_NO_MEMORY;
    free(s.flow_of);
    free(s.flows);
    free(s.slots);
    free(s.best);
    free(s.has_flows);
    shrink->keeps = s.keeps;
    return answer;
}

void pm_shrink_free(struct pm_shrink *shrink)
{
    free(shrink->keeps);
    shrink->keeps = NULL;
}
