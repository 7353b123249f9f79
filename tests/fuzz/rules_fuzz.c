/* rules_fuzz.c - no rule file crashes the loader, and what it says of one can be printed. */
#define _POSIX_C_SOURCE 200809L
#include <netdb.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules/rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Host names in "bpf" would be looked up by libpcap: not from here. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **found)
{
    (void)node;
    (void)service;
    (void)hints;
    (void)found;
    return EAI_NONAME;
}

/* As assert, in every kind of build. */
static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check(const struct pm_rules *rules)
{
    size_t count = pm_rules_diagnostic_count(rules), errors = 0;

    for (size_t i = 0; i < count; i++) {
        const struct pm_diagnostic *d = pm_rules_diagnostic(rules, i);

        errors += d->severity == PM_SEVERITY_ERROR;
        require(d->line >= 1 && d->column >= 1 && d->span >= 1);
        require(d->code && d->file && d->pointer && d->message);
    }
    require(errors <= pm_rules_error_count(rules));
    require((pm_rules_policy(rules) == NULL) == (pm_rules_error_count(rules) > 0));
}

static void print(const struct pm_rules *rules)
{
    static char room[1 << 16];
    FILE *out = fmemopen(room, sizeof room, "w");

    require(out != NULL);
    setvbuf(out, NULL, _IOFBF, 4096);
    pm_rules_print_text(rules, out, true);
    pm_rules_print_json(rules, out);
    fclose(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pm_rules *rules = pm_rules_load_text(NULL, (const char *)data, size);

    require(rules != NULL);
    check(rules);
    print(rules);
    pm_rules_free(rules);
    return 0;
}
