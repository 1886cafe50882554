#include "gateway/auth_keeper.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "gateway/core/clock.h"
#include "gateway/core/json_value.h"
#include "gateway/core/log.h"
#include "gateway/load_auth.h"
#include "gateway/policy/auth_source.h"
#include "gateway/upstream/http_fetch.h"

enum { FAULT_MEMORY = 64 << 10, RETRY_MAX_MS = 60 * 1000, DISCOVERED_MAX = 2048 };

/* One source and how it is kept. Times are clock_now() in ns. */
struct kept {
    struct kept *next;
    struct auth_keeper *keeper;
    struct auth_source *source;
    bool named; /* by the newest snapshot */

    /* A file. */
    struct stat seen; /* as it was read last; zeroed: is to be read */
    bool gone;
    uint64_t look_at;

    /* A URL. */
    struct http_fetch *fetch;
    unsigned char set_hash[AUTH_HASH]; /* of the set that is known */
    char jwks_url[DISCOVERED_MAX];     /* told by the issuer; empty: not yet */
    bool for_kid;                      /* the fetch was asked for by a worker */
    uint64_t fetch_at, good_until, wanted_again_at;
    uint32_t retry_ms;
};

struct auth_keeper {
    uv_timer_t tick; /* first */
    struct http_fetcher *fetcher;
    struct kept *all;
};

static uint64_t after_ms(uint64_t now, uint64_t ms)
{
    return now + ms * 1000000;
}

/* The first failure and the recovery are worth a line each, not every attempt. */
static void failed(struct kept *k, const char *why)
{
    struct auth_source_view before;
    auth_source_look(k->source, &before);
    if (!before.failing)
        log_warn("auth %.*s: %s", STR_ARG(k->source->name), why);
    auth_source_failed(k->source, why);
}

/* NULL: nothing has changed. */
static void publish(struct kept *k, struct auth_data *d)
{
    struct auth_source_view before;
    auth_source_look(k->source, &before);
    if (d)
        auth_source_publish(k->source, d);
    else
        auth_source_confirm(k->source);
    if (before.failing)
        log_info("auth %.*s: keys are up to date again", STR_ARG(k->source->name));
}

/* ---- files ---- */

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
           a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* Times of files move in steps: what was written a moment ago may be written again without any
 * change of them. */
static bool is_settled(const struct stat *st)
{
    uint64_t changed_us = (uint64_t)st->st_ctim.tv_sec * 1000000 +
                          (uint64_t)st->st_ctim.tv_nsec / 1000;
    return clock_wall_us() > changed_us + AUTH_SETTLED_MS * 1000;
}

static void read_again(struct kept *k)
{
    struct arena arena;
    struct tc_faults faults;
    arena_init(&arena, 1024, FAULT_MEMORY);
    tc_faults_init(&faults, &arena);
    struct auth_data *d = load_auth_file(k->source, &faults);
    char why[AUTH_WHY_MAX] = "out of memory";
    if (faults.first)
        snprintf(why, sizeof why, "%.*s: %.*s; the keys read before stay",
                 STR_ARG(faults.first->place), STR_ARG(faults.first->text));
    if (d)
        publish(k, d);
    else
        failed(k, why);
    arena_release(&arena);
}

static void look_at_file(struct kept *k, uint64_t now)
{
    struct stat st;
    if (now < k->look_at)
        return;
    k->look_at = after_ms(now, AUTH_FILE_MS);
    if (stat(k->source->fetch.file.p, &st) != 0) {
        if (!k->gone)
            failed(k, "the file is gone; the keys read before stay");
        k->gone = true;
        k->seen = (struct stat){0};
        return;
    }
    k->gone = false;
    if (same_file(&st, &k->seen))
        return;
    k->seen = is_settled(&st) ? st : (struct stat){0};
    read_again(k);
}

/* ---- URLs ---- */

static bool fetch(struct kept *k, struct str url, http_fetch_done *done)
{
    static const struct header accept = {STR_INIT("accept"), STR_INIT("application/json")};
    struct http_fetch_options o = {
        .url = url,
        .headers = &accept,
        .nheaders = 1,
        .ca_file = k->source->fetch.ca_file,
        .timeout_ms = AUTH_FETCH_TIMEOUT_MS,
        .max_body = AUTH_FETCH_MAX,
    };
    k->fetch = http_fetch_start(k->keeper->fetcher, &o, done, k);
    return k->fetch != NULL;
}

/* A flood of unknown kids causes one fetch a minute, and in between costs nobody any waiting. */
static void answer_workers(struct kept *k)
{
    unsigned next = k->for_kid ? AUTH_FETCH_LATER : AUTH_FETCH_IDLE;
    unsigned now = atomic_load_explicit(&k->source->wanted, memory_order_acquire);
    if (k->for_kid)
        k->wanted_again_at = after_ms(clock_now(), AUTH_WANTED_MS);
    if (k->for_kid || now == AUTH_FETCH_NOW)
        atomic_store_explicit(&k->source->wanted, next, memory_order_release);
    k->for_kid = false;
}

