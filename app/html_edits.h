/* html_edits.h - the first edits of a run with their bytes, so many of a rule and so many in all.
 *
 * A rule that edits every packet must not hide the others, so each may fill a part of the room
 * only. What is not kept is counted.
 */
#ifndef PKTMOD_APP_HTML_EDITS_H
#define PKTMOD_APP_HTML_EDITS_H

#include <pktmod/pktmod.h>

#define PM_HTML_EDITS      200u
#define PM_HTML_EDITS_RULE 40u
#define PM_HTML_EDIT_BYTES 64u

/* Up to PM_HTML_EDIT_BYTES of the bytes before and after, from `skipped` on: where they begin to
 * differ is among them. */
struct pm_html_edit {
    uint64_t frame, now_ns, offset;
    uint32_t rule, op;
    enum pm_dir dir;
    bool is_header; /* offset is in the packet, op says nothing */
    bool is_late;   /* bytes that waited */
    bool is_dry;    /* a dry-run rule would have made it */
    uint32_t old_len, new_len, skipped;
    uint32_t old_kept, new_kept;
    uint8_t old_bytes[PM_HTML_EDIT_BYTES], new_bytes[PM_HTML_EDIT_BYTES];
};

struct pm_html_edits {
    struct pm_html_edit *list; /* PM_HTML_EDITS of them, as they came */
    uint32_t count;
    uint32_t *of_rule; /* kept, by rule */
    uint64_t total;    /* kept or not; without dry ones */
    uint64_t dry;      /* of dry-run rules, kept or not */
};

/* False: no memory. */
bool pm_html_edits_init(struct pm_html_edits *edits, size_t rule_count);
void pm_html_edits_free(struct pm_html_edits *edits);

/* What is known of an edit beside its bytes: frame, now_ns, dir, is_header, is_late, is_dry. `note`
 * has the rest. */
void pm_html_edits_add(struct pm_html_edits *edits, const struct pm_html_edit *about,
                       const struct pm_edit_note *note);

/* The part that changed: the first `same_before` and the last `same_after` bytes of both are the
 * same. */
struct pm_html_common {
    uint32_t same_before, same_after;
};
struct pm_html_common pm_html_common_of(const uint8_t *a, size_t a_len, const uint8_t *b,
                                        size_t b_len);

#endif
