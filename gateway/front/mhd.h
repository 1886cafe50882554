/* libmicrohttpd, and what its versions before 1.0 call otherwise. */
#pragma once

#include <microhttpd.h>

#ifdef POSTERN_OLD_MHD
static inline int64_t MHD_get_timeout64s(struct MHD_Daemon *daemon)
{
    MHD_UNSIGNED_LONG_LONG ms;
    return MHD_get_timeout(daemon, &ms) == MHD_YES ? (int64_t)ms : -1;
}
#endif
