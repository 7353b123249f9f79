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

/* The rules that a message asks to be put in force; nil: it asks for something else. */
NSString *pm_tunnel_reload_of(NSData *message);
/* The answer to that. error nil: they are. */
NSData *pm_tunnel_reloaded(NSString *error);

/* To every other message, whatever it is. courier NULL: no tunnel runs. */
NSData *pm_tunnel_answer(struct pm_courier *courier, const struct pm_run_plan *plan,
                         NSData *message);

#endif
