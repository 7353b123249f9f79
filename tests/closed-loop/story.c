/* story.c - telling what happened; how to read it stands in README.md. */
#include "story.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *place_name(enum story_place place)
{
    switch (place) {
    case STORY_A_SENDS:
        return "A >          ";
    case STORY_A_TO_M:
        return "A ---> M     ";
    case STORY_M_TO_B:
        return "       M >   ";
    case STORY_B_GETS:
        return "       M -> B";
    case STORY_B_SENDS:
        return "           <B";
    case STORY_B_TO_M:
        return "       M <- B";
    case STORY_M_TO_A:
        return "     < M     ";
    case STORY_A_GETS:
        return "A <--- M     ";
    case STORY_NOTE:
        break;
    }
    return "--           ";
}

static bool is_from_a(enum story_place place)
{
    return place <= STORY_B_GETS;
}

static void tell_line(const struct story_line *l)
{
    printf("%12.6f %s ", (double)l->at_ns / 1e9, place_name(l->place));
    if (l->place == STORY_NOTE) {
        printf("%s\n", l->text);
        return;
    }
    if (!l->is_sound) {
        printf("unsound, %u bytes: %s\n", l->len, l->remark);
        return;
    }
    char flags[8], *f = flags;
    static const char names[] = "FSRPAU";
    for (unsigned i = 0; i < 6; i++)
        if (l->flags & 1u << i)
            *f++ = names[i];
    *f = 0;
    printf("%-3s seq %d+%u", flags, (int)l->seq, l->len);
    if (l->flags & WIRE_ACK)
        printf(" ack %d", (int)l->ack);
    printf(" win %u", l->window);
    for (unsigned i = 0; i < l->sack_count; i++)
        printf("%s%d-%d", i ? "," : " sack ", (int)l->sack[i][0], (int)l->sack[i][1]);
    if (l->has_ts)
        printf(" ts %u/%u", l->tsval, l->tsecr);
    printf("%s%s\n", l->remark ? "  " : "", l->remark ? l->remark : "");
}

static struct story_line *next_line(struct story *s, uint64_t now_ns, enum story_place place)
{
    struct story_line *l = &s->lines[s->count++ % STORY_LEN];
    l->at_ns = now_ns;
    l->place = place;
    l->remark = NULL;
    return l;
}

void story_packet(struct story *s, uint64_t now_ns, enum story_place place, const uint8_t *packet,
                  size_t len, const char *remark)
{
    struct wire_segment segment;
    enum wire_fault fault = wire_read_partial(packet, len, &segment);
    struct story_line *l = next_line(s, now_ns, place);
    uint32_t own = s->isn[is_from_a(place) ? 0 : 1], other = s->isn[is_from_a(place) ? 1 : 0];
    l->is_sound = fault == WIRE_OK;
    l->len = (uint32_t)(l->is_sound ? segment.len : len);
    l->remark = l->is_sound ? remark : wire_fault_name(fault);
    l->flags = segment.flags;
    l->window = segment.window;
    l->seq = segment.seq - own;
    l->ack = segment.ack - other;
    l->has_ts = segment.has_ts;
    l->tsval = segment.tsval;
    l->tsecr = segment.tsecr;
    l->sack_count = segment.sack_count;
    for (unsigned i = 0; i < segment.sack_count; i++) {
        l->sack[i][0] = segment.sack[i].left - other;
        l->sack[i][1] = segment.sack[i].right - other;
    }
    if (s->is_loud)
        tell_line(l);
}

void story_note(struct story *s, uint64_t now_ns, const char *format, ...)
{
    struct story_line *l = next_line(s, now_ns, STORY_NOTE);
    va_list args;
    va_start(args, format);
    vsnprintf(l->text, sizeof l->text, format, args);
    va_end(args);
    if (s->is_loud)
        tell_line(l);
}

void story_tell(const struct story *s, unsigned most)
{
    uint64_t kept = s->count < STORY_LEN ? s->count : STORY_LEN;
    uint64_t from = s->count - (kept < most ? kept : most);
    if (from > 0)
        printf("... %llu lines before these\n", (unsigned long long)from);
    for (uint64_t i = from; i < s->count; i++)
        tell_line(&s->lines[i % STORY_LEN]);
}
