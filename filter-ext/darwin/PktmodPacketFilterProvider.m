/* PktmodPacketFilterProvider.m - hands packets to the guard, and the guard's answers back. */
#import "filter-ext/darwin/PktmodPacketFilterProvider.h"

#include <Block.h>
#include <net/if.h>
#include <sys/random.h>
#include <sys/time.h>
#include <unistd.h>

#import "filter-ext/darwin/PktmodPort.h"
#include "filter-ext/shards/alarm.h"
#include "filter-ext/shards/guard.h"

#define ERROR_CAP     4096u
#define QUESTIONS_CAP 64u
#define NS_PER_S      1e9

static PktmodPacketFilterProvider *runningFilter; /* under @synchronized of the class */

/* One call of the packet handler. */
struct handler_call {
    PktmodPacketFilterProvider *provider;
    NEFilterPacketContext *context;
};

/* ------------------------------------------------------------------ the guard's platform */

static void *keep(void *call)
{
    const struct handler_call *c = call;
    NEPacket *packet;
    @autoreleasepool { /* so that ours is the last reference */
        packet = [[c->provider delayCurrentPacket:c->context] retain];
    }
    return packet;
}

/* The framework drops a packet whose last reference goes. */
static void let_go(void *context, void *kept, bool allow)
{
    PktmodPacketFilterProvider *provider = context;
    NEPacket *packet = kept;
    pm_port_enter_thread();
    @autoreleasepool {
        if (allow)
            [provider allowPacket:packet];
        [packet release];
    }
}

static enum pm_dir dir_of(NETrafficDirection direction)
{
    switch (direction) {
    case NETrafficDirectionInbound:
        return PM_DIR_IN;
    case NETrafficDirectionOutbound:
        return PM_DIR_OUT;
    case NETrafficDirectionAny:
        break;
    }
    return PM_DIR_UNKNOWN;
}

static NEFilterPacketProviderVerdict judge(struct pm_guard *guard, struct handler_call *call,
                                           nw_interface_t interface, NETrafficDirection direction,
                                           const void *bytes, size_t len)
{
    struct pm_guard_frame frame = {
        .bytes = bytes,
        .len = len,
        .interface = interface == nil ? NULL : nw_interface_get_name(interface),
        .ifindex = interface == nil ? 0 : nw_interface_get_index(interface),
        .kind = interface == nil ? PM_INTERFACE_OTHER
                                 : (enum pm_interface_kind)nw_interface_get_type(interface),
        .dir = dir_of(direction),
    };
    switch (pm_guard_decide(guard, &frame, call)) {
    case PM_SHARDS_ALLOW:
        break;
    case PM_SHARDS_DROP:
        return NEFilterPacketProviderVerdictDrop;
    case PM_SHARDS_HELD:
        return NEFilterPacketProviderVerdictDelay;
    }
    return NEFilterPacketProviderVerdictAllow;
}

/* ------------------------------------------------------------------ configuration */

static NSString *textIn(NSDictionary *configuration, NSString *key)
{
    id value = [configuration objectForKey:key];
    return [value isKindOfClass:[NSString class]] ? value : nil;
}

static unsigned shardsIn(NSDictionary *configuration)
{
    id value = [configuration objectForKey:PktmodShardsKey];
    long count = [value isKindOfClass:[NSNumber class]] ? [value longValue] : 0;
    return count < 0 || count > (long)PM_SHARDS_MAX ? 0 : (unsigned)count;
}

/* Interfaces that do not exist (yet) are left out. */
static size_t ownIn(NSDictionary *configuration, uint32_t own[PM_GUARD_OWN_MAX])
{
    id names = [configuration objectForKey:PktmodOwnInterfacesKey];
    size_t count = 0;
    if (![names isKindOfClass:[NSArray class]])
        return 0;
    for (id name in (NSArray *)names) {
        unsigned index = 0;
        if ([name isKindOfClass:[NSString class]])
            index = if_nametoindex([(NSString *)name UTF8String]);
        if (index != 0 && count < PM_GUARD_OWN_MAX)
            own[count++] = index;
    }
    return count;
}

static int64_t wall_minus_monotonic_ns(void)
{
    struct timeval now = {0};
    (void)gettimeofday(&now, NULL);
    return (int64_t)now.tv_sec * 1000000000 + (int64_t)now.tv_usec * 1000 -
           (int64_t)pm_alarm_now_ns();
}

static NSError *errorWith(NSString *text)
{
    return [NSError errorWithDomain:NEFilterErrorDomain
                               code:NEFilterManagerErrorConfigurationInvalid
                           userInfo:@{NSLocalizedDescriptionKey : text}];
}

