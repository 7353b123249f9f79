/* settings.h - "policy": what holds for the whole file. */
#ifndef PMR_SETTINGS_H
#define PMR_SETTINGS_H

#include "load.h"

void pmr_settings_of(struct load *l, const struct node *policy, struct pm_settings *out);

#endif
