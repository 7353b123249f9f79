/* recordcopy.h - a record that stays: the rewriter may change the bytes of the one that came. */
#ifndef PKTMOD_APP_RECORDCOPY_H
#define PKTMOD_APP_RECORDCOPY_H

#include "app/capture.h"

struct pm_record_copy {
    struct pm_record record; /* frame 0: none */
    uint8_t *raw;
    size_t cap;
};

/* In the place of the one before. False: no memory, and none is there. */
bool pm_record_copy_take(struct pm_record_copy *copy, const struct pm_record *record);
void pm_record_copy_free(struct pm_record_copy *copy);

#endif
