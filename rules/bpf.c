/* bpf.c - tcpdump expressions, compiled through libpcap. */
#include "bpf.h"

#include <string.h>

#include <pcap/pcap.h>

#include "diagnostic.h"
#include "record.h"

#define SNAPLEN 262144

/* Where Linux keeps what is about a packet rather than in it ("inbound", ...): loads from here on
 * reach nothing when the program is run over the bytes alone. */
#define ANCILLARY 0xfffff000u

/* What libpcap calls each link type of pktmod.h. */
static const struct {
    uint16_t linktype;
    int dlt;
} links[] = {
    {1, DLT_EN10MB},      {0, DLT_NULL},   {101, DLT_RAW},  {108, DLT_LOOP},
    {113, DLT_LINUX_SLL}, {228, DLT_IPV4}, {229, DLT_IPV6}, {276, DLT_LINUX_SLL2},
};

static bool is_ancillary(const struct bpf_insn *insn)
{
    return BPF_CLASS(insn->code) == BPF_LD && BPF_MODE(insn->code) == BPF_ABS &&
           insn->k >= ANCILLARY;
}

/* Ten bytes of an expression become hundreds of instructions, for each link type: in all so many,
 * and one more for each four bytes of the files. */
#define INSNS_MAX (512u * 1024u)

/* False: complained. */
static bool may_have(struct load *l, const struct node *n)
{
    size_t most = INSNS_MAX + l->text_len / 4;

    if (l->bpf_insns <= most)
        return true;
    pmr_fail(l, n, CODE_LIMIT, "use fields of the language instead",
             "tcpdump expressions have at most %zu instructions in all", most);
    return false;
}

/* Hands a program over; false: it wants what is not in the packet. */
static bool hand_over(struct load *l, uint32_t bpf, uint16_t linktype,
                      const struct bpf_program *program)
{
    struct pm_bpf_insn *insns = pmr_memory_array(&l->memory, program->bf_len, sizeof *insns);

    l->bpf_insns += program->bf_len;
    for (unsigned i = 0; insns != NULL && i < program->bf_len; i++) {
        const struct bpf_insn *from = &program->bf_insns[i];

        if (is_ancillary(from))
            return false;
        insns[i] =
            (struct pm_bpf_insn){.code = from->code, .jt = from->jt, .jf = from->jf, .k = from->k};
    }
    if (insns != NULL)
        pmr_bpf_add(l, bpf, linktype, insns, program->bf_len);
    return true;
}

enum outcome { COMPILED, REFUSED, ANCILLARY_ONLY };

/* fault: what libpcap says when it refuses. */
static enum outcome compile_for(struct load *l, const char *text, uint32_t bpf, size_t link,
                                char fault[PCAP_ERRBUF_SIZE])
{
    pcap_t *pcap = pcap_open_dead(links[link].dlt, SNAPLEN);
    struct bpf_program program;
    enum outcome outcome = REFUSED;

    if (pcap == NULL) {
        l->memory.failed = true;
        return REFUSED;
    }
    if (pcap_compile(pcap, &program, text, 1, PCAP_NETMASK_UNKNOWN) != 0) {
        strncpy(fault, pcap_geterr(pcap), PCAP_ERRBUF_SIZE - 1);
        fault[PCAP_ERRBUF_SIZE - 1] = '\0';
    } else {
        outcome = hand_over(l, bpf, links[link].linktype, &program) ? COMPILED : ANCILLARY_ONLY;
        pcap_freecode(&program);
    }
    pcap_close(pcap);
    return outcome;
}

/* Compiled for some link types is good enough: the packets of the others do not match. */
bool pmr_bpf_compile(struct load *l, const struct node *n, uint32_t *out)
{
    char faults[2][PCAP_ERRBUF_SIZE] = {"", ""}; /* the first one is Ethernet's and is told */
    const char *text = pmr_node_text(n);
    size_t compiled = 0;

    if (text[strspn(text, " \t\r\n")] == '\0') {
        pmr_fail(l, n, CODE_EMPTY, NULL, "an expression may not be empty");
        return false;
    }
    if (!may_have(l, n))
        return false;
    *out = pm_builder_add_bpf(l->builder);
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++) {
        enum outcome outcome = compile_for(l, text, *out, i, faults[i > 0]);

        if (outcome == ANCILLARY_ONLY) {
            pmr_fail(l, n, CODE_BPF, NULL,
                     "%s asks for what is not in the packet; use \"dir\" or \"interface\"",
                     pmr_quote(text).text);
            return false;
        }
        compiled += outcome == COMPILED;
    }
    if (compiled > 0)
        return true;
    pmr_fail(l, n, CODE_BPF, NULL, "%s: %s", pmr_quote(text).text, faults[0]);
    return false;
}
