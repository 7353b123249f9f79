/* PktmodActivation.m - one request to the system, and what comes of it. */
#import "app/darwin/PktmodActivation.h"

#include <Block.h>
#include <stdio.h>

@implementation PktmodActivation

+ (void)submit:(NSString *)extension activate:(BOOL)activate done:(void (^)(NSString *error))done
{
    PktmodActivation *delegate = [[self alloc] init]; /* until the request has ended */
    delegate->_done = Block_copy(done);
    OSSystemExtensionRequest *request =
        activate
            ? [OSSystemExtensionRequest activationRequestForExtension:extension
                                                                queue:dispatch_get_main_queue()]
            : [OSSystemExtensionRequest deactivationRequestForExtension:extension
                                                                  queue:dispatch_get_main_queue()];
    request.delegate = delegate;
    [[OSSystemExtensionManager sharedManager] submitRequest:request];
}

- (void)end:(NSString *)error
{
    _done(error);
    [self release];
}

- (OSSystemExtensionReplacementAction)request:(OSSystemExtensionRequest *)request
                  actionForReplacingExtension:(OSSystemExtensionProperties *)existing
                                withExtension:(OSSystemExtensionProperties *)extension
{
    (void)request;
    (void)fprintf(stderr, "replacing %s (%s) by %s (%s)\n", existing.bundleShortVersion.UTF8String,
                  existing.bundleVersion.UTF8String, extension.bundleShortVersion.UTF8String,
                  extension.bundleVersion.UTF8String);
    return OSSystemExtensionReplacementActionReplace;
}

- (void)requestNeedsUserApproval:(OSSystemExtensionRequest *)request
{
    (void)request;
    (void)fputs("waiting: allow the extension in System Settings\n", stderr);
}

- (void)request:(OSSystemExtensionRequest *)request
    didFinishWithResult:(OSSystemExtensionRequestResult)result
{
    (void)request;
    if (result == OSSystemExtensionRequestWillCompleteAfterReboot)
        (void)fputs("done after a restart of the Mac\n", stderr);
    [self end:nil];
}

- (void)request:(OSSystemExtensionRequest *)request didFailWithError:(NSError *)error
{
    (void)request;
    [self end:[NSString stringWithFormat:@"the system refuses the extension (%ld): %@",
                                         (long)error.code, error.localizedDescription]];
}

- (void)dealloc
{
    Block_release(_done);
    [super dealloc];
}

@end
