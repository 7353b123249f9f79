/* regex.h - finding a regular expression (PCRE2) in bytes that others may follow.
 *
 * An attempt to match begins at one byte and sees at most `window` bytes from there on; the first
 * attempt, from the left, that matches is the find. An attempt that needs bytes which have not come
 * yet is unfinished. So what is found does not depend on how the bytes came:
 *
 *     bytes   ...............................|  more may follow
 *             ^ attempt, decided without the end: as it will be for ever
 *                               ^ attempt, reaches the end before the window's: unfinished
 *         ^ attempt, reaches the window's end: decided by what is in the window
 *
 * Patterns are matched byte by byte: no UTF, ASCII letters alone have two cases, a line ends with
 * \n, \R is \r\n, \r or \n. Refused are patterns whose finds would depend on more than that: those
 * that match nothing, look behind more than PM_REGEX_LOOK_BEHIND_MAX bytes or from within another
 * look-behind, \K, \G, \C, callouts and verbs; in a stream also what compares with a group.
 */
#ifndef PM_MATCH_REGEX_H
#define PM_MATCH_REGEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PM_REGEX_PATTERN_MAX     4096u
#define PM_REGEX_LOOK_BEHIND_MAX 32u
#define PM_REGEX_WINDOW_MAX      65536u
/* Bytes in front of a text that can matter: a look-behind, and what \b at its beginning sees. */
#define PM_REGEX_BEFORE (PM_REGEX_LOOK_BEHIND_MAX + 1)

/* What is wrong with a pattern or a template, and at which byte of it. */
struct pm_regex_fault {
    size_t offset;
    char text[160]; /* empty: there was no memory */
};

struct pm_regex_spec {
    const uint8_t *pattern;
    size_t len;
    bool nocase;
    bool in_stream; /* it will be looked for in texts that may go on */
};

struct pm_regex; /* compiled, immutable; what PCRE2 needs for it is allocated by PCRE2 */

struct pm_regex *pm_regex_new(const struct pm_regex_spec *spec, struct pm_regex_fault *fault);
void pm_regex_free(struct pm_regex *regex);
uint32_t pm_regex_groups(const struct pm_regex *regex);   /* without group 0, the whole match */
uint32_t pm_regex_shortest(const struct pm_regex *regex); /* no match has less bytes */
/* Whether a match may hang on what follows it: \b, $, a look-ahead. Where not, what matched in the
 * bytes so far matches whatever follows. May say yes too often. */
bool pm_regex_asks_ahead(const struct pm_regex *regex);
/* The group's number; -1: there is none, -2: several have the name. */
int pm_regex_group(const struct pm_regex *regex, const char *name);

/* What matching needs beside the regex, allocated at once, with a heap from which PCRE2 is served
 * while it matches. */
struct pm_regex_room;
#define PM_REGEX_HEAP (1u << 20)

/* For regexes with at most so many groups, and windows of at most so many bytes. NULL: no memory.
 */
struct pm_regex_room *pm_regex_room_new(uint32_t groups, uint32_t window);
void pm_regex_room_free(struct pm_regex_room *room);
size_t pm_regex_room_footprint(uint32_t groups, uint32_t window);

struct pm_regex_text {
    const uint8_t *before, *bytes; /* what is in front of bytes lies elsewhere */
    size_t before_len;             /* 0: bytes is where ^ and \A match */
    size_t len;
    bool may_follow;
    uint32_t window; /* 1..PM_REGEX_WINDOW_MAX */
};

/* A stretch of before and bytes, seen as one; begin SIZE_MAX: the group took no part. */
struct pm_span {
    size_t begin, end;
};

enum pm_regex_answer {
    PM_REGEX_NONE,
    PM_REGEX_FOUND,
    PM_REGEX_UNFINISHED, /* an attempt at position needs more bytes */
};

struct pm_regex_hit {
    size_t position, end;   /* in bytes */
    struct pm_span *groups; /* room for pm_regex_groups + 1 */
    uint32_t too_long;      /* counts attempts that needed more than the window and found nothing */
    uint32_t limits;        /* counts attempts given up at a limit: taken as no match */
};

/* With so many of them in one text, the regex is not looked for in the rest of it. */
#define PM_REGEX_LIMITS 4u

/* The first find at or behind `from`. Counts are added to those in *hit. The work for an attempt is
 * bounded: 50 000 steps as PCRE2 counts them, 2 000 deep, PM_REGEX_HEAP.
 *
 * PCRE2 interprets, although it could compile to machine code: not every machine has or allows
 * that, its limits count other steps, and here and there it finds something else (10.42 finds
 * a(?>.+\n|a)b in aaabc\n). A recording has to replay alike everywhere. */
enum pm_regex_answer pm_regex_find(const struct pm_regex *regex, struct pm_regex_room *room,
                                   const struct pm_regex_text *text, size_t from,
                                   struct pm_regex_hit *hit);

/* Copies [from, to) of before and bytes, seen as one. */
void pm_regex_copy(const struct pm_regex_text *text, struct pm_span span, uint8_t *out);

#endif
