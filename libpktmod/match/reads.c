/* reads.c - walks the tests of a condition; the contract is in reads.h. */
#include "match/reads.h"

#include "match/condtree.h"

static bool is_behind_headers(uint8_t field)
{
    return field == PM_FIELD_PAYLOAD || field == PM_FIELD_STREAM || field == PM_FIELD_BPF ||
           (field >= PM_FIELD_DNS_RESPONSE && field <= PM_FIELD_DNS_AAAA);
}

bool pm_cond_reads_payload(const struct pm_conds *c, pm_cond_id cond)
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
        bool is_leaf = node->kind == PM_NODE_TEST || node->kind == PM_NODE_PRESENT;
        if (is_leaf && is_behind_headers(node->field))
            return true;
        if (!is_leaf && node->count > 0)
            stack[depth++] = (struct level){pm_node_kids(node), pm_node_kids(node) + node->count};
    }
    return false;
}
