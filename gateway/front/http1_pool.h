/* The memory in which MHD keeps one connection: the head it reads, notes on its fields, the head it
 * writes. MHD asks for it through eight functions of its own file memorypool.c; http1_pool.c has
 * the same eight, and as the linker finds them first, MHD's are left out. Ours do two things
 * otherwise:
 *
 *   - Nothing is cleared. MHD's clear half a pool with each answer and all of it after each
 * request, 48 KiB written to say 66 bytes. Nobody can rely on that: a fresh pool is not clear
 * either.
 *   - The pages of a connection that has fallen silent go back to the system (http1_pool_trim).
 *
 * Where MHD is a shared library, or of a version that is not known here (MHD_POOL_KNOWN in mhd.h),
 * it keeps its own, and these are without effect. Each worker's connections and their pools belong
 * to its thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct MemoryPool;

/* What a connection knows of its pool. */
struct http1_pool {
    struct MemoryPool *of; /* NULL: not known, or gone */
};

/* Takes note of the pool of the connection that MHD is just announcing. `pool` must stay until
 * http1_pool_forget. */
void http1_pool_note(struct http1_pool *pool);
void http1_pool_forget(struct http1_pool *pool);
/* Drops the pages of a pool in which nothing is kept: between requests, with no byte of the next
 * one read. Without effect once MHD has given the pool up. */
void http1_pool_trim(const struct http1_pool *pool);

/* MHD's interface, version 1.0.10. Blocks are taken from the front, where the newest can grow and
 * shrink, or from the end, where they stay until the reset. All are aligned for any type. */
void MHD_init_mem_pools_(void);
/* NULL: out of memory. */
struct MemoryPool *MHD_pool_create(size_t max);
void MHD_pool_destroy(struct MemoryPool *pool);
/* Bytes between the two ends. */
size_t MHD_pool_get_free(struct MemoryPool *pool);
/* NULL: no room. */
void *MHD_pool_allocate(struct MemoryPool *pool, size_t size, bool from_end);
/* From the end. NULL: *required more bytes must be freed at the front; SIZE_MAX: it never fits. */
void *MHD_pool_try_alloc(struct MemoryPool *pool, size_t size, size_t *required);
/* Is it the newest block of the front? */
bool MHD_pool_is_resizable_inplace(struct MemoryPool *pool, void *block, size_t size);
/* A block of the front, in its place when it is the newest or gets smaller, else a copy. NULL: no
 * room; the old one stays. */
void *MHD_pool_reallocate(struct MemoryPool *pool, void *old, size_t old_size, size_t new_size);
/* Its memory is free again when it was the newest of its end. */
void MHD_pool_deallocate(struct MemoryPool *pool, void *block, size_t size);
/* Forgets all blocks but one of `new_size` bytes at the very front, which begins with the `n` bytes
 * of `keep` (may be NULL). */
void *MHD_pool_reset(struct MemoryPool *pool, void *keep, size_t n, size_t new_size);
