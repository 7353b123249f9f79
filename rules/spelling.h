/* spelling.h - the one way in which a text is spelled in a formatted file.
 *
 * Characters stand for themselves, whatever the author wrote: ä, not \u00e4; /, not \/. Only what
 * JSON wants escaped is (" \ and controls, \n \t \r \b \f where there is a short form), and what
 * nobody sees: controls beyond ASCII, spaces that are not U+0020, marks of direction and of width
 * nothing. Those are \u and four small hex digits, so that no text can hide its meaning.
 */
#ifndef PMR_SPELLING_H
#define PMR_SPELLING_H

#include <stddef.h>

#include "output.h"

/* `text` is the source of a string that the scanner found good, its quotes included. */
void pmr_spelling_put(struct output *out, const char *text, size_t len);
/* Characters of the same. */
size_t pmr_spelling_width(const char *text, size_t len);

#endif
