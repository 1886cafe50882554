/* http_fetch (core/http_fetch.h) on a libuv loop. libcurl and its thirty libraries are a module
 * that the first call loads: who fetches nothing pays nothing. */
#pragma once

#include <uv.h>

#include "gateway/core/http_fetch.h"

/* NULL: out of memory. Nothing is loaded, looked up or connected yet. */
struct http_fetcher *http_fetcher_open(uv_loop_t *loop);
/* Ends all calls without their `done`. What is left goes when the loop has closed its handles. */
void http_fetcher_close(struct http_fetcher *base);
/* NULL when calls can be made, else why not: asked at load, so that a missing module is a fault
 * there. */
const char *http_fetch_check(void);

/* The module (http_fetch_curl.c). */
struct http_fetcher *http_fetch_curl_open(uv_loop_t *loop);
void http_fetch_curl_close(struct http_fetcher *base);
