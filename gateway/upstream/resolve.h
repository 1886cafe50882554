/* From the text of an endpoint to addresses: "host:port", "[v6]:port", "unix:/path". Numbers and
 * paths are read at once, names are asked from the system's resolver in libuv's thread pool. */
#pragma once

#include <sys/socket.h>
#include <uv.h>

#include "transcoder/str.h"

enum { ADDRESSES_MAX = 32, ADDRESS_TEXT = 128 };

struct address {
    struct sockaddr_storage socket;
    socklen_t n;
};

enum resolve_kind { RESOLVE_DONE, RESOLVE_NAME, RESOLVE_INVALID };

/* RESOLVE_DONE: *out is the address. RESOLVE_NAME: it has to be asked for. RESOLVE_INVALID: no such
 * form, or too long. */
enum resolve_kind resolve_numeric(struct str endpoint, struct address *out);

/* Owned by the caller; busy from resolve_start until `done` has come. */
struct resolver {
    uv_getaddrinfo_t request;
    void (*done)(struct resolver *, const struct address *addresses, uint32_t n, const char *error);
    bool busy;
};

/* Asks for the addresses of "name:port". `done` comes later, once, on the loop: n addresses, each
 * once, in the resolver's order, or n == 0 and why. False: not begun. */
bool resolve_start(struct resolver *r, uv_loop_t *loop, struct str endpoint,
                   void (*done)(struct resolver *, const struct address *, uint32_t, const char *));
/* `done` comes soon, with n == 0. */
void resolve_cancel(struct resolver *r);

/* "10.0.0.7:9001", "[::1]:9001", "unix:/path"; written into `out`. */
struct str address_text(const struct address *a, char out[ADDRESS_TEXT]);
bool address_eq(const struct address *a, const struct address *b);
