/* PktmodPort.h - the few things that the providers need and that differ where they are tested.
 *
 * The providers are compiled without ARC, with blocks that are copied by hand, so that the same
 * source runs under GNUstep. */
#ifndef PKTMOD_DARWIN_PORT_H
#define PKTMOD_DARWIN_PORT_H

#import <Foundation/Foundation.h>

#ifdef __APPLE__

#include <os/log.h>

/* Threads of our own may send messages at once. */
static inline void pm_port_enter_thread(void)
{
}

static inline void pm_port_log(NSString *text)
{
    os_log_with_type(OS_LOG_DEFAULT, OS_LOG_TYPE_DEFAULT, "pktmod: %{public}s", text.UTF8String);
}

#else

static inline void pm_port_enter_thread(void)
{
    GSRegisterCurrentThread();
}

static inline void pm_port_log(NSString *text)
{
    NSLog(@"pktmod: %@", text);
}

#endif

#endif
