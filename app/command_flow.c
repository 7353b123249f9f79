/* command_flow.c - pktmod flow: makes a capture of a flow text, or says what is wrong with it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pktmod/version.h>

#include "app/arguments.h"
#include "app/command.h"
#include "app/flowtext.h"
#include "app/sink.h"

enum { OPT_WRITE, OPT_HELP, OPT_VERSION };

static const struct pm_option options[] = {
    [OPT_WRITE] = {"write", 'w', true},
    [OPT_HELP] = {"help", 'h', false},
    [OPT_VERSION] = {"version", 'V', false},
};

static const char help[] =
    "usage: pktmod flow TEXT [-w OUT]\n\n"
    "Makes packets of a few lines of text: TCP conversations with retransmissions, losses and\n"
    "disorder, datagrams, ICMP, fragments, VLANs. The same text makes the same bytes, always.\n"
    "replay takes such a text as well, where its name ends in .flow.\n\n"
    "  -w, --write OUT  the capture; pcap if its name ends in .pcap, else pcapng; - is standard\n"
    "                   output. Without it the text is only checked\n\n"
    "  tcp web 10.0.0.1:40000 > 192.0.2.1:80\n"
    "  web open\n"
    "  web > \"GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n\" cut 5 order 2,1\n"
    "  web < \"HTTP/1.1 204 No Content\\r\\n\\r\\n\"\n"
    "  web > close\n\n"
    "The language: man pktmod-flow\n\n"
    "exit: 0 good, 2 the text has errors or OUT cannot be written, 3 no memory\n";

struct flow {
    const char *text, *out;
    bool is_told;
};

static bool take_word(struct flow *flow, const char *word)
{
    if (flow->text != NULL) {
        pm_complain(PM_EXIT_BAD_INPUT, "flow: one text at a time, but \"%s\" and \"%s\" are named",
                    flow->text, word);
        return false;
    }
    flow->text = word;
    return true;
}

static bool read_arguments(struct flow *flow, int argc, char *const argv[])
{
    struct pm_arguments arguments = {.command = "flow",
                                     .options = options,
                                     .option_count = sizeof options / sizeof options[0],
                                     .argv = argv,
                                     .argc = argc,
                                     .at = 1};
    const char *value;
    for (;;) {
        switch (pm_arguments_next(&arguments, &value)) {
        case OPT_WRITE:
            flow->out = value;
            break;
        case OPT_HELP:
            fputs(help, stdout);
            return flow->is_told = true;
        case OPT_VERSION:
            printf("pktmod %s\n", pm_version());
            return flow->is_told = true;
        case PM_ARGUMENT_WORD:
            if (!take_word(flow, value))
                return false;
            break;
        case PM_ARGUMENT_END:
            return true;
        default:
            return false;
        }
    }
}

static bool is_pcap(const char *path)
{
    size_t len = strlen(path);
    return len > 5 && strcmp(path + len - 5, ".pcap") == 0;
}

static enum pm_exit write_list(const struct flow *flow, const struct pm_packetlist *list)
{
    const char *const inputs[] = {flow->text};
    struct pm_sink sink;
    size_t len;
    uint8_t *bytes = pm_packetlist_file(list, !is_pcap(flow->out), &len);
    if (bytes == NULL)
        return pm_complain(PM_EXIT_INTERNAL, "flow: no memory");
    bool is_open = pm_sink_open(&sink, flow->out, inputs, 1);
    int why = errno;
    if (is_open) {
        pm_sink_write(&sink, bytes, len);
        why = pm_sink_close(&sink);
    }
    free(bytes);
    if (!is_open && why == EEXIST)
        return pm_complain(PM_EXIT_BAD_INPUT, "%s: is an input; the output would destroy it",
                           flow->out);
    if (!is_open || why != 0)
        return pm_complain(PM_EXIT_BAD_INPUT, "%s: cannot be written: %s", flow->out,
                           strerror(why));
    return PM_EXIT_GOOD;
}

static enum pm_exit make(const struct flow *flow)
{
    struct pm_packetlist list = {.items = NULL};
    enum pm_exit code = PM_EXIT_BAD_INPUT;
    size_t faults = pm_flowtext_load(flow->text, &list, stderr);
    if (faults == 0 && flow->out != NULL)
        code = write_list(flow, &list);
    else if (faults == 0)
        code = PM_EXIT_GOOD;
    if (code == PM_EXIT_GOOD && flow->out == NULL)
        printf("%s: %zu packet%s, ok\n", flow->text, list.count, list.count == 1 ? "" : "s");
    if (faults > 0)
        fprintf(stderr, "%s: %zu error%s\n", flow->text, faults, faults == 1 ? "" : "s");
    pm_packetlist_free(&list);
    return code;
}

enum pm_exit pm_command_flow(int argc, char *const argv[])
{
    struct flow flow = {.text = NULL};
    if (!read_arguments(&flow, argc, argv))
        return PM_EXIT_BAD_INPUT;
    if (flow.is_told)
        return PM_EXIT_GOOD;
    if (flow.text == NULL)
        return pm_complain(PM_EXIT_BAD_INPUT,
                           "flow: no text named; usage: pktmod flow TEXT [-w OUT]");
    return make(&flow);
}
