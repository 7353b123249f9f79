/* expect.c - taking values of the type that belongs here, and saying so where they are not. */
#include "expect.h"

#include <stdio.h>
#include <string.h>

#include "diagnostic.h"
#include "suggest.h"

void pmr_not_yet(struct load *l, const struct node *n, const char *what)
{
    pmr_fail(l, n, CODE_NOT_YET, NULL, "%s is part of the language but not of this version",
             pmr_quote(what).text);
}

void pmr_not_yet_key(struct load *l, const struct node *n, const char *what)
{
    pmr_fail_key(l, n, CODE_NOT_YET, NULL, "%s is part of the language but not of this version",
                 pmr_quote(what).text);
}

static const struct key *key_named(const struct key *keys, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(keys[i].name, name) == 0)
            return &keys[i];
    return NULL;
}

static void check_key(struct load *l, const struct node *n, const struct key *keys, size_t count,
                      const char *where)
{
    const char *name = pmr_node_key(n);
    const struct key *key = key_named(keys, count, name);
    struct suggest suggest;

    if (key != NULL && key->later)
        pmr_not_yet_key(l, n, name);
    if (key != NULL)
        return;
    suggest = pmr_suggest_for(name);
    for (size_t i = 0; i < count && pmr_is_shown(l); i++)
        pmr_suggest_offer(&suggest, keys[i].name);
    pmr_fail_key(l, n, CODE_UNKNOWN_KEY, pmr_did_you_mean(l, suggest.best), "unknown key %s in %s",
                 pmr_quote(name).text, where);
}

void pmr_expect_keys(struct load *l, const struct node *object, const struct key *keys,
                     size_t count, const char *where)
{
    for (const struct node *n = pmr_node_first(object); n != NULL; n = pmr_node_next(n))
        check_key(l, n, keys, count, where);
}

static const char *kind_text(enum node_kind kind)
{
    static const char *const texts[] = {"null",   "true or false", "a whole number",
                                        "a text", "a list",        "an object"};

    return texts[kind];
}

bool pmr_expect_kind(struct load *l, const struct node *n, enum node_kind kind)
{
    if (pmr_node_kind(n) == kind && !n->bad)
        return true;
    pmr_fail(l, n, CODE_TYPE, NULL, "expected %s, found %s", kind_text(kind), pmr_found(n).text);
    return false;
}

bool pmr_expect_filled(struct load *l, const struct node *n, enum node_kind kind)
{
    if (!pmr_expect_kind(l, n, kind))
        return false;
    if (kind == NODE_STRING ? pmr_node_text(n)[0] != '\0' : pmr_node_first(n) != NULL)
        return true;
    pmr_fail(l, n, CODE_EMPTY, NULL, "%s here may not be empty", kind_text(kind));
    return false;
}

bool pmr_expect_bool(struct load *l, const struct node *n, bool *out)
{
    if (!pmr_expect_kind(l, n, NODE_BOOL))
        return false;
    *out = pmr_node_is_true(n);
    return true;
}

/* "80" where 80 is meant */
static const char *without_quotes(struct load *l, const struct node *n)
{
    const char *text = pmr_node_text(n);
    unsigned value;
    char rest;

    if (strncmp(text, "0x", 2) == 0 ? sscanf(text, "%8x%c", &value, &rest) != 1
                                    : sscanf(text, "%9u%c", &value, &rest) != 1)
        return NULL;
    return pmr_text(&l->rules->memory, "write %u", value);
}

bool pmr_expect_whole(struct load *l, const struct node *n, int64_t least, int64_t most,
                      int64_t *out)
{
    double value;

    if (pmr_node_kind(n) == NODE_STRING && !n->bad) {
        pmr_fail(l, n, CODE_TYPE, without_quotes(l, n), "expected a whole number, found %s",
                 pmr_found(n).text);
        return false;
    }
    if (!pmr_expect_kind(l, n, NODE_NUMBER))
        return false;
    value = pmr_node_number(n);
    if (value > -1e15 && value < 1e15 && value != (double)(int64_t)value) {
        pmr_fail(l, n, CODE_INTEGRAL, NULL, "expected a whole number, found %s", pmr_found(n).text);
        return false;
    }
    if (value < (double)least || value > (double)most) {
        pmr_fail(l, n, CODE_RANGE, NULL, "expected a number from %lld to %lld, found %s",
                 (long long)least, (long long)most, pmr_found(n).text);
        return false;
    }
    *out = (int64_t)value;
    return true;
}

