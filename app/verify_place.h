/* verify_place.h - whether a position of the rewritten stream can be that of one of the original.
 */
#ifndef PKTMOD_APP_VERIFY_PLACE_H
#define PKTMOD_APP_VERIFY_PLACE_H

#include "app/verify_stream.h"

/* The rules are not known here, so only the bytes around the two positions can tell. True: the
 * bytes around `pos` stand elsewhere in `rewritten`, at one place only, and not at `place`;
 * *expected is that place. False: they agree, or it cannot be told. */
bool pm_verify_place_is_wrong(const struct pm_verify_stream *original, uint64_t pos,
                              const struct pm_verify_stream *rewritten, uint64_t place,
                              uint64_t *expected);

#endif
