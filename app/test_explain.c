/* test_explain.c - brings together, frame by frame, what differs in summary and capture. */
#include "app/test_explain.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "app/test_difference.h"

/* A text by lines; `head` of them are of frames, one each behind the heading. */
struct lines {
    const char **at;
    int *len;
    size_t count, frames;
};

struct teller {
    const struct pm_explain *explain;
    FILE *text;
    struct lines expected, got;
    struct pm_differences differences;
    unsigned told;
    bool is_unreadable;     /* what is expected is no capture, or ends early */
    uint64_t untold, first; /* first: of the frames that differ */
};

/* ------------------------------------------------------------------ lines */

static bool split(struct lines *lines, const char *text)
{
    size_t cap = 1;
    for (const char *p = text; *p != '\0'; p++)
        cap += *p == '\n';
    *lines = (struct lines){.at = calloc(cap, sizeof *lines->at),
                            .len = calloc(cap, sizeof *lines->len)};
    if (lines->at == NULL || lines->len == NULL)
        return false;
    while (*text != '\0') {
        size_t len = strcspn(text, "\n");
        lines->at[lines->count] = text;
        lines->len[lines->count++] = (int)len;
        text += len + (text[len] == '\n');
    }
    while (lines->frames + 1 < lines->count && lines->len[lines->frames + 1] > 0)
        lines->frames++;
    return true;
}

static void free_lines(struct lines *lines)
{
    free(lines->at);
    free(lines->len);
}

static bool is_same_line(const struct lines *a, size_t a_at, const struct lines *b, size_t b_at)
{
    return a->len[a_at] == b->len[b_at] &&
           memcmp(a->at[a_at], b->at[b_at], (size_t)a->len[a_at]) == 0;
}

/* Whether the summaries say different things of a frame. */
static bool line_differs(const struct teller *t, uint64_t frame)
{
    if (t->explain->summary == NULL)
        return false;
    bool has_e = frame <= t->expected.frames, has_g = frame <= t->got.frames;
    return has_e != has_g ||
           (has_e && !is_same_line(&t->expected, (size_t)frame, &t->got, (size_t)frame));
}

/* ------------------------------------------------------------------ a frame */

/* Without the number at its beginning. */
static void print_line(FILE *text, const char *before, const struct lines *lines, uint64_t frame)
{
    if (frame > lines->frames) {
        fprintf(text, "  %-9sno such frame\n", before);
        return;
    }
    const char *line = lines->at[frame];
    size_t skipped = strspn(line, " ");
    skipped += strspn(line + skipped, "0123456789");
    skipped += strspn(line + skipped, " ");
    fprintf(text, "  %-9s%.*s\n", before, lines->len[frame] - (int)skipped, line + skipped);
}

static void print_head(const struct teller *t, uint64_t frame)
{
    if (frame == 0)
        fputs("no frame of the input:\n", t->text);
    else if (line_differs(t, frame)) {
        fprintf(t->text, "frame %" PRIu64 "\n", frame);
        print_line(t->text, "expected", &t->expected, frame);
        print_line(t->text, "got", &t->got, frame);
    } else {
        fprintf(t->text, "frame %" PRIu64 "\n", frame);
        print_line(t->text, "as is", &t->got, frame);
    }
}

static void print_difference(FILE *text, const struct pm_difference *difference)
{
    const char *p = pm_text_of(&difference->text);
    while (*p != '\0') {
        size_t len = strcspn(p, "\n");
        fprintf(text, "  %.*s\n", (int)len, p);
        p += len + (p[len] == '\n');
    }
    if (difference->also.len > 0)
        fprintf(text, "  and differs in %s\n", pm_text_of(&difference->also));
    if (difference->follows.len > 0)
        fprintf(text, "  follows: %s\n", pm_text_of(&difference->follows));
    if (difference->later > 0)
        fprintf(text, "  follows: the numbers of %" PRIu64 " later packet%s of the connection\n",
                difference->later, difference->later == 1 ? "" : "s");
}

