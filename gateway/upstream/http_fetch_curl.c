#include "gateway/upstream/http_fetch.h"

#include <curl/curl.h>
#include <stdlib.h>

#include "transcoder/buf.h"

/* libcurl says which descriptors and which time it waits for (CURLMOPT_SOCKETFUNCTION,
 * TIMERFUNCTION); a uv_poll_t each and one uv_timer_t wait for it, and every event goes back by
 * curl_multi_socket_action. */

enum { CONNECTIONS_KEPT = 8, CONNECT_MS = 5000 };

struct fetcher {
    struct http_fetcher base; /* first */
    uv_loop_t *loop;
    uv_timer_t timer;
    CURLM *multi;
    struct fetch *calls;
    uint32_t handles; /* of the loop, not yet closed */
    bool closed;
};

struct fetch {
    struct http_fetch base; /* first */
    struct fetcher *fetcher;
    struct fetch *next, **link;
    CURL *easy;
    struct curl_slist *headers;
    struct buf body;
    bool too_long;
    char why[CURL_ERROR_SIZE];
    char *sent; /* body of a POST */
    http_fetch_done *done;
    void *ctx;
};

struct waiting {
    uv_poll_t poll; /* first */
    struct fetcher *fetcher;
    curl_socket_t fd;
};

/* ---- the end of a call ---- */

static void unlink_call(struct fetch *c)
{
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): a call that was freed is on no list */
    *c->link = c->next;
    if (c->next)
        c->next->link = c->link;
}

static void free_call(struct fetch *c)
{
    if (c->easy) {
        curl_multi_remove_handle(c->fetcher->multi, c->easy);
        curl_easy_cleanup(c->easy);
    }
    curl_slist_free_all(c->headers);
    buf_release(&c->body);
    free(c->sent);
    free(c);
}

/* The last of "max-age=N" in Cache-Control, less Age. no-store and no-cache count as 0. */
static uint32_t max_age(CURL *easy)
{
    struct curl_header *h;
    uint64_t age = 0, most = UINT32_MAX;

    if (curl_easy_header(easy, "Age", 0, CURLH_HEADER, -1, &h) == CURLHE_OK)
        str_to_u64(str_c(h->value), UINT32_MAX, &age);
    for (size_t i = 0;
         curl_easy_header(easy, "Cache-Control", i, CURLH_HEADER, -1, &h) == CURLHE_OK; i++) {
        struct str rest = str_c(h->value);
        while (rest.p) {
            struct str part = str_trim(str_cut(&rest, ','));
            if (str_starts(part, STR("max-age=")))
                str_to_u64(str_skip(part, 8), UINT32_MAX - 1, &most);
            if (str_eq_nocase(part, STR("no-store")) || str_eq_nocase(part, STR("no-cache")))
                most = 0;
        }
    }
    return most == UINT32_MAX ? UINT32_MAX : most > age ? (uint32_t)(most - age) : 0;
}

static void finish(struct fetch *c, CURLcode code)
{
    struct http_fetch_result r = {.max_age_s = UINT32_MAX};
    const char *type = NULL;
    long status = 0;

    if (c->too_long)
        r.error = "the answer is too long";
    else if (code != CURLE_OK)
        r.error = c->why[0] ? c->why : curl_easy_strerror(code);
    curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(c->easy, CURLINFO_CONTENT_TYPE, &type);
    r.status = (uint16_t)status;
    r.body = buf_str(&c->body);
    r.content_type = str_c(type);
    if (!r.error)
        r.max_age_s = max_age(c->easy);
    unlink_call(c);
    c->done(c->ctx, &r);
    free_call(c);
}

static void finish_all(struct fetcher *f)
{
    CURLMsg *m;
    int left;
    while (!f->closed && (m = curl_multi_info_read(f->multi, &left))) {
        struct fetch *c;
        if (m->msg == CURLMSG_DONE &&
            curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&c) == CURLE_OK)
            finish(c, m->data.result);
    }
}

/* ---- events ---- */

