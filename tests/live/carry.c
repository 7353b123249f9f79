/* carry.c - carries packets between two TUN devices through the rewriter: forward mode in
 * miniature, so that two real kernels can talk through it. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include <pktmod/pktmod.h>

#include "rules/rules.h"

static const char usage[] =
    "usage: carry [OPTION...] RULES HOST-TUN NETWORK-TUN\n"
    "\n"
    "Makes two TUN devices in the network namespace it is started in, says \"ready\", and carries\n"
    "packets from each to the other; what comes from HOST-TUN is outbound. The devices may then "
    "be\n"
    "moved to other namespaces. Every wait that was given up is a line of JSON on standard error, "
    "told\n"
    "before its bytes leave. On SIGTERM or SIGINT it prints what the engine counted, as one JSON\n"
    "object, and ends.\n"
    "\n"
    "  --mtu N          largest packet that rewriting makes (default 1500)\n"
    "  --seconds N      is killed after so long (default 600)\n"
    "  --clamp-mss      lower the MSS on SYNs where a rule may grow the stream\n"
    "  --drop P         lose this share (0..1) of what comes in\n"
    "  --seed N         which packets those are (default 1)\n";

#define BURST      64u /* packets taken from one side before the other has its turn */
#define PACKET_MAX 65536u
#define RAW_LINK   101u /* LINKTYPE_RAW: IP packets */

struct carry {
    const char *rule_file;
    const char *names[2]; /* by enum pm_dir of what comes out of it */
    int tuns[2];
    int signals;
    uint32_t mtu;
    unsigned seconds;
    bool clamp_mss;
    double drop;
    uint64_t seed;
    uint64_t lost;        /* by --drop */
    uint64_t unwritten;   /* the other side's device did not take it */
    uint64_t own, events; /* packets of the engine's own; holds given up */
    struct pm_rules *rules;
    struct pm_rewriter *rewriter;
    uint8_t packet[PACKET_MAX];
};

static void quit(const char *what, const char *why)
{
    fprintf(stderr, "carry: %s: %s\n", what, why);
    exit(1);
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* xorshift64*: 0 <= draw < 1 */
static double draw(uint64_t *seed)
{
    *seed ^= *seed >> 12;
    *seed ^= *seed << 25;
    *seed ^= *seed >> 27;
    return (double)((*seed * 0x2545f4914f6cdd1du) >> 11) / 9007199254740992.0;
}

static int tun_open(const char *name)
{
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0)
        quit("/dev/net/tun", strerror(errno));
    if (strlen(name) >= sizeof request.ifr_name)
        quit(name, "longer than a name of a device may be");
    memcpy(request.ifr_name, name, strlen(name));
    if (ioctl(fd, TUNSETIFF, &request) < 0)
        quit(name, strerror(errno));
    return fd;
}

static void on_emit(void *context, const struct pm_emitted *emitted)
{
    struct carry *c = context;
    int to = c->tuns[emitted->dir == PM_DIR_OUT ? PM_DIR_IN : PM_DIR_OUT];

    c->own += emitted->is_own;
    if (write(to, emitted->data, emitted->len) != (ssize_t)emitted->len)
        c->unwritten++;
}

static void on_event(void *context, const struct pm_event *event)
{
    struct carry *c = context;

    c->events++;
    fprintf(stderr,
            "{\"ev\": \"hold_release\", \"why\": \"%s\", \"flow\": %llu, \"from\": \"%s\", "
            "\"offset\": %llu, \"len\": %llu}\n",
            pm_why_name(event->why), (unsigned long long)event->flow_id, c->names[event->dir],
            (unsigned long long)event->offset, (unsigned long long)event->len);
}

static void rewriter_open(struct carry *c)
{
    struct pm_rewriter_config config = {.mode = PM_MODE_LIVE,
                                        .view = PM_VIEW_REWRITTEN,
                                        .checksums = PM_CHECKSUMS_VERIFY,
                                        .mtu = c->mtu,
                                        .clamp_mss = c->clamp_mss,
                                        .emit = on_emit,
                                        .event = on_event,
                                        .context = c};
    struct pm_error error;

    c->rules = pm_rules_load(c->rule_file);
    if (!c->rules)
        quit(c->rule_file, "no memory");
    pm_rules_print_text(c->rules, stderr, false);
    if (!pm_rules_policy(c->rules))
        exit(1);
    c->rewriter = pm_rewriter_new(pm_rules_policy(c->rules), &config, &error);
    if (!c->rewriter)
        quit("engine", error.text);
}

/* Takes a burst from one device. */
static void carry_from(struct carry *c, enum pm_dir dir)
{
    for (unsigned i = 0; i < BURST; i++) {
        ssize_t len = read(c->tuns[dir], c->packet, sizeof c->packet);

        if (len <= 0)
            return; /* nothing more, or the device is down */
        if (c->drop > 0 && draw(&c->seed) < c->drop) {
            c->lost++;
            continue;
        }
        struct pm_packet packet = {.data = c->packet,
                                   .len = (size_t)len,
                                   .wire_len = (size_t)len,
                                   .link = RAW_LINK,
                                   .dir = dir,
                                   .interface = c->names[dir]};
        uint64_t now = now_ns();

        pm_rewriter_due(c->rewriter, now);
        pm_rewrite(c->rewriter, &packet, c->packet, now);
    }
}

