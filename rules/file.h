/* file.h - JSON files: read, checked, and those that they include. */
#ifndef PMR_FILE_H
#define PMR_FILE_H

#include "load.h"

/* The file that is loaded, from the disk or from text; l->files[0] from then on. */
void pmr_file_first(struct load *l, const char *path);
void pmr_file_first_text(struct load *l, const char *name, const char *text, size_t len);
/* Reads what the files include, until nothing new comes. */
void pmr_file_includes(struct load *l);
/* The file that the path in an "include" stands for; NULL: it could not be read. */
const struct file *pmr_file_included_at(const struct load *l, const struct node *path);
void pmr_files_free(struct load *l); /* their trees */

/* The path as the system wants it, seen from the folder of the file that has the node. */
const char *pmr_file_path(struct load *l, const struct node *n);

#endif
