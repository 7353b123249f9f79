/* run_lock.c - lock files of live runs; the contract is in run_lock.h. */
#include "app/run_lock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "app/command.h"

#define DEAD_TRIES 240u /* of 50 ms: longer than a tool waits for the lock of the firewall */

static uint64_t namespace_of(void)
{
    struct stat found;
    return stat("/proc/thread-self/ns/net", &found) == 0 ? (uint64_t)found.st_ino : 0;
}

bool pm_run_lock_folder(const char *run_dir)
{
    if (mkdir(run_dir, 0755) == 0 || errno == EEXIST)
        return true;
    pm_complain(PM_EXIT_BAD_INPUT, "%s: cannot make the folder: %s", run_dir, strerror(errno));
    return false;
}

static void note_pid(int fd)
{
    char text[32];
    int len = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) != 0 || write(fd, text, (size_t)len) != len)
        return; /* only the lock counts */
}

/* Who wrote its number is gone, and a program that it started still has the lock. */
static bool is_owner_dead(int fd)
{
    char text[32] = "";
    if (pread(fd, text, sizeof text - 1, 0) <= 0)
        return false;
    long pid = strtol(text, NULL, 10);
    return pid > 0 && kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

static bool is_locked(int fd)
{
    static const struct timespec pause = {.tv_nsec = 50000000};
    for (unsigned tries = 0; tries < DEAD_TRIES; tries++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            return true;
        if (!is_owner_dead(fd))
            return false;
        nanosleep(&pause, NULL);
    }
    return false;
}

/* Left open for the programs that a run starts: as long as one of them works, the lock is held. */
static int open_lock(const char *path, int more)
{
    return open(path, O_RDWR | O_NOFOLLOW | more, 0644);
}

bool pm_run_lock_take(struct pm_run_lock *lock, const char *run_dir, uint16_t queue)
{
    char owner[32] = "";
    lock->fd = -1;
    if (!pm_run_lock_folder(run_dir))
        return false;
    snprintf(lock->path, sizeof lock->path, "%s/nfqueue-%u.%" PRIu64 ".lock", run_dir, queue,
             namespace_of());
    lock->fd = open_lock(lock->path, O_CREAT);
    if (lock->fd < 0) {
        pm_complain(PM_EXIT_BAD_INPUT, "%s: %s", lock->path, strerror(errno));
        return false;
    }
    if (is_locked(lock->fd)) {
        note_pid(lock->fd);
        return true;
    }
    ssize_t len = read(lock->fd, owner, sizeof owner - 1);
    owner[len > 0 ? strcspn(owner, "\n") : 0] = 0;
    pm_complain(PM_EXIT_BAD_INPUT, "queue %u is served by another pktmod run (process %s)", queue,
                owner);
    close(lock->fd);
    lock->fd = -1;
    return false;
}

void pm_run_lock_release(struct pm_run_lock *lock)
{
    if (lock->fd < 0)
        return;
    unlink(lock->path);
    close(lock->fd);
    lock->fd = -1;
}

static void sweep_one(const char *path, uint16_t queue, bool (*clean)(uint16_t queue))
{
    int fd = open_lock(path, 0);
    if (fd < 0)
        return;
    if (is_locked(fd) && clean(queue))
        unlink(path);
    close(fd);
}

void pm_run_lock_sweep(const char *run_dir, bool (*clean)(uint16_t queue))
{
    DIR *folder = opendir(run_dir);
    const struct dirent *entry;
    char path[512];
    if (folder == NULL)
        return;
    while ((entry = readdir(folder)) != NULL) {
        unsigned queue;
        uint64_t where;
        int len = 0;
        int count = sscanf(entry->d_name, "nfqueue-%u.%" SCNu64 ".lock%n", &queue, &where, &len);
        bool is_ours = count == 2 && len > 0 && entry->d_name[len] == 0 && queue <= UINT16_MAX &&
                       where == namespace_of();
        int path_len = snprintf(path, sizeof path, "%s/%s", run_dir, entry->d_name);
        if (is_ours && path_len > 0 && (size_t)path_len < sizeof path)
            sweep_one(path, (uint16_t)queue, clean);
    }
    closedir(folder);
}

uint32_t pm_run_next_generation(const char *run_dir, uint32_t most)
{
    char path[512], text[32] = "";
    snprintf(path, sizeof path, "%s/settled.%" PRIu64, run_dir, namespace_of());
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0 || flock(fd, LOCK_EX) != 0 || read(fd, text, sizeof text - 1) < 0) {
        if (fd >= 0)
            close(fd);
        return 0;
    }
    unsigned long next = strtoul(text, NULL, 10) + 1;
    int len = snprintf(text, sizeof text, "%lu\n", next);
    bool is_kept = next <= most && pwrite(fd, text, (size_t)len, 0) == len;
    close(fd);
    return is_kept ? (uint32_t)next : 0;
}
