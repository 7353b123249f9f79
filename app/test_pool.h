/* test_pool.h - runs test items in processes of their own, several at a time. */
#ifndef PKTMOD_APP_TEST_POOL_H
#define PKTMOD_APP_TEST_POOL_H

#include "app/test_item.h"

/* More text of one item than this is cut. */
#define PM_TEST_TEXT_MAX ((size_t)256 << 10)

struct pm_test_result {
    enum pm_test_status status;
    char *text; /* whole lines, maybe none; NUL at its end, none within */
    size_t len;
};

struct pm_test_pool {
    const struct pm_test_items *items;
    const struct pm_test_options *options;
    unsigned jobs;    /* processes at a time, at least 1 */
    unsigned limit_s; /* an item that takes longer is an error; 0: no limit */
    /* Each item's result, in the order of the items; the text is lent for the call. */
    void (*told)(void *context, size_t index, const struct pm_test_result *result);
    /* So many have ended; may be NULL. */
    void (*ended)(void *context, size_t count);
    void *context;
};

/* GOOD: every item has been told. INTERRUPTED: a signal came (its number is in *signal_number), and
 * all processes are gone. */
enum pm_test_pool_end { PM_TEST_POOL_GOOD, PM_TEST_POOL_INTERRUPTED, PM_TEST_POOL_NO_MEMORY };

enum pm_test_pool_end pm_test_pool_run(const struct pm_test_pool *pool, int *signal_number);

#endif
