#include "gateway/watch/watch_internal.h"

/* What is being printed: the sums over all workers, row by row. */
struct page {
    struct buf *out;
    struct watch *const *workers;
    uint32_t nworkers;
    const struct plan *plan;
};

static bool put_head(struct buf *out, const char *name, const char *help, const char *type)
{
    return buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* Text format 0.0.4: a label value escapes the backslash, the quote and the line feed. */
static bool put_label(struct buf *out, const char *name, struct str value)
{
    bool ok = buf_printf(out, "%s=\"", name);
    for (size_t i = 0; i < value.n && ok; i++) {
        char c = value.p[i];
        if (c == '\n')
            ok = buf_add(out, STR("\\n"));
        else
            ok = (c != '"' && c != '\\' ? true : buf_add_char(out, '\\')) && buf_add_char(out, c);
    }
    return ok && buf_add_char(out, '"');
}

static bool put_value(struct buf *out, uint64_t v)
{
    return buf_printf(out, " %llu\n", (unsigned long long)v);
}

/* 1234567890 is 1.234567890 */
static bool put_seconds(struct buf *out, uint64_t ns)
{
    return buf_printf(out, " %llu.%09llu\n", (unsigned long long)(ns / 1000000000),
                      (unsigned long long)(ns % 1000000000));
}

/* Row i of a worker; its last row for the requests without a route. Workers may be a snapshot
 * apart. */
static const struct watch_row *row_of(const struct page *p, uint32_t worker, uint32_t i)
{
    const struct watch *w = p->workers[worker];
    if (i == p->plan->npolicies)
        return &w->rows[w->nmethods];
    return i < w->nmethods ? &w->rows[i] : NULL;
}

static struct str method_name(const struct page *p, uint32_t i)
{
    return i < p->plan->npolicies ? p->plan->policies[i].method->full_name : STR_NONE;
}

/* ---- requests by outcome ---- */

struct outcome {
    unsigned key;
    uint64_t count;
};

static uint32_t gather_outcomes(const struct page *p, uint32_t i, struct outcome *all, uint32_t max)
{
    uint32_t n = 0;
    for (uint32_t k = 0; k < p->nworkers; k++) {
        const struct watch_row *row = row_of(p, k, i);
        for (int o = 0; row && o < WATCH_OUTCOMES; o++) {
            unsigned key = atomic_load_explicit((atomic_uint *)&row->outcomes[o].key,
                                                memory_order_relaxed);
            uint32_t at = 0;
            while (at < n && all[at].key != key)
                at++;
            if (key == 0 || at == max)
                continue;
            if (at == n)
                all[n++] = (struct outcome){key, 0};
            all[at].count += watch_get(&row->outcomes[o].count);
        }
    }
    return n;
}

static bool put_outcome(const struct page *p, uint32_t i, struct outcome o)
{
    unsigned status = o.key >> 8 & 0xffff;
    return buf_add(p->out, STR("postern_requests_total{")) &&
           put_label(p->out, "method", method_name(p, i)) &&
           buf_printf(p->out, ",status=\"%u\",code=\"%.*s\"}", status,
                      STR_ARG(tc_code_name((enum tc_code)(o.key & 0xff)))) &&
           put_value(p->out, o.count);
}

static bool put_requests(const struct page *p)
{
    enum { MOST = 4 * WATCH_OUTCOMES };
    bool ok = put_head(p->out, "postern_requests_total",
                       "Requests ended, by method, HTTP status and gRPC code.", "counter");
    for (uint32_t i = 0; i <= p->plan->npolicies && ok; i++) {
        struct outcome all[MOST];
        uint32_t n = gather_outcomes(p, i, all, MOST);
        for (uint32_t o = 0; o < n && ok; o++)
            ok = put_outcome(p, i, all[o]);
    }
    return ok;
}

/* ---- durations ---- */

static const struct {
    const char *name, *help;
    int first_bucket; /* those below would say nothing */
} times[WATCH_TIMES] = {
    [WATCH_TOTAL] = {"postern_request_duration_seconds",
                     "From the first byte of a request to the end of its answer.", 2},
    [WATCH_UPSTREAM] = {"postern_upstream_duration_seconds",
                        "From the start of the call to the model server to its end.", 2},
    [WATCH_OWN] = {"postern_own_duration_seconds",
                   "The gateway's own part: without waiting for the model server or the client.",
                   0},
};

static uint64_t gather_histogram(const struct page *p, uint32_t i, enum watch_time t,
                                 uint64_t count[WATCH_BUCKETS], uint64_t *sum_ns)
{
    uint64_t total = 0;
    *sum_ns = 0;
    for (int b = 0; b < WATCH_BUCKETS; b++) {
        for (uint32_t k = 0; k < p->nworkers; k++) {
            const struct watch_row *row = row_of(p, k, i);
            total += row ? watch_get(&row->times[t].count[b]) : 0;
        }
        count[b] = total;
    }
    for (uint32_t k = 0; k < p->nworkers; k++) {
        const struct watch_row *row = row_of(p, k, i);
        *sum_ns += row ? watch_get(&row->times[t].sum_ns) : 0;
    }
    return total;
}

static bool put_bucket(const struct page *p, const char *name, struct str method, const char *le,
                       uint64_t count)
{
    return buf_printf(p->out, "%s_bucket{", name) && put_label(p->out, "method", method) &&
           buf_printf(p->out, ",le=\"%s\"}", le) && put_value(p->out, count);
}

static bool put_histogram(const struct page *p, uint32_t i, enum watch_time t)
{
    uint64_t count[WATCH_BUCKETS], sum_ns;
    uint64_t total = gather_histogram(p, i, t, count, &sum_ns);
    struct str method = method_name(p, i);
    if (total == 0)
        return true;

    bool ok = true;
    for (int b = times[t].first_bucket; b < WATCH_BUCKETS && ok; b++)
        ok = put_bucket(p, times[t].name, method,
                        b < WATCH_BUCKETS - 1 ? watch_buckets[b].le : "+Inf", count[b]);
    return ok && buf_printf(p->out, "%s_sum{", times[t].name) &&
           put_label(p->out, "method", method) && buf_add_char(p->out, '}') &&
           put_seconds(p->out, sum_ns) && buf_printf(p->out, "%s_count{", times[t].name) &&
           put_label(p->out, "method", method) && buf_add_char(p->out, '}') &&
           put_value(p->out, total);
}

static bool put_times(const struct page *p, enum watch_time t)
{
    bool ok = put_head(p->out, times[t].name, times[t].help, "histogram");
    for (uint32_t i = 0; i <= p->plan->npolicies && ok; i++)
        ok = put_histogram(p, i, t);
    return ok;
}

/* ---- sums ---- */

static const struct {
    const char *name, *help;
} sums[WATCH_SUMS] = {
    [WATCH_BYTES_IN] = {"postern_request_body_bytes_total", "Bytes of bodies read from clients."},
    [WATCH_BYTES_OUT] = {"postern_response_body_bytes_total", "Bytes of bodies sent to clients."},
    [WATCH_MESSAGES_IN] = {"postern_messages_in_total", "gRPC messages sent to model servers."},
    [WATCH_MESSAGES_OUT] = {"postern_messages_out_total", "gRPC messages read from model servers."},
    [WATCH_RETRIES] = {"postern_retries_total", "Calls sent once more to a model server."},
    [WATCH_RULE_ERRORS] = {"postern_expression_errors_total",
                           "Expressions of policies that failed when they were evaluated."},
};

static bool put_sums(const struct page *p, enum watch_sum s)
{
    bool ok = put_head(p->out, sums[s].name, sums[s].help, "counter");
    for (uint32_t i = 0; i <= p->plan->npolicies && ok; i++) {
        uint64_t total = 0;
        for (uint32_t k = 0; k < p->nworkers; k++) {
            const struct watch_row *row = row_of(p, k, i);
            total += row ? watch_get(&row->sums[s]) : 0;
        }
        if (total)
            ok = buf_printf(p->out, "%s{", sums[s].name) &&
                 put_label(p->out, "method", method_name(p, i)) && buf_add_char(p->out, '}') &&
                 put_value(p->out, total);
    }
    return ok;
}

/* ---- refusals ---- */

static const char *const reasons[REFUSALS] = {
    [REFUSAL_NO_CREDENTIAL] = "no_credential", [REFUSAL_CREDENTIAL] = "invalid_credential",
    [REFUSAL_AMBIGUOUS] = "ambiguous",         [REFUSAL_SCOPE] = "missing_scope",
    [REFUSAL_UNAVAILABLE] = "unavailable",     [REFUSAL_CONDITION] = "condition",
};

static bool put_refusal(const struct page *p, uint32_t i, enum refusal why)
{
    uint64_t total = 0;
    for (uint32_t k = 0; k < p->nworkers; k++) {
        const struct watch_row *row = row_of(p, k, i);
        total += row ? watch_get(&row->refusals[why]) : 0;
    }
    return total == 0 ||
           (buf_add(p->out, STR("postern_auth_refusals_total{")) &&
            put_label(p->out, "method", method_name(p, i)) &&
            buf_printf(p->out, ",reason=\"%s\"}", reasons[why]) && put_value(p->out, total));
}

static bool put_refusals(const struct page *p)
{
    bool ok = put_head(p->out, "postern_auth_refusals_total",
                       "Calls refused for who made them, by method and reason.", "counter");
    for (uint32_t i = 0; i < p->plan->npolicies; i++)
        for (int why = REFUSAL_NONE + 1; why < REFUSALS && ok; why++)
            ok = put_refusal(p, i, (enum refusal)why);
    return ok;
}

/* ---- callers ---- */

static bool put_caller(const struct page *p, const struct watch_caller *c, int family)
{
    uint64_t total = 0;
    for (uint32_t k = 0; k < p->nworkers; k++) {
        const struct watch_caller *same = watch_callers_find(p->workers[k], c);
        total += same ? watch_get(&same->requests[family]) : 0;
    }
    return total == 0 ||
           (buf_add(p->out, STR("postern_caller_requests_total{")) &&
            put_label(p->out, "provider", c->provider) && buf_add_char(p->out, ',') &&
            put_label(p->out, "caller", c->id) &&
            buf_printf(p->out, ",status=\"%dxx\"}", family + 1) && put_value(p->out, total));
}

/* Whether a worker before this one has it too: then it has been told. */
static bool is_told(const struct page *p, uint32_t worker, const struct watch_caller *c)
{
    bool told = false;
    for (uint32_t k = 0; k < worker && !told; k++)
        told = watch_callers_find(p->workers[k], c) != NULL;
    return told;
}

static bool put_callers_of(const struct page *p, uint32_t worker)
{
    struct watch_callers *all = &p->workers[worker]->callers;
    unsigned n = atomic_load_explicit(&all->n, memory_order_acquire);
    bool ok = true;
    for (unsigned i = 0; i < n && ok; i++)
        for (int family = 0; family < WATCH_CLASSES && ok && !is_told(p, worker, &all->all[i]);
             family++)
            ok = put_caller(p, &all->all[i], family);
    return ok;
}

static bool put_callers(const struct page *p)
{
    static const struct watch_caller others = {.id = {"", 0}, .provider = {"", 0}};
    bool ok = put_head(p->out, "postern_caller_requests_total",
                       "Requests of callers that are told apart, and of the others.", "counter");
    for (uint32_t k = 0; k < p->nworkers && ok; k++)
        ok = put_callers_of(p, k);
    for (int family = 0; family < WATCH_CLASSES && ok; family++)
        ok = put_caller(p, &others, family);
    return ok;
}

/* ---- values of the workers ---- */

static bool put_workers(const struct page *p)
{
    uint64_t exchanges = 0, connections = 0, lost = 0;
    for (uint32_t k = 0; k < p->nworkers; k++) {
        exchanges += watch_get(&p->workers[k]->exchanges);
        connections += watch_get(&p->workers[k]->connections);
        lost += watch_get(&p->workers[k]->lost);
    }
    return put_head(p->out, "postern_active_requests", "Requests begun and not yet ended.",
                    "gauge") &&
           buf_add(p->out, STR("postern_active_requests")) && put_value(p->out, exchanges) &&
           put_head(p->out, "postern_connections", "Connections of clients.", "gauge") &&
           buf_add(p->out, STR("postern_connections")) && put_value(p->out, connections) &&
           put_head(p->out, "postern_access_log_lost_total",
                    "Lines that the access log could not take.", "counter") &&
           buf_add(p->out, STR("postern_access_log_lost_total")) && put_value(p->out, lost);
}

static bool put_gauges(struct buf *out, const struct watch_gauge *gauges, uint32_t n)
{
    bool ok = true;
    for (uint32_t i = 0; i < n && ok; i++) {
        const struct watch_gauge *g = &gauges[i];
        if (i == 0 || !str_eq(str_c(g->name), str_c(gauges[i - 1].name)))
            ok = put_head(out, g->name, g->help, g->type);
        ok = ok && buf_add(out, str_c(g->name)) &&
             (g->labels.n == 0 ||
              (buf_add_char(out, '{') && buf_add(out, g->labels) && buf_add_char(out, '}'))) &&
             (g->nanoseconds ? put_seconds(out, g->value) : put_value(out, g->value));
    }
    return ok;
}

bool watch_metrics(struct buf *out, struct watch *const *workers, uint32_t n,
                   const struct plan *plan, const struct watch_gauge *gauges, uint32_t ngauges)
{
    struct page p = {out, workers, n, plan};
    bool ok = put_requests(&p);
    for (int t = 0; t < WATCH_TIMES && ok; t++)
        ok = put_times(&p, (enum watch_time)t);
    for (int s = 0; s < WATCH_SUMS && ok; s++)
        ok = put_sums(&p, (enum watch_sum)s);
    return ok && put_refusals(&p) && put_callers(&p) && put_workers(&p) &&
           put_gauges(out, gauges, ngauges);
}
