/* dns_edit_fuzz.c - any bytes as a DNS message under any edit: what is written can be read again,
 * within its room, and the same edit finds nothing more to change in it.
 *
 *     byte 0 what is done, bytes 1.. its numbers, from byte 8 on the message */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "proto/dnsedit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define EXPECT(promise)                                                                            \
    do {                                                                                           \
        if (!(promise))                                                                            \
            abort();                                                                               \
    } while (0)

#define HEAD 8u

static bool is_mark(enum pm_dns_fate fate)
{
    return fate == PM_DNS_SAME || fate == PM_DNS_EDITED || fate == PM_DNS_UNFIT;
}

static enum pm_dns_fate make(const struct pm_dns *dns, const uint8_t *wish, uint8_t *out,
                             size_t cap, size_t *len)
{
    uint16_t types[2] = {pm_get16(wish + 1), 28}, options[1] = {wish[3]};
    struct pm_dns_synth synths[2] = {{.type = PM_DNS_A}, {.type = PM_DNS_CNAME}};
    struct pm_dns_rename rename, *list[1] = {&rename};
    uint32_t hits;
    struct pm_dns_recipe recipe = {
        .has_answers = wish[0] & 1,
        .has_rcode = wish[0] & 2,
        .removes_edns = wish[0] & 4,
        .rcode = wish[4] & 15,
        .ttl = {.is_set = wish[0] & 8, .is_most = wish[4] & 64, .value = wish[5]},
        .size = {.is_set = true, .value = 512u + wish[6]},
        .synths = synths,
        .synth_count = 2,
        .types = types,
        .type_count = wish[0] & 16 ? 2 : 0,
        .options = options,
        .option_count = 1};
    EXPECT(pm_dns_labels_parse((const uint8_t *)"sink.example", 12, &synths[1].name));
    if ((wish[0] & 0xc0) == 0xc0)
        return pm_dns_cut(dns, out, cap, len);
    if (wish[0] & 0x80)
        return pm_dns_respond(dns, &recipe, out, cap, len);
    if (!(wish[0] & 0x40))
        return pm_dns_edit(dns, &recipe, out, cap, len);
    EXPECT(pm_dns_labels_parse((const uint8_t *)"com", 3, &rename.find));
    EXPECT(pm_dns_labels_parse((const uint8_t *)"example.org", 11, &rename.with));
    return pm_dns_rename(dns, (const struct pm_dns_rename *const *)list, 1, &hits, out, cap, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pm_dns dns, made;
    size_t len = 0, again_len = 0;
    if (size < HEAD || pm_dns_examine(data + HEAD, size - HEAD, &dns) != PM_DNS_SAME)
        return 0;
    size_t cap = data[7] & 1 ? PM_DNS_MESSAGE_MAX : 64u + data[7];
    uint8_t *out = malloc(cap), *again = malloc(PM_DNS_MESSAGE_MAX);
    EXPECT(out && again);
    enum pm_dns_fate fate = make(&dns, data, out, cap, &len);
    EXPECT(is_mark(fate));
    if (fate == PM_DNS_EDITED) {
        EXPECT(len >= PM_DNS_HEADER && len <= cap);
        EXPECT(pm_dns_examine(out, len, &made) == PM_DNS_SAME);
        EXPECT(made.id == dns.id);
        fate = make(&made, data, again, PM_DNS_MESSAGE_MAX, &again_len);
        EXPECT(is_mark(fate));
        EXPECT(fate != PM_DNS_EDITED || (data[0] & 0xc0) == 0x40 || again_len <= len);
    }
    free(again);
    free(out);
    return 0;
}
