/* PktmodControl.h - what the host app may ask of the running filter, over XPC. */
#ifndef PKTMOD_DARWIN_CONTROL_H
#define PKTMOD_DARWIN_CONTROL_H

#import <Foundation/Foundation.h>

NS_ASSUME_NONNULL_BEGIN

/* Keys of vendorConfiguration. */
#define PktmodRulesKey         @"PktmodRules"         /* NSString: a rule file, as JSON text */
#define PktmodOwnInterfacesKey @"PktmodOwnInterfaces" /* NSArray of NSString: "utun4" */
#define PktmodShardsKey        @"PktmodShards"        /* NSNumber; read when the filter starts */

/* Replies come on any queue. Property-list types alone travel. */
@protocol PktmodControl
/* Numbers by name, as `pktmod replay --format json` names them where it has them. */
- (void)statusWithReply:(void (^)(NSDictionary *status))reply;
/* nil: the rules are in force, until the settings have others or the filter starts again. Else
 * every error, a line each, and the rules before stay. */
- (void)replaceRules:(NSString *)rules reply:(void (^)(NSString *_Nullable error))reply;
/* Open questions: "id" (NSNumber), "rule", "from", "to", "seconds_left". */
- (void)questionsWithReply:(void (^)(NSArray *questions))reply;
/* what: "flow", "rule", or "time" with seconds. */
- (void)answerQuestion:(NSNumber *)number
                 allow:(BOOL)allow
              holdsFor:(NSString *)what
               seconds:(double)seconds
                 reply:(void (^)(BOOL taken))reply;
@end

NS_ASSUME_NONNULL_END

#endif
