/* filter_stories.m - the macOS packet filter, run against the double: what a user of a Mac would
 * see, and what a careless provider would do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <net/if.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#import "NEDouble.h"
#import "filter-ext/darwin/PktmodPacketFilterProvider.h"

#define THREADS 4u

/* Ethernet, IPv4, TCP from 10.0.0.HOST to port 80 or 23 of 198.51.100.1. */
struct frame {
    uint8_t bytes[54];
};

static struct frame frame_of(unsigned host, uint16_t port)
{
    return (struct frame){{2,
                           0,
                           0,
                           0,
                           0,
                           1,
                           2,
                           0,
                           0,
                           0,
                           0,
                           2,
                           0x08,
                           0x00, /* Ethernet */
                           0x45,
                           0,
                           0,
                           40,
                           0,
                           0,
                           0x40,
                           0,
                           64,
                           6,
                           0,
                           0, /* IPv4 */
                           10,
                           0,
                           (uint8_t)(host >> 8),
                           (uint8_t)host,
                           198,
                           51,
                           100,
                           1,
                           0x9c,
                           0x40,
                           (uint8_t)(port >> 8),
                           (uint8_t)port,
                           0,
                           0,
                           0,
                           1,
                           0,
                           0,
                           0,
                           0,
                           0x50,
                           0x02,
                           0xff,
                           0xff,
                           0,
                           0,
                           0,
                           0}};
}

static NSString *const dropTelnet = @"{\"pktmod\": 1, \"rules\": [{\"id\": \"no\", \"match\": "
                                    @"{\"tcp.dstport\": 23}, \"verdict\": \"drop\"}]}";
static NSString *const delayWeb =
    @"{\"pktmod\": 1, \"policy\": {\"delayed_packets\": 100}, \"rules\": ["
    @"{\"id\": \"slow\", \"match\": {\"tcp.dstport\": 80},"
    @" \"verdict\": {\"delay\": {\"ms\": 30}}}]}";
static NSString *const delayLong =
    @"{\"pktmod\": 1, \"rules\": [{\"id\": \"slow\", \"match\": {\"tcp.dstport\": 80},"
    @" \"verdict\": {\"delay\": {\"ms\": 60000}}}]}";
static NSString *const askWeb =
    @"{\"pktmod\": 1, \"rules\": [{\"id\": \"who\", \"match\": {\"tcp.dstport\": 80},"
    @" \"verdict\": {\"ask\": {\"timeout_ms\": 60000, \"on_timeout\": \"drop\"}}}]}";

struct scene {
    PktmodPacketFilterProvider *provider;
    NEDoubleFilter *filter;
    NEDoubleInterface *wifi;
    NSAutoreleasePool *pool;
};

static void prepare(struct scene *s)
{
    s->pool = [[NSAutoreleasePool alloc] init];
    s->provider = [[PktmodPacketFilterProvider alloc] init];
    s->filter = [[NEDoubleFilter alloc] initWithProvider:s->provider];
    s->wifi = [NEDoubleInterface named:"en0" index:4 type:nw_interface_type_wifi];
}

static void begin(struct scene *s, NSString *rules)
{
    prepare(s);
    [s->filter configure:@{PktmodRulesKey : rules}];
    assert_null([s->filter start]);
}

static void leave(struct scene *s)
{
    [s->filter release];
    [s->provider release];
    [s->pool drain];
}

static void end(struct scene *s)
{
    [s->filter stop];
    assert_int_equal([s->filter outstanding], 0);
    assert_int_equal([s->filter allowedAfterStop], 0);
    leave(s);
}

static enum ne_fate deliver(struct scene *s, unsigned host, uint16_t port, unsigned number)
{
    struct frame frame = frame_of(host, port);
    return [s->filter deliver:frame.bytes
                       length:sizeof frame.bytes
                    interface:s->wifi
                    direction:NETrafficDirectionOutbound
                       number:number];
}

/* Until nothing waits, for at most five seconds. */
static void settle(struct scene *s)
{
    for (unsigned i = 0; i<5000 && [s->filter outstanding]> 0; i++)
        (void)usleep(1000);
    assert_int_equal([s->filter outstanding], 0);
}

static uint64_t status_of(struct scene *s, NSString *name)
{
    __block uint64_t value = 0;
    uint64_t *at = &value;
    [s->provider statusWithReply:^(NSDictionary *status) {
      *at = [[status objectForKey:name] unsignedLongLongValue];
    }];
    return value;
}

/* ------------------------------------------------------------------ verdicts */

