/* firewall_text.c - iptables rules as text; the contract is in firewall.h. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter-ext/linux/firewall.h"
#include "filter-ext/linux/worker.h"

struct text {
    char *at;
    size_t len, cap;
    bool is_full;
};

static void put(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(struct text *text, const char *format, ...)
{
    va_list arguments;
    if (text->is_full)
        return;
    va_start(arguments, format);
    int len = vsnprintf(text->at + text->len, text->cap - text->len, format, arguments);
    va_end(arguments);
    text->is_full = len < 0 || (size_t)len >= text->cap - text->len;
    text->len += text->is_full ? 0 : (size_t)len;
}

/* ------------------------------------------------------------------ in */

static void put_jumps(struct text *text, const struct pm_firewall *f, const char *hook,
                      const char *way)
{
    if (f->interface_count == 0)
        put(text, "-I %s ! %s lo -j PKTMOD-Q%u\n", hook, way, f->first);
    for (unsigned i = 0; i < f->interface_count; i++)
        put(text, "-I %s %s %s -j PKTMOD-Q%u\n", hook, way, f->interfaces[i], f->first);
}

/* A settled packet comes round once more with a mark; then its connection gets one. */
static void put_settled(struct text *text, const struct pm_firewall *f)
{
    uint32_t mark = f->generation << 16;
    put(text, "-A PKTMOD-Q%u-KEEP -j CONNMARK --set-xmark 0x%x/0x%x\n", f->first, mark,
        PM_SETTLED_MASK);
    put(text, "-A PKTMOD-Q%u-KEEP -j MARK --set-xmark 0x0/0x%x\n", f->first, PM_MARK_SETTLED);
    put(text, "-A PKTMOD-Q%u -m mark --mark 0x%x/0x%x -g PKTMOD-Q%u-KEEP\n", f->first,
        PM_MARK_SETTLED, PM_MARK_SETTLED, f->first);
    put(text, "-A PKTMOD-Q%u -m connmark --mark 0x%x/0x%x -j RETURN\n", f->first, mark,
        PM_SETTLED_MASK);
}

/* The tunnel judges what it carries: neither its device's packets nor those of the connections that
 * continue them are judged again. */
static void put_tunnel(struct text *text, const struct pm_firewall *f)
{
    static const char *const ways[] = {"-i", "-o"};
    for (unsigned i = 0; i < 2; i++)
        put(text, "-A PKTMOD-Q%u %s %s -j RETURN\n", f->first, ways[i], f->tunnel);
    put(text, "-A PKTMOD-Q%u -m mark --mark 0x%x -j CONNMARK --set-xmark 0x%x/0x%x\n", f->first,
        PM_MARK_TUNNEL, PM_TUNNEL_CONNECTION, PM_TUNNEL_CONNECTION);
    put(text, "-A PKTMOD-Q%u -m connmark --mark 0x%x/0x%x -j RETURN\n", f->first,
        PM_TUNNEL_CONNECTION, PM_TUNNEL_CONNECTION);
}

static void put_chain(struct text *text, const struct pm_firewall *f)
{
    const char *bypass = f->bypass ? " --queue-bypass" : "";
    if (f->tunnel != NULL)
        put_tunnel(text, f);
    put(text, "-A PKTMOD-Q%u -m mark --mark 0x%x/0x%x -j RETURN\n", f->first, PM_MARK_OURS,
        PM_MARK_OURS);
    if (f->generation > 0)
        put_settled(text, f);
    if (f->first == f->last)
        put(text, "-A PKTMOD-Q%u -j NFQUEUE --queue-num %u%s\n", f->first, f->first, bypass);
    else
        put(text, "-A PKTMOD-Q%u -j NFQUEUE --queue-balance %u:%u%s\n", f->first, f->first, f->last,
            bypass);
}

static void put_chains(struct text *text, const struct pm_firewall *f)
{
    put(text, "*mangle\n:PKTMOD-Q%u - [0:0]\n", f->first);
    if (f->generation > 0)
        put(text, ":PKTMOD-Q%u-KEEP - [0:0]\n", f->first);
    put_chain(text, f);
}

void pm_firewall_text(const struct pm_firewall *firewall, char out[PM_FIREWALL_TEXT])
{
    struct text text = {.at = out, .cap = PM_FIREWALL_TEXT};
    put_chains(&text, firewall);
    if (firewall->hooks & PM_HOOK_INPUT)
        put_jumps(&text, firewall, "INPUT", "-i");
    if (firewall->hooks & PM_HOOK_OUTPUT)
        put_jumps(&text, firewall, "OUTPUT", "-o");
    if (firewall->hooks & PM_HOOK_FORWARD)
        put_jumps(&text, firewall, "FORWARD", "-i");
    if ((firewall->hooks & PM_HOOK_FORWARD) && firewall->interface_count > 0)
        put_jumps(&text, firewall, "FORWARD", "-o");
    put(&text, "COMMIT\n");
}

void pm_firewall_renewal(const struct pm_firewall *firewall, char out[PM_FIREWALL_TEXT])
{
    struct text text = {.at = out, .cap = PM_FIREWALL_TEXT};
    put_chains(&text, firewall);
    put(&text, "COMMIT\n");
}

