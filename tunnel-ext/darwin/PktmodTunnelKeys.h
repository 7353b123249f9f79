/* PktmodTunnelKeys.h - names between the host app, profiles and the packet tunnel. */
#ifndef PKTMOD_DARWIN_TUNNELKEYS_H
#define PKTMOD_DARWIN_TUNNELKEYS_H

/* Keys of NETunnelProviderProtocol.providerConfiguration. */
#define PktmodTunnelRulesKey @"PktmodRules" /* NSString: a rule file, as JSON text */
/* NSArray of NSString: addresses of the resolvers that are asked through the tunnel. Without it DNS
 * goes past the tunnel, to the network's own resolvers. */
#define PktmodTunnelDNSKey @"PktmodDNSServers"
#define PktmodTunnelMTUKey @"PktmodMTU" /* NSNumber, 1280 to 4064; 4064 unless given */

/* App messages: a line of JSON each way, as `pktmod ctl` speaks it.
 *
 *     {"pktmod": 1, "command": "status"}                   and "stats"
 *     {"pktmod": 1, "command": "reload", "text": "..."}    rules as text: there are no files here
 *     {"pktmod": 1, "ok": true, ...}                       or "ok": false with "error" */

#endif
