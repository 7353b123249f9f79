/* tls_fuzz.c - any bytes as the beginning of a stream: in whatever cuts they come, the same hello
 * is gathered, and what is read of it is within its bounds. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/tls.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An assert that no build switches off. */
#define EXPECT(promise)                                                                            \
    do {                                                                                           \
        if (!(promise))                                                                            \
            abort();                                                                               \
    } while (0)

static enum pm_tls_answer gather(const uint8_t *data, size_t size, size_t step, uint8_t *message,
                                 size_t *len)
{
    struct pm_tls_gather g = {.len = 0};
    enum pm_tls_answer answer = PM_TLS_MORE;

    for (size_t off = 0; off < size && answer == PM_TLS_MORE; off += step) {
        size_t part = size - off < step ? size - off : step;
        uint8_t *copy = malloc(part); /* so that a byte too much is seen */
        EXPECT(copy);
        memcpy(copy, data + off, part);
        answer = pm_tls_gather(&g, message, copy, part);
        free(copy);
    }
    *len = g.len;
    return answer;
}

static void expect_hello(const struct pm_tls_hello *hello)
{
    size_t off = 0;

    for (size_t i = 0; i < hello->name_len; i++)
        EXPECT(!(hello->name[i] >= 'A' && hello->name[i] <= 'Z'));
    while (off < hello->alpn_len)
        off += 1u + hello->alpn[off];
    EXPECT(off == hello->alpn_len);
    EXPECT(hello->version_count <= PM_TLS_VERSIONS_MAX && hello->type_count <= PM_TLS_TYPES_MAX);
    EXPECT(hello->ja4_len == 0 || hello->ja4_len == PM_TLS_JA4_LEN);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t whole[PM_TLS_MESSAGE_MAX], cut[PM_TLS_MESSAGE_MAX];
    static const size_t steps[] = {1, 2, 7, 100};
    struct pm_tls_hello hello;
    size_t len, cut_len;
    enum pm_tls_answer answer = gather(data, size, size + 1, whole, &len);

    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        EXPECT(gather(data, size, steps[i], cut, &cut_len) == answer);
        EXPECT(answer != PM_TLS_WHOLE || memcmp(whole, cut, cut_len < len ? cut_len : len) == 0);
    }
    if (answer == PM_TLS_WHOLE && pm_tls_hello_read(whole, len, false, &hello))
        expect_hello(&hello);
    if (pm_tls_hello_read(data, size, true, &hello))
        expect_hello(&hello);
    return 0;
}
