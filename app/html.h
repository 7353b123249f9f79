/* html.h - the report of a replay as one HTML page that needs nothing beside itself: no network, no
 * script.
 *
 * The same replay writes the same bytes. The page is bounded whatever the capture's size; what it
 * leaves out it counts.
 */
#ifndef PKTMOD_APP_HTML_H
#define PKTMOD_APP_HTML_H

#include "app/replay.h"

struct pm_html;

/* Opens the file ("-": standard output; `inputs` as in pm_sink_open()) and observes the replay,
 * whose policy is there and which has not started. NULL with errno set. */
struct pm_html *pm_html_open(struct pm_replay *replay, const char *path, const char *const *inputs,
                             size_t input_count);
/* The replay has run, to its end or not, and its engines are there (or were never made: nothing is
 * written): writes the page and frees. rules_name: "name" of the rule file, or NULL. errno of the
 * first failure of all, or 0. NULL is fine. */
int pm_html_close(struct pm_html *html, const char *rules_name);

#endif
