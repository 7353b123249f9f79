/* Network.h - double of the parts of Network.framework that the providers use. */
#ifndef PKTMOD_DOUBLE_NETWORK_H
#define PKTMOD_DOUBLE_NETWORK_H

#import <Foundation/Foundation.h>

@protocol OS_nw_interface <NSObject>
@end
typedef NSObject<OS_nw_interface> *nw_interface_t;

typedef enum {
    nw_interface_type_other = 0,
    nw_interface_type_wifi = 1,
    nw_interface_type_cellular = 2,
    nw_interface_type_wired = 3,
    nw_interface_type_loopback = 4,
} nw_interface_type_t;

const char *nw_interface_get_name(nw_interface_t interface);
uint32_t nw_interface_get_index(nw_interface_t interface);
nw_interface_type_t nw_interface_get_type(nw_interface_t interface);

#endif
