/* test_find.h - finds what pktmod test is to run below the paths that it was given. */
#ifndef PKTMOD_APP_TEST_FIND_H
#define PKTMOD_APP_TEST_FIND_H

#include "app/command.h"
#include "app/test_item.h"

/* Which items are wanted. */
struct pm_test_choice {
    const char *pattern; /* part of a name, or with *, ? and [ a pattern for all of it; or NULL */
    const char *const *only; /* names, all of them */
    size_t only_count;       /* 0: every name */
};

bool pm_test_is_chosen(const struct pm_test_choice *choice, const char *name);

/* A folder with case.json is a case; in any other folder cases are looked for, in order of their
 * names. A file is a rule file with tests. Complained already unless GOOD. */
enum pm_exit pm_test_find(struct pm_test_items *items, const char *path,
                          const struct pm_test_choice *choice);

#endif
