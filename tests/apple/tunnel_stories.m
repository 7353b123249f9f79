/* tunnel_stories.m - the packet tunnel provider against the double: what it asks for, what it
 * refuses, and every order in which its calls may come. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#import "NEDoubleTunnel.h"
#import "tunnel-ext/darwin/PktmodPacketTunnelProvider.h"
#import "tunnel-ext/darwin/PktmodTunnelKeys.h"

static NSString *const editWeb =
    @"{\"pktmod\": 1, \"rules\": [{\"id\": \"word\", \"match\": {\"ip.dst\": [\"10.9.0.0/24\", "
    @"\"10.9.7.7\"], \"tcp.dstport\": 80}, \"rewrite\": [{\"replace\": {\"find\": \"cat\", "
    @"\"with\": \"horse\"}}]}]}";
static NSString *const editAll = @"{\"pktmod\": 1, \"rules\": [{\"id\": \"word\", \"match\": "
                                 @"{\"tcp.dstport\": 80}, \"rewrite\": [{\"replace\": {\"find\": "
                                 @"\"cat\", \"with\": \"horse\"}}]}]}";

struct scene {
    NSAutoreleasePool *pool;
    PktmodPacketTunnelProvider *provider;
    NEDoubleTunnel *tunnel;
};

static void prepare(struct scene *s)
{
    s->pool = [[NSAutoreleasePool alloc] init];
    s->provider = [[PktmodPacketTunnelProvider alloc] init];
    s->tunnel = [[NEDoubleTunnel alloc] initWithProvider:s->provider];
    [s->tunnel configure:@{PktmodTunnelRulesKey : editWeb}];
}

static void leave(struct scene *s)
{
    [s->tunnel release];
    [s->provider release];
    [s->pool drain];
}

static void begin(struct scene *s)
{
    prepare(s);
    NSError *error = [s->tunnel start];
    if (error != nil)
        fail_msg("%s", [[error localizedDescription] UTF8String]);
}

static void end(struct scene *s)
{
    [s->tunnel stop];
    leave(s);
}

static NSDictionary *told(struct scene *s, const char *request)
{
    NSData *answer = [s->tunnel answerTo:[NSData dataWithBytes:request length:strlen(request)]];
    return [NSJSONSerialization JSONObjectWithData:answer options:0 error:NULL];
}

static NSString *wordOf(struct scene *s, const char *command, NSString *key)
{
    char request[64];
    (void)snprintf(request, sizeof request, "{\"pktmod\": 1, \"command\": \"%s\"}", command);
    return [[told(s, request) objectForKey:key] description];
}

/* Until the status says so. */
static void await_status(struct scene *s, NSString *key, const char *value)
{
    for (unsigned i = 0; i < 100; i++) {
        if (strcmp([wordOf(s, "status", key) UTF8String], value) == 0)
            return;
        (void)usleep(30000);
    }
    fail_msg("%s is never %s", [key UTF8String], value);
}

static void run(const char *command)
{
    if (system(command) != 0)
        fail_msg("%s", command);
}

/* ------------------------------------------------------------------ settings */

static NSString *routesOf(NSArray *routes, NSString *mask)
{
    NSMutableString *text = [NSMutableString string];
    for (id route in routes)
        [text appendFormat:@"%@%@/%@", text.length > 0 ? @" " : @"",
                           [route valueForKey:@"destinationAddress"], [route valueForKey:mask]];
    return text;
}

static void settings_say_what_enters(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    NEPacketTunnelNetworkSettings *settings = [s.tunnel settings];
    assert_string_equal([settings.tunnelRemoteAddress UTF8String], "198.18.0.2");
    assert_string_equal([[settings.IPv4Settings.addresses objectAtIndex:0] UTF8String],
                        "198.18.0.1");
    assert_string_equal([[settings.IPv4Settings.subnetMasks objectAtIndex:0] UTF8String],
                        "255.255.255.252");
    assert_string_equal(
        [routesOf(settings.IPv4Settings.includedRoutes, @"destinationSubnetMask") UTF8String],
        "198.18.0.0/255.255.255.252 10.9.0.0/255.255.255.0 10.9.7.7/255.255.255.255");
    assert_null(settings.IPv6Settings);
    assert_null(settings.DNSSettings);
    assert_int_equal([settings.MTU intValue], 4064);
    end(&s);
}

