/* regex.c - finding a regular expression (PCRE2) in bytes that others may follow. */
#include "match/regex.h"

#include <stdlib.h>
#include <string.h>

#include "match/pattern.h"

#define MATCH_LIMIT  50000u
#define DEPTH_LIMIT  2000u
#define COMPILED_MAX (1u << 20) /* bytes of a compiled pattern */

struct pm_regex {
    pcre2_code *code;
    uint32_t groups, shortest;
    bool asks_ahead;
    uint32_t reach; /* what can matter in front of an attempt; at least 1, for ^ and \A */
};

/* ------------------------------------------------------------------ compiling */

static bool refuse(struct pm_regex_fault *fault, size_t offset, const char *text)
{
    fault->offset = offset;
    memcpy(fault->text, text, strlen(text) + 1);
    return false;
}

static uint32_t info(const pcre2_code *code, uint32_t what)
{
    uint32_t value = 0;
    pcre2_pattern_info(code, what, &value);
    return value;
}

static bool is_right(const struct pm_regex_spec *spec, const pcre2_code *code,
                     struct pm_regex_fault *fault)
{
    size_t size = 0;
    pcre2_pattern_info(code, PCRE2_INFO_SIZE, &size);
    if (size > COMPILED_MAX)
        return refuse(fault, 0, "too large");
    if (info(code, PCRE2_INFO_MATCHEMPTY))
        return refuse(fault, 0, "it matches nothing at all, which is everywhere");
    if (info(code, PCRE2_INFO_MAXLOOKBEHIND) > PM_REGEX_LOOK_BEHIND_MAX)
        return refuse(fault, 0, "it looks behind by more than 32 bytes");
    if (spec->in_stream && info(code, PCRE2_INFO_BACKREFMAX) > 0)
        return refuse(fault, 0, "what compares with a group is not available in a stream");
    return pm_pattern_check(spec, fault);
}

/* Looks for the signs anywhere, quoted ones too. */
static bool asks_ahead(const uint8_t *pattern, size_t len)
{
    static const char *const signs[] = {
        "$", "\\b", "\\B", "\\z", "\\Z", "(?=", "(?!", "(*", "(?*", "[[:<:]]", "[[:>:]]"};
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++)
        for (size_t at = 0, size = strlen(signs[i]); at + size <= len; at++)
            if (memcmp(pattern + at, signs[i], size) == 0)
                return true;
    return false;
}

struct pm_regex *pm_regex_new(const struct pm_regex_spec *spec, struct pm_regex_fault *fault)
{
    *fault = (struct pm_regex_fault){.offset = 0};
    if (spec->len > PM_REGEX_PATTERN_MAX) {
        refuse(fault, PM_REGEX_PATTERN_MAX, "a pattern has at most 4096 bytes");
        return NULL;
    }
    struct pm_regex *regex = calloc(1, sizeof *regex);
    if (!regex)
        return NULL;
    regex->code = pm_pattern_compile(spec, 0, fault);
    if (!regex->code || !is_right(spec, regex->code, fault)) {
        pm_regex_free(regex);
        return NULL;
    }
    regex->asks_ahead = asks_ahead(spec->pattern, spec->len);
    regex->reach = info(regex->code, PCRE2_INFO_MAXLOOKBEHIND) + 1;
    regex->groups = info(regex->code, PCRE2_INFO_CAPTURECOUNT);
    regex->shortest = info(regex->code, PCRE2_INFO_MINLENGTH);
    return regex;
}

void pm_regex_free(struct pm_regex *regex)
{
    if (!regex)
        return;
    pcre2_code_free(regex->code);
    free(regex);
}

bool pm_regex_asks_ahead(const struct pm_regex *regex)
{
    return regex->asks_ahead;
}

uint32_t pm_regex_groups(const struct pm_regex *regex)
{
    return regex->groups;
}

uint32_t pm_regex_shortest(const struct pm_regex *regex)
{
    return regex->shortest;
}

int pm_regex_group(const struct pm_regex *regex, const char *name)
{
    int number = pcre2_substring_number_from_name(regex->code, (PCRE2_SPTR)name);
    if (number == PCRE2_ERROR_NOUNIQUESUBSTRING)
        return -2;
    return number > 0 ? number : -1;
}

/* ------------------------------------------------------------------ room */

/* PCRE2 grows its heap by taking a larger piece, copying, and giving the old one back: two pieces
 * at a time. */
