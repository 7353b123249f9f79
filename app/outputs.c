/* outputs.c - opens and closes the files of a replay; the contract is in outputs.h. */
#include "app/outputs.h"

#include <errno.h>
#include <string.h>

enum { OUT, DROPPED, EVENTS, REPORT, OUTPUTS };

struct paths {
    const char *path[OUTPUTS]; /* or NULL */
};

static struct paths paths_of(const struct pm_replay_options *options)
{
    return (struct paths){{[OUT] = options->out,
                           [DROPPED] = options->dropped,
                           [EVENTS] = options->events,
                           [REPORT] = options->report}};
}

static bool is_stdout(const char *path)
{
    return path != NULL && strcmp(path, "-") == 0;
}

bool pm_outputs_take_stdout(const struct pm_replay_options *options)
{
    struct paths paths = paths_of(options);
    for (unsigned i = 0; i < OUTPUTS; i++)
        if (is_stdout(paths.path[i]))
            return true;
    return false;
}

static bool fits_stdout(const struct paths *paths)
{
    unsigned count = 0;
    for (unsigned i = 0; i < OUTPUTS; i++)
        count += is_stdout(paths->path[i]) ? 1 : 0;
    if (count <= 1)
        return true;
    pm_complain(PM_EXIT_BAD_INPUT, "replay: %u outputs are standard output; it takes one", count);
    return false;
}

/* inputs and what was opened before `output`, none of which it may be. */
static size_t taken_before(const struct pm_replay_options *options, const struct paths *paths,
                           unsigned output, const char *taken[3 + OUTPUTS])
{
    size_t count = 0;
    taken[count++] = options->in;
    taken[count++] = options->rules;
    if (options->answers != NULL)
        taken[count++] = options->answers;
    for (unsigned i = 0; i < output; i++)
        if (paths->path[i] != NULL && !is_stdout(paths->path[i]))
            taken[count++] = paths->path[i];
    return count;
}

static bool open_one(struct pm_outputs *outputs, struct pm_replay *replay, unsigned output,
                     const struct paths *paths)
{
    const struct pm_replay_options *options = replay->options;
    const char *taken[3 + OUTPUTS], *path = paths->path[output];
    size_t count = taken_before(options, paths, output, taken);
    bool good = false;
    if (output == OUT)
        good = pm_writer_open(&outputs->writer, path, replay->capture, pm_replay_largest(replay),
                              taken, count);
    else if (output == DROPPED)
        good = pm_dropped_open(&outputs->dropped, replay, path, taken, count);
    else if (output == REPORT)
        good = (outputs->html = pm_html_open(replay, path, taken, count)) != NULL;
    else
        good = (outputs->events =
                    pm_events_open(replay, path, options->community_seed, taken, count)) != NULL;
    if (good && output == OUT)
        replay->writer = &outputs->writer;
    outputs->has_dropped = outputs->has_dropped || (good && output == DROPPED);
    if (good)
        return true;
    if (errno == EEXIST)
        pm_complain(PM_EXIT_BAD_INPUT, "%s: is an input%s; the output would destroy it", path,
                    output == OUT ? "" : " or another output");
    else
        pm_complain(PM_EXIT_BAD_INPUT, "%s: cannot be written: %s", path, strerror(errno));
    return false;
}

bool pm_outputs_open(struct pm_outputs *outputs, struct pm_replay *replay)
{
    struct paths paths = paths_of(replay->options);
    outputs->events = NULL;
    outputs->html = NULL;
    outputs->has_dropped = false;
    if (!fits_stdout(&paths))
        return false;
    for (unsigned i = 0; i < OUTPUTS; i++)
        if (paths.path[i] != NULL && !open_one(outputs, replay, i, &paths))
            return false;
    return true;
}

static enum pm_exit judge(int why, const char *path, const char *what, enum pm_exit so_far)
{
    if (why == 0)
        return so_far;
    return pm_complain(PM_EXIT_BAD_INPUT, "%s: cannot be written: %s; the %s there %s not whole",
                       is_stdout(path) ? "standard output" : path, strerror(why), what,
                       strcmp(what, "events") == 0 ? "are" : "is");
}

enum pm_exit pm_outputs_close(struct pm_outputs *outputs, struct pm_replay *replay)
{
    const struct pm_replay_options *options = replay->options;
    enum pm_exit code = PM_EXIT_GOOD;
    if (replay->writer != NULL)
        code = judge(pm_writer_close(replay->writer), options->out, "capture", code);
    if (outputs->has_dropped)
        code = judge(pm_dropped_close(&outputs->dropped), options->dropped, "capture", code);
    code = judge(pm_events_close(outputs->events), options->events, "events", code);
    return judge(pm_html_close(outputs->html, replay->rules_name), options->report, "page", code);
}
