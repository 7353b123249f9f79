/* dnsframes.c - where messages begin in a stream; the contract is in dnsframes.h. */
#include "engine/dnsframes.h"

#include "base/bytes.h"

void pm_dns_frames_begin(struct pm_dns_frames *frames, uint64_t o)
{
    *frames = (struct pm_dns_frames){.next_o = o};
}

/* The second byte of a length whose first one was decided before. */
static void take_low(struct pm_dns_frames *frames, uint8_t low)
{
    frames->next_o += PM_FRAME_HEAD + (uint32_t)(frames->high << 8 | low);
    frames->has_high = false;
}

void pm_dns_frames_pass(struct pm_dns_frames *frames, uint64_t o, const uint8_t *bytes, size_t len)
{
    uint64_t end = o + len, due = frames->next_o + (frames->has_high ? 1 : 0);
    if (frames->is_lost || len == 0)
        return;
    if (due < o) {
        frames->is_lost = true;
        return;
    }
    if (frames->has_high)
        take_low(frames, bytes[0]);
    while (frames->next_o < end) {
        size_t at = (size_t)(frames->next_o - o);
        if (len - at < PM_FRAME_HEAD) {
            frames->high = bytes[at];
            frames->has_high = true;
            return;
        }
        frames->next_o += PM_FRAME_HEAD + pm_get16(bytes + at);
    }
}

void pm_dns_frames_gap(struct pm_dns_frames *frames, uint64_t o)
{
    if (frames->has_high || frames->next_o < o)
        frames->is_lost = true;
}
