/* oracle.c - the simple search; the contract is in oracle.h. */
#include "oracle.h"

#include <stdlib.h>
#include <string.h>

static void put_bytes(struct oracle *k, const uint8_t *bytes, int64_t len)
{
    if (k->m_len + len > k->m_cap) {
        k->m_cap = (k->m_len + len) * 2 + 256;
        k->m = realloc(k->m, (size_t)k->m_cap);
        if (!k->m)
            abort();
    }
    if (len > 0)
        memcpy(k->m + k->m_len, bytes, (size_t)len);
    k->m_len += len;
}

/* [o0, o1) becomes what is put next. */
static struct oracle_edit *begin_edit(struct oracle *k, int64_t o0, int64_t o1)
{
    if (k->edit_count == k->edit_cap) {
        k->edit_cap = k->edit_cap * 2 + 16;
        k->edits = realloc(k->edits, k->edit_cap * sizeof *k->edits);
        if (!k->edits)
            abort();
    }
    struct oracle_edit *e = &k->edits[k->edit_count++];
    *e = (struct oracle_edit){.o0 = o0, .o1 = o1, .m0 = k->m_len, .m1 = k->m_len};
    return e;
}

static const struct needle *needle_at(const struct oracle *k, int64_t o, int64_t end)
{
    for (size_t i = 0; i < k->wanted->needle_count; i++) {
        const struct needle *n = &k->wanted->needles[i];
        if ((int64_t)n->find_len <= end - o && memcmp(k->o + o, n->find, n->find_len) == 0)
            return n;
    }
    return NULL;
}

/* The insert before o, or the delete that takes o; NULL if there is none. No two want the same
 * byte.
 */
static const struct splice *splice_at(const struct oracle *k, int64_t o)
{
    for (size_t i = 0; i < k->wanted->splice_count; i++) {
        const struct splice *s = &k->wanted->splices[i];
        if (s->at <= o && o < s->at + (s->taken > 0 ? s->taken : 1))
            return s;
    }
    return NULL;
}

/* The end of the bytes at o with which no needle and no splice begins. */
static int64_t plain_end(const struct oracle *k, int64_t o, int64_t end)
{
    while (o < end && !k->begins[k->o[o]] && !splice_at(k, o))
        o++;
    return o;
}

/* What begins at o: an insert, which what follows carries; a delete, a needle, or the byte itself.
 * Answers where it ends. */
static int64_t put_at(struct oracle *k, int64_t o, const struct splice *s, const struct needle *n)
{
    bool is_insert = s && s->taken == 0;
    bool is_delete = s && !is_insert && !(n && k->wanted->needles_first);
    int64_t left = k->o_len - o, len = is_delete ? s->at + s->taken - o
                                       : n       ? (int64_t)n->find_len
                                                 : 1;
    len = len < left ? len : left;
    struct oracle_edit *e = s || n ? begin_edit(k, o, o + len) : NULL;
    if (is_insert)
        put_bytes(k, s->bytes, (int64_t)s->len);
    if (n && !is_delete)
        put_bytes(k, n->with, (int64_t)n->with_len);
    else if (!is_delete)
        put_bytes(k, k->o + o, 1);
    if (e)
        e->m1 = k->m_len;
    return o + len;
}

/* The stream from o on, up to end, as if no needle ended behind that; a delete may. Answers where
 * it came to. */
static int64_t rewrite(struct oracle *k, int64_t o, int64_t end, bool has_needles)
{
    while (o < end) {
        int64_t plain = plain_end(k, o, end);
        put_bytes(k, k->o + o, plain - o);
        o = plain;
        if (o < end)
            o = put_at(k, o, splice_at(k, o), has_needles ? needle_at(k, o, end) : NULL);
    }
    return o;
}

void oracle_begin(struct oracle *k, const uint8_t *o, int64_t o_len, const struct edits *wanted)
{
    *k = (struct oracle){.o = o, .o_len = o_len, .wanted = wanted};
    for (size_t i = 0; i < wanted->needle_count; i++)
        k->begins[wanted->needles[i].find[0]] = true;
    rewrite(k, 0, o_len, true);
}

void oracle_end(struct oracle *k)
{
    free(k->edits);
    free(k->m);
    *k = (struct oracle){0};
}

/* Edits that begin at o or behind it have not been made. */
static void forget_from(struct oracle *k, int64_t o)
{
    while (k->edit_count > 0 && k->edits[k->edit_count - 1].o0 >= o)
        k->edit_count--;
}

/* The end of the edits made, or where the search began anew. */
static int64_t last_end(const struct oracle *k)
{
    int64_t o = k->edit_count > 0 ? k->edits[k->edit_count - 1].o1 : 0;
    return o > k->restart_o ? o : k->restart_o;
}

bool oracle_release(struct oracle *k, int64_t offset, int64_t len)
{
    int64_t from = offset - len;
    if (len < 0 || from < k->restart_o || offset > k->o_len)
        return false;
    forget_from(k, from);
    if (len > 0 && last_end(k) > from)
        return false;
    while (len == 0 && last_end(k) > from) /* a cut: what would end behind it is no match */
        k->edit_count--;
    int64_t o = len > 0 ? from : last_end(k);
    k->m_len = oracle_low(k, o);
    o = rewrite(k, o, offset, len == 0);
    k->restart_o = offset;
    rewrite(k, o, k->o_len, true);
    return true;
}

bool oracle_may_wait(const struct oracle *k, int64_t offset, int64_t len)
{
    for (size_t i = 0; i < k->wanted->needle_count; i++) {
        const struct needle *n = &k->wanted->needles[i];
        if ((int64_t)n->find_len > len && memcmp(k->o + offset, n->find, (size_t)len) == 0)
            return true;
    }
    return false;
}

/* The last edit that begins at or before o; NULL if none does. */
static const struct oracle_edit *edit_before(const struct oracle *k, int64_t o)
{
    size_t low = 0, high = k->edit_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (k->edits[middle].o0 <= o)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 ? &k->edits[low - 1] : NULL;
}

size_t oracle_first_edit(const struct oracle *k, int64_t o)
{
    const struct oracle_edit *e = edit_before(k, o);
    size_t index = e ? (size_t)(e - k->edits) : 0;
    return e && e->o1 < o ? index + 1 : index;
}

int64_t oracle_low(const struct oracle *k, int64_t o)
{
    const struct oracle_edit *e = edit_before(k, o);
    if (!e)
        return o;
    return o < e->o1 ? e->m0 : e->m1 + (o - e->o1);
}

int64_t oracle_high(const struct oracle *k, int64_t o)
{
    const struct oracle_edit *e = edit_before(k, o);
    if (!e)
        return o;
    if (o == e->o0)
        return e->m0;
    return o < e->o1 ? e->m1 : e->m1 + (o - e->o1);
}

int64_t oracle_run_end(const struct oracle *k, int64_t o, int64_t limit, bool *is_edit)
{
    const struct oracle_edit *e = edit_before(k, o);
    *is_edit = e && o < e->o1;
    int64_t end = limit;
    if (*is_edit)
        end = e->o1;
    else if (!e && k->edit_count > 0)
        end = k->edits[0].o0;
    else if (e && e + 1 < k->edits + k->edit_count)
        end = e[1].o0;
    return end < limit ? end : limit;
}
