/* explain.c - answers about a packet what its engine will be told; the contract is in
 * <pktmod/explain.h>. */
#include "engine/explain.h"

#include <assert.h>
#include <string.h>

#include "engine/filter.h"
#include "engine/rewriter.h"
#include "match/condtree.h"

/* ------------------------------------------------------------------ moments */

static struct pm_about_packet about_of(const struct pm_tracked *tracked, uint64_t number,
                                       uint64_t now_ns)
{
    return (struct pm_about_packet){.flow_id = tracked->flow ? tracked->flow->id : 0,
                                    .number = number,
                                    .dir = tracked->dir,
                                    .has_flow = tracked->flow != NULL,
                                    .to_server = tracked->to_server,
                                    .is_new_flow = tracked->flow && tracked->is_new,
                                    .now_ns = now_ns,
                                    .latched = PM_NO_RULE,
                                    .followed = PM_NO_RULE,
                                    .refused = PM_WHY_NONE};
}

void pm_explain_trial(struct pm_filter *f, struct pm_trial *t, enum pm_why refused, bool is_whole)
{
    struct pm_moment moment = {.policy = f->policy,
                               .subject = &t->subject,
                               .meters = &f->meters,
                               .occasion = {.subject = &t->subject,
                                            .flow = t->tracked.flow,
                                            .number = t->number,
                                            .now_ns = f->now_ns},
                               .packet = about_of(&t->tracked, t->number, f->now_ns),
                               .stage = f->stage};
    moment.packet.refused = refused;
    if (t->tracked.flow && pm_filter_own(t)->latched)
        moment.packet.latched = pm_filter_own(t)->latched - 1;
    moment.packet.is_whole = is_whole;
    if (!is_whole)
        pm_whole_about(f, t, &moment.packet);
    pm_view_about(f, t, &moment.packet.stream);
    f->explainer->explain(f->explainer->context, &moment);
}

void pm_explain_passage(struct pm_rewriter *r, const struct pm_passage *p)
{
    struct pm_moment moment = {.policy = r->policy,
                               .subject = &p->subject,
                               .meters = &r->meters,
                               .occasion = {.subject = &p->subject,
                                            .flow = p->tracked.flow,
                                            .number = p->number,
                                            .now_ns = r->now_ns},
                               .packet = about_of(&p->tracked, p->number, r->now_ns),
                               .is_rewriter = true,
                               .is_rehearsal = r->rewrites == &r->policy->rehearsed,
                               .passage = p};
    moment.packet.encrypted = pm_encrypted_name(p);
    r->explainer->explain(r->explainer->context, &moment);
}

/* ------------------------------------------------------------------ the door */

struct pm_decision pm_filter_explain(struct pm_filter *filter, const struct pm_packet *packet,
                                     uint64_t now_ns, const struct pm_explainer *explainer)
{
    filter->explainer = explainer;
    struct pm_decision decision = pm_filter_decide(filter, packet, now_ns);
    filter->explainer = NULL;
    return decision;
}

enum pm_why pm_rewrite_explain(struct pm_rewriter *rewriter, const struct pm_packet *packet,
                               uint8_t *buffer, uint64_t now_ns,
                               const struct pm_explainer *explainer)
{
    struct pm_rewriter *rehearsal = rewriter->rehearsal;
    rewriter->explainer = explainer;
    if (rehearsal)
        rehearsal->explainer = explainer;
    enum pm_why why = pm_rewrite(rewriter, packet, buffer, now_ns);
    rewriter->explainer = NULL;
    if (rehearsal)
        rehearsal->explainer = NULL;
    return why;
}

void pm_moment_packet(const struct pm_moment *moment, struct pm_about_packet *out)
{
    *out = moment->packet;
}

/* What a regex notes in the room is not to be seen by who judges. */
void pm_moment_cond(const struct pm_moment *moment, pm_cond_id cond, struct pm_about_cond *out)
{
    const struct pm_conds *conds = moment->policy->conds;
    struct pm_cond_room *room = moment->subject->room;
    assert(cond < conds->cells_count);
    uint64_t limits = room->limits;
    enum pm_why doubt = room->doubt;
    *out = (struct pm_about_cond){.now = pm_cond_truth(conds, cond, moment->subject)};
    out->doubt = out->now == PM_DEPENDS ? room->doubt : PM_WHY_NONE;
    out->for_flow = pm_cond_for_flow(conds, cond, moment->subject);
    room->limits = limits;
    room->doubt = doubt;
}

/* Whether there are values behind those of the reading. */
static bool has_more(const struct pm_subject *s, enum pm_field field,
                     const struct pm_reading *reading)
{
    struct pm_reading more = *reading;
    if (reading->count == 0 || !reading->has_more)
        return false;
    pm_field_read_more(s, field, &more);
    return more.count > 0;
}

void pm_moment_field(const struct pm_moment *moment, enum pm_field field,
                     struct pm_about_field *out)
{
    struct pm_reading reading = {.count = 0};
    enum pm_kind kind = pm_field_info(field)->kind;
    _Static_assert(PM_MOMENT_VALUES == PM_FIELD_VALUES && PM_MOMENT_TEXT >= PM_DNS_NAME_TEXT,
                   "there is room for every value");
    *out = (struct pm_about_field){.count = 0};
    if (kind == PM_KIND_BPF)
        return;
    pm_field_read(moment->subject, field, &reading);
    out->count = reading.count;
    out->has_more = has_more(moment->subject, field, &reading);
    if (kind == PM_KIND_TEXT || kind == PM_KIND_BYTES) {
        out->bytes.bytes = reading.bytes.bytes;
        out->bytes.len = reading.count ? reading.bytes.len : 0;
        if (reading.count && reading.bytes.bytes == reading.text) {
            memcpy(out->text, reading.text, out->bytes.len);
            out->bytes.bytes = out->text;
        }
    } else if (kind == PM_KIND_MAC && reading.count) {
        memcpy(out->mac, reading.mac, sizeof out->mac);
    } else if (kind != PM_KIND_MAC) {
        for (uint32_t i = 0; i < reading.count && kind != PM_KIND_ADDR; i++)
            out->number[i] = reading.number[i];
        for (uint32_t i = 0; i < reading.count && kind == PM_KIND_ADDR; i++) {
            out->addr[i].version = reading.addr_version;
            memcpy(out->addr[i].bytes, reading.addr[i], reading.addr_version == 4 ? 4 : 16);
        }
    }
}

void pm_moment_rule(const struct pm_moment *moment, uint32_t rule, struct pm_about_rule *out)
{
    assert(rule < moment->policy->rule_count);
    const struct pm_rule *r = &moment->policy->rules[rule];
    bool is_rewrite = r->action == PM_ACTION_REWRITE;
    *out = (struct pm_about_rule){.match = r->match};
    if (is_rewrite)
        out->is_asked = moment->is_rewriter && moment->is_rehearsal == r->is_dry_run;
    else
        out->is_asked = !moment->is_rewriter && r->stage == moment->stage;
    pm_moment_cond(moment, r->match, &out->cond);
    if (r->modifier == PM_NO_SLOT)
        return;
    out->modifiers.are_set = true;
    if (!moment->passage || !pm_select_recall(moment->passage, r, &out->modifiers))
        pm_meters_peek(moment->meters, r, &moment->occasion, &out->modifiers);
}