struct heap {
    uint8_t *piece[2];
    bool is_taken[2];
    bool is_closed; /* nothing but the pieces from now on */
};

struct pm_regex_room {
    struct heap heap;
    pcre2_general_context *general;
    pcre2_match_context *context;
    pcre2_match_data *data;
    uint8_t *edge; /* the end of what is before, and the beginning of the bytes */
};

static void *take(size_t size, void *memory)
{
    struct heap *heap = memory;
    if (!heap->is_closed)
        return malloc(size);
    for (int i = 0; i < 2 && size <= PM_REGEX_HEAP; i++) {
        if (heap->is_taken[i])
            continue;
        heap->is_taken[i] = true;
        return heap->piece[i];
    }
    return NULL;
}

static void give(void *at, void *memory)
{
    struct heap *heap = memory;
    for (int i = 0; i < 2; i++) {
        if (at && at == heap->piece[i]) {
            heap->is_taken[i] = false;
            return;
        }
    }
    free(at);
}

static size_t edge_cap(uint32_t window)
{
    return 2 * PM_REGEX_BEFORE + (size_t)window;
}

size_t pm_regex_room_footprint(uint32_t groups, uint32_t window)
{
    return sizeof(struct pm_regex_room) + edge_cap(window) + 2 * PM_REGEX_HEAP +
           (groups + 1) * sizeof(struct pm_span);
}

static bool make(struct pm_regex_room *room, uint32_t groups, uint32_t window)
{
    room->edge = malloc(edge_cap(window));
    room->heap.piece[0] = malloc(PM_REGEX_HEAP);
    room->heap.piece[1] = malloc(PM_REGEX_HEAP);
    room->general = pcre2_general_context_create(take, give, &room->heap);
    if (!room->edge || !room->heap.piece[0] || !room->heap.piece[1] || !room->general)
        return false;
    room->context = pcre2_match_context_create(room->general);
    room->data = pcre2_match_data_create(groups + 1, room->general);
    if (!room->context || !room->data)
        return false;
    pcre2_set_match_limit(room->context, MATCH_LIMIT);
    pcre2_set_depth_limit(room->context, DEPTH_LIMIT);
    pcre2_set_heap_limit(room->context, PM_REGEX_HEAP >> 10);
    return true;
}

struct pm_regex_room *pm_regex_room_new(uint32_t groups, uint32_t window)
{
    struct pm_regex_room *room = calloc(1, sizeof *room);
    if (!room)
        return NULL;
    if (!make(room, groups, window)) {
        pm_regex_room_free(room);
        return NULL;
    }
    room->heap.is_closed = true;
    return room;
}

void pm_regex_room_free(struct pm_regex_room *room)
{
    if (!room)
        return;
    pcre2_match_data_free(room->data);
    pcre2_match_context_free(room->context);
    pcre2_general_context_free(room->general);
    free(room->heap.piece[0]);
    free(room->heap.piece[1]);
    free(room->edge);
    free(room);
}

/* ------------------------------------------------------------------ one call of PCRE2 */

/* One search. hit is about the last call. */
struct search {
    const struct pm_regex *regex;
    struct pm_regex_room *room;
    const struct pm_regex_text *text;
    struct pm_regex_hit *hit;
};

/* Bytes as PCRE2 sees them: lead of them are in front of the text. */
struct subject {
    const uint8_t *at;
    size_t len, lead;
};

/* [0, end) of the text, with what is before it where an attempt at `from` may see that. */
static struct subject subject_of(const struct search *s, size_t from, size_t end)
{
    const struct pm_regex_text *text = s->text;
    uint32_t reach = s->regex->reach;
    if (from >= reach || text->before_len == 0)
        return (struct subject){text->bytes, end, 0};
    size_t lead = text->before_len < reach ? text->before_len : reach;
    memcpy(s->room->edge, text->before + text->before_len - lead, lead);
    memcpy(s->room->edge + lead, text->bytes, end);
    return (struct subject){s->room->edge, lead + end, lead};
}

static void note_groups(const struct search *s, size_t lead)
{
    const PCRE2_SIZE *pairs = pcre2_get_ovector_pointer(s->room->data);
    size_t shift = s->text->before_len - lead;
    for (uint32_t i = 0; i <= s->regex->groups; i++) {
        bool is_set = pairs[2 * i] != PCRE2_UNSET;
        s->hit->groups[i] = (struct pm_span){is_set ? pairs[2 * i] + shift : SIZE_MAX,
                                             is_set ? pairs[2 * i + 1] + shift : SIZE_MAX};
    }
}

