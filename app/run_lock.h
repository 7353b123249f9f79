/* run_lock.h - files that tell of live runs: who runs, and what a dead one may have left.
 *
 *     RUN_DIR/nfqueue-5.4026531840.lock    queue, network namespace; locked as long as its run
 * lives RUN_DIR/settled.4026531840           the last generation of settled flows there
 */
#ifndef PKTMOD_APP_RUN_LOCK_H
#define PKTMOD_APP_RUN_LOCK_H

#include <stdbool.h>
#include <stdint.h>

struct pm_run_lock {
    int fd; /* -1: none */
    char path[512];
};

/* Makes the folder where it is missing. False: complained already. */
bool pm_run_lock_folder(const char *run_dir);
/* With its folder. False: complained already. */
bool pm_run_lock_take(struct pm_run_lock *lock, const char *run_dir, uint16_t queue);
void pm_run_lock_release(struct pm_run_lock *lock); /* and removes the file */

/* Calls `clean` for each queue of this namespace whose run died, and removes its file where that
 * answers true. Waits for programs that a dead run had started: they may yet change the firewall.
 */
void pm_run_lock_sweep(const char *run_dir, bool (*clean)(uint16_t queue));

/* The next generation, from 1; 0: they are used up until the next boot, or it cannot be kept. */
uint32_t pm_run_next_generation(const char *run_dir, uint32_t most);

#endif
