/* capture_formats.h - what the two format readers share with capture.c, and input.c, which has
 * reasons of its own why there are no packets; nobody else includes it. */
#ifndef PKTMOD_APP_CAPTURE_FORMATS_H
#define PKTMOD_APP_CAPTURE_FORMATS_H

#include "app/capture.h"

#define PM_CAPTURE_ERROR_LEN 512

struct pm_interface {
    char *name; /* or NULL */
    uint32_t snaplen;
    uint16_t link;
    struct pm_ticks clock;
};

struct pm_capture {
    struct pm_source source;
    char *name;
    enum pm_format format;
    bool big;
    uint64_t frames; /* packets read */
    uint64_t last_ns;
    uint64_t size;
    struct pm_oddities oddities;
    struct {
        uint8_t header[PM_PCAP_HEADER_LEN];
        uint32_t record_header_len; /* 16; 24 in the variant of patched libpcaps */
        uint32_t snaplen;
        uint16_t link;
        bool nano;
        uint8_t late_header[24]; /* of a record that was not read; its time is set when written */
    } pcap;
    struct {
        struct pm_interface *interfaces; /* of the current section */
        uint32_t count, cap;
        bool in_section;
    } ng;
    char error[PM_CAPTURE_ERROR_LEN]; /* empty: none */
};

/* Each sets the error and answers PM_STEP_BAD. */
enum pm_step pm_capture_fail(struct pm_capture *capture, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The file ended, or could not be read on, where `need` bytes should stand. END instead where the
 * user ended the reading. */
enum pm_step pm_capture_cut(struct pm_capture *capture, const char *what, uint64_t need);

/* Counts the packet and what is odd about it. snaplen 0: no limit. */
void pm_capture_count(struct pm_capture *capture, struct pm_record *record, uint32_t snaplen);

/* False: not a header we can read; the error is set. */
bool pm_pcap_begin(struct pm_capture *capture);
enum pm_step pm_pcap_next(struct pm_capture *capture, struct pm_record *record);

enum pm_step pm_pcapng_next(struct pm_capture *capture, struct pm_record *record);
void pm_pcapng_forget_interfaces(struct pm_capture *capture);

#endif
