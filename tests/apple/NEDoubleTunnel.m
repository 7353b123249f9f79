/* NEDoubleTunnel.m - the tunnel half of NetworkExtension, on GNUstep and a TUN device. */
#import "NEDoubleTunnel.h"

#include <Block.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define COMPLETION_MS 8000
#define BATCH_MOST    64
#define PACKET_MAX    65536

NSString *const NETunnelProviderErrorDomain = @"NETunnelProviderErrorDomain";

typedef void (^ne_read_block)(NSArray<NSData *> *packets, NSArray<NSNumber *> *protocols);
typedef void (^ne_error_block)(NSError *error);

/* ------------------------------------------------------------------ what a session shares */

struct ne_device {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct ne_hostility hostility;
    ne_read_block read; /* the one that waits; or NULL */
    int fd;             /* -1: no device yet */
    char name[IFNAMSIZ];
    BOOL is_stopped, has_reader, is_cancelled;
    unsigned under_way; /* settings that have not ended */
    NSError *cancelled;
    NEPacketTunnelNetworkSettings *settings;
    pthread_t reader;
    atomic_ulong delivered;
    unsigned seed;
};

static void nap(unsigned ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    (void)nanosleep(&t, NULL);
}

static void lock(struct ne_device *d)
{
    (void)pthread_mutex_lock(&d->lock);
}

static void unlock(struct ne_device *d)
{
    (void)pthread_mutex_unlock(&d->lock);
}

/* Locked. False: the time is over. */
static BOOL wait_change(struct ne_device *d, const struct timespec *until)
{
    return pthread_cond_timedwait(&d->changed, &d->lock, until) == 0;
}

static struct timespec in_ms(unsigned ms)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_REALTIME, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += (long)(ms % 1000) * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_nsec -= 1000000000;
        t.tv_sec++;
    }
    return t;
}

/* A block in a thread of its own, as the system calls providers. */
struct errand {
    void (^block)(void);
};

static void *run_errand(void *context)
{
    struct errand *errand = context;
    ne_double_enter_thread();
    @autoreleasepool {
        errand->block();
    }
    Block_release(errand->block);
    free(errand);
    return NULL;
}

static void elsewhere(void (^block)(void))
{
    struct errand *errand = calloc(1, sizeof *errand);
    pthread_t thread;
    errand->block = Block_copy(block);
    if (pthread_create(&thread, NULL, run_errand, errand) != 0)
        abort();
    (void)pthread_detach(thread);
}

/* Somebody waits for a completion; never freed, so that a late one finds it. */
struct promise {
    pthread_mutex_t lock;
    pthread_cond_t done;
    unsigned count;
    id value;
};

static struct promise *new_promise(void)
{
    struct promise *p = calloc(1, sizeof *p);
    (void)pthread_mutex_init(&p->lock, NULL);
    (void)pthread_cond_init(&p->done, NULL);
    return p;
}

static void keep_promise(struct promise *p, id value)
{
    (void)pthread_mutex_lock(&p->lock);
    p->value = [value retain];
    if (p->count++ > 0)
        ne_double_fault(NE_FAULT_COMPLETION_TWICE);
    (void)pthread_cond_broadcast(&p->done);
    (void)pthread_mutex_unlock(&p->lock);
}

static id await(struct promise *p)
{
    struct timespec until = in_ms(COMPLETION_MS);
    int failed = 0;
    (void)pthread_mutex_lock(&p->lock);
    while (p->count == 0 && failed == 0)
        failed = pthread_cond_timedwait(&p->done, &p->lock, &until);
    id value = [[p->value retain] autorelease];
    (void)pthread_mutex_unlock(&p->lock);
    if (failed != 0)
        ne_double_fault(NE_FAULT_NO_COMPLETION);
    return value;
}

/* ------------------------------------------------------------------ the device */

