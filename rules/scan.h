/* scan.h - the strict look at a JSON text, before cJSON parses it.
 *
 * cJSON keeps no positions and takes what JSON is not. The scanner notes where every value stands
 * and complains of everything that is no JSON. Where it can go on after a mistake it does, and
 * mends a copy of the text, byte for byte as long, so that the rest of the file is judged too:
 *
 *     "ttl": 064,  // hops          what stands there: PKM107, PKM106
 *     "ttl": 0  ,                   what cJSON parses; the node is marked bad
 */
#ifndef PMR_SCAN_H
#define PMR_SCAN_H

#include "load.h"

/* Fills file->nodes (not yet joined) from file->text; file->lines is there. The answer is the
 * mended text, with a NUL behind it; NULL: an error from which nothing can be made, or no memory.
 */
char *pmr_scan(struct load *l, struct file *file);

#endif
