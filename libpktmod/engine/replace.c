/* replace.c - an edit of payloads, made from its spec: literal bytes, or a regex and its template.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/policy.h"

static struct pm_regex *regex_of(const struct pm_op_spec *spec, struct pm_regex_fault *fault)
{
    return pm_regex_new(&(struct pm_regex_spec){.pattern = spec->replace.find,
                                                .len = spec->replace.find_len,
                                                .nocase = spec->replace.nocase,
                                                .in_stream = spec->replace.where != PM_IN_PAYLOAD},
                        fault);
}

static struct pm_template *template_of(const struct pm_op_spec *spec, const struct pm_regex *regex,
                                       struct pm_regex_fault *fault)
{
    return pm_template_new(regex, spec->replace.with, spec->replace.with_len, fault);
}

/* ------------------------------------------------------------------ what is wrong with it */

static void note(struct pm_op_fault *fault, const struct pm_regex_fault *from, bool in_with)
{
    _Static_assert(sizeof fault->text == sizeof from->text, "the text fits");
    fault->in_with = in_with;
    fault->offset = from->offset;
    memcpy(fault->text, from->text, sizeof fault->text);
}

static const char *regex_fault(const struct pm_op_spec *spec, struct pm_op_fault *fault)
{
    struct pm_regex_fault found;
    struct pm_regex *regex = regex_of(spec, &found);
    note(fault, &found, false);
    if (regex) {
        struct pm_template *template = template_of(spec, regex, &found);
        note(fault, &found, true);
        pm_template_free(template);
    }
    pm_regex_free(regex);
    return fault->text[0] ? fault->text : NULL;
}

static const char *length_fault(const struct pm_op_spec *spec)
{
    uint32_t find_len = spec->replace.find_len, with_len = spec->replace.with_len;
    if (spec->replace.length == PM_LENGTH_SAME && with_len != find_len)
        return "a replacement of the same length has another length";
    if (spec->replace.length == PM_LENGTH_PAD && with_len > find_len)
        return "a replacement that is to be padded is longer than what it replaces";
    return NULL;
}

const char *pm_replace_fault(const struct pm_op_spec *spec, struct pm_op_fault *fault)
{
    if (spec->replace.find_len == 0)
        return "a replace must look for at least one byte";
    if (!spec->replace.is_regex)
        return length_fault(spec);
    if (spec->replace.max_match > PM_MAX_MATCH)
        return "max_match is out of its range";
    return regex_fault(spec, fault);
}

/* ------------------------------------------------------------------ making it */

/* Room for `cap` bytes, the first len of them taken. */
static uint8_t *copy_bytes(const uint8_t *bytes, uint32_t len, uint32_t cap)
{
    uint8_t *copy = malloc(cap ? cap : 1);
    if (copy && len > 0)
        memcpy(copy, bytes, len);
    return copy;
}

static bool init_regex(struct pm_replace *replace, const struct pm_op_spec *spec)
{
    struct pm_regex_fault fault;
    replace->window = spec->replace.max_match;
    replace->regex = regex_of(spec, &fault);
    if (!replace->regex)
        return false;
    replace->find_len = pm_regex_shortest(replace->regex);
    replace->template = template_of(spec, replace->regex, &fault);
    return replace->template;
}

static bool init_literal(struct pm_replace *replace, const struct pm_op_spec *spec)
{
    uint32_t with_len = spec->replace.with_len;
    if (replace->length == PM_LENGTH_PAD)
        replace->with_len = spec->replace.find_len;
    replace->find = copy_bytes(spec->replace.find, spec->replace.find_len, spec->replace.find_len);
    replace->with = copy_bytes(spec->replace.with, with_len, replace->with_len);
    if (replace->with && replace->with_len > with_len)
        memset(replace->with + with_len, spec->replace.pad, replace->with_len - with_len);
    return replace->find && replace->with;
}

bool pm_replace_init(struct pm_replace *replace, const struct pm_op_spec *spec)
{
    *replace = (struct pm_replace){
        .find_len = spec->replace.find_len,
        .with_len = spec->replace.with_len,
        .nocase = spec->replace.nocase,
        .length = spec->replace.length,
        .pad = spec->replace.pad,
        .where = spec->replace.where,
        .max = spec->replace.max,
        .max_slot = PM_NO_SLOT,
        .within_offset = spec->replace.within_offset,
        .within_depth = spec->replace.within_depth,
    };
    return spec->replace.is_regex ? init_regex(replace, spec) : init_literal(replace, spec);
}

void pm_replace_release(struct pm_replace *replace)
{
    free(replace->find);
    free(replace->with);
    pm_template_free(replace->template);
    pm_regex_free(replace->regex);
}
