/* PktmodTunnelCommand.m - words into calls of PktmodTunnelManager. */
#import "app/darwin/PktmodTunnelCommand.h"

#include <dispatch/dispatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#import "app/darwin/PktmodTunnelManager.h"

const char pktmod_tunnel_help[] =
    "  tunnel apply RULES     rewrite by this rule file, from the tunnel's next start on\n"
    "  tunnel start | stop\n"
    "  tunnel status | stats  as `pktmod ctl` has them, JSON\n"
    "  tunnel reload RULES    new rules for the tunnel that runs, until it starts again\n";

static void end(NSString *error)
{
    if (error != nil)
        (void)fprintf(stderr, "PktmodHost: tunnel: %s\n", error.UTF8String);
    exit(error == nil ? 0 : 1);
}

static NSString *textOf(const char *path)
{
    NSError *error = nil;
    NSString *text = [NSString stringWithContentsOfFile:[NSString stringWithUTF8String:path]
                                               encoding:NSUTF8StringEncoding
                                                  error:&error];
    if (text == nil)
        end(error.localizedDescription);
    return text;
}

/* Prints the answer; one that is not good ends with 1. */
static void take_answer(NSData *answer, NSString *error)
{
    if (error != nil)
        end(error);
    (void)fwrite(answer.bytes, 1, answer.length, stdout);
    (void)putchar('\n');
    id read = [NSJSONSerialization JSONObjectWithData:answer options:0 error:NULL];
    bool is_good = [read isKindOfClass:[NSDictionary class]] &&
                   [[(NSDictionary *)read objectForKey:@"ok"] boolValue];
    exit(is_good ? 0 : 1);
}

static void ask(NSString *command, NSString *text, NSString *extension)
{
    NSMutableDictionary *request = [NSMutableDictionary dictionary];
    [request setObject:@1 forKey:@"pktmod"];
    [request setObject:command forKey:@"command"];
    if (text != nil)
        [request setObject:text forKey:@"text"];
    NSData *message = [NSJSONSerialization dataWithJSONObject:request options:0 error:NULL];
    [PktmodTunnelManager tell:message
                    extension:extension
                         done:^(NSData *answer, NSString *error) {
                           take_answer(answer, error);
                         }];
}

static bool begin(int argc, char *const argv[], NSString *extension)
{
    void (^done)(NSString *) = ^(NSString *error) {
      end(error);
    };
    const char *word = argc > 0 ? argv[0] : "";
    bool is_plain = argc == 1, has_rules = argc == 2;
    if (is_plain && strcmp(word, "start") == 0)
        [PktmodTunnelManager startExtension:extension done:done];
    else if (is_plain && strcmp(word, "stop") == 0)
        [PktmodTunnelManager stopExtension:extension done:done];
    else if (is_plain && (strcmp(word, "status") == 0 || strcmp(word, "stats") == 0))
        ask([NSString stringWithUTF8String:word], nil, extension);
    else if (has_rules && strcmp(word, "apply") == 0)
        [PktmodTunnelManager applyRules:textOf(argv[1]) toExtension:extension done:done];
    else if (has_rules && strcmp(word, "reload") == 0)
        ask(@"reload", textOf(argv[1]), extension);
    else
        return false;
    return true;
}

bool pktmod_tunnel_command(int argc, char *const argv[], NSString *extension)
{
    if (!begin(argc, argv, extension))
        return false;
    dispatch_main(); /* callbacks come on the main queue, and end the process */
}