static void resolvers_are_asked_through_the_tunnel_where_that_is_wanted(void **state)
{
    (void)state;
    struct scene s;
    prepare(&s);
    [s.tunnel configure:@{
        PktmodTunnelRulesKey : editAll,
        PktmodTunnelDNSKey : @[ @"192.0.2.53", @"2001:db8::53" ],
        PktmodTunnelMTUKey : [NSNumber numberWithInt:1500]
    }];
    assert_null([s.tunnel start]);
    NEPacketTunnelNetworkSettings *settings = [s.tunnel settings];
    assert_string_equal(
        [routesOf(settings.IPv4Settings.includedRoutes, @"destinationSubnetMask") UTF8String],
        "198.18.0.0/255.255.255.252 0.0.0.0/0.0.0.0 192.0.2.53/255.255.255.255");
    assert_string_equal([routesOf(settings.IPv6Settings.includedRoutes,
                                  @"destinationNetworkPrefixLength") UTF8String],
                        "2001:2::/126 ::/0 2001:db8::53/128");
    assert_int_equal([settings.DNSSettings.servers count], 2);
    assert_string_equal([[settings.DNSSettings.matchDomains objectAtIndex:0] UTF8String], "");
    assert_int_equal([settings.MTU intValue], 1500);
    end(&s);
}

/* ------------------------------------------------------------------ refusals */

/* The start fails with such a text, and nothing was asked of the system. */
static void refused(struct scene *s, const char *part)
{
    NSError *error = [s->tunnel start];
    assert_non_null(error);
    if (strstr([[error localizedDescription] UTF8String], part) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", part, [[error localizedDescription] UTF8String]);
    assert_null([s->tunnel settings]);
}

static void what_cannot_work_is_refused_and_says_why(void **state)
{
    (void)state;
    struct scene s;
    prepare(&s);
    [s.tunnel protocol].includeAllNetworks = YES;
    refused(&s, "includeAllNetworks is set: the tunnel's own sockets");
    [s.tunnel protocol].includeAllNetworks = NO;
    [s.tunnel protocol].enforceRoutes = YES;
    refused(&s, "enforceRoutes is set");
    [s.tunnel protocol].enforceRoutes = NO;
    [s.tunnel configure:nil];
    refused(&s, "no text under PktmodRules");
    [s.tunnel configure:@{PktmodTunnelRulesKey : @(3)}];
    refused(&s, "no text under PktmodRules");
    [s.tunnel configure:@{PktmodTunnelRulesKey : @"{\"pktmod\": 1, \"rulez\": []}"}];
    refused(&s, "rulez");
    [s.tunnel configure:@{PktmodTunnelRulesKey : @"{\"pktmod\": 1, \"rules\": []}"}];
    refused(&s, "no rewrite rule is in force");
    [s.tunnel configure:@{PktmodTunnelRulesKey : editWeb, PktmodTunnelMTUKey : @(9000)}];
    refused(&s, "PktmodMTU is a number from 1280 to 4064, not \"9000\"");
    [s.tunnel configure:@{PktmodTunnelRulesKey : editWeb, PktmodTunnelDNSKey : @[ @"dns" ]}];
    refused(&s, "PktmodDNSServers: \"dns\" is no address");
    [s.tunnel configure:@{PktmodTunnelRulesKey : editWeb, PktmodTunnelDNSKey : @"192.0.2.53"}];
    refused(&s, "PktmodDNSServers is no list of addresses");
    [s.tunnel configure:@{PktmodTunnelRulesKey : editWeb}];
    assert_null([s.tunnel start]);
    end(&s);
}

static void settings_that_fail_end_the_start_with_their_error(void **state)
{
    (void)state;
    struct scene s;
    prepare(&s);
    for (NSInteger code = 1; code <= 3; code++) {
        s.tunnel.hostility = (struct ne_hostility){.settings_error = code};
        NSError *error = [s.tunnel start];
        assert_int_equal([error code], code);
        assert_true([[error domain] isEqualToString:NETunnelProviderErrorDomain]);
    }
    s.tunnel.hostility = (struct ne_hostility){0};
    assert_null([s.tunnel start]);
    end(&s);
}

/* ------------------------------------------------------------------ the start */

static void it_carries_once_its_self_test_came_back(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    await_status(&s, @"state", "carries");
    assert_string_equal([wordOf(&s, "status", @"outside") UTF8String], "e0");
    assert_string_equal([wordOf(&s, "status", @"device") UTF8String],
                        [[s.tunnel deviceName] UTF8String]);
    assert_null([s.tunnel cancelledWithin:0]);
    end(&s);
}

static void an_address_that_comes_late_is_waited_for(void **state)
{
    (void)state;
    struct scene s;
    prepare(&s);
    s.tunnel.hostility = (struct ne_hostility){.address_ms = 600};
    NSDate *before = [NSDate date];
    assert_null([s.tunnel start]);
    assert_true(-[before timeIntervalSinceNow] >= 0.6);
    await_status(&s, @"state", "carries");
    end(&s);
}

static void an_address_that_never_comes_is_told(void **state)
{
    (void)state;
    struct scene s;
    prepare(&s);
    s.tunnel.hostility = (struct ne_hostility){.address_ms = 6500};
    NSError *error = [s.tunnel start];
    assert_non_null(error);
    assert_string_equal([[error localizedDescription] UTF8String],
                        "no device has the tunnel's address");
    end(&s);
}

static void a_tunnel_that_does_not_loop_back_cancels_itself(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct scene s;
        prepare(&s);
        s.tunnel.hostility = (struct ne_hostility){
            .is_deaf = i == 0, .refuses = i > 0, .stops_after_cancel = i == 2};
        assert_null([s.tunnel start]);
        NSError *error = [s.tunnel cancelledWithin:5000];
        assert_non_null(error);
        assert_non_null(strstr([[error localizedDescription] UTF8String], "self-test"));
        if (i == 1)
            assert_true([wordOf(&s, "stats", @"unwritten") intValue] > 0);
        end(&s);
    }
}

