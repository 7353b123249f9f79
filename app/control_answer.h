/* control_answer.h - what a live run answers to a request: a line of JSON in, a line of JSON out.
 *
 *     {"pktmod":1,"command":"answer","id":3,"answer":"allow","for":"flow"}
 *     {"pktmod":1,"ok":true}
 *     {"pktmod":1,"ok":false,"error":"no open question has the id 3"}
 *
 * Commands: status, stats, flows, reload, events, answer, stop. "format": "json" (default), "text"
 * or, of stats, "prometheus"; the last two answer {"pktmod":1,"ok":true,"text":"..."}. */
#ifndef PKTMOD_APP_CONTROL_ANSWER_H
#define PKTMOD_APP_CONTROL_ANSWER_H

#include "app/run.h"

/* Writes the answer to the sink, which is in memory. True: the client wants events from now on. */
bool pm_control_answer(struct pm_run *run, const char *line, size_t len, struct pm_sink *out);

#endif
