/* flowtext.h - packets from a few lines of text: in.flow, described in pktmod-flow(5). */
#ifndef PKTMOD_APP_FLOWTEXT_H
#define PKTMOD_APP_FLOWTEXT_H

#include <stdio.h>

#include "app/packetlist.h"

#define PM_FLOWTEXT_MAX ((size_t)16 << 20) /* bytes of a text */

/* Reads the text; *list (begun with {0}, freed by the caller in any case) gets the packets. Every
 * fault is written to errors with line, column and caret, and counted; the answer is their number.
 * With any, the list is not to be used. `name` stands in complaints. folder: that @file starts
 * from; NULL: the text may name no files. errors may be NULL. */
size_t pm_flowtext_read(const char *name, const char *folder, const char *text, size_t len,
                        struct pm_packetlist *list, FILE *errors);
/* The same for a file, "-" is standard input; files in it start from its folder. */
size_t pm_flowtext_load(const char *path, struct pm_packetlist *list, FILE *errors);

#endif
