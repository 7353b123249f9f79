/* explain_packet.h - packets that are described on the command line, as a rule test describes its.
 */
#ifndef PKTMOD_APP_EXPLAIN_PACKET_H
#define PKTMOD_APP_EXPLAIN_PACKET_H

#include "app/capture.h"

/* Text is the JSON object of a packet in a rule test, or a list of them; *count says how many. To
 * be closed by the caller; NULL: complained already. */
struct pm_capture *pm_explain_packets(const char *text, size_t *count);

#endif
