/* quic_fuzz.c - any bytes as a client's first datagram: read within their bounds, and what is
 * gathered is gathered again by the same bytes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/quic.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An assert that no build switches off. */
#define EXPECT(promise)                                                                            \
    do {                                                                                           \
        if (!(promise))                                                                            \
            abort();                                                                               \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t text[PM_QUIC_PACKETS], message[PM_TLS_MESSAGE_MAX];
    struct pm_quic_room room = {.crypt = pm_quiccrypt_new(), .text = text};
    struct pm_quic_gather gather = {.has_id = false};
    struct pm_tls_hello hello;

    EXPECT(!pm_quic_is_initial(data, size) || pm_quic_may_be_initial(data, size));
    EXPECT(room.crypt || !pm_quiccrypt_is_there());
    if (!room.crypt)
        return 0;
    enum pm_tls_answer answer = pm_quic_gather(&gather, message, &room, data, size);
    EXPECT(pm_quic_gather(&gather, message, &room, data, size) == answer);
    EXPECT(gather.len <= PM_TLS_MESSAGE_MAX);
    if (answer == PM_TLS_WHOLE)
        pm_tls_hello_read(message, gather.len, true, &hello);
    pm_quiccrypt_free(room.crypt);
    return 0;
}
