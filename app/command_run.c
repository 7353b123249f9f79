/* command_run.c - pktmod run: rules on live packets, judged or rewritten. */
#include "app/command.h"
#include "app/run.h"
#include "app/run_tunnel.h"

enum pm_exit pm_command_run(int argc, char *const argv[])
{
    struct pm_run_options options;
    if (pm_run_wants_tunnel(argc, argv))
        return pm_run_tunnel(argc, argv);
    if (!pm_run_options_parse(&options, argc, argv))
        return PM_EXIT_BAD_INPUT;
    if (options.only_told)
        return PM_EXIT_GOOD;
    return options.uninstall ? pm_run_uninstall(&options) : pm_run_filter(&options);
}
