/* textset.h - many strings, asked whether one of them is exactly this text. */
#ifndef PM_MATCH_TEXTSET_H
#define PM_MATCH_TEXTSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pm_text {
    size_t off; /* in bytes */
    uint32_t len;
    bool nocase;            /* ASCII letters only */
    uint32_t offset, depth; /* as in a BYTES value; sets of patterns heed them */
};

struct pm_textset {
    uint8_t *bytes;
    size_t bytes_len, bytes_cap;
    struct pm_text *texts;
    uint32_t count, cap;
    uint32_t *slots; /* 0: empty, else index + 1 */
    uint32_t slot_mask;
};

/* text->off is filled in. False: no memory, or more texts than can be counted. */
bool pm_textset_put(struct pm_textset *set, const uint8_t *bytes, const struct pm_text *text);
/* Makes the table that pm_textset_has reads. False: no memory. */
bool pm_textset_seal(struct pm_textset *set);
/* Leaves out texts that came before, and gives back what room is left. False: no memory. */
bool pm_textset_unite(struct pm_textset *set);
bool pm_textset_has(const struct pm_textset *set, const uint8_t *bytes, size_t len);
void pm_textset_release(struct pm_textset *set);

#endif