/* ------------------------------------------------------------------ the end */

static void a_stop_may_come_at_any_time(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 60; i++) {
        struct scene s;
        prepare(&s);
        s.tunnel.hostility =
            (struct ne_hostility){.settings_ms = i % 4 * 5, .address_ms = i % 3 * 20};
        [s.tunnel beginStart];
        (void)usleep(i % 10 * 4000);
        if (i % 2 == 0)
            [s.tunnel tell:[NSData data]];
        [s.tunnel stop];
        (void)[s.tunnel endStart];
        leave(&s);
    }
}

static void a_stopped_tunnel_starts_again(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    for (unsigned i = 0; i < 3; i++) {
        await_status(&s, @"state", "carries");
        [s.tunnel stop];
        assert_string_equal([wordOf(&s, "status", @"error") UTF8String], "no tunnel runs");
        assert_null([s.tunnel start]);
    }
    end(&s);
}

/* ------------------------------------------------------------------ messages */

static void messages_are_answered_whatever_they_are(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        {"", "no request: "},
        {"{", "no request: "},
        {"[]", "no request: "},
        {"{\"pktmod\": 2, \"command\": \"status\"}", "no request: "},
        {"{\"pktmod\": \"1\", \"command\": \"status\"}", "no request: "},
        {"{\"pktmod\": 1}", "\"command\" is missing"},
        {"{\"pktmod\": 1, \"command\": 7}", "\"command\" is missing"},
        {"{\"pktmod\": 1, \"command\": \"dance\"}", "\"dance\" is no command"},
        {"{\"pktmod\": 1, \"command\": \"reload\"}", "\"text\" is missing"},
        {"{\"pktmod\": 1, \"command\": \"reload\", \"text\": 7}", "\"text\" is missing"},
        {"{\"pktmod\": 1, \"command\": \"reload\", \"text\": \"{\"}", "<text>:1:"},
        {"\xff\xfe\x00\x01", "no request: "},
    };
    struct scene s;
    begin(&s);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        NSDictionary *answer = told(&s, wrong[i][0]);
        assert_false([[answer objectForKey:@"ok"] boolValue]);
        const char *error = [[answer objectForKey:@"error"] UTF8String];
        if (strncmp(error, wrong[i][1], strlen(wrong[i][1])) != 0)
            fail_msg("%s: %s", wrong[i][0], error);
        [s.tunnel tell:[NSData dataWithBytes:wrong[i][0] length:strlen(wrong[i][0])]];
    }
    assert_string_equal([wordOf(&s, "status", @"ok") UTF8String], "1");
    assert_string_equal([wordOf(&s, "stats", @"pktmod") UTF8String], "1");
    assert_string_equal([[[told(&s, "{\"pktmod\": 1, \"command\": \"status\"}")
                            objectForKey:@"enters"] objectAtIndex:0] UTF8String],
                        "10.9.0.0/24");
    end(&s);
}

