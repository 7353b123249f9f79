/* packetlist.h - packets that were made, in order, and the capture file that holds them. */
#ifndef PKTMOD_APP_PACKETLIST_H
#define PKTMOD_APP_PACKETLIST_H

#include <pktmod/pktmod.h>

#define PM_PACKETLIST_INTERFACES 16u
#define PM_PACKETLIST_NAME       32u
#define PM_PACKETLIST_MAX        ((size_t)1000000) /* packets */
#define PM_PACKETLIST_BYTES_MAX  ((size_t)256 << 20)

struct pm_listed {
    uint64_t time_ns; /* since 1970 */
    size_t off;       /* of its bytes */
    uint32_t len, wire_len;
    enum pm_dir dir;
    unsigned interface;
};

struct pm_packetlist {
    struct pm_listed *items;
    size_t count, cap;
    uint8_t *bytes;
    size_t bytes_len, bytes_cap;
    char interfaces[PM_PACKETLIST_INTERFACES][PM_PACKETLIST_NAME]; /* names; [0] may be "" */
    unsigned interface_count;                                      /* 0 as long as none is named */
    uint16_t link;                                                 /* LINKTYPE_ of all */
    bool is_full, no_memory;                                       /* packets are missing */
};

/* Begins as { .link = ... }. */
void pm_packetlist_free(struct pm_packetlist *list);

/* Copies a packet; len of wire_len bytes are there. */
void pm_packetlist_add(struct pm_packetlist *list, const struct pm_listed *what,
                       const uint8_t *bytes);
/* The number of the interface with that name, made if it is new; false: too many, or the name is
 * empty or too long. */
bool pm_packetlist_interface(struct pm_packetlist *list, const char *name, unsigned *number);

static inline const uint8_t *pm_packetlist_bytes(const struct pm_packetlist *list, size_t index)
{
    return list->bytes + list->items[index].off;
}

/* The capture file, from malloc: pcapng with directions and interface names, or pcap without them.
 * Nanoseconds, little-endian, the same bytes on every machine. NULL: no memory. */
uint8_t *pm_packetlist_file(const struct pm_packetlist *list, bool is_pcapng, size_t *len);

#endif