static void act(struct fetcher *f, curl_socket_t fd, int events)
{
    int running;
    if (f->closed)
        return;
    curl_multi_socket_action(f->multi, fd, events, &running);
    finish_all(f);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct waiting *w = (struct waiting *)poll;
    int what = (events & UV_READABLE ? CURL_CSELECT_IN : 0) |
               (events & UV_WRITABLE ? CURL_CSELECT_OUT : 0) | (status < 0 ? CURL_CSELECT_ERR : 0);
    act(w->fetcher, w->fd, what);
}

static void on_timer(uv_timer_t *timer)
{
    act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static void handle_closed(struct fetcher *f)
{
    if (--f->handles == 0)
        free(f);
}

static void on_waiting_closed(uv_handle_t *h)
{
    struct waiting *w = (struct waiting *)h;
    handle_closed(w->fetcher);
    free(w);
}

static void on_timer_closed(uv_handle_t *h)
{
    handle_closed(h->data);
}

static struct waiting *wait_for(struct fetcher *f, curl_socket_t fd)
{
    struct waiting *w = calloc(1, sizeof *w); /* breach: libuv and libcurl own it */
    if (!w)
        return NULL;
    w->fetcher = f;
    w->fd = fd;
    if (uv_poll_init_socket(f->loop, &w->poll, fd) != 0) {
        free(w);
        return NULL;
    }
    f->handles++;
    curl_multi_assign(f->multi, fd, w);
    return w;
}

static int set_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *socket_ctx)
{
    struct waiting *w = socket_ctx;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (w)
            uv_close((uv_handle_t *)&w->poll, on_waiting_closed);
        return 0;
    }
    if (!w)
        w = wait_for(ctx, fd);
    if (w)
        uv_poll_start(&w->poll,
                      (what & CURL_POLL_IN ? UV_READABLE : 0) |
                          (what & CURL_POLL_OUT ? UV_WRITABLE : 0),
                      on_poll);
    return 0; /* a failure would end libcurl's handle for good: this call ends by its timeout */
}

static int set_timer(CURLM *multi, long ms, void *ctx)
{
    struct fetcher *f = ctx;
    (void)multi;
    if (f->closed)
        return 0;
    if (ms < 0)
        uv_timer_stop(&f->timer);
    else
        uv_timer_start(&f->timer, on_timer, (uint64_t)ms, 0);
    return 0;
}

/* ---- a call ---- */

static size_t take_body(char *p, size_t size, size_t n, void *ctx)
{
    struct fetch *c = ctx;
    if (buf_add(&c->body, str_of(p, size * n)))
        return size * n;
    c->too_long = buf_room(&c->body) < size * n;
    return 0;
}

/* NUL-terminated for libcurl. */
static char *text_of(struct str s)
{
    char *p = s.p && !memchr(s.p, 0, s.n) ? malloc(s.n + 1) : NULL; /* breach: for libcurl */
    if (p && s.n)
        memcpy(p, s.p, s.n);
    if (p)
        p[s.n] = 0;
    return p;
}

static bool set_text(CURL *easy, CURLoption option, struct str value)
{
    char *text = text_of(value);
    bool ok = text && curl_easy_setopt(easy, option, text) == CURLE_OK;
    free(text);
    return ok;
}

static bool add_header(struct fetch *c, struct str name, struct str value)
{
    struct buf line;
    buf_init(&line, 16 << 10);
    bool ok = buf_add(&line, name) && buf_add(&line, STR(": ")) && buf_add(&line, value) &&
              buf_add_char(&line, 0);
    struct curl_slist *list = ok ? curl_slist_append(c->headers, line.p) : NULL;
    buf_release(&line);
    if (list)
        c->headers = list;
    return list != NULL;
}

static bool set_post(struct fetch *c, struct str body)
{
    c->sent = malloc(body.n ? body.n : 1); /* breach: for libcurl */
    if (!c->sent)
        return false;
    if (body.n)
        memcpy(c->sent, body.p, body.n);
    return curl_easy_setopt(c->easy, CURLOPT_POST, 1L) == CURLE_OK &&
           curl_easy_setopt(c->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.n) == CURLE_OK &&
           curl_easy_setopt(c->easy, CURLOPT_POSTFIELDS, c->sent) == CURLE_OK &&
           add_header(c, STR("expect"), STR(""));
}

