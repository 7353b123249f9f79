/* external_client.c - a client for `external` edits of pktmod, in C: writes letters as capitals.
 *
 *     cc -o external_client external_client.c
 *     ./external_client /run/pktmod/capitals.sock
 *
 * It changes byte for byte and needs to keep nothing; external_client.py shows a client that waits
 * for the rest of what it looks for. What is said on the socket stands in README.md beside it. */
#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Most bytes that pktmod hands out at once. */
#define DATA_MOST (64u << 10)

struct link {
    FILE *in, *out;
};

static int dial(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0 || strlen(path) >= sizeof address.sun_path)
        return -1;
    memcpy(address.sun_path, path, strlen(path) + 1);
    for (int tries = 0; tries < 500; tries++) { /* pktmod may be about to start */
        if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
            return fd;
        usleep(20000);
    }
    return -1;
}

static int reply(const struct link *link, const char *line, const unsigned char *bytes, size_t len)
{
    bool is_sent = fputs(line, link->out) != EOF &&
                   (len == 0 || fwrite(bytes, 1, len, link->out) == len) && fflush(link->out) == 0;
    return is_sent ? 0 : -1;
}

static int take_data(const struct link *link, const char *line)
{
    static unsigned char bytes[DATA_MOST];
    uint64_t stream, offset;
    size_t len;
    char head[128];
    if (sscanf(line, "data stream=%" SCNu64 " offset=%" SCNu64 " len=%zu", &stream, &offset,
               &len) != 3 ||
        len > sizeof bytes || fread(bytes, 1, len, link->in) != len)
        return -1;
    if (len == 0)
        return 0; /* only the end is told */
    for (size_t i = 0; i < len; i++)
        bytes[i] = (unsigned char)toupper(bytes[i]);
    snprintf(head, sizeof head, "answer stream=%" PRIu64 " offset=%" PRIu64 " take=%zu len=%zu\n",
             stream, offset, len, len);
    return reply(link, head, bytes, len);
}

int main(int argc, char *argv[])
{
    char line[1024];
    int fd = argc == 2 ? dial(argv[1]) : -1;
    if (fd < 0) {
        fprintf(stderr, "usage: external_client SOCKET, and a pktmod that makes it\n");
        return 2;
    }
    struct link link = {fdopen(fd, "r"), fdopen(dup(fd), "w")};
    if (link.in == NULL || link.out == NULL || fgets(line, sizeof line, link.in) == NULL ||
        strcmp(line, "pktmod 1\n") != 0)
        return 1;
    while (fgets(line, sizeof line, link.in) != NULL) {
        int failed = 0;
        if (strncmp(line, "data ", 5) == 0)
            failed = take_data(&link, line);
        else if (strncmp(line, "sync ", 5) == 0)
            failed = reply(&link, line, NULL, 0);
        if (failed)
            return 1;
    }
    return 0;
}
