/* PktmodTunnelCommand.h - the host app's command for the packet tunnel:
 *
 *     PktmodHost tunnel apply RULES | start | stop | status | stats | reload RULES */
#ifndef PKTMOD_DARWIN_TUNNELCOMMAND_H
#define PKTMOD_DARWIN_TUNNELCOMMAND_H

#import <Foundation/Foundation.h>
#include <stdbool.h>

extern const char pktmod_tunnel_help[];

/* The words after `tunnel`. False: they are no command; else it never returns, and the process ends
 * with 0, or 1 and a line that says why. */
bool pktmod_tunnel_command(int argc, char *const argv[], NSString *extension);

#endif
