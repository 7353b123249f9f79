/* test_pool.c - a process for every item: one that crashes or hangs takes no other with it.
 *
 *     item -> fork -> run -> text, then one byte for the status -> pipe -> kept -> told in order
 *
 * Standard error of the process goes into the same pipe, so that what a crash says is not lost.
 */
#include "app/test_pool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SECOND_MS 1000

struct worker {
    pid_t pid;
    int fd; /* the pipe's end to read; -1: no process */
    size_t item;
    int64_t started_ms;
    bool is_late;
};

struct run {
    const struct pm_test_pool *pool;
    struct worker *workers;
    struct pollfd *polled;
    struct pm_test_result *results;
    bool *is_done;
    size_t next, told, done;
    bool no_memory;
};

static volatile sig_atomic_t caught;

static void catch (int number)
{
    caught = number;
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * SECOND_MS + now.tv_nsec / 1000000;
}

/* ------------------------------------------------------------------ the process */

static void write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t put = write(fd, bytes, len);
        if (put < 0 && errno != EINTR)
            return;
        if (put > 0) {
            bytes += put;
            len -= (size_t)put;
        }
    }
}

static _Noreturn void be_worker(const struct pm_test_pool *pool, size_t index, int fd)
{
    const struct pm_test_item *item = &pool->items->list[index];
    char *bytes = NULL;
    size_t len = 0;
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    signal(SIGHUP, SIG_DFL);
    if (pool->limit_s > 0)
        alarm(pool->limit_s + 10); /* should the parent be gone */
    FILE *text = open_memstream(&bytes, &len);
    if (text == NULL || dup2(fd, STDERR_FILENO) < 0)
        _exit(3);
    char status = (char)item->run(item->context, pool->options, text);
    fflush(stderr);
    if (fclose(text) != 0)
        _exit(3);
    write_all(fd, bytes, len);
    write_all(fd, &status, 1);
    _exit(0);
}

static bool start(struct run *run, struct worker *worker)
{
    int ends[2];
    if (pipe(ends) != 0)
        return false;
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        be_worker(run->pool, run->next, ends[1]);
    }
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return false;
    }
    *worker = (struct worker){pid, ends[0], run->next++, now_ms(), false};
    return true;
}

/* ------------------------------------------------------------------ its end */

static bool append(struct pm_test_result *result, const char *bytes, size_t len)
{
    char *text = realloc(result->text, result->len + len + 1);
    if (text == NULL)
        return false;
    memcpy(text + result->len, bytes, len);
    result->text = text;
    result->len += len;
    text[result->len] = '\0';
    return true;
}

/* The text becomes whole lines without NUL. */
static bool tidy(struct pm_test_result *result)
{
    if (result->len > PM_TEST_TEXT_MAX) {
        result->len = PM_TEST_TEXT_MAX;
        if (!append(result, "\n(more was cut)", 15))
            return false;
    }
    for (size_t i = 0; i < result->len; i++)
        if (result->text[i] == '\0')
            result->text[i] = ' ';
    if (result->len == 0)
        return append(result, "", 0);
    return result->text[result->len - 1] == '\n' || append(result, "\n", 1);
}

static bool judge(const struct run *run, const struct worker *worker, int status)
{
    struct pm_test_result *result = &run->results[worker->item];
    char why[96] = "";
    bool is_whole = WIFEXITED(status) && WEXITSTATUS(status) == 0 && result->len > 0;
    if (is_whole) {
        result->status = (enum pm_test_status)result->text[--result->len];
    } else {
        result->status = PM_TEST_ERROR;
        if (worker->is_late)
            snprintf(why, sizeof why, "took longer than %u s, and was ended\n", run->pool->limit_s);
        else if (WIFSIGNALED(status))
            snprintf(why, sizeof why, "crashed: signal %d\n", WTERMSIG(status));
        else
            snprintf(why, sizeof why, "ended by itself, with exit code %d\n", WEXITSTATUS(status));
    }
    struct pm_test_result said = *result;
    *result = (struct pm_test_result){.status = said.status};
    bool good = append(result, why, strlen(why)) &&
                append(result, said.text == NULL ? "" : said.text, said.len) && tidy(result);
    free(said.text);
    return good;
}

static void tell_in_order(struct run *run)
{
    const struct pm_test_pool *pool = run->pool;
    while (run->told < pool->items->count && run->is_done[run->told]) {
        struct pm_test_result *result = &run->results[run->told];
        pool->told(pool->context, run->told++, result);
        free(result->text);
        *result = (struct pm_test_result){0};
    }
}

static int wait_for(pid_t pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return status;
}

