/* arguments.h - command lines: options in any order among the other words, with suggestions.
 *
 *     while ((found = pm_arguments_next(&arguments, &value)) != PM_ARGUMENT_END)
 *         found >= 0: index of the option in the table; value as given, or NULL if it takes none
 *         PM_ARGUMENT_WORD: value is a word that is no option
 *         PM_ARGUMENT_BAD:  complained already
 *
 * Understood: --name VALUE, --name=VALUE, -n VALUE, -nVALUE, "--" (only words follow), "-" (a
 * word).
 */
#ifndef PKTMOD_APP_ARGUMENTS_H
#define PKTMOD_APP_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>

struct pm_option {
    const char *name; /* without dashes, or NULL */
    char letter;      /* or 0 */
    bool has_value;
};

struct pm_arguments {
    const char *command; /* for complaints: "replay" */
    const struct pm_option *options;
    size_t option_count;
    char *const *argv;
    int argc, at;
    bool only_words;
};

enum { PM_ARGUMENT_END = -1, PM_ARGUMENT_WORD = -2, PM_ARGUMENT_BAD = -3 };

int pm_arguments_next(struct pm_arguments *arguments, const char **value);

/* The candidate that `word` may have meant, or NULL if it is like none. */
const char *pm_suggestion(const char *word, const char *const *candidates, size_t count);

#endif
