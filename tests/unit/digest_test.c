/* digest_test.c - MD5, SHA-256, HMAC and HKDF give what their documents say, in any pieces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/md5.h"
#include "base/sha256.h"

static void expect_hex(const uint8_t *bytes, size_t len, const char *hex)
{
    char text[129];
    for (size_t i = 0; i < len; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    assert_string_equal(text, hex);
}

/* RFC 1321, appendix A.5; FIPS 180-4's examples. */
static const struct {
    const char *text, *md5, *sha256;
} known[] = {
    {"", "d41d8cd98f00b204e9800998ecf8427e",
     "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", "900150983cd24fb0d6963f7d28e17f72",
     "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "8215ef0796a20bcaaae116d3876c664a",
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    {"12345678901234567890123456789012345678901234567890123456789012345678901234567890",
     "57edf4a22be3c955ac49da2e2107b67a",
     "f371bc4a311f2b009eef952dd83ca80e2b60026c8e935592d0f9c308453c813e"},
};

static void known_texts_have_known_digests_in_any_two_pieces(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        size_t len = strlen(known[i].text);
        for (size_t cut = 0; cut <= len; cut++) {
            struct pm_md5 md5;
            struct pm_sha256 sha;
            uint8_t digest[PM_SHA256_LEN];
            pm_md5_begin(&md5);
            pm_md5_add(&md5, known[i].text, cut);
            pm_md5_add(&md5, known[i].text + cut, len - cut);
            pm_md5_end(&md5, digest);
            expect_hex(digest, PM_MD5_LEN, known[i].md5);
            pm_sha256_begin(&sha);
            pm_sha256_add(&sha, known[i].text, cut);
            pm_sha256_add(&sha, known[i].text + cut, len - cut);
            pm_sha256_end(&sha, digest);
            expect_hex(digest, PM_SHA256_LEN, known[i].sha256);
        }
    }
}

/* A million times 'a' (FIPS 180-4): the length does not fit in one block's worth of bits. */
static void a_long_text_has_its_known_digest(void **state)
{
    (void)state;
    struct pm_md5 md5;
    struct pm_sha256 sha;
    uint8_t digest[PM_SHA256_LEN], piece[1000];
    memset(piece, 'a', sizeof piece);
    pm_md5_begin(&md5);
    pm_sha256_begin(&sha);
    for (int i = 0; i < 1000; i++) {
        pm_md5_add(&md5, piece, sizeof piece);
        pm_sha256_add(&sha, piece, sizeof piece);
    }
    pm_md5_end(&md5, digest);
    expect_hex(digest, PM_MD5_LEN, "7707d6ae4e027c70eea2a935c2296f21");
    pm_sha256_end(&sha, digest);
    expect_hex(digest, PM_SHA256_LEN,
               "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

/* RFC 4231, case 2; RFC 5869, appendix A.1 (its first 32 bytes). */
static void hmac_and_hkdf_are_as_their_documents_show(void **state)
{
    (void)state;
    static const char ask[] = "what do ya want for nothing?";
    uint8_t mac[PM_SHA256_LEN], secret[22], salt[13], info[10], out[32];
    pm_hmac_sha256("Jefe", 4, ask, strlen(ask), mac);
    expect_hex(mac, sizeof mac, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(secret, 0x0b, sizeof secret);
    for (size_t i = 0; i < sizeof salt; i++)
        salt[i] = (uint8_t)i;
    for (size_t i = 0; i < sizeof info; i++)
        info[i] = (uint8_t)(0xf0 + i);
    pm_hmac_sha256(salt, sizeof salt, secret, sizeof secret, mac);
    expect_hex(mac, sizeof mac, "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
    pm_hkdf_expand(mac, info, sizeof info, out, sizeof out);
    expect_hex(out, sizeof out, "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_texts_have_known_digests_in_any_two_pieces),
        cmocka_unit_test(a_long_text_has_its_known_digest),
        cmocka_unit_test(hmac_and_hkdf_are_as_their_documents_show),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
