/* explain_packet.c - packets that are described on the command line: read by the loader of rule
 * files, as a test in one. */
#include "app/explain_packet.h"

#include <stdlib.h>
#include <string.h>

#include "app/command.h"
#include "app/ruletest_plan.h"
#include "app/text.h"
#include "rules/ruletest.h"

/* The text stands on lines of its own, from the second on. */
static const char before[] = "{\"pktmod\":1,\"rules\":[{\"id\":\"r\",\"match\":{},\"verdict\":"
                             "\"allow\"}],\"tests\":[{\"name\":\"t\",\"packets\":";
static const char behind[] = ",\"expect\":{\"rules\":{\"r\":{\"hits\":{\"ge\":0}}}}}]}";

static void complain(const struct pm_rules *rules)
{
    for (size_t i = 0; i < pm_rules_diagnostic_count(rules); i++) {
        const struct pm_diagnostic *d = pm_rules_diagnostic(rules, i);
        pm_complain(PM_EXIT_BAD_INPUT, "explain: --packet:%zu:%zu: %s%s%s",
                    d->line > 1 ? d->line - 1 : 1, d->line > 1 ? d->column : 1, d->message,
                    d->suggestion == NULL ? "" : "; ", d->suggestion == NULL ? "" : d->suggestion);
        if (d->source_line != NULL && d->line > 1)
            fprintf(stderr, "   %s\n   %*s^\n", d->source_line, (int)d->source_column - 1, "");
    }
}

static struct pm_capture *capture_of(const struct pm_ruletest *test)
{
    const struct pm_ruletest_plan plan = pm_ruletest_plan_at(test, 0);
    struct pm_packetlist list = {.items = NULL};
    struct pm_capture *capture = NULL;
    uint32_t isn[2];
    size_t len = 0;
    uint8_t *bytes = NULL;
    if (pm_ruletest_packets(test, &plan, &list, isn))
        bytes = pm_packetlist_file(&list, true, &len);
    if (bytes != NULL)
        capture = pm_capture_open_bytes("--packet", bytes, len);
    if (capture == NULL)
        pm_complain(PM_EXIT_INTERNAL, "explain: --packet: its bytes could not be made");
    free(bytes);
    pm_packetlist_free(&list);
    return capture;
}

struct pm_capture *pm_explain_packets(const char *text, size_t *count)
{
    bool is_list = text[strspn(text, " \t\r\n")] == '[';
    struct pm_text file = {.at = NULL};
    struct pm_rules *rules = NULL;
    struct pm_capture *capture = NULL;
    pm_text_add(&file, "%s%s\n%s\n%s%s", before, is_list ? "" : "[", text, is_list ? "" : "]",
                behind);
    if (!file.no_memory)
        rules = pm_rules_load_text(NULL, file.at, file.len);
    if (rules == NULL) {
        pm_complain(PM_EXIT_INTERNAL, "explain: no memory");
    } else if (pm_rules_test_count(rules) == 0) {
        complain(rules);
    } else {
        *count = pm_rules_test(rules, 0)->packet_count;
        capture = capture_of(pm_rules_test(rules, 0));
    }
    pm_rules_free(rules);
    pm_text_free(&file);
    return capture;
}
