/* flowsend.c - what a TCP end sends in a flow text, and how its bytes travel. */
#include <stdlib.h>
#include <string.h>

#include "app/flowreader.h"

/* ------------------------------------------------------------------ streams */

static bool take_segment(struct pm_flow_reader *r, struct pm_talk_send *send)
{
    uint64_t len;
    if (!pm_flow_number(r->line, 1, 65000, &len))
        return false;
    send->segment = (uint32_t)len;
    return true;
}

static bool take_cuts(struct pm_flow_reader *r, struct pm_talk_send *send)
{
    if (!pm_flow_numbers(r->line, &send->cuts))
        return false;
    for (unsigned i = 0; i < send->cuts.count; i++) {
        uint32_t before = i == 0 ? 0 : send->cuts.at[i - 1];
        if (send->cuts.at[i] > before && send->cuts.at[i] < send->len)
            continue;
        pm_flow_fail_before(r->line, NULL, "cuts rise, from 1 to %zu: the data has %zu bytes",
                            send->len == 0 ? 0 : send->len - 1, send->len);
        return false;
    }
    return true;
}

static bool take_send(struct pm_flow_reader *r, struct pm_talk_send *send, bool *known)
{
    struct pm_flow_line *line = r->line;
    *known = true;
    if (pm_flow_take(line, "segment"))
        return take_segment(r, send);
    if (pm_flow_take(line, "cut"))
        return take_cuts(r, send);
    if (pm_flow_take(line, "order"))
        return pm_flow_numbers(line, &send->order);
    if (pm_flow_take(line, "twice"))
        return pm_flow_numbers(line, &send->again);
    if (pm_flow_take(line, "lost"))
        return pm_flow_numbers(line, &send->lost);
    if (pm_flow_take(line, "unseen"))
        return pm_flow_numbers(line, &send->unseen);
    if (pm_flow_take(line, "no-ack"))
        return send->has_no_ack = true;
    return pm_flow_take_extra(r, &send->extra, true, known);
}

static bool fits(struct pm_flow_reader *r, const struct pm_numbers *numbers, size_t count,
                 const char *what)
{
    for (unsigned i = 0; i < numbers->count; i++) {
        bool repeats = false;
        for (unsigned j = 0; j < i; j++)
            repeats = repeats || numbers->at[j] == numbers->at[i];
        if (numbers->at[i] >= 1 && numbers->at[i] <= count && !repeats)
            continue;
        pm_flow_fail_before(
            r->line, NULL, "\"%s\" names piece %u%s; the data travels in %zu piece%s", what,
            (unsigned)numbers->at[i], repeats ? " twice" : "", count, count == 1 ? "" : "s");
        return false;
    }
    return true;
}

static bool is_possible(struct pm_flow_reader *r, const struct pm_talk *talk,
                        const struct pm_talk_send *send)
{
    size_t count = pm_talk_piece_count(talk, send);
    size_t longest = send->segment > 0 ? send->segment : talk->mss;
    for (unsigned i = 0; i <= send->cuts.count && send->cuts.count > 0; i++) {
        size_t from = i == 0 ? 0 : send->cuts.at[i - 1];
        size_t to = i < send->cuts.count ? send->cuts.at[i] : send->len;
        longest = to - from > longest ? to - from : longest;
    }
    if (longest > 65000) {
        pm_flow_fail_before(r->line, NULL, "a piece has at most 65000 bytes");
        return false;
    }
    if (!fits(r, &send->order, count, "order") || !fits(r, &send->again, count, "twice") ||
        !fits(r, &send->lost, count, "lost") || !fits(r, &send->unseen, count, "unseen"))
        return false;
    if (send->order.count == 0 || send->order.count == count)
        return true;
    pm_flow_fail_before(r->line, NULL, "\"order\" names %u of %zu pieces", send->order.count,
                        count);
    return false;
}

static bool take_sends(struct pm_flow_reader *r, struct pm_talk_send *send)
{
    static const char *const words[] = {"segment", "cut",          "order",    "twice", "lost",
                                        "unseen",  "no-ack",       "ttl",      "dscp",  "id",
                                        "df",      "bad-checksum", "fragment", "snap",  "window",
                                        "urgent",  "flags",        "seq",      NULL};
    while (!pm_flow_line_ends(r->line)) {
        bool known;
        if (!take_send(r, send, &known))
            return false;
        if (!known) {
            pm_flow_expected(r->line, "the end of the line, or how the data travels", words);
            return false;
        }
    }
    return true;
}

