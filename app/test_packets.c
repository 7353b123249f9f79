/* test_packets.c - keeps packets, and finds which stand for each other when some are missing. */
#include "app/test_packets.h"

#include <stdlib.h>
#include <string.h>

#include "app/capture.h"

#define LOOK_AHEAD 256u /* packets that may be missing or added in one place */

static uint64_t flow_of(const struct pm_verify_ends *ends)
{
    if (ends->version == 0)
        return 0;
    uint64_t sum = 0;
    for (unsigned side = 0; side < 2; side++)
        sum += pm_verify_hash(ends->port[side], ends->addr[side], sizeof ends->addr[side]);
    return pm_verify_mix(sum, ends->proto) | 1;
}

static uint64_t key_of(const struct pm_record *record, const struct pm_verify_ends *ends)
{
    uint64_t key = pm_verify_mix(record->time_ns, ends->proto);
    for (unsigned side = 0; side < 2; side++)
        key = pm_verify_hash(key ^ ends->port[side], ends->addr[side], sizeof ends->addr[side]);
    return key;
}

static bool has_room(struct pm_packets *packets)
{
    if (packets->count < packets->cap)
        return true;
    size_t cap = packets->cap == 0 ? 256 : packets->cap * 2;
    struct pm_kept *list = realloc(packets->list, cap * sizeof *list);
    if (list == NULL)
        return false;
    packets->list = list;
    packets->cap = cap;
    return true;
}

/* The record's data and options lie within its raw bytes. */
static bool keep(struct pm_packets *packets, const struct pm_record *record)
{
    uint8_t *copy = has_room(packets) ? malloc(record->raw_len + 1u) : NULL;
    if (copy == NULL)
        return false;
    memcpy(copy, record->raw, record->raw_len);
    struct pm_kept *kept = &packets->list[packets->count++];
    *kept = (struct pm_kept){.record = *record, .copy = copy};
    kept->record.raw = copy;
    kept->record.data = copy + (record->data - record->raw);
    if (record->options != NULL)
        kept->record.options = copy + (record->options - record->raw);
    kept->record.interface = NULL;
    pm_verify_packet_read(&kept->packet, &kept->record);
    kept->flow = flow_of(&kept->packet.ends);
    kept->key = key_of(record, &kept->packet.ends);
    return true;
}

bool pm_packets_read(struct pm_packets *packets, struct pm_capture *capture)
{
    struct pm_record record;
    enum pm_step step;
    bool big;
    *packets = (struct pm_packets){0};
    if (pm_capture_format(capture) == PM_FORMAT_PCAP && pm_capture_error(capture) == NULL)
        packets->around =
            pm_verify_hash(0, pm_capture_pcap_header(capture, &big), PM_PCAP_HEADER_LEN);
    while ((step = pm_capture_next(capture, &record)) == PM_STEP_PACKET || step == PM_STEP_BLOCK) {
        if (step == PM_STEP_PACKET && !keep(packets, &record))
            return false;
        if (step == PM_STEP_BLOCK)
            packets->around = pm_verify_hash(packets->around, record.raw, record.raw_len);
    }
    return true;
}

void pm_packets_free(struct pm_packets *packets)
{
    for (size_t i = 0; i < packets->count; i++)
        free(packets->list[i].copy);
    free(packets->list);
    *packets = (struct pm_packets){0};
}

/* ------------------------------------------------------------------ pairs */

/* How far behind `from` a packet with this key stands; LOOK_AHEAD: not near. */
static size_t distance(const struct pm_packets *packets, size_t from, uint64_t key)
{
    size_t left = packets->count - from, most = left < LOOK_AHEAD ? left : LOOK_AHEAD;
    for (size_t i = 0; i < most; i++)
        if (packets->list[from + i].key == key)
            return i;
    return LOOK_AHEAD;
}

bool pm_pairing_next(struct pm_pairing *pairing, const struct pm_kept **expected,
                     const struct pm_kept **got)
{
    const struct pm_packets *e = pairing->expected, *g = pairing->got;
    bool has_e = pairing->expected_at < e->count, has_g = pairing->got_at < g->count;
    *expected = has_e ? &e->list[pairing->expected_at] : NULL;
    *got = has_g ? &g->list[pairing->got_at] : NULL;
    if (has_e && has_g && (*expected)->key != (*got)->key) {
        size_t missing = distance(e, pairing->expected_at, (*got)->key);
        size_t added = distance(g, pairing->got_at, (*expected)->key);
        bool is_missing = missing < LOOK_AHEAD && missing <= added;
        if (is_missing)
            *got = NULL;
        else if (added < LOOK_AHEAD)
            *expected = NULL;
    }
    pairing->expected_at += *expected != NULL;
    pairing->got_at += *got != NULL;
    return has_e || has_g;
}
