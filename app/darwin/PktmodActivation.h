/* PktmodActivation.h - brings the system extension in, or takes it out. */
#ifndef PKTMOD_DARWIN_ACTIVATION_H
#define PKTMOD_DARWIN_ACTIVATION_H

#import <SystemExtensions/SystemExtensions.h>

@interface PktmodActivation : NSObject <OSSystemExtensionRequestDelegate> {
  @private
    void (^_done)(NSString *error);
}
/* done is called once, on the main queue: nil, or why not. Waiting for the user to allow the
 * extension can take for ever; a line on standard error says that it is so. */
+ (void)submit:(NSString *)extension activate:(BOOL)activate done:(void (^)(NSString *error))done;
@end

#endif
