/* whole.h - files that are read and written in one piece, and folders by the names in them. */
#ifndef PKTMOD_APP_WHOLE_H
#define PKTMOD_APP_WHOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct pm_whole {
    char *bytes; /* a NUL behind them; to be freed */
    size_t len;
    bool is_there;
};

/* False with errno set: it is there and cannot be read, or there is no memory. */
bool pm_whole_read(const char *path, struct pm_whole *whole);
/* The rest of a stream. */
bool pm_whole_take(FILE *in, struct pm_whole *whole);
/* False with errno set. */
bool pm_whole_write(const char *path, const void *bytes, size_t len);
/* Puts other bytes into a file that is there, all or nothing: a new file gets its mode (and owner,
 * if that may be) and takes its name. A link stays one; what it leads to is replaced. */
bool pm_whole_replace(const char *path, const void *bytes, size_t len);

/* Names in a folder, sorted by their bytes, without those that begin with a dot. The list and each
 * name are to be freed; 0: none, or it cannot be read (errno), and there is no list. */
size_t pm_folder_names(const char *path, char ***names);

#endif
