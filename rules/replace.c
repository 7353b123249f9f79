/* replace.c - operations that look for bytes: replace, and delete of what is found. */
#include "replace.h"

#include <string.h>

#include "bytes.h"
#include "diagnostic.h"
#include "dns.h"
#include "expect.h"

void pmr_where_of(struct load *l, const struct node *n, enum pm_where *out)
{
    static const char *const words[] = {"stream", "payload", NULL};
    static const char *const messages[] = {"http.body", "http.header", "dns.name"};
    size_t index;

    for (size_t i = 0; i < 3 && pmr_node_kind(n) == NODE_STRING; i++)
        if (strcmp(pmr_node_text(n), messages[i]) == 0) {
            pmr_fail(l, n, CODE_KEYS_CLASH, "look for the text instead: \"find\" or \"regex\"",
                     "only what is found has its place in \"%s\"", messages[i]);
            return;
        }
    if (pmr_expect_word(l, n, words, &index))
        *out = index == 0 ? PM_IN_STREAM : PM_IN_PAYLOAD;
}

/* Where a find looks: also in parts of messages. */
static void take_where(struct load *l, const struct node *n, enum pm_where *out)
{
    static const char *const words[] = {"stream", "payload", "http.header", "http.body", NULL};
    size_t index;

    if (pmr_expect_word(l, n, words, &index))
        *out = (enum pm_where)(PM_IN_STREAM + index);
}

/* ------------------------------------------------------------------ what is looked for */

static void take_within(struct load *l, const struct node *n, struct pm_op_spec *op)
{
    static const struct key keys[] = {{"offset", false}, {"depth", false}};
    const struct node *offset = pmr_node_get(n, "offset"), *depth = pmr_node_get(n, "depth");
    int64_t number;

    if (!pmr_expect_kind(l, n, NODE_OBJECT))
        return;
    pmr_expect_keys(l, n, keys, 2, "\"within\"");
    if (offset == NULL && depth == NULL)
        pmr_fail(l, n, CODE_EMPTY, NULL, "\"within\" needs \"offset\" or \"depth\"");
    if (offset != NULL && pmr_expect_whole(l, offset, 0, PM_NO_LIMIT - 1, &number))
        op->replace.within_offset = (uint32_t)number;
    if (depth == NULL || !pmr_expect_whole(l, depth, 1, PM_NO_LIMIT - 1, &number))
        return;
    op->replace.within_depth = (uint32_t)number;
    if (!op->replace.is_regex && op->replace.within_depth < op->replace.find_len)
        pmr_fail(l, depth, CODE_RANGE, NULL, "%u bytes are not found within a depth of %u",
                 (unsigned)op->replace.find_len, (unsigned)op->replace.within_depth);
}

static void take_find(struct load *l, const struct node *n, struct pm_op_spec *op)
{
    struct bytes bytes;

    if (pmr_bytes_filled(l, n, &bytes)) {
        op->replace.find = bytes.at;
        op->replace.find_len = bytes.len;
    }
}

static void take_regex(struct load *l, const struct node *n, struct pm_op_spec *op)
{
    if (!pmr_expect_filled(l, n, NODE_STRING))
        return;
    op->replace.find = (const uint8_t *)pmr_node_text(n);
    op->replace.find_len = (uint32_t)strlen(pmr_node_text(n));
}

/* Bytes that are not written as text have no groups among them: each $ is one. */
static void keep_dollars(struct load *l, struct bytes *bytes)
{
    uint8_t *room = pmr_memory_take(&l->memory, 2 * (size_t)bytes->len + 1);
    uint32_t len = 0;

    for (uint32_t i = 0; room != NULL && i < bytes->len; i++) {
        room[len++] = bytes->at[i];
        if (bytes->at[i] == '$')
            room[len++] = '$';
    }
    *bytes = (struct bytes){.at = room, .len = len};
}

static void take_with(struct load *l, const struct node *n, struct pm_op_spec *op)
{
    struct bytes bytes;

    if (!pmr_bytes_of(l, n, &bytes))
        return;
    if (op->replace.is_regex && pmr_node_kind(n) != NODE_STRING)
        keep_dollars(l, &bytes);
    op->replace.with = bytes.at;
    op->replace.with_len = bytes.len;
}

static void take_max_match(struct load *l, const struct node *n, struct pm_op_spec *op)
{
    int64_t number;

    if (!op->replace.is_regex)
        pmr_fail_key(l, n, CODE_KEYS_CLASH, NULL, "\"max_match\" belongs to a \"regex\"");
    if (!pmr_expect_whole(l, n, 1, PM_MAX_MATCH, &number))
        return;
    op->replace.max_match = (uint32_t)number;
    if (op->replace.where != PM_IN_PAYLOAD && number > (int64_t)l->hold_bytes)
        pmr_fail(l, n, CODE_RANGE, NULL,
                 "no more than hold_bytes (%u) of a match can be waited for",
                 (unsigned)l->hold_bytes);
}

/* Whether the library takes regex and template; it tells at which byte it does not. */
static void check_regex(struct load *l, const struct node *replace, const struct pm_op_spec *op)
{
    const struct node *regex = pmr_node_get(replace, "regex"),
                      *with = pmr_node_get(replace, "with");
    struct pm_op_fault fault;

    if (regex == NULL || op->replace.find_len == 0 || pm_op_check(op, &fault))
        return;
    if (fault.in_with)
        pmr_fail_inside(l, with, fault.offset, CODE_REGEX, "%s", fault.text);
    else if (fault.offset > 0)
        pmr_fail_inside(l, regex, fault.offset, CODE_REGEX, "%s", fault.text);
    else
        pmr_fail(l, regex, CODE_REGEX, NULL, "%s", fault.text);
}

