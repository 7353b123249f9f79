/* version.c - the version the library was built as. */
#include <pktmod/version.h>

const char *pm_version(void)
{
    return PM_VERSION;
}
