/* firewall.h - the iptables or nftables rules that send packets to the queues, as text, and in
 * force.
 *
 *     mangle INPUT, OUTPUT, FORWARD              ->  PKTMOD-Q5  ->  NFQUEUE 5
 *     table inet pktmod-q5: input, output, forward  ->  judge   ->  queue 5
 *
 * They stand in the table mangle, or at its priority, so that what pktmod allows is still judged by
 * the rules behind it, and addresses are those of the flow's ends whatever NAT does. Chains begin
 * with PKTMOD-Q, the table with pktmod-q, and the number of the first queue; nothing else is
 * touched.
 */
#ifndef PKTMOD_FILTER_FIREWALL_H
#define PKTMOD_FILTER_FIREWALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PM_HOOK_INPUT = 1, PM_HOOK_OUTPUT = 2, PM_HOOK_FORWARD = 4 };

#define PM_FIREWALL_INTERFACES 16u
#define PM_FIREWALL_TEXT       8192u
/* Of the connection mark: the policies that flows were settled under. */
#define PM_SETTLED_MASK       0x7fff0000u
#define PM_SETTLED_GENERATION 0x7fffu /* the largest */
/* And a connection that a tunnel of ours continues. Its sockets' packets have a mark with all bits
 * of PM_MARK_TUNNEL, which no packet of another run has. */
#define PM_TUNNEL_CONNECTION 0x80000000u
#define PM_MARK_TUNNEL       0x706b6d64u

enum pm_firewall_kind { PM_IPTABLES, PM_NFT };

struct pm_firewall {
    enum pm_firewall_kind kind;
    uint16_t first, last; /* queues */
    unsigned hooks;       /* PM_HOOK_ bits */
    const char *interfaces[PM_FIREWALL_INTERFACES];
    unsigned interface_count; /* 0: all but loopback */
    bool bypass;              /* packets pass while nobody listens to the queue */
    const char *tunnel;       /* device whose traffic is judged elsewhere; NULL: none */
    uint32_t generation;      /* flows settled under it pass without being asked; 0: none do */
};

/* What iptables-restore --noflush takes, the same for both families. */
void pm_firewall_text(const struct pm_firewall *firewall, char out[PM_FIREWALL_TEXT]);
/* The same, but only the chains: who jumps to them stays. */
void pm_firewall_renewal(const struct pm_firewall *firewall, char out[PM_FIREWALL_TEXT]);
/* The same as pm_firewall_text() for a person, as commands. */
void pm_firewall_print(const struct pm_firewall *firewall, void (*line)(void *, const char *),
                       void *context);
/* What nft -f takes: in place of what is there of the queue, all or nothing. */
void pm_firewall_nft(const struct pm_firewall *firewall, char out[PM_FIREWALL_TEXT]);

/* Of settled flows, what passed without being asked. */
struct pm_firewall_passed {
    uint64_t packets, bytes;
};
/* Adds what iptables-save -c, or nft list table, printed of the queue. */
void pm_firewall_add_passed(const struct pm_firewall *firewall, const char *saved,
                            struct pm_firewall_passed *sum);

/* What takes the chains of a queue out again, made of what iptables-save printed. False: there is
 * nothing to take out, or no room. */
bool pm_firewall_removal(const char *saved, uint16_t first, char *out, size_t cap);

/* iptables where it is installed, else nft where that is. */
enum pm_firewall_kind pm_firewall_choose(void);
/* Puts the rules in force for both families, all of a family at once; takes out before what is
 * there of the queue, of either kind. False with `error` filled: nothing of them is in force. */
bool pm_firewall_install(const struct pm_firewall *firewall, char *error, size_t error_cap);
/* Takes out what is there of the queue. False with `error` filled: something may be left. */
bool pm_firewall_remove(uint16_t first, char *error, size_t error_cap);
/* Since the rules were put in force or renewed. Runs a program. */
struct pm_firewall_passed pm_firewall_passed(const struct pm_firewall *firewall);
/* Flows that were settled under another generation are asked about again. */
bool pm_firewall_renew(const struct pm_firewall *firewall, char *error, size_t error_cap);

#endif
