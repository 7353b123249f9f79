/* sim.h - one seed: two ends, four ways, the engine, and virtual time. */
#ifndef CL_SIM_H
#define CL_SIM_H

#include "middle.h"

struct sim_options {
    bool has_engine; /* else packets pass as they are: the ends alone are tested */
    bool is_loud;
};

struct sim_result {
    const char *wrong; /* NULL: every property held */
    int wrong_side;    /* the end that saw it; -1: the engine's edges */
    uint64_t hash, packets_in, packets_out, own_out, releases, ended_ns;
    bool is_calm, was_aborted;
    uint64_t resent_bytes, timeouts, fast, probes, sent_bytes;
};

/* Runs the seed; a failing one tells its story. */
struct sim_result sim_run(uint64_t seed, const struct sim_options *options);

#endif
