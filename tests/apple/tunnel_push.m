/* tunnel_push.m - runs the packet tunnel provider, behind it a TUN device of this network
 * namespace, until standard input ends.
 *
 *     tunnel_push RULES < pipe      prints "carries", and for each line that is read, as an app
 *                                   message, the answer; "path" and "wake" are no messages */
#include <stdio.h>
#include <string.h>

#import "NEDoubleTunnel.h"
#import "tunnel-ext/darwin/PktmodPacketTunnelProvider.h"
#import "tunnel-ext/darwin/PktmodTunnelKeys.h"

static void take_line(NEDoubleTunnel *tunnel, const char *line)
{
    if (strcmp(line, "path\n") == 0) {
        [tunnel changePath];
    } else if (strcmp(line, "wake\n") == 0) {
        [tunnel sleepAndWake];
    } else {
        NSData *answer = [tunnel answerTo:[NSData dataWithBytes:line length:strlen(line)]];
        printf("%.*s\n", (int)answer.length, (const char *)answer.bytes);
    }
    fflush(stdout);
}

int main(int argc, char *argv[])
{
    NSAutoreleasePool *pool = [[NSAutoreleasePool alloc] init];
    NSString *rules =
        argc == 2 ? [NSString stringWithContentsOfFile:[NSString stringWithUTF8String:argv[1]]
                                              encoding:NSUTF8StringEncoding
                                                 error:NULL]
                  : nil;
    if (rules == nil) {
        fprintf(stderr, "usage: tunnel_push RULES\n");
        return 2;
    }
    PktmodPacketTunnelProvider *provider = [[PktmodPacketTunnelProvider alloc] init];
    NEDoubleTunnel *tunnel = [[NEDoubleTunnel alloc] initWithProvider:provider];
    [tunnel configure:@{PktmodTunnelRulesKey : rules}];
    NSError *error = [tunnel start];
    if (error != nil) {
        fprintf(stderr, "tunnel_push: %s\n", [[error localizedDescription] UTF8String]);
        return 2;
    }
    printf("carries %s\n", [[tunnel deviceName] UTF8String]);
    fflush(stdout);
    static char line[1 << 20];
    while (fgets(line, sizeof line, stdin) != NULL) {
        @autoreleasepool {
            take_line(tunnel, line);
        }
    }
    [tunnel stop];
    error = [tunnel cancelledWithin:0];
    if (error != nil)
        fprintf(stderr, "tunnel_push: cancelled: %s\n", [[error localizedDescription] UTF8String]);
    [tunnel release];
    [provider release];
    [pool drain];
    return error != nil;
}
