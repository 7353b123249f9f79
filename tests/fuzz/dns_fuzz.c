/* dns_fuzz.c - any bytes as a DNS message: read to their end and never past it, names in bounds. */
#include <stdint.h>
#include <stdlib.h>

#include "proto/dns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An assert that no build switches off. */
#define EXPECT(promise)                                                                            \
    do {                                                                                           \
        if (!(promise))                                                                            \
            abort();                                                                               \
    } while (0)

static void expect_name(const struct pm_dns *dns, size_t off)
{
    uint8_t text[PM_DNS_NAME_TEXT];
    size_t len = pm_dns_name(dns, off, text);

    EXPECT(len <= sizeof text);
    for (size_t i = 0; i < len; i++)
        EXPECT(text[i] > 0x20 && text[i] < 0x7f && !(text[i] >= 'A' && text[i] <= 'Z'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pm_dns_walk walk = {.off = 0};
    struct pm_dns_record record;
    struct pm_dns dns;
    size_t before = PM_DNS_HEADER;

    if (!pm_dns_open(data, size, &dns))
        return 0;
    while (pm_dns_next(&dns, &walk, &record)) {
        EXPECT(record.name_off == before && walk.off > before && walk.off <= size);
        EXPECT(record.data_off + record.data_len <= size);
        before = walk.off;
        expect_name(&dns, record.name_off);
    }
    EXPECT(!pm_dns_next(&dns, &walk, &record));
    for (size_t off = 0; off < size && off < 64; off++)
        expect_name(&dns, off);
    return 0;
}
