/* file.c - JSON files: read, checked, and those that they include. */
#include "file.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "diagnostic.h"
#include "expect.h"
#include "scan.h"

#define DEPTH_MAX 16u   /* includes within includes */
#define FILES_MAX 1024u /* in one load */

/* ------------------------------------------------------------------ text to nodes */

static bool find_lines(struct load *l, struct file *file)
{
    size_t count = 1;
    uint32_t *lines;

    for (size_t at = 0; at < file->len; at++)
        count += file->text[at] == '\n';
    lines = pmr_memory_array(&l->memory, count, sizeof *lines);
    if (lines == NULL)
        return false;
    file->lines = lines;
    file->line_count = count;
    *lines++ = 0;
    for (size_t at = 0; at < file->len; at++)
        if (file->text[at] == '\n')
            *lines++ = (uint32_t)at + 1;
    return true;
}

static void repeats(struct load *l, struct node *n)
{
    n->repeated = true;
    pmr_fail_key(l, n, CODE_REPEATED_KEY, NULL, "the key %s stands in this object before",
                 pmr_quote(pmr_node_key(n)).text);
}

/* Objects with many keys get a table of their members, by steps from the object; 0 is free. */
struct keys {
    uint32_t *slots;
    size_t cap; /* a power of two, more than there are members */
};

static bool is_before(const struct node *object, const struct node *n)
{
    const char *key = pmr_node_key(n);

    for (const struct node *m = object + 1; m < n; m += m->size)
        if (strcmp(pmr_node_key(m), key) == 0)
            return true;
    return false;
}

/* Adds the member, unless one with its key is there. */
static bool is_in(struct keys *keys, const struct node *object, const struct node *n)
{
    const char *key = pmr_node_key(n);
    size_t at = (size_t)pmr_names_hash(key) & (keys->cap - 1);

    while (keys->slots[at] != 0) {
        if (strcmp(pmr_node_key(object + keys->slots[at]), key) == 0)
            return true;
        at = (at + 1) & (keys->cap - 1);
    }
    keys->slots[at] = (uint32_t)(n - object);
    return false;
}

#define FEW_KEYS 16u

static void find_repeated_keys(struct load *l, struct node *object)
{
    struct keys keys = {.cap = (size_t)2 * FEW_KEYS};
    struct node *end = object + object->size;
    size_t count = 0;

    for (struct node *n = object + 1; n < end; n += n->size)
        count++;
    while (keys.cap < count + count / 3)
        keys.cap *= 2;
    if (count > FEW_KEYS) {
        keys.slots = pmr_memory_grants(&l->memory) ? calloc(keys.cap, sizeof *keys.slots) : NULL;
        l->memory.failed = l->memory.failed || keys.slots == NULL;
    }
    for (struct node *n = object + 1; n < end && !l->memory.failed; n += n->size)
        if (keys.slots != NULL ? is_in(&keys, object, n) : is_before(object, n))
            repeats(l, n);
    free(keys.slots);
}

static void check_nodes(struct load *l, struct file *file)
{
    for (size_t i = 0; i < file->node_count; i++) {
        struct node *n = &file->tree->nodes[i];

        if (pmr_node_kind(n) == NODE_OBJECT)
            find_repeated_keys(l, n);
        if (pmr_node_kind(n) == NODE_NUMBER && !isfinite(pmr_node_number(n))) {
            pmr_fail(l, n, CODE_NUMBER, NULL, "the number is too large");
            n->bad = true;
        }
    }
}

static void understand(struct load *l, struct file *file)
{
    l->text_len += file->len;
    if (find_lines(l, file) && pmr_scan(l, file))
        check_nodes(l, file);
}

/* ------------------------------------------------------------------ reading */

struct blob {
    char *bytes;
    size_t len, cap;
};

/* Reads to the end, or to one byte more than a file may have. False: errno tells. */
static bool read_all(struct load *l, FILE *in, size_t expected, struct blob *blob)
{
    blob->cap = expected < PMR_TEXT_MAX ? expected + 2 : PMR_TEXT_MAX + 2;
    blob->bytes = pmr_memory_take(&l->memory, blob->cap);
    while (blob->bytes != NULL && blob->len <= PMR_TEXT_MAX) {
        size_t room = blob->cap - 1 - blob->len; /* a NUL stays behind */
        size_t got = fread(blob->bytes + blob->len, 1, room, in);

        blob->len += got;
        if (got < room)
            return !ferror(in);
        blob->bytes = pmr_memory_grow(&l->memory, blob->bytes, blob->cap, &blob->cap, 1);
    }
    return true;
}

static struct file *file_add(struct load *l, const char *path)
{
    struct file *file = pmr_memory_take(&l->memory, sizeof *file);
    struct file **grown =
        pmr_memory_grow(&l->memory, l->files, l->file_count, &l->file_cap, sizeof(struct file *));

    if (file == NULL || grown == NULL)
        return NULL;
    file->path = pmr_memory_copy(&l->rules->memory, path, strlen(path));
    file->order = l->opened++;
    if (file->path == NULL)
        return NULL;
    l->files = grown;
    l->files[l->file_count++] = file;
    return file;
}

/* A fault of the file as a whole: told where it is included, or at its own beginning. */
static void fail_file(struct load *l, const struct file *file, const struct node *at,
                      enum code code, const char *what)
{
    struct line_of where = {.path = file->path, .order = file->order};

