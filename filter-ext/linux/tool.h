/* tool.h - runs a program of the system: text in, text out, no shell. */
#ifndef PKTMOD_FILTER_TOOL_H
#define PKTMOD_FILTER_TOOL_H

#include <stdbool.h>
#include <stddef.h>

#define PM_TOOL_INPUT 16384u /* the most that is handed over */

/* argv[0] is looked for in the system's folders alone. input: NULL, or what the program reads. Both
 * outputs land in *output, which the caller frees, also on failure; NULL without memory. Answers
 * its exit status; -1: there is no such program, or it could not be run. */
int pm_tool_run(const char *const argv[], const char *input, char **output);
bool pm_tool_exists(const char *name);

#endif
