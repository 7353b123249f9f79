/* document.c - other JSON files, read as strictly as rule files and with the same diagnostics. */
#include "document.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "diagnostic.h"
#include "expect.h"
#include "file.h"
#include "format.h"
#include "suggest.h"

struct pm_document {
    struct load load;
    struct pm_rules rules; /* keeps the diagnostics; there is no policy */
};

/* struct pm_node is what others call a node. */
static const struct node *node_of(const struct pm_node *node)
{
    return (const struct node *)node;
}

static const struct pm_node *outside_of(const struct node *n)
{
    return (const struct pm_node *)n;
}

/* ------------------------------------------------------------------ from beginning to end */

static struct pm_document *document_new(void)
{
    struct pm_document *d = calloc(1, sizeof *d);

    if (d != NULL)
        d->load.rules = &d->rules;
    return d;
}

static struct pm_document *loaded(struct pm_document *d)
{
    if (d->load.memory.failed || d->rules.memory.failed)
        pmr_no_memory(&d->load);
    return d;
}

struct pm_document *pm_document_load(const char *path)
{
    struct pm_document *d = document_new();

    if (d == NULL)
        return NULL;
    pmr_file_first(&d->load, path);
    return loaded(d);
}

struct pm_document *pm_document_load_text(const char *name, const char *text, size_t len)
{
    struct pm_document *d = document_new();

    if (d == NULL)
        return NULL;
    pmr_file_first_text(&d->load, name, text, len);
    return loaded(d);
}

void pm_document_free(struct pm_document *d)
{
    if (d == NULL)
        return;
    pmr_files_free(&d->load);
    pmr_memory_free(&d->load.memory);
    pmr_memory_free(&d->rules.memory);
    free(d);
}

const struct pm_node *pm_document_root(const struct pm_document *d)
{
    if (d->load.file_count == 0 || d->load.files[0]->node_count == 0)
        return NULL;
    return outside_of(&d->load.files[0]->nodes[0]);
}

/* ------------------------------------------------------------------ looking */

enum pm_node_kind pm_node_kind(const struct pm_node *node)
{
    switch (pmr_node_kind(node_of(node))) {
    case NODE_NULL:
        break;
    case NODE_BOOL:
        return PM_NODE_BOOL;
    case NODE_NUMBER:
        return PM_NODE_NUMBER;
    case NODE_STRING:
        return PM_NODE_TEXT;
    case NODE_LIST:
        return PM_NODE_LIST;
    case NODE_OBJECT:
        return PM_NODE_OBJECT;
    }
    return PM_NODE_NULL;
}

const char *pm_node_key(const struct pm_node *node)
{
    return pmr_node_key(node_of(node));
}

const struct pm_node *pm_node_first(const struct pm_node *node)
{
    return outside_of(pmr_node_first(node_of(node)));
}

const struct pm_node *pm_node_next(const struct pm_node *node)
{
    return outside_of(pmr_node_next(node_of(node)));
}

const struct pm_node *pm_node_get(const struct pm_node *object, const char *key)
{
    return outside_of(pmr_node_get(node_of(object), key));
}

size_t pm_node_count(const struct pm_node *node)
{
    return pmr_node_count(node_of(node));
}

/* ------------------------------------------------------------------ taking */

static enum node_kind node_kind_of(enum pm_node_kind kind)
{
    switch (kind) {
    case PM_NODE_NULL:
        break;
    case PM_NODE_BOOL:
        return NODE_BOOL;
    case PM_NODE_NUMBER:
        return NODE_NUMBER;
    case PM_NODE_TEXT:
        return NODE_STRING;
    case PM_NODE_LIST:
        return NODE_LIST;
    case PM_NODE_OBJECT:
        return NODE_OBJECT;
    }
    return NODE_NULL;
}

bool pm_document_expect(struct pm_document *d, const struct pm_node *node, enum pm_node_kind kind)
{
    return pmr_expect_kind(&d->load, node_of(node), node_kind_of(kind));
}

bool pm_document_filled(struct pm_document *d, const struct pm_node *node, enum pm_node_kind kind)
{
    return pmr_expect_filled(&d->load, node_of(node), node_kind_of(kind));
}

bool pm_document_text(struct pm_document *d, const struct pm_node *node, const char **out)
{
    if (!pmr_expect_kind(&d->load, node_of(node), NODE_STRING))
        return false;
    *out = pmr_node_text(node_of(node));
    return true;
}

