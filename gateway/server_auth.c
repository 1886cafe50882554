#include "gateway/server_auth.h"

#include "gateway/core/clock.h"
#include "gateway/policy/auth_source.h"
#include "gateway/server_limits.h"

enum { UNANSWERED_MS = 10000 };

/* ---- whether a provider can judge ---- */

/* An authorization server, and what Redis says of keys, is only known by its answers to calls,
 * which may come no more once this is told: so a failure is told for a while only. */
static bool is_unanswered(struct server *s, uint32_t provider)
{
    uint64_t answered = 0, failed = 0;
    for (uint32_t i = 0; i < s->nworkers; i++) {
        struct auth_asked a;
        if (!worker_asked(s->workers[i], provider, &a))
            continue;
        answered = a.answered_at > answered ? a.answered_at : answered;
        failed = a.failed_at > failed ? a.failed_at : failed;
    }
    return failed > answered && clock_now() < failed + (uint64_t)UNANSWERED_MS * 1000000;
}

const char *server_auth_wrong(struct server *s, const struct auth_provider *p)
{
    struct auth_source_view view = {.ready = true};
    if (p->kind == AUTH_INTROSPECTION && is_unanswered(s, p->index))
        return "auth %.*s: the authorization server gives no answer";
    if (p->redis_keys.n && !server_redis_up(s))
        return "auth %.*s: Redis, where its keys stand, is away";
    if (p->redis_keys.n && is_unanswered(s, p->index))
        return "auth %.*s: Redis gives no keys: what stands under their name is something else, or "
               "may not be read";
    if (p->source)
        auth_source_look(p->source, &view);
    return view.ready ? NULL : "auth %.*s: there are no keys";
}

bool server_auth_stale(const struct auth_provider *p, char why[AUTH_WHY_MAX])
{
    struct auth_source_view view = {.ready = false};
    if (p->source)
        auth_source_look(p->source, &view);
    memcpy(why, view.why, AUTH_WHY_MAX);
    return view.ready && view.failing;
}

/* ---- what providers have ---- */

static const struct {
    const char *name, *help, *type;
} source_rows[] = {
    {"postern_auth_provider_keys", "Keys known", "gauge"},
    {"postern_auth_provider_keys_faulty", "Keys of a fetched set that are passed over", "gauge"},
    {"postern_auth_provider_refreshes_total", "Attempts to renew the keys", "counter"},
    {"postern_auth_provider_refresh_failures_total", "Attempts that failed", "counter"},
};
enum { SOURCE_ROWS = sizeof source_rows / sizeof *source_rows };

static struct str label(struct arena *arena, const struct auth_provider *p)
{
    return arena_printf(arena, "provider=\"%.*s\"", STR_ARG(p->name));
}

static uint64_t source_value(const struct auth_source_view *v, uint32_t row)
{
    const uint64_t values[SOURCE_ROWS] = {v->entries, v->faulty, v->attempts, v->failures};
    return values[row];
}

static uint32_t ready_gauges(struct server *s, const struct plan *plan, struct arena *arena,
                             struct watch_gauge *out)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < plan->nproviders; i++) {
        const struct auth_provider *p = &plan->providers[i];
        if (p->source || p->redis_keys.n || p->kind == AUTH_INTROSPECTION)
            out[n++] = (struct watch_gauge){
                .name = "postern_auth_provider_ready",
                .help = "Whether credentials can be judged",
                .type = "gauge",
                .labels = label(arena, p),
                .value = server_auth_wrong(s, p) == NULL,
            };
    }
    return n;
}

static uint32_t source_gauges(const struct plan *plan, struct arena *arena, struct watch_gauge *out)
{
    uint32_t n = 0;
    for (uint32_t r = 0; r < SOURCE_ROWS; r++)
        for (uint32_t i = 0; i < plan->nproviders; i++) {
            const struct auth_provider *p = &plan->providers[i];
            struct auth_source_view view;
            if (!p->source)
                continue;
            auth_source_look(p->source, &view);
            out[n++] = (struct watch_gauge){
                .name = source_rows[r].name,
                .help = source_rows[r].help,
                .type = source_rows[r].type,
                .labels = label(arena, p),
                .value = source_value(&view, r),
            };
        }
    return n;
}

/* ---- what they have asked others ---- */

static const struct {
    const char *name, *help, *type;
    bool nanoseconds;
} asked_rows[] = {
    {"postern_auth_questions_total", "Questions sent about credentials", "counter", false},
    {"postern_auth_question_failures_total", "Questions without an answer that could be understood",
     "counter", false},
    {"postern_auth_questions_refused_total", "Questions not asked: too many were under way",
     "counter", false},
    {"postern_auth_question_seconds_total", "Time that answers and failures took", "counter", true},
    {"postern_auth_questions_under_way", "Questions without an answer yet", "gauge", false},
};
enum { ASKED_ROWS = sizeof asked_rows / sizeof *asked_rows };

static uint64_t asked_value(const struct auth_asked *a, uint32_t row)
{
    const uint64_t values[ASKED_ROWS] = {a->questions, a->failures, a->refused, a->answered_ns,
                                         a->under_way};
    return values[row];
}

static uint64_t asked_sum(struct server *s, uint32_t provider, uint32_t row)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < s->nworkers; i++) {
        struct auth_asked a;
        if (worker_asked(s->workers[i], provider, &a))
            sum += asked_value(&a, row);
    }
    return sum;
}

static uint32_t asked_gauges(struct server *s, const struct plan *plan, struct arena *arena,
                             struct watch_gauge *out)
{
    uint32_t n = 0;
    for (uint32_t r = 0; r < ASKED_ROWS; r++)
        for (uint32_t i = 0; i < plan->nproviders; i++) {
            const struct auth_provider *p = &plan->providers[i];
            if (!p->redis_keys.n && p->kind != AUTH_INTROSPECTION)
                continue;
            out[n++] = (struct watch_gauge){
                .name = asked_rows[r].name,
                .help = asked_rows[r].help,
                .type = asked_rows[r].type,
                .labels = label(arena, p),
                .value = asked_sum(s, i, r),
                .nanoseconds = asked_rows[r].nanoseconds,
            };
        }
    return n;
}

size_t server_auth_gauges_most(const struct plan *plan)
{
    return (size_t)plan->nproviders * (1 + SOURCE_ROWS + ASKED_ROWS);
}

uint32_t server_auth_gauges(struct server *s, const struct plan *plan, struct arena *arena,
                            struct watch_gauge *out)
{
    uint32_t n = ready_gauges(s, plan, arena, out);
    n += source_gauges(plan, arena, out + n);
    return n + asked_gauges(s, plan, arena, out + n);
}
