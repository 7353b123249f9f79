/* PktmodFilterSettings.h - the filter's settings in the system's preferences. */
#ifndef PKTMOD_DARWIN_FILTERSETTINGS_H
#define PKTMOD_DARWIN_FILTERSETTINGS_H

#import <NetworkExtension/NetworkExtension.h>

/* done is called once, on the main queue: nil, or why not. */
@interface PktmodFilterSettings : NSObject
/* The running filter takes the rules up at once. It refuses bad ones and keeps those before, which
 * only its log and its status tell: check them first, with `pktmod check`. */
+ (void)applyRules:(NSString *)rules
       toExtension:(NSString *)extension
              done:(void (^)(NSString *error))done;
+ (void)disableWithDone:(void (^)(NSString *error))done;
@end

#endif
