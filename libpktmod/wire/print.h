/* print.h - addresses as text, as inet_ntop writes them (RFC 5952). */
#ifndef PM_WIRE_PRINT_H
#define PM_WIRE_PRINT_H

#include <stdint.h>

/* Writes a NUL-terminated address of version 4 or 6 into out[46]. */
void pm_print_addr(uint8_t version, const uint8_t *addr, char out[46]);

#endif
