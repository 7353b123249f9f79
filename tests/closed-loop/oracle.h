/* oracle.h - what a stream must become, found by a search too simple to be wrong: from left to
 * right, the first needle that stands at a position is replaced, nothing is searched twice. Splices
 * are done at their places, an insert before and a delete instead of what would begin there. An
 * insert into a needle's place is lost; of a delete what the needle left of its range is done.
 *
 * Where the engine says that it gave up waiting, or a reset ended a stream, the search begins anew
 * there. What lies behind the last such place is what will be if nothing of the kind happens again.
 */
#ifndef CL_ORACLE_H
#define CL_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ORACLE_NEEDLES 8
#define ORACLE_SPLICES 4

struct needle {
    uint8_t *find, *with;
    size_t find_len, with_len;
};

/* An edit whose place is known: len bytes are put in before byte `at`, which carries them, and
 * nothing is taken out; or `taken` bytes from `at` on are, and nothing is put in. */
struct splice {
    int64_t at, taken;
    uint8_t *bytes;
    size_t len;
};

/* All edits of a stream. Splices stand in ascending order, a byte or more between them. */
struct edits {
    struct needle needles[ORACLE_NEEDLES];
    struct splice splices[ORACLE_SPLICES];
    size_t needle_count, splice_count;
    bool needles_first; /* where a delete and a needle begin at the same byte */
};

struct oracle_edit {
    int64_t o0, o1, m0, m1;
};

struct oracle {
    const uint8_t *o;
    int64_t o_len;
    const struct edits *wanted;
    bool begins[256]; /* a needle begins with that byte */
    struct oracle_edit *edits;
    size_t edit_count, edit_cap;
    uint8_t *m;
    int64_t m_len, m_cap;
    int64_t restart_o; /* the search began anew here */
};

void oracle_begin(struct oracle *k, const uint8_t *o, int64_t o_len, const struct edits *wanted);
void oracle_end(struct oracle *k);

/* Some rule is about the stream. */
static inline bool oracle_is_ruled(const struct oracle *k)
{
    return k->wanted->needle_count + k->wanted->splice_count > 0;
}

/* The len bytes before offset stay as they are, and the search begins anew at offset. False: that
 * cannot be, it takes back what was certain. */
bool oracle_release(struct oracle *k, int64_t offset, int64_t len);
/* Whether those bytes might have become a match: [offset, offset+len) begins a needle. */
bool oracle_may_wait(const struct oracle *k, int64_t offset, int64_t len);

/* Where an original position stands in what the receiver gets; inside an edit, its beginning or its
 * end. Beyond the stream (the FIN) one for one. */
int64_t oracle_low(const struct oracle *k, int64_t o);
int64_t oracle_high(const struct oracle *k, int64_t o);
/* The first edit that ends at or behind o; edit_count if none does. */
size_t oracle_first_edit(const struct oracle *k, int64_t o);
/* The end, at most limit, of the edit or of the untouched bytes that hold o. */
int64_t oracle_run_end(const struct oracle *k, int64_t o, int64_t limit, bool *is_edit);

#endif
