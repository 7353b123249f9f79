/* NETunnel.h - double of the parts of NetworkExtension.framework that the packet tunnel uses,
 * written from its documented interface. What tests do with it: NEDoubleTunnel.h. */
#ifndef PKTMOD_DOUBLE_NETUNNEL_H
#define PKTMOD_DOUBLE_NETUNNEL_H

#import <NetworkExtension/NetworkExtension.h>

NS_ASSUME_NONNULL_BEGIN

typedef NS_ENUM(NSInteger, NETunnelProviderError) {
    NETunnelProviderErrorNetworkSettingsInvalid = 1,
    NETunnelProviderErrorNetworkSettingsCanceled = 2,
    NETunnelProviderErrorNetworkSettingsFailed = 3,
};

extern NSString *const NETunnelProviderErrorDomain;

/* ------------------------------------------------------------------ settings */

@interface NEIPv4Route : NSObject {
    NSString *_destinationAddress, *_destinationSubnetMask, *_gatewayAddress;
}
- (instancetype)initWithDestinationAddress:(NSString *)address subnetMask:(NSString *)subnetMask;
+ (NEIPv4Route *)defaultRoute;
@property(readonly) NSString *destinationAddress;
@property(readonly) NSString *destinationSubnetMask;
@property(copy, nullable) NSString *gatewayAddress;
@end

@interface NEIPv4Settings : NSObject <NSCopying> {
    NSArray *_addresses, *_subnetMasks, *_includedRoutes, *_excludedRoutes;
}
- (instancetype)initWithAddresses:(NSArray<NSString *> *)addresses
                      subnetMasks:(NSArray<NSString *> *)subnetMasks;
@property(readonly) NSArray<NSString *> *addresses;
@property(readonly) NSArray<NSString *> *subnetMasks;
@property(copy, nullable) NSArray<NEIPv4Route *> *includedRoutes;
@property(copy, nullable) NSArray<NEIPv4Route *> *excludedRoutes;
@end

@interface NEIPv6Route : NSObject {
    NSString *_destinationAddress, *_gatewayAddress;
    NSNumber *_destinationNetworkPrefixLength;
}
- (instancetype)initWithDestinationAddress:(NSString *)address
                       networkPrefixLength:(NSNumber *)networkPrefixLength;
+ (NEIPv6Route *)defaultRoute;
@property(readonly) NSString *destinationAddress;
@property(readonly) NSNumber *destinationNetworkPrefixLength;
@property(copy, nullable) NSString *gatewayAddress;
@end

@interface NEIPv6Settings : NSObject <NSCopying> {
    NSArray *_addresses, *_networkPrefixLengths, *_includedRoutes, *_excludedRoutes;
}
- (instancetype)initWithAddresses:(NSArray<NSString *> *)addresses
             networkPrefixLengths:(NSArray<NSNumber *> *)networkPrefixLengths;
@property(readonly) NSArray<NSString *> *addresses;
@property(readonly) NSArray<NSNumber *> *networkPrefixLengths;
@property(copy, nullable) NSArray<NEIPv6Route *> *includedRoutes;
@property(copy, nullable) NSArray<NEIPv6Route *> *excludedRoutes;
@end

@interface NEDNSSettings : NSObject <NSCopying> {
    NSArray *_servers, *_matchDomains;
}
- (instancetype)initWithServers:(NSArray<NSString *> *)servers;
@property(readonly) NSArray<NSString *> *servers;
@property(copy, nullable) NSArray<NSString *> *matchDomains;
@end

@interface NETunnelNetworkSettings : NSObject <NSCopying> {
    NSString *_tunnelRemoteAddress;
    NEDNSSettings *_DNSSettings;
}
- (instancetype)initWithTunnelRemoteAddress:(NSString *)address;
@property(readonly) NSString *tunnelRemoteAddress;
@property(copy, nullable) NEDNSSettings *DNSSettings;
@end

@interface NEPacketTunnelNetworkSettings : NETunnelNetworkSettings {
    NEIPv4Settings *_IPv4Settings;
    NEIPv6Settings *_IPv6Settings;
    NSNumber *_MTU, *_tunnelOverheadBytes;
}
@property(copy, nullable) NEIPv4Settings *IPv4Settings;
@property(copy, nullable) NEIPv6Settings *IPv6Settings;
@property(copy, nullable) NSNumber *MTU;
@property(copy, nullable) NSNumber *tunnelOverheadBytes;
@end

/* ------------------------------------------------------------------ configuration */

@interface NEVPNProtocol : NSObject {
    NSString *_serverAddress;
    BOOL _disconnectOnSleep, _includeAllNetworks, _excludeLocalNetworks, _enforceRoutes;
}
@property(copy, nullable) NSString *serverAddress;
@property BOOL disconnectOnSleep;
@property BOOL includeAllNetworks;
@property BOOL excludeLocalNetworks;
@property BOOL enforceRoutes;
@end

@interface NETunnelProviderProtocol : NEVPNProtocol {
    NSDictionary *_providerConfiguration;
    NSString *_providerBundleIdentifier;
}
@property(copy, nullable) NSDictionary<NSString *, id> *providerConfiguration;
@property(copy, nullable) NSString *providerBundleIdentifier;
@end

/* ------------------------------------------------------------------ providers */

@interface NEPacketTunnelFlow : NSObject {
  @public
    struct ne_device *_device; /* of the session */
}
- (void)readPacketsWithCompletionHandler:
    (void (^)(NSArray<NSData *> *packets, NSArray<NSNumber *> *protocols))completionHandler;
- (BOOL)writePackets:(NSArray<NSData *> *)packets withProtocols:(NSArray<NSNumber *> *)protocols;
@end

@interface NETunnelProvider : NEProvider {
  @public
    NEVPNProtocol *_protocolConfiguration;
    struct ne_device *_device;
    BOOL _reasserting;
}
@property(readonly) NEVPNProtocol *protocolConfiguration;
@property BOOL reasserting;
- (void)handleAppMessage:(NSData *)messageData
       completionHandler:(nullable void (^)(NSData *_Nullable responseData))completionHandler;
- (void)setTunnelNetworkSettings:(nullable NETunnelNetworkSettings *)tunnelNetworkSettings
               completionHandler:(nullable void (^)(NSError *_Nullable error))completionHandler;
@end

@interface NEPacketTunnelProvider : NETunnelProvider {
  @public
    NEPacketTunnelFlow *_packetFlow;
}
@property(readonly) NEPacketTunnelFlow *packetFlow;
- (void)startTunnelWithOptions:(nullable NSDictionary<NSString *, NSObject *> *)options
             completionHandler:(void (^)(NSError *_Nullable error))completionHandler;
- (void)stopTunnelWithReason:(NEProviderStopReason)reason
           completionHandler:(void (^)(void))completionHandler;
- (void)cancelTunnelWithError:(nullable NSError *)error;
@end

NS_ASSUME_NONNULL_END

#endif
