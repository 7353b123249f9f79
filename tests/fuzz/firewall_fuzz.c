/* firewall_fuzz.c - whatever iptables-save prints: what is taken out of it are the chains of one
 * queue and the jumps to them, and nothing else. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter-ext/linux/firewall.h"

#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "firewall_fuzz: %s\n", #condition);                                    \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

#define OUT_CAP 4096u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* "PKTMOD-Q5" or "PKTMOD-Q5-KEEP", and the end of the word. */
static bool is_own(const char *name)
{
    if (strncmp(name, "PKTMOD-Q5", 9) != 0)
        return false;
    const char *end = name + (strncmp(name + 9, "-KEEP", 5) == 0 ? 14 : 9);
    return *end == ' ' || *end == '\n';
}

static void check_line(const char *line)
{
    if (strncmp(line, "*mangle\n", 8) == 0 || strncmp(line, "COMMIT\n", 7) == 0)
        return;
    if (strncmp(line, "-D ", 3) == 0) {
        const char *target = strstr(line, " -j ");
        EXPECT(target != NULL && target < strchr(line, '\n') && is_own(target + 4));
        EXPECT(!is_own(line + 3));
        const char *quote = strchr(line, '"');
        EXPECT(quote == NULL || quote > strchr(line, '\n'));
        return;
    }
    EXPECT(strncmp(line, "-F ", 3) == 0 || strncmp(line, "-X ", 3) == 0);
    EXPECT(is_own(line + 3));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char out[OUT_CAP];
    char *saved = malloc(size + 1);
    EXPECT(saved != NULL);
    memcpy(saved, size > 0 ? data : (const uint8_t *)"", size);
    saved[size] = 0;
    if (pm_firewall_removal(saved, 5, out, sizeof out)) {
        EXPECT(strcmp(out + strlen(out) - 7, "COMMIT\n") == 0);
        for (const char *line = out; *line != 0; line = strchr(line, '\n') + 1)
            check_line(line);
    }
    free(saved);
    return 0;
}
