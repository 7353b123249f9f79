/* command.c - how every subcommand talks: complaints, colour, and output that must arrive. */
#include "app/command.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool pm_colour_wanted(FILE *stream)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    if (no_color != NULL && no_color[0] != '\0')
        return false;
    return term != NULL && strcmp(term, "dumb") != 0 && isatty(fileno(stream)) != 0;
}

enum pm_exit pm_complain(enum pm_exit code, const char *format, ...)
{
    va_list arguments;
    fputs("pktmod: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return code;
}

enum pm_exit pm_finish_output(enum pm_exit code)
{
    if (fflush(stdout) == 0 && ferror(stdout) == 0)
        return code;
    return pm_complain(PM_EXIT_BAD_INPUT, "standard output: %s", strerror(errno));
}
