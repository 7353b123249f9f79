/* cond.c - conditions of rules: which packets.
 *
 * Conditions nest, and the functions here call each other with them; the scanner lets nothing
 * through that is deeper than PMR_DEPTH_MAX. */
#include "cond.h"

#include <string.h>

#include "diagnostic.h"
#include "expect.h"
#include "lint.h"
#include "record.h"
#include "suggest.h"
#include "test.h"
#include "trace.h"

static const struct cond always = {.id = PM_COND_TRUE, .can_be_tcp = true, .is_all_tcp = true};

/* Families of fields that later versions have. */
static bool is_later_field(const char *name)
{
    static const char *const families[] = {"process.", "dns.", "http.", "tls."};

    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++)
        if (strncmp(name, families[i], strlen(families[i])) == 0)
            return true;
    return false;
}

/* False: there is none; *best is the nearest, or NULL. */
static bool find_field(struct load *l, const char *name, enum pm_field *field, const char **best)
{
    struct suggest suggest = pmr_suggest_for(name);

    if (pm_field_find(name, field))
        return true;
    if (!pmr_is_shown(l))
        return false;
    for (int i = 0; i < PM_FIELD_COUNT; i++)
        pmr_suggest_offer(&suggest, pm_field_info((enum pm_field)i)->name);
    *best = suggest.best;
    return false;
}

bool pmr_field_of(struct load *l, const struct node *n, enum pm_field *field)
{
    const char *name = pmr_node_key(n), *best = NULL;

    if (find_field(l, name, field, &best))
        return true;
    if (is_later_field(name))
        pmr_not_yet_key(l, n, name);
    else
        pmr_fail_key(l, n, CODE_UNKNOWN_FIELD, pmr_did_you_mean(l, best), "unknown field %s",
                     pmr_quote(name).text);
    return false;
}

bool pmr_field_named(struct load *l, const struct node *n, enum pm_field *field)
{
    const char *name, *best = NULL;

    if (!pmr_expect_kind(l, n, NODE_STRING))
        return false;
    name = pmr_node_text(n);
    if (find_field(l, name, field, &best))
        return true;
    if (is_later_field(name))
        pmr_not_yet(l, n, name);
    else
        pmr_fail(l, n, CODE_UNKNOWN_FIELD, pmr_did_you_mean(l, best), "unknown field %s",
                 pmr_quote(name).text);
    return false;
}

/* ------------------------------------------------------------------ joining */

static pm_cond_id joined(struct load *l, bool is_any, const pm_cond_id *ids, size_t count)
{
    if (count == 1)
        return ids[0];
    return is_any ? pmr_make_any(l, ids, count) : pmr_make_all(l, ids, count);
}

static void take_part(struct cond *whole, bool is_any, const struct cond *part)
{
    whole->stream = whole->stream != NULL ? whole->stream : part->stream;
    whole->hello = whole->hello != NULL ? whole->hello : part->hello;
    whole->http = whole->http != NULL ? whole->http : part->http;
    if (is_any) {
        whole->can_be_tcp = whole->can_be_tcp || part->can_be_tcp;
        whole->is_all_tcp = whole->is_all_tcp || part->is_all_tcp;
    } else {
        whole->can_be_tcp = whole->can_be_tcp && part->can_be_tcp;
        whole->is_all_tcp = whole->is_all_tcp && part->is_all_tcp;
    }
}

/* All or any of the members of an object or a list, each of them a condition. */
static struct cond members(struct load *l, const struct node *n, bool is_any)
{
    bool is_list = pmr_node_kind(n) == NODE_LIST;
    size_t count = pmr_node_count(n), at = 0;
    pm_cond_id *ids = pmr_memory_array(&l->memory, count, sizeof *ids);
    struct cond whole = {.can_be_tcp = !is_any, .is_all_tcp = !is_any};

    if (ids == NULL || count == 0)
        return always;
    for (const struct node *m = pmr_node_first(n); m != NULL; m = pmr_node_next(m)) {
        struct cond part = is_list ? pmr_cond_of(l, m) : pmr_cond_member_of(l, m);

        ids[at++] = part.id;
        take_part(&whole, is_any, &part);
    }
    whole.id = joined(l, is_any, ids, count);
    pmr_lint_group(l, n, ids, count, is_any);
    return whole;
}

/* "any" or "all" */
static struct cond list_of(struct load *l, const struct node *n, bool is_any)
{
    size_t traced = pmr_trace_begin(l, is_any ? PM_SOURCE_ANY : PM_SOURCE_ALL, n);
    struct cond cond = always;

    if (pmr_expect_filled(l, n, NODE_LIST))
        cond = members(l, n, is_any);
    pmr_trace_end(l, traced, cond.id);
    return cond;
}

static struct cond field_of(struct load *l, const struct node *n)
{
    enum pm_field field;
    size_t traced;
    struct cond cond;

    if (!pmr_field_of(l, n, &field))
        return always;
    cond = pmr_test_of(l, field, n);
    traced = pmr_trace_begin(l, PM_SOURCE_TEST, n);
    pmr_trace_test(l, traced, field);
    pmr_trace_end(l, traced, cond.id);
    return cond;
}

/* One member of a condition: any, all, not, or the test of a field. */
struct cond pmr_cond_member_of(struct load *l, const struct node *n)
{
    const char *key = pmr_node_key(n);

    if (strcmp(key, "any") == 0 || strcmp(key, "all") == 0)
        return list_of(l, n, key[1] == 'n');
    if (strcmp(key, "not") == 0) {
        size_t traced = pmr_trace_begin(l, PM_SOURCE_NOT, n);
        struct cond inner = pmr_cond_of(l, n);

        struct cond outer = {.id = pmr_make_not(l, inner.id),
                             .can_be_tcp = !inner.is_all_tcp,
                             .is_all_tcp = !inner.can_be_tcp,
                             .stream = inner.stream,
                             .hello = inner.hello,
                             .http = inner.http};

        pmr_trace_end(l, traced, outer.id);
        return outer;
    }
    return field_of(l, n);
}

struct cond pmr_cond_of(struct load *l, const struct node *n)
{
    size_t traced = pmr_trace_begin(l, PM_SOURCE_ALL, n);
    struct cond cond = always;

    if (pmr_expect_kind(l, n, NODE_OBJECT))
        cond = members(l, n, false);
    pmr_trace_end(l, traced, cond.id);
    return cond;
}