    if (at != NULL)
        pmr_fail(l, at, code, NULL, "%s: %s", pmr_quote(file->path).text, what);
    else
        pmr_fail_line(l, &where, code, NULL, "%s", what);
}

static void read_file(struct load *l, struct file *file, FILE *in, const struct node *at)
{
    struct blob blob = {.bytes = NULL};
    struct stat status;

    if (fstat(fileno(in), &status) != 0) {
        fail_file(l, file, at, CODE_UNREADABLE, strerror(errno));
        return;
    }
    file->device = status.st_dev;
    file->inode = status.st_ino;
    file->is_on_disk = true;
    if (!read_all(l, in, S_ISREG(status.st_mode) ? (size_t)status.st_size : 4096, &blob)) {
        fail_file(l, file, at, CODE_UNREADABLE, strerror(errno));
        return;
    }
    if (blob.len > PMR_TEXT_MAX) {
        fail_file(l, file, at, CODE_TOO_LARGE, "the file is larger than 64 MiB");
        return;
    }
    file->text = blob.bytes;
    file->len = blob.len;
}

static void open_file(struct load *l, struct file *file, const char *path, const struct node *at)
{
    FILE *in = fopen(path, "rb");

    if (in == NULL) {
        fail_file(l, file, at, CODE_UNREADABLE, strerror(errno));
        return;
    }
    read_file(l, file, in, at);
    fclose(in);
}

void pmr_file_first(struct load *l, const char *path)
{
    struct file *file = file_add(l, path);

    if (file == NULL)
        return;
    open_file(l, file, path, NULL);
    if (file->text != NULL)
        understand(l, file);
}

void pmr_file_first_text(struct load *l, const char *name, const char *text, size_t len)
{
    struct file *file = file_add(l, name);

    if (file == NULL)
        return;
    if (len > PMR_TEXT_MAX) {
        fail_file(l, file, NULL, CODE_TOO_LARGE, "the text is larger than 64 MiB");
        return;
    }
    file->text = pmr_memory_copy(&l->memory, text, len);
    file->len = len;
    if (file->text != NULL)
        understand(l, file);
}

void pmr_files_free(struct load *l)
{
    for (size_t i = 0; i < l->file_count; i++)
        free(l->files[i]->tree);
}

/* ------------------------------------------------------------------ including */

const char *pmr_file_path(struct load *l, const struct node *n)
{
    const char *path = pmr_node_text(n), *slash = NULL;

    for (size_t i = 0; i < l->file_count && path[0] != '/'; i++) {
        const struct file *file = l->files[i];

        if (file->node_count > 0 && n >= file->nodes && n < file->nodes + file->node_count)
            slash = strrchr(file->path, '/');
        if (slash != NULL)
            return pmr_text(&l->memory, "%.*s/%s", (int)(slash - file->path), file->path, path);
    }
    return path;
}

static bool is_same(const struct file *a, const struct file *b)
{
    return a->is_on_disk && b->is_on_disk && a->device == b->device && a->inode == b->inode;
}

/* False: the file came before; complained. */
static bool is_new(struct load *l, const struct file *file)
{
    for (const struct file *outer = file->parent; outer != NULL; outer = outer->parent)
        if (is_same(outer, file)) {
            pmr_fail(l, file->included_at, CODE_INCLUDE, NULL, "%s includes itself in a circle",
                     pmr_quote(file->path).text);
            return false;
        }
    for (size_t i = 0; i + 1 < l->file_count; i++)
        if (is_same(l->files[i], file)) {
            pmr_fail(l, file->included_at, CODE_INCLUDE, NULL, "%s is included before",
                     pmr_quote(file->path).text);
            return false;
        }
    return true;
}

static void include(struct load *l, const struct file *parent, const struct node *at)
{
    const char *path;
    struct file *file;

    if (parent->depth == DEPTH_MAX || l->file_count == FILES_MAX) {
        pmr_fail(l, at, CODE_INCLUDE, NULL, "files are included %u deep, or more than %u in all",
                 DEPTH_MAX, FILES_MAX);
        return;
    }
    path = pmr_file_path(l, at);
    file = path == NULL ? NULL : file_add(l, path);
    if (file == NULL)
        return;
    file->parent = parent;
    file->depth = parent->depth + 1;
    file->included_at = at;
    open_file(l, file, path, at);
    if (file->text != NULL && is_new(l, file))
        understand(l, file);
}

static void include_list(struct load *l, const struct file *file)
{
    const struct node *list = pmr_node_get(&file->nodes[0], "include");

    if (list == NULL || !pmr_expect_filled(l, list, NODE_LIST))
        return;
    for (const struct node *n = pmr_node_first(list); n != NULL; n = pmr_node_next(n)) {
        if (!pmr_expect_filled(l, n, NODE_STRING))
            continue;
        if (l->may_open)
            include(l, file, n);
        else
            pmr_fail(l, n, CODE_NO_FILES, NULL, "text that is not in a file may not include files");
    }
}

void pmr_file_includes(struct load *l)
{
    for (size_t i = 0; i < l->file_count; i++)
        if (l->files[i]->node_count > 0)
            include_list(l, l->files[i]);
}

const struct file *pmr_file_included_at(const struct load *l, const struct node *path)
{
    for (size_t i = 0; i < l->file_count; i++)
        if (l->files[i]->included_at == path)
            return l->files[i];
    return NULL;
}
