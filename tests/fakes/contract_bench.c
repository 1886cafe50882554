#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants those above first. */
#include <cmocka.h>

#include "tests/fakes/contract_bench.h"

#include <stdio.h>
#include <stdlib.h>

enum { MESSAGE_MAX = 64 << 20 };

void contract_bench_open(struct contract_bench *b, void *server, uint32_t n)
{
    memset(b, 0, sizeof *b);
    b->server = server;
    assert_int_equal(uv_loop_init(&b->loop), 0);
    b->config = cluster_config_of_endpoint(&b->endpoints[0]);
    for (uint32_t i = 0; i < n; i++)
        b->endpoints[i] = str_c(b->server->grpc.name[i]);
    b->config.nendpoints = n;
    if (n)
        contract_bench_dial(b);
}

void contract_bench_dial(struct contract_bench *b)
{
    b->channel = b->server->open(&b->loop, &b->config);
    assert_non_null(b->channel);
}

void contract_bench_close(struct contract_bench *b)
{
    if (b->channel)
        channel_close(b->channel);
    assert_true(run_out(&b->loop));
}

/* ---- events ---- */

static size_t keep_headers(struct kept_header *to, const struct header *from, size_t n)
{
    size_t kept = 0;

    for (size_t i = 0; i < n && kept < BENCH_HEADERS; i++) {
        if (!str_starts(from[i].name, STR("x-")))
            continue;
        snprintf(to[kept].name, sizeof to->name, "%.*s", STR_ARG(from[i].name));
        snprintf(to[kept++].value, sizeof to->value, "%.*s", STR_ARG(from[i].value));
    }
    return kept;
}

static void check_event(const struct talk *t)
{
    assert_false(t->inside); /* never from inside a call of ours */
    assert_false(t->ended);  /* nothing after `end` */
    assert_non_null(t->call);
}

static void on_headers(void *ctx, const struct header *metadata, size_t n)
{
    struct talk *t = ctx;

    check_event(t);
    assert_false(t->has_headers);
    assert_int_equal(t->messages, 0);
    t->has_headers = true;
    t->ninitial = keep_headers(t->initial, metadata, n);
}

static void on_message(void *ctx, struct buf *message)
{
    struct talk *t = ctx;

    check_event(t);
    t->messages++;
    assert_true(t->messages <= t->asked);
    t->bytes += message->n;
    buf_move(&t->last, message);
    if (t->reads > t->messages)
        talk_read(t);
}

static void on_writable(void *ctx)
{
    struct talk *t = ctx;

    check_event(t);
    t->writables++;
}

static void on_end(void *ctx, const struct call_end *end)
{
    struct talk *t = ctx;

    check_event(t);
    t->ended = true;
    t->call = NULL;
    t->code = end->code;
    t->from_peer = end->from_peer;
    t->deadline = end->deadline;
    t->ended_at = uv_hrtime();
    snprintf(t->text, sizeof t->text, "%.*s", STR_ARG(end->message));
    assert_true(buf_add(&t->details, end->details));
    t->ntrailing = keep_headers(t->trailing, end->trailers, end->ntrailers);
}

/* ---- calls ---- */

void talk_start(struct talk *t, struct contract_bench *b, const struct talk_options *o)
{
    static const struct call_events events = {on_headers, on_message, on_writable, on_end};
    char path[64];
    int n = snprintf(path, sizeof path, "/t.T/%s", o->method);
    struct call_options options = {
        .path = str_of(path, (size_t)n),
        .metadata = o->metadata,
        .nmetadata = o->nmetadata,
        .deadline = o->timeout_ms ? uv_hrtime() + o->timeout_ms * 1000000ull : 0,
        .max_message = o->max_message ? o->max_message : MESSAGE_MAX,
        .idempotent = o->idempotent,
    };

    memset(t, 0, sizeof *t);
    t->bench = b;
    t->reads = o->reads;
    buf_init(&t->last, MESSAGE_MAX);
    buf_init(&t->details, 4096);
    t->inside = true;
    t->call = channel_start(b->channel, &options, &events, t);
    t->inside = false;
    assert_non_null(t->call);
    if (t->reads)
        talk_read(t);
}

static bool send_buf(struct talk *t, struct buf *message, bool last)
{
    t->inside = true;
    bool more = call_send(t->call, message, last);
    t->inside = false;
    return more;
}

bool talk_send(struct talk *t, struct str bytes, bool last)
{
    struct buf message;

    assert_true(call_message_init(&message, MESSAGE_MAX) && buf_add(&message, bytes));
    return send_buf(t, &message, last);
}

bool talk_fill(struct talk *t, size_t n, char fill, bool last)
{
    struct buf message;

    assert_true(call_message_init(&message, MESSAGE_MAX) && buf_reserve(&message, n));
    memset(message.p + message.n, fill, n);
    message.n += n;
    return send_buf(t, &message, last);
}

void talk_read(struct talk *t)
{
    t->asked++;
    t->inside = true;
    call_read(t->call);
    t->inside = false;
}

void talk_half_close(struct talk *t)
{
    t->inside = true;
    call_half_close(t->call);
    t->inside = false;
}

void talk_cancel(struct talk *t)
{
    t->inside = true;
    call_cancel(t->call);
    t->call = NULL; /* an event would fail check_event */
    t->inside = false;
}

void talk_end(struct talk *t)
{
    if (!run_until(&t->bench->loop, &t->ended, BENCH_MS))
        fail_msg("no end came");
}

void talk_await_messages(struct talk *t, uint32_t n)
{
    for (int i = 0; i < BENCH_MS / 10 && t->messages < n && !t->ended; i++)
        run_for(&t->bench->loop, 10);
    assert_true(t->messages >= n);
}

void talk_release(struct talk *t)
{
    buf_release(&t->last);
    buf_release(&t->details);
}

void talk_unary(struct talk *t, struct contract_bench *b, const char *method, struct str request)
{
    talk_start(t, b, &(struct talk_options){.method = method, .reads = UINT32_MAX});
    talk_send(t, request, true);
    talk_end(t);
}

unsigned long contract_bench_seen(struct contract_bench *b, const char *what)
{
    struct talk t;
    char number[24];

    talk_unary(&t, b, "Seen", str_c(what));
    assert_int_equal(t.code, TC_CODE_OK);
    snprintf(number, sizeof number, "%.*s", STR_ARG(buf_str(&t.last)));
    talk_release(&t);
    return strtoul(number, NULL, 10);
}
