/* verify_fuzz.c - any capture, verified alone, against itself, and against one that it may have
 * come from. A capture that is its own baseline has no findings, whatever is in it. */
#include <stdlib.h>
#include <string.h>

#include "app/verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SIZE_MAX_TAKEN 16384

static uint64_t findings_of(const uint8_t *out, const uint8_t *baseline, size_t size)
{
    struct pm_verify_options options = {
        .out = "out", .baseline = baseline == NULL ? NULL : "in", .mtu = 1500};
    struct pm_verify *verify = calloc(1, sizeof *verify);
    struct pm_capture *from = pm_capture_open_bytes("out", out, size), *was = NULL;
    struct pm_progress progress;
    if (baseline != NULL)
        was = pm_capture_open_bytes("in", baseline, size);
    if (verify == NULL || from == NULL || !pm_verify_findings_init(&verify->findings, 20, false))
        abort();
    verify->options = &options;
    pm_progress_start(&progress, true);
    pm_verify_run(verify, from, was, &progress);
    uint64_t findings = verify->findings.findings;
    pm_verify_end(verify);
    pm_capture_close(from);
    pm_capture_close(was);
    free(verify);
    return findings;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > SIZE_MAX_TAKEN || size == 0)
        return 0;
    findings_of(data, NULL, size);
    if (findings_of(data, data, size) != 0)
        abort();
    uint8_t *other = malloc(size);
    if (other == NULL)
        return 0;
    memcpy(other, data, size);
    for (size_t at = 24 + data[0] % 64; at < size; at += 97)
        other[at] ^= data[size - 1];
    findings_of(other, data, size);
    findings_of(data, other, size);
    free(other);
    return 0;
}
