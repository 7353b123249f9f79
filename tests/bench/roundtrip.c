/* roundtrip.c - how long one byte takes to a server and back over TCP: median and 99th percentile.
 *
 *     roundtrip serve PORT                 answers each byte, one connection at a time
 *     roundtrip ask ADDRESS PORT COUNT     prints two numbers: p50 and p99 in microseconds
 *
 * IPv4. Each trip begins when the one before has ended. */
#define _GNU_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define WARM_UP   1000u
#define COUNT_MAX 10000000u

static int fail(const char *what)
{
    fprintf(stderr, "roundtrip: %s: %s\n", what, strerror(errno));
    return 1;
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int open_socket(void)
{
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    }
    return fd;
}

static struct sockaddr_in at(const char *address, const char *port)
{
    struct sockaddr_in where = {.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)strtoul(port, NULL, 10))};
    if (address != NULL)
        inet_pton(AF_INET, address, &where.sin_addr);
    return where;
}

static void answer(int fd)
{
    char byte;
    while (recv(fd, &byte, 1, 0) == 1 && send(fd, &byte, 1, MSG_NOSIGNAL) == 1)
        continue;
    close(fd);
}

static int serve(const char *port)
{
    struct sockaddr_in here = at(NULL, port);
    int fd = open_socket(), one = 1, client;
    if (fd < 0 || bind(fd, (const struct sockaddr *)&here, sizeof here) != 0 || listen(fd, 16) != 0)
        return fail("listen");
    while ((client = accept4(fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        answer(client);
    }
    return fail("accept");
}

static int64_t trip_ns(int fd)
{
    char byte = 'x';
    int64_t began_ns = now_ns();
    if (send(fd, &byte, 1, MSG_NOSIGNAL) != 1 || recv(fd, &byte, 1, 0) != 1)
        return -1;
    return now_ns() - began_ns;
}

static int compare(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Answers false when the connection ended. */
static int measure(int fd, int64_t *took_ns, size_t count)
{
    for (size_t i = 0; i < WARM_UP + count; i++) {
        int64_t ns = trip_ns(fd);
        if (ns < 0)
            return 0;
        if (i >= WARM_UP)
            took_ns[i - WARM_UP] = ns;
    }
    return 1;
}

static int ask(const char *address, const char *port, const char *count_text)
{
    struct sockaddr_in there = at(address, port);
    size_t count = strtoul(count_text, NULL, 10);
    if (count == 0 || count > COUNT_MAX) {
        fprintf(stderr, "roundtrip: a count from 1 to %u is expected\n", COUNT_MAX);
        return 2;
    }
    int64_t *took_ns = malloc(count * sizeof *took_ns);
    int fd = open_socket();
    if (took_ns == NULL || fd < 0 ||
        connect(fd, (const struct sockaddr *)&there, sizeof there) != 0)
        return fail("connect");
    if (!measure(fd, took_ns, count))
        return fail("the connection ended");
    qsort(took_ns, count, sizeof *took_ns, compare);
    printf("%.2f %.2f\n", (double)took_ns[count / 2] / 1e3,
           (double)took_ns[count - 1 - count / 100] / 1e3);
    free(took_ns);
    close(fd);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "serve") == 0)
        return serve(argv[2]);
    if (argc == 5 && strcmp(argv[1], "ask") == 0)
        return ask(argv[2], argv[3], argv[4]);
    fputs("usage: roundtrip serve PORT\n       roundtrip ask ADDRESS PORT COUNT\n", stderr);
    return 2;
}