static void ip(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void ip(const char *format, ...)
{
    char command[256] = "ip ";
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(command + 3, sizeof command - 3, format, arguments);
    va_end(arguments);
    if (system(command) != 0) {
        fprintf(stderr, "NetworkExtension double: %s failed\n", command);
        abort();
    }
}

static BOOL open_device(struct ne_device *d)
{
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI, .ifr_name = "netun%d"};
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || ioctl(fd, TUNSETIFF, &request) != 0) {
        if (fd >= 0)
            close(fd);
        return NO;
    }
    lock(d);
    memcpy(d->name, request.ifr_name, sizeof d->name);
    d->fd = fd;
    (void)pthread_cond_broadcast(&d->changed);
    unlock(d);
    return YES;
}

static unsigned bits_of(NSString *mask)
{
    struct in_addr in;
    if (inet_pton(AF_INET, mask.UTF8String, &in) != 1)
        return 33;
    return (unsigned)__builtin_popcount(in.s_addr);
}

static BOOL is_version(NSString *address, int family)
{
    struct in6_addr bytes;
    return inet_pton(family, address.UTF8String, &bytes) == 1;
}

static BOOL is_valid(NEPacketTunnelNetworkSettings *settings)
{
    for (NEIPv4Route *route in settings.IPv4Settings.includedRoutes)
        if (!is_version(route.destinationAddress, AF_INET) ||
            bits_of(route.destinationSubnetMask) > 32)
            return NO;
    for (NEIPv6Route *route in settings.IPv6Settings.includedRoutes)
        if (!is_version(route.destinationAddress, AF_INET6))
            return NO;
    for (NSString *address in settings.IPv4Settings.addresses)
        if (!is_version(address, AF_INET))
            return NO;
    return [settings.MTU intValue] > 0 && [settings.IPv4Settings.addresses count] == 1 &&
           is_version(settings.tunnelRemoteAddress, AF_INET);
}

static void assign(const struct ne_device *d, NEPacketTunnelNetworkSettings *settings)
{
    NEIPv4Settings *v4 = settings.IPv4Settings;
    NEIPv6Settings *v6 = settings.IPv6Settings;
    ip("route flush dev %s proto boot && ip -6 route flush dev %s proto boot", d->name, d->name);
    ip("addr replace %s/%u dev %s noprefixroute", [[v4.addresses objectAtIndex:0] UTF8String],
       bits_of([v4.subnetMasks objectAtIndex:0]), d->name);
    if (v6 != nil)
        ip("addr replace %s/%d dev %s nodad noprefixroute",
           [[v6.addresses objectAtIndex:0] UTF8String],
           [[v6.networkPrefixLengths objectAtIndex:0] intValue], d->name);
    for (NEIPv4Route *route in v4.includedRoutes) {
        unsigned bits = bits_of(route.destinationSubnetMask);
        if (bits > 0)
            ip("route add %s/%u dev %s", route.destinationAddress.UTF8String, bits, d->name);
        else /* before the default route of others */
            ip("route add 0.0.0.0/1 dev %s && ip route add 128.0.0.0/1 dev %s", d->name, d->name);
    }
    for (NEIPv6Route *route in v6.includedRoutes) {
        int bits = [route.destinationNetworkPrefixLength intValue];
        if (bits > 0)
            ip("-6 route add %s/%d dev %s metric 1", route.destinationAddress.UTF8String, bits,
               d->name);
        else
            ip("-6 route add ::/1 dev %s && ip -6 route add 8000::/1 dev %s", d->name, d->name);
    }
}

/* 0, or an error of the domain. */
static NSInteger apply(struct ne_device *d, NEPacketTunnelNetworkSettings *settings)
{
    if (d->hostility.settings_error != 0)
        return d->hostility.settings_error;
    if (!is_valid(settings))
        return NETunnelProviderErrorNetworkSettingsInvalid;
    if (d->is_stopped)
        return NETunnelProviderErrorNetworkSettingsCanceled;
    if (d->fd < 0 && !open_device(d))
        return NETunnelProviderErrorNetworkSettingsFailed;
    ip("link set %s mtu %d up", d->name, [settings.MTU intValue]);
    if (d->hostility.address_ms == 0)
        assign(d, settings);
    return 0;
}

