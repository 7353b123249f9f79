/* PktmodTunnelReport.h - what the tunnel tells: why rules are refused, and answers to app messages
 * (PktmodTunnelKeys.h). */
#ifndef PKTMOD_DARWIN_TUNNELREPORT_H
#define PKTMOD_DARWIN_TUNNELREPORT_H

#import <Foundation/Foundation.h>

#include "rules/rules.h"
#include "tunnel-ext/courier.h"
#include "tunnel-ext/run_plan.h"

/* Every error of the rules, a line each. */
NSString *pm_tunnel_diagnostics(const struct pm_rules *rules);

/* courier NULL: no tunnel runs. Always answers, whatever the message is. */
NSData *pm_tunnel_answer(struct pm_courier *courier, const struct pm_run_plan *plan,
                         NSData *message);

#endif
