/* set.h - many values, asked one at a time: prefixes, ports, strings, byte patterns. */
#ifndef PM_MATCH_SET_H
#define PM_MATCH_SET_H

#include <pktmod/policy.h>

struct pm_set;
struct pm_vectorscan_room;

/* A set under construction takes values (add false: no memory), is sealed once (false: no memory),
 * and is only read after that. Duplicates are fine. */
struct pm_set *pm_set_new(enum pm_set_kind kind);
void pm_set_free(struct pm_set *set);
bool pm_set_put(struct pm_set *set, const struct pm_value *value);
bool pm_set_seal(struct pm_set *set);

enum pm_set_kind pm_set_kind_of(const struct pm_set *set);
bool pm_set_has_addr(const struct pm_set *set, uint8_t version, const uint8_t *addr);
bool pm_set_has_port(const struct pm_set *set, uint32_t port);
/* STRING: the text is exactly one of the values. */
bool pm_set_has_text(const struct pm_set *set, const uint8_t *text, size_t len);
/* DOMAIN: the name is one of the values, or lies below one. */
bool pm_set_has_domain(const struct pm_set *set, const uint8_t *name, size_t len);
/* BYTES: one of the values occurs in the bytes. The room may be NULL. */
bool pm_set_occurs_in(const struct pm_set *set, struct pm_vectorscan_room *room,
                      const uint8_t *bytes, size_t len);
/* BYTES: the same for a part that begins `base` bytes into what offset and depth count in. */
bool pm_set_occurs_from(const struct pm_set *set, struct pm_vectorscan_room *room,
                        const uint8_t *bytes, size_t len, uint64_t base);
/* BYTES: bytes of the longest value; whether one has an offset or a depth. */
uint32_t pm_set_longest(const struct pm_set *set);
bool pm_set_is_positional(const struct pm_set *set);
/* As pm_literals_fit, for the set's patterns. */
bool pm_set_fit(struct pm_vectorscan_room **room, const struct pm_set *set);
size_t pm_set_room_footprint(const struct pm_set *set);

#endif
