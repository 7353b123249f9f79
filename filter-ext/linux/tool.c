/* tool.c - runs a program of the system; the contract is in tool.h. */
#include "filter-ext/linux/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define OUTPUT_MAX ((size_t)16 << 20)
#define OUTPUT_CAP ((size_t)64 << 10)

static bool find(const char *name, char path[256])
{
    static const char *const folders[] = {"/usr/sbin", "/sbin", "/usr/bin", "/bin"};
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        snprintf(path, 256, "%s/%s", folders[i], name);
        if (access(path, X_OK) == 0)
            return true;
    }
    return false;
}

bool pm_tool_exists(const char *name)
{
    char path[256];
    return find(name, path);
}

/* Everything up to the end; what is beyond OUTPUT_MAX is read and forgotten. */
static char *read_all(int fd)
{
    size_t len = 0, cap = OUTPUT_CAP;
    char *text = malloc(cap), rest[4096];
    for (;;) {
        bool has_room = text != NULL && len + 1 < cap;
        ssize_t got = has_room ? read(fd, text + len, cap - len - 1) : read(fd, rest, sizeof rest);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        if (!has_room)
            continue;
        len += (size_t)got;
        if (len + 1 == cap && cap < OUTPUT_MAX) {
            char *grown = realloc(text, cap * 2);
            text = grown == NULL ? text : grown;
            cap = grown == NULL ? cap : cap * 2;
        }
    }
    if (text != NULL)
        text[len] = 0;
    return text;
}

static void write_all(int fd, const char *text)
{
    size_t len = strlen(text);
    while (len > 0) {
        ssize_t put = write(fd, text, len);
        if (put <= 0)
            return; /* it says itself what it misses */
        text += put;
        len -= (size_t)put;
    }
}

static int spawn(const char *path, const char *const argv[], int in, int out, pid_t *pid)
{
    static char lang[] = "LC_ALL=C", where[] = "PATH=/usr/sbin:/sbin:/usr/bin:/bin";
    char *const environment[] = {lang, where, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    sigemptyset(&none); /* ours are blocked */
    if (posix_spawn_file_actions_init(&actions) != 0)
        return ENOMEM;
    if (posix_spawnattr_init(&attributes) != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return ENOMEM;
    }
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out, STDERR_FILENO);
    int why = posix_spawn(pid, path, &actions, &attributes, (char *const *)(const void *)argv,
                          environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return why;
}

static int wait_for(pid_t pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int run(const char *path, const char *const argv[], const char *input, int to[2],
               int from[2], char **output)
{
    pid_t pid;
    int why = spawn(path, argv, to[0], from[1], &pid);
    close(to[0]);
    close(from[1]);
    if (why == 0 && input != NULL)
        write_all(to[1], input);
    close(to[1]);
    *output = read_all(from[0]);
    close(from[0]);
    return why == 0 ? wait_for(pid) : -1;
}

int pm_tool_run(const char *const argv[], const char *input, char **output)
{
    char path[256];
    int to[2], from[2];
    *output = NULL;
    if (!find(argv[0], path) || pipe2(to, O_CLOEXEC) != 0)
        return -1;
    if (pipe2(from, O_CLOEXEC) == 0)
        return run(path, argv, input, to, from, output);
    close(to[0]);
    close(to[1]);
    return -1;
}
