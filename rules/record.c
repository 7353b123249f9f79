/* record.c - builds conditions and sets, and remembers them where somebody asked what they mean. */
#include "record.h"

#include "values.h"

/* ------------------------------------------------------------------ conditions */

const struct recorded *pmr_recorded(const struct meaning *m, pm_cond_id id)
{
    size_t from = 0, to = m->cond_count;

    while (from < to) {
        size_t middle = from + (to - from) / 2;

        if (m->conds[middle]->id == id)
            return m->conds[middle];
        if (m->conds[middle]->id < id)
            from = middle + 1;
        else
            to = middle;
    }
    return NULL;
}

/* The builder gives ascending ids; one that is there before is a condition that was simplified to
 * another. */
static struct recorded *another(struct load *l, pm_cond_id id, enum recorded_kind kind)
{
    struct meaning *m = l->rules->meaning;
    struct recorded *made;
    void *grown;

    if (m == NULL || l->in_test || id == PM_COND_TRUE ||
        (m->cond_count > 0 && m->conds[m->cond_count - 1]->id >= id))
        return NULL;
    grown = pmr_memory_grow(&l->memory, m->conds, m->cond_count, &m->cond_cap, sizeof *m->conds);
    if (grown == NULL)
        return NULL;
    m->conds = grown;
    made = pmr_memory_take(&l->memory, sizeof *made);
    if (made == NULL)
        return NULL;
    *made = (struct recorded){.id = id, .kind = kind};
    m->conds[m->cond_count++] = made;
    return made;
}

static pm_cond_id keep_kids(struct load *l, pm_cond_id id, enum recorded_kind kind,
                            const pm_cond_id *conds, size_t count)
{
    struct recorded *made = another(l, id, kind);

    if (made == NULL)
        return id;
    made->kids = pmr_memory_array(&l->memory, count == 0 ? 1 : count, sizeof *made->kids);
    if (made->kids == NULL)
        return id;
    for (size_t i = 0; i < count; i++)
        made->kids[i] = pmr_recorded(l->rules->meaning, conds[i]);
    made->count = count;
    return id;
}

pm_cond_id pmr_cond_test(struct load *l, enum pm_field field, const struct pm_value *values,
                         size_t count)
{
    pm_cond_id id = pm_cond_test(l->builder, field, values, count);
    struct recorded *made = another(l, id, RECORDED_TEST);

    if (made != NULL) {
        made->field = field;
        made->values = values;
        made->count = count;
    }
    return id;
}

pm_cond_id pmr_cond_present(struct load *l, enum pm_field field)
{
    pm_cond_id id = pm_cond_present(l->builder, field);
    struct recorded *made = another(l, id, RECORDED_PRESENT);

    if (made != NULL)
        made->field = field;
    return id;
}

pm_cond_id pmr_cond_all(struct load *l, const pm_cond_id *conds, size_t count)
{
    return keep_kids(l, pm_cond_all(l->builder, conds, count), RECORDED_ALL, conds, count);
}

pm_cond_id pmr_cond_any(struct load *l, const pm_cond_id *conds, size_t count)
{
    return keep_kids(l, pm_cond_any(l->builder, conds, count), RECORDED_ANY, conds, count);
}

pm_cond_id pmr_cond_not(struct load *l, pm_cond_id cond)
{
    return keep_kids(l, pm_cond_not(l->builder, cond), RECORDED_NOT, &cond, 1);
}

/* ------------------------------------------------------------------ sets and programs */

uint32_t pmr_add_set(struct load *l, enum pm_set_kind kind, const struct set *set,
                     const struct node *at)
{
    uint32_t index = pm_builder_add_set(l->builder, kind);
    struct meaning *m = l->rules->meaning;
    struct recorded_set *grown;

    if (m == NULL)
        return index;
    grown = pmr_memory_grow(&l->memory, m->sets, m->set_count, &m->set_cap, sizeof *grown);
    if (grown == NULL)
        return index;
    m->sets = grown;
    m->sets[m->set_count++] =
        (struct recorded_set){.name = set->name, .type = pmr_set_type_name(set->type), .at = at};
    return index;
}

/* The bytes of a value may be gone when the next line of a file is read. */
void pmr_set_add(struct load *l, uint32_t set, const struct pm_value *value)
{
    struct meaning *m = l->rules->meaning;
    struct recorded_set *to;
    struct pm_value *grown;

    pm_set_add(l->builder, set, value);
    if (m == NULL || set >= m->set_count)
        return;
    to = &m->sets[set];
    grown = pmr_memory_grow(&l->memory, to->values, to->count, &to->cap, sizeof *grown);
    if (grown == NULL)
        return;
    to->values = grown;
    grown[to->count] = *value;
    if (value->kind == PM_VALUE_BYTES) {
        grown[to->count].bytes.bytes = (const uint8_t *)pmr_memory_copy(
            &l->memory, (const char *)value->bytes.bytes, value->bytes.len);
        if (grown[to->count].bytes.bytes == NULL)
            return;
    }
    to->count++;
}

void pmr_bpf_add(struct load *l, uint32_t bpf, uint16_t linktype, const struct pm_bpf_insn *insns,
                 size_t count)
{
    struct meaning *m = l->rules->meaning;
    struct words program = {.text = NULL}, whole = {.text = NULL};
    const char **grown;

    pm_bpf_add(l->builder, bpf, linktype, insns, count);
    if (m == NULL)
        return;
    while (m->bpf_count <= bpf) {
        grown = pmr_memory_grow(&l->memory, m->bpfs, m->bpf_count, &m->bpf_cap, sizeof *grown);
        if (grown == NULL)
            return;
        m->bpfs = grown;
        m->bpfs[m->bpf_count++] = "";
    }
    for (size_t i = 0; i < count; i++)
        pmr_words_add(&program, "%x %x %x %x;", insns[i].code, insns[i].jt, insns[i].jf,
                      (unsigned)insns[i].k);
    pmr_words_add(&whole, "%s %u", m->bpfs[bpf], (unsigned)linktype);
    if (program.text != NULL)
        pmr_words_digest(&whole, program.text, program.len);
    m->bpfs[bpf] = pmr_words_keep(&whole, &l->memory);
    pmr_words_keep(&program, &l->memory);
}
