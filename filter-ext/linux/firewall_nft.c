/* firewall_nft.c - the rules of firewall.h for nft:
 *
 *     table inet pktmod-q5 {
 *             chain keep  { a settled packet: its connection is marked }
 *             chain judge { ours, settled, else: to the queue }
 *             chain input, output, forward { those of the interfaces: to judge }
 *     }
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "filter-ext/linux/firewall.h"
#include "filter-ext/linux/worker.h"

struct text {
    char *at;
    size_t len;
};

static void put(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The largest set of rules fits; a test shows it. */
static void put(struct text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(text->at + text->len, PM_FIREWALL_TEXT - text->len, format, arguments);
    va_end(arguments);
    if (len > 0 && (size_t)len < PM_FIREWALL_TEXT - text->len)
        text->len += (size_t)len;
}

static void put_keep(struct text *text, const struct pm_firewall *f)
{
    put(text, "\tchain keep {\n");
    put(text, "\t\tct mark set ct mark and 0x%x or 0x%x\n", ~PM_SETTLED_MASK, f->generation << 16);
    put(text, "\t\tmeta mark set meta mark and 0x%x\n\t}\n", ~PM_MARK_SETTLED);
}

/* As in firewall_text.c: what a tunnel judges. */
static void put_tunnel(struct text *text, const struct pm_firewall *f)
{
    put(text, "\t\tiifname \"%s\" return\n\t\toifname \"%s\" return\n", f->tunnel, f->tunnel);
    put(text, "\t\tmeta mark 0x%x ct mark set ct mark or 0x%x\n", PM_MARK_TUNNEL,
        PM_TUNNEL_CONNECTION);
    put(text, "\t\tct mark and 0x%x == 0x%x return\n", PM_TUNNEL_CONNECTION, PM_TUNNEL_CONNECTION);
}

static void put_judge(struct text *text, const struct pm_firewall *f)
{
    put(text, "\tchain judge {\n");
    if (f->tunnel != NULL)
        put_tunnel(text, f);
    put(text, "\t\tmeta mark and 0x%x == 0x%x return\n", PM_MARK_OURS, PM_MARK_OURS);
    if (f->generation > 0) {
        put(text, "\t\tmeta mark and 0x%x == 0x%x goto keep\n", PM_MARK_SETTLED, PM_MARK_SETTLED);
        put(text, "\t\tct mark and 0x%x == 0x%x counter return\n", PM_SETTLED_MASK,
            f->generation << 16);
    }
    put(text, "\t\tqueue num %u", f->first);
    if (f->first != f->last)
        put(text, "-%u", f->last);
    put(text, "%s\n\t}\n", f->bypass ? " bypass" : "");
}

/* Its + for whatever follows is a * here. */
static void put_jumps(struct text *text, const struct pm_firewall *f, const char *way)
{
    if (f->interface_count == 0)
        put(text, "\t\t%s != \"lo\" jump judge\n", way);
    for (unsigned i = 0; i < f->interface_count; i++) {
        size_t len = strcspn(f->interfaces[i], "+");
        put(text, "\t\t%s \"%.*s%s\" jump judge\n", way, (int)len, f->interfaces[i],
            f->interfaces[i][len] == '+' ? "*" : "");
    }
}

static void put_hook(struct text *text, const struct pm_firewall *f, unsigned hook,
                     const char *name, const char *way)
{
    if (!(f->hooks & hook))
        return;
    put(text, "\tchain %s {\n\t\ttype filter hook %s priority mangle; policy accept;\n", name,
        name);
    put_jumps(text, f, way);
    if (hook == PM_HOOK_FORWARD && f->interface_count > 0)
        put_jumps(text, f, "oifname");
    put(text, "\t}\n");
}

/* A table that is made, if need be, can be deleted. */
void pm_firewall_nft(const struct pm_firewall *firewall, char out[PM_FIREWALL_TEXT])
{
    struct text text = {.at = out};
    put(&text, "table inet pktmod-q%u\ndelete table inet pktmod-q%u\n", firewall->first,
        firewall->first);
    put(&text, "table inet pktmod-q%u {\n", firewall->first);
    if (firewall->generation > 0)
        put_keep(&text, firewall);
    put_judge(&text, firewall);
    put_hook(&text, firewall, PM_HOOK_INPUT, "input", "iifname");
    put_hook(&text, firewall, PM_HOOK_OUTPUT, "output", "oifname");
    put_hook(&text, firewall, PM_HOOK_FORWARD, "forward", "iifname");
    put(&text, "}\n");
}
