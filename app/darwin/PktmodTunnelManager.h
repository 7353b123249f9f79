/* PktmodTunnelManager.h - the tunnel's configuration in the system's preferences, and its session.
 */
#ifndef PKTMOD_DARWIN_TUNNELMANAGER_H
#define PKTMOD_DARWIN_TUNNELMANAGER_H

#import <NetworkExtension/NetworkExtension.h>

/* done is called once, on the main queue: nil, or why not. */
@interface PktmodTunnelManager : NSObject
/* The system asks the user, the first time. A tunnel that runs keeps its rules until it starts
 * again: tell it to reload. */
+ (void)applyRules:(NSString *)rules
       toExtension:(NSString *)extension
              done:(void (^)(NSString *error))done;
/* Answers when the tunnel carries, or does not: its own words why. */
+ (void)startExtension:(NSString *)extension done:(void (^)(NSString *error))done;
+ (void)stopExtension:(NSString *)extension done:(void (^)(NSString *error))done;
/* An app message (tunnel-ext/darwin/PktmodTunnelKeys.h) and its answer, or an error. */
+ (void)tell:(NSData *)message
    extension:(NSString *)extension
         done:(void (^)(NSData *answer, NSString *error))done;
@end

#endif
