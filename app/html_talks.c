/* html_talks.c - the flows that moved most. */
#include "app/html_page.h"

#include <inttypes.h>

enum { ICMP = 1, TCP = 6, UDP = 17, ICMP6 = 58 };

static void put_protocol(struct pm_sink *sink, uint8_t protocol)
{
    switch (protocol) {
    case ICMP:
        pm_html_put(sink, "ICMP");
        return;
    case TCP:
        pm_html_put(sink, "TCP");
        return;
    case UDP:
        pm_html_put(sink, "UDP");
        return;
    case ICMP6:
        pm_html_put(sink, "ICMPv6");
        return;
    default: /* any other byte */
        pm_html_putf(sink, "IP %u", protocol);
    }
}

static void put_end(struct pm_sink *sink, const struct pm_addr *addr, uint16_t port, bool has_port)
{
    char text[PM_ADDR_TEXT];
    pm_addr_text(addr, text);
    bool has_brackets = has_port && addr->version == 6;
    pm_html_put(sink, has_brackets ? "[" : "");
    pm_html_text(sink, text);
    pm_html_put(sink, has_brackets ? "]" : "");
    if (has_port)
        pm_html_putf(sink, ":%u", port);
}

static void put_flow(const struct pm_html_page *page, const struct pm_event_flow *flow)
{
    struct pm_sink *sink = page->sink;
    const struct pm_endpoints *ends = &flow->ends;
    char text[PM_HTML_SPAN];
    pm_html_put(sink, "<tr><th scope=\"row\">");
    put_end(sink, &ends->src, ends->src_port, ends->has_ports);
    pm_html_put(sink, "</th><td>");
    put_end(sink, &ends->dst, ends->dst_port, ends->has_ports);
    pm_html_put(sink, "</td><td>");
    put_protocol(sink, ends->ip_proto);
    pm_html_put(sink, flow->is_midstream ? " <span class=\"soft\">midstream</span></td>" : "</td>");
    for (unsigned way = 0; way < PM_EVENT_WAYS; way++)
        pm_html_put_cell(sink, flow->packets[way]);
    for (unsigned way = 0; way < PM_EVENT_WAYS; way++)
        pm_html_put_cell(sink, flow->bytes[way]);
    pm_html_put_cell(sink, flow->dropped);
    pm_html_put_cell(sink, flow->edited);
    pm_html_put(sink, "<td class=\"n\">");
    pm_html_seconds(sink, flow->start_ns - page->seen->timeline.first_ns);
    pm_html_span_text(flow->last_ns - flow->start_ns, text);
    pm_html_putf(sink, "</td><td class=\"n\">%s</td></tr>\n", text);
}

void pm_html_put_flows(const struct pm_html_page *page)
{
    const struct pm_html_seen *seen = page->seen;
    pm_html_open_section(page->sink, "flows", "Flows by bytes");
    if (seen->top_count == 0) {
        pm_html_put(page->sink, "<p>No packet belongs to a flow.</p>\n</section>\n");
        return;
    }
    pm_html_open_table(
        page->sink, "Flows by bytes",
        "<th scope=\"col\">client</th><th scope=\"col\">server</th><th scope=\"col\">protocol</th>"
        "<th scope=\"col\" class=\"n\">packets \xe2\x86\x92</th>"
        "<th scope=\"col\" class=\"n\">\xe2\x86\x90 packets</th>"
        "<th scope=\"col\" class=\"n\">bytes \xe2\x86\x92</th>"
        "<th scope=\"col\" class=\"n\">\xe2\x86\x90 bytes</th>"
        "<th scope=\"col\" class=\"n\">dropped</th><th scope=\"col\" class=\"n\">edited</th>"
        "<th scope=\"col\" class=\"n\">began</th><th scope=\"col\" class=\"n\">lasted</th>");
    for (uint32_t i = 0; i < seen->top_count; i++)
        put_flow(page, &seen->top[i]);
    pm_html_close_table(page->sink);
    if (seen->flow_count > seen->top_count) {
        pm_html_put(page->sink, "<p class=\"soft\">and ");
        pm_html_amount(page->sink, seen->flow_count - seen->top_count, "more flow");
        pm_html_put(page->sink, " with fewer bytes (--events tells of every one)</p>\n");
    }
    pm_html_put(page->sink, "</section>\n");
}
