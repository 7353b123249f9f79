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

static void put_edit(struct oracle *k, int64_t o, const struct needle *n)
{
    struct oracle_edit *e = begin_edit(k, o, o + (int64_t)n->find_len);
    put_bytes(k, n->with, (int64_t)n->with_len);
    e->m1 = k->m_len;
}

static void put_splices(struct oracle *k)
{
    int64_t o = 0;
    for (size_t i = 0; i < k->wanted->splice_count && k->wanted->splices[i].at < k->o_len; i++) {
        const struct splice *s = &k->wanted->splices[i];
        bool is_insert = s->taken == 0;
        int64_t end = s->at + (is_insert ? 1 : s->taken);
        end = end < k->o_len ? end : k->o_len;
        put_bytes(k, k->o + o, s->at - o);
        struct oracle_edit *e = begin_edit(k, s->at, end);
        put_bytes(k, s->bytes, (int64_t)s->len);
        if (is_insert)
            put_bytes(k, k->o + s->at, 1);
        e->m1 = k->m_len;
        o = end;
    }
    put_bytes(k, k->o + o, k->o_len - o);
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

/* The end of the bytes at o with which no needle begins. */
static int64_t plain_end(const struct oracle *k, int64_t o, int64_t end)
{
    while (o < end && !k->begins[k->o[o]])
        o++;
    return o;
}

/* The stream from o on, up to end, as if nothing followed. */
static void replace(struct oracle *k, int64_t o, int64_t end)
{
    while (o < end) {
        int64_t plain = plain_end(k, o, end);
        put_bytes(k, k->o + o, plain - o);
        o = plain;
        const struct needle *n = needle_at(k, o, end);
        if (n) {
            put_edit(k, o, n);
            o += (int64_t)n->find_len;
        } else if (o < end) {
            put_bytes(k, k->o + o, 1);
            o++;
        }
    }
}

void oracle_begin(struct oracle *k, const uint8_t *o, int64_t o_len, const struct edits *wanted)
{
    *k = (struct oracle){.o = o, .o_len = o_len, .wanted = wanted};
    for (size_t i = 0; i < wanted->needle_count; i++)
        k->begins[wanted->needles[i].find[0]] = true;
    if (wanted->splice_count > 0)
        put_splices(k);
    else
        replace(k, 0, o_len);
}

void oracle_end(struct oracle *k)
{
    free(k->edits);
    free(k->m);
    *k = (struct oracle){0};
}

bool oracle_release(struct oracle *k, int64_t offset, int64_t len)
{
    int64_t from = offset - len;
    if (len < 0 || from < k->restart_o || offset > k->o_len || k->wanted->splice_count > 0)
        return k->wanted->splice_count > 0 && len == 0; /* a splice does not wait, nor is it lost */
    while (k->edit_count > 0 && k->edits[k->edit_count - 1].o0 >= from)
        k->edit_count--;
    if (k->edit_count > 0 && k->edits[k->edit_count - 1].o1 > from && len > 0)
        return false;
    if (len == 0) { /* a cut: what began before it and would end behind it is no match */
        while (k->edit_count > 0 && k->edits[k->edit_count - 1].o1 > from)
            k->edit_count--;
        int64_t o = k->edit_count > 0 ? k->edits[k->edit_count - 1].o1 : 0;
        o = o > k->restart_o ? o : k->restart_o;
        k->m_len = oracle_low(k, o);
        replace(k, o, offset);
    } else {
        k->m_len = oracle_low(k, from);
        put_bytes(k, k->o + from, len);
    }
    k->restart_o = offset;
    replace(k, offset, k->o_len);
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
