#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dlfcn.h>
#include <netdb.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "gateway/core/clock.h"
#include "gateway/core/http_fetch.h"
#include "gateway/upstream/http_fetch.h"
#include "tests/unit/support/failmalloc.h"
#include "transcoder/buf.h"

/* A name server that takes its time for one name. libcurl asks through the C library, and the
 * program's own symbols come first. */
enum { SLOW_NAME_MS = 1500 };

static atomic_uint names_asked;

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **out)
{
    typedef int ask(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    union {
        void *object;
        ask *function;
    } real = {dlsym(RTLD_NEXT, "getaddrinfo")};
    if (name && !strcmp(name, "slow.test")) {
        atomic_fetch_add(&names_asked, 1);
        usleep(SLOW_NAME_MS * 1000);
        return EAI_NONAME;
    }
    return real.function(name, service, hints, out);
}

/* ---- a server on the same loop: it answers every request with the same bytes ---- */

struct server {
    uv_tcp_t tcp; /* first */
    char url[64];
    struct str answer;
    bool closes; /* behind the answer */
    uint32_t connections, requests;
    struct buf heard;
};

struct peer {
    uv_tcp_t tcp; /* first */
    struct server *server;
    char text[64 << 10];
};

static void on_peer_closed(uv_handle_t *h)
{
    ((struct peer *)h)->server->connections--;
    free(h);
}

static void on_written(uv_write_t *w, int status)
{
    struct peer *p = w->data;
    (void)status;
    if (p->server->closes && !uv_is_closing((uv_handle_t *)&p->tcp))
        uv_close((uv_handle_t *)&p->tcp, on_peer_closed);
    free(w);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *b)
{
    struct peer *p = (struct peer *)stream;
    struct server *s = p->server;
    if (n < 0) {
        if (!uv_is_closing((uv_handle_t *)stream))
            uv_close((uv_handle_t *)stream, on_peer_closed);
        return;
    }
    assert_true(buf_add(&s->heard, str_of(b->base, (size_t)n)));
    if (str_find(buf_str(&s->heard), '\n') == s->heard.n)
        return;
    s->requests++;
    uv_write_t *w = malloc(sizeof *w);
    uv_buf_t out = {(char *)(uintptr_t)s->answer.p, s->answer.n};
    w->data = p;
    if (s->answer.n)
        uv_write(w, stream, &out, 1, on_written);
    else
        on_written(w, 0);
}

static void give_memory(uv_handle_t *h, size_t n, uv_buf_t *b)
{
    struct peer *p = (struct peer *)h;
    (void)n;
    *b = uv_buf_init(p->text, sizeof p->text);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct server *s = (struct server *)listener;
    struct peer *p = calloc(1, sizeof *p);
    (void)status;
    p->server = s;
    s->connections++;
    uv_tcp_init(listener->loop, &p->tcp);
    uv_accept(listener, (uv_stream_t *)&p->tcp);
    uv_read_start((uv_stream_t *)&p->tcp, give_memory, on_read);
}

static struct {
    uv_loop_t loop;
    struct server server;
    struct http_fetcher *fetcher;
    /* What came of the call. */
    uint32_t done;
    uint16_t status;
    uint32_t max_age_s;
    char error[256], body[4096], type[64];
    size_t body_n;
} t;

static int set_up(void **state)
{
    struct sockaddr_in at;
    int size = sizeof at;
    (void)state;
    uv_loop_init(&t.loop);
    uv_ip4_addr("127.0.0.1", 0, &at);
    uv_tcp_init(&t.loop, &t.server.tcp);
    uv_tcp_bind(&t.server.tcp, (struct sockaddr *)&at, 0);
    uv_listen((uv_stream_t *)&t.server.tcp, 64, on_connection);
    uv_tcp_getsockname(&t.server.tcp, (struct sockaddr *)&at, &size);
    snprintf(t.server.url, sizeof t.server.url, "http://127.0.0.1:%d/a", ntohs(at.sin_port));
    buf_init(&t.server.heard, 1 << 20);
    t.server.closes = false;
    t.server.requests = 0;
    t.done = 0;
    t.fetcher = http_fetch_curl_open(&t.loop);
    return t.fetcher ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    if (t.fetcher)
        http_fetch_curl_close(t.fetcher);
    uv_close((uv_handle_t *)&t.server.tcp, NULL);
    uv_run(&t.loop, UV_RUN_DEFAULT); /* nothing of the fetcher's keeps it running */
    buf_release(&t.server.heard);
    return uv_loop_close(&t.loop);
}

static void on_done(void *ctx, const struct http_fetch_result *r)
{
    (void)ctx;
    t.done++;
    uv_stop(&t.loop);
    t.status = r->status;
    t.max_age_s = r->max_age_s;
    snprintf(t.error, sizeof t.error, "%s", r->error ? r->error : "");
    snprintf(t.type, sizeof t.type, "%.*s", STR_ARG(r->content_type));
    snprintf(t.body, sizeof t.body, "%.*s", (int)(r->body.n < 4000 ? r->body.n : 4000), r->body.p);
    t.body_n = r->body.n;
}

static struct http_fetch_options options(void)
{
    return (struct http_fetch_options){
        .url = str_c(t.server.url), .timeout_ms = 2000, .max_body = 4096};
}

static struct http_fetch *start(const struct http_fetch_options *o)
{
    t.done = 0;
    struct http_fetch *f = http_fetch_start(t.fetcher, o, on_done, NULL);
    assert_non_null(f);
    assert_int_equal(t.done, 0); /* never from inside */
    return f;
}

static void finish(void)
{
    while (!t.done)
        uv_run(&t.loop, UV_RUN_ONCE);
    assert_int_equal(t.done, 1);
}

static void fetch(const struct http_fetch_options *o)
{
    start(o);
    finish();
}

static void answers(const char *text)
{
    t.server.answer = str_c(text);
}

/* ---- answers ---- */

static void an_answer_comes_with_status_body_and_age(void **state)
{
    struct http_fetch_options o = options();
    (void)state;
    answers("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: application/json\r\n"
            "Cache-Control: public, max-age=300\r\nAge: 100\r\n\r\n{}");
    fetch(&o);
    assert_string_equal(t.error, "");
    assert_int_equal(t.status, 200);
    assert_string_equal(t.body, "{}");
    assert_string_equal(t.type, "application/json");
    assert_int_equal(t.max_age_s, 200);
    fetch(&o);
    assert_int_equal(t.server.connections, 1); /* kept */
    answers("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n");
    fetch(&o);
    assert_string_equal(t.error, "");
    assert_int_equal(t.status, 503);
    assert_int_equal(t.max_age_s, UINT32_MAX);
}

static void ages_of_all_spellings(void **state)
{
    static const struct {
        const char *headers;
        uint32_t age;
    } rows[] = {
        {"Cache-Control: no-store\r\n", 0},
        {"Cache-Control: max-age=10\r\nCache-Control: no-cache\r\n", 0},
        {"Cache-Control: max-age=10\r\nAge: 11\r\n", 0},
        {"Cache-Control: max-age=x\r\n", UINT32_MAX},
        {"Cache-Control: max-age=99999999999\r\n", UINT32_MAX},
        {"Cache-Control: max-age=10\r\nAge: -1\r\n", 10},
        {"Age: 7\r\n", UINT32_MAX},
    };
    struct http_fetch_options o = options();
    char text[512];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n%s\r\n",
                 rows[i].headers);
        answers(text);
        fetch(&o);
        if (t.max_age_s != rows[i].age)
            fail_msg("%s: %u", rows[i].headers, t.max_age_s);
    }
}

