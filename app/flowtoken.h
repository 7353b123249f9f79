/* flowtoken.h - a line of a flow text as words, and the values that they stand for.
 *
 * Every taker returns false after it has complained, with line, column and caret:
 *
 *     in.flow:4:12: error: expected a number from 1 to 65400, found "many"
 *         4 | web > "GET /" segment many
 *           |                       ^~~~
 */
#ifndef PKTMOD_APP_FLOWTOKEN_H
#define PKTMOD_APP_FLOWTOKEN_H

#include <stdio.h>

#include "app/talk.h"

#define PM_FLOW_WORDS  512u
#define PM_FLOW_ERRORS 20u /* told; more are counted */

struct pm_flow_word {
    size_t off, len; /* in the line, quotes included */
    bool is_string;
};

struct pm_flow_line {
    const char *name; /* of the text, for complaints */
    const char *text; /* of the line, without its end */
    size_t len, number;
    struct pm_flow_word words[PM_FLOW_WORDS];
    unsigned count, at; /* at: the next word */
    FILE *errors;
    size_t error_count; /* of the whole text */
};

/* Cuts the line into words; at is the first. */
bool pm_flow_line_cut(struct pm_flow_line *line);

static inline bool pm_flow_line_ends(const struct pm_flow_line *line)
{
    return line->at == line->count;
}

/* Whether the next word is this one (no string). */
bool pm_flow_word_is(const struct pm_flow_line *line, const char *word);
/* The same, and takes it. */
bool pm_flow_take(struct pm_flow_line *line, const char *word);

/* Complaints about the next word, or about the end of the line behind the last one; about the word
 * before it. hint: what was meant, or NULL. */
void pm_flow_fail(struct pm_flow_line *line, const char *hint, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void pm_flow_fail_before(struct pm_flow_line *line, const char *hint, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* "expected <what>, found <the next word>", suggesting the one of words (NULL behind the last)
 * that it is like. words may be NULL. */
void pm_flow_expected(struct pm_flow_line *line, const char *what, const char *const *words);

/* About that part of the line. */
void pm_flow_fail_at(struct pm_flow_line *line, size_t off, size_t len, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The next word with a NUL; "" for a string, the end of the line, and what is too long. */
struct pm_flow_text {
    char text[512];
};
struct pm_flow_text pm_flow_text(const struct pm_flow_line *line);

static inline bool pm_flow_is_digit(char c)
{
    return c >= '0' && c <= '9';
}
/* Digits at *at, moved behind them; false: none, or more than `most`. */
bool pm_flow_read_number(const char **at, uint64_t most, uint64_t *out);

/* ---- values, flowvalue.c */

#define PM_FLOW_NAME 32u
bool pm_flow_name(struct pm_flow_line *line, char out[PM_FLOW_NAME]); /* [A-Za-z][A-Za-z0-9_-]* */
bool pm_flow_number(struct pm_flow_line *line, uint64_t least, uint64_t most, uint64_t *out);
bool pm_flow_shift(struct pm_flow_line *line, uint32_t *out);            /* +5, -5 */
bool pm_flow_numbers(struct pm_flow_line *line, struct pm_numbers *out); /* 1,2,3 */
/* 0-5,10-20: from < to. At most `most` of them. */
bool pm_flow_ranges(struct pm_flow_line *line, struct pm_talk_range *out, unsigned most,
                    unsigned *count);
bool pm_flow_pair(struct pm_flow_line *line, uint64_t most, char between, uint64_t out[2]);
bool pm_flow_duration(struct pm_flow_line *line, uint64_t *out_ns); /* 5us, 1.5ms, 2s */
bool pm_flow_time(struct pm_flow_line *line, uint64_t *out_ns);     /* 2026-01-01T00:00:00Z, 12.5 */
bool pm_flow_tcp_flags(struct pm_flow_line *line, uint16_t *out);   /* SA, letters FSRPAUEC, 0 */
/* 192.0.2.1:80, [2001:db8::1]:80; without the port where has_port is not set. */
bool pm_flow_addr(struct pm_flow_line *line, bool has_port, struct pm_addr *addr, uint16_t *port);

/* ---- bytes, flowdata.c */

/* Growing. Begins as {0}. */
struct pm_flow_bytes {
    uint8_t *at;
    size_t len, cap;
};

/* Appends all words that stand for bytes: "text\r\n\x00", hex:0d0a, fill:N, @file. folder: of @file
 * ("" the current one); NULL: files may not be named. */
bool pm_flow_data(struct pm_flow_line *line, const char *folder, struct pm_flow_bytes *out);
bool pm_flow_is_data(const struct pm_flow_line *line);

#endif
