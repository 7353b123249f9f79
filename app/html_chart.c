/* html_chart.c - verdicts over time: bars of an inline SVG, and the same as a table.
 *
 *     0           LEFT                                     WIDTH
 *     +-----------+-----------------------------------------+ 0
 *     |  packets  |  ##  #  verdicts, stacked                |
 *     |           +-----------------------------------------+ BASE
 *     |           |  0 s        1 s        2 s               |
 *     |  edited   |   #  #                                   |
 *     +-----------+-----------------------------------------+ EDITED_BASE
 *
 * Coordinates are integers, tenths of what the page shows at its full width.
 */
#include "app/html_page.h"

#include <inttypes.h>

#define BARS         100u
#define WIDTH        10800u
#define LEFT         900u
#define BASE         2300u
#define TOP          150u
#define LABEL_Y      2480u
#define EDITED_TOP   2640u
#define EDITED_BASE  3000u
#define LEAST_HEIGHT 14u /* what happened is seen, however rarely */
#define TICKS        8u

struct chart {
    struct pm_sink *sink;
    const struct pm_timeline *timeline;
    uint32_t step, bars;
    uint64_t most;        /* packets of a bar */
    uint64_t most_edited; /* 0: none was edited */
    uint64_t sums[PM_SERIES_COUNT];
};

static const char *const series_class[] = {
    [PM_SERIES_ALLOW] = "allow",   [PM_SERIES_DELAY] = "delay", [PM_SERIES_ASK] = "ask",
    [PM_SERIES_REJECT] = "reject", [PM_SERIES_DROP] = "drop",   [PM_SERIES_EDITED] = "edited",
};
static const char *const series_name[] = {
    [PM_SERIES_ALLOW] = "allowed",   [PM_SERIES_DELAY] = "delayed", [PM_SERIES_ASK] = "asked about",
    [PM_SERIES_REJECT] = "rejected", [PM_SERIES_DROP] = "dropped",  [PM_SERIES_EDITED] = "edited",
};

static void measure(struct chart *chart)
{
    uint64_t counts[PM_SERIES_COUNT];
    chart->step = pm_timeline_step(chart->timeline, BARS);
    chart->bars = pm_timeline_bars(chart->timeline, chart->step);
    for (uint32_t bar = 0; bar < chart->bars; bar++) {
        uint64_t packets = 0;
        pm_timeline_bar(chart->timeline, chart->step, bar, counts);
        for (unsigned series = 0; series < PM_SERIES_COUNT; series++)
            chart->sums[series] += counts[series];
        for (unsigned series = 0; series < PM_SERIES_VERDICTS; series++)
            packets += counts[series];
        chart->most = packets > chart->most ? packets : chart->most;
        if (counts[PM_SERIES_EDITED] > chart->most_edited)
            chart->most_edited = counts[PM_SERIES_EDITED];
    }
}

/* value * room / most, without overflow. */
static uint32_t scale(uint64_t value, uint64_t most, uint32_t room)
{
    while (most > UINT32_MAX) {
        most /= 2;
        value /= 2;
    }
    return most == 0 ? 0 : (uint32_t)(value * room / most);
}

static uint32_t bar_x(const struct chart *chart, uint32_t bar)
{
    return LEFT + scale(bar, chart->bars, WIDTH - LEFT);
}

static uint64_t bar_ns(const struct chart *chart)
{
    return chart->step * chart->timeline->width_ns;
}

/* ------------------------------------------------------------------ bars */

static void put_rect(const struct chart *chart, uint32_t bar, unsigned series, uint32_t bottom,
                     uint32_t height)
{
    uint32_t x = bar_x(chart, bar), end = bar_x(chart, bar + 1);
    uint32_t gap = end - x > 60 ? 12 : 4;
    uint32_t width = end - x - gap < 500 ? end - x - gap : 500;
    pm_html_putf(chart->sink,
                 "<rect class=\"%s\" x=\"%" PRIu32 "\" y=\"%" PRIu32 "\" width=\"%" PRIu32
                 "\" height=\"%" PRIu32 "\"/>",
                 series_class[series], x, bottom - height, width, height);
}

