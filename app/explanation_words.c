/* explanation_words.c - the pieces of an explanation: values, counts, and why. */
#include "app/explanation.h"

#include <inttypes.h>
#include <string.h>

#include "app/text.h"

#define SHOWN_BYTES 24u /* of a text field */

const char *pm_verdict_name(enum pm_verdict verdict)
{
    switch (verdict) {
    case PM_ALLOW:
        break;
    case PM_DROP:
        return "drop";
    case PM_DELAY:
        return "delay";
    case PM_REJECT:
        return "reject";
    case PM_ASK:
        return "ask";
    }
    return "allow";
}

const char *pm_part_name(enum pm_explained_part part)
{
    static const char *const names[] = {
        [PM_PART_DECIDED] = "decided",     [PM_PART_LATCHED] = "decided_before",
        [PM_PART_WATCHED] = "watched",     [PM_PART_REFUSED] = "modifier_refused",
        [PM_PART_IN_DOUBT] = "in_doubt",   [PM_PART_MISSED] = "missed",
        [PM_PART_NOT_ASKED] = "not_asked", [PM_PART_DISABLED] = "disabled",
    };
    return names[part];
}

/* ------------------------------------------------------------------ values */

static void add_flags(uint32_t number, struct pm_text *text)
{
    static const char letters[] = "FSRPAUEC";
    pm_text_add(text, "0x%03" PRIx32 " (", number);
    for (unsigned bit = 0; bit < 8; bit++)
        if ((number >> bit & 1) != 0)
            pm_text_add(text, "%c", letters[bit]);
    pm_text_add(text, ")");
}

static void add_number(enum pm_field field, uint32_t number, struct pm_text *text)
{
    const struct pm_field_info *info = pm_field_info(field);
    if (info->kind == PM_KIND_ENUM)
        pm_text_add(text, "%s", info->names[number]);
    else if (info->kind == PM_KIND_FLAG)
        pm_text_add(text, "%s", number != 0 ? "true" : "false");
    else if (field == PM_FIELD_TCP_FLAGS)
        add_flags(number, text);
    else if (field == PM_FIELD_ETH_TYPE)
        pm_text_add(text, "%" PRIu32 " (0x%04" PRIx32 ")", number, number);
    else
        pm_text_add(text, "%" PRIu32, number);
}

static void add_quoted(const uint8_t *bytes, size_t len, size_t all, struct pm_text *text)
{
    static const char named[] = "\r\n\t\"\\", names[] = "rnt\"\\";
    pm_text_add(text, "\"");
    for (size_t i = 0; i < len; i++) {
        const char *name = bytes[i] == 0 ? NULL : strchr(named, bytes[i]);
        if (name != NULL)
            pm_text_add(text, "\\%c", names[name - named]);
        else if (bytes[i] >= 0x20 && bytes[i] < 0x7f)
            pm_text_add(text, "%c", bytes[i]);
        else
            pm_text_add(text, "\\x%02x", bytes[i]);
    }
    pm_text_add(text, len < all ? "\"..." : "\"");
}

static void add_bytes(const struct pm_explained_field *field, bool has_size, struct pm_text *text)
{
    size_t len = field->about.bytes.len;
    if (has_size)
        pm_text_add(text, "%zu byte%s%s", len, len == 1 ? "" : "s", len == 0 ? "" : ", ");
    if (len > 0 || !has_size)
        add_quoted(field->kept, len < SHOWN_BYTES ? len : SHOWN_BYTES, len, text);
}

static void add_addr(const struct pm_addr *addr, struct pm_text *text)
{
    char name[PM_ADDR_TEXT];
    pm_addr_text(addr, name);
    pm_text_add(text, "%s", name);
}

