/* Gives the memory of idle connections back to the system. */
#pragma once

#include <stddef.h>

/* The memory that MHD has set aside for one connection; p == NULL when it is not known. */
struct http1_pool {
    const char *p;
    size_t n;
};

/* That of the connection which MHD is just announcing. */
struct http1_pool http1_pool_newest(void);
/* Drops the pages of a pool in which nothing is kept: between requests, with no byte of the next
 * one read. */
void http1_pool_trim(const struct http1_pool *pool);
