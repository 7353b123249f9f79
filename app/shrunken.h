/* shrunken.h - the folder that a case is shrunk into.
 *
 *     CASE.shrunk/in.pcapng     what is left of the capture
 *     CASE.shrunk/case.json     and what else stands in the folder of the case: rules, sets
 *     CASE.shrunk/failure.txt   how it fails, and what to run
 *
 * It has no expectations: what is right for a part of the capture nobody has said.
 */
#ifndef PKTMOD_APP_SHRUNKEN_H
#define PKTMOD_APP_SHRUNKEN_H

#include "app/command.h"
#include "app/shrink_case.h"

struct pm_shrunken {
    char *folder;   /* CASE.shrunk */
    char *in, *out; /* the capture of the case; what is left of it */
    char *rules;
    bool is_made;
    struct pm_shrink_failure *failure; /* in memory that processes share */
};

bool pm_shrunken_is_case(const char *path);
/* Makes the folder. Complains unless GOOD. */
enum pm_exit pm_shrunken_make(struct pm_shrunken *shrunken, const char *folder);
/* How it fails, to failure.txt and standard output. keeps: of each packet of the whole capture. */
enum pm_exit pm_shrunken_tell(const struct pm_shrunken *shrunken, const uint8_t *keeps);
/* Takes the folder away again, with the files that were made. */
void pm_shrunken_undo(struct pm_shrunken *shrunken);
void pm_shrunken_free(struct pm_shrunken *shrunken);

#endif