/* Tries from `from` on; the text ends at `end`. The answer is PCRE2's. */
static int try(const struct search *s, size_t from, size_t end, uint32_t options)
{
    struct subject subject = subject_of(s, from, end);
    pcre2_match_data *data = s->room->data;
    int rc = pcre2_match(s->regex->code, subject.at, subject.len, subject.lead + from,
                         options | PCRE2_NO_JIT, data, s->room->context);
    if (rc < 0 && rc != PCRE2_ERROR_PARTIAL)
        return rc;
    const PCRE2_SIZE *pair = pcre2_get_ovector_pointer(data);
    s->hit->position = pair[0] - subject.lead;
    s->hit->end = pair[1] - subject.lead;
    if (rc >= 0)
        note_groups(s, subject.lead);
    return rc;
}

static size_t window_end(const struct pm_regex_text *text, size_t from)
{
    return text->len - from > text->window ? from + text->window : text->len;
}

static uint32_t options_for(const struct pm_regex_text *text, size_t end)
{
    return end == text->len && !text->may_follow ? 0 : PCRE2_PARTIAL_HARD;
}

/* ------------------------------------------------------------------ attempts */

static bool is_limit(int rc)
{
    return rc < 0 && rc != PCRE2_ERROR_NOMATCH && rc != PCRE2_ERROR_PARTIAL;
}

/* The attempt at `at` reached the end of its window, and there are bytes behind it. */
static int decide(const struct search *s, size_t at)
{
    int rc = try(s, at, window_end(s->text, at), PCRE2_ANCHORED | PCRE2_NOTEOL);
    s->hit->too_long += rc == PCRE2_ERROR_NOMATCH;
    return rc;
}

/* The attempt at *from alone; behind it *from is where to go on. PCRE2_ERROR_PARTIAL: unfinished.
 */
static int attempt(const struct search *s, size_t *from)
{
    size_t at = (*from)++, end = window_end(s->text, at);
    int rc = try(s, at, end, PCRE2_ANCHORED | options_for(s->text, end));
    if (rc == PCRE2_ERROR_PARTIAL && end < s->text->len)
        rc = decide(s, at);
    s->hit->limits += is_limit(rc);
    return rc;
}

/* The attempts from *from on that fit into one window, in one call; behind them *from is where to
 * go on. */
static int sweep(const struct search *s, size_t *from)
{
    size_t begin = *from, end = window_end(s->text, begin);
    int rc = try(s, begin, end, options_for(s->text, end));
    if (is_limit(rc))
        return rc;
    if (rc == PCRE2_ERROR_PARTIAL && s->hit->position == end)
        rc = PCRE2_ERROR_NOMATCH; /* an attempt that would begin with the next byte */
    *from = end;
    if (rc != PCRE2_ERROR_PARTIAL || end == s->text->len)
        return rc;
    *from = s->hit->position; /* that attempt has a window of its own */
    if (*from > begin)
        return PCRE2_ERROR_NOMATCH;
    ++*from;
    rc = decide(s, begin);
    s->hit->limits += is_limit(rc);
    return is_limit(rc) ? PCRE2_ERROR_NOMATCH : rc;
}

/* Where some attempt hits a limit, sweeping does not tell which: from there on one by one. */
enum pm_regex_answer pm_regex_find(const struct pm_regex *regex, struct pm_regex_room *room,
                                   const struct pm_regex_text *text, size_t from,
                                   struct pm_regex_hit *hit)
{
    const struct search s = {regex, room, text, hit};
    bool is_slow = hit->limits > 0;
    while (from < text->len && hit->limits < PM_REGEX_LIMITS) {
        int rc = is_slow ? attempt(&s, &from) : sweep(&s, &from);
        if (rc == PCRE2_ERROR_PARTIAL)
            return PM_REGEX_UNFINISHED;
        if (rc >= 0)
            return PM_REGEX_FOUND;
        is_slow = is_slow || is_limit(rc);
    }
    return PM_REGEX_NONE;
}

void pm_regex_copy(const struct pm_regex_text *text, struct pm_span span, uint8_t *out)
{
    size_t begin = span.begin;
    if (begin < text->before_len) {
        size_t len = (span.end < text->before_len ? span.end : text->before_len) - begin;
        memcpy(out, text->before + begin, len);
        out += len;
        begin += len;
    }
    if (span.end > begin)
        memcpy(out, text->bytes + (begin - text->before_len), span.end - begin);
}
