/* html.c - the page's file: opened before the run, written after it; the contract is in html.h. */
#include "app/html.h"

#include <errno.h>
#include <stdlib.h>

#include "app/html_page.h"

struct pm_html {
    struct pm_sink sink;
    struct pm_html_seen *seen;
};

struct pm_html *pm_html_open(struct pm_replay *replay, const char *path, const char *const *inputs,
                             size_t input_count)
{
    struct pm_html *html = calloc(1, sizeof *html);
    if (html == NULL || !pm_sink_open(&html->sink, path, inputs, input_count)) {
        int why = html == NULL ? ENOMEM : errno;
        free(html);
        errno = why;
        return NULL;
    }
    html->seen = pm_html_seen_new(replay);
    if (html->seen != NULL)
        return html;
    pm_sink_close(&html->sink);
    free(html);
    errno = ENOMEM;
    return NULL;
}

int pm_html_close(struct pm_html *html, const char *rules_name)
{
    if (html == NULL)
        return 0;
    const struct pm_replay *replay = html->seen->replay;
    pm_html_seen_end(html->seen);
    if (replay->filter != NULL) {
        struct pm_report report = {replay, rules_name, pm_capture_error(replay->capture)};
        struct pm_html_page page = {&html->sink, html->seen, &report};
        pm_html_page_write(&page);
    }
    int why = pm_sink_close(&html->sink);
    pm_html_seen_free(html->seen);
    free(html);
    return why;
}
