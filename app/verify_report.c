/* verify_report.c - what verify found, in words and as JSON. The names in it are a promise. */
#include <inttypes.h>

#include "app/json.h"
#include "app/verify.h"

static void print_shown(const struct pm_verify_shown *shown, FILE *out, bool is_coloured)
{
    const char *on = !is_coloured ? "" : shown->is_note ? "\033[2m" : "\033[1;31m";
    const char *off = is_coloured ? "\033[0m" : "";
    char frame[32] = "at the end";
    if (shown->frame > 0)
        snprintf(frame, sizeof frame, "frame %" PRIu64, shown->frame);
    fprintf(out, "%-12s %s%s%s %s%s\n", frame, on, shown->is_note ? "note " : "",
            pm_verify_finding_name(shown->finding), off, shown->flow);
    fprintf(out, "%-12s   %s\n", "", shown->text);
}

static void print_counts(const struct pm_verify_findings *findings, bool notes, FILE *out)
{
    uint64_t total = notes ? findings->notes : findings->findings;
    fprintf(out, "%-9s %" PRIu64, notes ? "notes" : "findings", total);
    const char *before = ": ";
    for (unsigned i = 0; i < PM_VERIFY_FINDING_COUNT; i++) {
        enum pm_verify_finding finding = (enum pm_verify_finding)i;
        bool is_note = pm_verify_finding_is_note(finding) && !findings->is_strict;
        if (findings->count[i] == 0 || is_note != notes)
            continue;
        fprintf(out, "%s%" PRIu64 " %s", before, findings->count[i],
                pm_verify_finding_name(finding));
        before = ", ";
    }
    fputc('\n', out);
}

void pm_verify_report(const struct pm_verify *verify, FILE *out, bool is_coloured)
{
    const struct pm_verify_options *options = verify->options;
    const struct pm_verify_findings *findings = &verify->findings;
    for (size_t i = 0; i < findings->shown_count; i++)
        print_shown(&findings->shown[i], out, is_coloured);
    if (findings->shown_count > 0)
        fputc('\n', out);
    fprintf(out, "capture   %s: %" PRIu64 " packets\n", options->out,
            verify->packets[PM_VERIFY_OUT]);
    if (options->baseline != NULL)
        fprintf(out, "baseline  %s: %" PRIu64 " packets\n", options->baseline,
                verify->packets[PM_VERIFY_IN]);
    fprintf(out, "flows     %zu\n", verify->flows.count);
    print_counts(findings, false, out);
    if (findings->notes > 0)
        print_counts(findings, true, out);
}

static void put_counts(struct pm_json *json, const struct pm_verify_findings *findings, bool notes)
{
    pm_json_open(json, notes ? "notes" : "findings", '{');
    for (unsigned i = 0; i < PM_VERIFY_FINDING_COUNT; i++) {
        enum pm_verify_finding finding = (enum pm_verify_finding)i;
        bool is_note = pm_verify_finding_is_note(finding) && !findings->is_strict;
        if (findings->count[i] > 0 && is_note == notes)
            pm_json_uint(json, pm_verify_finding_name(finding), findings->count[i]);
    }
    pm_json_close(json, '}');
}

static void put_shown(struct pm_json *json, const struct pm_verify_shown *shown)
{
    pm_json_open(json, NULL, '{');
    pm_json_text(json, "severity", shown->is_note ? "note" : "finding");
    pm_json_text(json, "name", pm_verify_finding_name(shown->finding));
    pm_json_text(json, "meaning", pm_verify_finding_meaning(shown->finding));
    if (shown->frame > 0)
        pm_json_uint(json, "frame", shown->frame);
    pm_json_text(json, "flow", shown->flow);
    pm_json_text(json, "text", shown->text);
    pm_json_close(json, '}');
}

void pm_verify_report_json(const struct pm_verify *verify, FILE *out)
{
    const struct pm_verify_findings *findings = &verify->findings;
    struct pm_json json = {.out = out};
    pm_json_open(&json, NULL, '{');
    pm_json_text(&json, "result", findings->findings > 0 ? "incoherent" : "coherent");
    pm_json_text(&json, "capture", verify->options->out);
    pm_json_uint(&json, "packets", verify->packets[PM_VERIFY_OUT]);
    pm_json_text(&json, "baseline", verify->options->baseline);
    if (verify->options->baseline != NULL)
        pm_json_uint(&json, "baseline_packets", verify->packets[PM_VERIFY_IN]);
    pm_json_uint(&json, "flows", verify->flows.count);
    put_counts(&json, findings, false);
    put_counts(&json, findings, true);
    pm_json_open(&json, "shown", '[');
    for (size_t i = 0; i < findings->shown_count; i++)
        put_shown(&json, &findings->shown[i]);
    pm_json_close(&json, ']');
    pm_json_close(&json, '}');
}