static void rules_decide(void **state)
{
    (void)state;
    struct scene s;
    begin(&s, dropTelnet);
    assert_int_equal(deliver(&s, 1, 23, 0), NE_DROPPED);
    assert_int_equal(deliver(&s, 1, 80, 1), NE_PASSED);
    assert_int_equal(status_of(&s, @"dropped"), 1);
    assert_int_equal(status_of(&s, @"packets"), 2);
    end(&s);
}

static void raw_packets_of_a_utun_and_cut_frames_are_judged(void **state)
{
    (void)state;
    struct scene s;
    begin(&s, dropTelnet);
    struct frame frame = frame_of(1, 23);
    NEDoubleInterface *utun = [NEDoubleInterface named:"utun9"
                                                 index:9
                                                  type:nw_interface_type_other];
    assert_int_equal([s.filter deliver:frame.bytes + 14
                                length:40
                             interface:utun
                             direction:NETrafficDirectionOutbound
                                number:0],
                     NE_DROPPED);
    uint8_t large[2048] = {0}; /* of 9000 bytes, merged on receipt */
    for (size_t i = 0; i < sizeof frame.bytes; i++)
        large[i] = frame.bytes[i];
    large[16] = 0x23;
    large[17] = 0x28;
    assert_int_equal([s.filter deliver:large
                                length:sizeof large
                             interface:s.wifi
                             direction:NETrafficDirectionInbound
                                number:1],
                     NE_DROPPED);
    assert_int_equal(status_of(&s, @"cut"), 1);
    uint8_t nothing = 0;
    assert_int_equal([s.filter deliver:&nothing
                                length:1
                             interface:nil
                             direction:NETrafficDirectionAny
                                number:2],
                     NE_PASSED);
    end(&s);
}

static void packets_of_the_own_tunnel_pass_at_once(void **state)
{
    (void)state;
    struct scene s;
    begin(&s, dropTelnet);
    char name[IF_NAMESIZE] = "";
    assert_non_null(if_indextoname(1, name));
    NEDoubleInterface *own = [NEDoubleInterface named:name index:1 type:nw_interface_type_other];
    struct frame frame = frame_of(1, 23);
    for (unsigned round = 0; round < 2; round++) {
        enum ne_fate fate = [s.filter deliver:frame.bytes + 14
                                       length:40
                                    interface:own
                                    direction:NETrafficDirectionOutbound
                                       number:round];
        assert_int_equal(fate, round == 0 ? NE_DROPPED : NE_PASSED);
        [s.filter configure:@{
            PktmodRulesKey : dropTelnet,
            PktmodOwnInterfacesKey : @[ [NSString stringWithUTF8String:name], @"utun9999", @(3) ]
        }];
    }
    assert_int_equal(status_of(&s, @"own"), 1);
    assert_int_equal(deliver(&s, 1, 23, 2), NE_DROPPED);
    end(&s);
}

/* ------------------------------------------------------------------ what waits */

struct flood {
    struct scene *scene;
    pthread_t threads[THREADS];
    unsigned each;
    uint16_t port;
    atomic_uint next;
    atomic_uint counts[6]; /* by fate when the call returned */
};

static void *run_flood(void *context)
{
    struct flood *f = context;
    unsigned thread = atomic_fetch_add(&f->next, 1);
    ne_double_enter_thread();
    @autoreleasepool {
        for (unsigned i = 0; i < f->each; i++) {
            unsigned number = i * THREADS + thread;
            enum ne_fate fate = deliver(f->scene, number % 500, f->port, number);
            atomic_fetch_add(&f->counts[fate], 1);
        }
    }
    return NULL;
}

static void begin_flood(struct flood *f, struct scene *s, uint16_t port, unsigned each)
{
    *f = (struct flood){.scene = s, .port = port, .each = each};
    for (unsigned t = 0; t < THREADS; t++)
        assert_int_equal(pthread_create(&f->threads[t], NULL, run_flood, f), 0);
}

static void end_flood(struct flood *f)
{
    for (unsigned t = 0; t < THREADS; t++)
        (void)pthread_join(f->threads[t], NULL);
}

static void delayed_packets_pass_after_their_time_and_never_before(void **state)
{
    (void)state;
    struct scene s;
    begin(&s, delayWeb);
    NSDate *start = [NSDate date];
    assert_int_equal(deliver(&s, 1, 80, 0), NE_DELAYED);
    settle(&s);
    assert_true(-[start timeIntervalSinceNow] >= 0.030);
    assert_int_equal([s.filter fateOf:0], NE_DELAYED_PASSED);
    end(&s);
}

