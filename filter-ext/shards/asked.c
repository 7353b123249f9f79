/* asked.c - a short list under a lock. */
#include "filter-ext/shards/asked.h"

#include <string.h>

bool pm_asked_init(struct pm_asked *asked)
{
    asked->count = 0;
    return pthread_mutex_init(&asked->lock, NULL) == 0;
}

void pm_asked_free(struct pm_asked *asked)
{
    (void)pthread_mutex_destroy(&asked->lock);
}

/* Locked. */
static void take_out(struct pm_asked *asked, size_t i)
{
    asked->count--;
    memmove(&asked->list[i], &asked->list[i + 1], (asked->count - i) * sizeof asked->list[0]);
}

void pm_asked_add(struct pm_asked *asked, const struct pm_shards_question *question)
{
    (void)pthread_mutex_lock(&asked->lock);
    if (asked->count == PM_ASKED_CAP)
        take_out(asked, 0);
    asked->list[asked->count++] = *question;
    (void)pthread_mutex_unlock(&asked->lock);
}

void pm_asked_remove(struct pm_asked *asked, uint64_t id)
{
    (void)pthread_mutex_lock(&asked->lock);
    for (size_t i = 0; i < asked->count; i++) {
        if (asked->list[i].id == id) {
            take_out(asked, i);
            break;
        }
    }
    (void)pthread_mutex_unlock(&asked->lock);
}

size_t pm_asked_list(struct pm_asked *asked, uint64_t now_ns, struct pm_shards_question *out,
                     size_t cap)
{
    size_t count = 0;
    (void)pthread_mutex_lock(&asked->lock);
    for (size_t i = asked->count; i-- > 0;) {
        if (asked->list[i].until_ns <= now_ns)
            take_out(asked, i);
    }
    for (; count < cap && count < asked->count; count++)
        out[count] = asked->list[count];
    (void)pthread_mutex_unlock(&asked->lock);
    return count;
}