/* ------------------------------------------------------------------ reading */

/* Up to 64 packets that are there, at random fewer. */
static void take_packets(struct ne_device *d, uint8_t *room, NSMutableArray *packets,
                         NSMutableArray *families)
{
    unsigned most = 1 + (unsigned)rand_r(&d->seed) % BATCH_MOST;
    while ([packets count] < most) {
        ssize_t len = read(d->fd, room, PACKET_MAX);
        if (len <= 0)
            return;
        [packets addObject:[NSData dataWithBytes:room length:(NSUInteger)len]];
        [families addObject:[NSNumber numberWithInt:room[0] >> 4 == 4 ? AF_INET : AF_INET6]];
    }
}

/* Waits for a device and a read. NULL: it is over. */
static ne_read_block next_read(struct ne_device *d)
{
    lock(d);
    while (!d->is_stopped && (d->read == NULL || d->fd < 0))
        (void)pthread_cond_wait(&d->changed, &d->lock);
    ne_read_block read = d->is_stopped ? NULL : d->read;
    unlock(d);
    return read;
}

/* Answers the read; the provider may ask for the next one in it. */
static void answer(struct ne_device *d, ne_read_block read, NSArray *packets, NSArray *families)
{
    lock(d);
    BOOL is_over = d->is_stopped;
    if (!is_over)
        d->read = NULL;
    unlock(d);
    if (is_over)
        return;
    atomic_fetch_add(&d->delivered, [packets count]);
    read(packets, families);
    Block_release(read);
}

static void *run_reader(void *context)
{
    struct ne_device *d = context;
    uint8_t *room = malloc(PACKET_MAX);
    ne_read_block read;
    ne_double_enter_thread();
    while ((read = next_read(d)) != NULL) {
        struct pollfd fd = {.fd = d->fd, .events = POLLIN};
        if (poll(&fd, 1, 20) <= 0)
            continue;
        @autoreleasepool {
            NSMutableArray *packets = [NSMutableArray array], *families = [NSMutableArray array];
            take_packets(d, room, packets, families);
            if ([packets count] > 0)
                answer(d, read, packets, families);
        }
    }
    free(room);
    return NULL;
}

@implementation NEPacketTunnelFlow
- (void)readPacketsWithCompletionHandler:(ne_read_block)completionHandler
{
    lock(_device);
    BOOL is_second = _device->read != NULL;
    if (!is_second && !_device->is_stopped) {
        _device->read = Block_copy(completionHandler);
        (void)pthread_cond_broadcast(&_device->changed);
    }
    unlock(_device);
    if (is_second)
        ne_double_fault(NE_FAULT_READ_TWICE);
}

static BOOL write_packet(const struct ne_device *d, NSData *packet, int family)
{
    const uint8_t *bytes = packet.bytes;
    if (packet.length == 0 || (family != AF_INET && family != AF_INET6) ||
        (bytes[0] >> 4 == 4) != (family == AF_INET))
        return NO;
    if (!d->hostility.is_deaf)
        (void)!write(d->fd, bytes, packet.length);
    return YES;
}

- (BOOL)writePackets:(NSArray<NSData *> *)packets withProtocols:(NSArray<NSNumber *> *)protocols
{
    BOOL ok = YES;
    lock(_device);
    BOOL is_up = !_device->is_stopped && _device->fd >= 0 && !_device->hostility.refuses;
    unlock(_device);
    if (!is_up || [packets count] != [protocols count] || [packets count] == 0)
        return NO;
    for (NSUInteger i = 0; ok && i < [packets count]; i++)
        ok = write_packet(_device, [packets objectAtIndex:i],
                          [[protocols objectAtIndex:i] intValue]);
    return ok;
}
@end