/* How long poll may sleep. */
static int pause_ms(const struct carry *c)
{
    uint64_t next = pm_rewriter_next_ns(c->rewriter), now = now_ns();

    if (next <= now)
        return 0;
    if (next - now > 1000000000u)
        return 1000;
    return (int)((next - now + 999999u) / 1000000u);
}

static void carry_on(struct carry *c)
{
    struct pollfd polled[3] = {{.fd = c->tuns[PM_DIR_OUT], .events = POLLIN},
                               {.fd = c->tuns[PM_DIR_IN], .events = POLLIN},
                               {.fd = c->signals, .events = POLLIN}};

    /* a device that is gone says POLLERR */
    while (!polled[2].revents && !((polled[0].revents | polled[1].revents) & POLLERR)) {
        if (poll(polled, 3, pause_ms(c)) < 0)
            quit("poll", strerror(errno));
        pm_rewriter_due(c->rewriter, now_ns());
        if (polled[0].revents & POLLIN)
            carry_from(c, PM_DIR_OUT);
        if (polled[1].revents & POLLIN)
            carry_from(c, PM_DIR_IN);
    }
}

static void print_count(const char *name, uint64_t count)
{
    printf("\"%s\": %llu, ", name, (unsigned long long)count);
}

static void print_stats(const struct carry *c)
{
    const struct pm_stats *stats = pm_rewriter_stats(c->rewriter);
    uint64_t edits = 0;

    for (uint32_t i = 0; i < pm_policy_rule_count(pm_rules_policy(c->rules)); i++)
        edits += pm_rewriter_rule_stats(c->rewriter, i)->edits;
    printf("{");
    print_count("packets", stats->packets);
    print_count("emitted", stats->emitted);
    print_count("changed", stats->changed);
    print_count("split", stats->split);
    print_count("dropped", stats->dropped);
    print_count("own", c->own);
    print_count("flows", stats->flows);
    print_count("edits", edits);
    print_count("hold_releases", c->events);
    print_count("lost", c->lost);
    print_count("unwritten", c->unwritten);
    printf("\"why\": {");
    for (int why = 0, any = 0; why < PM_WHY_COUNT; why++)
        if (stats->why[why])
            printf("%s\"%s\": %llu", any++ ? ", " : "", pm_why_name((enum pm_why)why),
                   (unsigned long long)stats->why[why]);
    printf("}}\n");
}

/* The number behind an option, or the end. */
static double number(const char *option, const char *text, double most)
{
    char *end = NULL;
    double value = text ? strtod(text, &end) : 0;

    if (!text || end == text || *end || !(value >= 0 && value <= most))
        quit(option, "needs a number that makes sense");
    return value;
}

static void arguments(struct carry *c, char **argv)
{
    for (; *argv && **argv == '-'; argv++) {
        if (!strcmp(*argv, "--mtu"))
            c->mtu = (uint32_t)number("--mtu", *++argv, 65535);
        else if (!strcmp(*argv, "--seconds"))
            c->seconds = (unsigned)number("--seconds", *++argv, 86400);
        else if (!strcmp(*argv, "--drop"))
            c->drop = number("--drop", *++argv, 1);
        else if (!strcmp(*argv, "--seed"))
            c->seed = (uint64_t)number("--seed", *++argv, 4294967295.0) + 1;
        else if (!strcmp(*argv, "--clamp-mss"))
            c->clamp_mss = true;
        else
            quit(*argv, "no such option");
    }
    if (!argv[0] || !argv[1] || !argv[2] || argv[3]) {
        fputs(usage, stderr);
        exit(2);
    }
    c->rule_file = argv[0];
    c->names[PM_DIR_OUT] = argv[1];
    c->names[PM_DIR_IN] = argv[2];
}

int main(int argc, char **argv)
{
    static struct carry c = {.mtu = 1500, .seconds = 600, .seed = 2};
    sigset_t ending;

    arguments(&c, argv + (argc > 0));
    sigemptyset(&ending);
    sigaddset(&ending, SIGTERM);
    sigaddset(&ending, SIGINT);
    sigprocmask(SIG_BLOCK, &ending, NULL);
    c.signals = signalfd(-1, &ending, SFD_CLOEXEC);
    if (c.signals < 0)
        quit("signalfd", strerror(errno));
    alarm(c.seconds); /* kills: it must not outlive its test, whatever the engine does */
    rewriter_open(&c);
    c.tuns[PM_DIR_OUT] = tun_open(c.names[PM_DIR_OUT]);
    c.tuns[PM_DIR_IN] = tun_open(c.names[PM_DIR_IN]);
    puts("ready");
    fflush(stdout);
    carry_on(&c);
    print_stats(&c);
    pm_rewriter_free(c.rewriter);
    pm_rules_free(c.rules);
    return 0;
}
