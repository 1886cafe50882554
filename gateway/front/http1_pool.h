/* Gives the memory of idle connections back to the system. Each connection has one of these; it
 * belongs to the worker's thread. */
#pragma once

#include <stddef.h>

struct MemoryPool;

/* The memory that MHD has set aside for one connection. */
struct http1_pool {
    struct MemoryPool *of; /* MHD's own name for it; NULL: not known, or gone */
    char *p;
    size_t n;
    struct http1_pool *next; /* in the table of those that live */
};

/* Takes note of the pool of the connection that MHD is just announcing. `pool` must stay until
 * http1_pool_forget. */
void http1_pool_note(struct http1_pool *pool);
void http1_pool_forget(struct http1_pool *pool);
/* Drops the pages of a pool in which nothing is kept: between requests, with no byte of the next
 * one read. Without effect once MHD has given the pool up. */
void http1_pool_trim(const struct http1_pool *pool);