@implementation PktmodPacketFilterProvider

+ (PktmodPacketFilterProvider *)running
{
    @synchronized([PktmodPacketFilterProvider class]) {
        return [[runningFilter retain] autorelease];
    }
}

+ (void)setRunning:(PktmodPacketFilterProvider *)provider
{
    @synchronized([PktmodPacketFilterProvider class]) {
        runningFilter = provider;
    }
}

- (NSDictionary *)vendorConfiguration
{
    return self.filterConfiguration.vendorConfiguration;
}

/* nil: the guard stands. */
- (NSError *)makeGuard
{
    char error[ERROR_CAP] = "";
    NSDictionary *configuration = [self vendorConfiguration];
    NSString *rules = textIn(configuration, PktmodRulesKey);
    struct pm_guard_config config = {
        .shards = shardsIn(configuration),
        .wall_ns = wall_minus_monotonic_ns(),
        .platform = {.keep = keep, .let_go = let_go, .context = self},
    };
    if (rules == nil)
        return errorWith(@"the filter's vendorConfiguration has no text under PktmodRules");
    if (getentropy(config.hash_key, sizeof config.hash_key) != 0 ||
        getentropy(&config.seed, sizeof config.seed) != 0)
        return errorWith(@"the system has no random numbers");
    NSData *text = [rules dataUsingEncoding:NSUTF8StringEncoding];
    struct pm_guard *guard = pm_guard_new(&config, text.bytes, text.length, error, sizeof error);
    if (guard == NULL)
        return errorWith([NSString stringWithUTF8String:error]);
    pm_guard_free(_guard); /* of a session before, which has stopped */
    _guard = guard;
    [_rules release];
    _rules = [rules copy];
    [self takeOwnInterfaces:configuration];
    return nil;
}

- (void)takeOwnInterfaces:(NSDictionary *)configuration
{
    uint32_t own[PM_GUARD_OWN_MAX];
    size_t count = ownIn(configuration, own);
    pm_guard_set_own(_guard, own, count);
}

/* nil: in force. */
- (NSString *)putInForce:(NSString *)rules
{
    char error[ERROR_CAP] = "";
    NSData *text = [rules dataUsingEncoding:NSUTF8StringEncoding];
    if (pm_guard_replace(_guard, text.bytes, text.length, error, sizeof error))
        return nil;
    NSString *why = [NSString stringWithUTF8String:error];
    pm_port_log([@"rules refused, those before stay in force: " stringByAppendingString:why]);
    return why;
}

/* ------------------------------------------------------------------ NEFilterProvider */

- (void)startFilterWithCompletionHandler:(void (^)(NSError *))completionHandler
{
    NSError *error = [self makeGuard];
    if (error == nil) {
        [self attach];
        [PktmodPacketFilterProvider setRunning:self];
    } else {
        pm_port_log([@"not started: " stringByAppendingString:[error localizedDescription]]);
    }
    completionHandler(error);
}

/* The handler lives as long as it is set; self must not be kept by it. */
- (void)attach
{
    __block PktmodPacketFilterProvider *me = self;
    struct pm_guard *guard = _guard;
    NEFilterPacketHandler handler = Block_copy(^NEFilterPacketProviderVerdict(
        NEFilterPacketContext *context, nw_interface_t interface, NETrafficDirection direction,
        const void *packetBytes, const size_t packetLength) {
      struct handler_call call = {.provider = me, .context = context};
      return judge(guard, &call, interface, direction, packetBytes, packetLength);
    });
    self.packetHandler = handler;
    Block_release(handler);
    _observes = YES;
    [self addObserver:self
           forKeyPath:@"filterConfiguration"
              options:NSKeyValueObservingOptionInitial /* it may have changed meanwhile */
              context:NULL];
}

- (void)observeValueForKeyPath:(NSString *)keyPath
                      ofObject:(id)object
                        change:(NSDictionary *)change
                       context:(void *)context
{
    (void)keyPath;
    (void)object;
    (void)change;
    (void)context;
    NSDictionary *configuration = [self vendorConfiguration];
    NSString *rules = textIn(configuration, PktmodRulesKey);
    [self takeOwnInterfaces:configuration];
    @synchronized(self) {
        if (rules == nil || [rules isEqualToString:_rules])
            return;
        [_rules release];
        _rules = [rules copy];
    }
    (void)[self putInForce:rules];
}

- (void)stopObserving
{
    if (_observes)
        [self removeObserver:self forKeyPath:@"filterConfiguration"];
    _observes = NO;
}

