#include "gateway/core/exchange_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "gateway/core/event.h"
#include "gateway/core/pipeline.h"
#include "gateway/core/principal.h"
#include "gateway/core/query.h"

enum {
    ARENA_BLOCK = 4 << 10,
    ARENA_MAX = 256 << 20, /* the last line: every stage has a ceiling of its own far below */
    IDLE_MAX = 256,        /* exchanges kept for reuse, per worker */
    BODY_KEPT = 64 << 10,  /* answer buffers up to this are kept with them */
    ID_BASE_DIGITS = 16,
    ID_COUNT_DIGITS = 8,
};

static struct exchange *take_idle(struct exchange_host *host)
{
    struct exchange *x = host->idle;
    if (!x)
        return NULL;
    host->idle = x->next;
    host->nidle--;
    return x;
}

/* Everything goes back to its first state but the memory of arena and answer. */
static void renew(struct exchange *x)
{
    struct arena arena = x->arena;
    struct buf body = x->answer.body;
    *x = (struct exchange){.arena = arena, .cluster = PLAN_NO_CLUSTER};
    body.n = 0;
    x->answer.body = body;
}

struct exchange *exchange_new(struct exchange_host *host, const struct front_ops *ops,
                              void *front_data)
{
    struct exchange *x = take_idle(host);
    if (!x) {
        x = calloc(1, sizeof *x); /* breach: exchanges are pooled by their host, not by an arena */
        if (!x)
            return NULL;
        arena_init(&x->arena, ARENA_BLOCK, ARENA_MAX);
    }
    renew(x);
    x->host = host;
    x->scope = host->scope;
    x->scope->exchanges++;
    x->snapshot = x->scope->snapshot;
    x->front = ops;
    x->front_data = front_data;
    x->began = x->working_since = clock_now();
    x->began_wall_us = clock_wall_us();
    buf_init(&x->reply, SIZE_MAX);
    x->answer.body.max = SIZE_MAX / 2; /* bounded by what it is made of: max_response, buffer */
    host->active++;
    return x;
}

void exchange_wake(struct exchange *x)
{
    if (!x->entered && !x->gone)
        x->front->wake(x);
}

static void enter(struct exchange *x)
{
    x->entered = true;
    exchange_work(x);
}

static void leave(struct exchange *x)
{
    exchange_rest(x);
    x->entered = false;
}

static bool legal_request_id(struct str id)
{
    if (id.n == 0 || id.n > 128)
        return false;
    for (size_t i = 0; i < id.n; i++)
        if (id.p[i] <= ' ' || id.p[i] > '~' || id.p[i] == '"' || id.p[i] == '\\')
            return false;
    return true;
}

static void print_hex(char *to, uint64_t value, int digits)
{
    while (digits--) {
        to[digits] = "0123456789abcdef"[value & 15];
        value >>= 4;
    }
}

/* Unique among workers by its first half, within one by the second. */
static struct str fresh_id(struct exchange *x)
{
    char id[ID_BASE_DIGITS + ID_COUNT_DIGITS];
    print_hex(id, x->host->id_base, ID_BASE_DIGITS);
    print_hex(id + ID_BASE_DIGITS, ++x->host->request_ids, ID_COUNT_DIGITS);
    return arena_copy(&x->arena, str_of(id, sizeof id));
}

/* Chooses the id and shows it to the client. False when memory is short. */
static bool identify(struct exchange *x)
{
    if (x->request_id.p)
        return true;
    struct str id = headers_get(&x->request.headers, STR("x-request-id"));
    if (!legal_request_id(id))
        id = fresh_id(x);
    x->request_id = id;
    return id.p && headers_add(&x->answer.headers, &x->arena, STR("x-request-id"), id);
}

/* At work since exchange_new: the front has filled in the request meanwhile. */
void exchange_begin(struct exchange *x)
{
    x->entered = true;
    if (!identify(x))
        exchange_fail_memory(x);
    else if (pipeline_run(x, PHASE_HEAD) == STAGE_NEXT)
        x->state = EXCHANGE_BODY;
    leave(x);
}

void exchange_wait_over(struct exchange *x)
{
    x->wait = NULL;
    timer_stop(x->host->timers, &x->wait_timer);
}

static void stop_waiting(struct exchange *x)
{
    struct exchange_wait *wait = x->wait;
    exchange_wait_over(x);
    if (wait)
        wait->cancel(wait);
}

static void wait_due(struct timer *t)
{
    struct exchange *x = (struct exchange *)((char *)t - offsetof(struct exchange, wait_timer));
    exchange_fail(x, TC_CODE_DEADLINE_EXCEEDED, 0, "the call's deadline has passed");
}

void exchange_wait(struct exchange *x, struct exchange_wait *wait)
{
    x->wait = wait;
    if (!x->deadline)
        return;
    uint64_t now = clock_now(), left = x->deadline > now ? x->deadline - now : 0;
    timer_start(x->host->timers, &x->wait_timer, left / 1000000, wait_due);
}

