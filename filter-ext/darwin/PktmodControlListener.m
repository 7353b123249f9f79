/* PktmodControlListener.m - XPC in front of PktmodControl; it decides who may come in. */
#import "filter-ext/darwin/PktmodControlListener.h"

#import "filter-ext/darwin/PktmodPacketFilterProvider.h"
#import "filter-ext/darwin/PktmodPort.h"

/* Of NSXPCConnection since macOS 13; older SDKs do not declare it. */
@protocol PktmodRequiresCode
- (void)setCodeSigningRequirement:(NSString *)requirement;
@end

@implementation PktmodControlListener

static NSString *machServiceName(NSDictionary *info)
{
    id extension = [info objectForKey:@"NetworkExtension"];
    id name = [extension isKindOfClass:[NSDictionary class]]
                  ? [extension objectForKey:@"NEMachServiceName"]
                  : nil;
    return [name isKindOfClass:[NSString class]] ? name : nil;
}

- (BOOL)listen
{
    NSDictionary *info = [[NSBundle mainBundle] infoDictionary];
    NSString *name = machServiceName(info);
    id requirement = [info objectForKey:PktmodPeerRequirementKey];
    if (name == nil || ![requirement isKindOfClass:[NSString class]]) {
        pm_port_log(@"no control: Info.plist has no NEMachServiceName or no PktmodPeerRequirement");
        return NO;
    }
    if (![NSXPCConnection instancesRespondToSelector:@selector(setCodeSigningRequirement:)]) {
        pm_port_log(@"no control: this macOS cannot check who calls; use vendorConfiguration");
        return NO;
    }
    _requirement = [requirement copy];
    _listener = [[NSXPCListener alloc] initWithMachServiceName:name];
    _listener.delegate = self;
    [_listener resume];
    return YES;
}

+ (void)start
{
    PktmodControlListener *listener = [[self alloc] init]; /* kept for good */
    if (![listener listen])
        [listener release];
}

- (BOOL)listener:(NSXPCListener *)listener shouldAcceptNewConnection:(NSXPCConnection *)connection
{
    (void)listener;
    PktmodPacketFilterProvider *filter = [PktmodPacketFilterProvider running];
    if (filter == nil)
        return NO;
    @try { /* a requirement that cannot be parsed is an exception */
        [(id<PktmodRequiresCode>)connection setCodeSigningRequirement:_requirement];
    } @catch (NSException *wrong) {
        pm_port_log([@"PktmodPeerRequirement is refused: " stringByAppendingString:wrong.reason]);
        return NO;
    }
    connection.exportedInterface = [NSXPCInterface interfaceWithProtocol:@protocol(PktmodControl)];
    connection.exportedObject = filter;
    [connection resume];
    return YES;
}

- (void)dealloc
{
    [_listener release];
    [_requirement release];
    [super dealloc];
}

@end
