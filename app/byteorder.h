/* byteorder.h - reads and writes the integers of capture files, which come in either byte order. */
#ifndef PKTMOD_APP_BYTEORDER_H
#define PKTMOD_APP_BYTEORDER_H

#include <stdbool.h>
#include <stdint.h>

/* `big`: the file is big-endian. */
static inline uint16_t pm_file_get16(const uint8_t *p, bool big)
{
    return (uint16_t)(big ? p[0] << 8 | p[1] : p[1] << 8 | p[0]);
}

static inline uint32_t pm_file_get32(const uint8_t *p, bool big)
{
    if (big)
        return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
    return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static inline uint64_t pm_file_get64(const uint8_t *p, bool big)
{
    uint64_t first = pm_file_get32(p, big), second = pm_file_get32(p + 4, big);
    return big ? first << 32 | second : second << 32 | first;
}

static inline void pm_file_put16(uint8_t *p, uint16_t v, bool big)
{
    p[big ? 0 : 1] = (uint8_t)(v >> 8);
    p[big ? 1 : 0] = (uint8_t)v;
}

static inline void pm_file_put32(uint8_t *p, uint32_t v, bool big)
{
    pm_file_put16(p + (big ? 0 : 2), (uint16_t)(v >> 16), big);
    pm_file_put16(p + (big ? 2 : 0), (uint16_t)v, big);
}

static inline void pm_file_put64(uint8_t *p, uint64_t v, bool big)
{
    pm_file_put32(p + (big ? 0 : 4), (uint32_t)(v >> 32), big);
    pm_file_put32(p + (big ? 4 : 0), (uint32_t)v, big);
}

#endif