static void tell_command(const char *rule, void (*line)(void *, const char *), void *context)
{
    static const char *const tools[] = {"iptables", "ip6tables"};
    char command[PM_FIREWALL_TEXT + 64];
    char chain[64];
    bool is_chain = sscanf(rule, ":%63s", chain) == 1;
    for (unsigned i = 0; i < 2; i++) {
        if (is_chain)
            snprintf(command, sizeof command, "%s -t mangle -N %s", tools[i], chain);
        else
            snprintf(command, sizeof command, "%s -t mangle %s", tools[i], rule);
        line(context, command);
    }
}

void pm_firewall_print(const struct pm_firewall *firewall, void (*line)(void *, const char *),
                       void *context)
{
    char text[PM_FIREWALL_TEXT];
    if (firewall->kind == PM_NFT)
        pm_firewall_nft(firewall, text);
    else
        pm_firewall_text(firewall, text);
    for (char *at = text, *end; (end = strchr(at, '\n')) != NULL; at = end + 1) {
        *end = 0;
        if (firewall->kind == PM_NFT)
            line(context, at);
        else if (*at == '-' || *at == ':')
            tell_command(at, line, context);
    }
}

/* [12:3456] -A PKTMOD-Q5 -m connmark --mark 0x20000/0x7fff0000 -j RETURN
 * ct mark & 0x7fff0000 == 0x00020000 counter packets 12 bytes 3456 return */
static bool read_passed(const struct pm_firewall *firewall, const char *line, const char *rule,
                        struct pm_firewall_passed *out)
{
    const char *end = line + strcspn(line, "\n"), *found = strstr(line, rule);
    if (found == NULL || found > end)
        return false;
    if (firewall->kind == PM_IPTABLES)
        return sscanf(line, "[%" SCNu64 ":%" SCNu64 "]", &out->packets, &out->bytes) == 2;
    return sscanf(found + strlen(rule), " packets %" SCNu64 " bytes %" SCNu64, &out->packets,
                  &out->bytes) == 2;
}

void pm_firewall_add_passed(const struct pm_firewall *firewall, const char *saved,
                            struct pm_firewall_passed *sum)
{
    char rule[128];
    struct pm_firewall_passed one;
    if (firewall->kind == PM_NFT)
        snprintf(rule, sizeof rule, "ct mark & 0x%08x == 0x%08x counter", PM_SETTLED_MASK,
                 firewall->generation << 16);
    else
        snprintf(rule, sizeof rule, "] -A PKTMOD-Q%u -m connmark --mark 0x%x/0x%x -j RETURN",
                 firewall->first, firewall->generation << 16, PM_SETTLED_MASK);
    for (const char *line = saved, *end; (end = strchr(line, '\n')) != NULL; line = end + 1)
        if (read_passed(firewall, line, rule, &one)) {
            sum->packets += one.packets;
            sum->bytes += one.bytes;
        }
}

/* ------------------------------------------------------------------ out */

/* "PKTMOD-Q5" or "PKTMOD-Q5-KEEP" at the end of the line or before a blank. */
static bool is_of_queue(const char *name, size_t len, uint16_t first)
{
    char chain[32];
    int base = snprintf(chain, sizeof chain, "PKTMOD-Q%u", first);
    size_t at = (size_t)base;
    if (len < at || memcmp(name, chain, at) != 0)
        return false;
    return len == at || (len == at + 5 && memcmp(name + at, "-KEEP", 5) == 0);
}

static size_t word_len(const char *word, const char *end)
{
    size_t len = 0;
    while (word + len < end && word[len] != ' ' && word[len] != '\n')
        len++;
    return len;
}

static const char *target_of(const char *line, const char *end)
{
    for (const char *at = line; at + 4 <= end; at++)
        if (memcmp(at, " -j ", 4) == 0)
            return at + 4;
    return NULL;
}

/* A rule of another chain that jumps to ours. Such a rule has nothing quoted; a comment may say
 * anything. */
static void put_unjump(struct text *text, const char *line, const char *end, uint16_t first)
{
    const char *chain = line + 3, *target = target_of(line, end);
    if (end - line < 3 || memcmp(line, "-A ", 3) != 0 || target == NULL ||
        memchr(line, '"', (size_t)(end - line)) != NULL)
        return;
    if (!is_of_queue(chain, word_len(chain, end), first) &&
        is_of_queue(target, word_len(target, end), first))
        put(text, "-D %.*s\n", (int)(end - chain), chain);
}

static void put_for_chains(struct text *text, const char *saved, uint16_t first, const char *verb)
{
    const char *line = saved, *end;
    for (; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        size_t len = word_len(line + 1, end);
        if (*line == ':' && is_of_queue(line + 1, len, first))
            put(text, "%s %.*s\n", verb, (int)len, line + 1);
    }
}

bool pm_firewall_removal(const char *saved, uint16_t first, char *out, size_t cap)
{
    struct text text = {.at = out, .cap = cap};
    put(&text, "*mangle\n");
    size_t empty_len = text.len;
    const char *line = saved, *end;
    for (; (end = strchr(line, '\n')) != NULL; line = end + 1)
        put_unjump(&text, line, end, first);
    put_for_chains(&text, saved, first, "-F");
    put_for_chains(&text, saved, first, "-X");
    bool has_any = text.len > empty_len;
    put(&text, "COMMIT\n");
    return has_any && !text.is_full;
}
