/* output.h - text that grows while it is written. */
#ifndef PMR_OUTPUT_H
#define PMR_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

struct output {
    char *bytes; /* to be freed; NULL: nothing yet */
    size_t len, cap;
    bool failed; /* no memory; what follows is lost */
};

void pmr_output_put(struct output *out, const char *text, size_t len);
void pmr_output_text(struct output *out, const char *text);

#endif
