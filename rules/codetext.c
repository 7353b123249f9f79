/* codetext.c - what a code means, for people: found by its name. */
#include "codetext.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

size_t pm_code_count(void)
{
    return CODE_COUNT;
}

static const struct code_text *find(enum code code)
{
    const struct {
        const struct code_text *texts;
        size_t count;
    } parts[] = {{pmr_texts_syntax, pmr_texts_syntax_count},
                 {pmr_texts_meaning, pmr_texts_meaning_count},
                 {pmr_texts_lint, pmr_texts_lint_count}};

    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        for (size_t j = 0; j < parts[i].count; j++)
            if (parts[i].texts[j].code == code)
                return &parts[i].texts[j];
    return NULL;
}

struct pm_code_text pm_code_text(size_t index)
{
    enum code code = (enum code)index;
    const struct code_text *text = find(code);
    struct pm_code_text out = {.name = pmr_code_name(code), .meaning = pmr_code_meaning(code)};

    out.why = text == NULL ? out.meaning : text->why;
    out.wrong = text == NULL ? NULL : text->wrong;
    out.right = text == NULL ? NULL : text->right;
    return out;
}

/* The number of "PKM301", "pkm301", "301"; false: it is none. */
static bool number_of(const char *name, long *out)
{
    char *end;

    for (size_t i = 0; i < 3 && (name[0] < '0' || name[0] > '9'); i++)
        if (name[i] != "PKM"[i] && name[i] != "pkm"[i])
            return false;
    name += name[0] < '0' || name[0] > '9' ? 3 : 0;
    *out = strtol(name, &end, 10);
    return *out <= 9999 && *end == '\0' && *name >= '0' && *name <= '9';
}

bool pm_code_find(const char *name, size_t *index, size_t *nearest)
{
    long number = 0, least = -1;

    *nearest = CODE_COUNT;
    if (!number_of(name, &number))
        return false;
    for (size_t i = 0; i < CODE_COUNT; i++) {
        long away = labs(strtol(pmr_code_name((enum code)i) + 3, NULL, 10) - number);

        if (away == 0) {
            *index = i;
            return true;
        }
        if (least < 0 || away < least) {
            least = away;
            *nearest = i;
        }
    }
    return false;
}
