/* PktmodPacketTunnelProvider.m - hands packets to the courier, and the courier's packets back. */
#import "tunnel-ext/darwin/PktmodPacketTunnelProvider.h"

#include <Block.h>
#include <sys/socket.h>

#import "filter-ext/darwin/PktmodPort.h"
#include "rules/rules.h"
#include "tunnel-ext/courier.h"
#import "tunnel-ext/darwin/PktmodTunnelKeys.h"
#import "tunnel-ext/darwin/PktmodTunnelReport.h"
#import "tunnel-ext/darwin/PktmodTunnelSettings.h"
#include "tunnel-ext/run_plan.h"

#define ERROR_CAP   4096u
#define WRITE_BATCH 64u /* packets that wait for a flush at most */

@interface PktmodPacketTunnelProvider (Private)
- (BOOL)keep:(NSData *)packet family:(int)family;
- (unsigned)flush;
- (void)read;
- (void)begun:(NSError *)error;
- (void)failedWith:(NSError *)error;
- (NSString *)replace:(struct pm_rules *)rules hasGrown:(BOOL *)hasGrown;
- (BOOL)enter:(const struct pm_run_plan *)plan;
- (NEPacketTunnelNetworkSettings *)settings;
- (void)hasOutside:(BOOL)hasOutside;
@end

static NSError *errorWith(NSInteger code, NSString *text)
{
    return [NSError errorWithDomain:NETunnelProviderErrorDomain
                               code:code
                           userInfo:@{NSLocalizedDescriptionKey : text}];
}

static NSError *invalid(NSString *text)
{
    return errorWith(NETunnelProviderErrorNetworkSettingsInvalid, text);
}

/* ------------------------------------------------------------------ the courier's device */

static bool write_packet(void *context, const struct iovec *parts, int count)
{
    PktmodPacketTunnelProvider *provider = context;
    BOOL is_kept;
    @autoreleasepool {
        NSMutableData *packet = [NSMutableData data];
        for (int i = 0; i < count; i++)
            [packet appendBytes:parts[i].iov_base length:parts[i].iov_len];
        bool is_4 = *(const uint8_t *)packet.bytes >> 4 == 4;
        is_kept = [provider keep:packet family:is_4 ? AF_INET : AF_INET6];
    }
    return is_kept;
}

static unsigned flush_packets(void *context)
{
    PktmodPacketTunnelProvider *provider = context;
    unsigned lost;
    @autoreleasepool {
        lost = [provider flush];
    }
    return lost;
}

/* ------------------------------------------------------------------ the courier's events */

static void began(void *context, const char *why)
{
    PktmodPacketTunnelProvider *provider = context;
    pm_port_enter_thread(); /* it is the first call in this thread */
    @autoreleasepool {
        [provider begun:why == NULL ? nil
                                    : errorWith(NETunnelProviderErrorNetworkSettingsFailed,
                                                [NSString stringWithUTF8String:why])];
    }
}

static void drained(void *context)
{
    PktmodPacketTunnelProvider *provider = context;
    @autoreleasepool {
        [provider read];
    }
}

static void moved(void *context, bool has_outside)
{
    PktmodPacketTunnelProvider *provider = context;
    @autoreleasepool {
        [provider hasOutside:has_outside];
    }
}

static void failed(void *context, const char *why)
{
    PktmodPacketTunnelProvider *provider = context;
    @autoreleasepool {
        [provider failedWith:errorWith(NETunnelProviderErrorNetworkSettingsFailed,
                                       [NSString stringWithUTF8String:why])];
    }
}

@implementation PktmodPacketTunnelProvider

/* ------------------------------------------------------------------ packets */

- (BOOL)keep:(NSData *)packet family:(int)family
{
    unsigned lost = 0;
    [_packets addObject:packet];
    [_families addObject:[NSNumber numberWithInt:family]];
    if ([_packets count] >= WRITE_BATCH)
        lost = [self flush];
    _lost += lost;
    return YES;
}

/* Packets that were lost since the last one. */
- (unsigned)flush
{
    unsigned lost = _lost;
    _lost = 0;
    if ([_packets count] == 0)
        return lost;
    if (![self.packetFlow writePackets:_packets withProtocols:_families])
        lost += (unsigned)[_packets count];
    /* new ones: the flow may still look at the old */
    [_packets release];
    [_families release];
    _packets = [[NSMutableArray alloc] initWithCapacity:WRITE_BATCH];
    _families = [[NSMutableArray alloc] initWithCapacity:WRITE_BATCH];
    return lost;
}

/* One read at a time is asked for: the next one when this one's packets are put, if there is room.
 */
- (void)read
{
    __block PktmodPacketTunnelProvider *me = self;
    [self.packetFlow readPacketsWithCompletionHandler:^(NSArray<NSData *> *packets,
                                                        NSArray<NSNumber *> *protocols) {
      (void)protocols; /* a packet tells itself what it is */
      if ([me put:packets])
          [me read];
    }];
}

