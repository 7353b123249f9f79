/* verify_marks.h - a set of fingerprints: what was seen in the baseline, to be asked for later. */
#ifndef PKTMOD_APP_VERIFY_MARKS_H
#define PKTMOD_APP_VERIFY_MARKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pm_verify_marks {
    uint64_t *slots; /* 0: free */
    size_t count, cap;
};

void pm_verify_marks_free(struct pm_verify_marks *marks);
/* False: no memory. */
bool pm_verify_marks_add(struct pm_verify_marks *marks, uint64_t mark);
bool pm_verify_marks_has(const struct pm_verify_marks *marks, uint64_t mark);

#endif
