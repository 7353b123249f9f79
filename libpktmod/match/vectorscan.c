/* vectorscan.c - finding very many literals with Vectorscan, or not at all. */
#include "match/vectorscan.h"

#include <stdlib.h>

#include "match/window.h"

#if defined(PKTMOD_HAS_VECTORSCAN)

#include <hs/hs.h>

struct pm_vectorscan {
    hs_database_t *database;
    size_t database_size, scratch_size;
    uint32_t count;
    uint32_t lens[]; /* of the literals */
};

struct pm_vectorscan_room {
    hs_scratch_t *scratch;
    struct pm_hit hits[PM_VECTORSCAN_HITS];
};

/* ------------------------------------------------------------------ compiling */

/* The literals as hs_compile_lit_multi takes them. */
struct columns {
    const char **bytes;
    unsigned *flags, *ids;
    size_t *lens;
};

static void free_columns(struct columns *c)
{
    free(c->bytes);
    free(c->flags);
    free(c->ids);
    free(c->lens);
}

static bool make_columns(struct columns *c, const struct pm_literal *list, uint32_t count)
{
    c->bytes = calloc(count, sizeof *c->bytes);
    c->flags = calloc(count, sizeof *c->flags);
    c->ids = calloc(count, sizeof *c->ids);
    c->lens = calloc(count, sizeof *c->lens);
    if (!c->bytes || !c->flags || !c->ids || !c->lens)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        c->bytes[i] = (const char *)list[i].bytes;
        c->flags[i] = list[i].nocase ? HS_FLAG_CASELESS : 0;
        c->ids[i] = i;
        c->lens[i] = list[i].len;
    }
    return true;
}

static hs_database_t *compile(const struct pm_literal *list, uint32_t count)
{
    struct columns c = {.bytes = NULL};
    hs_database_t *database = NULL;
    hs_compile_error_t *error = NULL;
    if (make_columns(&c, list, count) &&
        hs_compile_lit_multi(c.bytes, c.flags, c.ids, c.lens, count, HS_MODE_BLOCK, NULL, &database,
                             &error) != HS_SUCCESS)
        hs_free_compile_error(error);
    free_columns(&c);
    return database;
}

static bool measure(struct pm_vectorscan *v)
{
    hs_scratch_t *scratch = NULL;
    bool ok = hs_database_size(v->database, &v->database_size) == HS_SUCCESS &&
              hs_alloc_scratch(v->database, &scratch) == HS_SUCCESS &&
              hs_scratch_size(scratch, &v->scratch_size) == HS_SUCCESS;
    hs_free_scratch(scratch);
    return ok;
}

struct pm_vectorscan *pm_vectorscan_new(const struct pm_literal *list, uint32_t count)
{
    if (count == 0 || hs_valid_platform() != HS_SUCCESS)
        return NULL;
    struct pm_vectorscan *v = calloc(1, sizeof *v + count * sizeof v->lens[0]);
    if (!v)
        return NULL;
    v->count = count;
    for (uint32_t i = 0; i < count; i++)
        v->lens[i] = list[i].len;
    v->database = compile(list, count);
    if (v->database && measure(v))
        return v;
    pm_vectorscan_free(v);
    return NULL;
}

void pm_vectorscan_free(struct pm_vectorscan *v)
{
    if (!v)
        return;
    hs_free_database(v->database);
    free(v);
}

size_t pm_vectorscan_footprint(const struct pm_vectorscan *v)
{
    return v ? sizeof *v + v->count * sizeof v->lens[0] + v->database_size : 0;
}

/* ------------------------------------------------------------------ room */

bool pm_vectorscan_fit(struct pm_vectorscan_room **room, const struct pm_vectorscan *v)
{
    if (!v)
        return true;
    if (!*room)
        *room = calloc(1, sizeof **room);
    return *room && hs_alloc_scratch(v->database, &(*room)->scratch) == HS_SUCCESS;
}

void pm_vectorscan_room_free(struct pm_vectorscan_room *room)
{
    if (!room)
        return;
    hs_free_scratch(room->scratch);
    free(room);
}

size_t pm_vectorscan_room_footprint(const struct pm_vectorscan *v)
{
    return v ? sizeof(struct pm_vectorscan_room) + v->scratch_size : 0;
}

/* ------------------------------------------------------------------ scanning */

struct collection {
    const struct pm_vectorscan *of;
    struct pm_hit *hits;
    struct pm_choice choice;
    uint32_t count;
    bool is_full; /* there are more */
};

/* Not 0: the scan ends. */
static int collect(unsigned literal, unsigned long long from, unsigned long long end,
                   unsigned flags, void *context)
{
    struct collection *c = context;
    (void)from;
    (void)flags;
    if (!pm_choice_has(&c->choice, literal))
        return 0;
    c->is_full = c->count == PM_VECTORSCAN_HITS;
    if (!c->is_full)
        c->hits[c->count++] = (struct pm_hit){literal, (size_t)end - c->of->lens[literal]};
    return c->is_full;
}

/* They come nearly in order, and few. */
static void sort(struct pm_hit *hits, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        struct pm_hit hit = hits[i];
        uint32_t at = i;
        for (; at > 0 && pm_hit_is_before(&hit, &hits[at - 1]); at--)
            hits[at] = hits[at - 1];
        hits[at] = hit;
    }
}

const struct pm_hit *pm_vectorscan_run(const struct pm_vectorscan *v,
                                       struct pm_vectorscan_room *room, const uint32_t *active,
                                       uint32_t active_count, const uint8_t *bytes, size_t len,
                                       uint32_t *count)
{
    struct collection c = {.of = v, .hits = room->hits, .choice = {active, active_count}};
    if (len > UINT32_MAX || hs_scan(v->database, (const char *)bytes, (unsigned)len, 0,
                                    room->scratch, collect, &c) != HS_SUCCESS)
        return NULL;
    sort(c.hits, c.count);
    *count = c.count;
    return c.hits;
}

#else

struct pm_vectorscan *pm_vectorscan_new(const struct pm_literal *list, uint32_t count)
{
    (void)list;
    (void)count;
    return NULL;
}

void pm_vectorscan_free(struct pm_vectorscan *v)
{
    (void)v;
}

size_t pm_vectorscan_footprint(const struct pm_vectorscan *v)
{
    (void)v;
    return 0;
}

bool pm_vectorscan_fit(struct pm_vectorscan_room **room, const struct pm_vectorscan *v)
{
    (void)room;
    (void)v;
    return true;
}

void pm_vectorscan_room_free(struct pm_vectorscan_room *room)
{
    (void)room;
}

size_t pm_vectorscan_room_footprint(const struct pm_vectorscan *v)
{
    (void)v;
    return 0;
}

const struct pm_hit *pm_vectorscan_run(const struct pm_vectorscan *v,
                                       struct pm_vectorscan_room *room, const uint32_t *active,
                                       uint32_t active_count, const uint8_t *bytes, size_t len,
                                       uint32_t *count)
{
    (void)v;
    (void)room;
    (void)active;
    (void)active_count;
    (void)bytes;
    (void)len;
    *count = 0;
    return NULL;
}

#endif
