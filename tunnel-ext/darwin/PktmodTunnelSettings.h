/* PktmodTunnelSettings.h - what the tunnel asks of the system, from what its rules make enter. */
#ifndef PKTMOD_DARWIN_TUNNELSETTINGS_H
#define PKTMOD_DARWIN_TUNNELSETTINGS_H

#import <NetworkExtension/NetworkExtension.h>

#include "tunnel-ext/addresses.h"
#include "tunnel-ext/run_plan.h"

/* Why a tunnel cannot run with this configuration; nil: it can, as far as that goes. */
NSString *pm_tunnel_refusal(NEVPNProtocol *protocol, NSDictionary *configuration);

uint32_t pm_tunnel_mtu(NSDictionary *configuration);
/* Destinations of this IP version enter. */
bool pm_tunnel_has_version(const struct pm_run_plan *plan, uint8_t version);

/* Addresses, routes of the plan and of the tunnel's own network, resolvers, MTU. */
NEPacketTunnelNetworkSettings *pm_tunnel_settings(const struct pm_run_plan *plan,
                                                  const struct pm_addresses *addresses,
                                                  NSDictionary *configuration);

#endif
