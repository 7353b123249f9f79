/* splice.c - inserts and deletes of ranges, made from their spec. */
#include <stdlib.h>
#include <string.h>

#include "engine/policy.h"

const char *pm_splice_fault(const struct pm_op_spec *spec)
{
    if (spec->kind == PM_OP_INSERT)
        return spec->insert.len == 0 ? "an insert needs at least one byte" : NULL;
    if (spec->delete.len == 0)
        return "a delete needs a range of at least one byte";
    return spec->delete.len > UINT64_MAX - spec->delete.offset ? "a range ends beyond all numbers"
                                                               : NULL;
}

bool pm_splice_init(struct pm_splice *splice, const struct pm_op_spec *spec)
{
    if (spec->kind == PM_OP_DELETE) {
        *splice = (struct pm_splice){.offset = spec->delete.offset,
                                     .end = spec->delete.offset + spec->delete.len,
                                     .where = spec->delete.where};
        return true;
    }
    *splice =
        (struct pm_splice){.is_insert = true,
                           .at = spec->insert.at,
                           .offset = spec->insert.at == PM_AT_OFFSET ? spec->insert.offset : 0,
                           .bytes = malloc(spec->insert.len),
                           .len = spec->insert.len,
                           .where = spec->insert.where};
    if (splice->bytes)
        memcpy(splice->bytes, spec->insert.bytes, spec->insert.len);
    return splice->bytes;
}

void pm_splice_release(struct pm_splice *splice)
{
    free(splice->bytes);
}
