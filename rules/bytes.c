/* bytes.c - byte strings of rules: text, {"hex": ...}, {"base64": ...}. */
#include "bytes.h"

#include <string.h>

#include "diagnostic.h"
#include "expect.h"
#include "notation.h"

static bool decoded(struct load *l, const struct node *n, bool is_hex, struct bytes *out)
{
    struct complaint c = {.text = ""};
    uint8_t *room;
    size_t len = 0;

    if (!pmr_expect_kind(l, n, NODE_STRING))
        return false;
    room = pmr_memory_take(&l->memory, strlen(pmr_node_text(n)) + 1);
    if (room == NULL)
        return false;
    if (!(is_hex ? pmr_parse_hex : pmr_parse_base64)(pmr_node_text(n), room, &len, &c)) {
        pmr_fail(l, n, c.code, NULL, "%s", c.text);
        return false;
    }
    *out = (struct bytes){.at = room, .len = (uint32_t)len};
    return true;
}

bool pmr_bytes_of(struct load *l, const struct node *n, struct bytes *out)
{
    static const struct key keys[] = {{"hex", false}, {"base64", false}};
    const struct node *hex, *base64;

    if (pmr_node_kind(n) == NODE_STRING && !n->bad) {
        out->at = (const uint8_t *)pmr_node_text(n);
        out->len = (uint32_t)strlen(pmr_node_text(n));
        return true;
    }
    if (pmr_node_kind(n) != NODE_OBJECT) {
        pmr_fail(l, n, CODE_TYPE, NULL,
                 "expected a text, {\"hex\": ...} or {\"base64\": ...}, found %s",
                 pmr_found(n).text);
        return false;
    }
    pmr_expect_keys(l, n, keys, 2, "a byte string");
    hex = pmr_node_get(n, "hex");
    base64 = pmr_node_get(n, "base64");
    if ((hex == NULL) == (base64 == NULL)) {
        pmr_fail(l, n, CODE_KEYS_CLASH, NULL, "a byte string has either \"hex\" or \"base64\"");
        return false;
    }
    return decoded(l, hex != NULL ? hex : base64, hex != NULL, out);
}

bool pmr_bytes_filled(struct load *l, const struct node *n, struct bytes *out)
{
    if (!pmr_bytes_of(l, n, out))
        return false;
    if (out->len > 0)
        return true;
    pmr_fail(l, n, CODE_EMPTY, NULL, "a byte string to look for may not be empty");
    return false;
}
