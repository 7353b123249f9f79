/* command.h - the subcommands and what all of them promise: exit codes, where text goes. */
#ifndef PKTMOD_APP_COMMAND_H
#define PKTMOD_APP_COMMAND_H

#include <stdbool.h>
#include <stdio.h>

enum pm_exit {
    PM_EXIT_GOOD = 0,
    PM_EXIT_DIFFERS = 1, /* a test failed, or differences were found */
    PM_EXIT_BAD_INPUT = 2,
    PM_EXIT_INTERNAL = 3, /* no memory, mostly */
    PM_EXIT_SIGNAL = 128, /* plus the number of the signal that ended a run early */
};

/* argv[0] is the subcommand. Results go to standard output, talk to standard error. */
enum pm_exit pm_command_replay(int argc, char *const argv[]);
enum pm_exit pm_command_check(int argc, char *const argv[]);
enum pm_exit pm_command_test(int argc, char *const argv[]);
enum pm_exit pm_command_diff(int argc, char *const argv[]);
enum pm_exit pm_command_create(int argc, char *const argv[]);
enum pm_exit pm_command_verify(int argc, char *const argv[]);
enum pm_exit pm_command_explain(int argc, char *const argv[]);
enum pm_exit pm_command_flow(int argc, char *const argv[]);
enum pm_exit pm_command_shrink(int argc, char *const argv[]);
enum pm_exit pm_command_pipe(int argc, char *const argv[]);
enum pm_exit pm_command_fmt(int argc, char *const argv[]);
enum pm_exit pm_command_schema(int argc, char *const argv[]);
enum pm_exit pm_command_run(int argc, char *const argv[]); /* Linux */
enum pm_exit pm_command_ctl(int argc, char *const argv[]); /* Linux */

/* Text on a terminal may be coloured, unless NO_COLOR is set or the terminal is dumb. */
bool pm_colour_wanted(FILE *stream);

/* "pktmod: " and the message on standard error. */
enum pm_exit pm_complain(enum pm_exit code, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Flushes standard output: results that could not be written are an error. */
enum pm_exit pm_finish_output(enum pm_exit code);

#endif
