/* external.c - the operation that leaves the editing to another program. */
#include "external.h"

#include <string.h>

#include "diagnostic.h"
#include "expect.h"
#include "file.h"

#define SOCKET_MAX     103u /* bytes that every system has room for in an address */
#define TIMEOUT_MS_MAX 600000

static void take_socket(struct load *l, const struct node *n, struct pm_op_spec *op)
{
    const char *path;

    if (!pmr_expect_filled(l, n, NODE_STRING))
        return;
    if (!l->may_open && pmr_node_text(n)[0] != '/') {
        pmr_fail(l, n, CODE_NO_FILES, "write a path that begins with \"/\"",
                 "text that is not in a file has no folder for the path of a socket");
        return;
    }
    path = pmr_file_path(l, n);
    if (path == NULL)
        return;
    if (strlen(path) > SOCKET_MAX)
        pmr_fail(l, n, CODE_LIMIT, NULL,
                 "the path of a socket has at most %u bytes, this one has %zu", SOCKET_MAX,
                 strlen(path));
    op->external.socket = path;
}

static void take_on_timeout(struct load *l, const struct node *external, struct pm_op_spec *op)
{
    static const char *const words[] = {"pass", "drop", NULL};
    const struct node *n = pmr_node_get(external, "on_timeout");
    size_t index;

    if (n == NULL)
        pmr_fail(
            l, external, CODE_MISSING_KEY, "add \"on_timeout\": \"pass\" or \"drop\"",
            "\"external\" needs \"on_timeout\": what happens when the program is gone or late");
    else if (pmr_expect_word(l, n, words, &index))
        op->external.on_timeout = (enum pm_on_timeout)index;
}

void pmr_external_of(struct load *l, const struct node *n, struct pm_op_spec *op)
{
    static const struct key keys[] = {
        {"socket", false}, {"timeout_ms", false}, {"on_timeout", false}};
    const struct node *socket;
    uint64_t timeout_ms = 1;

    *op = (struct pm_op_spec){.kind = PM_OP_EXTERNAL};
    if (!pmr_expect_kind(l, n, NODE_OBJECT))
        return;
    pmr_expect_keys(l, n, keys, 3, "\"external\"");
    socket = pmr_expect_member(l, n, "socket", "\"external\"");
    if (socket != NULL)
        take_socket(l, socket, op);
    pmr_expect_member(l, n, "timeout_ms", "\"external\"");
    if (pmr_take_number(l, n, "timeout_ms", 1, TIMEOUT_MS_MAX, &timeout_ms))
        op->external.timeout_ms = (uint32_t)timeout_ms;
    take_on_timeout(l, n, op);
}