static void end_worker(struct run *run, struct worker *worker)
{
    close(worker->fd);
    worker->fd = -1;
    int status = wait_for(worker->pid);
    if (!judge(run, worker, status))
        run->no_memory = true;
    run->is_done[worker->item] = true;
    run->done++;
    if (run->pool->ended != NULL)
        run->pool->ended(run->pool->context, run->done);
    tell_in_order(run);
}

static void take(struct run *run, struct worker *worker)
{
    char bytes[16384];
    struct pm_test_result *result = &run->results[worker->item];
    ssize_t got = read(worker->fd, bytes, sizeof bytes);
    if (got < 0 && errno == EINTR)
        return;
    if (got <= 0) {
        end_worker(run, worker);
        return;
    }
    /* Of a text that is too long the last byte, the status, is what counts. */
    if (result->len > 2 * PM_TEST_TEXT_MAX)
        result->len = PM_TEST_TEXT_MAX + 1;
    if (!append(result, bytes, (size_t)got))
        run->no_memory = true;
}

/* ------------------------------------------------------------------ the round */

static bool start_more(struct run *run)
{
    unsigned busy = 0;
    for (unsigned i = 0; i < run->pool->jobs; i++) {
        struct worker *worker = &run->workers[i];
        if (worker->fd < 0 && run->next < run->pool->items->count && !start(run, worker))
            break;
        busy += worker->fd >= 0;
    }
    return busy > 0 || run->next == run->pool->items->count; /* no process at all: give up */
}

static void end_late(struct run *run)
{
    int64_t now = now_ms(), limit_ms = (int64_t)run->pool->limit_s * SECOND_MS;
    for (unsigned i = 0; limit_ms > 0 && i < run->pool->jobs; i++) {
        struct worker *worker = &run->workers[i];
        if (worker->fd < 0 || worker->is_late || now - worker->started_ms < limit_ms)
            continue;
        worker->is_late = true;
        kill(worker->pid, SIGKILL);
    }
}

static void wait_and_take(struct run *run)
{
    for (unsigned i = 0; i < run->pool->jobs; i++)
        run->polled[i] = (struct pollfd){.fd = run->workers[i].fd, .events = POLLIN};
    int ready = poll(run->polled, run->pool->jobs, SECOND_MS / 10);
    for (unsigned i = 0; ready > 0 && i < run->pool->jobs; i++)
        if (run->polled[i].fd >= 0 && run->polled[i].revents != 0)
            take(run, &run->workers[i]);
    end_late(run);
}

static void kill_all(struct run *run)
{
    for (unsigned i = 0; i < run->pool->jobs; i++) {
        struct worker *worker = &run->workers[i];
        if (worker->fd < 0)
            continue;
        kill(worker->pid, SIGKILL);
        close(worker->fd);
        worker->fd = -1;
        wait_for(worker->pid);
    }
}

static bool begin(struct run *run, const struct pm_test_pool *pool)
{
    size_t count = pool->items->count + 1;
    *run = (struct run){.pool = pool,
                        .workers = calloc(pool->jobs, sizeof *run->workers),
                        .polled = calloc(pool->jobs, sizeof *run->polled),
                        .results = calloc(count, sizeof *run->results),
                        .is_done = calloc(count, sizeof *run->is_done)};
    if (run->workers == NULL || run->polled == NULL || run->results == NULL || run->is_done == NULL)
        return false;
    for (unsigned i = 0; i < pool->jobs; i++)
        run->workers[i].fd = -1;
    return true;
}

static void free_run(struct run *run)
{
    for (size_t i = 0; run->results != NULL && i < run->pool->items->count; i++)
        free(run->results[i].text);
    free(run->workers);
    free(run->polled);
    free(run->results);
    free(run->is_done);
}

static void run_all(struct run *run)
{
    while (run->done < run->pool->items->count && caught == 0 && !run->no_memory) {
        if (start_more(run))
            wait_and_take(run);
        else
            run->no_memory = true;
    }
    kill_all(run);
}

enum pm_test_pool_end pm_test_pool_run(const struct pm_test_pool *pool, int *signal_number)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction old[3], action = {.sa_handler = catch};
    struct run run;
    caught = 0;
    sigemptyset(&action.sa_mask);
    bool good = begin(&run, pool);
    for (unsigned i = 0; i < 3; i++)
        sigaction(numbers[i], &action, &old[i]);
    if (good)
        run_all(&run);
    for (unsigned i = 0; i < 3; i++)
        sigaction(numbers[i], &old[i], NULL);
    free_run(&run);
    *signal_number = caught;
    if (caught != 0)
        return PM_TEST_POOL_INTERRUPTED;
    return good && !run.no_memory ? PM_TEST_POOL_GOOD : PM_TEST_POOL_NO_MEMORY;
}
