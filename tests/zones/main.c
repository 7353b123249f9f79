/* main.c - prints the steps of time zone files, for zones.py to compare. */
#include <inttypes.h>
#include <stdio.h>

#include "rules/tzif.h"

static int print_steps(const char *path)
{
    static uint8_t bytes[65536];
    struct memory memory = {.chunks = NULL};
    struct zone_steps steps;
    const char *fault;
    FILE *in = fopen(path, "rb");
    size_t len;

    if (in == NULL) {
        perror(path);
        return 1;
    }
    len = fread(bytes, 1, sizeof bytes, in);
    fclose(in);
    pmr_tzif_steps(&memory, bytes, len, &steps, &fault);
    printf("%s %s\n", path, steps.list == NULL ? fault : "");
    for (size_t i = 0; i < steps.count; i++)
        printf("%" PRId64 " %" PRId32 "\n", steps.list[i].from_s, steps.list[i].offset_s);
    pmr_memory_free(&memory);
    return 0;
}

int main(int count, char **paths)
{
    int failed = 0;

    for (int i = 1; i < count; i++)
        failed |= print_steps(paths[i]);
    return failed;
}
