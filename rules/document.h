/* document.h - other JSON files, read as strictly as rule files and with the same diagnostics.
 *
 *     struct pm_document *d = pm_document_load("case.json");
 *     const struct pm_node *root = pm_document_root(d), *mtu;
 *
 *     if (root != NULL && pm_document_expect(d, root, PM_NODE_OBJECT)) {
 *         pm_document_keys(d, root, (const char *const[]){"name", "mtu", NULL}, "a case");
 *         mtu = pm_node_get(root, "mtu");
 *         if (mtu != NULL)
 *             pm_document_whole(d, mtu, 0, 65535, &number);
 *     }
 *     pm_document_print_text(d, stderr, false);
 *     if (pm_document_error_count(d) > 0) ...
 *
 * A reader asks for all it needs and looks at the error count last, so that every fault of a file
 * is told in one run. Nothing is said twice of a value that is no JSON. Values and their texts
 * belong to the document.
 */
#ifndef PKTMOD_DOCUMENT_H
#define PKTMOD_DOCUMENT_H

#include "rules.h"

struct pm_document;
struct pm_node; /* a value, and where it stands */

enum pm_node_kind {
    PM_NODE_NULL,
    PM_NODE_BOOL,
    PM_NODE_NUMBER,
    PM_NODE_TEXT,
    PM_NODE_LIST,
    PM_NODE_OBJECT
};

/* Always answer (NULL only without memory): a file that cannot be read is a diagnostic. */
struct pm_document *pm_document_load(const char *path);
struct pm_document *pm_document_load_text(const char *name, const char *text, size_t len);
void pm_document_free(struct pm_document *document); /* NULL is fine */

/* The whole value; NULL: the text could not be understood, there are errors. */
const struct pm_node *pm_document_root(const struct pm_document *document);

/* ---- looking, without a word */

enum pm_node_kind pm_node_kind(const struct pm_node *node);
const char *pm_node_key(const struct pm_node *node); /* "" in a list */
/* Members of a list or object, in order; NULL behind the last and for values that have none. */
const struct pm_node *pm_node_first(const struct pm_node *node);
const struct pm_node *pm_node_next(const struct pm_node *node);
const struct pm_node *pm_node_get(const struct pm_node *object, const char *key); /* or NULL */
size_t pm_node_count(const struct pm_node *node);

/* ---- taking what must be there. False: complained, *out is left alone */

bool pm_document_expect(struct pm_document *document, const struct pm_node *node,
                        enum pm_node_kind kind);
/* The same, and not empty: a text, list or object. */
bool pm_document_filled(struct pm_document *document, const struct pm_node *node,
                        enum pm_node_kind kind);
bool pm_document_text(struct pm_document *document, const struct pm_node *node, const char **out);
bool pm_document_bool(struct pm_document *document, const struct pm_node *node, bool *out);
/* A whole number; least and most may go to 2^53. */
bool pm_document_whole(struct pm_document *document, const struct pm_node *node, int64_t least,
                       int64_t most, int64_t *out);
/* One of the words; *out is its index. The list ends with NULL. */
bool pm_document_word(struct pm_document *document, const struct pm_node *node,
                      const char *const *words, size_t *out);
/* Text, {"hex": ...} or {"base64": ...}. */
bool pm_document_bytes(struct pm_document *document, const struct pm_node *node,
                       const uint8_t **bytes, size_t *len);
/* The member, or NULL after a complaint. `where` says what the object is: "a case". */
const struct pm_node *pm_document_member(struct pm_document *document, const struct pm_node *object,
                                         const char *key, const char *where);
/* Complains of members with other keys. The list ends with NULL. */
void pm_document_keys(struct pm_document *document, const struct pm_node *object,
                      const char *const *keys, const char *where);

/* The path that a text stands for, seen from the folder of the document; NULL without memory. */
const char *pm_document_path(struct pm_document *document, const struct pm_node *text);

/* A complaint of the caller's own (code PKM240), at the value or at its key. The message has no
 * full stop; hint: what to do instead, or NULL; it is copied. */
void pm_document_fail(struct pm_document *document, const struct pm_node *node, const char *hint,
                      const char *format, ...) __attribute__((format(printf, 4, 5)));
void pm_document_fail_key(struct pm_document *document, const struct pm_node *node,
                          const char *hint, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* ---- what is wrong, in order of the file */

size_t pm_document_error_count(const struct pm_document *document);
size_t pm_document_diagnostic_count(const struct pm_document *document);
const struct pm_diagnostic *pm_document_diagnostic(struct pm_document *document, size_t index);
/* As a compiler writes it: file:line:column, the line, a caret. */
void pm_document_print_text(struct pm_document *document, FILE *out, bool colour);

/* ---- layout */

/* The text as it was read; NULL where it could not be. */
const char *pm_document_source(const struct pm_document *document, size_t *len);
/* The same in the canonical layout of rule files (format.h). Only without errors, and with a root.
 * To be freed; NULL: no memory. */
char *pm_document_canonical(const struct pm_document *document, size_t *len);

#endif
