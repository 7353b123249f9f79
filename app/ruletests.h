/* ruletests.h - tests that stand in rule files, as items of pktmod test. */
#ifndef PKTMOD_APP_RULETESTS_H
#define PKTMOD_APP_RULETESTS_H

#include "app/test_find.h"

/* All tests of the file that are wanted. A file with errors, or without tests, is complained of
 * (then the answer is not GOOD). */
enum pm_exit pm_ruletests_collect(struct pm_test_items *items, const char *path,
                                  const struct pm_test_choice *choice);

#endif