static NSDictionary *reload(struct scene *s, NSString *rules)
{
    NSData *request = [NSJSONSerialization dataWithJSONObject:@{
        @"pktmod" : @1,
        @"command" : @"reload",
        @"text" : rules
    }
                                                      options:0
                                                        error:NULL];
    NSData *answer = [s->tunnel answerTo:request];
    return [NSJSONSerialization JSONObjectWithData:answer options:0 error:NULL];
}

static void new_rules_are_taken_and_what_enters_only_grows(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    await_status(&s, @"state", "carries");
    assert_true([[reload(&s, editWeb) objectForKey:@"ok"] boolValue]);
    NSString *elsewhere = [editWeb stringByReplacingOccurrencesOfString:@"10.9.0.0/24"
                                                             withString:@"10.9.8.0/24"];
    NSString *six = [editWeb stringByReplacingOccurrencesOfString:@"10.9.0.0/24"
                                                       withString:@"2001:db8::/32"];
    assert_true([[reload(&s, elsewhere) objectForKey:@"ok"] boolValue]);
    assert_string_equal([routesOf([s.tunnel settings].IPv4Settings.includedRoutes,
                                  @"destinationSubnetMask") UTF8String],
                        "198.18.0.0/255.255.255.252 10.9.0.0/255.255.255.0 "
                        "10.9.7.7/255.255.255.255 10.9.8.0/255.255.255.0");
    assert_non_null(
        strstr([[reload(&s, six) objectForKey:@"error"] UTF8String], "this tunnel began without"));
    assert_non_null(
        strstr([[reload(&s, @"{\"pktmod\": 1, \"rules\": []}") objectForKey:@"error"] UTF8String],
               "nothing to do"));
    assert_string_equal([wordOf(&s, "stats", @"policies") UTF8String], "3");
    end(&s);
}

/* ------------------------------------------------------------------ the network */

static void the_way_outside_is_looked_for_when_the_path_changes(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    await_status(&s, @"outside", "e0");
    run("ip route replace default dev e1");
    [s.tunnel changePath];
    await_status(&s, @"outside", "e1");
    assert_false(s.provider.reasserting);
    run("ip route del default");
    [s.tunnel changePath];
    await_status(&s, @"outside", "");
    for (unsigned i = 0; i < 100 && !s.provider.reasserting; i++)
        (void)usleep(10000);
    assert_true(s.provider.reasserting);
    run("ip route add default dev e0");
    [s.tunnel sleepAndWake];
    await_status(&s, @"outside", "e0");
    for (unsigned i = 0; i < 100 && s.provider.reasserting; i++)
        (void)usleep(10000);
    assert_false(s.provider.reasserting);
    end(&s);
}

/* ------------------------------------------------------------------ packets */

