/* flowextra.c - how the packets of a statement in a flow text differ from usual ones. */
#include "app/flowreader.h"

bool pm_flow_take_number8(struct pm_flow_reader *r, uint64_t most, uint8_t shift, uint8_t *out)
{
    uint64_t value;
    if (!pm_flow_number(r->line, 0, most, &value))
        return false;
    *out = (uint8_t)(value << shift);
    return true;
}

bool pm_flow_take_number16(struct pm_flow_reader *r, uint64_t least, uint64_t most, uint16_t *out)
{
    uint64_t value;
    if (!pm_flow_number(r->line, least, most, &value))
        return false;
    *out = (uint16_t)value;
    return true;
}

/* ------------------------------------------------------------------ how packets differ */

static bool take_fragment(struct pm_flow_reader *r, struct pm_talk_extra *extra)
{
    uint64_t size;
    if (!pm_flow_number(r->line, 8, 65400, &size))
        return false;
    extra->fragment = (uint32_t)size;
    extra->is_reversed = pm_flow_take(r->line, "reversed");
    if (size % 8 == 0)
        return true;
    pm_flow_fail_before(r->line, NULL, "fragments have a multiple of 8 bytes");
    return false;
}

static bool take_snap(struct pm_flow_reader *r, struct pm_talk_extra *extra)
{
    uint64_t len;
    if (!pm_flow_number(r->line, 1, 65535, &len))
        return false;
    extra->snap = (uint32_t)len;
    return true;
}

static bool take_ip_extra(struct pm_flow_reader *r, struct pm_talk_extra *extra, bool *known)
{
    struct pm_flow_line *line = r->line;
    *known = true;
    if (pm_flow_take(line, "ttl")) {
        extra->has |= PM_TALK_TTL;
        return pm_flow_take_number8(r, 255, 0, &extra->ttl);
    }
    if (pm_flow_take(line, "dscp")) {
        extra->has |= PM_TALK_TOS;
        return pm_flow_take_number8(r, 63, 2, &extra->tos);
    }
    if (pm_flow_take(line, "id")) {
        extra->has |= PM_TALK_ID;
        return pm_flow_take_number16(r, 0, 65535, &extra->id);
    }
    if (pm_flow_take(line, "df"))
        return extra->df = true;
    if (pm_flow_take(line, "bad-checksum"))
        return extra->is_bad_checksum = true;
    if (pm_flow_take(line, "fragment"))
        return take_fragment(r, extra);
    if (pm_flow_take(line, "snap"))
        return take_snap(r, extra);
    *known = false;
    return true;
}

static bool take_tcp_extra(struct pm_flow_reader *r, struct pm_talk_extra *extra, bool *known)
{
    struct pm_flow_line *line = r->line;
    *known = true;
    if (pm_flow_take(line, "window")) {
        extra->has |= PM_TALK_WINDOW;
        return pm_flow_take_number16(r, 0, 65535, &extra->window);
    }
    if (pm_flow_take(line, "urgent")) {
        extra->has |= PM_TALK_URGENT;
        return pm_flow_take_number16(r, 0, 65535, &extra->urgent);
    }
    if (pm_flow_take(line, "flags")) {
        extra->has |= PM_TALK_FLAGS;
        return pm_flow_tcp_flags(line, &extra->flags);
    }
    if (pm_flow_take(line, "seq"))
        return pm_flow_shift(line, &extra->seq_shift);
    return take_ip_extra(r, extra, known);
}

bool pm_flow_take_extra(struct pm_flow_reader *r, struct pm_talk_extra *extra, bool is_tcp,
                        bool *known)
{
    return is_tcp ? take_tcp_extra(r, extra, known) : take_ip_extra(r, extra, known);
}

static const char *const extra_words[] = {"ttl",          "dscp",     "id",   "df",
                                          "bad-checksum", "fragment", "snap", "window",
                                          "urgent",       "flags",    "seq",  NULL};

/* All extras to the end of the line. */
bool pm_flow_take_extras(struct pm_flow_reader *r, struct pm_talk_extra *extra, bool is_tcp)
{
    while (!pm_flow_line_ends(r->line)) {
        bool known;
        if (!pm_flow_take_extra(r, extra, is_tcp, &known))
            return false;
        if (!known) {
            pm_flow_expected(r->line, "the end of the line, or how the packet differs",
                             extra_words);
            return false;
        }
    }
    return true;
}
