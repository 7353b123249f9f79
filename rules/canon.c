/* canon.c - conditions in a normal form.
 *
 * Conditions nest, and the functions here call each other with them; the scanner lets nothing
 * through that is deeper than PMR_DEPTH_MAX. */
#include "canon.h"

#include <stdlib.h>
#include <string.h>

#include "values.h"

#define SHOWN_MAX  256u  /* values that stand in a text; more of them are a digest */
#define SPREAD_MAX 1024u /* values of a set that are taken as if they stood in the test */
#define NARROW_MAX 64u
#define JOIN_MAX   64u /* tests that one more of the same field is held against */

enum canon_kind { CANON_CONST, CANON_TEST, CANON_ALL, CANON_ANY };

struct canon {
    enum canon_kind kind;
    bool is_not; /* TEST; CONST: it never holds */
    enum pm_field field;
    struct pm_value *values; /* TEST: normal, without sets and programs; the field is there and has
                                one of them */
    size_t count;
    const char **names; /* and sets and programs, as text, sorted */
    size_t name_count;
    bool is_present; /* any value will do; then there are none */
    struct canon **kids;
    size_t kid_count;
    const char *text;
};

struct canonizer {
    struct load *load;
    struct memory *memory;
    bool is_expanded;
};

static const struct canon nothing = {.kind = CANON_CONST, .text = "true"};

/* ------------------------------------------------------------------ texts */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void print_values(struct words *w, const struct canon *c)
{
    const char *between = "";

    for (size_t i = 0; i < c->count; i++, between = ",") {
        pmr_words_add(w, "%s", between);
        pmr_value_print(w, &c->values[i]);
    }
    for (size_t i = 0; i < c->name_count; i++, between = ",")
        pmr_words_add(w, "%s%s", between, c->names[i]);
}

static void print_many(struct words *w, const struct canon *c)
{
    struct words values = {.text = NULL};

    print_values(&values, c);
    if (values.text != NULL && !values.failed)
        pmr_words_digest(w, values.text, values.len);
    w->failed = w->failed || values.failed;
    free(values.text);
}

static const char *text_of(struct memory *m, const struct canon *c)
{
    struct words w = {.text = NULL};

    switch (c->kind) {
    case CANON_CONST:
        return c->is_not ? "false" : "true";
    case CANON_TEST:
        pmr_words_add(&w, "%s%s{", c->is_not ? "!" : "", pm_field_info(c->field)->name);
        if (c->count > SHOWN_MAX)
            print_many(&w, c);
        else
            print_values(&w, c);
        pmr_words_add(&w, "}");
        break;
    case CANON_ALL:
    case CANON_ANY:
        pmr_words_add(&w, c->kind == CANON_ALL ? "all(" : "any(");
        for (size_t i = 0; i < c->kid_count; i++)
            pmr_words_add(&w, "%s%s", i == 0 ? "" : ";", c->kids[i]->text);
        pmr_words_add(&w, ")");
        break;
    }
    return pmr_words_keep(&w, m);
}

/* ------------------------------------------------------------------ tests */

static const char *name_of(const struct canonizer *z, const struct pm_value *v)
{
    const struct meaning *m = z->load->rules->meaning;

    if (v->kind == PM_VALUE_BPF)
        return v->bpf < m->bpf_count ? m->bpfs[v->bpf] : "";
    if (z->is_expanded)
        return pmr_canon_set(z->load, v->set);
    return v->set < m->set_count ? pmr_text(z->memory, "\\@%s", m->sets[v->set].name) : "";
}

/* The set whose values are taken as if they stood in the list; NULL: they are too many, or domains,
 * which in a set mean what is below them, too. */
static const struct recorded_set *spread(const struct canonizer *z, const struct pm_value *v)
{
    const struct meaning *m = z->load->rules->meaning;

    if (!z->is_expanded || v->kind != PM_VALUE_SET || v->set >= m->set_count ||
        m->sets[v->set].count > SPREAD_MAX || strcmp(m->sets[v->set].type, "domain") == 0)
        return NULL;
    return &m->sets[v->set];
}

