/* test_item.h - one thing that pktmod test runs, wherever it comes from: a case, a test in a rule
 * file. */
#ifndef PKTMOD_APP_TEST_ITEM_H
#define PKTMOD_APP_TEST_ITEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* FAIL: something else came out than is expected. ERROR: it could not be run. */
enum pm_test_status { PM_TEST_PASS, PM_TEST_FAIL, PM_TEST_ERROR, PM_TEST_SKIP };

struct pm_test_options {
    bool update;        /* what comes out is what is expected from now on; changes are told */
    unsigned most_told; /* differences that one item tells at most; more are counted */
};

/* Runs in a process of its own, which ends right after: it may leave memory and descriptors behind.
 * The same item gives the same status and the same text, always. What it writes to `text` is whole
 * lines, the first of them the gist; PASS may write nothing. Standard output is not its own;
 * what it writes to standard error becomes part of the text. */
typedef enum pm_test_status pm_test_run_fn(const void *context,
                                           const struct pm_test_options *options, FILE *text);

struct pm_test_item {
    char *suite; /* the argument that it belongs to, as it was given */
    char *name;  /* within the suite */
    pm_test_run_fn *run;
    void *context;
    void (*release)(void *context);
};

struct pm_test_items {
    struct pm_test_item *list;
    size_t count, cap;
};

/* Copies suite and name; takes over the context, also when it fails (released then). False: no
 * memory. */
bool pm_test_items_add(struct pm_test_items *items, const char *suite, const char *name,
                       pm_test_run_fn *run, void *context, void (*release)(void *context));
void pm_test_items_free(struct pm_test_items *items);

#endif
