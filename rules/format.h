/* format.h - the canonical layout of a JSON file: rule files, and those that are as strict.
 *
 *     {
 *       "pktmod": 1,                           two spaces for each step in
 *       "vars": { "web": [80, 443] },          on one line what fits in 100 characters
 *       "rules": [                             file, "rules" and "tests" are always spread out
 *         { "id": "a", "match": {}, "verdict": "drop" },
 *                                              an empty line between members of a list stays
 *         {
 *           "id": "b",                         keys in the order of shape.h
 *           ...
 *
 * A list of numbers that does not fit fills its lines; every other one has a member a line.
 * Numbers keep their digits; texts are spelled as spelling.h says. Formatting what was formatted
 * changes nothing.
 */
#ifndef PMR_FORMAT_H
#define PMR_FORMAT_H

#include "load.h"

/* Of a file without errors of scan.h and file.h. To be freed; NULL: no memory. */
char *pmr_format(const struct file *file, size_t *len);

#endif
