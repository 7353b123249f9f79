/* firewall.c - firewall rules in force; the contract is in firewall.h. */
#include "filter-ext/linux/firewall.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "filter-ext/linux/tool.h"

#define REMOVAL_MAX 65536u

static void tell(char *error, size_t error_cap, const char *tool, int status, const char *output)
{
    if (status < 0) {
        snprintf(error, error_cap,
                 "cannot run %s; install iptables or nftables, or leave --install away and "
                 "put the printed rules in yourself",
                 tool);
        return;
    }
    const char *text = output == NULL || *output == 0 ? "it does not say why" : output;
    snprintf(error, error_cap, "%s failed: %.*s", tool, (int)strcspn(text, "\n"), text);
}

/* ------------------------------------------------------------------ iptables */

struct family {
    const char *save, *restore, *present; /* the file that is there when the kernel has it */
};

static const struct family families[] = {
    {"iptables-save", "iptables-restore", "/proc/net/route"},
    {"ip6tables-save", "ip6tables-restore", "/proc/net/if_inet6"},
};

#define FAMILY_COUNT (sizeof families / sizeof families[0])

static bool restore(const struct family *family, const char *text, char *error, size_t error_cap)
{
    const char *const argv[] = {family->restore, "--noflush", "--wait", "10", NULL};
    char *output;
    int status = pm_tool_run(argv, text, &output);
    if (status != 0)
        tell(error, error_cap, family->restore, status, output);
    free(output);
    return status == 0;
}

static bool remove_from(const struct family *family, uint16_t first, char *error, size_t error_cap)
{
    const char *const argv[] = {family->save, "-t", "mangle", NULL};
    char *saved;
    char *text = malloc(REMOVAL_MAX);
    int status = text == NULL ? -1 : pm_tool_run(argv, NULL, &saved);
    bool is_done = status == 0 && saved != NULL;
    if (!is_done)
        tell(error, error_cap, family->save, status, text == NULL ? NULL : saved);
    else if (pm_firewall_removal(saved, first, text, REMOVAL_MAX))
        is_done = restore(family, text, error, error_cap);
    if (text != NULL)
        free(saved);
    free(text);
    return is_done;
}

static bool is_there(const struct family *family)
{
    return access(family->present, F_OK) == 0;
}

static bool remove_iptables(uint16_t first, char *error, size_t error_cap)
{
    bool is_done = true;
    for (size_t i = 0; i < FAMILY_COUNT; i++)
        if (is_there(&families[i]))
            is_done = remove_from(&families[i], first, error, error_cap) && is_done;
    return is_done;
}

static bool put_iptables(const char *text, char *error, size_t error_cap)
{
    for (size_t i = 0; i < FAMILY_COUNT; i++)
        if (is_there(&families[i]) && !restore(&families[i], text, error, error_cap))
            return false;
    return true;
}

/* ------------------------------------------------------------------ nft */

static bool run_nft(const char *text, char *error, size_t error_cap)
{
    static const char *const argv[] = {"nft", "-f", "-", NULL};
    char *output;
    int status = pm_tool_run(argv, text, &output);
    if (status > 0 && output != NULL && strstr(output, "queue num") != NULL &&
        strstr(output, "No such file or directory") != NULL)
        snprintf(error, error_cap,
                 "nft cannot send packets to a queue: the kernel has no CONFIG_NFT_QUEUE, and no "
                 "module nft_queue; try --firewall iptables");
    else if (status != 0)
        tell(error, error_cap, "nft", status, output);
    free(output);
    return status == 0;
}

/* Where nft cannot list tables it made none. */
static bool has_table(uint16_t first)
{
    static const char *const argv[] = {"nft", "list", "tables", NULL};
    char *output, wanted[64];
    snprintf(wanted, sizeof wanted, "table inet pktmod-q%u\n", first);
    int status = pm_tool_run(argv, NULL, &output);
    bool is_listed = status == 0 && output != NULL && strstr(output, wanted) != NULL;
    free(output);
    return is_listed;
}

static bool remove_nft(uint16_t first, char *error, size_t error_cap)
{
    char text[64];
    if (!has_table(first))
        return true;
    snprintf(text, sizeof text, "delete table inet pktmod-q%u\n", first);
    return run_nft(text, error, error_cap);
}

/* ------------------------------------------------------------------ both */

enum pm_firewall_kind pm_firewall_choose(void)
{
    return !pm_tool_exists("iptables-restore") && pm_tool_exists("nft") ? PM_NFT : PM_IPTABLES;
}

bool pm_firewall_remove(uint16_t first, char *error, size_t error_cap)
{
    bool has_nft = pm_tool_exists("nft");
    bool is_done = !has_nft || remove_nft(first, error, error_cap);
    if (has_nft && !pm_tool_exists("iptables-save"))
        return is_done;
    return remove_iptables(first, error, error_cap) && is_done;
}

bool pm_firewall_install(const struct pm_firewall *firewall, char *error, size_t error_cap)
{
    char text[PM_FIREWALL_TEXT], ignored[256];
    if (!pm_firewall_remove(firewall->first, error, error_cap))
        return false;
    if (firewall->kind == PM_NFT) {
        pm_firewall_nft(firewall, text);
        return run_nft(text, error, error_cap);
    }
    pm_firewall_text(firewall, text);
    if (put_iptables(text, error, error_cap))
        return true;
    pm_firewall_remove(firewall->first, ignored, sizeof ignored);
    return false;
}

bool pm_firewall_renew(const struct pm_firewall *firewall, char *error, size_t error_cap)
{
    char text[PM_FIREWALL_TEXT];
    if (firewall->kind == PM_NFT) {
        pm_firewall_nft(firewall, text);
        return run_nft(text, error, error_cap);
    }
    pm_firewall_renewal(firewall, text);
    return put_iptables(text, error, error_cap);
}

static void add_passed(const struct pm_firewall *firewall, const char *const argv[],
                       struct pm_firewall_passed *sum)
{
    char *output;
    if (pm_tool_run(argv, NULL, &output) == 0 && output != NULL)
        pm_firewall_add_passed(firewall, output, sum);
    free(output);
}

struct pm_firewall_passed pm_firewall_passed(const struct pm_firewall *firewall)
{
    struct pm_firewall_passed sum = {.packets = 0};
    char table[32];
    snprintf(table, sizeof table, "pktmod-q%u", firewall->first);
    if (firewall->kind == PM_NFT) {
        add_passed(firewall, (const char *const[]){"nft", "list", "table", "inet", table, NULL},
                   &sum);
        return sum;
    }
    for (size_t i = 0; i < FAMILY_COUNT; i++)
        if (is_there(&families[i]))
            add_passed(firewall,
                       (const char *const[]){families[i].save, "-c", "-t", "mangle", NULL}, &sum);
    return sum;
}
