/* main.m - the host app of the system extension, as a command: macOS lets only an app bring the
 * extension in, and only this app speak to it.
 *
 *     PktmodHost activate | deactivate | apply RULES | disable | status | questions | answer ...
 *     PktmodHost tunnel ... */
#import <NetworkExtension/NetworkExtension.h>
#import <SystemExtensions/SystemExtensions.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#import "app/darwin/PktmodActivation.h"
#import "app/darwin/PktmodFilterSettings.h"
#import "app/darwin/PktmodTunnelCommand.h"
#import "filter-ext/darwin/PktmodControl.h"

#define REPLY_S 10

static int usage(FILE *out)
{
    (void)fputs(
        "usage: PktmodHost COMMAND\n\n"
        "  activate               bring the system extension in; the user has to allow it once\n"
        "  deactivate             take it out\n"
        "  apply RULES            filter by this rule file from now on, also after a restart\n"
        "  disable                filter nothing; the settings stay\n"
        "  status                 what the filter has counted\n"
        "  questions              what rules ask\n"
        "  answer ID allow|drop [flow|rule|SECONDS]\n",
        out);
    (void)fputs(pktmod_tunnel_help, out);
    (void)fputs("\nexit: 0 good, 1 the system, the filter or the tunnel refused, 2 bad usage\n",
                out);
    return out == stdout ? 0 : 2;
}

static NSString *ofInfo(NSString *key)
{
    id value = [[[NSBundle mainBundle] infoDictionary] objectForKey:key];
    return [value isKindOfClass:[NSString class]] ? value : @"";
}

static int fail(NSString *text)
{
    (void)fprintf(stderr, "PktmodHost: %s\n", text.UTF8String);
    return 1;
}

/* ------------------------------------------------------------------ the running filter */

/* Waits for the reply that `ask` causes. Whatever comes back is printed by it. */
static int speak(void (^ask)(id<PktmodControl> filter, void (^done)(int status)))
{
    __block int result = 1;
    dispatch_semaphore_t ended = dispatch_semaphore_create(0);
    NSXPCConnection *connection =
        [[NSXPCConnection alloc] initWithMachServiceName:ofInfo(@"PktmodMachServiceName")
                                                 options:NSXPCConnectionPrivileged];
    connection.remoteObjectInterface =
        [NSXPCInterface interfaceWithProtocol:@protocol(PktmodControl)];
    [connection resume];
    id<PktmodControl> filter = [connection remoteObjectProxyWithErrorHandler:^(NSError *error) {
      result = fail(
          [@"the filter does not answer: " stringByAppendingString:error.localizedDescription]);
      dispatch_semaphore_signal(ended);
    }];
    ask(filter, ^(int status) {
      result = status;
      dispatch_semaphore_signal(ended);
    });
    if (dispatch_semaphore_wait(
            ended, dispatch_time(DISPATCH_TIME_NOW, (int64_t)(REPLY_S * NSEC_PER_SEC))) != 0)
        result = fail(@"the filter does not answer within ten seconds");
    [connection invalidate];
    [connection release];
    return result;
}

static int printed(id object)
{
    NSData *text =
        [NSJSONSerialization dataWithJSONObject:object
                                        options:NSJSONWritingPrettyPrinted | NSJSONWritingSortedKeys
                                          error:NULL];
    (void)fwrite(text.bytes, 1, text.length, stdout);
    (void)putchar('\n');
    return 0;
}

static int tell_status(void)
{
    return speak(^(id<PktmodControl> filter, void (^done)(int)) {
      [filter statusWithReply:^(NSDictionary *status) {
        done(printed(status));
      }];
    });
}

static int tell_questions(void)
{
    return speak(^(id<PktmodControl> filter, void (^done)(int)) {
      [filter questionsWithReply:^(NSArray *questions) {
        done(printed(questions));
      }];
    });
}

static int answer(int argc, char *const argv[])
{
    char *id_end = NULL, *seconds_end = NULL;
    if (argc < 2 || argc > 3)
        return usage(stderr);
    unsigned long long number = strtoull(argv[0], &id_end, 10);
    bool allow = strcmp(argv[1], "allow") == 0;
    const char *what = argc == 3 ? argv[2] : "flow";
    double seconds = strtod(what, &seconds_end);
    bool is_time = seconds_end != what && *seconds_end == '\0';
    bool is_word = strcmp(what, "flow") == 0 || strcmp(what, "rule") == 0;
    if (*argv[0] == '\0' || *id_end != '\0' || (!allow && strcmp(argv[1], "drop") != 0) ||
        (!is_time && !is_word))
        return usage(stderr);
    NSString *holds_for = is_time ? @"time" : [NSString stringWithUTF8String:what];
    return speak(^(id<PktmodControl> filter, void (^done)(int)) {
      [filter answerQuestion:[NSNumber numberWithUnsignedLongLong:number]
                       allow:allow
                    holdsFor:holds_for
                     seconds:is_time ? seconds : 0
                       reply:^(BOOL taken) {
                         done(taken ? 0 : fail(@"no such question (any more)"));
                       }];
    });
}

/* ------------------------------------------------------------------ the system */

/* Their callbacks come on the main queue. Never returns. */
static void run_on_main(void (^begin)(void (^done)(NSString *error)))
{
    begin(^(NSString *error) {
      exit(error == nil ? 0 : fail(error));
    });
    dispatch_main();
}

static int apply(const char *path)
{
    NSError *error = nil;
    NSString *rules = [NSString stringWithContentsOfFile:[NSString stringWithUTF8String:path]
                                                encoding:NSUTF8StringEncoding
                                                   error:&error];
    if (rules == nil)
        return fail(error.localizedDescription);
    run_on_main(^(void (^done)(NSString *)) {
      [PktmodFilterSettings applyRules:rules
                           toExtension:ofInfo(@"PktmodExtensionIdentifier")
                                  done:done];
    });
    return 0;
}

static int change(bool activate)
{
    run_on_main(^(void (^done)(NSString *)) {
      [PktmodActivation submit:ofInfo(@"PktmodExtensionIdentifier") activate:activate done:done];
    });
    return 0;
}

static int disable(void)
{
    run_on_main(^(void (^done)(NSString *)) {
      [PktmodFilterSettings disableWithDone:done];
    });
    return 0;
}

int main(int argc, char *argv[])
{
    @autoreleasepool {
        const char *command = argc > 1 ? argv[1] : "";
        if (strcmp(command, "answer") == 0)
            return answer(argc - 2, argv + 2);
        if (strcmp(command, "apply") == 0 && argc == 3)
            return apply(argv[2]);
        if (strcmp(command, "tunnel") == 0 &&
            !pktmod_tunnel_command(argc - 2, argv + 2, ofInfo(@"PktmodExtensionIdentifier")))
            return usage(stderr);
        if (argc != 2)
            return usage(stderr);
        if (strcmp(command, "--help") == 0)
            return usage(stdout);
        if (strcmp(command, "activate") == 0 || strcmp(command, "deactivate") == 0)
            return change(command[0] == 'a');
        if (strcmp(command, "disable") == 0)
            return disable();
        if (strcmp(command, "status") == 0)
            return tell_status();
        if (strcmp(command, "questions") == 0)
            return tell_questions();
        return usage(stderr);
    }
}
