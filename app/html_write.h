/* html_write.h - writes HTML: what came from captures, rules and paths only ever as text.
 *
 * Text is valid UTF-8 and cannot leave its place: & < > " ' are escaped, control characters are
 * shown by their pictures (U+2400...), what turns the direction of writing and bytes that are no
 * UTF-8 become U+FFFD.
 */
#ifndef PKTMOD_APP_HTML_WRITE_H
#define PKTMOD_APP_HTML_WRITE_H

#include "app/sink.h"

/* As it is: markup of our own. */
void pm_html_put(struct pm_sink *sink, const char *markup);
/* The same with numbers and words of our own in it; at most 511 bytes. */
void pm_html_putf(struct pm_sink *sink, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void pm_html_text(struct pm_sink *sink, const char *text);
/* "1,234,567" */
void pm_html_count(struct pm_sink *sink, uint64_t count);
/* "1,234 packets": a count with its noun, which takes an s. */
void pm_html_amount(struct pm_sink *sink, uint64_t count, const char *noun);
/* "1.5 ms": whole units where it is, else up to three decimals, rounded down. */
#define PM_HTML_SPAN 32
void pm_html_span_text(uint64_t span_ns, char text[PM_HTML_SPAN]);
/* "1.234567891 s", no trailing zeros. */
void pm_html_seconds(struct pm_sink *sink, uint64_t ns);

/* Bytes as rows of hex and text, the first of them number `offset`; those in [from, to) within
 * <mark>, where mark is "del" or "ins". */
struct pm_html_dump {
    const uint8_t *bytes;
    const uint8_t *against; /* len bytes: only those that differ are marked; or NULL */
    size_t len, from, to;
    uint64_t offset;
    const char *mark;
};
void pm_html_put_dump(struct pm_sink *sink, const struct pm_html_dump *dump);

#endif
