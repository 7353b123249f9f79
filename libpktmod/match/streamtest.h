/* streamtest.h - tests on streams: each is looked for in the bytes as they come, and has a state.
 *
 *     OPEN --- found ---------------------> TRUE      for good
 *       |  --- the bytes that count are sure: CLOSED  for good
 *       '--- a regex gave up at a limit --> DOUBT     looked for further on
 *
 * What is found does not depend on how the bytes came: a test needs at most pm_streamtest_tail()
 * bytes before those that are new. A pattern that asks what follows (regex.h) is found when that is
 * there; every other as soon as its bytes are. */
#ifndef PM_MATCH_STREAMTEST_H
#define PM_MATCH_STREAMTEST_H

#include "match/cond.h"

enum pm_stream_test_state {
    PM_STREAM_TEST_CLOSED, /* also: nobody asked for it */
    PM_STREAM_TEST_OPEN,
    PM_STREAM_TEST_TRUE,
    PM_STREAM_TEST_DOUBT,
};

/* The states of all tests, two bits each, in pm_streamtest_words() words. */
uint32_t pm_streamtest_words(const struct pm_conds *c);

static inline enum pm_stream_test_state pm_streamtest_state(const uint64_t *states, uint32_t test)
{
    return (enum pm_stream_test_state)(states[test / 32] >> 2 * (test % 32) & 3);
}

/* Bytes in front of new ones that a test may need, where an attempt of a regex sees `window`. */
uint32_t pm_streamtest_tail(const struct pm_conds *c, uint32_t window);

/* Whether the condition has a test on the stream, at any depth. */
bool pm_cond_tests_stream(const struct pm_conds *c, pm_cond_id cond);
/* The same for a field of the hello that opens a flow. */
bool pm_cond_tests_hello(const struct pm_conds *c, pm_cond_id cond);
/* The same for what a packet carries. */
bool pm_cond_tests_payload(const struct pm_conds *c, pm_cond_id cond);
/* Opens the tests of the condition that are closed. Of a stream that is seen from its middle on,
 * those that count from its beginning are in DOUBT. */
void pm_streamtest_open(const struct pm_conds *c, pm_cond_id cond, bool is_midstream,
                        uint64_t *states);
/* The first byte turned out not to be the beginning: as above, for tests that are open already. */
void pm_streamtest_lose_beginning(const struct pm_conds *c, uint64_t *states);

/* Closes the tests that are open. */
void pm_streamtest_close(const struct pm_conds *c, uint64_t *states);
/* Whether a test is still looked for. */
bool pm_streamtest_is_open(const struct pm_conds *c, const uint64_t *states);

/* Bytes of a stream, the last `fresh` of them new. */
struct pm_stream_text {
    const uint8_t *bytes;
    size_t len, fresh;
    uint64_t offset;   /* of bytes[0] in the stream */
    uint64_t sure;     /* before this offset no other bytes can come */
    bool is_beginning; /* bytes[0] is the stream's first */
    bool is_midstream; /* offsets say nothing */
    bool is_last;      /* nothing follows */
    uint32_t window;
};

enum pm_stream_found {
    PM_STREAM_SAME,
    PM_STREAM_CHANGED,  /* a test is TRUE or CLOSED that was not */
    PM_STREAM_DOUBTFUL, /* perhaps that too; a regex gave up */
};

enum pm_stream_found pm_streamtest_search(const struct pm_conds *c, struct pm_cond_room *room,
                                          const struct pm_stream_text *text, uint64_t *states);

#endif
