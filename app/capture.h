/* capture.h - reads packets from pcap and pcapng files, keeping what it takes to write them back.
 *
 *     while ((step = pm_capture_next(capture, &record)) is PACKET or BLOCK)
 *         PACKET: record.data is the packet; record.raw[raw_len] is all of it that stands in the
 * file BLOCK:  record.raw only: a pcapng block that is no packet, to be copied as it is END: the
 * file is read.   BAD: pm_capture_error() says what ended it; all before it was good
 *
 * What a record points at belongs to the capture and stays until the next call; data may be
 * written to. No input is trusted: no record is larger than PM_RECORD_MAX bytes.
 */
#ifndef PKTMOD_APP_CAPTURE_H
#define PKTMOD_APP_CAPTURE_H

#include <pktmod/pktmod.h>

#include "app/source.h"
#include "app/ticks.h"

#define PM_RECORD_MAX ((uint32_t)64 << 20)

enum pm_record_kind {
    PM_RECORD_PCAP,
    PM_RECORD_ENHANCED, /* pcapng EPB */
    PM_RECORD_SIMPLE,   /* pcapng SPB: no timestamp, no interface */
    PM_RECORD_OLD,      /* pcapng Packet Block, obsolete */
    PM_RECORD_SECTION,  /* pcapng SHB: interfaces and byte order start anew */
    PM_RECORD_OTHER,    /* any other pcapng block */
};

struct pm_record {
    uint8_t *data;
    uint32_t caplen, origlen;
    uint64_t time_ns; /* as recorded; may go back. SIMPLE: that of the packet before it */
    uint64_t frame;   /* from 1, counting packets */
    uint16_t link;    /* LINKTYPE_ number */
    enum pm_record_kind kind;
    enum pm_dir dir;        /* from epb_flags; UNKNOWN where they say nothing */
    uint32_t interface_id;  /* pcapng: within the section */
    const char *interface;  /* if_name, or NULL; stays until the next SECTION */
    uint8_t *raw;           /* the record or block with its header */
    uint32_t raw_len;       /* pcap: raw_len - caplen is the header */
    const uint8_t *options; /* pcapng: within raw, or NULL */
    uint32_t options_len;
    struct pm_ticks clock;
    bool big; /* the byte order of raw */
};

enum pm_step { PM_STEP_PACKET, PM_STEP_BLOCK, PM_STEP_END, PM_STEP_BAD };

enum pm_format { PM_FORMAT_PCAP, PM_FORMAT_PCAPNG };

#define PM_PCAP_HEADER_LEN 24

/* What does not stop the reading, but a reader of the report should know. */
struct pm_oddities {
    uint64_t longer_than_original; /* captured length over original length */
    uint64_t over_snaplen;         /* captured length over the file's or interface's limit */
    uint64_t cut_short;            /* captured length under original length: a snaplen at work */
};

struct pm_capture;

/* Opens and reads the file's header. `name` is how messages call it. NULL: no memory. Otherwise
 * ask pm_capture_error() once: a file that cannot be read has its reason there. */
struct pm_capture *pm_capture_open(const char *path);
struct pm_capture *pm_capture_open_bytes(const char *name, const void *bytes, size_t len);
void pm_capture_close(struct pm_capture *capture); /* NULL is fine */

enum pm_step pm_capture_next(struct pm_capture *capture, struct pm_record *record);
/* A record for a packet that was not read: empty, of that interface of the section (pcapng), on
 * behalf of that frame. Its time is set when it is written (pm_outgoing.retimed). */
void pm_capture_late(struct pm_capture *capture, uint32_t interface_id, uint64_t frame,
                     struct pm_record *record);

/* "in.pcap: truncated in frame 17 at byte 12345: ...", or NULL. */
const char *pm_capture_error(const struct pm_capture *capture);
enum pm_format pm_capture_format(const struct pm_capture *capture);
const struct pm_oddities *pm_capture_oddities(const struct pm_capture *capture);
/* Bytes read, and how many the file has (0: not known), for a progress line. */
uint64_t pm_capture_offset(const struct pm_capture *capture);
uint64_t pm_capture_size(const struct pm_capture *capture);
/* PCAP: the file's header as it stands, and the order its integers are in. */
const uint8_t *pm_capture_pcap_header(const struct pm_capture *capture, bool *big);

#endif