/* ------------------------------------------------------------------ providers */

@implementation NETunnelProvider
@synthesize reasserting = _reasserting;
- (NEVPNProtocol *)protocolConfiguration
{
    return _protocolConfiguration;
}
- (void)handleAppMessage:(NSData *)messageData
       completionHandler:(void (^)(NSData *))completionHandler
{
    (void)messageData;
    if (completionHandler != nil)
        completionHandler(nil);
}
- (void)setTunnelNetworkSettings:(NETunnelNetworkSettings *)settings
               completionHandler:(ne_error_block)completionHandler
{
    struct ne_device *d = _device;
    NEPacketTunnelNetworkSettings *copy = [settings copy];
    ne_error_block done = completionHandler ? Block_copy(completionHandler) : NULL;
    lock(d);
    d->under_way++;
    [d->settings release];
    d->settings = [copy retain];
    unlock(d);
    elsewhere(^{
      nap(d->hostility.settings_ms);
      NSInteger code = apply(d, copy);
      NSError *error = code == 0 ? nil
                                 : [NSError errorWithDomain:NETunnelProviderErrorDomain
                                                       code:code
                                                   userInfo:@{}];
      if (done != NULL) {
          done(error);
          Block_release(done);
      }
      if (code == 0 && d->hostility.address_ms != 0) {
          nap(d->hostility.address_ms);
          assign(d, copy);
      }
      [copy release];
      lock(d);
      d->under_way--;
      (void)pthread_cond_broadcast(&d->changed);
      unlock(d);
    });
}
- (void)dealloc
{
    [_protocolConfiguration release];
    [super dealloc];
}
@end

@implementation NEPacketTunnelProvider
- (NEPacketTunnelFlow *)packetFlow
{
    return _packetFlow;
}
- (void)startTunnelWithOptions:(NSDictionary *)options
             completionHandler:(ne_error_block)completionHandler
{
    (void)options;
    completionHandler(nil);
}
- (void)stopTunnelWithReason:(NEProviderStopReason)reason
           completionHandler:(void (^)(void))completionHandler
{
    (void)reason;
    completionHandler();
}
- (void)cancelTunnelWithError:(NSError *)error
{
    struct ne_device *d = _device;
    NEPacketTunnelProvider *me = self;
    lock(d);
    d->is_cancelled = YES;
    d->cancelled = [error retain];
    (void)pthread_cond_broadcast(&d->changed);
    BOOL stops = d->hostility.stops_after_cancel;
    unlock(d);
    if (stops)
        elsewhere(^{
          [me stopTunnelWithReason:NEProviderStopReasonProviderFailed
                 completionHandler:^{
                 }];
        });
}
- (void)dealloc
{
    [_packetFlow release];
    [super dealloc];
}
@end

/* ------------------------------------------------------------------ sessions */

@implementation NEDoubleTunnel
- (instancetype)initWithProvider:(NEPacketTunnelProvider *)provider
{
    if ((self = [super init])) {
        _provider = [provider retain];
        _device = calloc(1, sizeof *_device);
        (void)pthread_mutex_init(&_device->lock, NULL);
        (void)pthread_cond_init(&_device->changed, NULL);
        _device->fd = -1;
        _device->seed = 1;
        _provider->_device = _device;
        _provider->_packetFlow = [[NEPacketTunnelFlow alloc] init];
        _provider->_packetFlow->_device = _device;
        _provider->_protocolConfiguration = [[NETunnelProviderProtocol alloc] init];
        _provider->_defaultPath = [[NWPath alloc] init];
    }
    return self;
}

- (void)setHostility:(struct ne_hostility)hostility
{
    _device->hostility = hostility;
}

- (struct ne_hostility)hostility
{
    return _device->hostility;
}

