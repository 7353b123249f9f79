/* diff_slots.h - what became of every frame of a capture: one small record each, in a file. */
#ifndef PKTMOD_APP_DIFF_SLOTS_H
#define PKTMOD_APP_DIFF_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

/* Whose doing it was. */
struct pm_slot_cause {
    uint32_t rule;      /* that decided, or PM_NO_RULE */
    uint32_t edit_rule; /* that edited first, or PM_NO_RULE */
    uint16_t why;       /* of the verdict */
    uint16_t edit_why;  /* of what left */
    uint8_t verdict;
    uint8_t ended; /* verdict of a packet that waited, once it was let go; else as verdict */
    uint16_t left; /* packets that left for it; at most 65535 */
};

struct pm_slot {
    struct pm_slot_cause cause;
    uint64_t flow;  /* in the old policy's engine */
    uint64_t bytes; /* digest of all that left, in order */
    uint64_t times; /* and of when it did */
};

#define PM_SLOTS_WINDOW 4096u

/* Frames come in order; what leaves later for an earlier one finds its slot again. */
struct pm_slots {
    int fd;
    struct pm_slot *window;
    uint64_t first; /* frame of window[0] */
    uint64_t held;  /* frames in it */
    bool is_dirty;  /* they are not in the file yet */
    uint64_t count; /* frames */
    int error;      /* errno of what failed, or 0 */
};

/* False: slots->error. */
bool pm_slots_open(struct pm_slots *slots);
void pm_slots_close(struct pm_slots *slots);

/* A slot for the next frame, empty. */
struct pm_slot *pm_slots_add(struct pm_slots *slots, uint64_t frame);
/* Changes the slot of a frame that was added. */
void pm_slots_change(struct pm_slots *slots, uint64_t frame,
                     void (*change)(struct pm_slot *slot, const void *context),
                     const void *context);
/* The slot of a frame, read in order; false: there is none. */
bool pm_slots_read(struct pm_slots *slots, uint64_t frame, struct pm_slot *slot);

#endif