void exchange_continue(struct exchange *x)
{
    exchange_wait_over(x);
    exchange_work(x);
    if (x->state != EXCHANGE_HEAD) {
        request_continue(x);
    } else if (pipeline_run(x, PHASE_HEAD) == STAGE_NEXT) {
        x->state = EXCHANGE_BODY;
        if (x->body_ended)
            request_end(x);
    }
    exchange_rest(x);
    exchange_wake(x);
}

size_t exchange_body(struct exchange *x, struct str bytes)
{
    if (exchange_answered(x) || x->call_ended)
        return bytes.n;
    if (exchange_waiting(x))
        return 0;
    enter(x);
    size_t taken = request_feed(x, bytes);
    leave(x);
    return taken;
}

void exchange_body_end(struct exchange *x)
{
    if (x->body_ended)
        return;
    x->body_ended = true;
    if (exchange_answered(x) || x->call_ended || exchange_waiting(x))
        return;
    enter(x);
    request_end(x);
    leave(x);
}

size_t exchange_read(struct exchange *x, char *p, size_t cap)
{
    struct answer *a = &x->answer;
    if (a->read == a->body.n && !exchange_answered(x)) {
        enter(x);
        response_pump(x);
        leave(x);
    }
    size_t n = a->body.n - a->read;
    if (n > cap)
        n = cap;
    if (n)
        memcpy(p, a->body.p + a->read, n);
    a->read += n;
    x->bytes_out += n;
    if (a->read == a->body.n)
        a->read = a->body.n = 0;
    return n;
}

/* Where callers show credentials, a target may hold one. Whoever was let in by none may have put it
 * anywhere there. */
static struct str shown_target(struct exchange *x)
{
    const struct plan *plan = x->snapshot->plan;
    if (!plan->nproviders)
        return x->request.target;
    if (x->code == TC_CODE_UNAUTHENTICATED || x->answer.status == 401)
        return query_conceal_all(x->request.target, &x->arena);
    return query_conceal(x->request.target, plan->concealed, plan->nconcealed, &x->arena);
}

/* The event is built from what is left when everything is over. */
static void record(struct exchange *x, bool delivered)
{
    bool complete = delivered && x->answer.complete;
    uint64_t now = clock_now();
    struct event e = {
        .request_id = x->request_id,
        .client = x->request.client,
        .http_method = x->request.method,
        .target = shown_target(x),
        .protocol = x->request.protocol,
        .route = x->route,
        .cluster = x->cluster,
        .http_status = delivered ? x->answer.status : 499,
        .code = delivered ? x->code : TC_CODE_CANCELLED,
        .from_peer = delivered && x->from_peer,
        .complete = complete,
        .error = x->failure,
        .wall_us = x->began_wall_us,
        .total_ns = now - x->began,
        .own_ns = x->own_ns,
        .bytes_in = x->bytes_in,
        .bytes_out = x->bytes_out,
        .messages_in = x->messages_in,
        .messages_out = x->messages_out,
        .retries = x->retries,
        .rule = x->rule,
        .rule_error = x->rule_error,
        .rule_errors = x->rule_errors,
        .refusal = x->refusal,
        .provider = x->principal ? x->principal->provider : STR(""),
        .caller = x->principal ? x->principal->id : STR(""),
    };
    if (x->cluster != PLAN_NO_CLUSTER)
        e.cluster_name = x->snapshot->plan->clusters[x->cluster].name;
    if (x->call_began)
        e.upstream_ns = (x->call_ended_at ? x->call_ended_at : now) - x->call_began;
    x->host->ended(x->host, x->scope, &e);
}

static void recycle(struct exchange *x)
{
    struct exchange_host *host = x->host;
    arena_reset(&x->arena);
    if (x->answer.body.cap > BODY_KEPT)
        buf_release(&x->answer.body);
    if (host->nidle < IDLE_MAX) {
        x->next = host->idle;
        host->idle = x;
        host->nidle++;
        return;
    }
    arena_release(&x->arena);
    buf_release(&x->answer.body);
    free(x); /* breach: see exchange_new */
}

static void leave_scope(struct exchange *x)
{
    struct exchange_scope *scope = x->scope;
    x->scope = NULL;
    x->snapshot = NULL;
    if (--scope->exchanges == 0 && scope != x->host->scope)
        x->host->scope_idle(x->host, scope);
}

void exchange_free(struct exchange *x, bool delivered)
{
    if (x->call) {
        call_cancel(x->call);
        x->call = NULL;
    }
    stop_waiting(x);
    timer_stop(x->host->timers, &x->keepalive);
    record(x, delivered);
    if (x->policy)
        pipeline_each(x, PHASE_OVER);
    tc_form_release(x->form);
    tc_binding_release(&x->binding);
    buf_release(&x->message);
    buf_release(&x->mask);
    buf_release(&x->late);
    buf_release(&x->reply);
    leave_scope(x);
    x->host->active--;
    x->gone = true;
    if (!x->listed_soon)
        recycle(x);
}

