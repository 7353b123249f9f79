/* diagnostic.h - telling the author what is wrong, and where. */
#ifndef PMR_DIAGNOSTIC_H
#define PMR_DIAGNOSTIC_H

#include "codes.h"
#include "load.h"

#if defined(__GNUC__)
#define PMR_PRINTF(at, first) __attribute__((format(printf, at, first)))
#else
#define PMR_PRINTF(at, first)
#endif

/* Diagnostics shown at most; what comes after is only counted. */
#define PMR_SHOWN_MAX 1000u

/* hint: what to write instead, "did you mean ...?", or NULL. */

/* About a value, or about its key. Nothing is said of what the scanner complained of already. While
 * l->via is set, it is told at the place where the variable is used. */
void pmr_fail(struct load *l, const struct node *n, enum code code, const char *hint,
              const char *format, ...) PMR_PRINTF(5, 6);
void pmr_fail_key(struct load *l, const struct node *n, enum code code, const char *hint,
                  const char *format, ...) PMR_PRINTF(5, 6);
void pmr_warn(struct load *l, const struct node *n, enum code code, const char *hint,
              const char *format, ...) PMR_PRINTF(5, 6);
/* The same from the key's place. */
void pmr_warn_key(struct load *l, const struct node *n, enum code code, const char *hint,
                  const char *format, ...) PMR_PRINTF(5, 6);

/* About one character of a string: that byte of the text that the file's spelling means. At the end
 * of it: the quote behind it. */
void pmr_fail_inside(struct load *l, const struct node *n, size_t offset, enum code code,
                     const char *format, ...) PMR_PRINTF(5, 6);

/* About len bytes of a file's text; n, which may not be joined yet, gives the pointer (or NULL). */
struct stretch_of {
    const struct file *file;
    const struct node *n;
    size_t start, len;
};
void pmr_fail_text(struct load *l, const struct stretch_of *where, enum code code, const char *hint,
                   const char *format, ...) PMR_PRINTF(5, 6);

/* About a line of another file (line 0: the file as a whole, or its end). */
struct line_of {
    const char *path;
    uint32_t order;
    size_t line;
    const char *text;
    size_t len, start, span; /* of the line; bytes of it that are meant */
};
void pmr_fail_line(struct load *l, const struct line_of *where, enum code code, const char *hint,
                   const char *format, ...) PMR_PRINTF(5, 6);

/* The text of a string for a message: in quotes, not too long, control characters made visible. */
struct quote {
    char text[96];
};
struct quote pmr_quote(const char *text);
struct quote pmr_quote_bytes(const char *text, size_t len);
/* What a value is: string "abc", number 5, true, a list ... */
struct quote pmr_found(const struct node *n);

/* Whether one more would be shown. */
bool pmr_is_shown(const struct load *l);
/* Whether so many names may be compared to find what was meant: not without end. */
bool pmr_may_look(struct load *l, size_t count);
/* did you mean "best"? NULL if best is NULL or there is no memory. */
const char *pmr_did_you_mean(struct load *l, const char *best);
char *pmr_text(struct memory *m, const char *format, ...) PMR_PRINTF(2, 3);

/* The file that has the value. */
const struct file *pmr_file_of(const struct load *l, const struct node *n);
/* Where a value stands, and how it is written. */
struct source_of {
    const char *path;
    size_t line; /* from 1 */
    const char *text;
    size_t len;
};
struct source_of pmr_source_of(const struct load *l, const struct node *n);
/* The line where a value begins, from 1. */
size_t pmr_line_of(const struct load *l, const struct node *n);

/* Puts them in order of file and position. */
void pmr_diagnostics_sort(struct pm_rules *rules);
void pmr_no_memory(struct load *l);

#endif