/* NO: there is no room for more, or nobody takes them any more. */
- (BOOL)put:(NSArray<NSData *> *)packets
{
    @synchronized(self) {
        if (_courier == NULL)
            return NO;
        for (NSData *packet in packets)
            pm_courier_put(_courier, packet.bytes, packet.length);
        return pm_courier_send(_courier);
    }
}

/* ------------------------------------------------------------------ start */

/* NULL with *error set. */
static struct pm_rules *load(NSString *text, NSString **error)
{
    NSData *utf8 = [text dataUsingEncoding:NSUTF8StringEncoding];
    struct pm_rules *rules = pm_rules_load_text(NULL, utf8.bytes, utf8.length);
    if (rules == NULL) {
        *error = @"no memory to load the rules";
        return NULL;
    }
    if (pm_rules_policy(rules) != NULL)
        return rules;
    *error = pm_tunnel_diagnostics(rules);
    pm_rules_free(rules);
    return NULL;
}

/* Rules, what they make enter, and a courier for it. nil: it can start. */
- (NSError *)prepare
{
    NETunnelProviderProtocol *protocol = (NETunnelProviderProtocol *)self.protocolConfiguration;
    NSDictionary *configuration = [protocol respondsToSelector:@selector(providerConfiguration)]
                                      ? protocol.providerConfiguration
                                      : nil;
    NSString *wrong = pm_tunnel_refusal(self.protocolConfiguration, configuration);
    if (wrong != nil)
        return invalid(wrong);
    struct pm_rules *rules = load([configuration objectForKey:PktmodTunnelRulesKey], &wrong);
    if (rules == NULL)
        return invalid(wrong);
    NSError *error = [self prepare:pm_rules_policy(rules) for:configuration];
    pm_rules_free(rules); /* the courier has its reference of the policy */
    return error;
}

- (NSError *)prepare:(struct pm_policy *)policy for:(NSDictionary *)configuration
{
    char error[ERROR_CAP] = "";
    pm_run_plan_free(&_plan);
    if (!pm_run_plan_derive(&_plan, policy))
        return invalid(@"no memory");
    if (_plan.count == 0)
        return invalid(@"no rewrite rule is in force; a tunnel has nothing to do");
    if (!pm_addresses_choose(&_addresses))
        return invalid(@"all of 198.18.0.0/16 is in use here");
    if (!pm_tunnel_has_version(&_plan, 6))
        _addresses.own6.version = _addresses.peer6.version = 0;
    struct pm_courier_config config = {
        .bearer = {.policy = policy,
                   .addresses = _addresses,
                   .mtu = pm_tunnel_mtu(configuration),
                   .device = {.context = self, .write = write_packet, .flush = flush_packets}},
        .events = {
            .context = self, .began = began, .drained = drained, .moved = moved, .failed = failed}};
    struct pm_courier *courier = pm_courier_new(&config, error, sizeof error);
    if (courier == NULL)
        return invalid([NSString stringWithUTF8String:error]);
    @synchronized(self) {
        _courier = courier;
    }
    _packets = [[NSMutableArray alloc] initWithCapacity:WRITE_BATCH];
    _families = [[NSMutableArray alloc] initWithCapacity:WRITE_BATCH];
    return nil;
}

- (void)startTunnelWithOptions:(NSDictionary<NSString *, NSObject *> *)options
             completionHandler:(void (^)(NSError *))completionHandler
{
    (void)options;
    [self end]; /* of a session before that ended by itself */
    NSError *error = [self prepare];
    if (error != nil) {
        pm_port_log([@"tunnel not started: " stringByAppendingString:error.localizedDescription]);
        completionHandler(error);
        return;
    }
    @synchronized(self) {
        _begun = Block_copy(completionHandler);
    }
    NEPacketTunnelNetworkSettings *settings = [self settings];
    __block PktmodPacketTunnelProvider *me = self;
    [self setTunnelNetworkSettings:settings
                 completionHandler:^(NSError *unset) {
                   [me settled:unset];
                 }];
}

/* The system has made the device, or not. */
- (void)settled:(NSError *)error
{
    BOOL is_started = NO;
    @synchronized(self) {
        if (error == nil && _begun != NULL && _courier != NULL)
            is_started = pm_courier_start(_courier);
    }
    if (!is_started) {
        [self begun:error != nil ? error : invalid(@"the tunnel has no thread to run in")];
        return;
    }
    [self read];
}

/* The start has ended, one way or the other; whoever says so first is heard. */
- (void)begun:(NSError *)error
{
    void (^tell)(NSError *);
    @synchronized(self) {
        tell = _begun;
        _begun = NULL;
    }
    if (tell == NULL)
        return;
    if (error != nil)
        pm_port_log([@"tunnel not started: " stringByAppendingString:error.localizedDescription]);
    else
        [self observe];
    tell(error);
    Block_release(tell);
}

/* ------------------------------------------------------------------ the network */

- (void)observe
{
    @synchronized(self) {
        if (_observes)
            return;
        _observes = YES;
    }
    [self addObserver:self forKeyPath:@"defaultPath" options:0 context:NULL];
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
    [self lookForOutside];
}

