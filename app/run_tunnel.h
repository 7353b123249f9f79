/* run_tunnel.h - pktmod run with a tunnel: which destinations enter it, and the run itself. */
#ifndef PKTMOD_APP_RUN_TUNNEL_H
#define PKTMOD_APP_RUN_TUNNEL_H

#include "app/command.h"

/* Whether the words ask for a tunnel: --tunnel is among them. */
bool pm_run_wants_tunnel(int argc, char *const argv[]);
/* All of `pktmod run RULES --tunnel ...`; argv[0] is "run". */
enum pm_exit pm_run_tunnel(int argc, char *const argv[]);
/* What --help tells of it. */
extern const char pm_run_tunnel_help[];

#endif
