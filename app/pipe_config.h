/* pipe_config.h - how a `pktmod pipe` conversation wants its engine, from one flat JSON object. */
#ifndef PKTMOD_APP_PIPE_CONFIG_H
#define PKTMOD_APP_PIPE_CONFIG_H

#include <stddef.h>

#include <pktmod/pktmod.h>

struct pm_pipe_config {
    enum pm_mode mode;
    uint32_t mtu;
    bool has_hold_ms; /* else the policy's */
    uint32_t hold_ms;
    uint8_t host_iface;
    bool clamp_mss;
    uint64_t seed;
};

#define PM_PIPE_CONFIG_ERROR 128

/* Keys that are missing keep their default: live, 1500, the policy's hold_ms, 0, false, 0. Keys
 * that are not known are passed over with whatever they hold. False: error says what is wrong. */
bool pm_pipe_config_read(struct pm_pipe_config *config, const char *text, size_t len,
                         char error[PM_PIPE_CONFIG_ERROR]);

#endif
