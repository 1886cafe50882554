#include "gateway/core/clock.h"
#include "gateway/policy/auth_runtime.h"

#include <stdlib.h>

/* RFC 7662: the authorization server is asked what a token is worth, and the answer is remembered
 * for a while, or only told to those who wait for it. Calls with the same token wait for one
 * question. So many questions are under way at a time; further ones wait for their turn, up to as
 * many again and again, and are refused beyond.
 */

enum { ANSWER_MAX = 64 << 10, QUEUE_FACTOR = 32, BAD_KEPT_S = 10, ONCE_S = 2, TOKEN_MAX = 8 << 10 };

struct auth_question {
    struct auth_question *next;
    struct auth_runtime *runtime;
    struct auth_state *state;
    struct http_fetch *fetch; /* NULL: waits for its turn */
    struct auth_waiter *waiters;
    struct auth_entry *entry; /* of the token; goes into the cache with the answer */
    uint64_t asked_at;        /* clock_now() */
};

static void drop(struct auth_question *q)
{
    auth_entry_release(q->entry);
    free(q); /* breach: see ask */
}

static void note_outcome(struct auth_state *s, bool answered)
{
    *(answered ? &s->asked.answered_at : &s->asked.failed_at) = clock_now();
    s->asked.failures += !answered;
}

static void unlist(struct auth_question **list, struct auth_question *q)
{
    while (*list != q)
        list = &(*list)->next;
    *list = q->next;
}

static void start_queued(struct auth_state *s);

/* ---- the answer ---- */

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* RFC 7662 2.2: only `active` must be there. */
static bool read_answer(struct auth_question *q, const struct http_fetch_result *r, int64_t now)
{
    const struct auth_provider *p = q->state->provider;
    struct auth_entry *e = q->entry;
    struct expr_value answer, active;
    struct tc_error error = {0};

    if (r->error || r->status != 200 || !json_value_parse(r->body, &e->arena, &answer, &error) ||
        answer.kind != EXPR_MAP)
        return false;
    active = json_member(&answer, "active");
    if (active.kind != EXPR_BOOL)
        return false;
    uint32_t cache_ms = p->introspection.cache_ms;
    int64_t kept = now + (cache_ms ? (cache_ms + 999) / 1000 : ONCE_S);
    e->good = active.b && !auth_jwt_answer_wrong(&p->rules, &answer, now);
    int64_t expires = auth_jwt_expires(&p->rules, &answer); /* 0: it does not say */
    e->expires = earlier(kept, !e->good ? now + BAD_KEPT_S : expires ? expires : kept);
    return !e->good || auth_jwt_principal(&p->rules, &answer, &e->arena, &e->principal);
}

/* Those who wait find the answer in the cache, where it stays no longer than it is wanted. */
static void tell(struct auth_question *q)
{
    struct auth_state *s = q->state;
    struct auth_entry *e = auth_entry_hold(q->entry);
    auth_cache_put(s->cache, q->entry);
    q->entry = NULL;
    auth_waiters_wake(q->runtime, &q->waiters, false);
    if (s->provider->introspection.cache_ms == 0)
        auth_cache_drop(s->cache, e->token);
    auth_entry_release(e);
}

static void on_answer(void *ctx, const struct http_fetch_result *r)
{
    struct auth_question *q = ctx;
    struct auth_state *s = q->state;
    bool understood = read_answer(q, r, (int64_t)(clock_wall_us() / 1000000));

    q->fetch = NULL;
    s->nasked--;
    s->asked.under_way--;
    s->asked.answered_ns += clock_now() - q->asked_at;
    note_outcome(s, understood);
    unlist(&s->questions, q);
    if (understood)
        tell(q);
    else
        auth_waiters_wake(q->runtime, &q->waiters, true);
    drop(q);
    start_queued(s);
}

/* ---- the question ---- */