- (void)stopFilterWithReason:(NEProviderStopReason)reason
           completionHandler:(void (^)(void))completionHandler
{
    (void)reason;
    self.packetHandler = nil;
    [self stopObserving];
    [PktmodPacketFilterProvider setRunning:nil];
    if (_guard != NULL)
        pm_guard_stop(_guard);
    completionHandler();
}

- (void)dealloc
{
    [self stopObserving];
    if (_guard != NULL)
        pm_guard_stop(_guard);
    pm_guard_free(_guard);
    [_rules release];
    [super dealloc];
}

/* ------------------------------------------------------------------ PktmodControl */

static NSNumber *number(uint64_t value)
{
    return [NSNumber numberWithUnsignedLongLong:value];
}

- (void)statusWithReply:(void (^)(NSDictionary *))reply
{
    struct pm_guard_stats s;
    pm_guard_stats(_guard, &s);
    NSMutableDictionary *reasons = [NSMutableDictionary dictionary];
    for (unsigned why = 0; why < PM_WHY_COUNT; why++) {
        if (s.shards.filter.why[why] != 0)
            [reasons setObject:number(s.shards.filter.why[why])
                        forKey:[NSString stringWithUTF8String:pm_why_name((enum pm_why)why)]];
    }
    reply(@{
        @"packets" : number(s.shards.filter.packets),
        @"bytes" : number(s.shards.filter.bytes),
        @"allowed" : number(s.shards.filter.allowed),
        @"dropped" : number(s.shards.filter.dropped),
        @"delayed" : number(s.shards.filter.delayed),
        @"asked" : number(s.shards.filter.asked),
        @"rejected" : number(s.shards.filter.rejected),
        @"flows" : number(s.shards.filter.flows_now),
        @"held" : number(s.shards.held),
        @"held_full" : number(s.shards.held_full),
        @"not_kept" : number(s.shards.not_kept),
        @"own" : number(s.own),
        @"cut" : number(s.cut),
        @"policies" : number(s.shards.policies),
        @"rules_refused" : number(s.refused),
        @"shards" : number(s.shards.shards),
        @"reasons" : reasons,
    });
}

- (void)replaceRules:(NSString *)rules reply:(void (^)(NSString *))reply
{
    reply([self putInForce:rules]);
}

static NSDictionary *described(const struct pm_shards_question *q, uint64_t now_ns)
{
    char from[PM_ADDR_TEXT] = "", to[PM_ADDR_TEXT] = "";
    if (q->ends.src.version != 0) {
        pm_addr_text(&q->ends.src, from);
        pm_addr_text(&q->ends.dst, to);
    }
    double left_s = q->until_ns > now_ns ? (double)(q->until_ns - now_ns) / NS_PER_S : 0;
    return @{
        @"id" : number(q->id),
        @"rule" : [NSString stringWithUTF8String:q->rule],
        @"from" : [NSString stringWithFormat:@"%s %u", from, q->ends.src_port],
        @"to" : [NSString stringWithFormat:@"%s %u", to, q->ends.dst_port],
        @"seconds_left" : [NSNumber numberWithDouble:left_s],
    };
}

- (void)questionsWithReply:(void (^)(NSArray *))reply
{
    struct pm_shards_question list[QUESTIONS_CAP];
    size_t count = pm_guard_questions(_guard, list, QUESTIONS_CAP);
    uint64_t now_ns = pm_alarm_now_ns();
    NSMutableArray *questions = [NSMutableArray array];
    for (size_t i = 0; i < count; i++)
        [questions addObject:described(&list[i], now_ns)];
    reply(questions);
}

- (void)answerQuestion:(NSNumber *)question
                 allow:(BOOL)allow
              holdsFor:(NSString *)what
               seconds:(double)seconds
                 reply:(void (^)(BOOL))reply
{
    bool for_rule = [what isEqualToString:@"rule"], for_time = [what isEqualToString:@"time"];
    double most_s = 365 * 86400.0;
    if (!for_rule && !for_time && ![what isEqualToString:@"flow"]) {
        reply(NO);
        return;
    }
    if (!(seconds >= 0 && seconds <= most_s))
        seconds = seconds > most_s ? most_s : 0;
    enum pm_answer_for answer_for = for_rule ? PM_FOR_RULE : for_time ? PM_FOR_TIME : PM_FOR_FLOW;
    reply(pm_guard_reply(_guard, question.unsignedLongLongValue, allow, answer_for,
                         (uint64_t)(seconds * NS_PER_S)));
}

@end