/* Frames in order, each with its lines and its packets; they end where both lists do. */
static void tell_frames(struct teller *t)
{
    const struct pm_differences *differences = &t->differences;
    size_t most = t->expected.frames > t->got.frames ? t->expected.frames : t->got.frames;
    size_t at = 0;
    for (uint64_t frame = 0; frame <= most; frame++) {
        size_t end = at;
        while (end < differences->count && differences->list[end].frame == frame)
            end++;
        bool line = frame > 0 && line_differs(t, frame) && !pm_differences_fold(differences, frame);
        if (end == at && !line)
            continue;
        if (t->told == t->explain->most) {
            t->untold++;
            at = end;
            continue;
        }
        if (t->told++ == 0)
            t->first = frame;
        print_head(t, frame);
        for (; at < end; at++)
            print_difference(t->text, &differences->list[at]);
    }
    if (t->untold > 0)
        fprintf(t->text, "and %" PRIu64 " more frame%s\n", t->untold, t->untold == 1 ? "" : "s");
}

/* ------------------------------------------------------------------ behind the frames */

static bool stands_in(const struct lines *lines, const struct lines *other, size_t at)
{
    for (size_t i = lines->frames + 1; i < lines->count; i++)
        if (is_same_line(lines, i, other, at))
            return true;
    return false;
}

/* Counts differ where frames do; only alone they say something new. */
static void tell_counts(struct teller *t)
{
    const struct lines *both[2] = {&t->expected, &t->got};
    static const char *const words[2] = {"expected", "got"};
    unsigned printed = 0;
    for (unsigned side = 0; side < 2; side++)
        for (size_t i = both[side]->frames + 1; i < both[side]->count; i++)
            if (!stands_in(both[1 - side], both[side], i) && printed++ < t->explain->most)
                fprintf(t->text, "  %-9s%.*s\n", words[side], both[side]->len[i],
                        both[side]->at[i]);
    if (printed == 0)
        fputs("the summary differs in its form\n", t->text);
    t->told++;
}

static void tell_next(const struct teller *t)
{
    const struct pm_case *c = t->explain->c;
    const struct pm_replay_options *options = &t->explain->run->options;
    if (t->explain->is_update)
        return;
    if (t->first > 0)
        fprintf(t->text, "next: pktmod explain %s -r %s --frame %" PRIu64, c->rules, c->in,
                t->first);
    else
        fprintf(t->text, "next: pktmod replay %s -r %s -w OUT", c->rules, c->in);
    if (options->view != PM_VIEW_REWRITTEN)
        fprintf(t->text, " --view %s", pm_view_name(options->view));
    if (options->checksums != PM_CHECKSUMS_AUTO)
        fprintf(t->text, " --checksums %s", pm_checksums_name(options->checksums));
    if (options->mtu != 1500)
        fprintf(t->text, " --mtu %" PRIu32, options->mtu);
    if (options->seed != 0)
        fprintf(t->text, " --seed %" PRIu64, options->seed);
    fprintf(t->text, "\n      pktmod test --update %s   if this is as it should be\n", c->folder);
}

/* The first line is what lists of results show. */
static void tell_gist(const struct teller *t, FILE *text)
{
    const struct pm_explain *explain = t->explain;
    uint64_t frames = t->told + t->untold;
    if (explain->run->name[0] != '\0')
        fprintf(text, "run %s: ", explain->run->name);
    if (t->is_unreadable)
        fprintf(text, "%s cannot be read\n", explain->out_name);
    else if (t->first > 0 && frames > 1)
        fprintf(text, "%" PRIu64 " frames differ, the first is %" PRIu64 "\n", frames, t->first);
    else if (t->first > 0)
        fprintf(text, "frame %" PRIu64 " differs\n", t->first);
    else
        fputs("something else came out\n", text);
    fprintf(text, "it shows: %s\n", explain->c->shows);
}