static void a_flood_is_read_one_batch_at_a_time_and_never_more_than_there_is_room(void **state)
{
    (void)state;
    struct scene s;
    begin(&s);
    await_status(&s, @"state", "carries");
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(9)};
    static const uint8_t payload[1400] = {0};
    (void)inet_pton(AF_INET, "10.9.0.9", &to.sin_addr);
    for (unsigned i = 0; i < 20000; i++)
        (void)sendto(fd, payload, sizeof payload, 0, (struct sockaddr *)&to, sizeof to);
    (void)close(fd);
    long in = 0;
    for (unsigned i = 0; i < 100; i++) { /* until all that was read is worked on */
        in = [wordOf(&s, "stats", @"in") integerValue];
        if (in > 400 && (unsigned long)in == [s.tunnel delivered])
            break;
        (void)usleep(50000);
    }
    assert_int_equal(in, [s.tunnel delivered]);
    assert_true(in > 400); /* the device's queue alone has 500 */
    assert_int_equal([wordOf(&s, "stats", @"inbox_full") intValue], 0);
    end(&s);
}

/* ------------------------------------------------------------------ the double itself */

static void the_double_sees_a_second_read(void **state)
{
    (void)state;
    struct scene s;
    prepare(&s);
    ne_double_count_faults(YES);
    void (^nothing)(NSArray *, NSArray *) = ^(NSArray *packets, NSArray *protocols) {
      (void)packets;
      (void)protocols;
    };
    [s.provider.packetFlow readPacketsWithCompletionHandler:nothing];
    assert_int_equal(ne_double_faults(NE_FAULT_READ_TWICE), 0);
    [s.provider.packetFlow readPacketsWithCompletionHandler:nothing];
    assert_int_equal(ne_double_faults(NE_FAULT_READ_TWICE), 1);
    ne_double_count_faults(NO);
    assert_false([s.provider.packetFlow writePackets:@[ [NSData data] ] withProtocols:@[]]);
    [s.tunnel stop];
    leave(&s);
}

/* ------------------------------------------------------------------ a network of our own */

static bool write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (fd >= 0)
        (void)close(fd);
    return ok;
}

/* Two devices that reach nobody, and a default route. */
static bool make_network(void)
{
    char map[64];
    uid_t uid = getuid();
    if (uid != 0) {
        (void)snprintf(map, sizeof map, "0 %u 1", (unsigned)uid);
        if (unshare(CLONE_NEWUSER) != 0 || !write_file("/proc/self/uid_map", map))
            return false;
    }
    return unshare(CLONE_NEWNET) == 0 && access("/dev/net/tun", R_OK | W_OK) == 0 &&
           system("ip link set lo up && ip link add e0 type veth peer name p0 && "
                  "ip link add e1 type veth peer name p1 && ip addr add 10.9.1.1/24 dev e0 && "
                  "ip link set e0 up && ip link set p0 up && ip link set e1 up && "
                  "ip link set p1 up && ip route add default dev e0") == 0;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_double_sees_a_second_read),
        cmocka_unit_test(settings_say_what_enters),
        cmocka_unit_test(resolvers_are_asked_through_the_tunnel_where_that_is_wanted),
        cmocka_unit_test(what_cannot_work_is_refused_and_says_why),
        cmocka_unit_test(settings_that_fail_end_the_start_with_their_error),
        cmocka_unit_test(it_carries_once_its_self_test_came_back),
        cmocka_unit_test(an_address_that_comes_late_is_waited_for),
        cmocka_unit_test(an_address_that_never_comes_is_told),
        cmocka_unit_test(a_tunnel_that_does_not_loop_back_cancels_itself),
        cmocka_unit_test(a_stop_may_come_at_any_time),
        cmocka_unit_test(a_stopped_tunnel_starts_again),
        cmocka_unit_test(messages_are_answered_whatever_they_are),
        cmocka_unit_test(new_rules_are_taken_and_what_enters_only_grows),
        cmocka_unit_test(the_way_outside_is_looked_for_when_the_path_changes),
        cmocka_unit_test(a_flood_is_read_one_batch_at_a_time_and_never_more_than_there_is_room),
    };
    if (!make_network()) {
        puts("SKIP: no network namespace with a TUN device can be made here");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
