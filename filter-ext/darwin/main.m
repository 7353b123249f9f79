/* main.m - the process of the system extension: hands itself to the system, and waits. */
#import <NetworkExtension/NetworkExtension.h>
#include <dispatch/dispatch.h>

#import "filter-ext/darwin/PktmodControlListener.h"

int main(void)
{
    @autoreleasepool {
        [NEProvider startSystemExtensionMode]; /* before anything else */
        [PktmodControlListener start];
    }
    dispatch_main();
}
