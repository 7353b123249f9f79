/* arguments.c - takes a command line apart; own code because getopt has no suggestions. */
#include "app/arguments.h"

#include <string.h>

#include "app/command.h"

#define WORD_MAX    32
#define OPTIONS_MAX 32

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Edits (insert, delete, replace) between two words of at most WORD_MAX characters. */
static size_t distance(const char *a, const char *b)
{
    size_t row[WORD_MAX + 1], a_len = strlen(a), b_len = strlen(b);
    for (size_t j = 0; j <= b_len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        size_t corner = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t above = row[j];
            size_t replaced = corner + (a[i - 1] != b[j - 1] ? 1 : 0);
            row[j] = smaller(replaced, smaller(above, row[j - 1]) + 1);
            corner = above;
        }
    }
    return row[b_len];
}

const char *pm_suggestion(const char *word, const char *const *candidates, size_t count)
{
    const char *best = NULL;
    size_t best_distance = strlen(word) > 3 ? 3 : 2; /* worse is no likeness */
    if (strlen(word) > WORD_MAX)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        size_t d = candidates[i] == NULL || strlen(candidates[i]) > WORD_MAX
                       ? best_distance
                       : distance(word, candidates[i]);
        if (d < best_distance) {
            best = candidates[i];
            best_distance = d;
        }
    }
    return best;
}

static int unknown_long(const struct pm_arguments *arguments, const char *name, size_t len)
{
    const char *names[OPTIONS_MAX];
    char word[WORD_MAX + 1];
    const char *meant = NULL;
    size_t count = smaller(arguments->option_count, OPTIONS_MAX);
    for (size_t i = 0; i < count; i++)
        names[i] = arguments->options[i].name;
    if (len <= WORD_MAX) {
        memcpy(word, name, len);
        word[len] = '\0';
        meant = pm_suggestion(word, names, count);
    }
    if (meant != NULL)
        pm_complain(PM_EXIT_BAD_INPUT, "%s: unknown option \"--%.*s\"; did you mean \"--%s\"?",
                    arguments->command, (int)len, name, meant);
    else
        pm_complain(PM_EXIT_BAD_INPUT, "%s: unknown option \"--%.*s\"; see pktmod %s --help",
                    arguments->command, (int)len, name, arguments->command);
    return PM_ARGUMENT_BAD;
}

/* `given`: the value stands in the same word. */
static int with_value(struct pm_arguments *arguments, size_t index, const char *given,
                      const char **value)
{
    const struct pm_option *option = &arguments->options[index];
    const char *word = arguments->argv[arguments->at - 1];
    *value = given;
    if (!option->has_value && given != NULL) {
        pm_complain(PM_EXIT_BAD_INPUT, "%s: option \"--%s\" takes no value", arguments->command,
                    option->name);
        return PM_ARGUMENT_BAD;
    }
    if (option->has_value && given == NULL) {
        if (arguments->at == arguments->argc) {
            pm_complain(PM_EXIT_BAD_INPUT, "%s: option \"%s\" needs a value", arguments->command,
                        word);
            return PM_ARGUMENT_BAD;
        }
        *value = arguments->argv[arguments->at++];
    }
    return (int)index;
}

static int long_option(struct pm_arguments *arguments, const char *name, const char **value)
{
    const char *equals = strchr(name, '=');
    size_t len = equals == NULL ? strlen(name) : (size_t)(equals - name);
    for (size_t i = 0; i < arguments->option_count; i++) {
        const char *known = arguments->options[i].name;
        if (known != NULL && strlen(known) == len && memcmp(known, name, len) == 0)
            return with_value(arguments, i, equals == NULL ? NULL : equals + 1, value);
    }
    return unknown_long(arguments, name, len);
}

static int short_option(struct pm_arguments *arguments, const char *letters, const char **value)
{
    for (size_t i = 0; i < arguments->option_count; i++) {
        const struct pm_option *option = &arguments->options[i];
        if (option->letter == letters[0] && (option->has_value || letters[1] == '\0'))
            return with_value(arguments, i, letters[1] == '\0' ? NULL : letters + 1, value);
    }
    pm_complain(PM_EXIT_BAD_INPUT, "%s: unknown option \"-%s\"; see pktmod %s --help",
                arguments->command, letters, arguments->command);
    return PM_ARGUMENT_BAD;
}

int pm_arguments_next(struct pm_arguments *arguments, const char **value)
{
    *value = NULL;
    if (arguments->at >= arguments->argc)
        return PM_ARGUMENT_END;
    const char *word = arguments->argv[arguments->at++];
    if (!arguments->only_words && strcmp(word, "--") == 0) {
        arguments->only_words = true;
        return pm_arguments_next(arguments, value);
    }
    if (!arguments->only_words && strncmp(word, "--", 2) == 0)
        return long_option(arguments, word + 2, value);
    if (!arguments->only_words && word[0] == '-' && word[1] != '\0')
        return short_option(arguments, word + 1, value);
    *value = word;
    return PM_ARGUMENT_WORD;
}
