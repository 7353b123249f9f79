/* whole.c - small files, in one piece. */
#include "app/whole.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

bool pm_whole_read(const char *path, struct pm_whole *whole)
{
    *whole = (struct pm_whole){0};
    FILE *in = fopen(path, "rb");
    if (in == NULL)
        return errno == ENOENT;
    size_t cap = 0, got = 1;
    errno = ENOMEM;
    while (got > 0 && has_room(whole, &cap)) {
        got = fread(whole->bytes + whole->len, 1, cap - whole->len - 1, in);
        whole->len += got;
    }
    int why = errno;
    whole->is_there = got == 0 && ferror(in) == 0;
    fclose(in);
    if (whole->is_there) {
        whole->bytes[whole->len] = '\0';
        return true;
    }
    free(whole->bytes);
    *whole = (struct pm_whole){0};
    errno = why;
    return false;
}

bool pm_whole_write(const char *path, const void *bytes, size_t len)
{
    FILE *out = fopen(path, "wb");
    if (out == NULL)
        return false;
    bool good = fwrite(bytes, 1, len, out) == len;
    return fclose(out) == 0 && good;
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
