/* NetworkExtension.h - double of the parts of NetworkExtension.framework that the providers
 * use, written from its documented interface. What tests do with it: NEDouble.h. */
#ifndef PKTMOD_DOUBLE_NETWORKEXTENSION_H
#define PKTMOD_DOUBLE_NETWORKEXTENSION_H

#import <Foundation/Foundation.h>
#import <Network/Network.h>
#include <sys/socket.h>

#ifndef NS_ASSUME_NONNULL_BEGIN
#define NS_ASSUME_NONNULL_BEGIN _Pragma("clang assume_nonnull begin")
#define NS_ASSUME_NONNULL_END   _Pragma("clang assume_nonnull end")
#endif

NS_ASSUME_NONNULL_BEGIN

typedef NS_ENUM(NSInteger, NETrafficDirection) {
    NETrafficDirectionAny = 0,
    NETrafficDirectionInbound = 1,
    NETrafficDirectionOutbound = 2,
};

typedef NS_ENUM(NSInteger, NEProviderStopReason) {
    NEProviderStopReasonNone = 0,
    NEProviderStopReasonUserInitiated = 1,
    NEProviderStopReasonProviderFailed = 2,
    NEProviderStopReasonConfigurationDisabled = 9,
};

typedef NS_ENUM(NSInteger, NEFilterManagerError) {
    NEFilterManagerErrorConfigurationInvalid = 1,
    NEFilterManagerErrorConfigurationInternalError = 6,
};

extern NSString *const NEFilterErrorDomain;

typedef NS_ENUM(NSInteger, NWPathStatus) {
    NWPathStatusInvalid = 0,
    NWPathStatusSatisfied = 1,
    NWPathStatusUnsatisfied = 2,
    NWPathStatusSatisfiable = 3,
};

@interface NWPath : NSObject {
  @public
    NWPathStatus _status;
}
@property(readonly) NWPathStatus status;
@end

@interface NEProvider : NSObject {
  @public
    NWPath *_defaultPath;
}
+ (void)startSystemExtensionMode;
@property(readonly, nullable) NWPath *defaultPath;
- (void)sleepWithCompletionHandler:(void (^)(void))completionHandler;
- (void)wake;
@end

@interface NEFilterProviderConfiguration : NSObject <NSCopying> {
    NSDictionary *_vendorConfiguration;
}
@property(copy, nullable) NSDictionary *vendorConfiguration;
@end

@interface NEFilterProvider : NEProvider {
  @public
    NEFilterProviderConfiguration *_filterConfiguration;
}
@property(readonly) NEFilterProviderConfiguration *filterConfiguration;
- (void)startFilterWithCompletionHandler:(void (^)(NSError *_Nullable error))completionHandler;
- (void)stopFilterWithReason:(NEProviderStopReason)reason
           completionHandler:(void (^)(void))completionHandler;
@end

/* Opaque: the double knows which call it belongs to. */
@interface NEFilterPacketContext : NSObject {
  @public
    struct ne_call *_call;
}
@end

@interface NEPacket : NSObject {
  @public
    NSData *_data;
    sa_family_t _protocolFamily;
    NETrafficDirection _direction;
    struct ne_delayed *_delayed; /* NULL: made by initWithData */
}
@property(readonly, copy) NSData *data;
@property(readonly) sa_family_t protocolFamily;
@property(readonly) NETrafficDirection direction;
- (instancetype)initWithData:(NSData *)data protocolFamily:(sa_family_t)protocolFamily;
@end

typedef NS_ENUM(NSInteger, NEFilterPacketProviderVerdict) {
    NEFilterPacketProviderVerdictAllow = 0,
    NEFilterPacketProviderVerdictDrop = 1,
    NEFilterPacketProviderVerdictDelay = 2,
};

typedef NEFilterPacketProviderVerdict (^NEFilterPacketHandler)(NEFilterPacketContext *context,
                                                               nw_interface_t interface,
                                                               NETrafficDirection direction,
                                                               const void *packetBytes,
                                                               const size_t packetLength);

@interface NEFilterPacketProvider : NEFilterProvider {
  @public
    NEFilterPacketHandler _packetHandler;
    struct ne_journal *_journal;
}
@property(strong, nullable) NEFilterPacketHandler packetHandler;
- (NEPacket *)delayCurrentPacket:(NEFilterPacketContext *)context;
- (void)allowPacket:(NEPacket *)packet;
@end

NS_ASSUME_NONNULL_END

#import <NetworkExtension/NETunnel.h>

#endif
