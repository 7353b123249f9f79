/* clients.h - the programs that decide about streams (`external` edits): a Unix socket for each
 * path that the policy names, one client on each.
 *
 *     engine --> pm_clients_take -> out buffer -> client
 *     engine <-- answers         <- in buffer  <- client
 *
 * What both sides say is in examples/README.md. Buffers are bounded; a client that lies, or does
 * not read, is sent away, and its streams get what their rules' on_timeout says. */
#ifndef PKTMOD_TUNNEL_CLIENTS_H
#define PKTMOD_TUNNEL_CLIENTS_H

#include <poll.h>

#include <pktmod/pktmod.h>

struct pm_clients;

/* Binds and listens on every socket that a rewrite rule in force names; mode 0600. A socket that
 * nobody listens on any more is taken over, anything else at the path is left alone. NULL with
 * `error` filled. No rule names one: no error, and nothing to do. */
struct pm_clients *pm_clients_new(const struct pm_policy *policy, char *error, size_t error_cap);
/* Closes and removes the sockets. */
void pm_clients_free(struct pm_clients *clients);
/* The rewriter that gets the answers. */
void pm_clients_serve(struct pm_clients *clients, struct pm_rewriter *rewriter);

/* For pm_rewriter_config.external: queues the data for its client. */
bool pm_clients_take(struct pm_clients *clients, const struct pm_external_data *data);

/* Descriptors to poll for, at most `cap` of them; answers their number. */
size_t pm_clients_poll(const struct pm_clients *clients, struct pollfd *fds, size_t cap);
/* Does all that can be done without waiting: accepts, writes, reads, answers. */
void pm_clients_work(struct pm_clients *clients, uint64_t now_ns);

/* For recordings, whose time stands still meanwhile: waits until every client has told that it
 * knows all it was handed, for at most timeout_ms of real time each; who does not is sent away. */
void pm_clients_settle(struct pm_clients *clients, int timeout_ms, uint64_t now_ns);
/* Waits until a client is there for each socket, at most timeout_ms. False: one is missing;
 * *missing is its path. */
bool pm_clients_await(struct pm_clients *clients, int timeout_ms, const char **missing);

struct pm_clients_stats {
    uint64_t connected, left, sent_away; /* clients */
    uint64_t data, answers;              /* messages */
};
const struct pm_clients_stats *pm_clients_stats(const struct pm_clients *clients);

#endif
