/* test_difference.h - where the capture that was written differs from the one that is expected. */
#ifndef PKTMOD_APP_TEST_DIFFERENCE_H
#define PKTMOD_APP_TEST_DIFFERENCE_H

#include "app/test_case.h"
#include "app/test_packets.h"
#include "app/test_summary.h"
#include "app/text.h"

/* One packet that differs; what follows from it stands under it. */
struct pm_difference {
    uint64_t frame;         /* of the input that it belongs to; 0: not known */
    bool is_only_expected;  /* it did not leave */
    struct pm_text text;    /* lines: the field, and both values */
    struct pm_text also;    /* other fields that differ by themselves */
    struct pm_text follows; /* fields of the packet that follow from these */
    uint64_t later;         /* packets of the flow in which only numbers differ, as follows */
};

struct pm_differences {
    struct pm_difference *list;
    size_t count, cap;
    uint64_t *folded; /* frames whose packets differ only as follows from another, ascending */
    size_t folded_count, folded_cap;
    bool is_cut;    /* there are more */
    bool is_around; /* what is no packet differs: the file's header, a block */
    bool no_memory;
};

/* In order of the frames. */
void pm_differences_find(struct pm_differences *differences, const struct pm_case *c,
                         const struct pm_summary *summary, const struct pm_packets *expected,
                         const struct pm_packets *got);
void pm_differences_free(struct pm_differences *differences);
bool pm_differences_fold(const struct pm_differences *differences, uint64_t frame);

#endif
