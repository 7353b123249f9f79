/* input.h - packets to run: a capture file, or a flow text from which they are made. */
#ifndef PKTMOD_APP_INPUT_H
#define PKTMOD_APP_INPUT_H

#include <stdio.h>

#include "app/capture.h"

/* Opens the capture; a name that ends in ".flow" is a flow text, whose faults are written to
 * `errors`. NULL: no memory. As with pm_capture_open(), ask pm_capture_error() once: of a text with
 * faults it says how many there are. */
struct pm_capture *pm_input_open(const char *path, FILE *errors);
bool pm_input_is_flow(const char *path);

#endif
