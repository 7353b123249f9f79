/* pattern.c - patterns on their way to PCRE2, and what they may not have. PCRE2 itself tells the
 * pieces of a pattern: compiled with automatic callouts, it has one before each of them. */
#include "match/pattern.h"

#include <string.h>

#define NEST_MAX  100u /* groups within groups */
#define AUTOMATIC 255u /* the number of an automatic callout */

static int refuse(struct pm_regex_fault *fault, size_t offset, const char *text)
{
    fault->offset = offset;
    memcpy(fault->text, text, strlen(text) + 1);
    return 1; /* ends a walk */
}

struct walk {
    const char *pattern;
    size_t len;
    struct pm_regex_fault *fault;
    bool has_look_behind, has_call;
    bool is_quoted;  /* the piece stands between \Q and \E */
    size_t at;       /* where the last piece began */
    uint32_t depth;  /* open groups */
    uint32_t behind; /* depth within the look-behind that is open; 0: none is */
};

/* ------------------------------------------------------------------ one piece */

/* The rest of the pattern from a piece on. */
struct piece {
    const char *at;
    size_t len;
};

static bool begins(struct piece p, const char *with)
{
    size_t len = strlen(with);
    return p.len >= len && memcmp(p.at, with, len) == 0;
}

static bool begins_with_any(struct piece p, const char *const *list)
{
    while (*list)
        if (begins(p, *list++))
            return true;
    return false;
}

static char char_at(struct piece p, size_t i)
{
    return i < p.len ? p.at[i] : '\0';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_letter(char c)
{
    return is_lower(c) || (c >= 'A' && c <= 'Z');
}

static bool is_verb(struct piece p)
{
    return begins(p, "(*") && !is_lower(char_at(p, 2));
}

/* Another part of the pattern, matched here: (?R) (?1) (?+1) (?&n) (?P>n) \g<n> \g'n' */
static bool is_call(struct piece p)
{
    static const char *const calls[] = {"(?R)", "(?&", "(?P>", "\\g<", "\\g'", NULL};
    char sign = char_at(p, 2);
    bool is_signed = sign == '+' || sign == '-';
    return begins_with_any(p, calls) ||
           (begins(p, "(?") && is_digit(char_at(p, is_signed ? 3 : 2)));
}

/* (?i) sets, (?i:...) is a group. */
static bool is_setting(struct piece p)
{
    size_t i = 2;
    if (!begins(p, "(?"))
        return false;
    while (is_letter(char_at(p, i)) || char_at(p, i) == '-' || char_at(p, i) == '^')
        i++;
    return char_at(p, i) == ')';
}

static bool is_look_behind(struct piece p)
{
    static const char *const words[] = {"(?<=",
                                        "(?<!",
                                        "(?<*",
                                        "(*plb:",
                                        "(*positive_lookbehind:",
                                        "(*nlb:",
                                        "(*negative_lookbehind:",
                                        "(*naplb:",
                                        "(*non_atomic_positive_lookbehind:",
                                        NULL};
    return begins_with_any(p, words);
}

static bool opens(struct piece p)
{
    return begins(p, "(") && !is_verb(p) && !is_call(p) && !is_setting(p) && !begins(p, "(?P=") &&
           !begins(p, "(?C");
}

/* ------------------------------------------------------------------ all of them */

static void note_group(struct walk *w, struct piece p)
{
    if (opens(p)) {
        w->depth++;
        if (is_look_behind(p))
            w->behind = w->depth;
    } else if (begins(p, ")") && w->depth > 0) {
        if (w->behind == w->depth)
            w->behind = 0;
        w->depth--;
    }
}

/* A quotation ends in the text from one piece to the next, and begins at the end of it. */
static void note_quotation(struct walk *w, size_t from, size_t to)
{
    const char *text = w->pattern + from;
    size_t len = to - from;
    for (size_t i = 0; w->is_quoted && i + 1 < len; i++)
        w->is_quoted = memcmp(text + i, "\\E", 2) != 0;
    if (len >= 2 && memcmp(text + len - 2, "\\Q", 2) == 0)
        w->is_quoted = true;
}

static int look_at(pcre2_callout_enumerate_block *block, void *context)
{
    struct walk *w = context;
    size_t offset = block->pattern_position;
    struct piece p = {w->pattern + offset, w->len - offset};
    if (offset < w->at)
        return 0; /* a repeated group comes once for each time */
    note_quotation(w, w->at, offset);
    w->at = offset;
    if (w->is_quoted)
        return 0;
    if (block->callout_number != AUTOMATIC || block->callout_string)
        return refuse(w->fault, offset, "callouts are not available");
    if (begins(p, "\\K"))
        return refuse(w->fault, offset, "\\K is not available; use a look-behind");
    if (begins(p, "\\G"))
        return refuse(w->fault, offset, "\\G is not available");
    if (is_verb(p))
        return refuse(w->fault, offset, "(*VERBS) are not available");
    if (is_look_behind(p)) {
        if (w->behind > 0)
            return refuse(w->fault, offset, "a look-behind within another is not available");
        w->has_look_behind = true;
    }
    w->has_call = w->has_call || is_call(p);
    note_group(w, p);
    if (w->has_call && w->has_look_behind)
        return refuse(w->fault, offset, "calls of groups are not available beside a look-behind");
    return 0;
}

static pcre2_compile_context *compile_context(void)
{
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    if (!context)
        return NULL;
    pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    pcre2_set_bsr(context, PCRE2_BSR_ANYCRLF);
    pcre2_set_parens_nest_limit(context, NEST_MAX);
    return context;
}

pcre2_code *pm_pattern_compile(const struct pm_regex_spec *spec, uint32_t options,
                               struct pm_regex_fault *fault)
{
    struct piece whole = {(const char *)spec->pattern, spec->len};
    if (is_verb(whole)) { /* those in front set options */
        refuse(fault, 0, "(*VERBS) are not available");
        return NULL;
    }
    int error = PCRE2_ERROR_HEAP_FAILED;
    PCRE2_SIZE offset = 0;
    pcre2_code *code = NULL;
    pcre2_compile_context *context = compile_context();
    options |= PCRE2_NEVER_UTF | PCRE2_NEVER_UCP | PCRE2_NEVER_BACKSLASH_C;
    options |= PCRE2_NO_DOTSTAR_ANCHOR; /* an attempt further on sees other bytes */
    options |= spec->nocase ? PCRE2_CASELESS : 0;
    fault->text[0] = '\0';
    if (context)
        code = pcre2_compile(spec->pattern, spec->len, options, &error, &offset, context);
    pcre2_compile_context_free(context);
    if (!code && error != PCRE2_ERROR_HEAP_FAILED) {
        fault->offset = offset < spec->len ? offset : spec->len;
        pcre2_get_error_message(error, (PCRE2_UCHAR *)fault->text, sizeof fault->text);
    }
    return code;
}

bool pm_pattern_check(const struct pm_regex_spec *spec, struct pm_regex_fault *fault)
{
    struct walk w = {.pattern = (const char *)spec->pattern, .len = spec->len, .fault = fault};
    pcre2_code *code = pm_pattern_compile(spec, PCRE2_AUTO_CALLOUT, fault);
    if (!code)
        return false;
    int found = pcre2_callout_enumerate(code, look_at, &w);
    pcre2_code_free(code);
    return found == 0;
}
