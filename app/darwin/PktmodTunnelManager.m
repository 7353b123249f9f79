/* PktmodTunnelManager.m - loads, changes and saves our one NETunnelProviderManager. */
#import "app/darwin/PktmodTunnelManager.h"

#import "tunnel-ext/darwin/PktmodTunnelKeys.h"

#define LOOKS_BEFORE 30u /* that may find a session not begun */

/* The system wants one; nobody is reached there. */
static NSString *const nowhere = @"127.0.0.1";

static NSString *told(NSString *what, NSError *error)
{
    return [NSString
        stringWithFormat:@"%@ (%ld): %@", what, (long)error.code, error.localizedDescription];
}

static BOOL isOurs(NETunnelProviderManager *manager, NSString *extension)
{
    NETunnelProviderProtocol *protocol = (NETunnelProviderProtocol *)manager.protocolConfiguration;
    return [protocol isKindOfClass:[NETunnelProviderProtocol class]] &&
           [protocol.providerBundleIdentifier isEqualToString:extension];
}

@implementation PktmodTunnelManager

/* nil for the manager: there is none yet. */
+ (void)load:(NSString *)extension
        then:(void (^)(NETunnelProviderManager *manager, NSString *error))then
{
    [NETunnelProviderManager loadAllFromPreferencesWithCompletionHandler:^(
                                 NSArray<NETunnelProviderManager *> *all, NSError *error) {
      if (error != nil) {
          then(nil, told(@"the tunnel's settings cannot be read", error));
          return;
      }
      for (NETunnelProviderManager *manager in all) {
          if (isOurs(manager, extension)) {
              then(manager, nil);
              return;
          }
      }
      then(nil, nil);
    }];
}

/* The session of a manager that exists. */
+ (void)session:(NSString *)extension
           then:(void (^)(NETunnelProviderSession *session, NSString *error))then
{
    [self load:extension
          then:^(NETunnelProviderManager *manager, NSString *error) {
            if (manager == nil && error == nil)
                error = @"there is no tunnel yet: tunnel apply RULES makes one";
            then(manager == nil ? nil : (NETunnelProviderSession *)manager.connection, error);
          }];
}

+ (void)applyRules:(NSString *)rules
       toExtension:(NSString *)extension
              done:(void (^)(NSString *error))done
{
    [self
        load:extension
        then:^(NETunnelProviderManager *found, NSString *error) {
          if (error != nil) {
              done(error);
              return;
          }
          NETunnelProviderManager *manager =
              found != nil ? found : [[[NETunnelProviderManager alloc] init] autorelease];
          NETunnelProviderProtocol *protocol =
              found != nil ? (NETunnelProviderProtocol *)found.protocolConfiguration
                           : [[[NETunnelProviderProtocol alloc] init] autorelease];
          NSMutableDictionary *configuration = [NSMutableDictionary dictionary];
          if (protocol.providerConfiguration != nil) /* resolvers and MTU are not ours to forget */
              [configuration setDictionary:protocol.providerConfiguration];
          [configuration setObject:rules forKey:PktmodTunnelRulesKey];
          protocol.providerConfiguration = configuration;
          protocol.providerBundleIdentifier = extension;
          protocol.serverAddress = nowhere;
          protocol.disconnectOnSleep = NO;
          manager.protocolConfiguration = protocol;
          manager.localizedDescription = @"pktmod";
          manager.enabled = YES;
          [manager saveToPreferencesWithCompletionHandler:^(NSError *unsaved) {
            done(unsaved == nil ? nil : told(@"the tunnel's settings are not saved", unsaved));
          }];
        }];
}

/* Looks every tenth of a second: a command has nothing else to do meanwhile. A session is still
 * disconnected when its start has only been asked for. */
+ (void)await:(NETunnelProviderSession *)session
        looks:(unsigned)looks
         done:(void (^)(NSString *error))done
{
    switch (session.status) {
    case NEVPNStatusConnected:
        done(nil);
        return;
    case NEVPNStatusInvalid:
    case NEVPNStatusDisconnected:
        if (looks < LOOKS_BEFORE)
            break;
        done(@"the tunnel did not start; the system's log says why: log show --last 5m --predicate "
             @"'eventMessage BEGINSWITH \"pktmod\"'");
        return;
    case NEVPNStatusConnecting:
    case NEVPNStatusReasserting:
    case NEVPNStatusDisconnecting:
        looks = LOOKS_BEFORE; /* it has begun */
        break;
    }
    dispatch_after(dispatch_time(DISPATCH_TIME_NOW, (int64_t)(NSEC_PER_SEC / 10)),
                   dispatch_get_main_queue(), ^{
                     [self await:session looks:looks + 1 done:done];
                   });
}

+ (void)startExtension:(NSString *)extension done:(void (^)(NSString *error))done
{
    [self session:extension
             then:^(NETunnelProviderSession *session, NSString *error) {
               NSError *refused = nil;
               if (session != nil && ![session startTunnelWithOptions:nil andReturnError:&refused])
                   error = told(@"the system does not start the tunnel", refused);
               if (error != nil)
                   done(error);
               else
                   [self await:session looks:0 done:done];
             }];
}

+ (void)stopExtension:(NSString *)extension done:(void (^)(NSString *error))done
{
    [self session:extension
             then:^(NETunnelProviderSession *session, NSString *error) {
               [session stopTunnel];
               done(error);
             }];
}

+ (void)tell:(NSData *)message
    extension:(NSString *)extension
         done:(void (^)(NSData *answer, NSString *error))done
{
    [self session:extension
             then:^(NETunnelProviderSession *session, NSString *error) {
               NSError *unsent = nil;
               BOOL is_sent =
                   session != nil &&
                   [session sendProviderMessage:message
                                    returnError:&unsent
                                responseHandler:^(NSData *answer) {
                                  done(answer, answer != nil ? nil : @"the tunnel does not run");
                                }];
               if (!is_sent)
                   done(nil, error != nil ? error : told(@"the tunnel is not reached", unsent));
             }];
}

@end
