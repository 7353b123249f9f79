/* html_edits.c - keeps edits for the page; the contract is in html_edits.h. */
#include "app/html_edits.h"

#include <stdlib.h>
#include <string.h>

#define BEFORE_CHANGE 16u /* bytes that are shown before the first that differs */

bool pm_html_edits_init(struct pm_html_edits *edits, size_t rule_count)
{
    *edits = (struct pm_html_edits){
        .list = calloc(PM_HTML_EDITS, sizeof *edits->list),
        .of_rule = calloc(rule_count + 1, sizeof *edits->of_rule),
    };
    return edits->list != NULL && edits->of_rule != NULL;
}

void pm_html_edits_free(struct pm_html_edits *edits)
{
    free(edits->list);
    free(edits->of_rule);
    *edits = (struct pm_html_edits){0};
}

struct pm_html_common pm_html_common_of(const uint8_t *a, size_t a_len, const uint8_t *b,
                                        size_t b_len)
{
    uint32_t least = (uint32_t)(a_len < b_len ? a_len : b_len);
    struct pm_html_common common = {0, 0};
    while (common.same_before < least && a[common.same_before] == b[common.same_before])
        common.same_before++;
    while (common.same_after < least - common.same_before &&
           a[a_len - 1 - common.same_after] == b[b_len - 1 - common.same_after])
        common.same_after++;
    return common;
}

static uint32_t keep(uint8_t into[PM_HTML_EDIT_BYTES], const uint8_t *bytes, uint32_t len,
                     uint32_t skipped)
{
    uint32_t left = len - skipped;
    uint32_t kept = left < PM_HTML_EDIT_BYTES ? left : PM_HTML_EDIT_BYTES;
    if (kept > 0)
        memcpy(into, bytes + skipped, kept);
    return kept;
}

void pm_html_edits_add(struct pm_html_edits *edits, const struct pm_html_edit *about,
                       const struct pm_edit_note *note)
{
    if (about->is_dry)
        edits->dry++;
    else
        edits->total++;
    if (edits->count == PM_HTML_EDITS || edits->of_rule[note->rule] == PM_HTML_EDITS_RULE)
        return;
    struct pm_html_edit *edit = &edits->list[edits->count++];
    edits->of_rule[note->rule]++;
    *edit = *about;
    edit->rule = note->rule;
    edit->op = note->op;
    edit->offset = note->offset;
    edit->old_len = note->old_len;
    edit->new_len = note->new_len;
    uint32_t same =
        pm_html_common_of(note->old_bytes, note->old_len, note->new_bytes, note->new_len)
            .same_before;
    bool is_long = note->old_len > PM_HTML_EDIT_BYTES || note->new_len > PM_HTML_EDIT_BYTES;
    edit->skipped = is_long && same > BEFORE_CHANGE ? same - BEFORE_CHANGE : 0;
    edit->old_kept = keep(edit->old_bytes, note->old_bytes, note->old_len, edit->skipped);
    edit->new_kept = keep(edit->new_bytes, note->new_bytes, note->new_len, edit->skipped);
}
