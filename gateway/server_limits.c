#include "gateway/server_limits.h"

static const struct {
    const char *outcome;
    enum limit_count count;
} limit_rows[LIMIT_COUNTS] = {
    {"allowed", LIMIT_COUNT_ALLOWED},           {"refused", LIMIT_COUNT_REFUSED},
    {"would_refuse", LIMIT_COUNT_WOULD_REFUSE}, {"cut", LIMIT_COUNT_CUT},
    {"store_away", LIMIT_COUNT_AWAY},
};

/* Where it is written is a part of the label: names are unique in one place only. */
static struct str limit_labels(struct arena *arena, const struct plan_limit *l, const char *outcome)
{
    struct str place = str_of(l->id.p, l->id.n - l->name.n - 1);
    return arena_printf(arena, "limit=\"%.*s\",place=\"%.*s\",outcome=\"%s\"", STR_ARG(l->name),
                        STR_ARG(place), outcome);
}

static uint32_t limit_gauges(struct server *s, const struct plan_limits *limits,
                             struct arena *arena, struct watch_gauge *out)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < limits->n; i++)
        for (uint32_t r = 0; r < LIMIT_COUNTS; r++)
            out[n++] = (struct watch_gauge){
                .name = "postern_limit_calls_total",
                .help = "What limits have said to calls",
                .type = "counter",
                .labels = limit_labels(arena, limits->all[i], limit_rows[r].outcome),
                .value = limit_table_counted(s->limits, limits->all[i]->number,
                                             limit_rows[r].count),
            };
    return n;
}

enum { TABLE_GAUGES = 3, REDIS_GAUGES = 6 };

static struct watch_gauge plain(const char *name, const char *help, const char *type,
                                uint64_t value)
{
    return (struct watch_gauge){
        .name = name, .help = help, .type = type, .labels = STR(""), .value = value};
}

static uint32_t table_gauges(struct server *s, struct watch_gauge *out)
{
    struct limit_table_stats t = limit_table_stats(s->limits);
    out[0] = plain("postern_limit_keys", "Keys that are counted here", "gauge", t.keys);
    out[1] = plain("postern_limit_log_bytes", "Memory of sliding logs", "gauge", t.log_bytes);
    out[2] = plain("postern_limit_keys_forgotten_total", "Keys in use that made room for others",
                   "counter", t.forgotten);
    return TABLE_GAUGES;
}

static uint32_t redis_gauges(struct server *s, struct watch_gauge *out)
{
    struct redis_stats sum = {0};
    uint64_t up = 0;
    for (uint32_t i = 0; i < s->nworkers; i++) {
        struct redis_stats r;
        if (!worker_redis(s->workers[i], &r))
            return 0;
        up += r.up;
        sum.calls += r.calls;
        sum.failed += r.failed;
        sum.silent += r.silent;
        sum.lost += r.lost + r.refused;
        sum.connects += r.connects;
    }
    struct watch_gauge told[REDIS_GAUGES] = {
        plain("postern_redis_workers_up", "Workers that reach Redis", "gauge", up),
        plain("postern_redis_calls_total", "Scripts asked of Redis", "counter", sum.calls),
        plain("postern_redis_errors_total", "Answers that were errors", "counter", sum.failed),
        plain("postern_redis_timeouts_total", "Calls without an answer in time", "counter",
              sum.silent),
        plain("postern_redis_away_total", "Calls while Redis was away", "counter", sum.lost),
        plain("postern_redis_connects_total", "Connections made", "counter", sum.connects),
    };
    memcpy(out, told, sizeof told);
    return REDIS_GAUGES;
}

size_t server_limit_gauges_most(const struct plan *plan)
{
    return (size_t)plan->limits.n * LIMIT_COUNTS + TABLE_GAUGES + REDIS_GAUGES;
}

uint32_t server_limit_gauges(struct server *s, const struct plan *plan, struct arena *arena,
                             struct watch_gauge *out)
{
    uint32_t n = 0;
    if (plan->limits.n) {
        n = limit_gauges(s, &plan->limits, arena, out);
        n += table_gauges(s, out + n);
    }
    return n + redis_gauges(s, out + n);
}

bool server_redis_up(struct server *s)
{
    for (uint32_t i = 0; i < s->nworkers; i++) {
        struct redis_stats stats;
        if (worker_redis(s->workers[i], &stats) && stats.up)
            return true;
    }
    return false;
}