static void add_value(const struct canonizer *z, struct canon *c, const struct pm_value *v)
{
    const struct recorded_set *set = spread(z, v);
    const char *name;

    if (set != NULL) {
        for (size_t i = 0; i < set->count; i++)
            c->values[c->count++] = set->values[i];
    } else if (v->kind == PM_VALUE_SET || v->kind == PM_VALUE_BPF) {
        name = name_of(z, v);
        c->names[c->name_count++] = name == NULL ? "" : name;
    } else {
        c->values[c->count++] = *v;
    }
}

static size_t unique_names(const char **names, size_t count)
{
    size_t left = 0;

    if (count > 1)
        qsort(names, count, sizeof *names, by_text);
    for (size_t i = 0; i < count; i++)
        if (left == 0 || strcmp(names[left - 1], names[i]) != 0)
            names[left++] = names[i];
    return left;
}

static void settle_values(const struct canonizer *z, struct canon *c)
{
    c->count = pmr_values_normal(z->memory, c->field, c->values, c->count);
    c->name_count = unique_names(c->names, c->name_count);
    c->is_present = c->is_present || pmr_values_are_all(c->field, c->values, c->count);
    if (c->is_present)
        c->count = c->name_count = 0;
    c->text = text_of(z->memory, c);
}

static struct canon *test_of(const struct canonizer *z, const struct recorded *r, bool negate)
{
    struct canon *c = pmr_memory_take(z->memory, sizeof *c);
    size_t room = r->count;

    for (size_t i = 0; i < r->count && r->kind == RECORDED_TEST; i++) {
        const struct recorded_set *set = spread(z, &r->values[i]);

        room += set == NULL ? 0 : set->count;
    }
    if (c == NULL)
        return NULL;
    *c = (struct canon){.kind = CANON_TEST,
                        .is_not = negate,
                        .field = r->field,
                        .is_present = r->kind == RECORDED_PRESENT};
    c->values = pmr_memory_array(z->memory, room + 1, sizeof *c->values);
    c->names = pmr_memory_array(z->memory, r->count + 1, sizeof *c->names);
    if (c->values == NULL || c->names == NULL)
        return NULL;
    for (size_t i = 0; i < r->count && r->kind == RECORDED_TEST; i++)
        add_value(z, c, &r->values[i]);
    settle_values(z, c);
    return c;
}

/* ------------------------------------------------------------------ tests of the same field */

static bool has_one_value(enum pm_field field)
{
    return field != PM_FIELD_IP_ADDR && field != PM_FIELD_TCP_PORT && field != PM_FIELD_UDP_PORT &&
           field != PM_FIELD_L4_PORT && field != PM_FIELD_DNS_QRY_TYPE &&
           field != PM_FIELD_TLS_SUPPORTED && field != PM_FIELD_TLS_EXTENSION &&
           field != PM_FIELD_HTTP_HEADER;
}

static bool is_ranges(const struct canon *c)
{
    if (c->name_count > 0 || c->count == 0 || !has_one_value(c->field))
        return false;
    for (size_t i = 0; i < c->count; i++)
        if (c->values[i].kind != PM_VALUE_RANGE)
            return false;
    return true;
}

/* The values of all of them, in the first. */
static bool unite(const struct canonizer *z, struct canon *const *tests, size_t count)
{
    struct canon *whole = tests[0];
    size_t values = 1, names = 1;
    struct pm_value *list;
    const char **texts;

    for (size_t i = 0; i < count; i++) {
        values += tests[i]->count;
        names += tests[i]->name_count;
    }
    list = pmr_memory_array(z->memory, values, sizeof *list);
    texts = pmr_memory_array(z->memory, names, sizeof *texts);
    if (list == NULL || texts == NULL)
        return false;
    values = names = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < tests[i]->count; j++)
            list[values++] = tests[i]->values[j];
        for (size_t j = 0; j < tests[i]->name_count; j++)
            texts[names++] = tests[i]->names[j];
        whole->is_present = whole->is_present || tests[i]->is_present;
    }
    whole->values = list;
    whole->count = values;
    whole->names = texts;
    whole->name_count = names;
    settle_values(z, whole);
    return true;
}

