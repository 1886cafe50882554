#include "gateway/upstream/http_fetch.h"

#include <stdlib.h>

#include "gateway/upstream/module.h"

typedef struct http_fetcher *open_function(uv_loop_t *loop);
typedef void close_function(struct http_fetcher *);

struct lazy {
    struct http_fetcher base; /* first */
    uv_loop_t *loop;
    struct http_fetcher *real; /* NULL: nobody has called yet */
};

static module_function *find(const char *symbol)
{
    return module_find("http-fetch", symbol);
}

/* What comes of it belongs to the real one, and is cancelled there. */
static struct http_fetch *start(struct http_fetcher *base, const struct http_fetch_options *o,
                                http_fetch_done *done, void *ctx)
{
    struct lazy *l = (struct lazy *)base;
    open_function *open = l->real ? NULL : (open_function *)find("http_fetch_curl_open");
    if (open)
        l->real = open(l->loop);
    return l->real ? http_fetch_start(l->real, o, done, ctx) : NULL;
}

static const struct http_fetcher_ops ops = {start, NULL};

struct http_fetcher *http_fetcher_open(uv_loop_t *loop)
{
    struct lazy *l = malloc(sizeof *l); /* breach: one a loop */
    if (!l)
        return NULL;
    *l = (struct lazy){{&ops}, loop, NULL};
    return &l->base;
}

void http_fetcher_close(struct http_fetcher *base)
{
    struct lazy *l = (struct lazy *)base;
    close_function *close = l->real ? (close_function *)find("http_fetch_curl_close") : NULL;
    if (close)
        close(l->real);
    free(l);
}

const char *http_fetch_check(void)
{
    return find("http_fetch_curl_open")
               ? NULL
               : "needs postern-http-fetch.so beside the program or in ../lib/postern; it is not "
                 "there or its libraries are missing (install libcurl3-gnutls)";
}
