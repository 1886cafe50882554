#include "gateway/front/http1_pool.h"

#ifndef POSTERN_OLD_MHD

#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* MHD keeps one pool of memory per connection and clears all of it after each request, so that all
 * its pages are resident even while nothing is said. Where the pool lies is learned when it is
 * made: its constructor is wrapped at link time (without effect where MHD is a shared library: then
 * nothing is trimmed). */

struct MemoryPool;
struct MemoryPool *__real_MHD_pool_create(size_t max);
struct MemoryPool *__wrap_MHD_pool_create(size_t max);
void *MHD_pool_allocate(struct MemoryPool *pool, size_t size, bool from_end);
void MHD_pool_deallocate(struct MemoryPool *pool, void *block, size_t size);

/* Of the pool made last on this thread: MHD tells of a new connection right after it has made its
 * pool. */
static _Thread_local struct http1_pool newest; /* breach: there is no argument to carry it */

struct MemoryPool *__wrap_MHD_pool_create(size_t max)
{
    struct MemoryPool *pool = __real_MHD_pool_create(max);
    /* What is allocated first stands at its beginning. */
    char *first = pool ? MHD_pool_allocate(pool, 1, false) : NULL;
    if (first)
        MHD_pool_deallocate(pool, first, 1);
    newest.p = first;
    newest.n = max;
    return pool;
}

struct http1_pool http1_pool_newest(void)
{
    return newest;
}

void http1_pool_trim(const struct http1_pool *pool)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t from = ((uintptr_t)pool->p + page - 1) / page * page;
    uintptr_t to = ((uintptr_t)pool->p + pool->n) / page * page;
    /* It begins with MHD's read buffer. What a client has sent begins with a byte of a method:
     * never 0. */
    if (pool->p && *pool->p == 0 && from < to)
        madvise((void *)from, to - from, MADV_DONTNEED); /* reads as zeros from then on, as it does
                                                            now */
}

#else

struct http1_pool http1_pool_newest(void)
{
    return (struct http1_pool){0};
}

void http1_pool_trim(const struct http1_pool *pool)
{
    (void)pool;
}

#endif