static void put_bar_title(const struct chart *chart, uint32_t bar,
                          const uint64_t counts[PM_SERIES_COUNT])
{
    const char *comma = ": ";
    pm_html_put(chart->sink, "<title>from ");
    pm_html_seconds(chart->sink, bar * bar_ns(chart));
    for (unsigned series = 0; series < PM_SERIES_COUNT; series++) {
        if (counts[series] == 0)
            continue;
        pm_html_put(chart->sink, comma);
        pm_html_count(chart->sink, counts[series]);
        pm_html_putf(chart->sink, " %s", series_name[series]);
        comma = ", ";
    }
    pm_html_put(chart->sink, "</title>");
}

static void put_bar(const struct chart *chart, uint32_t bar)
{
    uint64_t counts[PM_SERIES_COUNT], packets = 0;
    uint32_t bottom = BASE;
    pm_timeline_bar(chart->timeline, chart->step, bar, counts);
    for (unsigned series = 0; series < PM_SERIES_VERDICTS; series++)
        packets += counts[series];
    if (packets == 0 && counts[PM_SERIES_EDITED] == 0)
        return;
    pm_html_put(chart->sink, "<g>");
    put_bar_title(chart, bar, counts);
    for (unsigned series = 0; series < PM_SERIES_VERDICTS; series++) {
        uint32_t height = scale(counts[series], chart->most, BASE - TOP);
        if (counts[series] == 0)
            continue;
        height = height < LEAST_HEIGHT ? LEAST_HEIGHT : height;
        put_rect(chart, bar, series, bottom, height);
        bottom -= height;
    }
    if (counts[PM_SERIES_EDITED] > 0) {
        uint32_t height =
            scale(counts[PM_SERIES_EDITED], chart->most_edited, EDITED_BASE - EDITED_TOP);
        put_rect(chart, bar, PM_SERIES_EDITED, EDITED_BASE,
                 height < LEAST_HEIGHT ? LEAST_HEIGHT : height);
    }
    pm_html_put(chart->sink, "</g>\n");
}

/* ------------------------------------------------------------------ axes */

/* The smallest of 1, 2, 5, 10, 20 ... that is not below. */
static uint64_t nice_above(uint64_t value)
{
    static const uint64_t nice[] = {1, 2, 5};
    for (uint64_t ten = 1; ten < UINT64_MAX / 100; ten *= 10)
        for (unsigned i = 0; i < 3; i++)
            if (nice[i] * ten >= value)
                return nice[i] * ten;
    return value;
}

static void put_line(const struct chart *chart, uint32_t y)
{
    pm_html_putf(chart->sink, "<line x1=\"%u\" y1=\"%" PRIu32 "\" x2=\"%u\" y2=\"%" PRIu32 "\"/>",
                 LEFT, y, WIDTH, y);
}

static void put_scale(const struct chart *chart)
{
    uint64_t tick = nice_above((chart->most + 3) / 4);
    for (uint64_t value = 0; value <= chart->most; value += tick) {
        uint32_t y = BASE - scale(value, chart->most, BASE - TOP);
        put_line(chart, y);
        pm_html_putf(chart->sink, "<text x=\"%u\" y=\"%" PRIu32 "\" text-anchor=\"end\">",
                     LEFT - 80, y + 40);
        pm_html_count(chart->sink, value);
        pm_html_put(chart->sink, "</text>\n");
    }
    if (chart->most_edited == 0)
        return;
    put_line(chart, EDITED_BASE);
    pm_html_putf(chart->sink, "<text x=\"%u\" y=\"%u\" text-anchor=\"end\">edited</text>\n",
                 LEFT - 80, EDITED_BASE - 20);
}

