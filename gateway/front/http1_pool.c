#include "gateway/front/http1_pool.h"

#ifndef POSTERN_OLD_MHD

#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* MHD keeps one pool of memory per connection and clears all of it after each request, so that all
 * its pages are resident even while nothing is said. Where a pool lies and when it goes is learned
 * by wrapping its constructor and destructor at link time (without effect where MHD is a shared
 * library: then nothing is trimmed). A pool goes before MHD tells that its connection has closed.
 */

struct MemoryPool *__real_MHD_pool_create(size_t max);
struct MemoryPool *__wrap_MHD_pool_create(size_t max);
void __real_MHD_pool_destroy(struct MemoryPool *pool);
void __wrap_MHD_pool_destroy(struct MemoryPool *pool);
void *MHD_pool_allocate(struct MemoryPool *pool, size_t size, bool from_end);
void MHD_pool_deallocate(struct MemoryPool *pool, void *block, size_t size);

enum { BUCKETS = 1024 };

/* There is no argument that could carry these through MHD; each worker's thread has its own. */
static _Thread_local struct http1_pool newest; /* breach: MHD announces a connection right after it
                                                  made its pool */
static _Thread_local struct http1_pool *living[BUCKETS]; /* breach: by the address of MHD's pool */

static struct http1_pool **bucket_of(const struct MemoryPool *pool)
{
    return &living[((uintptr_t)pool >> 4) % BUCKETS];
}

static struct http1_pool **find(const struct MemoryPool *pool)
{
    struct http1_pool **at = bucket_of(pool);
    while (*at && (*at)->of != pool)
        at = &(*at)->next;
    return at;
}

struct MemoryPool *__wrap_MHD_pool_create(size_t max)
{
    struct MemoryPool *pool = __real_MHD_pool_create(max);
    /* What is allocated first stands at its beginning. */
    char *first = pool ? MHD_pool_allocate(pool, 1, false) : NULL;
    if (first)
        MHD_pool_deallocate(pool, first, 1);
    newest = (struct http1_pool){.of = first ? pool : NULL, .p = first, .n = max};
    return pool;
}

void __wrap_MHD_pool_destroy(struct MemoryPool *pool)
{
    struct http1_pool **at = find(pool);
    if (pool && *at)
        http1_pool_forget(*at);
    if (newest.of == pool)
        newest.of = NULL;
    __real_MHD_pool_destroy(pool);
}

void http1_pool_note(struct http1_pool *pool)
{
    *pool = newest;
    newest.of = NULL;
    if (!pool->of)
        return;
    struct http1_pool **bucket = bucket_of(pool->of);
    pool->next = *bucket;
    *bucket = pool;
}

void http1_pool_forget(struct http1_pool *pool)
{
    if (!pool->of)
        return;
    struct http1_pool **at = find(pool->of);
    if (*at == pool)
        *at = pool->next;
    pool->of = NULL;
}

void http1_pool_trim(const struct http1_pool *pool)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t from = ((uintptr_t)pool->p + page - 1) / page * page;
    uintptr_t to = ((uintptr_t)pool->p + pool->n) / page * page;
    /* It begins with MHD's read buffer. What a client has sent begins with a byte of a method:
     * never 0. */
    if (pool->of && *pool->p == 0 && from < to)
        madvise((void *)from, to - from, MADV_DONTNEED); /* reads as zeros then, as it does now */
}

#else

void http1_pool_note(struct http1_pool *pool)
{
    *pool = (struct http1_pool){0};
}

void http1_pool_forget(struct http1_pool *pool)
{
    (void)pool;
}

void http1_pool_trim(const struct http1_pool *pool)
{
    (void)pool;
}

#endif