void pm_explained_value(const struct pm_explanation *e, const struct pm_explained_engine *engine,
                        enum pm_field field, struct pm_text *text)
{
    const struct pm_explained_field *own = &engine->fields[field];
    enum pm_kind kind = pm_field_info(field)->kind;
    (void)e;
    if (own->about.count == 0 || field == PM_FIELD_STREAM)
        return;
    if (kind == PM_KIND_TEXT || kind == PM_KIND_BYTES) {
        add_bytes(own, kind == PM_KIND_BYTES, text);
        if (own->about.has_more)
            pm_text_add(text, ", ...");
        return;
    }
    if (kind == PM_KIND_MAC) {
        const uint8_t *m = own->about.mac;
        pm_text_add(text, "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
        return;
    }
    for (uint32_t i = 0; i < own->about.count; i++) {
        pm_text_add(text, "%s", i == 0 ? "" : ", ");
        if (kind == PM_KIND_ADDR)
            add_addr(&own->about.addr[i], text);
        else
            add_number(field, own->about.number[i], text);
    }
    if (own->about.has_more)
        pm_text_add(text, ", ...");
}

/* ------------------------------------------------------------------ a test */

/* Without a reason it is a field of messages in a stream, which are asked when they are whole. */
static const char *doubt_text(enum pm_why doubt)
{
    return doubt == PM_WHY_NONE ? "each message of the stream is asked for itself"
                                : pm_why_text(doubt);
}

static void add_stream(const struct pm_explained_engine *engine, const struct pm_about_cond *cond,
                       struct pm_text *text)
{
    const struct pm_about_stream *stream = &engine->packet.stream;
    const char *s = stream->in_order == 1 ? "" : "s";
    if (engine->fields[PM_FIELD_STREAM].about.count == 0)
        pm_text_add(text, "no TCP stream");
    else if (cond->now == PM_DEPENDS)
        pm_text_add(text, "cannot be told: %s", pm_why_text(cond->doubt));
    else if (cond->now == PM_TRUE)
        pm_text_add(text, "holds after %" PRIu64 " byte%s of the stream", stream->in_order, s);
    else if (!stream->is_tested)
        pm_text_add(text, "not looked at: it cannot decide in this flow");
    else if (cond->for_flow == PM_DEPENDS)
        pm_text_add(text, "not yet: %" PRIu64 " byte%s came in order, later ones may hold it",
                    stream->in_order, s);
    else
        pm_text_add(text, "never: the bytes that count came (%" PRIu64 ")", stream->in_order);
    if (stream->is_tested && stream->highest > stream->in_order)
        pm_text_add(text, "; bytes are missing before byte %" PRIu64, stream->highest);
}

void pm_explained_found(const struct pm_explanation *e, const struct pm_explained_rule *rule,
                        const struct pm_source_item *item, struct pm_text *text)
{
    const struct pm_explained_engine *engine = &e->engines[rule->engine];
    const struct pm_about_cond *cond = pm_explanation_cond(e, item);
    if (item->field == PM_FIELD_STREAM) {
        add_stream(engine, cond, text);
        return;
    }
    if (item->field == PM_FIELD_BPF) {
        pm_text_add(text, "the expression %s", cond->now == PM_TRUE ? "holds" : "does not hold");
        return;
    }
    if (cond->now == PM_DEPENDS && cond->doubt == PM_WHY_NONE) {
        pm_text_add(text, "%s", doubt_text(cond->doubt));
        return;
    }
    if (cond->now == PM_DEPENDS)
        pm_text_add(text, "cannot be told: %s; ", pm_why_text(cond->doubt));
    if (engine->fields[item->field].about.count == 0) {
        pm_text_add(text, "the packet has none");
        return;
    }
    pm_text_add(text, engine->fields[item->field].about.count > 1 ? "are " : "is ");
    pm_explained_value(e, engine, item->field, text);
}

/* ------------------------------------------------------------------ modifiers */

static void add_time(int64_t local_s, struct pm_text *text)
{
    static const char *const days[] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
    int64_t day = local_s / 86400 - (local_s % 86400 < 0), of_day = local_s - day * 86400;
    int64_t weekday = (day % 7 + 7) % 7;
    pm_text_add(text, "%s %02d:%02d:%02d", days[weekday], (int)(of_day / 3600),
                (int)(of_day / 60 % 60), (int)(of_day % 60));
}

/* stands: the modifier in the file. */
static void add_numbers(const struct pm_about_modifiers *about, enum pm_modifier_kind kind,
                        const char *stands, struct pm_text *text)
{
    switch (kind) {
    case PM_MODIFIER_NONE:
    case PM_MODIFIER_BEFORE:
        break;
    case PM_MODIFIER_WHEN:
        pm_text_add(text, "there it is ");
        add_time(about->local_s, text);
        break;
    case PM_MODIFIER_SAMPLE:
        if (about->is_drawn)
            pm_text_add(text, "drawn by chance");
        else
            pm_text_add(text, "asked %" PRIu64 " time%s before", about->sampled,
                        about->sampled == 1 ? "" : "s");
        break;
    case PM_MODIFIER_COUNT:
        pm_text_add(text, "%" PRIu64 " counted before", about->counted);
        if (strstr(stands, "max_per_flow") != NULL)
            pm_text_add(text, ", %" PRIu64 " let through in this flow", about->counted_in_flow);
        break;
    case PM_MODIFIER_LIMIT:
        pm_text_add(text, "%" PRIu64 " token%s left", about->tokens, about->tokens == 1 ? "" : "s");
        if (about->refill_ns > 0)
            pm_text_add(text, ", the next in %" PRIu64 ".%03" PRIu64 " ms",
                        about->refill_ns / 1000000, about->refill_ns / 1000 % 1000);
        break;
    }
}

bool pm_explained_modifier(const struct pm_explained_rule *rule,
                           const struct pm_source_rule *source, unsigned index,
                           enum pm_truth *answer, struct pm_text *text)
{
    static const enum pm_modifier_kind kinds[PM_SOURCE_MODIFIERS] = {
        PM_MODIFIER_WHEN, PM_MODIFIER_SAMPLE, PM_MODIFIER_COUNT, PM_MODIFIER_LIMIT};
    const struct pm_about_modifiers *about = &rule->about.modifiers;
    bool is_behind = about->refused_by != PM_MODIFIER_NONE && kinds[index] > about->refused_by;
    if (source->modifiers[index] == NULL || rule->about.cond.now != PM_TRUE || is_behind)
        return false;
    *answer = about->refused_by == kinds[index] ? PM_FALSE : PM_TRUE;
    if (about->is_kept && about->refused_by != PM_MODIFIER_NONE)
        *answer = PM_DEPENDS;
    if (about->is_kept)
        pm_text_add(text, "an earlier packet asked, for the whole flow: %s",
                    about->refused_by == PM_MODIFIER_NONE ? "yes" : "no");
    else
        add_numbers(about, kinds[index], source->modifiers[index], text);
    return true;
}

/* ------------------------------------------------------------------ a rule */

static void add_share(const struct pm_explained_rule *rule, struct pm_text *text)
{
    if (rule->parts == 0)
        pm_text_add(text, "it matches every packet");
    else if (rule->parts == 1)
        pm_text_add(text, "its condition %s", rule->holds == 1 ? "holds" : "does not hold");
    else if (rule->holds == rule->parts && rule->parts == 2)
        pm_text_add(text, "both conditions hold");
    else if (rule->holds == rule->parts)
        pm_text_add(text, "all %" PRIu32 " conditions hold", rule->parts);
    else
        pm_text_add(text, "%" PRIu32 " of %" PRIu32 " hold", rule->holds, rule->parts);
}

/* What ended the search before its turn. */
static void add_ending(const struct pm_explanation *e, bool is_rewrite, struct pm_text *text)
{
    const struct pm_about_packet *packet = &e->engines[PM_ASKED_FILTER].packet;
    const char *decider =
        e->decision.rule == PM_NO_RULE ? NULL : pm_policy_rule_id(e->policy, e->decision.rule);
    pm_text_add(text, "not asked: ");
    if (is_rewrite && e->decision.is_final)
        pm_text_add(text, "\"%s\" is final", decider);
    else if (is_rewrite && (e->decision.verdict == PM_DROP || e->decision.verdict == PM_REJECT))
        pm_text_add(text, "the packet does not go on");
    else if (is_rewrite)
        pm_text_add(text, "the packet was not rewritten");
    else if (packet->refused != PM_WHY_NONE)
        pm_text_add(text, "%s", pm_why_text(packet->refused));
    else if (packet->follows)
        pm_text_add(text, "the first fragment of the datagram decided");
    else if (packet->latched != PM_NO_RULE && decider != NULL)
        pm_text_add(text, "\"%s\" decided about the whole flow in frame %" PRIu64, decider,
                    e->decided_frame);
    else if (decider != NULL)
        pm_text_add(text, "\"%s\" ended the search", decider);
    else
        pm_text_add(text, "the search ended before it");
}

void pm_explained_say(const struct pm_explanation *e, const struct pm_source_rule *source,
                      struct pm_text *text)
{
    if (!source->is_enabled) {
        pm_text_add(text, "disabled");
        return;
    }
    const struct pm_explained_rule *rule = &e->by_rule[source->rule];
    bool is_rewrite = pm_policy_rule_action(e->policy, source->rule) == PM_ACTION_REWRITE;
    switch (pm_explanation_part(e, source)) {
    case PM_PART_DECIDED:
        pm_text_add(text, is_rewrite ? "applies: " : "decided: ");
        break;
    case PM_PART_LATCHED:
        pm_text_add(text,
                    "decided in frame %" PRIu64 ", for the whole flow; now: ", e->decided_frame);
        break;
    case PM_PART_WATCHED:
        pm_text_add(text, "matched and only watches: ");
        break;
    case PM_PART_REFUSED:
        pm_text_add(text, "kept from matching: ");
        break;
    case PM_PART_IN_DOUBT:
        pm_text_add(text, "cannot be told (%s): ", doubt_text(rule->about.cond.doubt));
        break;
    case PM_PART_MISSED:
        pm_text_add(text, "no: ");
        break;
    case PM_PART_NOT_ASKED:
        if (!is_rewrite && !rule->about.is_asked) {
            pm_text_add(text, "not asked: it judges what rewriting leaves, and nothing left");
            return;
        }
        add_ending(e, is_rewrite, text);
        pm_text_add(text, "; ");
        break;
    case PM_PART_DISABLED:
        break;
    }
    add_share(rule, text);
}