static void no_more_wait_than_the_policy_allows(void **state)
{
    (void)state;
    struct scene s;
    struct flood f;
    begin(&s, delayLong);
    [s.provider
        replaceRules:[delayLong
                         stringByReplacingOccurrencesOfString:@"\"rules\""
                                                   withString:@"\"policy\": {\"delayed_packets\": "
                                                              @"100}, \"rules\""]
               reply:^(NSString *error) {
                 assert_null(error);
               }];
    begin_flood(&f, &s, 80, 250);
    end_flood(&f);
    assert_true([s.filter outstanding] <= 100);
    assert_true([s.filter outstanding] > 50);
    unsigned fates[6] = {0};
    for (unsigned i = 0; i < THREADS * 250; i++)
        fates[[s.filter fateOf:i]]++;
    assert_int_equal(fates[NE_DELAYED], [s.filter outstanding]);
    assert_int_equal(fates[NE_DELAYED] + fates[NE_DELAYED_PASSED] + fates[NE_PASSED],
                     THREADS * 250);
    end(&s);
}

static void a_drop_after_a_wait_is_a_release(void **state)
{
    (void)state;
    struct scene s;
    begin(&s, askWeb);
    assert_int_equal(deliver(&s, 1, 80, 0), NE_DELAYED);
    assert_int_equal(deliver(&s, 2, 80, 1), NE_DELAYED);
    NSMutableArray *found = [NSMutableArray array];
    [s.provider questionsWithReply:^(NSArray *questions) {
      [found addObjectsFromArray:questions];
    }];
    assert_int_equal([found count], 2);
    assert_string_equal([[[found objectAtIndex:0] objectForKey:@"rule"] UTF8String], "who");
    assert_string_equal([[[found objectAtIndex:0] objectForKey:@"from"] UTF8String],
                        "10.0.0.1 40000");
    for (unsigned i = 0; i < 2; i++)
        [s.provider answerQuestion:[[found objectAtIndex:i] objectForKey:@"id"]
                             allow:i == 1
                          holdsFor:@"flow"
                           seconds:0
                             reply:^(BOOL taken) {
                               assert_true(taken);
                             }];
    settle(&s);
    assert_int_equal([s.filter fateOf:0], NE_DELAYED_DROPPED);
    assert_int_equal([s.filter fateOf:1], NE_DELAYED_PASSED);
    [s.provider answerQuestion:[[found objectAtIndex:0] objectForKey:@"id"]
                         allow:YES
                      holdsFor:@"flow"
                       seconds:0
                         reply:^(BOOL taken) {
                           assert_false(taken);
                         }];
    end(&s);
}

/* ------------------------------------------------------------------ configuration */

static void bad_rules_do_not_start_and_say_why(void **state)
{
    (void)state;
    struct scene s;
    prepare(&s);
    [s.filter configure:@{PktmodRulesKey : @"{\"pktmod\": 1, \"rulez\": []}"}];
    NSError *error = [s.filter start];
    assert_non_null(error);
    assert_non_null(strstr([[error localizedDescription] UTF8String], "rulez"));
    assert_null(s.provider.packetHandler);
    [s.filter configure:@{}];
    assert_non_null([s.filter start]);
    [s.filter configure:@{PktmodRulesKey : @(7)}];
    assert_non_null([s.filter start]);
    [s.filter configure:@{PktmodRulesKey : dropTelnet, PktmodShardsKey : @(-1)}];
    assert_null([s.filter start]);
    end(&s);
}

static void new_rules_act_at_once_and_bad_ones_change_nothing(void **state)
{
    (void)state;
    struct scene s;
    begin(&s, dropTelnet);
    assert_int_equal(deliver(&s, 1, 23, 0), NE_DROPPED);
    [s.filter configure:@{PktmodRulesKey : @"{\"pktmod\": 1, \"rules\": []}"}];
    assert_int_equal(deliver(&s, 1, 23, 1), NE_PASSED);
    [s.filter configure:@{PktmodRulesKey : dropTelnet}];
    assert_int_equal(deliver(&s, 1, 23, 2), NE_DROPPED);
    [s.filter configure:@{PktmodRulesKey : @"{"}];
    assert_int_equal(deliver(&s, 1, 23, 3), NE_DROPPED);
    [s.filter configure:@{}];
    assert_int_equal(deliver(&s, 1, 23, 4), NE_DROPPED);
    assert_int_equal(status_of(&s, @"policies"), 3);
    assert_int_equal(status_of(&s, @"rules_refused"), 1);
    end(&s);
}

