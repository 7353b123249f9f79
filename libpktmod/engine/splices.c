/* splices.c - where inserts and range deletes stand; the contract is in splices.h. */
#include "engine/splices.h"

#include <stdlib.h>

size_t pm_splices_footprint(const struct pm_policy *policy)
{
    return policy->splice_count * sizeof(struct pm_splice_at);
}

bool pm_splices_init(struct pm_rewriter *r)
{
    if (r->policy->splice_count == 0)
        return true;
    r->splices.list = calloc(r->policy->splice_count, sizeof *r->splices.list);
    return r->splices.list;
}

void pm_splices_release(struct pm_rewriter *r)
{
    free(r->splices.list);
}

static bool is_in_stream(const struct pm_search *search, const struct pm_splice *splice)
{
    return search->in_stream && splice->where != PM_IN_PAYLOAD;
}

/* Where the text that the op counts in begins and ends, in numbers of that text: all of the
 * searched bytes, or those of the packet's payload. */
struct scope {
    uint64_t begin, end;
    size_t position; /* of begin in the searched bytes */
};

static struct scope scope_of(const struct pm_search *search, const struct pm_splice *splice)
{
    if (is_in_stream(search, splice))
        return (struct scope){search->stream_off, search->stream_off + search->len, 0};
    bool is_behind = search->payload_off >= 0;
    struct scope scope = {.begin = is_behind ? (uint64_t)search->payload_off : 0,
                          .position = is_behind ? 0 : (size_t)-search->payload_off};
    size_t len = search->payload_end > scope.position ? search->payload_end - scope.position : 0;
    scope.end = scope.begin + len;
    return scope;
}

/* False: it does not stand there. */
static bool find_insert(const struct pm_search *search, const struct pm_splice *splice,
                        const struct scope *scope, struct pm_splice_at *at)
{
    uint64_t offset = splice->offset;
    if (splice->at == PM_AT_END) {
        if (search->in_stream)
            return false; /* with the FIN; a segment has no end of its own */
        offset = scope->end;
    }
    bool is_behind = search->in_stream ? offset >= scope->end : offset > scope->end;
    if (offset < scope->begin || is_behind)
        return false;
    at->position = at->end = scope->position + (size_t)(offset - scope->begin);
    return true;
}

static bool find_delete(const struct pm_splice *splice, const struct scope *scope,
                        struct pm_splice_at *at)
{
    uint64_t first = splice->offset > scope->begin ? splice->offset : scope->begin;
    uint64_t end = splice->end < scope->end ? splice->end : scope->end;
    if (first >= end)
        return false;
    at->position = scope->position + (size_t)(first - scope->begin);
    at->end = scope->position + (size_t)(end - scope->begin);
    return true;
}

static void take(struct pm_rewriter *r, const struct pm_search *search, uint32_t index)
{
    const struct pm_splice *splice = &r->policy->ops[index].splice;
    bool sees = search->in_stream || pm_where_is_payload(splice->where);
    struct pm_splice_at at = {.op = index};
    struct scope scope = scope_of(search, splice);
    if (sees && (splice->is_insert ? find_insert(search, splice, &scope, &at)
                                   : find_delete(splice, &scope, &at)))
        r->splices.list[r->splices.count++] = at;
}

void pm_splices_begin(struct pm_rewriter *r, const struct pm_passage *p,
                      const struct pm_search *search)
{
    const struct pm_policy *policy = r->policy;
    r->splices.count = 0;
    for (uint32_t i = 0; i < p->selection.count; i++) {
        const struct pm_rule *rule = &policy->rules[p->selection.rules[i]];
        for (uint32_t j = 0; rule->splice_count > 0 && j < rule->op_count; j++) {
            enum pm_op_kind kind = policy->ops[rule->first_op + j].kind;
            if (kind == PM_OP_INSERT || kind == PM_OP_DELETE)
                take(r, search, rule->first_op + j);
        }
    }
}

static bool is_before(const struct pm_policy *policy, const struct pm_splice_at *a,
                      const struct pm_splice_at *b)
{
    if (a->position != b->position)
        return a->position < b->position;
    return policy->ops[a->op].splice.is_insert && !policy->ops[b->op].splice.is_insert;
}

struct pm_splice_at *pm_splices_first(struct pm_rewriter *r)
{
    struct pm_splice_at *first = NULL;
    for (uint32_t i = 0; i < r->splices.count; i++) {
        struct pm_splice_at *at = &r->splices.list[i];
        if (!at->is_done && (!first || is_before(r->policy, at, first)))
            first = at;
    }
    return first;
}

void pm_splices_skip(struct pm_rewriter *r, size_t position)
{
    for (uint32_t i = 0; i < r->splices.count; i++) {
        struct pm_splice_at *at = &r->splices.list[i];
        bool is_insert = r->policy->ops[at->op].splice.is_insert;
        if (at->position >= position)
            continue;
        at->position = position;
        at->is_done = at->is_done || is_insert || at->end <= position;
    }
}

bool pm_splice_ends(const struct pm_op *op, uint64_t len)
{
    const struct pm_splice *splice = &op->splice;
    if (op->kind != PM_OP_INSERT || splice->where == PM_IN_PAYLOAD)
        return false;
    return splice->at == PM_AT_END || splice->offset == len;
}