static void a_redirect_is_an_answer_and_not_followed(void **state)
{
    struct http_fetch_options o = options();
    (void)state;
    answers("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n");
    fetch(&o);
    assert_int_equal(t.status, 302);
    assert_int_equal(t.server.requests, 1);
}

static void what_is_sent_is_what_was_asked_for(void **state)
{
    static const struct header more = {STR_INIT("accept"), STR_INIT("application/json")};
    struct http_fetch_options o = options();
    (void)state;
    o.body = STR("token=a%20b");
    o.headers = &more;
    o.nheaders = 1;
    o.user = STR("us:er");
    o.password = STR("pw");
    answers("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    fetch(&o);
    assert_true(buf_add_char(&t.server.heard, 0));
    const char *heard = t.server.heard.p;
    assert_int_equal(strncmp(heard, "POST /a HTTP/1.1\r\n", 18), 0);
    assert_non_null(strstr(heard, "accept: application/json\r\n"));
    assert_non_null(strstr(heard, "Authorization: Basic dXM6ZXI6cHc=\r\n"));
    assert_non_null(strstr(heard, "\r\n\r\ntoken=a%20b"));
    assert_null(strstr(heard, "xpect"));
}

static void what_is_no_answer_is_told_in_words(void **state)
{
    static const struct {
        const char *answer;
        bool closes;
    } rows[] = {{"", true},
                {"what?\r\n\r\n", true},
                {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", true},
                {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", true},
                {"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", true}};
    struct http_fetch_options o = options();
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        answers(rows[i].answer);
        t.server.closes = rows[i].closes;
        fetch(&o);
        if (!t.error[0])
            fail_msg("%s: %d", rows[i].answer, t.status);
    }
}

static void an_answer_above_its_bound_is_cut_off(void **state)
{
    struct http_fetch_options o = options();
    struct buf text;
    (void)state;
    buf_init(&text, 1 << 20);
    buf_add(&text, STR("HTTP/1.1 200 OK\r\nContent-Length: 4097\r\n\r\n"));
    while (text.n < 5000)
        buf_add_char(&text, 'x');
    t.server.answer = buf_str(&text);
    fetch(&o);
    assert_string_equal(t.error, "the answer is too long");
    assert_true(t.body_n <= 4096);
    memcpy(strstr(text.p, "4097"), "4096", 4);
    t.server.answer = str_of(text.p, (size_t)(strstr(text.p, "\r\n\r\n") - text.p) + 4 + 4096);
    fetch(&o);
    assert_string_equal(t.error, "");
    assert_int_equal(t.body_n, 4096);
    answers("HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\nxxxx"); /* says so */
    fetch(&o);
    assert_true(t.error[0]);
    buf_release(&text);
}

static void silence_ends_at_the_timeout(void **state)
{
    struct http_fetch_options o = options();
    (void)state;
    o.timeout_ms = 100;
    static const char *const starts[] = {"", "HTTP/1.1 200 OK\r\n",
                                         "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"};
    for (size_t i = 0; i < 3; i++) {
        answers(starts[i]);
        uint64_t began = clock_now();
        fetch(&o);
        assert_true(t.error[0]);
        assert_in_range((clock_now() - began) / 1000000, 90, 1000);
    }
}

static void nobody_there_is_told_at_once(void **state)
{
    struct http_fetch_options o = options();
    (void)state;
    static const char *const urls[] = {
        "http://127.0.0.1:1/", "file:///etc/passwd", "gopher://x/", "http://", "nonsense",
        "https://127.0.0.1:1/"};
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        o.url = str_c(urls[i]);
        fetch(&o);
        assert_true(t.error[0]);
        assert_int_equal(t.status, 0);
    }
}

/* A name server that takes longer than the call may, and one thread that must not wait for it. */
static void a_slow_name_does_not_hold_up_the_loop(void **state)
{
    struct http_fetch_options o = options();
    (void)state;
    o.url = STR("http://slow.test/");
    o.timeout_ms = 100;
    uint64_t began = clock_now();
    fetch(&o);
    assert_true(t.error[0]);
    assert_in_range((clock_now() - began) / 1000000, 90, SLOW_NAME_MS * 2 / 3);
    began = clock_now();
    struct http_fetch *f = start(&o);
    uv_run(&t.loop, UV_RUN_ONCE);
    http_fetch_cancel(f);
    assert_true((clock_now() - began) / 1000000 < SLOW_NAME_MS * 2 / 3);
    assert_true(atomic_load(&names_asked) >= 1);
    usleep(SLOW_NAME_MS * 1000); /* its threads end before the program does */
}

/* ---- cancelling and closing, at every step ---- */

enum { STEPS = 14 };

static void a_call_can_be_cancelled_at_every_step(void **state)
{
    struct http_fetch_options o = options();
    uint32_t ended = 0;
    (void)state;
    static const char *const texts[] = {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
                                        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab",
                                        "HTTP/1.1 200 OK\r\n", ""};
    for (int step = 0; step < STEPS * 4; step++) {
        answers(texts[step % 4]);
        struct http_fetch *f = start(&o);
        for (int i = 0; i < step / 4 && !t.done; i++)
            uv_run(&t.loop, UV_RUN_NOWAIT);
        ended += t.done;
        if (!t.done)
            http_fetch_cancel(f);
        uint32_t before = t.done;
        for (int i = 0; i < 5; i++)
            uv_run(&t.loop, UV_RUN_NOWAIT);
        assert_int_equal(t.done, before); /* it does not come afterwards */
    }
    assert_in_range(ended, 1, STEPS * 4 - STEPS);
    answers(texts[0]);
    fetch(&o);
    assert_string_equal(t.body, "hello");
}

static void a_fetcher_can_be_closed_at_every_step(void **state)
{
    struct http_fetch_options o = options();
    (void)state;
    answers("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab");
    for (int step = 0; step < STEPS; step++) {
        start(&o);
        start(&o);
        for (int i = 0; i < step; i++)
            uv_run(&t.loop, UV_RUN_NOWAIT);
        http_fetch_curl_close(t.fetcher);
        for (int i = 0; i < 3; i++)
            uv_run(&t.loop, UV_RUN_NOWAIT);
        assert_int_equal(t.done, 0);
        t.fetcher = http_fetch_curl_open(&t.loop);
    }
}

static struct http_fetch *other;

static void start_another(void *ctx, const struct http_fetch_result *r)
{
    struct http_fetch_options o = options();
    on_done(ctx, r);
    if (other)
        http_fetch_cancel(other);
    other = NULL;
    assert_non_null(http_fetch_start(t.fetcher, &o, on_done, NULL));
}

static void calls_may_start_and_end_others_when_they_are_done(void **state)
{
    struct http_fetch_options o = options(), stuck = options();
    (void)state;
    stuck.url = STR("http://127.0.0.1:1/");
    answers("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    t.done = 0;
    other = http_fetch_start(t.fetcher, &stuck, on_done, NULL);
    http_fetch_cancel(other);
    stuck.url = STR("http://slow.test/");
    other = http_fetch_start(t.fetcher, &stuck, on_done, NULL);
    assert_non_null(http_fetch_start(t.fetcher, &o, start_another, NULL));
    while (t.done < 2)
        uv_run(&t.loop, UV_RUN_ONCE);
    assert_int_equal(t.status, 200);
    usleep(SLOW_NAME_MS * 1000);
}

/* ---- memory ---- */

static bool fetch_once(void *arg)
{
    struct http_fetch_options *o = arg;
    t.done = 0;
    t.error[0] = 0;
    struct http_fetch *f = http_fetch_start(t.fetcher, o, on_done, NULL);
    while (f && !t.done)
        uv_run(&t.loop, UV_RUN_ONCE);
    return f && !t.error[0];
}

static void short_memory_fails_a_call_and_no_more(void **state)
{
    static const struct header more = {STR_INIT("accept"), STR_INIT("application/json")};
    struct http_fetch_options o = options();
    (void)state;
    o.body = STR("x");
    o.headers = &more;
    o.nheaders = 1;
    o.user = STR("u");
    o.timeout_ms = 200;
    answers("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}");
    t.server.closes = true;
    fetch(&o);
    for (size_t i = 0;; i++) { /* the server's own memory must not fail */
        failmalloc_start(i);
        struct http_fetch *f = http_fetch_start(t.fetcher, &o, on_done, NULL);
        if (!failmalloc_stop()) {
            assert_non_null(f);
            http_fetch_cancel(f);
            assert_true(i >= 4);
            break;
        }
        assert_null(f);
    }
    assert_true(fetch_once(&o));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(an_answer_comes_with_status_body_and_age),
        TEST(ages_of_all_spellings),
        TEST(a_redirect_is_an_answer_and_not_followed),
        TEST(what_is_sent_is_what_was_asked_for),
        TEST(what_is_no_answer_is_told_in_words),
        TEST(an_answer_above_its_bound_is_cut_off),
        TEST(silence_ends_at_the_timeout),
        TEST(nobody_there_is_told_at_once),
        TEST(a_slow_name_does_not_hold_up_the_loop),
        TEST(a_call_can_be_cancelled_at_every_step),
        TEST(a_fetcher_can_be_closed_at_every_step),
        TEST(calls_may_start_and_end_others_when_they_are_done),
        TEST(short_memory_fails_a_call_and_no_more),
    };
    return cmocka_run_group_tests_name("http_fetch_curl", tests, NULL, NULL);
}
