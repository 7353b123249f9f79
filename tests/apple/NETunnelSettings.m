/* NETunnelSettings.m - the settings and configurations of the double's tunnel half: plain values.
 */
#import <NetworkExtension/NetworkExtension.h>

@implementation NEIPv4Route
@synthesize destinationAddress = _destinationAddress,
            destinationSubnetMask = _destinationSubnetMask, gatewayAddress = _gatewayAddress;
- (instancetype)initWithDestinationAddress:(NSString *)address subnetMask:(NSString *)subnetMask
{
    if ((self = [super init])) {
        _destinationAddress = [address copy];
        _destinationSubnetMask = [subnetMask copy];
    }
    return self;
}
+ (NEIPv4Route *)defaultRoute
{
    return [[[self alloc] initWithDestinationAddress:@"0.0.0.0" subnetMask:@"0.0.0.0"] autorelease];
}
- (void)dealloc
{
    [_destinationAddress release];
    [_destinationSubnetMask release];
    [_gatewayAddress release];
    [super dealloc];
}
@end

@implementation NEIPv4Settings
@synthesize addresses = _addresses, subnetMasks = _subnetMasks, includedRoutes = _includedRoutes,
            excludedRoutes = _excludedRoutes;
- (instancetype)initWithAddresses:(NSArray<NSString *> *)addresses
                      subnetMasks:(NSArray<NSString *> *)subnetMasks
{
    if ((self = [super init])) {
        _addresses = [addresses copy];
        _subnetMasks = [subnetMasks copy];
    }
    return self;
}
- (id)copyWithZone:(NSZone *)zone
{
    NEIPv4Settings *copy = [[NEIPv4Settings allocWithZone:zone] initWithAddresses:_addresses
                                                                      subnetMasks:_subnetMasks];
    copy.includedRoutes = _includedRoutes;
    copy.excludedRoutes = _excludedRoutes;
    return copy;
}
- (void)dealloc
{
    [_addresses release];
    [_subnetMasks release];
    [_includedRoutes release];
    [_excludedRoutes release];
    [super dealloc];
}
@end

@implementation NEIPv6Route
@synthesize destinationAddress = _destinationAddress,
            destinationNetworkPrefixLength = _destinationNetworkPrefixLength,
            gatewayAddress = _gatewayAddress;
- (instancetype)initWithDestinationAddress:(NSString *)address
                       networkPrefixLength:(NSNumber *)networkPrefixLength
{
    if ((self = [super init])) {
        _destinationAddress = [address copy];
        _destinationNetworkPrefixLength = [networkPrefixLength copy];
    }
    return self;
}
+ (NEIPv6Route *)defaultRoute
{
    return [[[self alloc] initWithDestinationAddress:@"::" networkPrefixLength:@0] autorelease];
}
- (void)dealloc
{
    [_destinationAddress release];
    [_destinationNetworkPrefixLength release];
    [_gatewayAddress release];
    [super dealloc];
}
@end

@implementation NEIPv6Settings
@synthesize addresses = _addresses, networkPrefixLengths = _networkPrefixLengths,
            includedRoutes = _includedRoutes, excludedRoutes = _excludedRoutes;
- (instancetype)initWithAddresses:(NSArray<NSString *> *)addresses
             networkPrefixLengths:(NSArray<NSNumber *> *)networkPrefixLengths
{
    if ((self = [super init])) {
        _addresses = [addresses copy];
        _networkPrefixLengths = [networkPrefixLengths copy];
    }
    return self;
}
- (id)copyWithZone:(NSZone *)zone
{
    NEIPv6Settings *copy =
        [[NEIPv6Settings allocWithZone:zone] initWithAddresses:_addresses
                                          networkPrefixLengths:_networkPrefixLengths];
    copy.includedRoutes = _includedRoutes;
    copy.excludedRoutes = _excludedRoutes;
    return copy;
}
- (void)dealloc
{
    [_addresses release];
    [_networkPrefixLengths release];
    [_includedRoutes release];
    [_excludedRoutes release];
    [super dealloc];
}
@end

@implementation NEDNSSettings
@synthesize servers = _servers, matchDomains = _matchDomains;
- (instancetype)initWithServers:(NSArray<NSString *> *)servers
{
    if ((self = [super init]))
        _servers = [servers copy];
    return self;
}
- (id)copyWithZone:(NSZone *)zone
{
    NEDNSSettings *copy = [[NEDNSSettings allocWithZone:zone] initWithServers:_servers];
    copy.matchDomains = _matchDomains;
    return copy;
}
- (void)dealloc
{
    [_servers release];
    [_matchDomains release];
    [super dealloc];
}
@end

@implementation NETunnelNetworkSettings
@synthesize tunnelRemoteAddress = _tunnelRemoteAddress, DNSSettings = _DNSSettings;
- (instancetype)initWithTunnelRemoteAddress:(NSString *)address
{
    if ((self = [super init]))
        _tunnelRemoteAddress = [address copy];
    return self;
}
- (id)copyWithZone:(NSZone *)zone
{
    NETunnelNetworkSettings *copy =
        [[[self class] allocWithZone:zone] initWithTunnelRemoteAddress:_tunnelRemoteAddress];
    copy.DNSSettings = _DNSSettings;
    return copy;
}
- (void)dealloc
{
    [_tunnelRemoteAddress release];
    [_DNSSettings release];
    [super dealloc];
}
@end

@implementation NEPacketTunnelNetworkSettings
@synthesize IPv4Settings = _IPv4Settings, IPv6Settings = _IPv6Settings, MTU = _MTU,
            tunnelOverheadBytes = _tunnelOverheadBytes;
- (id)copyWithZone:(NSZone *)zone
{
    NEPacketTunnelNetworkSettings *copy = [super copyWithZone:zone];
    copy.IPv4Settings = _IPv4Settings;
    copy.IPv6Settings = _IPv6Settings;
    copy.MTU = _MTU;
    copy.tunnelOverheadBytes = _tunnelOverheadBytes;
    return copy;
}
- (void)dealloc
{
    [_IPv4Settings release];
    [_IPv6Settings release];
    [_MTU release];
    [_tunnelOverheadBytes release];
    [super dealloc];
}
@end

@implementation NEVPNProtocol
@synthesize serverAddress = _serverAddress, disconnectOnSleep = _disconnectOnSleep,
            includeAllNetworks = _includeAllNetworks, excludeLocalNetworks = _excludeLocalNetworks,
            enforceRoutes = _enforceRoutes;
- (void)dealloc
{
    [_serverAddress release];
    [super dealloc];
}
@end

@implementation NETunnelProviderProtocol
@synthesize providerConfiguration = _providerConfiguration,
            providerBundleIdentifier = _providerBundleIdentifier;
- (void)dealloc
{
    [_providerConfiguration release];
    [_providerBundleIdentifier release];
    [super dealloc];
}
@end
