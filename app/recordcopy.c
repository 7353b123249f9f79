/* recordcopy.c - copies a record with its bytes, and turns its pointers to the copy. */
#include "app/recordcopy.h"

#include <stdlib.h>
#include <string.h>

bool pm_record_copy_take(struct pm_record_copy *copy, const struct pm_record *record)
{
    copy->record.frame = 0;
    if (record->raw_len > copy->cap) {
        uint8_t *grown = realloc(copy->raw, (size_t)record->raw_len * 2);
        if (grown == NULL)
            return false;
        copy->raw = grown;
        copy->cap = (size_t)record->raw_len * 2;
    }
    memcpy(copy->raw, record->raw, record->raw_len);
    copy->record = *record;
    copy->record.raw = copy->raw;
    copy->record.data = copy->raw + (record->data - record->raw);
    if (record->options != NULL)
        copy->record.options = copy->raw + (record->options - record->raw);
    return true;
}

void pm_record_copy_free(struct pm_record_copy *copy)
{
    free(copy->raw);
    *copy = (struct pm_record_copy){.raw = NULL};
}