static void rules_change_under_load(void **state)
{
    (void)state;
    struct scene s;
    struct flood f;
    begin(&s, dropTelnet);
    begin_flood(&f, &s, 23, 2000);
    for (unsigned i = 0; i < 10; i++) /* each drops telnet */
        [s.filter configure:@{
            PktmodRulesKey : [dropTelnet stringByAppendingString:i % 2 ? @" " : @"\n"]
        }];
    end_flood(&f);
    assert_int_equal(atomic_load(&f.counts[NE_DROPPED]), THREADS * 2000);
    end(&s);
}

/* Settings change after they were read and before they are observed. */
@interface LateConfiguredProvider : PktmodPacketFilterProvider {
  @public
    NEDoubleFilter *_filter;
}
@end

@implementation LateConfiguredProvider
- (void)setPacketHandler:(NEFilterPacketHandler)handler
{
    [super setPacketHandler:handler];
    [_filter configure:@{PktmodRulesKey : dropTelnet}];
}
@end

static void settings_that_change_during_the_start_are_not_missed(void **state)
{
    (void)state;
    struct scene s;
    prepare(&s);
    [s.filter release];
    [s.provider release];
    LateConfiguredProvider *provider = [[LateConfiguredProvider alloc] init];
    s.provider = provider;
    s.filter = [[NEDoubleFilter alloc] initWithProvider:provider];
    provider->_filter = s.filter;
    [s.filter configure:@{PktmodRulesKey : @"{\"pktmod\": 1, \"rules\": []}"}];
    assert_null([s.filter start]);
    provider->_filter = nil;
    assert_int_equal(deliver(&s, 1, 23, 0), NE_DROPPED);
    end(&s);
}

/* ------------------------------------------------------------------ the end */

static void a_stop_lets_go_of_all_that_waits(void **state)
{
    (void)state;
    struct scene s;
    begin(&s, delayLong);
    for (unsigned i = 0; i < 50; i++)
        assert_int_equal(deliver(&s, i, 80, i), NE_DELAYED);
    [s.filter stop];
    for (unsigned i = 0; i < 50; i++)
        assert_int_equal([s.filter fateOf:i], NE_DELAYED_PASSED);
    assert_null(s.provider.packetHandler);
    assert_null([PktmodPacketFilterProvider running]);
    assert_int_equal([s.filter outstanding], 0);
    leave(&s);
}

static void a_stop_may_come_while_calls_run(void **state)
{
    (void)state;
    struct scene s;
    struct flood f;
    begin(&s, delayLong);
    begin_flood(&f, &s, 80, 1000);
    while (status_of(&s, @"delayed") == 0)
        (void)usleep(100);
    [s.filter stop];
    end_flood(&f);
    assert_int_equal([s.filter outstanding], 0);
    assert_int_equal([s.filter allowedAfterStop], 0);
    leave(&s);
}

static void a_stopped_filter_starts_again(void **state)
{
    (void)state;
    struct scene s;
    begin(&s, dropTelnet);
    [s.filter stop];
    assert_null([s.filter start]);
    assert_ptr_equal([PktmodPacketFilterProvider running], s.provider);
    assert_int_equal(deliver(&s, 1, 23, 0), NE_DROPPED);
    end(&s);
}

/* ------------------------------------------------------------------ the double itself */

/* Does one wrong thing. */
@interface CarelessProvider : NEFilterPacketProvider {
  @public
    NEFilterPacketContext *_other;
    NEPacket *_packet;
    const uint8_t *_late;
    unsigned _completions;
}
@end

@implementation CarelessProvider
- (void)startFilterWithCompletionHandler:(void (^)(NSError *))completionHandler
{
    for (unsigned i = 0; i < _completions; i++)
        completionHandler(nil);
}
- (void)doWrong:(enum ne_fault)fault
{
    __block CarelessProvider *me = self;
    NEFilterPacketHandler handler = Block_copy(^NEFilterPacketProviderVerdict(
        NEFilterPacketContext *context, nw_interface_t interface, NETrafficDirection direction,
        const void *bytes, const size_t len) {
      (void)interface;
      (void)direction;
      (void)len;
      me->_late = bytes;
      if (fault == NE_FAULT_DELAY_FORGOTTEN)
          return NEFilterPacketProviderVerdictDelay;
      if (fault == NE_FAULT_DELAY_ELSEWHERE) {
          me->_other = [context retain];
          return NEFilterPacketProviderVerdictAllow;
      }
      me->_packet = [[me delayCurrentPacket:context] retain];
      if (fault == NE_FAULT_DELAY_TWICE)
          (void)[me delayCurrentPacket:context];
      if (fault == NE_FAULT_ALLOW_TWICE) {
          [me allowPacket:me->_packet];
          [me allowPacket:me->_packet];
      }
      return fault == NE_FAULT_DELAY_NOT_SAID ? NEFilterPacketProviderVerdictDrop
                                              : NEFilterPacketProviderVerdictDelay;
    });
    self.packetHandler = handler;
    Block_release(handler);
}
- (void)dealloc
{
    [_other release];
    [_packet release];
    [super dealloc];
}
@end