/* What is in both lists of ranges. */
static bool narrow(const struct canonizer *z, struct canon *a, const struct canon *b)
{
    struct pm_value *list = pmr_memory_array(z->memory, a->count * b->count + 1, sizeof *list);
    size_t count = 0;

    if (list == NULL)
        return false;
    for (size_t i = 0; i < a->count; i++)
        for (size_t j = 0; j < b->count; j++) {
            uint32_t lo = a->values[i].range.lo, hi = a->values[i].range.hi;

            lo = lo > b->values[j].range.lo ? lo : b->values[j].range.lo;
            hi = hi < b->values[j].range.hi ? hi : b->values[j].range.hi;
            if (lo <= hi)
                list[count++] =
                    (struct pm_value){.kind = PM_VALUE_RANGE, .range = {.lo = lo, .hi = hi}};
        }
    a->values = list;
    a->count = count;
    settle_values(z, a);
    if (count == 0) /* nothing is both */
        *a = (struct canon){.kind = CANON_CONST, .is_not = !a->is_not};
    if (count == 0)
        a->text = text_of(z->memory, a);
    return true;
}

/* Whether two tests that narrow each other became one, which a is then. */
static bool join_two(const struct canonizer *z, struct canon *a, const struct canon *b)
{
    if (b->is_present)
        return true;
    if (a->is_present) {
        *a = *b;
        return true;
    }
    return is_ranges(a) && is_ranges(b) && a->count * b->count <= SHOWN_MAX && narrow(z, a, b);
}

/* Tests of one field that narrow each other; how many are left of them. */
static size_t narrow_run(const struct canonizer *z, struct canon **tests, size_t count)
{
    size_t left = 0;

    for (size_t i = 0; i < count; i++) {
        bool is_joined = false;

        for (size_t j = 0; j < left && j < JOIN_MAX && !is_joined; j++)
            is_joined = tests[j]->kind == CANON_TEST && join_two(z, tests[j], tests[i]);
        if (!is_joined)
            tests[left++] = tests[i];
    }
    return left;
}

static int by_field(const void *a, const void *b)
{
    const struct canon *left = *(struct canon *const *)a, *right = *(struct canon *const *)b;

    if (left->kind != CANON_TEST || right->kind != CANON_TEST)
        return (left->kind != CANON_TEST) - (right->kind != CANON_TEST);
    if (left->field != right->field)
        return left->field < right->field ? -1 : 1;
    return (int)left->is_not - (int)right->is_not;
}

/* Tests of the same field become one. In an any, their values add up; in an all they narrow each
 * other; behind a not it is the other way round. */
static void join_tests(const struct canonizer *z, struct canon *c)
{
    size_t left = 0, next;

    if (c->kid_count < 2)
        return;
    qsort(c->kids, c->kid_count, sizeof *c->kids, by_field);
    for (size_t i = 0; i < c->kid_count; i = next) {
        struct canon **run = c->kids + i;
        size_t kept;

        for (next = i + 1; next < c->kid_count && run[0]->kind == CANON_TEST &&
                           by_field(&c->kids[i], &c->kids[next]) == 0;)
            next++;
        kept = next - i;
        if (kept > 1 && (c->kind == CANON_ANY) != run[0]->is_not)
            kept = unite(z, run, kept) ? 1 : kept;
        else if (kept > 1)
            kept = narrow_run(z, run, kept);
        memmove(c->kids + left, run, kept * sizeof *run);
        left += kept;
    }
    c->kid_count = left;
}

/* ------------------------------------------------------------------ lists */