static bool set_request(struct fetch *c, const struct http_fetch_options *o)
{
    bool ok = set_text(c->easy, CURLOPT_URL, o->url) && (!o->body.p || set_post(c, o->body));
    for (uint32_t i = 0; ok && i < o->nheaders; i++)
        ok = add_header(c, o->headers[i].name, o->headers[i].value);
    if (ok && o->user.p)
        ok = curl_easy_setopt(c->easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC) == CURLE_OK &&
             set_text(c->easy, CURLOPT_USERNAME, o->user) &&
             set_text(c->easy, CURLOPT_PASSWORD, o->password.p ? o->password : STR(""));
    if (ok && o->ca_file.n)
        ok = set_text(c->easy, CURLOPT_CAINFO, o->ca_file);
    return ok;
}

static bool set_rules(struct fetch *c, const struct http_fetch_options *o)
{
    CURL *e = c->easy;
    long timeout = (long)o->timeout_ms, connect = timeout < CONNECT_MS ? timeout : CONNECT_MS;
    curl_easy_setopt(e, CURLOPT_PRIVATE, (char *)c);
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, c->why);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, c);
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L); /* do not wait for a resolver's thread */
    curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(e, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(e, CURLOPT_PROXY, "");
    curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, timeout);
    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, connect);
    curl_easy_setopt(e, CURLOPT_HTTPHEADER, c->headers);
    return curl_easy_setopt(e, CURLOPT_USERAGENT, "postern") == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK;
}

static struct http_fetch *start(struct http_fetcher *base, const struct http_fetch_options *o,
                                http_fetch_done *done, void *ctx)
{
    struct fetcher *f = (struct fetcher *)base;
    struct fetch *c = calloc(1, sizeof *c); /* breach: may outlive who asks */
    if (!c)
        return NULL;
    *c = (struct fetch){.base = {base->ops}, .fetcher = f, .done = done, .ctx = ctx};
    buf_init(&c->body, o->max_body);
    c->easy = curl_easy_init();
    if (!c->easy || !set_request(c, o) || !set_rules(c, o) ||
        curl_multi_add_handle(f->multi, c->easy) != CURLM_OK) {
        free_call(c);
        return NULL;
    }
    c->next = f->calls;
    c->link = &f->calls;
    if (c->next)
        c->next->link = &c->next;
    f->calls = c;
    return &c->base;
}

static void cancel(struct http_fetch *base)
{
    struct fetch *c = (struct fetch *)base;
    unlink_call(c);
    free_call(c);
}

/* ---- the fetcher ---- */

static const struct http_fetcher_ops ops = {start, cancel};

struct http_fetcher *http_fetch_curl_open(uv_loop_t *loop)
{
    struct fetcher *f = calloc(1, sizeof *f); /* breach: one a loop */
    if (!f)
        return NULL;
    *f = (struct fetcher){.base = {&ops}, .loop = loop, .handles = 1};
    f->multi = curl_multi_init();
    if (!f->multi || uv_timer_init(loop, &f->timer) != 0) {
        if (f->multi)
            curl_multi_cleanup(f->multi);
        free(f);
        return NULL;
    }
    f->timer.data = f;
    curl_multi_setopt(f->multi, CURLMOPT_SOCKETFUNCTION, set_socket);
    curl_multi_setopt(f->multi, CURLMOPT_SOCKETDATA, f);
    curl_multi_setopt(f->multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(f->multi, CURLMOPT_TIMERDATA, f);
    curl_multi_setopt(f->multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS_KEPT);
    return &f->base;
}

void http_fetch_curl_close(struct http_fetcher *base)
{
    struct fetcher *f = (struct fetcher *)base;
    while (f->calls)
        cancel(&f->calls->base);
    curl_multi_cleanup(f->multi); /* closes what it still watches through set_socket */
    f->closed = true;
    uv_timer_stop(&f->timer);
    uv_close((uv_handle_t *)&f->timer, on_timer_closed);
}