static void the_double_sees_what_a_careless_provider_does(void **state)
{
    (void)state;
    for (unsigned fault = 0; fault < NE_FAULT_READ_TWICE; fault++) {
        struct scene s = {.pool = [[NSAutoreleasePool alloc] init]};
        CarelessProvider *careless = [[CarelessProvider alloc] init];
        s.filter = [[NEDoubleFilter alloc] initWithProvider:careless];
        careless->_completions =
            fault == NE_FAULT_COMPLETION_TWICE ? 2 : fault != NE_FAULT_NO_COMPLETION;
        ne_double_count_faults(YES);
        (void)[s.filter start];
        if (fault < NE_FAULT_NO_COMPLETION) {
            [careless doWrong:(enum ne_fault)fault];
            (void)deliver(&s, 1, 80, 0);
            if (fault == NE_FAULT_DELAY_ELSEWHERE)
                (void)[careless delayCurrentPacket:careless->_other];
        }
        ne_double_count_faults(NO);
        for (unsigned seen = 0; seen < NE_FAULT_COUNT; seen++)
            assert_int_equal(ne_double_faults((enum ne_fault)seen), seen == fault);
        [s.filter release];
        [careless release];
        [s.pool drain];
    }
}

/* How a child ended that did something with the bytes of a packet. */
static int touch(BOOL writes, BOOL is_late, size_t at)
{
    pid_t child = fork();
    if (child == 0) {
        struct scene s = {.pool = [[NSAutoreleasePool alloc] init]};
        CarelessProvider *careless = [[CarelessProvider alloc] init];
        s.filter = [[NEDoubleFilter alloc] initWithProvider:careless];
        (void)signal(SIGSEGV, SIG_DFL);
        (void)signal(SIGBUS, SIG_DFL);
        careless.packetHandler = ^NEFilterPacketProviderVerdict(
            NEFilterPacketContext *context, nw_interface_t interface, NETrafficDirection direction,
            const void *bytes, const size_t len) {
          (void)context;
          (void)interface;
          (void)direction;
          (void)len;
          careless->_late = (const uint8_t *)bytes + at;
          if (writes)
              *(uint8_t *)(uintptr_t)careless->_late = 0;
          else if (!is_late)
              (void)*(const volatile uint8_t *)careless->_late;
          return NEFilterPacketProviderVerdictAllow;
        };
        (void)deliver(&s, 1, 80, 0);
        if (is_late)
            (void)*(const volatile uint8_t *)careless->_late;
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void the_double_takes_the_bytes_away(void **state)
{
    (void)state;
    assert_int_equal(touch(NO, NO, 0), 0);
    assert_int_equal(touch(NO, NO, sizeof(struct frame) - 1), 0);
    assert_int_equal(touch(NO, NO, sizeof(struct frame)), SIGSEGV);
    assert_int_equal(touch(YES, NO, 0), SIGSEGV);
    assert_int_equal(touch(NO, YES, 0), SIGSEGV);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_double_takes_the_bytes_away),
        cmocka_unit_test(the_double_sees_what_a_careless_provider_does),
        cmocka_unit_test(rules_decide),
        cmocka_unit_test(raw_packets_of_a_utun_and_cut_frames_are_judged),
        cmocka_unit_test(packets_of_the_own_tunnel_pass_at_once),
        cmocka_unit_test(delayed_packets_pass_after_their_time_and_never_before),
        cmocka_unit_test(no_more_wait_than_the_policy_allows),
        cmocka_unit_test(a_drop_after_a_wait_is_a_release),
        cmocka_unit_test(bad_rules_do_not_start_and_say_why),
        cmocka_unit_test(new_rules_act_at_once_and_bad_ones_change_nothing),
        cmocka_unit_test(rules_change_under_load),
        cmocka_unit_test(settings_that_change_during_the_start_are_not_missed),
        cmocka_unit_test(a_stop_lets_go_of_all_that_waits),
        cmocka_unit_test(a_stop_may_come_while_calls_run),
        cmocka_unit_test(a_stopped_filter_starts_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
