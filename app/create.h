/* create.h - makes a regression case from a rule file and a capture. */
#ifndef PKTMOD_APP_CREATE_H
#define PKTMOD_APP_CREATE_H

#include "app/command.h"

struct pm_create {
    const char *rules, *in;
    const char *name;      /* of the case; a folder of this name is made */
    const char *folder;    /* where */
    const char *shows;     /* NULL: what happened, in words that want to be replaced */
    const char *views;     /* "rewritten,wire", or NULL */
    const char *local;     /* as case.json has it, or NULL */
    const char *checksums; /* the same */
    const char *seed, *mtu;
    bool copies_rules; /* else case.json names the rule file where it stands */
};

/* Makes the folder, runs the case and writes what came out as what is expected. Tells on standard
 * output what that is; complains already unless GOOD. What was made of a case that cannot be run
 * is taken away again. */
enum pm_exit pm_create_case(const struct pm_create *create);

#endif
