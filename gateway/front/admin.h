/* The admin listener: a small HTTP server on a thread of its own, for probes and scrapers. It
 * serves what its owner hands it. */
#pragma once

#include "transcoder/buf.h"

struct admin;

/* One page. `print` writes its body and returns the HTTP status; it runs on the admin thread. */
struct admin_page {
    const char *path, *content_type;
    uint16_t (*print)(void *ctx, struct buf *out);
};

/* Serves on a listening socket, which it closes in the end. GET and HEAD only. NULL: it could not
 * be started. */
struct admin *admin_start(int listener, const struct admin_page *pages, size_t n, void *ctx);
void admin_stop(struct admin *a);
