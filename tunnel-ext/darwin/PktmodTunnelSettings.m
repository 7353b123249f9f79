/* PktmodTunnelSettings.m - NEPacketTunnelNetworkSettings of a plan. */
#import "tunnel-ext/darwin/PktmodTunnelSettings.h"

#include <arpa/inet.h>

#import "tunnel-ext/darwin/PktmodTunnelKeys.h"

/* Beyond it a device of NetworkExtension gets slow. */
#define MTU_MOST  4064u
#define MTU_LEAST 1280u

/* ------------------------------------------------------------------ refusals */

static BOOL isAddress(id text)
{
    struct in6_addr bytes;
    const char *utf8 = [text isKindOfClass:[NSString class]] ? [(NSString *)text UTF8String] : "";
    return inet_pton(AF_INET, utf8, &bytes) == 1 || inet_pton(AF_INET6, utf8, &bytes) == 1;
}

static NSString *refusalOfServers(id servers)
{
    if (servers == nil)
        return nil;
    if (![servers isKindOfClass:[NSArray class]] || [(NSArray *)servers count] == 0)
        return @"PktmodDNSServers is no list of addresses";
    for (id server in (NSArray *)servers)
        if (!isAddress(server))
            return [NSString stringWithFormat:@"PktmodDNSServers: \"%@\" is no address", server];
    return nil;
}

static NSString *refusalOfMTU(id mtu)
{
    if (mtu == nil)
        return nil;
    long value = [mtu isKindOfClass:[NSNumber class]] ? [(NSNumber *)mtu longValue] : 0;
    if (value >= (long)MTU_LEAST && value <= (long)MTU_MOST)
        return nil;
    return [NSString stringWithFormat:@"PktmodMTU is a number from %u to %u, not \"%@\"", MTU_LEAST,
                                      MTU_MOST, mtu];
}

NSString *pm_tunnel_refusal(NEVPNProtocol *protocol, NSDictionary *configuration)
{
    if (protocol.includeAllNetworks)
        return @"includeAllNetworks is set: the tunnel's own sockets could not reach the network, "
               @"and "
               @"its listener not the programs; switch it off in the VPN's configuration";
    if (protocol.enforceRoutes)
        return @"enforceRoutes is set: the tunnel's own sockets would be routed into it; switch it "
               @"off in the VPN's configuration";
    if (![[configuration objectForKey:PktmodTunnelRulesKey] isKindOfClass:[NSString class]])
        return @"the tunnel's providerConfiguration has no text under PktmodRules";
    NSString *wrong = refusalOfServers([configuration objectForKey:PktmodTunnelDNSKey]);
    return wrong != nil ? wrong : refusalOfMTU([configuration objectForKey:PktmodTunnelMTUKey]);
}

uint32_t pm_tunnel_mtu(NSDictionary *configuration)
{
    NSNumber *mtu = [configuration objectForKey:PktmodTunnelMTUKey];
    return mtu == nil ? MTU_MOST : (uint32_t)[mtu longValue];
}

/* ------------------------------------------------------------------ settings */

static NSString *textOf(const struct pm_addr *addr)
{
    char text[PM_ADDR_TEXT];
    pm_addr_text(addr, text);
    return [NSString stringWithUTF8String:text];
}

static NSString *maskOf(unsigned bits)
{
    struct pm_addr mask = {.version = 4};
    for (unsigned i = 0; i < bits; i++)
        mask.bytes[i / 8] |= (uint8_t)(0x80u >> i % 8);
    return textOf(&mask);
}

static id routeTo(const struct pm_prefix *to)
{
    NSString *address = textOf(&to->addr);
    if (to->addr.version == 4)
        return [[[NEIPv4Route alloc] initWithDestinationAddress:address
                                                     subnetMask:maskOf(to->bits)] autorelease];
    return [[[NEIPv6Route alloc]
        initWithDestinationAddress:address
               networkPrefixLength:[NSNumber numberWithUnsignedInt:to->bits]] autorelease];
}

bool pm_tunnel_has_version(const struct pm_run_plan *plan, uint8_t version)
{
    for (size_t i = 0; i < plan->count; i++)
        if (plan->prefixes[i].addr.version == version)
            return true;
    return false;
}

/* Of one IP version: T's network, what the plan says, and resolvers. */
static NSArray *routesOf(const struct pm_run_plan *plan, const struct pm_addr *peer, unsigned bits,
                         NSArray<NSString *> *servers)
{
    NSMutableArray *routes = [NSMutableArray array];
    struct pm_prefix own = {.addr = *peer, .bits = (uint8_t)bits};
    uint8_t *last = &own.addr.bytes[peer->version == 4 ? 3 : 15];
    *last = (uint8_t)(*last & ~3u); /* both networks have two bits for hosts */
    [routes addObject:routeTo(&own)];
    for (size_t i = 0; i < plan->count; i++)
        if (plan->prefixes[i].addr.version == peer->version)
            [routes addObject:routeTo(&plan->prefixes[i])];
    for (NSString *server in servers) {
        struct pm_prefix to = {.addr.version = peer->version,
                               .bits = peer->version == 4 ? 32 : 128};
        int family = peer->version == 4 ? AF_INET : AF_INET6;
        if (inet_pton(family, server.UTF8String, to.addr.bytes) == 1)
            [routes addObject:routeTo(&to)];
    }
    return routes;
}

NEPacketTunnelNetworkSettings *pm_tunnel_settings(const struct pm_run_plan *plan,
                                                  const struct pm_addresses *addresses,
                                                  NSDictionary *configuration)
{
    NSArray<NSString *> *servers = [configuration objectForKey:PktmodTunnelDNSKey];
    NEPacketTunnelNetworkSettings *settings = [[[NEPacketTunnelNetworkSettings alloc]
        initWithTunnelRemoteAddress:textOf(&addresses->peer4)] autorelease];
    NEIPv4Settings *ipv4 =
        [[[NEIPv4Settings alloc] initWithAddresses:@[ textOf(&addresses->own4) ]
                                       subnetMasks:@[ maskOf(PM_OWN4_BITS) ]] autorelease];
    ipv4.includedRoutes = routesOf(plan, &addresses->peer4, PM_OWN4_BITS, servers);
    settings.IPv4Settings = ipv4;
    if (addresses->own6.version != 0) {
        NSNumber *bits = [NSNumber numberWithUnsignedInt:PM_OWN6_BITS];
        NEIPv6Settings *ipv6 =
            [[[NEIPv6Settings alloc] initWithAddresses:@[ textOf(&addresses->own6) ]
                                  networkPrefixLengths:@[ bits ]] autorelease];
        ipv6.includedRoutes = routesOf(plan, &addresses->peer6, PM_OWN6_BITS, servers);
        settings.IPv6Settings = ipv6;
    }
    if (servers != nil) {
        settings.DNSSettings = [[[NEDNSSettings alloc] initWithServers:servers] autorelease];
        settings.DNSSettings.matchDomains = @[ @"" ]; /* all of them */
    }
    settings.MTU = [NSNumber numberWithUnsignedInt:pm_tunnel_mtu(configuration)];
    return settings;
}
