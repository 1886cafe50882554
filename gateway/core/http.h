/* The two sides of an HTTP exchange, free of how they travel: what a front has read, and what it is
 * to send. */
#pragma once

#include "gateway/core/header.h"
#include "transcoder/buf.h"

struct request {
    struct str method, target, path, query; /* target as sent; query without '?' */
    struct str protocol, client;            /* "HTTP/1.1", "127.0.0.1:4711" */
    struct headers headers;
    bool has_body;   /* a length above 0 or chunks were announced */
    uint64_t length; /* announced; 0 when chunked */
};

struct answer {
    uint16_t status;
    struct headers headers; /* content-type and what the upstream's metadata became */
    struct buf body;        /* produced, and from `read` on not yet taken by the front */
    size_t read;
    bool ready;    /* status and headers stand; body may still grow */
    bool complete; /* the body will not grow any more and is whole */
    bool broken;   /* it ends here, cut off: the front must not end it cleanly */
};