static void fetch_failed(struct kept *k, const char *format, const char *what)
{
    char why[AUTH_WHY_MAX];
    snprintf(why, sizeof why, format, what);
    k->retry_ms = k->retry_ms ? 2 * k->retry_ms : AUTH_RETRY_MS;
    k->retry_ms = k->retry_ms < RETRY_MAX_MS ? k->retry_ms : RETRY_MAX_MS;
    k->fetch_at = after_ms(clock_now(), k->retry_ms);
    k->jwks_url[0] = 0; /* the issuer may have moved it */
    failed(k, why);
    answer_workers(k);
}

/* NULL: an answer that can be read. */
static const char *answer_wrong(const struct http_fetch_result *r, char text[64])
{
    if (r->error)
        return r->error;
    if (r->status == 200)
        return NULL;
    snprintf(text, 64, "HTTP status %u", r->status);
    return text;
}

/* d == NULL: the set that is known. */
static void fetched(struct kept *k, struct auth_data *d, uint32_t max_age_s)
{
    const struct auth_fetch *f = &k->source->fetch;
    uint64_t now = clock_now(), refresh = f->refresh_ms;
    if (max_age_s != UINT32_MAX && (uint64_t)max_age_s * 1000 < refresh)
        refresh = (uint64_t)max_age_s * 1000;
    k->retry_ms = 0;
    k->fetch_at = after_ms(now, refresh > AUTH_RETRY_MS ? refresh : AUTH_RETRY_MS);
    k->good_until = after_ms(now, f->keep_ms);
    publish(k, d);
    answer_workers(k);
}

/* Tokens that were verified stay so as long as the set does. */
static bool is_known(const struct kept *k, const unsigned char hash[AUTH_HASH])
{
    struct auth_source_view view;
    auth_source_look(k->source, &view);
    return view.ready && memcmp(hash, k->set_hash, AUTH_HASH) == 0;
}

static struct auth_data *parse_set(const struct kept *k, struct str body, struct tc_error *error)
{
    struct auth_data *d = auth_data_new(k->source->kind);
    if (d && jose_keys_parse(body, &d->jwks, error)) {
        if (d->jwks.faulty)
            log_warn("auth %.*s: %u of the fetched keys cannot be used: %s",
                     STR_ARG(k->source->name), d->jwks.faulty, error->text);
        return d;
    }
    auth_data_release(d);
    return NULL;
}

static void on_jwks(void *ctx, const struct http_fetch_result *r)
{
    struct kept *k = ctx;
    char text[64];
    const char *why = answer_wrong(r, text);
    unsigned char hash[AUTH_HASH];
    struct tc_error error = {0};

    k->fetch = NULL;
    if (!why && auth_key_hash(r->body, hash) && is_known(k, hash)) {
        fetched(k, NULL, r->max_age_s);
        return;
    }
    struct auth_data *d = why ? NULL : parse_set(k, r->body, &error);
    if (!d) {
        fetch_failed(k, "the key set cannot be fetched: %s", why ? why : error.text);
        return;
    }
    memcpy(k->set_hash, hash, sizeof hash);
    fetched(k, d, r->max_age_s);
}

static bool fetch_jwks(struct kept *k)
{
    struct str url = k->source->fetch.url.n ? k->source->fetch.url : str_c(k->jwks_url);
    return fetch(k, url, on_jwks);
}

/* OpenID Connect Discovery 1.0 4.3: the issuer must name itself; keys of an https issuer come by
 * https. */
static const char *discover(struct kept *k, struct str body)
{
    struct str issuer = k->source->fetch.discovery;
    struct expr_value v;
    struct tc_error error = {0};
    struct arena arena;
    const char *why = NULL;

    arena_init(&arena, 4096, AUTH_FETCH_MAX * 8);
    bool read = json_value_parse(body, &arena, &v, &error);
    struct str url = read ? json_text(&v, "jwks_uri") : STR_NONE;
    if (!read)
        why = "it is no JSON";
    else if (!str_eq(json_text(&v, "issuer"), issuer))
        why = "it names another issuer";
    else if (url.n == 0 || url.n >= sizeof k->jwks_url ||
             (!str_starts(url, STR("https://")) &&
              !(str_starts(url, STR("http://")) && str_starts(issuer, STR("http://")))))
        why = "its jwks_uri is missing or not of https";
    else
        snprintf(k->jwks_url, sizeof k->jwks_url, "%.*s", STR_ARG(url));
    arena_release(&arena);
    return why;
}

static void on_discovered(void *ctx, const struct http_fetch_result *r)
{
    struct kept *k = ctx;
    char text[64];
    const char *why = answer_wrong(r, text);

    k->fetch = NULL;
    if (!why)
        why = discover(k, r->body);
    if (why)
        fetch_failed(k, "the issuer's configuration cannot be used: %s", why);
    else if (!fetch_jwks(k))
        fetch_failed(k, "%s", "out of memory");
}

