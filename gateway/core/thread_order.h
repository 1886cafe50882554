/* Memory that goes from one thread to another through a library that keeps the order by means which
 * ThreadSanitizer cannot see, because the library was not built for it: gRPC core's completion
 * queues. These tell it; in every other build they are nothing. */
#pragma once

#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#endif

/* What this thread has written to `p` so far is given away with it. */
static inline void thread_gives(void *p)
{
#ifdef __SANITIZE_THREAD__
    __tsan_release(p);
#else
    (void)p;
#endif
}

/* `p` has come from another thread that has given it. */
static inline void thread_takes(void *p)
{
#ifdef __SANITIZE_THREAD__
    __tsan_acquire(p);
#else
    (void)p;
#endif
}
