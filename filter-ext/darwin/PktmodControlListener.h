/* PktmodControlListener.h - lets the host app, and nobody else, speak to the running filter. */
#ifndef PKTMOD_DARWIN_CONTROLLISTENER_H
#define PKTMOD_DARWIN_CONTROLLISTENER_H

#import <Foundation/Foundation.h>

/* Key of the extension's Info.plist: the code requirement that peers must satisfy. */
#define PktmodPeerRequirementKey @"PktmodPeerRequirement"

@interface PktmodControlListener : NSObject <NSXPCListenerDelegate> {
  @private
    NSXPCListener *_listener;
    NSString *_requirement;
}
/* Listens under NEMachServiceName for as long as the process lives. Without a name or a
 * requirement in Info.plist, or before macOS 13, which cannot check a peer for us, it does not
 * listen and says so in the log. */
+ (void)start;
@end

#endif
