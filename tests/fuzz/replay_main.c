/* replay_main.c - runs a fuzz target once over each file named, or lying in a folder named; for
 * machines without libFuzzer, and for the ordinary test run. */
#define _POSIX_C_SOURCE 200809L

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct bytes {
    uint8_t *data;
    size_t len, cap;
};

static bool read_stream(FILE *file, struct bytes *bytes)
{
    for (;;) {
        if (bytes->len == bytes->cap) {
            size_t cap = bytes->cap > 0 ? bytes->cap * 2 : 4096;
            uint8_t *data = realloc(bytes->data, cap);
            if (data == NULL)
                return false;
            bytes->data = data;
            bytes->cap = cap;
        }
        size_t got = fread(bytes->data + bytes->len, 1, bytes->cap - bytes->len, file);
        bytes->len += got;
        if (got == 0)
            return ferror(file) == 0;
    }
}

/* The target gets a block of exactly the file's size, so that a byte read too far is seen. */
static bool run_bytes(const struct bytes *bytes)
{
    uint8_t *exact = malloc(bytes->len > 0 ? bytes->len : 1);
    if (exact == NULL)
        return false;
    if (bytes->len > 0)
        memcpy(exact, bytes->data, bytes->len);
    LLVMFuzzerTestOneInput(exact, bytes->len);
    free(exact);
    return true;
}

static bool run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return false;
    struct bytes bytes = {0};
    bool is_read = read_stream(file, &bytes);
    fclose(file);
    bool ran = is_read && run_bytes(&bytes);
    free(bytes.data);
    return ran;
}

/* Says so when it could not. */
static bool run_counted(const char *path, unsigned *count)
{
    if (!run_file(path)) {
        fprintf(stderr, "%s: cannot be read\n", path);
        return false;
    }
    ++*count;
    return true;
}

static bool is_folder(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* Folders inside a folder are left alone. */
static bool run_entry(const char *folder, const char *name, unsigned *count)
{
    size_t room = strlen(folder) + strlen(name) + 2;
    char *path = malloc(room);
    if (path == NULL)
        return false;
    snprintf(path, room, "%s/%s", folder, name);
    bool ran = is_folder(path) || run_counted(path, count);
    free(path);
    return ran;
}

static bool run_folder(const char *path, unsigned *count)
{
    DIR *folder = opendir(path);
    if (folder == NULL)
        return false;
    bool ran = true;
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (entry->d_name[0] != '.')
            ran = run_entry(path, entry->d_name, count) && ran;
    }
    closedir(folder);
    return ran;
}

int main(int argc, char **argv)
{
    unsigned count = 0;
    bool ran = true;
    for (int i = 1; i < argc; i++)
        ran = (is_folder(argv[i]) ? run_folder(argv[i], &count) : run_counted(argv[i], &count)) &&
              ran;
    printf("%u inputs\n", count);
    if (count == 0)
        fprintf(stderr, "nothing was run; name files or folders\n");
    return ran && count > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
