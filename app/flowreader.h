/* flowreader.h - what the statements of a flow text share. */
#ifndef PKTMOD_APP_FLOWREADER_H
#define PKTMOD_APP_FLOWREADER_H

#include "app/flowtoken.h"

#define PM_FLOW_TALKS 1024u

struct pm_flow_talk {
    char name[PM_FLOW_NAME];
    struct pm_talk talk;
    bool is_open; /* its handshake was made */
    bool is_bad;  /* its line is wrong: nothing is said of lines that use it */
};

struct pm_flow_reader {
    struct pm_flow_line *line;
    const char *folder;
    struct pm_flow_talk *talks;
    unsigned talk_count;
    struct pm_packetlist *list;
    struct pm_talk_clock clock;
    unsigned interface;
};

/* Every taker returns false after it has complained. The first word of the line is taken. */

/* tcp, udp, icmp: NAME ADDR > ADDR ... */
bool pm_flow_take_talk(struct pm_flow_reader *r, uint8_t proto);
/* What stands behind the name of a conversation. */
bool pm_flow_take_packets(struct pm_flow_reader *r, struct pm_flow_talk *named);
/* Behind the direction: what a TCP end sends. */
bool pm_flow_take_tcp(struct pm_flow_reader *r, struct pm_flow_talk *named, unsigned from);
/* icmp TYPE/CODE ...: an error about the last packet of the other end. */
bool pm_flow_take_error(struct pm_flow_reader *r, struct pm_flow_talk *named, unsigned from);

/* How the packets of a statement differ. One word of it (*known: it was one), or all to the end of
 * the line. */
bool pm_flow_take_extra(struct pm_flow_reader *r, struct pm_talk_extra *extra, bool is_tcp,
                        bool *known);
bool pm_flow_take_extras(struct pm_flow_reader *r, struct pm_talk_extra *extra, bool is_tcp);

bool pm_flow_take_number8(struct pm_flow_reader *r, uint64_t most, uint8_t shift, uint8_t *out);
bool pm_flow_take_number16(struct pm_flow_reader *r, uint64_t least, uint64_t most, uint16_t *out);

#endif
