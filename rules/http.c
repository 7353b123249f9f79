/* http.c - the operation on HTTP messages: header lines, status, body. */
#include "http.h"

#include <string.h>
#include <strings.h>

#include "bytes.h"
#include "diagnostic.h"
#include "expect.h"

/* The lines of one operation, as they are collected. */
struct lines {
    struct load *load;
    struct pm_http_header *list;
    size_t count, cap;
};

static bool is_token(const char *text)
{
    static const char others[] = "!#$%&'*+-.^_`|~";

    for (const char *c = text; *c != 0; c++)
        if (!(*c >= '0' && *c <= '9') && !(*c >= 'A' && *c <= 'Z') && !(*c >= 'a' && *c <= 'z') &&
            strchr(others, *c) == NULL)
            return false;
    return *text != 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_value(const char *text)
{
    size_t len = strlen(text);

    for (size_t i = 0; i < len; i++)
        if (((unsigned char)text[i] < 0x20 && text[i] != '\t') || text[i] == 0x7f)
            return false;
    return len == 0 || (!is_blank(text[0]) && !is_blank(text[len - 1]));
}

/* at_key: the name is the node's key, else its value. */
static void fail_name(struct load *l, const struct node *n, bool at_key, const char *name)
{
    bool is_length =
        strcasecmp(name, "content-length") == 0 || strcasecmp(name, "transfer-encoding") == 0;
    const char *text = is_length ? "is kept right without a rule: the length of messages follows "
                                   "their bodies"
                                 : "is no header name: it has other characters than letters, "
                                   "digits and !#$%&'*+-.^_`|~";

    if (at_key)
        pmr_fail_key(l, n, CODE_HEADER, NULL, "%s %s", pmr_quote(name).text, text);
    else
        pmr_fail(l, n, CODE_HEADER, NULL, "%s %s", pmr_quote(name).text, text);
}

static bool is_fit(const struct pm_http_header *header, struct pm_op_fault *fault)
{
    struct pm_op_spec op = {.kind = PM_OP_HTTP, .http = {.headers = header, .header_count = 1}};

    return pm_op_check(&op, fault);
}

static void add_line(struct lines *lines, enum pm_http_edit edit, const char *name,
                     const char *value)
{
    struct memory *m = &lines->load->memory;
    struct pm_http_header *grown =
        pmr_memory_grow(m, lines->list, lines->count, &lines->cap, sizeof *grown);

    if (grown == NULL)
        return;
    lines->list = grown;
    grown[lines->count++] = (struct pm_http_header){.edit = edit, .name = name, .value = value};
}

static void take_line(struct lines *lines, const struct node *n, enum pm_http_edit edit)
{
    struct load *l = lines->load;
    const char *name = pmr_node_key(n);
    struct pm_op_fault fault;

    if (!pmr_expect_kind(l, n, NODE_STRING))
        return;
    struct pm_http_header header = {.edit = edit, .name = name, .value = pmr_node_text(n)};
    if (!is_token(name) || !is_fit(&(struct pm_http_header){PM_HTTP_REMOVE, name, ""}, &fault))
        fail_name(l, n, true, name);
    else if (!is_value(header.value))
        pmr_fail(l, n, CODE_HEADER, NULL,
                 "a header value has no control characters, and no space at its ends");
    else if (!is_fit(&header, &fault))
        pmr_fail(l, n, CODE_HEADER, NULL, "a header line has at most about 1000 bytes");
    else
        add_line(lines, edit, name, header.value);
}

static void take_lines(struct lines *lines, const struct node *object, enum pm_http_edit edit)
{
    if (!pmr_expect_filled(lines->load, object, NODE_OBJECT))
        return;
    for (const struct node *n = pmr_node_first(object); n != NULL; n = pmr_node_next(n))
        take_line(lines, n, edit);
}

static void take_removes(struct lines *lines, const struct node *list)
{
    struct load *l = lines->load;
    struct pm_op_fault fault;

    if (!pmr_expect_filled(l, list, NODE_LIST))
        return;
    for (const struct node *n = pmr_node_first(list); n != NULL; n = pmr_node_next(n)) {
        if (!pmr_expect_filled(l, n, NODE_STRING))
            continue;
        const char *name = pmr_node_text(n);

        if (!is_token(name) || !is_fit(&(struct pm_http_header){PM_HTTP_REMOVE, name, ""}, &fault))
            fail_name(l, n, false, name);
        else
            add_line(lines, PM_HTTP_REMOVE, name, "");
    }
}

static void take_status(struct load *l, const struct node *n, struct pm_op_spec *op)
{
    int64_t number;

    if (!pmr_expect_whole(l, n, 200, 599, &number))
        return;
    if (number == 204 || number == 205 || number == 304)
        pmr_fail(l, n, CODE_HEADER, NULL,
                 "a response with status %d has no body, and the one at hand may have one",
                 (int)number);
    op->http.status = (uint16_t)number;
}

static void take_body(struct load *l, const struct node *n, struct pm_op_spec *op)
{
    struct bytes bytes;

    if (!pmr_bytes_of(l, n, &bytes))
        return;
    if (bytes.len > PM_HTTP_BODY_MAX)
        pmr_fail(l, n, CODE_RANGE, NULL, "a body has at most %u bytes, and there are %u",
                 PM_HTTP_BODY_MAX, (unsigned)bytes.len);
    op->http.has_body = true;
    op->http.body = bytes.at;
    op->http.body_len = bytes.len;
}

void pmr_http_of(struct load *l, const struct node *n, struct pm_op_spec *op)
{
    static const struct key keys[] = {
        {"set", false}, {"add", false}, {"remove", false}, {"status", false}, {"body", false}};
    const struct node *set = pmr_node_get(n, "set"), *add = pmr_node_get(n, "add"),
                      *remove = pmr_node_get(n, "remove"), *status = pmr_node_get(n, "status"),
                      *body = pmr_node_get(n, "body");
    struct lines lines = {.load = l};

    *op = (struct pm_op_spec){.kind = PM_OP_HTTP};
    if (!pmr_expect_some(l, n, keys, sizeof keys / sizeof keys[0], "\"http\""))
        return;
    if (set != NULL)
        take_lines(&lines, set, PM_HTTP_SET);
    if (add != NULL)
        take_lines(&lines, add, PM_HTTP_ADD);
    if (remove != NULL)
        take_removes(&lines, remove);
    if (status != NULL)
        take_status(l, status, op);
    if (body != NULL)
        take_body(l, body, op);
    op->http.headers = lines.list;
    op->http.header_count = (uint32_t)lines.count;
}
