/* dropped.h - a second capture: the packets that a replay did not let through. */
#ifndef PKTMOD_APP_DROPPED_H
#define PKTMOD_APP_DROPPED_H

#include "app/recordcopy.h"
#include "app/replay.h"

struct pm_dropped {
    struct pm_observer observer;
    struct pm_replay *replay;
    struct pm_writer writer;
    struct pm_record_copy copy; /* of the packet that is on its way */
    enum pm_dir dir;            /* that it goes */
    uint64_t rewriter_dropped;  /* before this packet */
};

/* Opens the file as pm_writer_open() does, and observes the replay, whose capture and policy are
 * there and which has not started. The packets stand in it as they came, those
 * that a rule of stage after-rewrite dropped as they were to leave; in pcapng each says in a
 * comment why it was dropped. */
bool pm_dropped_open(struct pm_dropped *dropped, struct pm_replay *replay, const char *path,
                     const char *const *inputs, size_t input_count);
/* errno of the first failure of all, or 0. */
int pm_dropped_close(struct pm_dropped *dropped);

#endif
