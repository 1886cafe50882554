/* libmicrohttpd, and what its versions before 1.0 call otherwise. */
#pragma once

#include <microhttpd.h>

/* http1_pool.c stands in for a file inside MHD, http1_fields.c calls into one, and both were held
 * against this version. Any other, even a newer 1.0, is used by its front door alone until somebody
 * has read what has changed (src/microhttpd/memorypool.c, response.c and their callers). */
#define MHD_POOL_KNOWN (MHD_VERSION == 0x01001000)

#ifdef POSTERN_OLD_MHD
static inline int64_t MHD_get_timeout64s(struct MHD_Daemon *daemon)
{
    MHD_UNSIGNED_LONG_LONG ms;
    return MHD_get_timeout(daemon, &ms) == MHD_YES ? (int64_t)ms : -1;
}
#endif
