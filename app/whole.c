/* whole.c - small files, in one piece. */
#include "app/whole.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_CAP ((size_t)64 << 10)

static bool has_room(struct pm_whole *whole, size_t *cap)
{
    if (*cap - whole->len > 1)
        return true;
    size_t more = *cap == 0 ? FIRST_CAP : *cap * 2;
    char *bytes = realloc(whole->bytes, more);
    if (bytes == NULL)
        return false;
    whole->bytes = bytes;
    *cap = more;
    return true;
}

bool pm_whole_take(FILE *in, struct pm_whole *whole)
{
    size_t cap = 0, got = 1;
    *whole = (struct pm_whole){0};
    errno = ENOMEM;
    while (got > 0 && has_room(whole, &cap)) {
        got = fread(whole->bytes + whole->len, 1, cap - whole->len - 1, in);
        whole->len += got;
    }
    whole->is_there = got == 0 && ferror(in) == 0;
    if (whole->is_there) {
        whole->bytes[whole->len] = '\0';
        return true;
    }
    free(whole->bytes);
    *whole = (struct pm_whole){0};
    return false;
}

bool pm_whole_read(const char *path, struct pm_whole *whole)
{
    *whole = (struct pm_whole){0};
    FILE *in = fopen(path, "rb");
    if (in == NULL)
        return errno == ENOENT;
    bool is_read = pm_whole_take(in, whole);
    int why = errno;
    fclose(in);
    errno = why;
    return is_read;
}

bool pm_whole_write(const char *path, const void *bytes, size_t len)
{
    FILE *out = fopen(path, "wb");
    if (out == NULL)
        return false;
    bool good = fwrite(bytes, 1, len, out) == len;
    return fclose(out) == 0 && good;
}

/* Writes it beside the file, so that no name ever stands for half of it. */
static bool write_beside(int fd, const struct stat *like, const void *bytes, size_t len)
{
    if (fchown(fd, like->st_uid, like->st_gid) != 0) {
        /* whoever may write the folder but not give files away keeps what is new */
    }
    if (fchmod(fd, like->st_mode & 07777) != 0)
        return false;
    for (size_t at = 0; at < len;) {
        ssize_t put = write(fd, (const char *)bytes + at, len - at);
        if (put < 0 && errno != EINTR)
            return false;
        at += put < 0 ? 0 : (size_t)put;
    }
    return fsync(fd) == 0;
}

static bool replace(const char *path, const void *bytes, size_t len)
{
    struct stat like;
    char beside[PATH_MAX];
    int n = snprintf(beside, sizeof beside, "%s.XXXXXX", path);
    if (n < 0 || (size_t)n >= sizeof beside) {
        errno = ENAMETOOLONG;
        return false;
    }
    if (stat(path, &like) != 0 || access(path, W_OK) != 0)
        return false;
    int fd = mkstemp(beside);
    if (fd < 0)
        return false;
    bool is_good = write_beside(fd, &like, bytes, len);
    int why = errno;
    close(fd);
    if (is_good && rename(beside, path) == 0)
        return true;
    why = is_good ? errno : why;
    unlink(beside);
    errno = why;
    return false;
}

bool pm_whole_replace(const char *path, const void *bytes, size_t len)
{
    char *real = realpath(path, NULL);
    if (real == NULL)
        return false;
    bool is_good = replace(real, bytes, len);
    int why = errno;
    free(real);
    errno = why;
    return is_good;
}

/* ------------------------------------------------------------------ folders */

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

size_t pm_folder_names(const char *path, char ***names)
{
    struct dirent **entries;
    int found = scandir(path, &entries, is_visible, by_bytes);
    if (found < 0)
        return 0;
    size_t count = 0;
    *names = found == 0 ? NULL : calloc((size_t)found, sizeof **names);
    for (int i = 0; i < found; i++) {
        char *name = *names == NULL ? NULL : strdup(entries[i]->d_name);
        if (name != NULL)
            (*names)[count++] = name;
        free(entries[i]);
    }
    free(entries);
    if (count == 0 && found > 0)
        free(*names);
    return count;
}