- (NETunnelProviderProtocol *)protocol
{
    return (NETunnelProviderProtocol *)_provider->_protocolConfiguration;
}

- (void)configure:(NSDictionary *)providerConfiguration
{
    [self protocol].providerConfiguration = providerConfiguration;
}

- (void)beginStart
{
    struct promise *promise = _started = new_promise();
    NEPacketTunnelProvider *provider = _provider;
    lock(_device);
    _device->is_stopped = NO;
    if (!_device->has_reader && pthread_create(&_device->reader, NULL, run_reader, _device) != 0)
        abort();
    _device->has_reader = YES;
    unlock(_device);
    elsewhere(^{
      [provider startTunnelWithOptions:nil
                     completionHandler:^(NSError *error) {
                       keep_promise(promise, error);
                     }];
    });
}

- (NSError *)endStart
{
    return await(_started);
}

- (NSError *)start
{
    [self beginStart];
    return [self endStart];
}

/* Settings that are under way end before the session does. */
- (void)stop
{
    struct promise *promise = new_promise();
    NEPacketTunnelProvider *provider = _provider;
    elsewhere(^{
      [provider stopTunnelWithReason:NEProviderStopReasonUserInitiated
                   completionHandler:^{
                     keep_promise(promise, nil);
                   }];
    });
    (void)await(promise);
    lock(_device);
    _device->is_stopped = YES;
    (void)pthread_cond_broadcast(&_device->changed);
    while (_device->under_way > 0)
        (void)pthread_cond_wait(&_device->changed, &_device->lock);
    BOOL has_reader = _device->has_reader;
    _device->has_reader = NO;
    unlock(_device);
    if (has_reader)
        (void)pthread_join(_device->reader, NULL);
    if (_device->read != NULL)
        Block_release(_device->read);
    _device->read = NULL;
    if (_device->fd >= 0)
        close(_device->fd);
    _device->fd = -1;
}

- (NSData *)answerTo:(NSData *)message
{
    struct promise *promise = new_promise();
    NEPacketTunnelProvider *provider = _provider;
    elsewhere(^{
      [provider handleAppMessage:message
               completionHandler:^(NSData *answer) {
                 keep_promise(promise, answer);
               }];
    });
    return await(promise);
}

- (void)tell:(NSData *)message
{
    [_provider handleAppMessage:message completionHandler:nil];
}

- (void)sleepAndWake
{
    struct promise *promise = new_promise();
    [_provider sleepWithCompletionHandler:^{
      keep_promise(promise, nil);
    }];
    (void)await(promise);
    [_provider wake];
}

- (void)changePath
{
    NWPath *path = [[NWPath alloc] init];
    [_provider willChangeValueForKey:@"defaultPath"];
    @synchronized(_provider) {
        [_provider->_defaultPath release];
        _provider->_defaultPath = path;
    }
    [_provider didChangeValueForKey:@"defaultPath"];
}

- (NSString *)deviceName
{
    return [NSString stringWithUTF8String:_device->name];
}

- (NEPacketTunnelNetworkSettings *)settings
{
    return _device->settings;
}

- (unsigned long)delivered
{
    return atomic_load(&_device->delivered);
}

- (NSError *)cancelledWithin:(unsigned)ms
{
    struct timespec until = in_ms(ms);
    lock(_device);
    while (!_device->is_cancelled && wait_change(_device, &until))
        continue;
    NSError *error = _device->cancelled;
    unlock(_device);
    return error;
}

- (void)dealloc
{
    [_provider release];
    lock(_device);
    while (_device->under_way > 0) /* of a start that came after the stop */
        (void)pthread_cond_wait(&_device->changed, &_device->lock);
    unlock(_device);
    [_device->settings release];
    [_device->cancelled release];
    (void)pthread_cond_destroy(&_device->changed);
    (void)pthread_mutex_destroy(&_device->lock);
    free(_device);
    [super dealloc];
}
@end
