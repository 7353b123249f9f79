/* version.c - the version the library was built as. */
#include <pktmod/version.h>

#include "proto/quiccrypt.h"

const char *pm_version(void)
{
    return PM_VERSION;
}

bool pm_reads_quic(void)
{
    return pm_quiccrypt_is_there();
}