void exchange_soon(struct exchange *x)
{
    if (x->listed_soon)
        return;
    x->listed_soon = true;
    x->next = x->host->soon;
    x->host->soon = x;
    x->host->wake_loop(x->host);
}

static void pump(struct exchange *x)
{
    exchange_work(x);
    response_pump(x);
    exchange_rest(x);
}

void exchange_run_soon(struct exchange_host *host)
{
    struct exchange *list = host->soon;
    host->soon = NULL;
    while (list) {
        struct exchange *x = list;
        list = x->next;
        x->listed_soon = false;
        if (x->gone)
            recycle(x);
        else
            pump(x);
    }
}

void exchange_host_release(struct exchange_host *host)
{
    struct exchange *x;
    exchange_run_soon(host); /* those that were freed while listed */
    while ((x = take_idle(host))) {
        arena_release(&x->arena);
        buf_release(&x->answer.body);
        free(x); /* breach: see exchange_new */
    }
}

/* What the client has not got yet of a message that will not be whole is taken back, so that the
 * error stands where it can be read. */
static void cut_message(struct exchange *x)
{
    struct answer *a = &x->answer;
    if (x->bytes_out <= x->message_at)
        a->body.n = a->read + (size_t)(x->message_at - x->bytes_out);
    else
        tc_framing_after(x->framing, &a->body);
}

/* A failure once the answer has begun: it becomes visible in the body, which then ends uncleanly.
 */
static void break_off(struct exchange *x, const struct tc_error_info *info)
{
    struct answer *a = &x->answer;
    struct buf status;
    if (x->decoding)
        cut_message(x);
    bool first = x->bytes_out == 0 && a->body.n == a->read;
    buf_init(&status, 64 << 10);
    if (tc_status_json(&status, info, x->snapshot->plan->schema, &x->arena))
        tc_framing_error(x->framing, &a->body, first, buf_str(&status));
    buf_release(&status);
    a->broken = true;
}

static void answer_whole(struct exchange *x, const struct tc_error_info *info, uint16_t http)
{
    struct answer *a = &x->answer;
    identify(x); /* the front may refuse before exchange_begin */
    a->body.n = a->read = 0;
    a->status = http ? http : (uint16_t)tc_code_to_http(info->code);
    headers_add(&a->headers, &x->arena, STR("content-type"), STR("application/json"));
    if (!tc_status_json(&a->body, info, x->snapshot->plan->schema, &x->arena))
        a->body.n = 0;
    a->ready = a->complete = true;
    if (!x->entered)
        exchange_rest(x); /* refused by the front, before exchange_begin */
}

void exchange_answer_error(struct exchange *x, const struct tc_error_info *info, uint16_t http)
{
    if (x->call) {
        call_cancel(x->call);
        x->call = NULL;
    }
    if (x->call_began && !x->call_ended_at)
        x->call_ended_at = clock_now();
    stop_waiting(x);
    timer_stop(x->host->timers, &x->keepalive);
    x->state = EXCHANGE_DONE;
    x->code = info->code;
    x->failure = info->message;
    if (x->answer.ready)
        break_off(x, info);
    else
        answer_whole(x, info, http);
    x->decoding = false;
    exchange_wake(x);
}

void exchange_fail(struct exchange *x, enum tc_code code, uint16_t http, const char *format, ...)
{
    char text[TC_ERROR_TEXT_MAX + TC_ERROR_PATH_MAX];
    va_list args;
    if (exchange_answered(x))
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    bool bad_request = http == 400 || (!http && code == TC_CODE_INVALID_ARGUMENT);
    if (bad_request) /* whatever it is about: each 400 of ours has its google.rpc.BadRequest */
        tc_fail(&x->error, TC_INVALID, TC_NO_OFFSET, "", "%s", text);
    struct tc_error_info info = {
        .code = code,
        .message = arena_copy(&x->arena, str_c(text)),
        .where = x->error.status == TC_OK ? NULL : &x->error,
    };
    x->from_peer = false;
    exchange_answer_error(x, &info, http);
}

void exchange_fail_memory(struct exchange *x)
{
    exchange_fail(x, TC_CODE_UNAVAILABLE, 503, "the gateway is out of memory for this call");
}

void exchange_fail_input(struct exchange *x, enum tc_status status)
{
    if (status == TC_NOMEM)
        exchange_fail_memory(x);
    else if (status == TC_LIMIT)
        exchange_fail(x, TC_CODE_RESOURCE_EXHAUSTED, 413, "%s",
                      x->error.text[0] ? x->error.text : "the message would be too large");
    else if (x->error.path[0])
        exchange_fail(x, TC_CODE_INVALID_ARGUMENT, 0, "%s: %s", x->error.path, x->error.text);
    else
        exchange_fail(x, TC_CODE_INVALID_ARGUMENT, 0, "%s", x->error.text);
}
