/* event_change.c - keeps a packet beside what left for it; the contract is in event_change.h. */
#include "app/event_change.h"

#include <stdlib.h>
#include <string.h>

static bool make_room(uint8_t **bytes, size_t *cap, size_t need)
{
    if (need <= *cap)
        return true;
    uint8_t *grown = realloc(*bytes, need * 2);
    if (grown == NULL)
        return false;
    *bytes = grown;
    *cap = need * 2;
    return true;
}

bool pm_event_change_begin(struct pm_event_change *change, const struct pm_record *record)
{
    change->left_len = 0;
    change->note_count = change->edit_count = 0;
    change->header_rule = PM_NO_RULE;
    if (!pm_record_copy_take(&change->copy, record))
        return false;
    pm_verify_packet_read(&change->came, &change->copy.record);
    return true;
}

bool pm_event_change_begin_late(struct pm_event_change *change, const struct pm_record *record,
                                const struct pm_emitted *emitted)
{
    struct pm_record left = *record;
    if (!make_room(&change->left, &change->left_cap, emitted->len))
        return false;
    memcpy(change->left, emitted->data, emitted->len);
    left.raw = left.data = change->left;
    left.raw_len = left.caplen = (uint32_t)emitted->len;
    left.origlen = (uint32_t)emitted->wire_len;
    left.link = emitted->link;
    return pm_event_change_begin(change, &left);
}

void pm_event_change_free(struct pm_event_change *change)
{
    pm_record_copy_free(&change->copy);
    free(change->left);
}

static uint32_t payload_there(const struct pm_verify_packet *packet)
{
    bool has_payload = packet->kind == PM_VERIFY_TCP || packet->kind == PM_VERIFY_UDP;
    return has_payload ? packet->payload_there : 0;
}

static void keep_payload(struct pm_event_change *change, const struct pm_emitted *emitted)
{
    struct pm_verify_packet packet;
    struct pm_record record = change->copy.record;
    if (!make_room(&change->left, &change->left_cap, change->left_len + emitted->len))
        return;
    /* A packet is read where it is to stay; its payload then moves to the front. */
    uint8_t *at = change->left + change->left_len;
    memcpy(at, emitted->data, emitted->len);
    record.data = at;
    record.caplen = record.origlen = (uint32_t)emitted->len;
    record.link = emitted->link;
    pm_verify_packet_read(&packet, &record);
    uint32_t len = payload_there(&packet);
    memmove(at, at + (len > 0 ? packet.payload_off : 0), len);
    change->left_len += len;
}

void pm_event_change_add(struct pm_event_change *change, const struct pm_emitted *emitted)
{
    if (change->wants_bytes && emitted->len > 0)
        keep_payload(change, emitted);
    for (uint32_t i = 0; i < emitted->note_count && change->note_count < PM_EDIT_NOTES; i++)
        change->notes[change->note_count++] = emitted->notes[i];
    change->edit_count += emitted->edit_count;
    if (emitted->header_rule != PM_NO_RULE)
        change->header_rule = emitted->header_rule;
}

void pm_event_change_add_dry(struct pm_event_change *change, const struct pm_policy *policy,
                             const struct pm_emitted *emitted)
{
    if (change->wants_bytes && emitted->len > 0)
        keep_payload(change, emitted);
    for (uint32_t i = 0; i < emitted->note_count; i++) {
        if (!pm_policy_rule_is_dry_run(policy, emitted->notes[i].rule))
            continue;
        change->edit_count++;
        if (change->note_count < PM_EDIT_NOTES)
            change->notes[change->note_count++] = emitted->notes[i];
    }
    if (emitted->header_rule != PM_NO_RULE &&
        pm_policy_rule_is_dry_run(policy, emitted->header_rule))
        change->header_rule = emitted->header_rule;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

void pm_event_put_diff(struct pm_json *json, const struct pm_event_change *change,
                       uint32_t max_bytes)
{
    const struct pm_verify_packet *came = &change->came;
    size_t old_len = payload_there(came), new_len = change->left_len, same = 0, tail = 0;
    const uint8_t *old = came->bytes + (old_len > 0 ? came->payload_off : 0);
    while (same < old_len && same < new_len && old[same] == change->left[same])
        same++;
    while (tail < old_len - same && tail < new_len - same &&
           old[old_len - 1 - tail] == change->left[new_len - 1 - tail])
        tail++;
    if (same == old_len && same == new_len)
        return;
    pm_json_open(json, "diff", '{');
    pm_json_uint(json, "offset", same);
    pm_json_hex(json, "old", old + same, least(old_len - same - tail, max_bytes));
    size_t new_count = least(new_len - same - tail, max_bytes);
    pm_json_hex(json, "new", new_count > 0 ? change->left + same : NULL, new_count);
    pm_json_close(json, '}');
}

void pm_event_put_payload(struct pm_json *json, const struct pm_verify_packet *packet,
                          uint32_t max_bytes)
{
    size_t len = payload_there(packet);
    pm_json_uint(json, "payload_len", len);
    pm_json_hex(json, "payload", packet->bytes + (len > 0 ? packet->payload_off : 0),
                least(len, max_bytes));
}
