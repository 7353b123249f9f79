/* bpf.h - running classic BPF programs (tcpdump expressions compiled elsewhere). */
#ifndef PM_MATCH_BPF_H
#define PM_MATCH_BPF_H

#include <pktmod/policy.h>

/* Whether the program can run safely: known opcodes, jumps forward and inside, memory slots and
 * constant shifts and divisors in range, a return at the end. */
bool pm_bpf_is_valid(const struct pm_bpf_insn *insns, size_t count);

/* The program's answer (0: no match). insns were valid; loads outside data answer 0. */
uint32_t pm_bpf_run(const struct pm_bpf_insn *insns, const uint8_t *data, size_t len,
                    size_t wire_len);

#endif
