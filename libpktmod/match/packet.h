/* packet.h - what conditions look at: one parsed packet and what is known around it. */
#ifndef PM_MATCH_PACKET_H
#define PM_MATCH_PACKET_H

#include <pktmod/pktmod.h>

#include "proto/http.h"
#include "wire/headers.h"

struct pm_cond_room;
struct pm_dns; /* proto/dns.h */

/* What is known of the stream that the packet's side of a TCP flow has sent; streamtest.h. */
struct pm_stream_state {
    const uint64_t *states; /* of every test on streams; NULL: no bytes came yet */
    enum pm_why doubt; /* why tests cannot be told: those that say so or, without states, all */
};

struct pm_tls_hello;

/* What is known of the hello that opens a flow, whichever packet it came in. */
struct pm_hello_state {
    const struct pm_tls_hello *tls; /* NULL: none is known */
    enum pm_why doubt; /* without one: NONE, there is none and none will come; HELLO_AWAITED, bytes
                          that follow tell; else why it cannot be told */
    bool is_sure;      /* no other bytes can come in place of those that told */
};

/* An HTTP/1 message: a request, or a response and what its request said. */
struct pm_http {
    const struct pm_http_head *head;                   /* of the message */
    struct pm_http_text method, uri, host, user_agent; /* of the request; bytes NULL: absent */
};

struct pm_subject {
    const struct pm_headers *headers;
    const struct pm_packet *packet;
    enum pm_dir dir;  /* known by now; UNKNOWN only for packets without a flow */
    bool has_flow;    /* the two below are valid */
    bool to_server;   /* else to_client */
    bool flow_is_new; /* first packet of its flow */
    const struct pm_stream_state *stream; /* NULL: none, and none of its tests hold */
    const struct pm_hello_state *hello;   /* NULL: none, and none of its fields are there */
    const struct pm_http *http;           /* the message at hand; NULL: none, */
    bool is_http_open;                    /* and it cannot be told yet what its tests say */
    const struct pm_dns *dns;  /* a message of a stream; NULL: one in the payload, if any */
    bool carries_dns;          /* in its flow there may be such messages */
    struct pm_cond_room *room; /* the engine's, for its conditions; may be NULL without regexes */
};

#endif
