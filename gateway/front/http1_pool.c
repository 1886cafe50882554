#include "gateway/front/http1_pool.h"

#include "gateway/front/mhd.h"

#if MHD_POOL_KNOWN

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/*   p                front                 back                 size
 *   | blocks, newest last |      free       | blocks, newest first |      */
struct MemoryPool {
    struct http1_pool *owner; /* who has taken note of it */
    size_t size, front, back;
    alignas(max_align_t) char p[];
};

enum { ALIGN = alignof(max_align_t) };

/* There is no argument that could carry it through MHD; each worker's thread has its own. */
static _Thread_local struct MemoryPool *just_made; /* breach: MHD announces a connection right after
                                                   it made its pool */

/* SIZE_MAX is no size: what does not fit into any pool stays so. */
static size_t rounded(size_t n)
{
    return n > SIZE_MAX - ALIGN ? SIZE_MAX : (n + ALIGN - 1) / ALIGN * ALIGN;
}

static size_t offset_of(const struct MemoryPool *pool, const void *block)
{
    return (size_t)((const char *)block - pool->p);
}

void MHD_init_mem_pools_(void)
{
}

struct MemoryPool *MHD_pool_create(size_t max)
{
    size_t size = rounded(max);
    struct MemoryPool *pool = NULL;

    if (size <= SIZE_MAX - sizeof *pool)
        pool = malloc(sizeof *pool + size); /* breach: one per connection, and MHD's to free */
    just_made = pool;
    if (!pool)
        return NULL;
    *pool = (struct MemoryPool){.size = size, .back = size};
    if (size)
        pool->p[0] = 0; /* nothing is kept: see http1_pool_trim */
    return pool;
}

void MHD_pool_destroy(struct MemoryPool *pool)
{
    if (!pool)
        return;
    if (pool->owner)
        pool->owner->of = NULL;
    if (just_made == pool)
        just_made = NULL;
    free(pool); /* breach: see MHD_pool_create */
}

size_t MHD_pool_get_free(struct MemoryPool *pool)
{
    return pool->back - pool->front;
}

void *MHD_pool_allocate(struct MemoryPool *pool, size_t size, bool from_end)
{
    size_t n = rounded(size);

    if (n > pool->back - pool->front)
        return NULL;
    if (from_end) {
        pool->back -= n;
        return pool->p + pool->back;
    }
    pool->front += n;
    return pool->p + pool->front - n;
}

void *MHD_pool_try_alloc(struct MemoryPool *pool, size_t size, size_t *required)
{
    void *block = MHD_pool_allocate(pool, size, true);
    size_t n = rounded(size), room = pool->back - pool->front;

    *required = block ? 0 : n <= pool->back ? n - room : SIZE_MAX;
    return block;
}

bool MHD_pool_is_resizable_inplace(struct MemoryPool *pool, void *block, size_t size)
{
    return block && rounded(offset_of(pool, block) + size) == pool->front;
}

void *MHD_pool_reallocate(struct MemoryPool *pool, void *old, size_t old_size, size_t new_size)
{
    if (MHD_pool_is_resizable_inplace(pool, old, old_size)) {
        size_t at = offset_of(pool, old);
        if (new_size > pool->back - at || rounded(at + new_size) > pool->back)
            return NULL;
        pool->front = rounded(at + new_size);
        return old;
    }
    if (old && new_size <= old_size)
        return old;
    void *block = MHD_pool_allocate(pool, new_size, false);
    if (block && old_size)
        memcpy(block, old, old_size);
    return block;
}

void MHD_pool_deallocate(struct MemoryPool *pool, void *block, size_t size)
{
    if (!block || !size)
        return;
    size_t at = offset_of(pool, block);
    if (at >= pool->back) {
        if (at == pool->back)
            pool->back += rounded(size);
    } else if (rounded(at + size) == pool->front) {
        pool->front = rounded(at);
    }
}

void *MHD_pool_reset(struct MemoryPool *pool, void *keep, size_t n, size_t new_size)
{
    if (n && keep != pool->p)
        memmove(pool->p, keep, n);
    if (!n && pool->size)
        pool->p[0] = 0;
    pool->front = rounded(new_size);
    pool->back = pool->size;
    return pool->p;
}

void http1_pool_note(struct http1_pool *pool)
{
    pool->of = just_made;
    just_made = NULL;
    if (pool->of)
        pool->of->owner = pool;
}

void http1_pool_forget(struct http1_pool *pool)
{
    if (pool->of)
        pool->of->owner = NULL;
    pool->of = NULL;
}

void http1_pool_trim(const struct http1_pool *pool)
{
    /* It begins with MHD's read buffer. What a client has sent begins with a byte of a method:
     * never 0. */
    if (!pool->of || pool->of->p[0] != 0)
        return;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t from = ((uintptr_t)pool->of->p + page - 1) / page * page;
    uintptr_t to = ((uintptr_t)pool->of->p + pool->of->size) / page * page;
    if (from < to)
        madvise((void *)from, to - from, MADV_DONTNEED);
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