/* Either of them; `where` is what they stand in. */
static void take_pattern(struct load *l, const struct node *n, const char *where,
                         struct pm_op_spec *op)
{
    const struct node *find = pmr_node_get(n, "find"), *regex = pmr_node_get(n, "regex");

    op->replace.is_regex = regex != NULL;
    if (find != NULL && regex != NULL)
        pmr_fail_key(l, regex, CODE_KEYS_CLASH, NULL, "%s has either \"find\" or \"regex\"", where);
    if (find == NULL && regex == NULL)
        pmr_expect_member(l, n, "find", where);
    if (find != NULL)
        take_find(l, find, op);
    if (regex != NULL)
        take_regex(l, regex, op);
}

/* What a replace and a delete have in common. */
static void take_finding(struct load *l, const struct node *n, struct pm_op_spec *op)
{
    const struct node *in = pmr_node_get(n, "in"), *nocase = pmr_node_get(n, "nocase"),
                      *within = pmr_node_get(n, "within"),
                      *max_match = pmr_node_get(n, "max_match");
    uint64_t max = 0;

    if (in != NULL)
        take_where(l, in, &op->replace.where);
    if (pmr_take_number(l, n, "max", 1, UINT32_MAX, &max))
        op->replace.max = (uint32_t)max;
    if (nocase != NULL)
        pmr_expect_bool(l, nocase, &op->replace.nocase);
    if (within != NULL)
        take_within(l, within, op);
    if (max_match != NULL)
        take_max_match(l, max_match, op);
}

/* ------------------------------------------------------------------ lengths */

static void take_pad(struct load *l, const struct node *n, struct pm_op_spec *op)
{
    struct bytes bytes;

    if (op->replace.length != PM_LENGTH_PAD)
        pmr_fail_key(l, n, CODE_KEYS_CLASH, NULL, "\"pad\" belongs to \"length\": \"pad\"");
    if (!pmr_bytes_of(l, n, &bytes))
        return;
    if (bytes.len == 1)
        op->replace.pad = bytes.at[0];
    else
        pmr_fail(l, n, CODE_LENGTH, NULL, "expected one byte to fill up with, found %u of them",
                 (unsigned)bytes.len);
}

/* What a regex finds has a length only later; then the engine decides. */
static void check_length(struct load *l, const struct node *with, const struct pm_op_spec *op)
{
    uint32_t find = op->replace.find_len, put = op->replace.with_len;

    if (op->replace.is_regex || find == 0)
        return;
    if (op->replace.length == PM_LENGTH_SAME && put != find)
        pmr_fail(l, with, CODE_LENGTH, "fill it up, or write \"length\": \"any\"",
                 "expected %u bytes, as many as are found, and there are %u", (unsigned)find,
                 (unsigned)put);
    else if (op->replace.length == PM_LENGTH_PAD && put > find)
        pmr_fail(l, with, CODE_LENGTH, "cut it, or write \"length\": \"any\"",
                 "expected at most %u bytes, as many as are found, and there are %u",
                 (unsigned)find, (unsigned)put);
}

static void take_length(struct load *l, const struct node *n, struct pm_op_spec *op)
{
    static const char *const words[] = {"any", "same", "pad", NULL};
    const struct node *length = pmr_node_get(n, "length"), *pad = pmr_node_get(n, "pad"),
                      *with = pmr_node_get(n, "with");
    size_t index;

    op->replace.pad = ' ';
    if (length != NULL && pmr_expect_word(l, length, words, &index))
        op->replace.length = (enum pm_length)index;
    if (pad != NULL)
        take_pad(l, pad, op);
    if (with != NULL && op->replace.with != NULL)
        check_length(l, with, op);
}

/* ------------------------------------------------------------------ the operations */

void pmr_replace_of(struct load *l, const struct node *n, struct pm_op_spec *op)
{
    static const struct key keys[] = {
        {"find", false},   {"with", false},      {"in", false},    {"max", false},
        {"nocase", false}, {"within", false},    {"regex", false}, {"length", false},
        {"pad", false},    {"max_match", false},
    };
    const struct node *with;

    *op = (struct pm_op_spec){.kind = PM_OP_REPLACE, .replace = {.within_depth = PM_NO_LIMIT}};
    if (!pmr_expect_kind(l, n, NODE_OBJECT))
        return;
    pmr_expect_keys(l, n, keys, sizeof keys / sizeof keys[0], "a replace");
    with = pmr_expect_member(l, n, "with", "a replace");
    if (pmr_is_dns_rename(n)) {
        pmr_dns_rename_of(l, n, op);
        return;
    }
    take_pattern(l, n, "a replace", op);
    if (with != NULL)
        take_with(l, with, op);
    take_finding(l, n, op);
    take_length(l, n, op);
    if (with != NULL)
        check_regex(l, n, op);
}

void pmr_delete_found_of(struct load *l, const struct node *n, struct pm_op_spec *op)
{
    *op =
        (struct pm_op_spec){.kind = PM_OP_REPLACE,
                            .replace = {.within_depth = PM_NO_LIMIT, .with = (const uint8_t *)""}};
    take_pattern(l, n, "a delete", op);
    take_finding(l, n, op);
    check_regex(l, n, op);
}
