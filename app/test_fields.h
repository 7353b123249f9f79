/* test_fields.h - the fields of a packet by Wireshark's names, to say where two packets differ. */
#ifndef PKTMOD_APP_TEST_FIELDS_H
#define PKTMOD_APP_TEST_FIELDS_H

#include <stdio.h>

#include "app/verify_packet.h"

/* How the value of a field is written. */
enum pm_field_form { PM_FIELD_NUMBER, PM_FIELD_HEX, PM_FIELD_IP, PM_FIELD_BYTES };

/* What a difference in a field can follow from.
 * PACKET: another field of the same packet, as checksums and lengths do.
 * STREAM: an earlier packet of the connection, as sequence numbers do. */
enum pm_field_cause { PM_CAUSE_ITSELF, PM_CAUSE_PACKET, PM_CAUSE_STREAM };

struct pm_field_span {
    const char *name;
    uint32_t off, len; /* in the frame */
    enum pm_field_form form;
    enum pm_field_cause cause;
};

#define PM_FIELD_SPANS 48

/* All bytes of the frame, in order, each in one span. How many spans there are. */
unsigned pm_fields_of(const struct pm_verify_packet *packet, uint16_t link,
                      struct pm_field_span spans[PM_FIELD_SPANS]);
/* A field that is compared, by name: those of packets, and frame.time, frame.len, frame.cap_len,
 * frame.comment. */
bool pm_field_is_known(const char *name);
/* All names, in lines of at most 80 columns. */
void pm_field_print_names(FILE *out);

#endif
