/* command_run.c - pktmod run: rules on live packets. */
#include "app/command.h"
#include "app/run.h"

enum pm_exit pm_command_run(int argc, char *const argv[])
{
    struct pm_run_options options;
    if (!pm_run_options_parse(&options, argc, argv))
        return PM_EXIT_BAD_INPUT;
    if (options.only_told)
        return PM_EXIT_GOOD;
    return options.uninstall ? pm_run_uninstall(&options) : pm_run_filter(&options);
}
