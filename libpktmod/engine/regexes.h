/* regexes.h - the regexes of one search: each has a cursor at its next find. */
#ifndef PM_ENGINE_REGEXES_H
#define PM_ENGINE_REGEXES_H

#include "engine/rewriter.h"

/* Replacements of one search; an edit for which there is no room is left out. */
#define PM_EXPANDED (256u << 10)

struct pm_cursor {
    uint32_t op;
    enum pm_regex_answer answer;
    struct pm_regex_text text; /* the bytes that the op looks at */
    size_t base;               /* where they begin in those of the search */
    size_t reach;              /* no find begins at or behind this */
    struct pm_regex_hit hit;
};

/* What a rewriter has for them; nothing where the policy has no regex. */
struct pm_regexes {
    struct pm_regex_room *room;
    struct pm_cursor *cursors; /* of those looked for, in order of their ops */
    uint32_t count;
    struct pm_span *groups; /* of all cursors */
    uint8_t *expanded;
    size_t expanded_len;
};

size_t pm_regexes_footprint(const struct pm_policy *policy);
bool pm_regexes_init(struct pm_rewriter *r);
void pm_regexes_release(struct pm_rewriter *r);

/* Sets the cursors of the selected rules' regexes to their first finds. */
void pm_regexes_begin(struct pm_rewriter *r, const struct pm_passage *p,
                      const struct pm_search *search);
/* The cursor whose find comes first, unfinished ones included; NULL: there is none. */
struct pm_cursor *pm_regexes_first(struct pm_rewriter *r);
/* Moves a cursor to its next find at or behind position. */
void pm_regexes_move(struct pm_rewriter *r, struct pm_cursor *cursor, size_t position);
/* What the cursor's find becomes: edit->with and new_len. False: no room. */
bool pm_regexes_expand(struct pm_rewriter *r, const struct pm_cursor *cursor,
                       struct pm_plan_edit *edit);

/* Fills what was expanded last up to old_len. False: no room. */
bool pm_regexes_pad(struct pm_rewriter *r, struct pm_plan_edit *edit, uint8_t pad);

static inline size_t pm_cursor_position(const struct pm_cursor *cursor)
{
    return cursor->base + cursor->hit.position;
}

#endif
