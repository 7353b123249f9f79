/* test_replay.c - replays into memory, through the very engines of pktmod replay. */
#include "app/test_replay.h"

#include <stdlib.h>
#include <string.h>

#include "app/input.h"

const char *pm_case_suffix(enum pm_format format)
{
    return format == PM_FORMAT_PCAP ? ".pcap" : ".pcapng";
}

struct pm_capture *pm_case_capture(const struct pm_case *c, FILE *complaints)
{
    struct pm_capture *capture = pm_input_open(c->in, complaints);
    if (capture == NULL) {
        fputs("no memory\n", complaints);
        return NULL;
    }
    const char *error = pm_capture_error(capture);
    if (error == NULL)
        return capture;
    fprintf(complaints, "%s\n", error);
    pm_capture_close(capture);
    return NULL;
}

/* What ended the capture, without the path that leads to the folder. */
static const char *damage_of(const struct pm_case *c, const struct pm_capture *capture)
{
    const char *damage = pm_capture_error(capture);
    size_t len = strlen(c->folder);
    if (damage != NULL && strncmp(damage, c->folder, len) == 0 && damage[len] == '/')
        return damage + len + 1;
    return damage;
}

static bool run_all(struct pm_replay *replay, const struct pm_case *c,
                    struct pm_case_result *result, FILE *complaints)
{
    struct pm_progress progress;
    pm_summary_begin(&result->summary, replay);
    const char *answers = replay->options->answers;
    if (answers != NULL && !pm_answers_load(&replay->answers, answers, replay->policy))
        return false; /* complained to standard error */
    if (!pm_replay_start(replay))
        return false; /* complained to standard error */
    pm_writer_open_memory(&result->writer, replay->capture, pm_replay_largest(replay));
    replay->writer = &result->writer;
    pm_progress_start(&progress, true);
    pm_replay_run(replay, &progress);
    result->is_damaged = pm_capture_error(replay->capture) != NULL;
    pm_summary_write(&result->summary, damage_of(c, replay->capture), &result->text);
    bool good = pm_writer_close(&result->writer) == 0 && !replay->no_memory &&
                !result->summary.no_memory && !result->text.no_memory;
    if (!good)
        fputs("no memory\n", complaints);
    return good;
}

bool pm_case_replay(const struct pm_case *c, const struct pm_case_run *run,
                    struct pm_policy *policy, struct pm_case_result *result, FILE *complaints)
{
    *result = (struct pm_case_result){.writer = {.sink = {.fd = -1}}};
    struct pm_capture *capture = pm_case_capture(c, complaints);
    if (capture == NULL)
        return false;
    struct pm_replay replay = {.options = &run->options, .policy = policy, .capture = capture};
    result->format = pm_capture_format(capture);
    bool good = run_all(&replay, c, result, complaints);
    pm_replay_end(&replay);
    pm_capture_close(capture);
    result->summary.replay = NULL;
    return good;
}

void pm_case_result_free(struct pm_case_result *result)
{
    pm_summary_free(&result->summary);
    pm_text_free(&result->text);
    free(result->writer.sink.buffer);
    result->writer.sink.buffer = NULL;
}