static bool put_form(struct buf *out, struct str text)
{
    static const char hex[] = "0123456789ABCDEF";
    bool ok = true;
    for (size_t i = 0; i < text.n && ok; i++) {
        unsigned char c = (unsigned char)text.p[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                     c == '-' || c == '.' || c == '_' || c == '~';
        char escape[3] = {'%', hex[c >> 4], hex[c & 15]};
        ok = plain ? buf_add_char(out, (char)c) : buf_add(out, str_of(escape, 3));
    }
    return ok;
}

/* RFC 6749 2.3.1: both halves of the credentials are form-encoded first. */
static bool start(struct auth_question *q)
{
    static const struct header headers[] = {
        {STR_INIT("content-type"), STR_INIT("application/x-www-form-urlencoded")},
        {STR_INIT("accept"), STR_INIT("application/json")},
    };
    const struct auth_introspection *i = &q->state->provider->introspection;
    struct buf body, user, password;
    buf_init(&body, 4 * TOKEN_MAX);
    buf_init(&user, TOKEN_MAX);
    buf_init(&password, TOKEN_MAX);
    bool ok = buf_add(&body, STR("token=")) && put_form(&body, q->entry->token) &&
              buf_add(&body, STR("&token_type_hint=access_token")) &&
              put_form(&user, i->client_id) && put_form(&password, i->secret);
    struct http_fetch_options o = {
        .url = i->url,
        .body = buf_str(&body),
        .headers = headers,
        .nheaders = 2,
        .user = i->client_id.n ? buf_str(&user) : STR_NONE,
        .password = buf_str(&password),
        .ca_file = i->ca_file,
        .timeout_ms = i->timeout_ms,
        .max_body = ANSWER_MAX,
    };
    q->fetch = ok ? http_fetch_start(q->runtime->fetcher, &o, on_answer, q) : NULL;
    buf_release(&body);
    buf_release(&user);
    buf_release(&password);
    return q->fetch != NULL;
}

/* Those whose askers have all gone are not asked any more. */
static void start_queued(struct auth_state *s)
{
    while (s->queued && s->nasked < s->provider->introspection.concurrency) {
        struct auth_question *q = s->queued;
        s->queued = q->next;
        bool wanted = q->waiters != NULL;
        if (!wanted || !start(q)) {
            if (wanted)
                note_outcome(s, false);
            auth_waiters_wake(q->runtime, &q->waiters, true);
            drop(q);
            continue;
        }
        q->next = s->questions;
        s->questions = q;
        s->nasked++;
        s->asked.questions++;
        s->asked.under_way++;
        q->asked_at = clock_now();
    }
}

static struct auth_question *find(struct auth_question *list, struct str token)
{
    while (list && !str_eq(list->entry->token, token))
        list = list->next;
    return list;
}

static uint32_t count(const struct auth_question *q)
{
    uint32_t n = 0;
    for (; q; q = q->next)
        n++;
    return n;
}

static struct auth_question *ask(struct auth_query *a)
{
    struct auth_state *s = a->state;
    if (count(s->queued) >= s->provider->introspection.concurrency * QUEUE_FACTOR) {
        s->asked.refused++;
        return NULL;
    }
    struct auth_question *q = calloc(1, sizeof *q); /* breach: may outlive the exchange that asks */
    if (!q)
        return NULL;
    *q = (struct auth_question){.runtime = a->runtime, .state = s};
    q->entry = auth_entry_new(a->credential);
    if (!q->entry) {
        drop(q);
        return NULL;
    }
    struct auth_question **last = &s->queued;
    while (*last)
        last = &(*last)->next;
    *last = q;
    return q;
}

static enum auth_verdict unavailable(struct auth_query *a, const char *why)
{
    a->why = why;
    return AUTH_UNAVAILABLE;
}

enum auth_verdict auth_introspect(struct auth_query *a)
{
    struct auth_state *s = a->state;
    struct auth_entry *e = auth_cache_find(s->cache, a->credential, a->now, 0);

    if (e && !e->good) {
        a->why = "the authorization server says that the token is not active";
        return AUTH_BAD;
    }
    if (e)
        return auth_known(a, e);
    if (a->waiter->failed)
        return unavailable(a, "the authorization server gave no answer");
    if (a->credential.n == 0 || a->credential.n > TOKEN_MAX) {
        a->why = "the token is empty or longer than 8 KiB";
        return AUTH_BAD;
    }
    struct auth_question *q = find(s->questions, a->credential);
    if (!q)
        q = find(s->queued, a->credential);
    if (!q && !(q = ask(a)))
        return unavailable(a, "too many tokens wait for the authorization server");
    auth_waiter_join(&q->waiters, a->waiter);
    a->waiter->asking = true;
    start_queued(s);
    a->waiter->asking = false;
    return a->waiter->link ? AUTH_WAIT : unavailable(a, "the authorization server cannot be asked");
}

void auth_introspect_close(struct auth_runtime *r, struct auth_state *s)
{
    struct auth_question *q;
    (void)r;
    while ((q = s->questions)) {
        s->questions = q->next;
        http_fetch_cancel(q->fetch);
        drop(q);
    }
    while ((q = s->queued)) {
        s->queued = q->next;
        drop(q);
    }
}
