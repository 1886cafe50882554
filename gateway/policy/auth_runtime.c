#include "gateway/policy/auth_runtime.h"

#include <stdlib.h>
#include <sys/random.h>

#include "gateway/core/clock.h"
#include "gateway/policy/auth_credential.h"
#include "gateway/policy/auth_redis.h"

enum { RUNTIME_MEMORY = 1 << 20 };

static bool open_state(struct auth_runtime *r, const struct auth_provider *p,
                       const struct siphash_key *key)
{
    struct auth_state *s = &r->states[r->n];
    bool asks_redis = p->redis_keys.n != 0;
    s->provider = p;
    s->view.source = p->source;
    if (p->kind != AUTH_JWT && p->kind != AUTH_INTROSPECTION && !asks_redis)
        return true;
    s->cache = auth_cache_new(key);
    return s->cache && (!asks_redis || auth_redis_open(r, s));
}

struct auth_runtime *auth_runtime_new(const struct plan *plan, struct timer_wheel *timers,
                                      struct http_fetcher *fetcher, struct redis *redis)
{
    struct siphash_key key;
    struct auth_runtime *r = calloc(1, sizeof *r); /* breach: one per worker and snapshot */
    if (!r)
        return NULL;
    r->timers = timers;
    r->fetcher = fetcher;
    r->redis = redis;
    arena_init(&r->arena, 1024, RUNTIME_MEMORY);
    r->states = arena_array(&r->arena, plan->nproviders, sizeof *r->states);
    bool ok = r->states && getrandom(&key, sizeof key, 0) == sizeof key;
    for (; ok && r->n < plan->nproviders; r->n++)
        ok = open_state(r, &plan->providers[r->n], &key);
    if (ok)
        return r;
    auth_runtime_free(r);
    return NULL;
}

void auth_runtime_free(struct auth_runtime *r)
{
    if (!r)
        return;
    for (uint32_t i = 0; i < r->n; i++) {
        auth_introspect_close(r, &r->states[i]);
        auth_redis_close(r, &r->states[i]);
        auth_view_release(&r->states[i].view);
        auth_cache_free(r->states[i].cache);
    }
    arena_release(&r->arena);
    free(r); /* breach: see auth_runtime_new */
}

void auth_waiter_stop(struct auth_runtime *r, struct auth_waiter *w)
{
    timer_stop(r->timers, &w->timer);
    if (!w->link)
        return;
    *w->link = w->next;
    if (w->next)
        w->next->link = w->link;
    w->link = NULL;
}

void auth_waiter_join(struct auth_waiter **list, struct auth_waiter *w)
{
    w->failed = false;
    w->next = *list;
    w->link = list;
    if (w->next)
        w->next->link = &w->next;
    *list = w;
}

void auth_waiters_wake(struct auth_runtime *r, struct auth_waiter **list, bool failed)
{
    struct auth_waiter *w;
    while ((w = *list)) {
        auth_waiter_stop(r, w);
        w->failed = failed;
        if (!w->asking)
            w->resume(w);
    }
}

static enum auth_verdict bad(struct auth_query *q, const char *why)
{
    q->why = why;
    return AUTH_BAD;
}

/* ---- API keys ---- */

static void release_data(void *held)
{
    auth_data_release(held);
}

static enum auth_verdict judge_key(struct auth_query *q)
{
    const struct auth_data *d;
    const struct auth_key *key;

    if (q->state->provider->redis_keys.n)
        return auth_redis_judge(q);
    d = auth_view_data(&q->state->view);
    if (!d) {
        q->why = "the API keys could not be read";
        return AUTH_UNAVAILABLE;
    }
    switch (auth_keys_find(&d->keys, q->credential, q->now, &key)) {
    case AUTH_KEY_GOOD: break;
    case AUTH_KEY_REVOKED: return bad(q, "the API key is revoked");
    case AUTH_KEY_EXPIRED: return bad(q, "the API key has expired");
    default: return bad(q, "there is no such API key");
    }
    q->who = &key->principal;
    q->held = auth_data_hold((struct auth_data *)(uintptr_t)d);
    q->release = release_data;
    return AUTH_GOOD;
}

/* ---- JSON Web Tokens ---- */

static void release_entry(void *held)
{
    auth_entry_release(held);
}

enum auth_verdict auth_known(struct auth_query *q, struct auth_entry *e)
{
    q->who = &e->principal;
    q->held = auth_entry_hold(e);
    q->release = release_entry;
    return AUTH_GOOD;
}

static void on_poll(struct timer *t)
{
    struct auth_waiter *w = (struct auth_waiter *)((char *)t - offsetof(struct auth_waiter, timer));
    w->resume(w);
}

/* Whether the keeper is still at it: has not tried since the waiting began, or has come to a result
 * that this judgement has not seen. (`attempts` is counted after `version`, hence read before.) */
static bool keeper_is_at_it(const struct auth_query *q)
{
    struct auth_source *s = q->state->provider->source;
    bool tried = atomic_load_explicit(&s->attempts, memory_order_acquire) != q->waiter->attempts;
    return !tried ||
           atomic_load_explicit(&s->version, memory_order_acquire) != q->state->view.version;
}

