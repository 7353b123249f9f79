/* pipe.h - the engine behind a pair of byte streams: frames in, frames out (pipe_frame.h).
 *
 * It knows no clock but the frames': time does not pass between them. Whatever became due before a
 * frame's time leaves first, each packet at its own time, so that the answer does not depend on
 * whether the other side named every deadline.
 */
#ifndef PKTMOD_APP_PIPE_H
#define PKTMOD_APP_PIPE_H

#include <stdio.h>

#include <pktmod/pktmod.h>

#include "app/command.h"

/* Until Q or the end of `in`, or a frame that is wrong, which is complained about. */
enum pm_exit pm_pipe_run(struct pm_policy *policy, FILE *in, FILE *out);

#endif
