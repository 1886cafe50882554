#include "gateway/front/admin.h"

#include <stdlib.h>

#include "gateway/front/mhd.h"

enum { PAGE_MAX = 64 << 20, CONNECTIONS = 64, IDLE_S = 30 };

struct admin {
    struct MHD_Daemon *mhd;
    const struct admin_page *pages;
    size_t n;
    void *ctx;
};

static enum MHD_Result answer(struct MHD_Connection *c, unsigned status, const char *type,
                              struct buf *body)
{
    struct MHD_Response *r = MHD_create_response_from_buffer(body->n, body->p,
                                                             MHD_RESPMEM_MUST_COPY);
    if (!r)
        return MHD_NO;
    MHD_add_response_header(r, "content-type", type);
    if (status == 405)
        MHD_add_response_header(r, "allow", "GET, HEAD");
    enum MHD_Result queued = MHD_queue_response(c, status, r);
    MHD_destroy_response(r);
    return queued;
}

static enum MHD_Result refuse(struct MHD_Connection *c, unsigned status, const char *text)
{
    struct buf body;
    buf_init(&body, PAGE_MAX);
    buf_add(&body, str_c(text));
    enum MHD_Result r = answer(c, status, "text/plain; charset=utf-8", &body);
    buf_release(&body);
    return r;
}

static enum MHD_Result page(struct admin *a, struct MHD_Connection *c, const struct admin_page *p)
{
    struct buf body;
    buf_init(&body, PAGE_MAX);
    unsigned status = p->print(a->ctx, &body);
    enum MHD_Result r = answer(c, status, p->content_type, &body);
    buf_release(&body);
    return r;
}

static enum MHD_Result handle(void *cls, struct MHD_Connection *c, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_size, void **seen)
{
    struct admin *a = cls;
    (void)version;
    (void)upload;
    if (!*seen) { /* the head alone: answering here would close the connection */
        *seen = a;
        return MHD_YES;
    }
    if (*upload_size) {
        *upload_size = 0;
        return MHD_YES;
    }
    if (!str_eq(str_c(method), STR("GET")) && !str_eq(str_c(method), STR("HEAD")))
        return refuse(c, 405, "only GET and HEAD\n");
    for (size_t i = 0; i < a->n; i++)
        if (str_eq(str_c(url), str_c(a->pages[i].path)))
            return page(a, c, &a->pages[i]);
    return refuse(c, 404, "pages: /healthz /readyz /metrics /config\n");
}

struct admin *admin_start(int listener, const struct admin_page *pages, size_t n, void *ctx)
{
    struct admin *a = calloc(1, sizeof *a); /* breach: once, at start */
    if (!a)
        return NULL;
    *a = (struct admin){.pages = pages, .n = n, .ctx = ctx};
    a->mhd = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC, 0, NULL, NULL, handle, a,
                              MHD_OPTION_LISTEN_SOCKET, listener, MHD_OPTION_CONNECTION_LIMIT,
                              (unsigned)CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
                              (unsigned)IDLE_S, MHD_OPTION_END);
    if (a->mhd)
        return a;
    free(a); /* breach: see above */
    return NULL;
}

void admin_stop(struct admin *a)
{
    if (!a)
        return;
    MHD_stop_daemon(a->mhd);
    free(a); /* breach: see admin_start */
}