bool pm_document_bool(struct pm_document *d, const struct pm_node *node, bool *out)
{
    return pmr_expect_bool(&d->load, node_of(node), out);
}

bool pm_document_whole(struct pm_document *d, const struct pm_node *node, int64_t least,
                       int64_t most, int64_t *out)
{
    return pmr_expect_whole(&d->load, node_of(node), least, most, out);
}

bool pm_document_word(struct pm_document *d, const struct pm_node *node, const char *const *words,
                      size_t *out)
{
    return pmr_expect_word(&d->load, node_of(node), words, out);
}

bool pm_document_bytes(struct pm_document *d, const struct pm_node *node, const uint8_t **bytes,
                       size_t *len)
{
    struct bytes taken;

    if (!pmr_bytes_of(&d->load, node_of(node), &taken))
        return false;
    *bytes = taken.at;
    *len = taken.len;
    return true;
}

const struct pm_node *pm_document_member(struct pm_document *d, const struct pm_node *object,
                                         const char *key, const char *where)
{
    return outside_of(pmr_expect_member(&d->load, node_of(object), key, where));
}

static void check_key(struct pm_document *d, const struct node *n, const char *const *keys,
                      const char *where)
{
    struct suggest suggest = pmr_suggest_for(pmr_node_key(n));

    for (size_t i = 0; keys[i] != NULL; i++) {
        if (strcmp(keys[i], pmr_node_key(n)) == 0)
            return;
        pmr_suggest_offer(&suggest, keys[i]);
    }
    pmr_fail_key(&d->load, n, CODE_UNKNOWN_KEY, pmr_did_you_mean(&d->load, suggest.best),
                 "unknown key %s in %s", pmr_quote(pmr_node_key(n)).text, where);
}

void pm_document_keys(struct pm_document *d, const struct pm_node *object, const char *const *keys,
                      const char *where)
{
    for (const struct node *n = pmr_node_first(node_of(object)); n != NULL; n = pmr_node_next(n))
        check_key(d, n, keys, where);
}

const char *pm_document_path(struct pm_document *d, const struct pm_node *text)
{
    return pmr_file_path(&d->load, node_of(text));
}

/* ------------------------------------------------------------------ complaints */

/* Room for a message; what is longer ends with it. */
struct message {
    char text[512];
};

static const char *hint_copy(struct pm_document *d, const char *hint)
{
    return hint == NULL ? NULL : pmr_memory_copy(&d->rules.memory, hint, strlen(hint));
}

void pm_document_fail(struct pm_document *d, const struct pm_node *node, const char *hint,
                      const char *format, ...)
{
    struct message message;
    va_list list;

    va_start(list, format);
    vsnprintf(message.text, sizeof message.text, format, list);
    va_end(list);
    pmr_fail(&d->load, node_of(node), CODE_DOCUMENT, hint_copy(d, hint), "%s", message.text);
}

void pm_document_fail_key(struct pm_document *d, const struct pm_node *node, const char *hint,
                          const char *format, ...)
{
    struct message message;
    va_list list;

    va_start(list, format);
    vsnprintf(message.text, sizeof message.text, format, list);
    va_end(list);
    pmr_fail_key(&d->load, node_of(node), CODE_DOCUMENT, hint_copy(d, hint), "%s", message.text);
}

size_t pm_document_error_count(const struct pm_document *d)
{
    return pm_rules_error_count(&d->rules);
}

size_t pm_document_diagnostic_count(const struct pm_document *d)
{
    return pm_rules_diagnostic_count(&d->rules);
}

const struct pm_diagnostic *pm_document_diagnostic(struct pm_document *d, size_t index)
{
    pmr_diagnostics_sort(&d->rules);
    return pm_rules_diagnostic(&d->rules, index);
}

void pm_document_print_text(struct pm_document *d, FILE *out, bool colour)
{
    pmr_diagnostics_sort(&d->rules);
    pm_rules_print_text(&d->rules, out, colour);
}

const char *pm_document_source(const struct pm_document *d, size_t *len)
{
    if (d->load.file_count == 0 || d->load.files[0]->text == NULL)
        return NULL;
    *len = d->load.files[0]->len;
    return d->load.files[0]->text;
}

char *pm_document_canonical(const struct pm_document *d, size_t *len)
{
    return pmr_format(d->load.files[0], len);
}
