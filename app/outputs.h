/* outputs.h - the files that a replay writes: what leaves, what was dropped, what happened, and
 * the page that sums it up. */
#ifndef PKTMOD_APP_OUTPUTS_H
#define PKTMOD_APP_OUTPUTS_H

#include "app/command.h"
#include "app/dropped.h"
#include "app/events.h"
#include "app/html.h"

struct pm_outputs {
    struct pm_writer writer;
    struct pm_dropped dropped;
    struct pm_events *events;
    struct pm_html *html;
    bool has_dropped;
};

/* Opens what the options name, none of them an input or another output. Before
 * pm_replay_start(). False: complained already; close all the same. */
bool pm_outputs_open(struct pm_outputs *outputs, struct pm_replay *replay);
/* A file that is not whole is never passed over in silence: what came of it, complained of. */
enum pm_exit pm_outputs_close(struct pm_outputs *outputs, struct pm_replay *replay);

/* One of them is standard output, so that talk goes elsewhere. */
bool pm_outputs_take_stdout(const struct pm_replay_options *options);

#endif
