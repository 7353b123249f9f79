/* verify_finding.c - counts what verify finds, and keeps the first of it in words. */
#include "app/verify_finding.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Notes are there to explain; a handful of them does. */
#define NOTES_SHOWN 5

static const struct {
    const char *name, *meaning;
} known[] = {
#define X(constant, name, meaning) {name, meaning},
    PM_VERIFY_FINDINGS(X)
#undef X
};

const char *pm_verify_finding_name(enum pm_verify_finding finding)
{
    return known[finding].name;
}

const char *pm_verify_finding_meaning(enum pm_verify_finding finding)
{
    return known[finding].meaning;
}

bool pm_verify_finding_is_note(enum pm_verify_finding finding)
{
    return finding >= PM_VERIFY_CAPTURE_LOSS;
}

bool pm_verify_findings_init(struct pm_verify_findings *findings, size_t shown_most, bool is_strict)
{
    *findings = (struct pm_verify_findings){.is_strict = is_strict, .shown_most = shown_most};
    findings->shown = calloc(shown_most + NOTES_SHOWN, sizeof *findings->shown);
    return findings->shown != NULL;
}

void pm_verify_findings_free(struct pm_verify_findings *findings)
{
    free(findings->shown);
    findings->shown = NULL;
}

static bool has_room(struct pm_verify_findings *findings, bool is_note)
{
    if (is_note)
        return findings->notes_shown < NOTES_SHOWN && ++findings->notes_shown > 0;
    return findings->shown_count - findings->notes_shown < findings->shown_most;
}

static void add(struct pm_verify_findings *findings, enum pm_verify_finding finding, uint64_t count,
                uint64_t frame, const char *flow, const char *format, va_list words)
    __attribute__((format(printf, 6, 0)));

static void add(struct pm_verify_findings *findings, enum pm_verify_finding finding, uint64_t count,
                uint64_t frame, const char *flow, const char *format, va_list words)
{
    bool is_note = pm_verify_finding_is_note(finding) && !findings->is_strict;
    findings->count[finding] += count;
    findings->findings += is_note ? 0 : count;
    findings->notes += is_note ? count : 0;
    if (!has_room(findings, is_note))
        return;
    struct pm_verify_shown *shown = &findings->shown[findings->shown_count++];
    shown->finding = finding;
    shown->is_note = is_note;
    shown->frame = frame;
    snprintf(shown->flow, sizeof shown->flow, "%s", flow);
    vsnprintf(shown->text, sizeof shown->text, format, words);
}

void pm_verify_findings_add(struct pm_verify_findings *findings, enum pm_verify_finding finding,
                            uint64_t frame, const char *flow, const char *format, ...)
{
    va_list words;
    va_start(words, format);
    add(findings, finding, 1, frame, flow, format, words);
    va_end(words);
}

void pm_verify_findings_add_many(struct pm_verify_findings *findings,
                                 enum pm_verify_finding finding, uint64_t count, uint64_t frame,
                                 const char *flow, const char *format, ...)
{
    va_list words;
    va_start(words, format);
    add(findings, finding, count, frame, flow, format, words);
    va_end(words);
}

static int by_frame(const void *a, const void *b)
{
    const struct pm_verify_shown *one = a, *other = b;
    uint64_t first = one->frame - 1, second = other->frame - 1;
    return first < second ? -1 : first > second;
}

void pm_verify_findings_sort(struct pm_verify_findings *findings)
{
    qsort(findings->shown, findings->shown_count, sizeof *findings->shown, by_frame);
}
