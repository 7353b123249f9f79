/* utf8.h - walking over UTF-8 text that may be broken. */
#ifndef PMR_UTF8_H
#define PMR_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PMR_UTF8_BROKEN UINT32_MAX

/* Bytes of the character at text (len >= 1), and its code point; a byte that begins no well-formed
 * character is one step and PMR_UTF8_BROKEN. code may be NULL. */
size_t pmr_utf8_step(const char *text, size_t len, uint32_t *code);
/* Characters in len bytes; each broken byte counts as one. */
size_t pmr_utf8_count(const char *text, size_t len);
/* Columns a terminal gives a character: 0 for combining marks, 2 for wide ones. */
unsigned pmr_utf8_width(uint32_t code);

#endif
