/* The one form of time in logs: UTC, microseconds, RFC 3339. Pure. */
#pragma once

#include <stdint.h>

enum { TIMESTAMP_BYTES = 27 };

/* Writes "2006-01-02T15:04:05.000006Z", without a NUL, for a time after the epoch and before the
 * year 10000. */
void timestamp_print(char out[TIMESTAMP_BYTES], uint64_t wall_us);
