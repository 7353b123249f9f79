/* explanation_bytes.c - shows what was changed in a frame: the lines that differ, before and after,
 * as hex and text. */
#include <inttypes.h>
#include <string.h>

#include "app/explanation.h"
#include "app/verify_packet.h"

#define A_LINE     16u
#define MOST_LINES 16u /* of one side of a part */

struct stretch {
    const uint8_t *bytes;
    size_t begin, end; /* of the frame: what is compared */
    size_t from, to;   /* what differs */
};

static void print_line(const struct stretch *s, size_t at, char sign,
                       const struct pm_explained_view *view)
{
    const char *on = !view->colour ? "" : sign == '-' ? "\033[31m" : "\033[32m";
    fprintf(view->out, "    %s%c %04zx ", on, sign, at);
    for (size_t i = at; i < at + A_LINE; i++) {
        const char *gap = i == at + A_LINE / 2 ? "  " : " ";
        if (i >= s->begin && i < s->end)
            fprintf(view->out, "%s%02x", gap, s->bytes[i]);
        else
            fprintf(view->out, "%s  ", gap);
    }
    fputs("  ", view->out);
    for (size_t i = at; i < at + A_LINE && i < s->end; i++) {
        bool is_shown = i >= s->begin && s->bytes[i] >= 0x20 && s->bytes[i] < 0x7f;
        putc(is_shown ? s->bytes[i] : i >= s->begin ? '.' : ' ', view->out);
    }
    fprintf(view->out, "%s\n", view->colour ? "\033[0m" : "");
}

static void print_stretch(const struct stretch *s, char sign, const struct pm_explained_view *view)
{
    size_t lines = 0, more = 0;
    for (size_t at = s->from / A_LINE * A_LINE; at < s->to; at += A_LINE) {
        if (lines++ < MOST_LINES)
            print_line(s, at, sign, view);
        else
            more++;
    }
    if (more > 0)
        fprintf(view->out, "    %c %zu more lines\n", sign, more);
}

/* The bytes that differ: from the first to the last. */
static void narrow(struct stretch *a, struct stretch *b)
{
    size_t a_len = a->end - a->begin, b_len = b->end - b->begin;
    size_t same = 0, tail = 0, least = a_len < b_len ? a_len : b_len;
    while (same < least && a->bytes[a->begin + same] == b->bytes[b->begin + same])
        same++;
    while (tail < least - same && a->bytes[a->end - 1 - tail] == b->bytes[b->end - 1 - tail])
        tail++;
    a->from = a->begin + same;
    a->to = a->end - tail;
    b->from = b->begin + same;
    b->to = b->end - tail;
    /* what was inserted stands between bytes that are shown, too */
    a->from -= a->from == a->to && a->from > a->begin ? 1 : 0;
    b->from -= b->from == b->to && b->from > b->begin ? 1 : 0;
}

static void show(const char *what, struct stretch a, struct stretch b,
                 const struct pm_explained_view *view)
{
    if (a.end - a.begin == b.end - b.begin &&
        memcmp(a.bytes + a.begin, b.bytes + b.begin, a.end - a.begin) == 0)
        return;
    narrow(&a, &b);
    fprintf(view->out, "  %s (- before, + after)\n", what);
    print_stretch(&a, '-', view);
    print_stretch(&b, '+', view);
}

static size_t payload_of(uint8_t *bytes, size_t len, uint16_t link)
{
    struct pm_verify_packet packet = {.bytes = NULL};
    struct pm_record record = {
        .data = bytes, .caplen = (uint32_t)len, .origlen = (uint32_t)len, .link = link};
    pm_verify_packet_read(&packet, &record);
    bool has_payload = packet.kind == PM_VERIFY_TCP || packet.kind == PM_VERIFY_UDP;
    return has_payload && packet.payload_off <= len ? packet.payload_off : len;
}

void pm_explained_bytes(const struct pm_explanation *e, const struct pm_explained_packet *packet,
                        const struct pm_explained_view *view)
{
    size_t before = payload_of(e->bytes, e->len, e->packet.link);
    size_t after = payload_of(packet->bytes, packet->len, e->packet.link);
    show("headers", (struct stretch){.bytes = e->bytes, .end = before},
         (struct stretch){.bytes = packet->bytes, .end = after}, view);
    show("payload", (struct stretch){.bytes = e->bytes, .begin = before, .end = e->len},
         (struct stretch){.bytes = packet->bytes, .begin = after, .end = packet->len}, view);
}
