/* start_test.c - where frames of macOS interfaces begin, and what the system cut off. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "filter-ext/shards/start.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* Destination and source of an Ethernet header. The second pair looks like the beginning of an
 * IPv4 packet of 46 bytes. */
#define MACS      "\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\x02"
#define LIKE_IPV4 "\x45\x00\x00\x2e\x00\x00\x40\x00\x40\x06\x00\x00"
#define TCP       "\x40\x00\x00\x50\x00\x00\x00\x01\x00\x00\x00\x00\x50\x02\xff\xff\x00\x00\x00\x00"
#define IPV4(len, src)                                                                             \
    "\x45\x00\x00" len "\x00\x00\x40\x00\x40\x06\x00\x00" src "\xc6\x33\x64\x01" TCP
#define IPV6                                                                                       \
    "\x60\x00\x00\x00\x00\x14\x06\x40\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" \
    "\x01\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02" TCP
#define BYTES(text) (const uint8_t *)(text), sizeof(text) - 1

static void the_start_is_found(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        enum pm_interface_kind kind;
        const char *name;
        const uint8_t *bytes;
        size_t len;
        uint16_t link;
    } cases[] = {
        {"Wi-Fi", PM_INTERFACE_WIFI, "en0", BYTES(MACS "\x08\x00" IPV4("\x28", "\x0a\x00\x00\x01")),
         PM_START_ETHERNET},
        {"wired, IPv6", PM_INTERFACE_WIRED, "en5", BYTES(MACS "\x86\xdd" IPV6), PM_START_ETHERNET},
        {"VLAN", PM_INTERFACE_WIRED, "en5",
         BYTES(MACS "\x81\x00\x00\x07\x08\x00" IPV4("\x28", "\x0a\x00\x00\x01")),
         PM_START_ETHERNET},
        {"two VLANs", PM_INTERFACE_WIRED, "en5",
         BYTES(MACS "\x88\xa8\x00\x07\x81\x00\x00\x08\x86\xdd" IPV6), PM_START_ETHERNET},
        {"ARP", PM_INTERFACE_WIFI, "en0", BYTES(MACS "\x08\x06\x00\x01"), PM_START_ETHERNET},
        {"802.3", PM_INTERFACE_WIFI, "en0", BYTES(MACS "\x00\x26\x42\x42\x03"), PM_START_ETHERNET},
        {"unknown type", PM_INTERFACE_WIFI, "en0", BYTES(MACS "\xca\xfe\x01"), PM_START_ETHERNET},
        {"padded to 60", PM_INTERFACE_WIRED, "en5",
         BYTES(MACS "\x08\x00" IPV4("\x28", "\x0a\x00\x00\x01") "\x00\x00\x00\x00\x00\x00"),
         PM_START_ETHERNET},
        {"a bridge is Ethernet, though its type is other", PM_INTERFACE_OTHER, "bridge0",
         BYTES(MACS "\x08\x00" IPV4("\x28", "\x0a\x00\x00\x01")), PM_START_ETHERNET},
        {"an address that looks like IP", PM_INTERFACE_WIFI, "en0",
         BYTES(LIKE_IPV4 "\x08\x06\x00\x01\x08\x00\x06\x04\x00\x01"
                         "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
                         "\x00\x00\x00\x00"),
         PM_START_ETHERNET},
        {"utun", PM_INTERFACE_OTHER, "utun4", BYTES(IPV4("\x28", "\x0a\x00\x00\x01")),
         PM_START_RAW},
        {"utun, IPv6", PM_INTERFACE_OTHER, "utun4", BYTES(IPV6), PM_START_RAW},
        {"utun, an address that is an Ethernet type", PM_INTERFACE_OTHER, "utun4",
         BYTES(IPV4("\x28", "\x08\x00\x45\x01")), PM_START_RAW},
        {"utun, a length that contradicts the bytes", PM_INTERFACE_OTHER, "utun4",
         BYTES(IPV4("\x99", "\x0a\x00\x00\x01")), PM_START_RAW},
        {"no name, raw", PM_INTERFACE_OTHER, NULL, BYTES(IPV6), PM_START_RAW},
        {"no name, Ethernet", PM_INTERFACE_OTHER, NULL, BYTES(MACS "\x86\xdd" IPV6),
         PM_START_ETHERNET},
        {"utun with Ethernet in it", PM_INTERFACE_OTHER, "utun4", BYTES(MACS "\x86\xdd" IPV6),
         PM_START_ETHERNET},
        {"nothing at all", PM_INTERFACE_WIFI, "en0", BYTES(""), PM_START_ETHERNET},
        {"a byte of utun", PM_INTERFACE_OTHER, "utun0", BYTES("\x45"), PM_START_RAW},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint16_t link = pm_start_link(cases[i].kind, cases[i].name, cases[i].bytes, cases[i].len);
        if (link != cases[i].link)
            fail_msg("%s: link %u, not %u", cases[i].what, link, cases[i].link);
    }
}

/* Ethernet with `tag_len` bytes of VLAN, or none, and IPv4 of that length, in `len` bytes. */
static size_t wire_len(uint16_t link, size_t len, size_t tag_len, unsigned ip_len)
{
    static uint8_t frame[4096];
    memset(frame, 0, sizeof frame);
    size_t off = 0;
    if (link == PM_START_ETHERNET) {
        frame[12] = tag_len ? 0x81 : 0x08;
        if (tag_len)
            frame[16] = 0x08;
        off = 14 + tag_len;
    }
    frame[off] = 0x45;
    frame[off + 2] = (uint8_t)(ip_len >> 8);
    frame[off + 3] = (uint8_t)ip_len;
    return pm_start_wire_len(link, frame, len);
}

static void only_long_frames_were_cut(void **state)
{
    (void)state;
    assert_int_equal(wire_len(PM_START_ETHERNET, 2048, 0, 6000), 6014);
    assert_int_equal(wire_len(PM_START_ETHERNET, 2048, 4, 6000), 6018);
    assert_int_equal(wire_len(PM_START_RAW, 2048, 0, 6000), 6000);
    assert_int_equal(wire_len(PM_START_ETHERNET, 2048, 0, 2034), 2048);
    assert_int_equal(wire_len(PM_START_ETHERNET, 2048, 0, 40), 2048);
    assert_int_equal(wire_len(PM_START_ETHERNET, 1514, 0, 6000), 1514);
    assert_int_equal(wire_len(PM_START_RAW, 2047, 0, 6000), 2047);
    uint8_t other[2048] = {[12] = 0x08, [13] = 0x06};
    assert_int_equal(pm_start_wire_len(PM_START_ETHERNET, other, sizeof other), sizeof other);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_start_is_found),
        cmocka_unit_test(only_long_frames_were_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
