/* direction.h - which way a recorded packet went: out of the host that is protected, or in. */
#ifndef PKTMOD_APP_DIRECTION_H
#define PKTMOD_APP_DIRECTION_H

#include "app/capture.h"

/* The addresses of the host: --local. */
struct pm_local {
    struct pm_prefix *prefixes;
    size_t count;
};

/* "192.0.2.0/24,2001:db8::1": an address alone is a prefix of all its bits. On failure false, and
 * *bad points at what is no prefix (NULL: no memory). */
bool pm_local_parse(struct pm_local *local, const char *text, const char **bad);
void pm_local_free(struct pm_local *local);

/* By the addresses where --local was given; else by what the file says (pcapng flags, Linux cooked
 * packet type); else unknown. */
enum pm_dir pm_direction_of(const struct pm_local *local, const struct pm_record *record,
                            const struct pm_packet *packet);

#endif
