/* NEDouble.m - the filter half of NetworkExtension, on GNUstep. */
#import "NEDouble.h"

#include <Block.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define COMPLETION_S 5

NSString *const NEFilterErrorDomain = @"NEFilterErrorDomain";

/* ------------------------------------------------------------------ faults */

static const char *const fault_texts[NE_FAULT_COUNT] = {
    [NE_FAULT_DELAY_ELSEWHERE] = "delayCurrentPacket: not in the call of its context",
    [NE_FAULT_DELAY_TWICE] = "delayCurrentPacket: twice in one call",
    [NE_FAULT_DELAY_FORGOTTEN] = "Delay returned without delayCurrentPacket:",
    [NE_FAULT_DELAY_NOT_SAID] = "delayCurrentPacket: called and another verdict returned",
    [NE_FAULT_ALLOW_TWICE] = "allowPacket: twice",
    [NE_FAULT_NO_COMPLETION] = "completion handler never called",
    [NE_FAULT_COMPLETION_TWICE] = "completion handler called twice",
    [NE_FAULT_READ_TWICE] = "readPacketsWithCompletionHandler: while another read waits",
};

static struct {
    atomic_bool counts;
    atomic_uint seen[NE_FAULT_COUNT];
} faults;

void ne_double_fault(enum ne_fault which)
{
    if (!atomic_load(&faults.counts)) {
        fprintf(stderr, "NetworkExtension double: %s\n", fault_texts[which]);
        abort();
    }
    atomic_fetch_add(&faults.seen[which], 1);
}

void ne_double_count_faults(BOOL on)
{
    atomic_store(&faults.counts, on);
}

unsigned ne_double_faults(enum ne_fault which)
{
    return atomic_exchange(&faults.seen[which], 0);
}

void ne_double_enter_thread(void)
{
    GSRegisterCurrentThread();
}

/* ------------------------------------------------------------------ interfaces */

@implementation NEDoubleInterface
+ (instancetype)named:(const char *)name index:(uint32_t)index type:(nw_interface_type_t)type
{
    NEDoubleInterface *it = [[[self alloc] init] autorelease];
    (void)snprintf(it->_name, sizeof it->_name, "%s", name);
    it->_index = index;
    it->_type = type;
    return it;
}
@end

const char *nw_interface_get_name(nw_interface_t interface)
{
    return interface ? ((NEDoubleInterface *)interface)->_name : NULL;
}

uint32_t nw_interface_get_index(nw_interface_t interface)
{
    return interface ? ((NEDoubleInterface *)interface)->_index : 0;
}

nw_interface_type_t nw_interface_get_type(nw_interface_t interface)
{
    return interface ? ((NEDoubleInterface *)interface)->_type : nw_interface_type_other;
}

/* ------------------------------------------------------------------ what is written down */

/* Lives as long as the session and every packet of it. */
struct ne_journal {
    atomic_uint references;
    atomic_bool is_stopped;
    atomic_uint outstanding, allowed_after_stop;
    atomic_uchar fates[NE_JOURNAL_CAP];
};

/* A call of the handler; lives as long as the call. */
struct ne_call {
    pthread_t thread;
    struct ne_journal *journal;
    const void *bytes;
    size_t len;
    NETrafficDirection direction;
    unsigned number;
    BOOL is_over, is_delayed;
};

/* A packet that was delayed. */
struct ne_delayed {
    struct ne_journal *journal;
    unsigned number;
    atomic_bool is_allowed;
};

static void journal_leave(struct ne_journal *journal)
{
    if (journal && atomic_fetch_sub(&journal->references, 1) == 1)
        free(journal);
}

static struct ne_journal *journal_join(struct ne_journal *journal)
{
    atomic_fetch_add(&journal->references, 1);
    return journal;
}

/* ------------------------------------------------------------------ Apple's classes */

@implementation NWPath
@synthesize status = _status;
@end

@implementation NEProvider
+ (void)startSystemExtensionMode
{
}
+ (BOOL)automaticallyNotifiesObserversForKey:(NSString *)key
{
    return ![key isEqualToString:@"defaultPath"] && ![key isEqualToString:@"filterConfiguration"];
}
- (NWPath *)defaultPath
{
    @synchronized(self) {
        return [[_defaultPath retain] autorelease];
    }
}
- (void)sleepWithCompletionHandler:(void (^)(void))completionHandler
{
    completionHandler();
}
- (void)wake
{
}
- (void)dealloc
{
    [_defaultPath release];
    [super dealloc];
}
@end

@implementation NEFilterProviderConfiguration
@synthesize vendorConfiguration = _vendorConfiguration;
- (id)copyWithZone:(NSZone *)zone
{
    NEFilterProviderConfiguration *copy = [[[self class] allocWithZone:zone] init];
    copy.vendorConfiguration = self.vendorConfiguration;
    return copy;
}
- (void)dealloc
{
    [_vendorConfiguration release];
    [super dealloc];
}
@end

