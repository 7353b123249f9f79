/* scan.h - the strict look at a JSON text.
 *
 * cJSON keeps no positions and takes what JSON is not. The scanner notes where every value stands,
 * complains of everything that is no JSON, and leaves to cJSON what strings with escapes and
 * numbers mean, one by one: a tree of all values would take many times the file. Where the
 * scanner can go on after a mistake it does, and mends a copy of the text, byte for byte as long,
 * so that the rest of the file is judged too:
 *
 *     "ttl": 064,  // hops          what stands there: PKM107, PKM106
 *     "ttl": 0  ,                   what the copy has; the node is marked bad
 */
#ifndef PMR_SCAN_H
#define PMR_SCAN_H

#include "load.h"

/* Fills file->tree and the nodes from file->text; file->lines is there. False: no nodes, for an
 * error from which nothing can be made, or no memory. */
bool pmr_scan(struct load *l, struct file *file);

#endif
