/* asked.h - the latest open questions, for who answers them. From any thread. */
#ifndef PKTMOD_FILTER_ASKED_H
#define PKTMOD_FILTER_ASKED_H

#include <pthread.h>

#include "filter-ext/shards/shards.h"

#define PM_ASKED_CAP 64u

/* The oldest first. */
struct pm_asked {
    pthread_mutex_t lock;
    struct pm_shards_question list[PM_ASKED_CAP];
    size_t count;
};

bool pm_asked_init(struct pm_asked *asked);
void pm_asked_free(struct pm_asked *asked);

/* The oldest makes room. */
void pm_asked_add(struct pm_asked *asked, const struct pm_shards_question *question);
void pm_asked_remove(struct pm_asked *asked, uint64_t id);
/* Forgets those whose time is over; copies at most `cap` of the others, answers their number. */
size_t pm_asked_list(struct pm_asked *asked, uint64_t now_ns, struct pm_shards_question *out,
                     size_t cap);

#endif
