/* writer.h - writes a capture in the format of the one that is read, untouched records bit for bit.
 */
#ifndef PKTMOD_APP_WRITER_H
#define PKTMOD_APP_WRITER_H

#include "app/capture.h"
#include "app/sink.h"

struct pm_writer {
    struct pm_sink sink;
    uint64_t packets, bytes; /* written; bytes of packets, as they were on the wire */
    enum pm_format format;
    uint32_t largest; /* of pm_writer_open() */
    struct {
        uint64_t begin;   /* offset of what follows the section's header */
        uint64_t claimed; /* its length in the header; PM_NG_LENGTH_UNKNOWN */
        uint32_t header_len;
        uint32_t interfaces;
        bool is_cut_lifted; /* the limit of interface 0, which simple packets go by */
        bool big;
    } section; /* pcapng: the current one */
};

/* A packet that does not leave as its record stands. */
struct pm_outgoing {
    const uint8_t *data;
    uint32_t caplen, origlen;
    uint64_t time_ns;    /* where `retimed` */
    bool retimed;        /* else it keeps the record's timestamp to the last digit */
    const char *comment; /* pcapng: a comment for it, or NULL */
    enum pm_dir dir;     /* pcapng, with a comment: for its flags, where they say nothing yet */
    bool is_extra;       /* not the first packet that is made of this record */
};

/* Opens the file and writes the header. largest: packets longer than a small snaplen of the input
 * may come, up to so many bytes; 0: none. False with errno set. `inputs` as in pm_sink_open(). */
bool pm_writer_open(struct pm_writer *writer, const char *path, const struct pm_capture *capture,
                    uint32_t largest, const char *const *inputs, size_t input_count);
/* The same into memory (pm_sink_open_memory). */
void pm_writer_open_memory(struct pm_writer *writer, const struct pm_capture *capture,
                           uint32_t largest);
/* errno of the first failure of all, or 0. */
int pm_writer_close(struct pm_writer *writer);

/* A packet as it came, or a pcapng block that is none. */
void pm_writer_put_raw(struct pm_writer *writer, const struct pm_record *record);
void pm_writer_put_block(struct pm_writer *writer, const struct pm_record *record);
void pm_writer_put(struct pm_writer *writer, const struct pm_record *record,
                   const struct pm_outgoing *outgoing);

#endif
