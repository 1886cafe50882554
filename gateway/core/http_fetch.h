/* One HTTP call out of the gateway: key sets, introspection of tokens, later REST upstreams. The
 * interface; the worker binds it to upstream/http_fetch_curl.h.
 *
 *     struct http_fetch_options o = {.url = STR("https://issuer/jwks"), .timeout_ms = 5000,
 * .max_body = 1 << 20}; struct http_fetch *f = http_fetch_start(fetcher, &o, done, ctx);      //
 * NULL: out of memory, done never comes
 *     -> done(ctx, &result)                                                 // once; the call is
 * gone then
 *
 * A fetcher and its calls belong to one thread, the one of its loop. `done` never comes from inside
 * http_fetch_start. Redirects are not followed: whoever can answer with one is not who was asked.
 */
#pragma once

#include "gateway/core/header.h"

struct http_fetcher;
struct http_fetch;

struct http_fetch_options {
    struct str url;               /* http: or https: */
    struct str body;              /* p == NULL: GET; else POST */
    const struct header *headers; /* besides host, length and user agent */
    uint32_t nheaders;
    struct str user, password; /* user.p == NULL: none; HTTP Basic */
    struct str ca_file;  /* PEM of those who may sign the server's certificate; empty: the system's
                          */
    uint32_t timeout_ms; /* for all of it */
    size_t max_body;
};

struct http_fetch_result {
    const char *error; /* NULL: an answer came, whatever its status; else why not, for people */
    uint16_t status;
    struct str body, content_type; /* valid during `done` only */
    uint32_t max_age_s; /* Cache-Control: max-age less Age (RFC 9111 4.2.1); UINT32_MAX: not said */
};

typedef void http_fetch_done(void *ctx, const struct http_fetch_result *result);

struct http_fetcher_ops {
    struct http_fetch *(*start)(struct http_fetcher *, const struct http_fetch_options *,
                                http_fetch_done *done, void *ctx);
    void (*cancel)(struct http_fetch *);
};

/* First members of every implementation's own struct. */
struct http_fetcher {
    const struct http_fetcher_ops *ops;
};
struct http_fetch {
    const struct http_fetcher_ops *ops;
};

/* Options are copied. */
static inline struct http_fetch *http_fetch_start(struct http_fetcher *f,
                                                  const struct http_fetch_options *o,
                                                  http_fetch_done *done, void *ctx)
{
    return f->ops->start(f, o, done, ctx);
}

/* `done` will not come. Not from inside `done`. */
static inline void http_fetch_cancel(struct http_fetch *f)
{
    f->ops->cancel(f);
}