/* Takes a member into the list, and the members of one that is of the same kind. */
static void add_kid(struct canon *c, struct canon *kid)
{
    if (kid->kind != c->kind)
        c->kids[c->kid_count++] = kid;
    for (size_t i = 0; i < kid->kid_count && kid->kind == c->kind; i++)
        c->kids[c->kid_count++] = kid->kids[i];
}

static int by_kid(const void *a, const void *b)
{
    return strcmp((*(struct canon *const *)a)->text, (*(struct canon *const *)b)->text);
}

/* What always holds is left out of an all; what never holds decides it. Any: the other way round.
 */
static struct canon *settle_list(const struct canonizer *z, struct canon *c)
{
    bool neutral_is_not = c->kind == CANON_ANY;
    size_t left = 0;

    join_tests(z, c);
    if (c->kid_count > 1)
        qsort(c->kids, c->kid_count, sizeof *c->kids, by_kid);
    for (size_t i = 0; i < c->kid_count; i++) {
        struct canon *kid = c->kids[i];

        if (kid->kind == CANON_CONST && kid->is_not != neutral_is_not)
            return kid;
        if (kid->kind != CANON_CONST &&
            (left == 0 || strcmp(c->kids[left - 1]->text, kid->text) != 0))
            c->kids[left++] = kid;
    }
    c->kid_count = left;
    if (left == 1)
        return c->kids[0];
    if (left == 0)
        *c = (struct canon){.kind = CANON_CONST, .is_not = neutral_is_not};
    c->text = text_of(z->memory, c);
    return c;
}

static struct canon *canon_of(const struct canonizer *z, const struct recorded *r, bool negate);

static size_t members(const struct canon *c, enum canon_kind kind)
{
    return c->kind == kind ? c->kid_count : 1;
}

static struct canon *list_of(const struct canonizer *z, const struct recorded *r, bool negate)
{
    struct canon *c = pmr_memory_take(z->memory, sizeof *c);
    struct canon **kids = pmr_memory_array(z->memory, r->count + 1, sizeof *kids);
    size_t room = 1;

    if (c == NULL || kids == NULL)
        return NULL;
    *c = (struct canon){.kind = (r->kind == RECORDED_ANY) != negate ? CANON_ANY : CANON_ALL};
    for (size_t i = 0; i < r->count; i++) {
        kids[i] = canon_of(z, r->kids[i], negate);
        if (kids[i] == NULL)
            return NULL;
        room += members(kids[i], c->kind);
    }
    c->kids = pmr_memory_array(z->memory, room, sizeof *c->kids);
    if (c->kids == NULL)
        return NULL;
    for (size_t i = 0; i < r->count; i++)
        add_kid(c, kids[i]);
    return settle_list(z, c);
}

/* NULL: no memory. */
static struct canon *canon_of(const struct canonizer *z, const struct recorded *r, bool negate)
{
    struct canon *c;

    if (r != NULL && (r->kind == RECORDED_TEST || r->kind == RECORDED_PRESENT))
        return test_of(z, r, negate);
    if (r != NULL && r->kind == RECORDED_NOT)
        return canon_of(z, r->kids[0], !negate);
    if (r != NULL)
        return list_of(z, r, negate);
    c = pmr_memory_take(z->memory, sizeof *c);
    if (c != NULL) {
        *c = (struct canon){.kind = CANON_CONST, .is_not = negate};
        c->text = text_of(z->memory, c);
    }
    return c;
}

/* ------------------------------------------------------------------ what others ask */

static const struct canon *canon(const struct canonizer *z, pm_cond_id id)
{
    const struct canon *c = canon_of(z, pmr_recorded(z->load->rules->meaning, id), false);

    return c == NULL ? &nothing : c;
}

