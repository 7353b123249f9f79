/* lexeme.h - the smallest pieces of a JSON text: space, strings, numbers, words. */
#ifndef PMR_LEXEME_H
#define PMR_LEXEME_H

#include "codes.h"
#include "load.h"

/* A walk over the text; see scan.h for what mending is. */
struct scanner {
    struct load *load;
    const struct file *file;
    const char *text;
    char *mended;
    size_t len, at;
    const struct node *around; /* what diagnostics point to; NULL: the whole file */
    bool is_stopped;           /* after an error nothing sensible can follow */
};

struct lexeme {
    enum node_kind kind;
    bool is_bad; /* complained of and mended */
};

void pmr_complain(struct scanner *s, size_t start, size_t len, enum code code, const char *hint,
                  const char *message);

/* Each begins at s->at and moves it behind the piece. */
void pmr_lexeme_space(struct scanner *s); /* complains of comments */
struct lexeme pmr_lexeme_string(struct scanner *s);
struct lexeme pmr_lexeme_number(struct scanner *s);
struct lexeme pmr_lexeme_word(struct scanner *s);

#endif