static void put_times(const struct chart *chart)
{
    uint64_t span_ns = chart->bars * bar_ns(chart);
    uint64_t tick_ns = nice_above((span_ns + TICKS - 1) / TICKS);
    char text[PM_HTML_SPAN];
    for (uint64_t at_ns = 0; at_ns < span_ns; at_ns += tick_ns) {
        uint32_t x = LEFT + scale(at_ns, span_ns, WIDTH - LEFT);
        if (x > WIDTH - 500)
            break;
        pm_html_span_text(at_ns, text);
        pm_html_putf(chart->sink, "<text x=\"%" PRIu32 "\" y=\"%u\">%s</text>\n", x, LABEL_Y,
                     at_ns == 0 ? "0" : text);
    }
}

/* ------------------------------------------------------------------ the figure */

static void put_legend(const struct chart *chart)
{
    pm_html_put(chart->sink, "<ul class=\"legend\">\n");
    for (unsigned series = 0; series < PM_SERIES_COUNT; series++) {
        if (chart->sums[series] == 0)
            continue;
        pm_html_putf(chart->sink, "<li class=\"%s\">", series_class[series]);
        pm_html_count(chart->sink, chart->sums[series]);
        pm_html_putf(chart->sink, " %s</li>\n", series_name[series]);
    }
    pm_html_put(chart->sink, "</ul>\n");
}

static void put_svg(const struct chart *chart)
{
    uint32_t bottom = chart->most_edited > 0 ? EDITED_BASE + 20 : LABEL_Y + 40;
    pm_html_putf(chart->sink,
                 "<svg viewBox=\"0 0 %u %" PRIu32 "\" role=\"img\" "
                 "aria-labelledby=\"chart-title\">\n"
                 "<title id=\"chart-title\">Packets by verdict over time</title>\n",
                 WIDTH, bottom);
    put_scale(chart);
    put_times(chart);
    for (uint32_t bar = 0; bar < chart->bars; bar++)
        put_bar(chart, bar);
    pm_html_put(chart->sink, "</svg>\n");
}

static void put_table(const struct chart *chart)
{
    uint64_t counts[PM_SERIES_COUNT];
    pm_html_put(chart->sink, "<details><summary>The same as a table</summary>\n");
    pm_html_open_table(chart->sink, "Verdicts over time",
                       "<th scope=\"col\" class=\"n\">from</th>"
                       "<th scope=\"col\" class=\"n\">allowed</th>"
                       "<th scope=\"col\" class=\"n\">delayed</th>"
                       "<th scope=\"col\" class=\"n\">asked about</th>"
                       "<th scope=\"col\" class=\"n\">rejected</th>"
                       "<th scope=\"col\" class=\"n\">dropped</th>"
                       "<th scope=\"col\" class=\"n\">edited</th>");
    for (uint32_t bar = 0; bar < chart->bars; bar++) {
        pm_timeline_bar(chart->timeline, chart->step, bar, counts);
        pm_html_put(chart->sink, "<tr><td class=\"n\">");
        pm_html_seconds(chart->sink, bar * bar_ns(chart));
        pm_html_put(chart->sink, "</td>");
        for (unsigned series = 0; series < PM_SERIES_COUNT; series++)
            pm_html_put_cell(chart->sink, counts[series]);
        pm_html_put(chart->sink, "</tr>\n");
    }
    pm_html_close_table(chart->sink);
    pm_html_put(chart->sink, "</details>\n");
}

void pm_html_put_chart(const struct pm_html_page *page)
{
    struct chart chart = {.sink = page->sink, .timeline = &page->seen->timeline};
    char text[PM_HTML_SPAN];
    pm_html_open_section(page->sink, "time", "Verdicts over time");
    if (!chart.timeline->has_begun) {
        pm_html_put(page->sink, "<p>The capture has no packets.</p>\n</section>\n");
        return;
    }
    measure(&chart);
    pm_html_put(page->sink, "<figure>\n");
    put_legend(&chart);
    put_svg(&chart);
    pm_html_span_text(bar_ns(&chart), text);
    pm_html_putf(page->sink,
                 "<figcaption>Packets by the verdict they got, each bar %s, from the first packet "
                 "on. What is rare is drawn high enough to be seen.</figcaption>\n</figure>\n",
                 text);
    put_table(&chart);
    pm_html_put(page->sink, "</section>\n");
}
