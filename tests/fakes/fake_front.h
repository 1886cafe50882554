/* A client and its front in one: drives one exchange and keeps what comes of it.
 *
 *     struct fake_front f;
 *     front_open(&f, &host, "POST", "/unary", NULL);
 *     front_body(&f, STR("{}"));
 *     front_end(&f);
 *     ... the call's events ...
 *     front_read(&f, SIZE_MAX);                  // f.got
 *     front_close(&f, true);
 *
 * A cmocka failure when the exchange wakes it from inside one of its own calls, or after its end.
 */
#pragma once

#include "gateway/core/exchange.h"

struct fake_front {
    struct exchange *x; /* NULL: could not be made, or is over */
    uint32_t wakes;
    bool ended;     /* front_end was called */
    bool short_got; /* memory for `got` was short: what it holds is not the answer */
    struct buf got; /* body of the answer, as far as it was read */
};

/* `headers`: "name: value" lines, or NULL. A '?' in `target` begins the query. False: no memory. */
bool front_open(struct fake_front *f, struct exchange_host *host, const char *method,
                const char *target, const char *headers);
/* How much was taken. */
size_t front_body(struct fake_front *f, struct str bytes);
void front_end(struct fake_front *f);
/* Reads up to `most` bytes, until there is nothing at the moment; returns how many. */
size_t front_read(struct fake_front *f, size_t most);
/* Frees the exchange and what was read. */
void front_close(struct fake_front *f, bool delivered);
/* Value of the one header `name` of the answer; p == NULL when there is none, a cmocka failure when
 * there are several. */
struct str front_header(const struct fake_front *f, const char *name);
