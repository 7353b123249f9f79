/* command_run.c - pktmod run: rules on live packets, judged or rewritten. */
#include "app/command.h"
#include "app/run.h"

enum pm_exit pm_command_run(int argc, char *const argv[])
{
    struct pm_run_options options;
    enum pm_exit code = PM_EXIT_BAD_INPUT;
    if (pm_run_options_parse(&options, argc, argv))
        code = options.only_told   ? PM_EXIT_GOOD
               : options.uninstall ? pm_run_uninstall(&options)
                                   : pm_run_live(&options);
    pm_run_options_free(&options);
    return code;
}