static bool send_stream(struct pm_flow_reader *r, struct pm_flow_talk *named, unsigned from,
                        struct pm_talk_send *send)
{
    struct pm_talk *talk = &named->talk;
    if (!take_sends(r, send) || !is_possible(r, talk, send))
        return false;
    pm_talk_send(talk, from, send);
    if (!talk->ends[from].has_too_many_holes)
        return true;
    pm_flow_fail_before(r->line, NULL, "more than %u stretches of the stream are lost",
                        PM_TALK_HOLES);
    return false;
}

static bool take_new_data(struct pm_flow_reader *r, struct pm_flow_talk *named, unsigned from)
{
    struct pm_flow_bytes bytes = {.at = NULL};
    struct pm_talk *talk = &named->talk;
    struct pm_talk_send send = {.from = talk->ends[from].len};
    bool good = pm_flow_data(r->line, r->folder, &bytes);
    if (good && talk->ends[from].has_fin) {
        pm_flow_fail_before(r->line, NULL, "this end has sent its FIN; nothing follows it");
        good = false;
    }
    if (good && !pm_talk_append(talk, from, bytes.at, bytes.len)) {
        pm_flow_fail_before(r->line, NULL, "more than 64 MiB in one stream, or no memory for it");
        good = false;
    }
    send.len = bytes.len;
    free(bytes.at);
    return good && send_stream(r, named, from, &send);
}

static bool take_old_data(struct pm_flow_reader *r, struct pm_flow_talk *named, unsigned from)
{
    struct pm_talk_range range;
    unsigned count;
    if (!pm_flow_ranges(r->line, &range, 1, &count))
        return false;
    if (range.to > named->talk.ends[from].len) {
        pm_flow_fail_before(r->line, NULL, "this end has sent %zu bytes so far",
                            named->talk.ends[from].len);
        return false;
    }
    struct pm_talk_send send = {.from = range.from, .len = (size_t)(range.to - range.from)};
    return send_stream(r, named, from, &send);
}

/* ack [N] [sack A-B,...] */
static bool take_ack(struct pm_flow_reader *r, struct pm_flow_talk *named, unsigned from)
{
    struct pm_talk *talk = &named->talk;
    const struct pm_talk_end *other = &talk->ends[1 - from];
    struct pm_talk_range blocks[4];
    struct pm_talk_extra extra = {0};
    unsigned count = 0, most = talk->has_timestamps ? 3 : 4;
    uint64_t upto = pm_talk_received(other);
    bool has_number = !pm_flow_line_ends(r->line) && !r->line->words[r->line->at].is_string &&
                      strchr("0123456789", r->line->text[r->line->words[r->line->at].off]) != NULL;
    if (!has_number && !pm_flow_word_is(r->line, "sack")) {
        if (!pm_flow_take_extras(r, &extra, true))
            return false;
        pm_talk_flags(talk, from, PM_CRAFT_ACK, &extra);
        return true;
    }
    if (has_number && !pm_flow_number(r->line, 0, UINT32_MAX, &upto))
        return false;
    if (pm_flow_take(r->line, "sack") && !pm_flow_ranges(r->line, blocks, most, &count))
        return false;
    if (!pm_flow_take_extras(r, &extra, true))
        return false;
    pm_talk_ack(talk, from, upto, blocks, count, &extra);
    return true;
}

static bool take_flags(struct pm_flow_reader *r, struct pm_flow_talk *named, unsigned from,
                       uint16_t flags)
{
    struct pm_talk_extra extra = {0};
    if (!pm_flow_take_extras(r, &extra, true))
        return false;
    pm_talk_flags(&named->talk, from, flags, &extra);
    return true;
}

bool pm_flow_take_tcp(struct pm_flow_reader *r, struct pm_flow_talk *named, unsigned from)
{
    static const char *const words[] = {"again", "ack",   "syn",  "fin",
                                        "reset", "close", "icmp", NULL};
    struct pm_flow_line *line = r->line;
    if (pm_flow_is_data(line))
        return take_new_data(r, named, from);
    if (pm_flow_take(line, "again"))
        return take_old_data(r, named, from);
    if (pm_flow_take(line, "ack"))
        return take_ack(r, named, from);
    if (pm_flow_take(line, "syn"))
        return take_flags(r, named, from, from == 0 ? PM_CRAFT_SYN : PM_CRAFT_SYN | PM_CRAFT_ACK);
    if (pm_flow_take(line, "fin"))
        return take_flags(r, named, from, PM_CRAFT_FIN | PM_CRAFT_ACK);
    if (pm_flow_take(line, "reset"))
        return take_flags(r, named, from, PM_CRAFT_RST | PM_CRAFT_ACK);
    if (pm_flow_take(line, "icmp"))
        return pm_flow_take_error(r, named, from);
    if (pm_flow_take(line, "close")) {
        pm_talk_close(&named->talk, from);
        return true;
    }
    pm_flow_expected(line, "data, or what is sent", words);
    return false;
}