@implementation NEFilterProvider
- (NEFilterProviderConfiguration *)filterConfiguration
{
    @synchronized(self) {
        return [[_filterConfiguration retain] autorelease];
    }
}
- (void)startFilterWithCompletionHandler:(void (^)(NSError *error))completionHandler
{
    completionHandler(nil);
}
- (void)stopFilterWithReason:(NEProviderStopReason)reason
           completionHandler:(void (^)(void))completionHandler
{
    (void)reason;
    completionHandler();
}
- (void)dealloc
{
    [_filterConfiguration release];
    [super dealloc];
}
@end

@implementation NEFilterPacketContext
@end

@implementation NEPacket
@synthesize data = _data, protocolFamily = _protocolFamily, direction = _direction;
- (instancetype)initWithData:(NSData *)data protocolFamily:(sa_family_t)protocolFamily
{
    if ((self = [super init])) {
        _data = [data copy];
        _protocolFamily = protocolFamily;
    }
    return self;
}
- (void)dealloc
{
    if (_delayed) {
        if (!atomic_load(&_delayed->is_allowed)) {
            atomic_store(&_delayed->journal->fates[_delayed->number], NE_DELAYED_DROPPED);
            atomic_fetch_sub(&_delayed->journal->outstanding, 1);
        }
        journal_leave(_delayed->journal);
        free(_delayed);
    }
    [_data release];
    [super dealloc];
}
@end

@implementation NEFilterPacketProvider
- (NEFilterPacketHandler)packetHandler
{
    @synchronized(self) {
        return _packetHandler;
    }
}
- (void)setPacketHandler:(NEFilterPacketHandler)handler
{
    NEFilterPacketHandler old, copy = handler ? Block_copy(handler) : NULL;
    @synchronized(self) {
        old = _packetHandler;
        _packetHandler = copy;
    }
    if (old)
        Block_release(old);
}
- (NEPacket *)delayCurrentPacket:(NEFilterPacketContext *)context
{
    struct ne_call *call = context ? context->_call : NULL;
    if (!call || call->is_over || !pthread_equal(call->thread, pthread_self())) {
        ne_double_fault(NE_FAULT_DELAY_ELSEWHERE);
        return nil;
    }
    if (call->is_delayed)
        ne_double_fault(NE_FAULT_DELAY_TWICE);
    struct ne_delayed *delayed = calloc(1, sizeof *delayed);
    NEPacket *packet = [[[NEPacket alloc] initWithData:[NSData dataWithBytes:call->bytes
                                                                      length:call->len]
                                        protocolFamily:AF_UNSPEC] autorelease];
    call->is_delayed = YES;
    delayed->journal = journal_join(call->journal);
    delayed->number = call->number;
    atomic_store(&call->journal->fates[call->number], NE_DELAYED);
    atomic_fetch_add(&call->journal->outstanding, 1);
    packet->_direction = call->direction;
    packet->_delayed = delayed;
    return packet;
}
- (void)allowPacket:(NEPacket *)packet
{
    struct ne_delayed *delayed = packet->_delayed;
    if (!delayed || atomic_exchange(&delayed->is_allowed, true)) {
        ne_double_fault(NE_FAULT_ALLOW_TWICE);
        return;
    }
    atomic_fetch_sub(&delayed->journal->outstanding, 1);
    if (atomic_load(&delayed->journal->is_stopped))
        atomic_fetch_add(&delayed->journal->allowed_after_stop, 1);
    else
        atomic_store(&delayed->journal->fates[delayed->number], NE_DELAYED_PASSED);
}
- (void)dealloc
{
    if (_packetHandler)
        Block_release(_packetHandler);
    journal_leave(_journal);
    [super dealloc];
}
@end

/* ------------------------------------------------------------------ sessions */

/* Somebody waits for a completion handler. */
struct completion {
    pthread_mutex_t lock;
    pthread_cond_t done;
    unsigned count;
    NSError *error;
};

static void complete(struct completion *c, NSError *error)
{
    (void)pthread_mutex_lock(&c->lock);
    c->error = [error retain];
    if (c->count++ > 0)
        ne_double_fault(NE_FAULT_COMPLETION_TWICE);
    (void)pthread_cond_broadcast(&c->done);
    (void)pthread_mutex_unlock(&c->lock);
}

static void wait_for(struct completion *c)
{
    struct timespec until;
    int failed = 0;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += COMPLETION_S;
    (void)pthread_mutex_lock(&c->lock);
    while (c->count == 0 && failed == 0)
        failed = pthread_cond_timedwait(&c->done, &c->lock, &until);
    (void)pthread_mutex_unlock(&c->lock);
    if (failed)
        ne_double_fault(NE_FAULT_NO_COMPLETION);
}

struct request {
    NEFilterPacketProvider *provider;
    struct completion *completion; /* never freed: a late completion finds it */
    BOOL stops;
};

/* On a thread of its own, as the system calls providers. */
static void *run_request(void *context)
{
    struct request *request = context;
    struct completion *completion = request->completion;
    ne_double_enter_thread();
    @autoreleasepool {
        if (request->stops)
            [request->provider stopFilterWithReason:NEProviderStopReasonUserInitiated
                                  completionHandler:^{
                                    complete(completion, nil);
                                  }];
        else
            [request->provider startFilterWithCompletionHandler:^(NSError *error) {
              complete(completion, error);
            }];
    }
    return NULL;
}

