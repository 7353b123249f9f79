/* firewall.c - iptables rules in force; the contract is in firewall.h. */
#include "filter-ext/linux/firewall.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "filter-ext/linux/tool.h"

#define REMOVAL_MAX 65536u

struct family {
    const char *save, *restore, *present; /* the file that is there when the kernel has it */
};

static const struct family families[] = {
    {"iptables-save", "iptables-restore", "/proc/net/route"},
    {"ip6tables-save", "ip6tables-restore", "/proc/net/if_inet6"},
};

#define FAMILY_COUNT (sizeof families / sizeof families[0])

static void tell(char *error, size_t error_cap, const char *tool, int status, const char *output)
{
    if (status < 0) {
        snprintf(error, error_cap,
                 "cannot run %s; install iptables, or leave --install away and "
                 "put the printed rules in yourself",
                 tool);
        return;
    }
    const char *text = output == NULL || *output == 0 ? "it does not say why" : output;
    snprintf(error, error_cap, "%s failed: %.*s", tool, (int)strcspn(text, "\n"), text);
}

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

bool pm_firewall_remove(uint16_t first, char *error, size_t error_cap)
{
    bool is_done = true;
    for (size_t i = 0; i < FAMILY_COUNT; i++)
        if (is_there(&families[i]))
            is_done = remove_from(&families[i], first, error, error_cap) && is_done;
    return is_done;
}

static bool put(const char *text, char *error, size_t error_cap)
{
    for (size_t i = 0; i < FAMILY_COUNT; i++)
        if (is_there(&families[i]) && !restore(&families[i], text, error, error_cap))
            return false;
    return true;
}

bool pm_firewall_install(const struct pm_firewall *firewall, char *error, size_t error_cap)
{
    char text[PM_FIREWALL_TEXT], ignored[256];
    if (!pm_firewall_remove(firewall->first, error, error_cap))
        return false;
    pm_firewall_text(firewall, text);
    if (put(text, error, error_cap))
        return true;
    pm_firewall_remove(firewall->first, ignored, sizeof ignored);
    return false;
}

bool pm_firewall_renew(const struct pm_firewall *firewall, char *error, size_t error_cap)
{
    char text[PM_FIREWALL_TEXT];
    pm_firewall_renewal(firewall, text);
    return put(text, error, error_cap);
}
