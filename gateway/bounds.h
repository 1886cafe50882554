/* Every ceiling of the gateway on one screen. Defaults stand here; the configuration file's
 * `bounds` may set each. Bytes unless the name says otherwise; times in milliseconds. Read-only
 * once a snapshot holds it. */
#pragma once

#include <stdint.h>

struct bounds {
    uint32_t header_bytes; /* request line and headers: 431 above */
    uint32_t header_count; /* 431 above */
    uint32_t uri_bytes;    /* 414 above */
    uint64_t request_body; /* 413 above; the policy of a route may lower it */
    uint64_t response;     /* one message from the upstream: RESOURCE_EXHAUSTED above */
    uint32_t json_depth;
    uint32_t streams;   /* calls in flight on one upstream connection; the peer may allow fewer */
    uint32_t buffer;    /* per direction of a stream, before the sender is slowed down */
    uint32_t header_ms; /* from accept, or the end of the last answer, to a complete head: 408 */
    uint32_t body_ms;   /* the body must be there after this plus its bytes / body_rate: 408 */
    uint32_t body_rate; /* bytes per second */
    uint32_t idle_ms;   /* a connection between two requests */
    uint32_t write_stall_ms; /* a client that takes no byte of its answer */
    uint32_t connections;    /* of clients, all workers; 0: half the limit of open files */
    uint32_t drain_bytes; /* of a refused body, read and dropped so that the answer can be sent */
};

#define BOUNDS_DEFAULT            \
    ((struct bounds){             \
        .header_bytes = 16 << 10, \
        .header_count = 100,      \
        .uri_bytes = 8 << 10,     \
        .request_body = 64 << 20, \
        .response = 256 << 20,    \
        .json_depth = 100,        \
        .streams = 1000,          \
        .buffer = 32 << 10,       \
        .header_ms = 10000,       \
        .body_ms = 10000,         \
        .body_rate = 240,         \
        .idle_ms = 75000,         \
        .write_stall_ms = 60000,  \
        .connections = 0,         \
        .drain_bytes = 1 << 20,   \
    })