static NSError *run(NEFilterPacketProvider *provider, BOOL stops)
{
    struct completion *completion = calloc(1, sizeof *completion);
    struct request request = {.provider = provider, .completion = completion, .stops = stops};
    pthread_t thread;
    (void)pthread_mutex_init(&completion->lock, NULL);
    (void)pthread_cond_init(&completion->done, NULL);
    if (pthread_create(&thread, NULL, run_request, &request) != 0)
        abort();
    (void)pthread_join(thread, NULL);
    wait_for(completion);
    return [completion->error autorelease];
}

@implementation NEDoubleFilter
- (instancetype)initWithProvider:(NEFilterPacketProvider *)provider
{
    if ((self = [super init])) {
        _provider = [provider retain];
        _provider->_journal = calloc(1, sizeof *_provider->_journal);
        atomic_init(&_provider->_journal->references, 1);
    }
    return self;
}

- (void)configure:(NSDictionary *)vendorConfiguration
{
    NEFilterProviderConfiguration *next = [[NEFilterProviderConfiguration alloc] init];
    next.vendorConfiguration = vendorConfiguration;
    [_provider willChangeValueForKey:@"filterConfiguration"];
    @synchronized(_provider) {
        [_provider->_filterConfiguration release];
        _provider->_filterConfiguration = next;
    }
    [_provider didChangeValueForKey:@"filterConfiguration"];
}

- (NSError *)start
{
    return run(_provider, NO);
}

- (void)stop
{
    (void)run(_provider, YES);
    atomic_store(&_provider->_journal->is_stopped, true);
}

/* Bytes that end where readable memory ends, and that nobody may write to:
 *
 *     | page ... bytes | page without access | */
static void *lend(const void *bytes, size_t len, size_t *mapped)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), room = (len + page - 1) / page * page;
    *mapped = room + page;
    uint8_t *map = mmap(NULL, *mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED)
        abort();
    memcpy(map + room - len, bytes, len);
    if (mprotect(map, room ? room : page, PROT_READ) != 0 ||
        mprotect(map + room, page, PROT_NONE) != 0)
        abort();
    return map + room - len;
}

/* The pages stay without access for a while, so that a late read finds nothing else there. */
static void take_back(void *lent, size_t len, size_t mapped)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), room = mapped - page;
    uint8_t *map = (uint8_t *)lent + len - room;
    (void)mprotect(map, mapped, PROT_NONE);
    static _Thread_local struct {
        void *map;
        size_t len;
    } old[16];
    static _Thread_local unsigned next;
    if (old[next].map)
        (void)munmap(old[next].map, old[next].len);
    old[next].map = map;
    old[next].len = mapped;
    next = (next + 1) % 16;
}

static void check_verdict(const struct ne_call *call, NEFilterPacketProviderVerdict verdict)
{
    if (verdict == NEFilterPacketProviderVerdictDelay && !call->is_delayed)
        ne_double_fault(NE_FAULT_DELAY_FORGOTTEN);
    if (verdict != NEFilterPacketProviderVerdictDelay && call->is_delayed)
        ne_double_fault(NE_FAULT_DELAY_NOT_SAID);
}

- (enum ne_fate)deliver:(const void *)bytes
                 length:(size_t)len
              interface:(nw_interface_t)interface
              direction:(NETrafficDirection)direction
                 number:(unsigned)number
{
    size_t mapped;
    struct ne_journal *journal = _provider->_journal;
    NEFilterPacketProviderVerdict verdict = NEFilterPacketProviderVerdictAllow;
    NEFilterPacketHandler handler = NULL;
    @synchronized(_provider) {
        if (_provider->_packetHandler)
            handler = Block_copy(_provider->_packetHandler);
    }
    struct ne_call call = {.thread = pthread_self(),
                           .journal = journal,
                           .len = len,
                           .direction = direction,
                           .number = number};
    void *lent = lend(bytes, len, &mapped);
    call.bytes = lent;
    NEFilterPacketContext *context = [[NEFilterPacketContext alloc] init];
    context->_call = &call;
    if (handler) {
        @autoreleasepool {
            verdict = handler(context, interface, direction, lent, len);
        }
        Block_release(handler);
    }
    call.is_over = YES;
    context->_call = NULL;
    [context release];
    take_back(lent, len, mapped);
    check_verdict(&call, verdict);
    if (!call.is_delayed)
        atomic_store(&journal->fates[number],
                     verdict == NEFilterPacketProviderVerdictDrop ? NE_DROPPED : NE_PASSED);
    return [self fateOf:number];
}

- (enum ne_fate)fateOf:(unsigned)number
{
    return (enum ne_fate)atomic_load(&_provider->_journal->fates[number]);
}

- (unsigned)outstanding
{
    return atomic_load(&_provider->_journal->outstanding);
}

- (unsigned)allowedAfterStop
{
    return atomic_load(&_provider->_journal->allowed_after_stop);
}

- (void)dealloc
{
    [_provider release];
    [super dealloc];
}
@end