static enum auth_verdict wait_a_little(struct auth_query *q)
{
    timer_start(q->runtime->timers, &q->waiter->timer, AUTH_KID_POLL_MS, on_poll);
    return AUTH_WAIT;
}

/* The keeper fetches anew, at most once a minute; as long as it is at it a call may wait. */
static enum auth_verdict wait_for_key(struct auth_query *q)
{
    static const char why[] = "no key of the set has the token's kid";
    struct auth_source *s = q->state->provider->source;
    struct auth_waiter *w = q->waiter;
    unsigned wanted = AUTH_FETCH_IDLE;

    if (s->fetch.file.n) /* is looked at anyway */
        return bad(q, why);
    if (!w->until) {
        w->until = clock_now() + (uint64_t)AUTH_KID_WAIT_MS * 1000000;
        w->attempts = atomic_load_explicit(&s->attempts, memory_order_acquire);
        /* Never over LATER, which another thread may set at this moment. */
        if (!atomic_compare_exchange_strong(&s->wanted, &wanted, AUTH_FETCH_NOW) &&
            wanted == AUTH_FETCH_LATER)
            return bad(q, why);
    }
    if (!keeper_is_at_it(q) || clock_now() >= w->until)
        return bad(q, why);
    return wait_a_little(q);
}

/* A call that waits for the keeper, and neither that nor its time has come: nothing is judged
 * again, which would cost the exchange's memory each time. */
static bool goes_on_waiting(const struct auth_query *q)
{
    const struct auth_waiter *w = q->waiter;
    const struct auth_source *s = q->state->provider->source;
    return w->until && clock_now() < w->until &&
           atomic_load_explicit(&s->attempts, memory_order_acquire) == w->attempts;
}

/* What a verified token says. Claims and principal are made in the entry's arena, where they may
 * stay. */
static enum auth_verdict judge_claims(struct auth_query *q, const struct jose_token *t)
{
    const struct auth_jwt_rules *rules = &q->state->provider->rules;
    struct auth_entry *e = auth_entry_new(q->credential);
    struct expr_value claims;
    const char *why = NULL;

    if (!e) {
        q->why = "out of memory";
        return AUTH_UNAVAILABLE;
    }
    if (!jose_claims(t, &e->arena, &claims))
        why = "the token's claims are no JSON object in base64url";
    else if (!(why = auth_jwt_wrong(rules, &claims, q->now)) &&
             !auth_jwt_principal(rules, &claims, &e->arena, &e->principal))
        why = "out of memory";
    if (why) {
        auth_entry_release(e);
        return bad(q, why);
    }
    e->good = true;
    e->version = q->state->view.version;
    e->expires = auth_jwt_expires(rules, &claims);
    enum auth_verdict v = auth_known(q, e);
    auth_cache_put(q->state->cache, e);
    return v;
}

static enum auth_verdict judge_token(struct auth_query *q)
{
    const struct auth_provider *p = q->state->provider;
    const struct auth_data *d;
    struct jose_token t;

    if (goes_on_waiting(q))
        return wait_a_little(q);
    d = auth_view_data(&q->state->view);
    if (!d) {
        q->why = "no key set was ever fetched";
        return AUTH_UNAVAILABLE;
    }
    struct auth_entry *e = auth_cache_find(q->state->cache, q->credential, q->now,
                                           q->state->view.version);
    if (e)
        return auth_known(q, e);
    if (!jose_token_read(q->credential, &q->x->arena, &t, &q->why))
        return AUTH_BAD;
    switch (jose_verify(&d->jwks, &t, p->rules.algs)) {
    case JOSE_VERIFIED: return judge_claims(q, &t);
    case JOSE_UNKNOWN_KEY: return t.kid.p ? wait_for_key(q) : bad(q, "no key is for the token");
    case JOSE_BAD_ALG: return bad(q, "the token's algorithm is not allowed");
    default: return bad(q, "the token's signature is wrong");
    }
}

/* ---- all kinds ---- */

/* A listener without TLS has no certificates: nobody can show one. */
static enum auth_verdict judge_certificate(struct auth_query *q)
{
    (void)q;
    return AUTH_NONE;
}

/* q->credential: the header that stands twice, if that is the fault. */
static enum auth_verdict ambiguous(struct auth_query *q)
{
    struct str why = q->credential;
    if (why.n)
        why = arena_printf(&q->x->arena, "the header %.*s is there twice, and may be there once",
                           STR_ARG(why));
    q->why = why.n ? why.p : "several different credentials were sent";
    return AUTH_MALFORMED;
}

enum auth_verdict auth_judge(struct auth_query *q)
{
    static enum auth_verdict (*const judges[AUTH_KINDS])(struct auth_query *) = {
        [AUTH_API_KEY] = judge_key,
        [AUTH_JWT] = judge_token,
        [AUTH_INTROSPECTION] = auth_introspect,
        [AUTH_CERTIFICATE] = judge_certificate,
    };
    const struct auth_provider *p = q->state->provider;

    switch (auth_credential_find(p, &q->x->request, &q->x->arena, &q->credential)) {
    case AUTH_NOTHING: return AUTH_NONE;
    case AUTH_AMBIGUOUS: return ambiguous(q);
    default: return judges[p->kind](q);
    }
}
