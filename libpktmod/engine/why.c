/* why.c - names and texts of the reasons. */
#include <pktmod/pktmod.h>

const char *pm_why_name(enum pm_why why)
{
    static const char *const names[] = {
#define PM_WHY_NAME(id, name, text) name,
        PM_WHY_MAP(PM_WHY_NAME)
#undef PM_WHY_NAME
    };
    return names[why];
}

const char *pm_why_text(enum pm_why why)
{
    static const char *const texts[] = {
#define PM_WHY_TEXT(id, name, text) text,
        PM_WHY_MAP(PM_WHY_TEXT)
#undef PM_WHY_TEXT
    };
    return texts[why];
}
