/* nfmessage_fuzz.c - whatever a datagram of the kernel's packet queue holds: every message ends
 * within it, and so does what it points at. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter-ext/linux/nfmessage.h"

#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "nfmessage_fuzz: %s\n", #condition);                                   \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t sum(const uint8_t *bytes, size_t len)
{
    uint32_t total = 0;
    for (size_t i = 0; i < len; i++)
        total += bytes[i];
    return total;
}

static void check(const struct pm_nf_message *m, const uint8_t *bytes, size_t len)
{
    EXPECT(m->size > 0 && m->size <= len);
    if (m->kind == PM_NF_BROKEN)
        EXPECT(m->size == len);
    if (m->kind == PM_NF_ANSWER)
        EXPECT(m->error >= -INT32_MAX);
    if (m->kind != PM_NF_PACKET)
        return;
    EXPECT(m->wire_len >= m->len);
    if (m->data == NULL) {
        EXPECT(m->len == 0);
        return;
    }
    EXPECT(m->data >= bytes && m->len <= len - (size_t)(m->data - bytes));
    EXPECT(sum(m->data, m->len) <= 255u * m->len); /* each byte can be read */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *bytes = malloc(size > 0 ? size : 1); /* aligned, and no byte larger */
    EXPECT(bytes != NULL);
    memcpy(bytes, size > 0 ? data : (const uint8_t *)"", size);
    for (size_t off = 0; off < size;) {
        struct pm_nf_message m = pm_nf_read(bytes + off, size - off);
        check(&m, bytes + off, size - off);
        off += m.size;
    }
    free(bytes);
    return 0;
}
