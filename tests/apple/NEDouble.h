/* NEDouble.h - what tests do with the double: start a provider, hand it packets, see what became of
 * each, stop it.
 *
 * The double is strict where the documentation is, and hostile where it leaves room:
 *
 *     packet bytes      read-only; gone when the handler returns; nothing readable behind their end
 *     delayCurrentPacket:  in the handler's thread, with its context, once, and then Delay returned
 *     allowPacket:      once; after the stop it does nothing
 *     completions       once, and within five seconds
 *     stop              may begin while calls run
 *
 * A breach is a fault: it ends the test, or is counted where a test plants it. */
#ifndef PKTMOD_NEDOUBLE_H
#define PKTMOD_NEDOUBLE_H

#import <NetworkExtension/NetworkExtension.h>

#define NE_JOURNAL_CAP 65536u

/* What became of a packet, by the number it was handed over with. */
enum ne_fate {
    NE_FATE_NONE,
    NE_PASSED,
    NE_DROPPED,
    NE_DELAYED,
    NE_DELAYED_PASSED,
    NE_DELAYED_DROPPED
};

enum ne_fault {
    NE_FAULT_DELAY_ELSEWHERE, /* outside the handler, in another thread, or with another context */
    NE_FAULT_DELAY_TWICE,
    NE_FAULT_DELAY_FORGOTTEN, /* Delay returned without delayCurrentPacket: */
    NE_FAULT_DELAY_NOT_SAID,  /* the other way round */
    NE_FAULT_ALLOW_TWICE,
    NE_FAULT_NO_COMPLETION,
    NE_FAULT_COMPLETION_TWICE,
    NE_FAULT_READ_TWICE, /* readPackets... while another read waits */
    NE_FAULT_COUNT
};

/* Faults are counted from now on, and do not end the test. */
void ne_double_count_faults(BOOL on);
unsigned ne_double_faults(enum ne_fault fault); /* and forgets them */
void ne_double_fault(enum ne_fault fault);      /* one was seen */

@interface NEDoubleInterface : NSObject <OS_nw_interface> {
  @public
    char _name[16];
    uint32_t _index;
    nw_interface_type_t _type;
}
+ (instancetype)named:(const char *)name index:(uint32_t)index type:(nw_interface_type_t)type;
@end

/* The session of one provider. */
@interface NEDoubleFilter : NSObject {
    NEFilterPacketProvider *_provider;
}
- (instancetype)initWithProvider:(NEFilterPacketProvider *)provider;
/* As a user changes it: the provider sees it by KVO once it runs. */
- (void)configure:(NSDictionary *)vendorConfiguration;
- (NSError *)start; /* nil: it runs */
/* In the thread of the caller, as the system does in its own. Without a handler: passes. */
- (enum ne_fate)deliver:(const void *)bytes
                 length:(size_t)len
              interface:(nw_interface_t)interface
              direction:(NETrafficDirection)direction
                 number:(unsigned)number;
- (void)stop;
- (enum ne_fate)fateOf:(unsigned)number;
- (unsigned)outstanding; /* delayed packets of which nothing is decided */
- (unsigned)allowedAfterStop;
@end

/* Every thread that comes from pthread_create calls it first. */
void ne_double_enter_thread(void);

#endif
