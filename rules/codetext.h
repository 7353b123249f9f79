/* codetext.h - what codes mean, for people: the parts of the text. */
#ifndef PMR_CODETEXT_H
#define PMR_CODETEXT_H

#include <stddef.h>

#include "codes.h"

struct code_text {
    enum code code;
    const char *why;
    const char *wrong, *right; /* files; NULL: a file alone cannot show it */
};

extern const struct code_text pmr_texts_syntax[], pmr_texts_meaning[], pmr_texts_lint[];
extern const size_t pmr_texts_syntax_count, pmr_texts_meaning_count, pmr_texts_lint_count;

#endif