static bool start_fetch(struct kept *k)
{
    char url[DISCOVERED_MAX];
    struct str issuer = k->source->fetch.discovery;
    if (k->source->fetch.url.n || k->jwks_url[0])
        return fetch_jwks(k);
    while (issuer.n && issuer.p[issuer.n - 1] == '/')
        issuer.n--;
    int n = snprintf(url, sizeof url, "%.*s/.well-known/openid-configuration", STR_ARG(issuer));
    return n > 0 && (size_t)n < sizeof url && fetch(k, str_c(url), on_discovered);
}

static void look_at_url(struct kept *k, uint64_t now)
{
    unsigned wanted = atomic_load_explicit(&k->source->wanted, memory_order_acquire);
    if (wanted == AUTH_FETCH_LATER && now >= k->wanted_again_at)
        atomic_store_explicit(&k->source->wanted, AUTH_FETCH_IDLE, memory_order_release);
    if (k->good_until && now >= k->good_until) {
        k->good_until = 0;
        log_error("auth %.*s: the keys are too old to be trusted", STR_ARG(k->source->name));
        auth_source_publish(k->source, NULL);
    }
    if (k->fetch || (now < k->fetch_at && wanted != AUTH_FETCH_NOW))
        return;
    k->for_kid = now < k->fetch_at;
    if (!start_fetch(k))
        fetch_failed(k, "%s", "out of memory");
}

/* ---- all ---- */

static void on_tick(uv_timer_t *timer)
{
    struct auth_keeper *keeper = (struct auth_keeper *)timer;
    uint64_t now = clock_now();
    for (struct kept *k = keeper->all; k; k = k->next) {
        if (k->source->fetch.file.n)
            look_at_file(k, now);
        else
            look_at_url(k, now);
    }
}

static void let_go(struct kept *k)
{
    if (k->fetch)
        http_fetch_cancel(k->fetch);
    auth_source_release(k->source);
    free(k);
}

static void sweep(struct auth_keeper *keeper)
{
    struct kept **at = &keeper->all;
    while (*at) {
        struct kept *k = *at;
        if (k->named) {
            at = &k->next;
            continue;
        }
        *at = k->next;
        let_go(k);
    }
}

static struct kept *find(struct auth_keeper *keeper, const struct auth_provider *p)
{
    struct kept *k = keeper->all;
    while (k && !auth_source_fits(k->source, p))
        k = k->next;
    return k;
}

static bool add(struct auth_keeper *keeper, const struct auth_provider *p)
{
    struct kept *k = calloc(1, sizeof *k);
    if (!k)
        return false;
    k->keeper = keeper;
    k->source = auth_source_hold(p->source);
    k->named = true;
    k->next = keeper->all;
    keeper->all = k;
    return true;
}

/* What the new snapshot has read of the file may be older than what is known here by now: the file
 * is read once more. */
static void hand_on(struct kept *k, struct auth_provider *p)
{
    struct auth_source *fresh = p->source;
    k->named = true;
    k->seen = (struct stat){0};
    k->look_at = 0;
    p->source = auth_source_hold(k->source);
    auth_source_release(fresh);
}

bool auth_keeper_take(struct auth_keeper *keeper, const struct plan *plan)
{
    bool ok = true;
    for (struct kept *k = keeper->all; k; k = k->next)
        k->named = false;
    for (uint32_t i = 0; i < plan->nproviders && ok; i++) {
        struct auth_provider *p = &plan->providers[i];
        struct kept *k = p->source ? find(keeper, p) : NULL;
        if (k)
            hand_on(k, p);
        else if (p->source)
            ok = add(keeper, p);
    }
    sweep(keeper);
    if (keeper->all)
        uv_timer_start(&keeper->tick, on_tick, 0, AUTH_TICK_MS);
    else
        uv_timer_stop(&keeper->tick);
    return ok;
}

struct auth_keeper *auth_keeper_new(uv_loop_t *loop)
{
    struct auth_keeper *k = calloc(1, sizeof *k);
    if (!k)
        return NULL;
    k->fetcher = http_fetcher_open(loop);
    if (k->fetcher && uv_timer_init(loop, &k->tick) == 0)
        return k;
    if (k->fetcher)
        http_fetcher_close(k->fetcher);
    free(k);
    return NULL;
}

static void on_closed(uv_handle_t *h)
{
    free(h);
}

void auth_keeper_close(struct auth_keeper *keeper)
{
    if (!keeper)
        return;
    while (keeper->all) {
        struct kept *k = keeper->all;
        keeper->all = k->next;
        let_go(k);
    }
    http_fetcher_close(keeper->fetcher);
    uv_close((uv_handle_t *)&keeper->tick, on_closed);
}
