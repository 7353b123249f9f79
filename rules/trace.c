/* trace.c - keeps how rules stand in their files: a list of conditions for each rule. */
#include "trace.h"

#include <string.h>

#include "diagnostic.h"
#include "var.h"

#define TEXT_MAX 240u /* bytes of a text; one that is longer is cut */

/* ------------------------------------------------------------------ text */

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The bytes from `start` on as one line: white space between values becomes one space. */
static size_t one_line(const struct file *file, size_t start, size_t end, char out[TEXT_MAX + 4])
{
    size_t used = 0;
    bool in_string = false;

    for (size_t at = start; at < end; at++) {
        char c = file->text[at];

        if (used == TEXT_MAX) {
            while (used > 0 && ((unsigned char)file->text[at] & 0xc0) == 0x80) {
                at--;
                used--;
            }
            for (unsigned dots = 0; dots < 3; dots++)
                out[used++] = '.';
            return used;
        }
        if (c == '"' && !in_string)
            in_string = true;
        else if (in_string && c == '\\' && used + 1 < TEXT_MAX)
            out[used++] = file->text[at++];
        else if (c == '"')
            in_string = false;
        if (!in_string && is_space(c)) {
            if (used > 0 && out[used - 1] != ' ')
                out[used++] = ' ';
            continue;
        }
        out[used++] = file->text[at];
    }
    return used;
}

static const char *text_of(struct load *l, const struct node *n)
{
    const struct file *file = pmr_file_of(l, n);
    char line[TEXT_MAX + 4];
    size_t len =
        one_line(file, n->key_start > 0 ? n->key_start : n->start, (size_t)n->start + n->len, line);

    return pmr_memory_copy(&l->rules->memory, line, len);
}

/* Where a variable stands: what it means, too. */
static const char *test_text(struct load *l, const struct node *n)
{
    const char *text = text_of(l, n), *meant = NULL;
    const struct node *value;

    if (!pmr_is_var(n) || text == NULL)
        return text;
    value = pmr_var_named(l, n);
    if (value != NULL) {
        const struct file *file = pmr_file_of(l, value);
        char line[TEXT_MAX + 4];
        size_t len = one_line(file, value->start, value->start + value->len, line);

        meant = pmr_text(&l->rules->memory, "%s = %.*s", text, (int)len, line);
    }
    return meant == NULL ? text : meant;
}

/* ------------------------------------------------------------------ conditions */

size_t pmr_trace_begin(struct load *l, enum pm_source_kind kind, const struct node *n)
{
    struct trace *trace = &l->rules->trace;
    struct pm_source_item *grown;

    if (!trace->is_open || l->rules->error_count > 0)
        return 0;
    grown = pmr_memory_grow(&l->rules->memory, trace->items, trace->item_count, &trace->item_cap,
                            sizeof *grown);
    if (grown == NULL)
        return 0;
    trace->items = grown;
    trace->items[trace->item_count] =
        (struct pm_source_item){.kind = kind,
                                .size = 1,
                                .line = pmr_line_of(l, n),
                                .text = kind == PM_SOURCE_TEST ? test_text(l, n) : NULL};
    return trace->item_count++;
}

void pmr_trace_test(struct load *l, size_t index, enum pm_field field)
{
    if (l->rules->trace.is_open && index < l->rules->trace.item_count)
        l->rules->trace.items[index].field = field;
}

void pmr_trace_end(struct load *l, size_t index, pm_cond_id cond)
{
    struct trace *trace = &l->rules->trace;

    if (!trace->is_open || index >= trace->item_count)
        return;
    trace->items[index].cond = cond;
    trace->items[index].size = (uint32_t)(trace->item_count - index);
}

/* ------------------------------------------------------------------ rules */

void pmr_trace_rule(struct load *l, const struct node *rule)
{
    static const char *const keys[PM_SOURCE_MODIFIERS] = {"when", "sample", "count", "limit"};
    struct trace *trace = &l->rules->trace;
    struct pm_source_rule *grown, *made;

    if (!trace->is_kept || l->rules->error_count > 0)
        return;
    grown = pmr_memory_grow(&l->rules->memory, trace->rules, trace->rule_count, &trace->rule_cap,
                            sizeof *grown);
    if (grown == NULL)
        return;
    trace->rules = grown;
    trace->is_open = true;
    made = &trace->rules[trace->rule_count++];
    *made = (struct pm_source_rule){.file = pmr_file_of(l, rule)->path,
                                    .line = pmr_line_of(l, rule),
                                    .item_count = trace->item_count};
    for (size_t i = 0; i < PM_SOURCE_MODIFIERS; i++) {
        const struct node *n = pmr_node_get(rule, keys[i]);

        if (n != NULL)
            made->modifiers[i] = text_of(l, n);
    }
}

void pmr_trace_rule_end(struct load *l, const char *id, bool is_enabled)
{
    struct trace *trace = &l->rules->trace;
    struct pm_source_rule *rule;

    if (trace->rule_count == 0)
        return;
    trace->is_open = false;
    rule = &trace->rules[trace->rule_count - 1];
    rule->id = pmr_memory_copy(&l->rules->memory, id, strlen(id));
    rule->is_enabled = is_enabled;
    rule->rule = trace->enabled;
    trace->enabled += is_enabled;
}

/* Until now item_count is where the rule's items begin: the list could move while it grew. */
void pmr_trace_finish(struct load *l)
{
    struct trace *trace = &l->rules->trace;

    for (size_t i = 0; i < trace->rule_count; i++) {
        size_t begin = trace->rules[i].item_count;
        size_t end = i + 1 < trace->rule_count ? trace->rules[i + 1].item_count : trace->item_count;

        trace->rules[i].items = trace->items + begin;
        trace->rules[i].item_count = end - begin;
    }
}

size_t pm_rules_source_count(const struct pm_rules *rules)
{
    return rules->policy == NULL ? 0 : rules->trace.rule_count;
}

const struct pm_source_rule *pm_rules_source(const struct pm_rules *rules, size_t index)
{
    return index < pm_rules_source_count(rules) ? &rules->trace.rules[index] : NULL;
}
