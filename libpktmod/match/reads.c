/* reads.c - walks the tests of a condition; the contract is in reads.h. */
#include "match/reads.h"

#include "match/field.h"

void pm_cond_visit_tests(const struct pm_conds *c, pm_cond_id cond, pm_test_visit_fn *visit,
                         void *context)
{
    struct level {
        const pm_cond_id *next, *end;
    } stack[PM_COND_DEPTH];
    const pm_cond_id root[1] = {cond};
    uint32_t depth = 1;
    stack[0] = (struct level){root, root + 1};
    while (depth > 0) {
        struct level *top = &stack[depth - 1];
        if (top->next == top->end) {
            depth--;
            continue;
        }
        const struct pm_node *node = pm_node_at(c, *top->next++);
        if (node->kind == PM_NODE_TEST || node->kind == PM_NODE_PRESENT)
            visit(context, node);
        else if (node->count > 0)
            stack[depth++] = (struct level){pm_node_kids(node), pm_node_kids(node) + node->count};
    }
}

static void note_behind_headers(void *context, const struct pm_node *node)
{
    enum pm_field field = (enum pm_field)node->field;
    *(bool *)context |= field == PM_FIELD_PAYLOAD || field == PM_FIELD_STREAM ||
                        field == PM_FIELD_BPF || pm_field_is_dns(field) ||
                        pm_field_is_hello(field) || pm_field_is_http(field);
}

bool pm_cond_reads_payload(const struct pm_conds *c, pm_cond_id cond)
{
    bool any = false;
    pm_cond_visit_tests(c, cond, note_behind_headers, &any);
    return any;
}

static void note_http(void *context, const struct pm_node *node)
{
    *(bool *)context |= pm_field_is_http((enum pm_field)node->field);
}

bool pm_cond_tests_http(const struct pm_conds *c, pm_cond_id cond)
{
    bool any = false;
    pm_cond_visit_tests(c, cond, note_http, &any);
    return any;
}