const char *pmr_canon_text(struct load *l, struct memory *m, pm_cond_id id, bool is_expanded)
{
    struct memory scratch = {.budget = m->budget};
    const struct canonizer z = {.load = l, .memory = &scratch, .is_expanded = is_expanded};
    const struct canon *c = canon(&z, id);
    const char *kept = pmr_memory_copy(m, c->text, strlen(c->text));

    m->failed = m->failed || scratch.failed;
    pmr_memory_free(&scratch);
    return kept == NULL ? "" : kept;
}

static bool names_sets(const struct recorded *r)
{
    for (size_t i = 0; r != NULL && i < r->count; i++) {
        if (r->kind == RECORDED_TEST && r->values[i].kind == PM_VALUE_SET)
            return true;
        if (r->kind != RECORDED_TEST && names_sets(r->kids[i]))
            return true;
    }
    return false;
}

bool pmr_canon_names_sets(const struct meaning *m, pm_cond_id id)
{
    return names_sets(pmr_recorded(m, id));
}

static void add_narrows(struct pm_narrow *list, size_t *count, const struct canon *c)
{
    enum pm_field field = c->field;
    bool is_tcp = field >= PM_FIELD_TCP_SRCPORT && field <= PM_FIELD_TCP_LEN;
    bool is_udp = field >= PM_FIELD_UDP_SRCPORT && field <= PM_FIELD_UDP_LENGTH;

    if (c->kind != CANON_TEST || c->is_not)
        return;
    if ((is_tcp || is_udp) && *count < NARROW_MAX)
        list[(*count)++] = (struct pm_narrow){PM_FIELD_IP_PROTO, is_tcp ? 6 : 17, is_tcp ? 6 : 17};
    if (!is_ranges(c) || c->count > NARROW_MAX - *count)
        return;
    for (size_t i = 0; i < c->count; i++)
        list[(*count)++] = (struct pm_narrow){field, c->values[i].range.lo, c->values[i].range.hi};
}

const struct pm_narrow *pmr_canon_narrows(struct load *l, struct memory *m, pm_cond_id id,
                                          size_t *count)
{
    struct memory scratch = {.budget = m->budget};
    const struct canonizer z = {.load = l, .memory = &scratch, .is_expanded = true};
    const struct canon *c = canon(&z, id);
    struct pm_narrow list[NARROW_MAX], *kept;

    *count = 0;
    if (c->kind != CANON_ALL)
        add_narrows(list, count, c);
    for (size_t i = 0; c->kind == CANON_ALL && i < c->kid_count; i++)
        add_narrows(list, count, c->kids[i]);
    kept = pmr_memory_array(m, *count + 1, sizeof *kept);
    if (kept != NULL)
        memcpy(kept, list, *count * sizeof *kept);
    else
        *count = 0;
    m->failed = m->failed || scratch.failed;
    pmr_memory_free(&scratch);
    return kept;
}

/* Made once: many rules may name a set of millions. */
const char *pmr_canon_set(struct load *l, uint32_t set)
{
    const enum pm_field any_port = PM_FIELD_TCP_DSTPORT;
    struct meaning *m = l->rules->meaning;
    struct memory scratch = {.budget = l->memory.budget};
    struct words w = {.text = NULL};
    struct canon c = {.kind = CANON_TEST};
    struct recorded_set *s = set < m->set_count ? &m->sets[set] : NULL;

    if (s == NULL || s->normal != NULL)
        return s == NULL ? "" : s->normal;
    c.values = pmr_memory_array(&scratch, s->count + 1, sizeof *c.values);
    if (c.values != NULL && s->count > 0)
        memcpy(c.values, s->values, s->count * sizeof *c.values);
    c.count = c.values == NULL ? 0 : pmr_values_normal(&scratch, any_port, c.values, s->count);
    pmr_words_add(&w, "%s ", s->type);
    if (c.count > SHOWN_MAX)
        print_many(&w, &c);
    else
        print_values(&w, &c);
    s->normal = pmr_words_keep(&w, &l->memory);
    l->memory.failed = l->memory.failed || scratch.failed;
    pmr_memory_free(&scratch);
    return s->normal;
}
