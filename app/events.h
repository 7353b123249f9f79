/* events.h - tells what happens in a replay as it happens: a line of JSON for each event.
 *
 * A flow begins and ends; a packet is dropped, rejected, delayed, asked about, rewritten; a rule
 * that logs, or only would decide, matched; waiting for the rest of a match was given up. Packets
 * that are simply allowed are no event. The same replay writes the same bytes. EVENTS.md describes
 * them for users, event_line.h how they are written.
 */
#ifndef PKTMOD_APP_EVENTS_H
#define PKTMOD_APP_EVENTS_H

#include "app/replay.h"

struct pm_events;

/* Opens the file ("-": standard output; NULL: none, the lines gather in pm_events_sink(); `inputs`
 * as in pm_sink_open()) and observes the replay, whose policy is there and which has not started.
 * NULL with errno set. */
struct pm_events *pm_events_open(struct pm_replay *replay, const char *path, uint16_t seed,
                                 const char *const *inputs, size_t input_count);
/* The replay has run: ends the flows that are left, writes and frees. errno of the first failure of
 * all, or 0. NULL is fine. */
int pm_events_close(struct pm_events *events);

/* For live runs. The lines that were written so far are the first len bytes of its buffer; whoever
 * takes them sets len to 0, and frees the buffer after pm_events_close(). */
struct pm_sink *pm_events_sink(struct pm_events *events);
/* The replay has another policy now; flows go on. False: no memory, and nothing changed. */
bool pm_events_renew(struct pm_events *events);
/* Time went by without a packet: ends flows that were idle for too long. */
void pm_events_pass(struct pm_events *events, uint64_t now_ns);
/* Ends the flows that are left. */
void pm_events_end(struct pm_events *events, uint64_t now_ns);

#endif
