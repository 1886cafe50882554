/* The only place that asks what time it is. Everybody else gets the time as an argument or from
 * here once per event. */
#pragma once

#include <stdint.h>

/* Monotonic, nanoseconds; the clock of uv_hrtime. */
uint64_t clock_now(void);
/* Microseconds since 1970-01-01T00:00:00Z. */
uint64_t clock_wall_us(void);
