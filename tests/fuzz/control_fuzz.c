/* control_fuzz.c - whatever clients of the control socket say, line by line: each line gets one
 * line of JSON, and no line but `stop` ends the run. The run has no queue. */
#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "app/control_answer.h"

#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "control_fuzz: %s\n", #condition);                                     \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

#define LINE_MAX_LEN 4096u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A rule file that a reload finds; its name is good as long as fd is open. */
static int make_rules(char path[64])
{
    static const char rules[] =
        "{\"pktmod\":1,\"name\":\"fuzz\",\"rules\":[{\"id\":\"a\",\"match\":"
        "{\"tcp.port\":8888},\"verdict\":{\"ask\":{\"timeout_ms\":9,\"on_timeout\":\"drop\"}}}]}";
    int fd = memfd_create("rules", 0);
    EXPECT(fd >= 0 && write(fd, rules, sizeof rules - 1) == sizeof rules - 1);
    snprintf(path, 64, "/proc/self/fd/%d", fd);
    return fd;
}

static bool has(const uint8_t *line, size_t len, const char *word)
{
    size_t word_len = strlen(word);
    for (size_t i = 0; i + word_len <= len; i++)
        if (memcmp(line + i, word, word_len) == 0)
            return true;
    return false;
}

/* A client names the file to load; here it names none of this machine's. */
static bool may_name_a_file(const uint8_t *line, size_t len)
{
    return has(line, len, "rules") && (has(line, len, "/") || has(line, len, "\\"));
}

static void say(struct pm_run *run, const uint8_t *line, size_t len)
{
    static const char begin[] = "{\"pktmod\":1,\"ok\":";
    struct pm_sink sink;
    run->must_stop = false;
    pm_sink_open_memory(&sink);
    pm_control_answer(run, (const char *)line, len, &sink);
    EXPECT(sink.error == 0 && sink.len > sizeof begin);
    EXPECT(memcmp(sink.buffer, begin, sizeof begin - 1) == 0);
    EXPECT(memchr(sink.buffer, '\n', sink.len) == sink.buffer + sink.len - 1);
    EXPECT(!run->must_stop || has(line, len, "stop") || has(line, len, "\\"));
    free(sink.buffer);
}

static void say_all(struct pm_run *run, const uint8_t *data, size_t size)
{
    while (size > 0) {
        const uint8_t *end = memchr(data, '\n', size);
        size_t len = end == NULL ? size : (size_t)(end - data);
        if (len <= LINE_MAX_LEN && !may_name_a_file(data, len))
            say(run, data, len);
        size_t used = end == NULL ? len : len + 1;
        data += used;
        size -= used;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    int fd = make_rules(path);
    struct pm_run_options options = {.rules = path, .events = size % 2 ? "none" : NULL};
    struct pm_run *run = calloc(1, sizeof *run);
    EXPECT(run != NULL);
    run->options = &options;
    run->rules = pm_rules_load(path);
    EXPECT(run->rules != NULL && pm_rules_policy(run->rules) != NULL);
    say_all(run, data, size);
    pm_rules_free(run->rules);
    free(run);
    close(fd);
    return 0;
}