- (void)lookForOutside
{
    @synchronized(self) {
        if (_courier != NULL)
            pm_courier_move(_courier);
    }
}

- (void)hasOutside:(BOOL)hasOutside
{
    pm_port_log(hasOutside ? @"tunnel: there is a network" : @"tunnel: there is no network");
    self.reasserting = !hasOutside;
}

/* Nothing needs to be put away: no timer of ours wakes a Mac that sleeps. */
- (void)sleepWithCompletionHandler:(void (^)(void))completionHandler
{
    completionHandler();
}

- (void)wake
{
    [self lookForOutside];
}

/* ------------------------------------------------------------------ messages */

- (void)handleAppMessage:(NSData *)messageData
       completionHandler:(void (^)(NSData *))completionHandler
{
    NSString *rules = pm_tunnel_reload_of(messageData);
    if (rules != nil) {
        [self reload:rules then:completionHandler];
        return;
    }
    NSData *answer = nil;
    @synchronized(self) {
        answer = pm_tunnel_answer(_courier, &_plan, messageData);
    }
    if (completionHandler != nil)
        completionHandler(answer);
}

/* What enters becomes more, never less: connections to what entered before still do. */
- (void)reload:(NSString *)text then:(void (^)(NSData *))tell
{
    NSString *error = nil;
    BOOL has_grown = NO;
    struct pm_rules *rules = load(text, &error);
    if (rules != NULL) {
        @synchronized(self) {
            error = [self replace:rules hasGrown:&has_grown];
        }
    }
    if (!has_grown) {
        if (tell != nil)
            tell(pm_tunnel_reloaded(error));
        return;
    }
    void (^told)(NSData *) = tell == nil ? NULL : Block_copy(tell);
    [self setTunnelNetworkSettings:[self settings]
                 completionHandler:^(NSError *unset) {
                   if (told != NULL) {
                       told(pm_tunnel_reloaded(unset.localizedDescription));
                       Block_release(told);
                   }
                 }];
}

/* Takes the rules over. nil: in force. */
- (NSString *)replace:(struct pm_rules *)rules hasGrown:(BOOL *)hasGrown
{
    char error[ERROR_CAP] = "";
    struct pm_run_plan plan = {.count = 0};
    struct pm_policy *policy = pm_rules_policy(rules);
    NSString *wrong = nil;
    if (_courier == NULL)
        wrong = @"no tunnel runs";
    else if (!pm_run_plan_derive(&plan, policy))
        wrong = @"no memory";
    else if (plan.count == 0)
        wrong = @"no rewrite rule is in force; a tunnel has nothing to do";
    else if (_addresses.own6.version == 0 && pm_tunnel_has_version(&plan, 6))
        wrong = @"the rules have IPv6 enter, and this tunnel began without: start it again";
    if (wrong != nil)
        pm_rules_free(rules);
    else if (!pm_courier_replace(_courier, rules, error, sizeof error))
        wrong = [NSString stringWithUTF8String:error];
    else
        *hasGrown = [self enter:&plan];
    pm_run_plan_free(&plan);
    if (wrong != nil)
        pm_port_log([@"rules refused, those before stay in force: " stringByAppendingString:wrong]);
    return wrong;
}

/* Adds to what enters. YES: it is more now. */
- (BOOL)enter:(const struct pm_run_plan *)plan
{
    size_t before = _plan.count;
    for (size_t i = 0; i < plan->count; i++)
        (void)pm_run_plan_add(&_plan, &plan->prefixes[i], PM_NO_RULE);
    return _plan.count > before;
}

- (NEPacketTunnelNetworkSettings *)settings
{
    NETunnelProviderProtocol *protocol = (NETunnelProviderProtocol *)self.protocolConfiguration;
    @synchronized(self) {
        return pm_tunnel_settings(&_plan, &_addresses, protocol.providerConfiguration);
    }
}

/* ------------------------------------------------------------------ the end */

/* In the courier's thread, its last call. */
- (void)failedWith:(NSError *)error
{
    pm_port_log([@"tunnel ended: " stringByAppendingString:error.localizedDescription]);
    [self cancelTunnelWithError:error];
}

- (void)end
{
    struct pm_courier *courier;
    BOOL observed;
    @synchronized(self) {
        courier = _courier;
        _courier = NULL; /* no packet, no message comes to it any more */
        observed = _observes;
        _observes = NO;
    }
    if (observed)
        [self removeObserver:self forKeyPath:@"defaultPath"];
    pm_courier_free(courier);
    [_packets release];
    [_families release];
    _packets = nil;
    _families = nil;
}

- (void)stopTunnelWithReason:(NEProviderStopReason)reason
           completionHandler:(void (^)(void))completionHandler
{
    (void)reason;
    [self
        begun:errorWith(NETunnelProviderErrorNetworkSettingsCanceled, @"stopped before it began")];
    [self end];
    completionHandler();
}

- (void)dealloc
{
    [self end];
    pm_run_plan_free(&_plan);
    if (_begun != NULL)
        Block_release(_begun);
    [super dealloc];
}

@end