/* ------------------------------------------------------------------ the whole */

/* False: no memory. */
static bool compare_captures(struct teller *t)
{
    const struct pm_explain *explain = t->explain;
    const struct pm_sink *sink = &explain->result->writer.sink;
    struct pm_packets expected = {0}, got = {0};
    if (explain->out == NULL)
        return true;
    struct pm_capture *e = pm_capture_open_bytes(explain->out_name, explain->out, explain->out_len);
    struct pm_capture *g = pm_capture_open_bytes("out", sink->buffer, sink->len);
    bool good = e != NULL && g != NULL && pm_packets_read(&expected, e) && pm_packets_read(&got, g);
    const char *damage = good ? pm_capture_error(e) : NULL;
    if (damage != NULL) {
        fprintf(t->text, "%s/%s\n", explain->c->folder, damage);
        t->is_unreadable = true;
    } else if (good) {
        pm_differences_find(&t->differences, explain->c, &explain->result->summary, &expected,
                            &got);
        good = !t->differences.no_memory;
    }
    pm_packets_free(&expected);
    pm_packets_free(&got);
    pm_capture_close(e);
    pm_capture_close(g);
    return good;
}

static void tell_all(struct teller *t)
{
    const struct pm_explain *explain = t->explain;
    bool summary_differs = explain->summary != NULL &&
                           strcmp(explain->summary, pm_text_of(&explain->result->text)) != 0;
    bool is_out_excused = explain->c->ignored_count > 0 && !t->differences.is_around;
    tell_frames(t);
    if (t->told == 0 && summary_differs)
        tell_counts(t);
    if (t->told == 0 && explain->out != NULL && !is_out_excused && !t->is_unreadable) {
        fprintf(t->text, "%s: every packet is as expected, but not %s\n", explain->out_name,
                t->differences.is_around ? "the file's header or blocks around them"
                                         : "the order of what stands around them");
        t->told++;
    }
}

bool pm_explain(const struct pm_explain *explain, FILE *text)
{
    char *bytes = NULL;
    size_t len = 0;
    FILE *memory = open_memstream(&bytes, &len);
    if (memory == NULL)
        return true;
    struct teller t = {.explain = explain, .text = memory};
    bool good = split(&t.expected, explain->summary == NULL ? "" : explain->summary) &&
                split(&t.got, pm_text_of(&explain->result->text)) && compare_captures(&t);
    if (good)
        tell_all(&t);
    else
        fputs("no memory to compare\n", memory);
    bool differs = !good || t.told > 0 || t.is_unreadable;
    if (differs)
        tell_next(&t);
    fclose(memory);
    if (differs) {
        tell_gist(&t, text);
        fwrite(bytes, 1, len, text);
    }
    free(bytes);
    pm_differences_free(&t.differences);
    free_lines(&t.expected);
    free_lines(&t.got);
    return differs;
}

void pm_explain_findings(const struct pm_verify_findings *findings, const struct pm_case *c,
                         const struct pm_case_run *run, bool is_folded, FILE *text)
{
    if (run->name[0] != '\0')
        fprintf(text, "run %s: ", run->name);
    fprintf(text, "what leaves is not coherent: %" PRIu64 " finding%s of pktmod verify\n",
            findings->findings, findings->findings == 1 ? "" : "s");
    if (is_folded)
        return;
    for (size_t i = 0; i < findings->shown_count; i++) {
        const struct pm_verify_shown *shown = &findings->shown[i];
        if (shown->is_note)
            continue;
        fprintf(text, "  %s", pm_verify_finding_name(shown->finding));
        if (shown->frame > 0)
            fprintf(text, ", packet %" PRIu64 " of the output", shown->frame);
        fprintf(text, ", %s: %s\n", shown->flow, shown->text);
    }
    fprintf(text, "next: pktmod replay %s -r %s -w OUT; pktmod verify OUT --baseline %s\n",
            c->rules, c->in, c->in);
}