/* "5%" where 0.05 is meant */
static const char *without_percent(struct load *l, const struct node *n)
{
    double percent;
    char sign, rest;

    if (pmr_node_kind(n) != NODE_STRING ||
        sscanf(pmr_node_text(n), "%9lf%c%c", &percent, &sign, &rest) != 2 || sign != '%' ||
        !(percent > 0 && percent <= 100))
        return NULL;
    return pmr_text(&l->rules->memory, "write %.6g", percent / 100);
}

bool pmr_expect_probability(struct load *l, const struct node *n, bool may_be_0, uint64_t *out)
{
    const char *range = may_be_0 ? "from 0 to 1" : "above 0 and up to 1";
    double value;

    if (n->bad)
        return false;
    if (pmr_node_kind(n) != NODE_NUMBER) {
        pmr_fail(l, n, CODE_TYPE, without_percent(l, n), "expected a number %s, found %s", range,
                 pmr_found(n).text);
        return false;
    }
    value = pmr_node_number(n);
    if (!(value >= 0 && value <= 1) || (value == 0 && !may_be_0)) {
        pmr_fail(l, n, CODE_RANGE, NULL, "expected a number %s, found %s", range,
                 pmr_found(n).text);
        return false;
    }
    *out = (uint64_t)(value * (double)PM_ALWAYS);
    if (*out == 0 && value > 0) /* too small to tell from nothing */
        *out = 1;
    return true;
}

/* "a", "b" or "c" */
static struct quote word_list(const char *const *words)
{
    struct quote list = {.text = ""};
    size_t used = 0;

    for (size_t i = 0; words[i] != NULL; i++) {
        const char *before = i == 0 ? "" : words[i + 1] == NULL ? " or " : ", ";
        int len = snprintf(list.text + used, sizeof list.text - used, "%s\"%s\"", before, words[i]);

        if (len < 0 || (size_t)len >= sizeof list.text - used)
            break;
        used += (size_t)len;
    }
    return list;
}

bool pmr_expect_word(struct load *l, const struct node *n, const char *const *words, size_t *out)
{
    struct suggest suggest;

    if (n->bad)
        return false;
    if (pmr_node_kind(n) != NODE_STRING) {
        pmr_fail(l, n, CODE_TYPE, NULL, "expected %s, found %s", word_list(words).text,
                 pmr_found(n).text);
        return false;
    }
    for (size_t i = 0; words[i] != NULL; i++)
        if (strcmp(words[i], pmr_node_text(n)) == 0) {
            *out = i;
            return true;
        }
    suggest = pmr_suggest_for(pmr_node_text(n));
    for (size_t i = 0; words[i] != NULL && pmr_is_shown(l); i++)
        pmr_suggest_offer(&suggest, words[i]);
    pmr_fail(l, n, CODE_WORD, pmr_did_you_mean(l, suggest.best), "expected %s, found %s",
             word_list(words).text, pmr_found(n).text);
    return false;
}

const struct node *pmr_expect_member(struct load *l, const struct node *object, const char *key,
                                     const char *where)
{
    const struct node *n = pmr_node_get(object, key);

    if (n == NULL)
        pmr_fail(l, object, CODE_MISSING_KEY, NULL, "%s needs \"%s\"", where, key);
    return n;
}

bool pmr_expect_some(struct load *l, const struct node *n, const struct key *keys, size_t count,
                     const char *where)
{
    if (!pmr_expect_kind(l, n, NODE_OBJECT))
        return false;
    pmr_expect_keys(l, n, keys, count, where);
    for (size_t i = 0; i < count; i++)
        if (pmr_node_get(n, keys[i].name) != NULL)
            return true;
    if (pmr_node_first(n) == NULL)
        pmr_fail(l, n, CODE_EMPTY, NULL, "%s may not be empty", where);
    return false;
}

bool pmr_take_number(struct load *l, const struct node *object, const char *key, int64_t least,
                     int64_t most, uint64_t *out)
{
    const struct node *n = pmr_node_get(object, key);
    int64_t number;

    if (n == NULL)
        return true;
    if (!pmr_expect_whole(l, n, least, most, &number))
        return false;
    *out = (uint64_t)number;
    return true;
}
